/** Is a stream read as it comes, ended when it is left, and never taken for whole when it is not? */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as weir from "weir-client";
import { type GenerationEvent, LLMProviderService } from "weir-client/v1";

import { answer, closed, end, numbered, ofKind, opened, start, text } from "./events.js";
import { failure, type Script, serving, type StreamCall } from "./server.js";

/** A server that writes events one by one, then ends or stays silent; `cancelled` tells of hang-ups. */
function playing(events: readonly GenerationEvent[], after: "end" | "silence" | Error = "end") {
  let hungUp = (): void => undefined;
  const cancelled = new Promise<void>((resolve) => (hungUp = resolve));
  const streamChat = (call: StreamCall): void => {
    call.on("cancelled", hungUp);
    for (const event of events) call.write({ events: [event] });
    if (after === "end") call.end();
    else if (after instanceof Error) call.emit("error", after);
  };
  return { cancelled, script: { streamChat } satisfies Script };
}

const BEGUN = answer("Hel", "lo").slice(0, 4);

/** The text comes piece by piece, and the rest is the whole answer. */
test("text and response", async () => {
  await using server = await serving(playing(answer("Hel", "lo")).script);
  await using client = new weir.Client(server.address);
  const stream = client.streamChat("Hello");
  const pieces = [];
  for await (const piece of stream.text) pieces.push(piece);
  const response = await stream.response();
  assert.deepEqual(pieces, ["Hel", "lo"]);
  assert.deepEqual(response.message?.parts[0]?.kind, { case: "text", value: "Hello" });
  assert.equal(stream.responseId, "resp_1");
  assert.equal(stream.usage?.totalTokens, 5n);
});

/** `text` leaves reasoning out; the stream itself gives every event. */
test("reasoning", async () => {
  const reasoning = ofKind({ case: "reasoning", value: {} });
  const parts = [opened(0, reasoning), text(0, "hmm"), closed(0), opened(1, ofKind({ case: "text", value: "" }))];
  const events = numbered(start(), ...parts, text(1, "yes"), closed(1), end());
  await using server = await serving(playing(events).script);
  await using client = new weir.Client(server.address);
  const pieces = [];
  for await (const piece of client.streamChat("Hello").text) pieces.push(piece);
  let count = 0;
  for await (const { sequence } of client.streamChat("Hello")) assert.equal(sequence, BigInt(count++));
  assert.deepEqual(pieces, ["yes"]);
  assert.equal(count, events.length);
});

type Stream = weir.AnswerStream<unknown>;

/** Leaving a stream, in whatever way, cancels its call. */
const WAYS: Readonly<Record<string, (stream: Stream, client: weir.Client, controller: AbortController) => unknown>> = {
  "break out of the loop": async (stream) => {
    for await (const _ of stream) break;
  },
  "break out of the text": async (stream) => {
    for await (const _ of stream.text) break;
  },
  "an error in the loop": async (stream) => {
    await assert.rejects(async () => {
      for await (const _ of stream) throw new Error("mine");
    }, /mine/);
  },
  "await using": async (stream) => {
    await using _ = stream;
  },
  cancel: (stream) => stream.cancel(),
  "the signal": (_stream, _client, controller) => controller.abort(),
  "closing the client": (_stream, client) => client.close(),
};
for (const [name, leave] of Object.entries(WAYS)) {
  test(name, async () => {
    const { script, cancelled } = playing(BEGUN, "silence");
    await using server = await serving(script);
    await using client = new weir.Client(server.address);
    const controller = new AbortController();
    const stream = client.streamChat("Hello", { signal: controller.signal });
    await stream[Symbol.asyncIterator]().next();
    await leave(stream, client, controller);
    await cancelled;
    await assert.rejects(stream.response(), weir.CallCancelledError);
  });
}

/** A stream that no one holds any more is cancelled when it is collected. */
test("dropping the stream", async () => {
  const { script, cancelled } = playing(BEGUN, "silence");
  await using server = await serving(script);
  await using client = new weir.Client(server.address);
  await (async () => client.streamChat("Hello")[Symbol.asyncIterator]().next())();
  const { gc } = globalThis;
  assert.ok(gc, "Run the tests with node --expose-gc.");
  const collecting = setInterval(() => void gc(), 10);
  await cancelled;
  clearInterval(collecting);
});

/** What waits for a message is told at once when the stream is cancelled. */
test("cancelling while a message is awaited", async () => {
  await using server = await serving(playing(BEGUN, "silence").script);
  await using client = new weir.Client(server.address);
  const stream = client.streamChat("Hello");
  const response = stream.response();
  setTimeout(() => stream.cancel(), 20);
  await assert.rejects(response, weir.CallCancelledError);
});

/** An answer that stops without its end is an error, whatever the status says. */
for (const [name, after, kind] of [
  ["an early OK", "end", weir.StreamBrokenError],
  ["a lost connection", failure(14, "gone"), weir.StreamBrokenError],
  ["a fault", failure(2, "what"), weir.StreamBrokenError],
  ["a refusal", failure(7, "no"), weir.PermissionDeniedError],
] as const) {
  test(`${name} after a part`, async () => {
    await using server = await serving(playing(BEGUN, after).script);
    await using client = new weir.Client(server.address);
    const stream = client.streamChat("Hello");
    const pieces: string[] = [];
    await assert.rejects(
      async () => {
        for await (const piece of stream.text) pieces.push(piece);
      },
      (error) => error instanceof kind && error.responseId === "resp_1",
    );
    assert.deepEqual(pieces, ["Hel", "lo"]);
    await assert.rejects(stream.response(), kind);
  });
}

/** A connection that fails after a good end takes nothing from the answer. */
test("a lost status", async () => {
  await using server = await serving(playing(answer("Hi"), failure(14, "gone")).script);
  await using client = new weir.Client(server.address);
  const { message } = await client.streamChat("Hello").response();
  assert.deepEqual(message?.parts[0]?.kind, { case: "text", value: "Hi" });
});

/** Events that break the contract cancel the call and are an error. */
test("a gap", async () => {
  const { script, cancelled } = playing(answer("Hel", "lo").toSpliced(2, 1), "silence");
  await using server = await serving(script);
  await using client = new weir.Client(server.address);
  await assert.rejects(client.streamChat("Hello").response(), weir.ProtocolError);
  await cancelled;
});

/** A silent server is left when the time is over. */
test("a deadline", async () => {
  await using server = await serving(playing([], "silence").script);
  await using client = new weir.Client(server.address);
  const stream = client.streamChat("Hello", { timeoutMs: 50 });
  await assert.rejects(stream.response(), weir.DeadlineExceededError);
});

/** A failure that no one awaits ends no process, and is told to who reads later. */
test("a failure before anyone reads", async () => {
  await using server = await serving(playing([], failure(5, "no")).script);
  await using client = new weir.Client(server.address);
  const stream = client.streamChat("Hello");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await assert.rejects(stream.response(), weir.NotFoundError);
});

/** The raw stub gives the messages, with the client's errors and the same ways to leave. */
test("the stub's stream", async () => {
  const { script, cancelled } = playing(BEGUN, "silence");
  await using server = await serving(script);
  await using client = new weir.Client(server.address);
  let seen = 0;
  for await (const { events } of client.stub(LLMProviderService).streamChat({ request: {} })) {
    seen += events.length;
    break;
  }
  assert.equal(seen, 1);
  await cancelled;
});

/** The headers are told as soon as they are there. */
test("headers", async () => {
  await using server = await serving(playing(answer("Hi")).script);
  await using client = new weir.Client(server.address);
  let headers: Readonly<Record<string, string>> | undefined;
  await client.streamChat("Hello", { onHeaders: (given) => (headers = given) }).response();
  assert.equal(headers?.["content-type"], "application/grpc+proto");
});

const PROGRAM = `
  import { Client } from "weir-client";
  const client = new Client(process.argv[1]);
  await client.streamChat("Hello")[Symbol.asyncIterator]().next();
  if (process.argv[2] === "exit") process.exit(0);
  if (process.argv[2] === "close") client.close();
`;

/** A process ends at once by process.exit with a stream open, and by itself once its client is closed. */
for (const way of ["exit", "close"]) {
  test(`a process that ends by ${way}`, async () => {
    const { script, cancelled } = playing(BEGUN, "silence");
    await using server = await serving(script);
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const args = ["--input-type=module", "--eval", PROGRAM, server.address, way];
    const child = spawn(process.execPath, args, { cwd, stdio: "inherit", timeout: 5000 });
    await cancelled;
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 0);
  });
}
