/** What does the TypeScript client show? Reads lines of JSON, makes each call with a client of its own. */

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { create, type Message } from "@bufbuild/protobuf";
import { type AnswerStream, type CallOptions, Client, type MessageStream, VERSION } from "weir-client";
import * as v1 from "weir-client/v1";
import { Exchange } from "#dist/exchange.js";

import { clientOptions, type Line, methodOf, requestOf, runtime, Showing } from "./line.js";

type Unary = (request: Message, options: CallOptions) => Promise<Message>;
type Streaming = (request: Message, options: CallOptions) => MessageStream<Message>;

// The helper shows events, the kit wants messages: note each one as the client reads it.
let read: Message[] = [];
const readNext = Exchange.prototype.read;
Exchange.prototype.read = async function (this: Exchange<unknown>): Promise<unknown> {
  const message = await readNext.call(this);
  if (message !== undefined) read.push(message as Message);
  return message;
};

async function call(line: Line, showing: Showing): Promise<void> {
  await using client = new Client(line.connection.target, clientOptions(line));
  const controller = new AbortController();
  const options: CallOptions = {
    timeoutMs: line.timeout_ms,
    metadata: line.metadata?.map(([name, value]) => [name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value]),
    signal: controller.signal,
    onHeaders: (headers) => (showing.headers = headers),
  };
  const timer =
    line.cancel_after_ms === undefined ? undefined : setTimeout(() => controller.abort(), line.cancel_after_ms);
  read = showing.messages;
  try {
    if (methodOf(line).methodKind === "unary") {
      showing.messages.push(await unary(client, line, options, () => controller.abort()));
    } else {
      await stream(client, line, options, controller, showing);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function unary(client: Client, line: Line, options: CallOptions, cancel: () => void): Promise<Message> {
  if (line.cancel_after_messages === 0) setTimeout(cancel, SENT_WITHIN_MS);
  switch (line.method) {
    case "weir.v1.LLMProviderService/Chat": {
      const request = requestOf(v1.ChatRequestSchema, line);
      return client.chat(request.messages, { ...chosen(request), ...options });
    }
    case "weir.v1.LLMProviderService/Complete": {
      const request = requestOf(v1.CompleteRequestSchema, line);
      return client.complete(request.prompt, { ...chosen(request), ...options });
    }
  }
  const method = methodOf(line);
  const stub = client.stub(method.parent) as unknown as Record<string, Unary | undefined>;
  const reply = await stub[method.localName]?.(requestOf(method.input, line), options);
  if (reply === undefined) throw new Error(`The stub has no ${method.localName}.`);
  return reply;
}

// A call is sent once its connection is there; nothing tells when.
const SENT_WITHIN_MS = 100;

async function stream(
  client: Client,
  line: Line,
  options: CallOptions,
  controller: AbortController,
  showing: Showing,
): Promise<void> {
  const messages = opened(client, line, options);
  if (line.cancel_after_messages === 0) setTimeout(() => controller.abort(), SENT_WITHIN_MS);
  let pause = line.pause_after_messages;
  for await (const _ of messages) {
    const count = showing.messages.length;
    if (line.abandon_after_messages === count) return;
    if (line.cancel_after_messages === count) controller.abort();
    if (pause?.count === count) {
      await sleep(pause.ms);
      pause = undefined;
    }
  }
  if ("response" in messages) showing.folded = await messages.response();
}

function opened(
  client: Client,
  line: Line,
  options: CallOptions,
): AnswerStream<v1.ChatResponse> | AnswerStream<v1.CompleteResponse> | MessageStream<Message> {
  switch (line.method) {
    case "weir.v1.LLMProviderService/StreamChat": {
      const { request = create(v1.ChatRequestSchema), streamOptions } = requestOf(v1.StreamChatRequestSchema, line);
      return client.streamChat(request.messages, { ...chosen(request), ...streamed(streamOptions), ...options });
    }
    case "weir.v1.LLMProviderService/StreamComplete": {
      const parsed = requestOf(v1.StreamCompleteRequestSchema, line);
      const { request = create(v1.CompleteRequestSchema), streamOptions } = parsed;
      return client.streamComplete(request.prompt, { ...chosen(request), ...streamed(streamOptions), ...options });
    }
  }
  const method = methodOf(line);
  const stub = client.stub(method.parent) as unknown as Record<string, Streaming | undefined>;
  const messages = stub[method.localName]?.(requestOf(method.input, line), options);
  if (messages === undefined) throw new Error(`The stub has no ${method.localName}.`);
  return messages;
}

/** The options of the helper that a request's fields are. */
function chosen(request: Pick<v1.ChatRequest, "model" | "provider" | "options"> & { conversation?: string }) {
  const { model, provider, conversation, options } = request;
  return { model, provider, ...(conversation && { conversation }), ...(options && { options }) };
}

function streamed(streamOptions: v1.StreamOptions | undefined) {
  return streamOptions && { streamOptions };
}

function say(fields: object): void {
  writeSync(1, `${JSON.stringify(fields)}\n`);
}

async function shown(line: Line): Promise<object> {
  const showing = new Showing(line);
  try {
    await call(line, showing);
  } catch (error) {
    showing.error = error;
  }
  return showing;
}

for await (const text of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const line = JSON.parse(text) as Line;
  if (line.do === "describe") {
    const versions = { client_version: VERSION, contract_version: VERSION, runtime: runtime() };
    say({ id: line.id, language: "typescript", ...versions });
  } else if (line.do === "exit_with_open_stream") {
    const metadata = line.metadata;
    const messages = opened(new Client(line.connection.target, clientOptions(line)), line, { metadata });
    await messages[Symbol.asyncIterator]().next();
    say({ id: line.id });
    process.exit(0); // how a main ends in Node while something is open
  } else {
    say(await shown(line));
  }
}
