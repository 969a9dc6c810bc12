/** Events of answers, as a server writes them. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type GenerationEvent,
  GenerationEventSchema,
  type Part,
  type PartSchema,
  type StreamEnd,
  type StreamEndSchema,
} from "weir-client/v1";

/** What happened in an event. */
export type Event = MessageInitShape<typeof GenerationEventSchema>["event"];
/** The fields of a part. */
export type PartInit = Exclude<MessageInitShape<typeof PartSchema>, Part>;
type EndInit = Exclude<MessageInitShape<typeof StreamEndSchema>, StreamEnd>;

/** What answers used. */
export const USAGE = { promptTokens: 3n, completionTokens: 2n, totalTokens: 5n };

/** The stream began. */
export function start(): Event {
  return { case: "start", value: { responseId: "resp_1", model: "models/m" } };
}

/** A part began. */
export function opened(index: number, part: PartInit): Event {
  return { case: "partStart", value: { index, part } };
}

/** More of a part's text. */
export function text(index: number, value: string): Event {
  return { case: "partDelta", value: { index, delta: { case: "text", value } } };
}

/** More of a call's arguments. */
export function args(index: number, value: string): Event {
  return { case: "partDelta", value: { index, delta: { case: "argumentsJson", value } } };
}

/** A part is complete. */
export function closed(index: number, part?: PartInit): Event {
  return { case: "partEnd", value: { index, ...(part && { part }) } };
}

/** The stream ended. */
export function end(init: EndInit = {}): Event {
  return { case: "end", value: { finishReason: 1, usage: USAGE, metadata: { responseId: "resp_1" }, ...init } };
}

/** A part of one kind. */
export function ofKind(kind: NonNullable<PartInit["kind"]>): PartInit {
  return { kind };
}

/** The events with their sequence. */
export function numbered(...events: Event[]): GenerationEvent[] {
  return events.map((event, index) =>
    create(GenerationEventSchema, { sequence: BigInt(index), ...(event && { event }) }),
  );
}

/** A whole answer of one text. */
export function answer(...pieces: string[]): GenerationEvent[] {
  const deltas = pieces.map((piece) => text(0, piece));
  return numbered(start(), opened(0, { kind: { case: "text", value: "" } }), ...deltas, closed(0), end());
}
