/** Does a client send what it is told, and give what came? */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import type { ServerUnaryCall } from "@grpc/grpc-js";
import * as weir from "weir-client";
import { type ChatRequest, ModelService } from "weir-client/v1";

import { failure, serving } from "./server.js";

const REPLY = { message: { role: 4, parts: [{ kind: { case: "text", value: "Hi" } }] } };

/** A lone text is one message of the user; the answer is the contract's own message. */
test("a chat", async () => {
  let asked: ChatRequest | undefined;
  await using server = await serving({ unary: { chat: (call) => ((asked = call.request), REPLY) } });
  await using client = new weir.Client(server.address);
  const { message } = await client.chat("Hello", { model: "m", options: { temperature: 0.5 } });
  assert.deepEqual(message?.parts[0]?.kind, { case: "text", value: "Hi" });
  assert.ok(asked);
  assert.deepEqual(asked.messages, [weir.user("Hello")]);
  assert.equal(asked.model, "m");
  assert.equal(asked.options?.temperature, 0.5);
});

/** Bytes are the plain ones that the types promise, and go back as they came. */
test("a provider's state", async () => {
  const providerState = Uint8Array.of(0, 255);
  let asked: ChatRequest | undefined;
  const reply = { message: { role: 4, parts: [{ ...REPLY.message.parts[0], providerState }] } };
  await using server = await serving({ unary: { chat: (call) => ((asked = call.request), reply) } });
  await using client = new weir.Client(server.address);
  const { message } = await client.chat("Hello");
  assert.ok(message);
  assert.deepEqual(message.parts[0]?.providerState, providerState);
  await client.chat([weir.user("Hello"), message, weir.user("Go on.")]);
  assert.deepEqual(Uint8Array.from(asked?.messages[1]?.parts[0]?.providerState ?? []), providerState);
});

/** A request that is no such message is refused before anything is sent. */
test("a number that cannot be", async () => {
  await using client = new weir.Client("localhost:1");
  await assert.rejects(client.chat("Hello", { options: { topK: 0.5 } }), /int32/);
});

/** What every call carries: who calls, the key, the deadline, and what its options say. */
test("metadata", async () => {
  let call: ServerUnaryCall<never, unknown> | undefined;
  await using server = await serving({ unary: { chat: (given) => ((call = given), REPLY) } });
  await using client = new weir.Client(server.address, { apiKey: "secret" });
  await client.chat("Hello", {
    requestId: "r1",
    idempotencyKey: "k1",
    priority: "background",
    metadata: [["x-a", "1"], ["x-a", "2"], ["x-bin", Uint8Array.of(0, 255)]],
  });
  assert.ok(call);
  const sent = (name: string) => call?.metadata.get(name);
  assert.deepEqual(sent("authorization"), ["Bearer secret"]);
  assert.deepEqual(sent("weir-client"), [`weir-client-typescript/${weir.VERSION}`]);
  assert.match(String(sent("user-agent")), /^weir-client-typescript\//);
  assert.deepEqual(sent("weir-request-id"), ["r1"]);
  assert.deepEqual(sent("weir-idempotency-key"), ["k1"]);
  assert.deepEqual(sent("weir-priority"), ["background"]);
  assert.deepEqual(sent("x-a"), ["1, 2"]);
  assert.deepEqual(sent("x-bin"), [Buffer.of(0, 255)]);
  const remainingMs = Number(call.getDeadline()) - Date.now();
  assert.ok(remainingMs > 50_000 && remainingMs <= 61_000, String(remainingMs));
});

/** An option that cannot be sent is refused before anything is sent, without telling a value. */
for (const [name, options] of Object.entries<weir.CallOptions>({
  requestId: { requestId: "with space" },
  idempotencyKey: { idempotencyKey: "k".repeat(65) },
  "metadata[0]": { metadata: [["Upper", "x"]] },
  "metadata[1]": { metadata: [["a", "1"], ["b", "secret\n"]] },
  timeoutMs: { timeoutMs: 0 },
})) {
  test(`a ${name} that cannot be`, async () => {
    await using client = new weir.Client("localhost:1");
    await assert.rejects(client.chat("Hello", options), (error) => {
      assert.ok(error instanceof RangeError);
      assert.ok(error.message.startsWith(name) && !error.message.includes("secret"), error.message);
      return true;
    });
  });
}

/** Addresses have a few forms, and what is none says what to do. */
for (const [address, tls, complaint] of [
  ["weir.example", undefined, "names no port"],
  ["ftp://weir.example:1", undefined, "unknown scheme"],
  ["weir.example:1/path", undefined, "is no address"],
  ["user@weir.example:1", undefined, "is no address"],
  ["", undefined, "is no address"],
  ["http://weir.example:1", true, "contradicts"],
  ["https://weir.example", false, "contradicts"],
  ["weir.example:1", { cert: "only.pem" }, "cert and key together"],
] as const) {
  test(`the address "${address}"`, () => {
    assert.throws(
      () => new weir.Client(address, { tls }),
      (error) => error instanceof RangeError && error.message.includes(complaint),
    );
  });
}

/** Forms that are right are taken, and made into gRPC's own; TLS is on unless it stays on this machine. */
test("addresses", async () => {
  const { connection } = await import("#dist/connection.js");
  const shown = (address: string, tls?: boolean) => {
    const { target, credentials } = connection(address, tls);
    return [target, credentials._isSecure()];
  };
  assert.deepEqual(shown("localhost:50051"), ["localhost:50051", false]);
  assert.deepEqual(shown("127.0.0.1:80"), ["127.0.0.1:80", false]);
  assert.deepEqual(shown("[::1]:50051"), ["[::1]:50051", false]);
  assert.deepEqual(shown("weir.example:443"), ["weir.example:443", true]);
  assert.deepEqual(shown("weir.example:80", false), ["weir.example:80", false]);
  assert.deepEqual(shown("https://weir.example"), ["weir.example:443", true]);
  assert.deepEqual(shown("http://weir.example:80"), ["weir.example:80", false]);
  assert.deepEqual(shown("localhost:50051", true), ["localhost:50051", true]);
  assert.deepEqual(shown("unix:/run/weir.sock"), ["unix:/run/weir.sock", false]);
});

/** A failed call rejects with the class of its code, with what the trailers say. */
test("an error", async () => {
  const unary = { getModel: () => { throw failure(5, "No such model.", { "weir-request-id": "r1" }); } };
  await using server = await serving({ unary });
  await using client = new weir.Client(server.address);
  await assert.rejects(client.stub(ModelService).getModel({ name: "m" }), (error) => {
    assert.ok(error instanceof weir.NotFoundError);
    assert.equal(error.message, "No such model.");
    assert.equal(error.requestId, "r1");
    return true;
  });
});

/** UNAVAILABLE alone is tried again, three times in all. */
for (const [code, attempts] of [[14, 3], [13, 1]] as const) {
  test(`code ${code} is tried ${attempts} times`, async () => {
    let seen = 0;
    const unary = { chat: () => { seen += 1; throw failure(code, "no"); } };
    await using server = await serving({ unary });
    await using client = new weir.Client(server.address);
    await assert.rejects(client.chat("Hello"), weir.WeirError);
    assert.equal(seen, attempts);
  });
}

/** Aborting the signal cancels the call on the server and rejects at once, with the signal's reason. */
test("a signal", async () => {
  const controller = new AbortController();
  let seen: Promise<unknown> | undefined;
  const unary = {
    chat: (call: ServerUnaryCall<never, unknown>) => {
      seen = once(call, "cancelled");
      controller.abort("enough");
      return undefined;
    },
  };
  await using server = await serving({ unary });
  await using client = new weir.Client(server.address);
  await assert.rejects(client.chat("Hello", { signal: controller.signal }), (error) => {
    return error instanceof weir.CallCancelledError && error.cause === "enough";
  });
  await seen;
  await assert.rejects(client.chat("Hello", { signal: controller.signal }), weir.CallCancelledError);
});

/** Closing a client cancels what is open; afterwards it says so, and closing again does nothing. */
test("closing", async () => {
  const client = new weir.Client("localhost:1");
  await using server = await serving({ unary: { chat: () => void open.close() } });
  const open = new weir.Client(server.address);
  await assert.rejects(open.chat("Hello"), weir.CallCancelledError);
  client.close();
  client.close();
  await assert.rejects(client.chat("Hello"), /closed/);
});

/** Pages are fetched as they are needed, and health is the standard protocol's. */
test("models", async () => {
  const unary = {
    listModels: ({ request }: { request: { pageToken: string } }) =>
      request.pageToken ? { models: [{ name: "b" }] } : { models: [{ name: "a" }], nextPageToken: "2" },
  };
  await using server = await serving({ unary });
  await using client = new weir.Client(server.address);
  const names = [];
  for await (const { name } of client.listModels()) names.push(name);
  assert.deepEqual(names, ["a", "b"]);
  await assert.rejects(client.health(), weir.UnsupportedError);
});
