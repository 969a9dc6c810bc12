/**
 * What answer do the events of a stream add up to? The same that the unary RPC gives.
 *
 * Time and memory grow with the total size of the events: a part's text is joined once, when the
 * part ends. Neither this module nor what it imports needs Node.
 */
import { clone, create } from "@bufbuild/protobuf";
import { Code, StreamBrokenError } from "./errors.js";
import { errorFromEnd } from "./failure.js";
import { PartFold, violation } from "./part.js";
import { MessageSchema, Role } from "./weir/v1/content_pb.js";
import { StreamEndSchema } from "./weir/v1/generation_pb.js";
import type { GenerationEvent, PartEnd, PartStart, StreamEnd } from "./weir/v1/generation_pb.js";
import { ChatResponseSchema, CompleteResponseSchema } from "./weir/v1/provider_service_pb.js";
import type { ChatResponse, CompleteResponse } from "./weir/v1/provider_service_pb.js";

/**
 * The parts and the end of one answer, gathered event by event.
 *
 * Heartbeats, usage updates, warnings and events of unknown kind add nothing: the end's usage and
 * metadata are the authority.
 */
export abstract class Fold<Response> {
  /** The parts so far. */
  protected readonly parts: PartFold[] = [];
  #due = 0n;
  #started = false;
  readonly #open = new Map<number, PartFold>();
  #end: StreamEnd | undefined;

  /** The event that ended the answer; undefined: it has not come yet. Read only. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** Whether something of an answer was given: a part at least has begun. */
  get answered(): boolean {
    return this.parts.length > 0;
  }

  /**
   * Takes the next event; the fold keeps copies, never the event.
   *
   * Throws ProtocolError where the event cannot follow what came before.
   */
  add({ sequence, event }: GenerationEvent): void {
    if (this.#end !== undefined) throw violation(`an event (${event.case}) after the end`);
    this.#checkOrder(sequence, event.case);
    switch (event.case) {
      case "partDelta": {
        const part = this.#open.get(event.value.index);
        if (part === undefined) {
          throw violation(`a delta for part ${event.value.index}, which is not open`);
        }
        part.add(event.value);
        break;
      }
      case "partStart":
        this.#openPart(event.value);
        break;
      case "partEnd":
        this.#closePart(event.value);
        break;
      case "end":
        this.#finish(event.value);
        break;
    }
  }

  /** The whole answer, the caller's own; throws like `successfulEnd`. */
  abstract response(): Response;

  /**
   * The end of a whole answer. Read only.
   *
   * Throws StreamBrokenError where it has not come, and the error that it carries, if any.
   */
  successfulEnd(): StreamEnd {
    if (this.#end === undefined) {
      throw new StreamBrokenError("The stream stopped before its end.", { code: Code.ABORTED });
    }
    if (this.#end.error !== undefined) throw errorFromEnd(this.#end, this.answered);
    return this.#end;
  }

  #checkOrder(sequence: bigint, kind: string | undefined): void {
    if (sequence !== this.#due) throw violation(`event ${sequence} where ${this.#due} was due`);
    this.#due += 1n;
    if ((kind === "start") === this.#started) {
      throw violation(this.#started ? "a second start" : `${kind} before the start`);
    }
    this.#started = true;
  }

  #openPart(start: PartStart): void {
    if (start.index !== this.parts.length) {
      throw violation(`part ${start.index} opened where ${this.parts.length} was due`);
    }
    const part = new PartFold(start);
    this.parts.push(part);
    this.#open.set(start.index, part);
  }

  #closePart(end: PartEnd): void {
    const part = this.#open.get(end.index);
    if (part === undefined) throw violation(`part ${end.index} ended, which is not open`);
    this.#open.delete(end.index);
    part.finish(end);
  }

  #finish(end: StreamEnd): void {
    if (this.#open.size > 0 && end.error === undefined) {
      const open = [...this.#open.keys()].sort((a, b) => a - b).join(", ");
      throw violation(`a successful end while parts ${open} are open`);
    }
    this.#end = clone(StreamEndSchema, end);
  }
}

/** The answer of a chat, gathered event by event. */
export class ChatFold extends Fold<ChatResponse> {
  /** The whole answer, the caller's own; throws like `successfulEnd`. */
  override response(): ChatResponse {
    const { finishReason, usage, metadata } = this.successfulEnd();
    const answer = create(ChatResponseSchema, {
      message: create(MessageSchema, {
        role: Role.ASSISTANT,
        parts: this.parts.map(({ part }) => part),
      }),
      finishReason,
      logprobs: this.parts.flatMap(({ logprobs }) => logprobs),
      ...(usage && { usage }),
      ...(metadata && { metadata }),
    });
    return clone(ChatResponseSchema, answer);
  }
}

/**
 * The answer of a completion, gathered event by event.
 *
 * The text is that of the text parts. Reasoning and refusals have no place in a CompleteResponse.
 */
export class CompleteFold extends Fold<CompleteResponse> {
  /** The whole answer, the caller's own; throws like `successfulEnd`. */
  override response(): CompleteResponse {
    const { finishReason, usage, metadata } = this.successfulEnd();
    const texts = this.parts.filter(({ kind }) => kind === "text");
    const answer = create(CompleteResponseSchema, {
      text: texts.map(({ part: { kind } }) => (kind.case === "text" ? kind.value : "")).join(""),
      finishReason,
      logprobs: texts.flatMap(({ logprobs }) => logprobs),
      ...(usage && { usage }),
      ...(metadata && { metadata }),
    });
    return clone(CompleteResponseSchema, answer);
  }
}

/** The answer that the events of a chat add up to; throws like ChatFold. */
export function foldChat(events: Iterable<GenerationEvent>): ChatResponse {
  return folded(new ChatFold(), events);
}

/** The answer that the events of a completion add up to; throws like CompleteFold. */
export function foldComplete(events: Iterable<GenerationEvent>): CompleteResponse {
  return folded(new CompleteFold(), events);
}

function folded<Response>(fold: Fold<Response>, events: Iterable<GenerationEvent>): Response {
  for (const event of events) fold.add(event);
  return fold.response();
}
