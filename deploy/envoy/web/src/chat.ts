// How is an answer streamed? A call of StreamChat whose events become steps that a page can show.

import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";

import { type Message, type Part, PartSchema, Role, MessageSchema } from "./gen/weir/v1/content_pb";
import { Phase, type PartDelta, type StreamEnd } from "./gen/weir/v1/generation_pb";
import type { LLMProviderService } from "./gen/weir/v1/provider_service_pb";

/** One step of an answer. The last one is `end`: a stream without it was cut. */
export type Step =
  | { kind: "start"; responseId: string }
  | { kind: "text" | "reasoning"; text: string }
  | { kind: "phase"; phase: string }
  | { kind: "end"; end: StreamEnd; message: Message };

/** Deadline of an answer, in milliseconds; it travels as grpc-timeout. */
const TIMEOUT_MS = 300_000;

/** Stream the answer to a conversation. Throws ConnectError; `signal` cancels the call. */
export async function* answer(
  client: Client<typeof LLMProviderService>,
  conversation: { messages: Message[]; model: string },
  signal: AbortSignal,
): AsyncGenerator<Step> {
  const parts: Part[] = [];
  for await (const { events } of client.streamChat(
    { request: conversation },
    { signal, timeoutMs: TIMEOUT_MS },
  )) {
    for (const { event } of events) {
      switch (event.case) {
        case "start":
          yield { kind: "start", responseId: event.value.responseId };
          break;
        case "partStart":
          parts[event.value.index] = event.value.part ?? create(PartSchema);
          break;
        case "partDelta": {
          const step = added(parts[event.value.index], event.value);
          if (step) yield step;
          break;
        }
        case "partEnd": {
          const whole = event.value.part;
          const part = parts[event.value.index];
          // Tool calls and media come whole; of others, what the deltas could not say.
          if (whole?.kind.case) parts[event.value.index] = whole;
          else if (whole && part) part.providerState = whole.providerState;
          break;
        }
        case "heartbeat":
          yield { kind: "phase", phase: Phase[event.value.phase] ?? "" };
          break;
        case "end":
          yield {
            kind: "end",
            end: event.value,
            message: create(MessageSchema, { role: Role.ASSISTANT, parts }),
          };
          break;
      }
    }
  }
}

/** Add a delta to its part; returns what there is to show of it. */
function added(part: Part | undefined, { delta }: PartDelta): Step | undefined {
  if (!part || delta.case !== "text") return undefined;
  switch (part.kind.case) {
    case "text":
      part.kind.value += delta.value;
      return { kind: "text", text: delta.value };
    case "refusal":
      part.kind.value.text += delta.value;
      return { kind: "text", text: delta.value };
    case "reasoning":
      part.kind.value.text += delta.value;
      return { kind: "reasoning", text: delta.value };
    default:
      return undefined;
  }
}
