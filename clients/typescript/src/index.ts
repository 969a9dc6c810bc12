/** What does a program on Node need to call Weir? This, and the contract's types in ./v1. */
export type { CallOptions, Priority } from "./call.js";
export { Client, HealthStatus } from "./client.js";
export type {
  ChatInput,
  ClientOptions,
  CompleteInput,
  CountInput,
  EmbedInputs,
  StreamCallOptions,
} from "./client.js";
export type { TlsFiles } from "./connection.js";
export * from "./errors.js";
export { ChatFold, CompleteFold, Fold, foldChat, foldComplete } from "./fold.js";
export { MessageStream } from "./link.js";
export type { Stub } from "./link.js";
export { assistant, system, toolFailure, toolResult, user } from "./messages.js";
export type { Content } from "./messages.js";
export { Stream } from "./stream.js";
export type { Frame } from "./stream.js";
export { VERSION } from "./version.js";
