/** How is a conversation written down? As messages, one function for each role. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageSchema, PartSchema, Role } from "./weir/v1/content_pb.js";
import type { Message, Part, ToolCallPart } from "./weir/v1/content_pb.js";

/** A text, or a part for anything else: `{ kind: { case: "media", value: { … } } }`. */
export type Content = string | MessageInitShape<typeof PartSchema>;

/** Instructions from the application. */
export function system(...content: readonly Content[]): Message {
  return message(Role.SYSTEM, content);
}

/** What the person asks. */
export function user(...content: readonly Content[]): Message {
  return message(Role.USER, content);
}

/**
 * What the model said before. An answer's own `message` serves as it is, and keeps what the provider
 * wants back.
 */
export function assistant(...content: readonly Content[]): Message {
  return message(Role.ASSISTANT, content);
}

/** What a tool answered to the model's `call`. */
export function toolResult(call: ToolCallPart, ...content: readonly Content[]): Message {
  return resultOf(call, content, false);
}

/** How a tool failed that the model called with `call`. */
export function toolFailure(call: ToolCallPart, ...content: readonly Content[]): Message {
  return resultOf(call, content, true);
}

function resultOf(call: ToolCallPart, content: readonly Content[], isError: boolean): Message {
  const value = { toolCallId: call.id, name: call.name, content: content.map(part), isError };
  return message(Role.TOOL, [{ kind: { case: "toolResult", value } }]);
}

function message(role: Role, content: readonly Content[]): Message {
  return create(MessageSchema, { role, parts: content.map(part) });
}

function part(content: Content): Part {
  if (typeof content !== "string") return create(PartSchema, content);
  return create(PartSchema, { kind: { case: "text", value: content } });
}
