/**
 * How does a TypeScript program call Weir? With a Client; the contract's own messages and services are
 * in `weir-client/v1` and `weir-client/admin/v1`.
 *
 *     await using client = new Client("localhost:50051");
 *     for await (const text of client.streamChat("Hello").text) process.stdout.write(text);
 *
 * @packageDocumentation
 */

export type { CallOptions } from "./calls.js";
export {
  type ChatOptions,
  Client,
  type ClientOptions,
  type CompleteOptions,
  type EmbedOptions,
  type HealthStatus,
  type ModelChoice,
  type Streamed,
} from "./client.js";
export type { TlsFiles } from "./connection.js";
export { AnswerStream } from "./stream.js";
export { MessageStream, type Stub, type StubMethod } from "./stub.js";
export * from "./web.js";
