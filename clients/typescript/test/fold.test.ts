/** Do events add up to exactly the answer they tell of? */

import assert from "node:assert/strict";
import { test } from "node:test";

import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ChatFold, foldChat, foldComplete, NotFoundError, ProtocolError, StreamBrokenError } from "weir-client/web";
import {
  ChatResponseSchema,
  type GenerationEvent,
  type Part,
  PartSchema,
  PartStartSchema,
  Role,
  StreamChatResponseSchema,
} from "weir-client/v1";

import { answer, args, closed, end, type Event, numbered, ofKind, opened, type PartInit, start, text, USAGE } from "./events.js";

const TEXT = ofKind({ case: "text", value: "" });

function foldedPart(...events: Event[]): Part {
  const [part] = foldChat(numbered(start(), ...events, end())).message?.parts ?? [];
  assert.ok(part);
  return part;
}

/** Deltas join to the text; usage, metadata and finish reason come from the end. */
test("a text", () => {
  const expected = create(ChatResponseSchema, {
    message: { role: Role.ASSISTANT, parts: [{ kind: { case: "text", value: "Hello" } }] },
    finishReason: 1,
    usage: USAGE,
    metadata: { responseId: "resp_1" },
  });
  assert.ok(equals(ChatResponseSchema, foldChat(answer("Hel", "lo")), expected));
});

/** A completion is the text of the text parts alone. */
test("a completion", () => {
  const events = numbered(
    start(),
    opened(0, ofKind({ case: "reasoning", value: {} })),
    text(0, "hmm"),
    closed(0),
    opened(1, TEXT),
    text(1, "yes"),
    closed(1),
    end(),
  );
  assert.equal(foldComplete(events).text, "yes");
});

const call = (argumentsJson: string, more = {}) =>
  ofKind({ case: "toolCall", value: { id: "call_1", name: "f", argumentsJson, ...more } });

/** Each kind of part is what its start, its deltas and its end say together. */
const PARTS: readonly [name: string, events: Event[], whole: PartInit][] = [
  ["a text without deltas", [opened(0, TEXT), closed(0)], TEXT],
  ["an end that only names the kind", [opened(0, TEXT), text(0, "a"), closed(0, TEXT)], ofKind({ case: "text", value: "a" })],
  [
    "a state that comes at the end",
    [opened(0, TEXT), text(0, "a"), closed(0, { providerState: Uint8Array.of(0, 255) })],
    { ...ofKind({ case: "text", value: "a" }), providerState: Uint8Array.of(0, 255) },
  ],
  [
    "reasoning that is a summary",
    [
      opened(0, ofKind({ case: "reasoning", value: {} })),
      text(0, "a"),
      text(0, "b"),
      closed(0, ofKind({ case: "reasoning", value: { isSummary: true } })),
    ],
    ofKind({ case: "reasoning", value: { text: "ab", isSummary: true } }),
  ],
  ["a call of a tool", [opened(0, call("")), args(0, '{"a"'), args(0, ":1}"), closed(0)], call('{"a":1}')],
  [
    "a call that its end repeats",
    [opened(0, call("")), args(0, "{"), closed(0, call("{}", { argumentsValid: true }))],
    call("{}", { argumentsValid: true }),
  ],
  [
    "a part that comes whole, twice",
    [
      opened(0, ofKind({ case: "toolResult", value: { content: [ofKind({ case: "text", value: "a" })] } })),
      closed(0, ofKind({ case: "toolResult", value: { content: [ofKind({ case: "text", value: "a" })] } })),
    ],
    ofKind({ case: "toolResult", value: { content: [ofKind({ case: "text", value: "a" })] } }),
  ],
  [
    "a source that is told twice",
    [opened(0, { ...TEXT, citations: [{ uri: "a" }] }), closed(0, { citations: [{ uri: "b" }, { uri: "a" }] })],
    { ...TEXT, citations: [{ uri: "a" }, { uri: "b" }] },
  ],
];
for (const [name, events, whole] of PARTS) {
  test(name, () => {
    assert.deepEqual(foldedPart(...events), create(PartSchema, whole));
  });
}

/** A sound's bytes are joined, and stay beside what its end adds. */
test("a sound", () => {
  const bytes = (...value: number[]) =>
    ({ case: "partDelta", value: { index: 0, delta: { case: "inlineData", value: Uint8Array.from(value) } } }) as const;
  const part = foldedPart(
    opened(0, ofKind({ case: "media", value: { mimeType: "audio/wav" } })),
    bytes(0),
    bytes(255),
    closed(0, ofKind({ case: "media", value: { transcript: "hm" } })),
  );
  assert.ok(part.kind.case === "media");
  assert.deepEqual(part.kind.value.source, { case: "inlineData", value: Uint8Array.of(0, 255) });
  assert.equal(part.kind.value.transcript, "hm");
});

/** A kind of part that these stubs do not know goes through the fold byte for byte. */
test("an unknown part", () => {
  const bytes = Uint8Array.of(0x12, 5, 0x9a, 1, 2, 8, 7); // part: field 19 of unknown kind
  const value = fromBinary(PartStartSchema, bytes);
  const part = foldedPart({ case: "partStart", value }, text(0, "who knows"), closed(0));
  assert.deepEqual(toBinary(PartSchema, part), bytes.slice(2));
});

/** Events of unknown kind and heartbeats count, and add nothing. */
test("an unknown event", () => {
  const events = numbered(start(), { case: "heartbeat", value: {} }, { case: undefined }, end());
  assert.deepEqual(foldChat(events).message?.parts, []);
});

/** What cannot be an answer is refused at the event that cannot follow. */
for (const [name, events, complaint] of [
  ["no start", numbered(end()), "end before the start"],
  ["two starts", numbered(start(), start()), "a second start"],
  ["a gap", answer("a").toSpliced(1, 1), "event 2 where 1 was due"],
  ["an event after the end", numbered(start(), end(), end()), "an event (end) after the end"],
  ["a part out of order", numbered(start(), opened(1, TEXT)), "part 1 opened where 0 was due"],
  ["a part without a kind", numbered(start(), opened(0, {})), "part 0 opened without a kind"],
  ["a delta for no part", numbered(start(), text(0, "a")), "a delta for part 0, which is not open"],
  ["a delta of another kind", numbered(start(), opened(0, TEXT), args(0, "{}")), "a delta of argumentsJson"],
  ["an end of another kind", numbered(start(), opened(0, TEXT), closed(0, call(""))), "began as text and ended as"],
  ["a good end while a part is open", numbered(start(), opened(0, TEXT), end()), "while parts 0 are open"],
] as const) {
  test(name, () => {
    assert.throws(
      () => foldChat(events),
      (error) => error instanceof ProtocolError && error.message.includes(complaint),
    );
  });
}

/** An answer that was cut is never given as a whole one. */
test("no end", () => {
  const fold = new ChatFold();
  answer("Hel", "lo").slice(0, -1).forEach((event) => fold.add(event));
  assert.throws(() => fold.response(), StreamBrokenError);
});

/** An end with an error is that error, with what was used. */
test("an end with an error", () => {
  const events = numbered(start(), end({ error: { code: 5, reason: 30, message: "No such model.", metadata: { model: "m" } } }));
  assert.throws(
    () => foldChat(events),
    (error) =>
      error instanceof NotFoundError &&
      error.reason === "MODEL_NOT_FOUND" &&
      error.metadata["model"] === "m" &&
      error.usage?.totalTokens === 5n &&
      error.responseId === "resp_1",
  );
});

/** Events may be used again: the fold never keeps or changes them. */
test("events stay as they are", () => {
  const events: GenerationEvent[] = answer("Hel", "lo");
  const before = toBinary(StreamChatResponseSchema, create(StreamChatResponseSchema, { events }));
  foldChat(events);
  foldChat(events);
  assert.deepEqual(toBinary(StreamChatResponseSchema, create(StreamChatResponseSchema, { events })), before);
});
