/**
 * How is a conversation written down? As messages, one function for each role.
 *
 * @packageDocumentation
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { type Message, MessageSchema, PartSchema, Role, type ToolCallPart } from "./weir/v1/content_pb.js";
import { type EmbedInputSchema } from "./weir/v1/embedding_service_pb.js";

/** A message, or the fields to make one of. */
export type MessageInit = MessageInitShape<typeof MessageSchema>;
/** A piece of a message, or the fields to make one of: `{ kind: { case: "text", value: "Hi" } }`. */
export type PartInit = MessageInitShape<typeof PartSchema>;
/** An input of `embed`, or the fields to make one of. */
export type EmbedInputInit = MessageInitShape<typeof EmbedInputSchema>;
/** A text, or a part for anything else. */
export type Content = string | PartInit;

/** Instructions from the application: texts, or parts for anything else. */
export function system(...content: Content[]): Message {
  return message(Role.SYSTEM, content);
}

/**
 * What the person asks: texts, or parts for images and files.
 *
 * @example
 * user("What is this?", {
 *   kind: { case: "media", value: { mimeType: "image/png", source: { case: "inlineData", value: png } } },
 * });
 */
export function user(...content: Content[]): Message {
  return message(Role.USER, content);
}

/**
 * What the model said before. An answer's own `response.message` serves as it is, and keeps what the
 * provider wants back.
 */
export function assistant(...content: Content[]): Message {
  return message(Role.ASSISTANT, content);
}

/** What a tool answered to the model's `call`. */
export function toolResult(call: ToolCallPart, ...content: Content[]): Message {
  return resultOf(call, content, false);
}

/** How a tool failed that the model's `call` asked for. */
export function toolFailure(call: ToolCallPart, ...content: Content[]): Message {
  return resultOf(call, content, true);
}

/** A lone text is the user's one message. */
export function asMessages(messages: string | readonly MessageInit[]): MessageInit[] {
  return typeof messages === "string" ? [user(messages)] : [...messages];
}

/** A lone text is the one input of Embed. */
export function asInputs(inputs: string | readonly (string | EmbedInputInit)[]): EmbedInputInit[] {
  return [inputs].flat().map((each) => (typeof each === "string" ? { kind: { case: "text", value: each } } : each));
}

function message(role: Role, content: readonly Content[]): Message {
  return create(MessageSchema, { role, parts: content.map(asPart) });
}

function resultOf(call: ToolCallPart, content: readonly Content[], isError: boolean): Message {
  const value = { toolCallId: call.id, name: call.name, content: content.map(asPart), isError };
  return create(MessageSchema, { role: Role.TOOL, parts: [{ kind: { case: "toolResult", value } }] });
}

function asPart(content: Content): PartInit {
  return typeof content === "string" ? { kind: { case: "text", value: content } } : content;
}
