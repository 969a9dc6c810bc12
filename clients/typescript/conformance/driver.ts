/** What does the TypeScript client show? Reads lines of JSON, makes each call with its own client. */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { InterceptingCall } from "@grpc/grpc-js";
import type { Interceptor } from "@grpc/grpc-js";
import { Client, MessageStream, VERSION } from "../src/index.js";
import type { CallOptions, Stream } from "../src/index.js";
import {
  ChatResponseSchema,
  CompleteResponseSchema,
  LLMProviderService,
} from "../src/v1.js";
import type { StreamChatRequest, StreamCompleteRequest } from "../src/v1.js";
import { callOptions, clientOptions, failure, methodOf, requestOf, written } from "./lines.js";
import type { Described, Line } from "./lines.js";

/** Says that a stream was left in the middle, as the line asked. */
const LEFT = Symbol("left");

/** What was seen of one call. */
class Record {
  readonly line: Line;
  readonly schema: DescMessage;
  readonly messages: Message[] = [];
  readonly controller = new AbortController();
  headers: { [name: string]: string } | undefined;

  constructor(line: Line, schema: DescMessage) {
    this.line = line;
    this.schema = schema;
  }

  get mayCancel(): boolean {
    return this.messages.length >= (this.line.cancel_after_messages ?? Infinity);
  }

  get mayLeave(): boolean {
    return this.messages.length >= (this.line.abandon_after_messages ?? Infinity);
  }

  /** Notes the headers of calls, below the helper. */
  readonly interceptor: Interceptor = (options, next) =>
    new InterceptingCall(next(options), {
      start: (metadata, listener, go) =>
        go(metadata, {
          ...listener,
          onReceiveMetadata: (headers, pass) => {
            const pairs = Object.entries(headers.getMap());
            this.headers = Object.fromEntries(pairs.map(([name, value]) => [name, `${value}`]));
            pass(headers);
          },
        }),
    });
}

let current: Record | undefined;

// Every message is noted as the helper reads it, and waited for where the line says.
const nextOf = MessageStream.prototype.next;
MessageStream.prototype.next = async function next(this: MessageStream<Message>) {
  const pause = current?.line.pause_after_messages;
  if (pause !== undefined && pause.count === current?.messages.length) await sleep(pause.ms);
  const read = await nextOf.call(this);
  if (!read.done) current?.messages.push(read.value as Message);
  return read;
};

/** Makes a line's call; returns what the helper folded, if it folds. */
async function called(client: Client, record: Record): Promise<Described | undefined> {
  const { line, controller } = record;
  const options = callOptions(line, controller.signal);
  const method = methodOf(line);
  const request = requestOf(line, method);
  if (line.cancel_after_ms !== undefined) abortAfter(line.cancel_after_ms, controller);
  // By then it was sent.
  if (line.cancel_after_messages === 0) abortAfter(20, controller);
  if (method === LLMProviderService.method.streamChat) {
    const { request: chat, streamOptions } = request as StreamChatRequest;
    const stream = client.streamChat(chat ?? {}, { ...options, streamOptions });
    const folded = await followed(stream, record);
    return folded && [ChatResponseSchema, folded];
  }
  if (method === LLMProviderService.method.streamComplete) {
    const { request: complete, streamOptions } = request as StreamCompleteRequest;
    const stream = client.streamComplete(complete ?? {}, { ...options, streamOptions });
    const folded = await followed(stream, record);
    return folded && [CompleteResponseSchema, folded];
  }
  const stub = client.stub(method.parent) as unknown as {
    [name: string]: (request: Message, options: CallOptions) => unknown;
  };
  const answer = stub[method.localName]?.(request, options);
  if (method.methodKind === "unary") {
    record.messages.push((await answer) as Message);
    return undefined;
  }
  if (record.mayLeave) return (answer as MessageStream<Message>).close() as undefined;
  for await (const _ of answer as MessageStream<Message>) {
    if (record.mayLeave) break;
    if (record.mayCancel) controller.abort();
  }
  return undefined;
}

/** Reads a stream by the helper, and leaves it or cancels it where the line says. */
async function followed<Response>(
  stream: Stream<Response>,
  record: Record,
): Promise<Response | undefined> {
  if (record.line.do === "exit_with_open_stream") {
    await stream.next();
    return undefined;
  }
  for await (const _ of stream) {
    if (record.mayLeave) return undefined; // which is all that a user does
    if (record.mayCancel) stream.close();
  }
  return stream.response();
}

function abortAfter(milliseconds: number, controller: AbortController): void {
  setTimeout(() => controller.abort(), milliseconds).unref();
}

async function answered(line: Line): Promise<JsonValue> {
  const began = performance.now();
  const record = new Record(line, methodOf(line).output);
  current = record;
  let folded: Described | undefined;
  let error: unknown = LEFT;
  try {
    const client = new Client(line.connection.target, {
      ...clientOptions(line),
      channel: { interceptors: [record.interceptor] },
    });
    folded = await called(client, record);
    // A stream that was left must end without this.
    if (!record.mayLeave && line.do !== "exit_with_open_stream") client.close();
  } catch (thrown) {
    error = thrown;
  }
  return {
    id: line.id,
    messages: record.messages.map((message) => written([record.schema, message])),
    ...(folded && { folded: written(folded) }),
    error: error === LEFT ? null : failure(error),
    ...(record.headers && { headers: record.headers }),
    elapsed_ms: Math.round(performance.now() - began),
  };
}

function described(line: Line): JsonValue {
  const versionOf = (name: string): string => {
    const { version } = createRequire(import.meta.url)(`${name}/package.json`) as {
      version: string;
    };
    return `${name} ${version}`;
  };
  return {
    id: line.id,
    language: "typescript",
    client_version: VERSION,
    contract_version: VERSION,
    runtime: `node ${process.version.slice(1)}, ${versionOf("@grpc/grpc-js")}`,
  };
}

async function main(): Promise<void> {
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text) as Line;
    const answer = line.do === "describe" ? described(line) : await answered(line);
    await new Promise((done) => process.stdout.write(`${JSON.stringify(answer)}\n`, done));
    if (line.do === "exit_with_open_stream") return;
  }
}

await main();
process.exit();
