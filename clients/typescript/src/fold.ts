/**
 * What answer do the events of a stream add up to? The same that the unary RPC gives.
 *
 * Time and memory grow with the total size of the events: a part's text is joined once, when the
 * part ends.
 *
 * @packageDocumentation
 */

import { clone, create, mergeFromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";

import { Code, ProtocolError, StreamBrokenError } from "./errors.js";
import { errorFromEnd } from "./failure.js";
import { type Citation, CitationSchema, MessageSchema, type Part, PartSchema, Role } from "./weir/v1/content_pb.js";
import {
  type GenerationEvent,
  type PartDelta,
  type PartEnd,
  type PartStart,
  type StreamEnd,
  StreamEndSchema,
  type TokenLogprob,
  TokenLogprobSchema,
} from "./weir/v1/generation_pb.js";
import {
  type ChatResponse,
  ChatResponseSchema,
  type CompleteResponse,
  CompleteResponseSchema,
} from "./weir/v1/provider_service_pb.js";

type Kind = NonNullable<Part["kind"]["case"]>;
type Delta = NonNullable<PartDelta["delta"]["case"]>;

// Which delta fills which kind of part; a kind that is not here comes whole.
const DELTA_OF: Readonly<Partial<Record<Kind, Delta>>> = {
  text: "text",
  reasoning: "text",
  refusal: "text",
  toolCall: "argumentsJson",
  serverToolCall: "argumentsJson",
  media: "inlineData",
};

/** The parts and the end of one answer, gathered event by event. */
export abstract class Fold<Response> {
  #expected = 0n;
  #end: StreamEnd | undefined;
  readonly #parts: PartFold[] = [];
  readonly #open = new Map<number, PartFold>();

  /** The event that ended the answer; undefined: it has not come yet. Read only. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** Whether something of an answer was given: a part at least has begun. */
  get answered(): boolean {
    return this.#parts.length > 0;
  }

  /** The parts so far, in order. */
  protected get parts(): readonly PartFold[] {
    return this.#parts;
  }

  /**
   * Take the next event; the fold keeps copies, never the event.
   *
   * @throws ProtocolError where the event cannot follow what came before.
   */
  add({ sequence, event }: GenerationEvent): void {
    if (this.#end !== undefined) throw violation(`an event (${String(event.case)}) after the end`);
    this.#checkOrder(sequence, event.case);
    switch (event.case) {
      case "partStart":
        this.#openPart(event.value);
        break;
      case "partDelta":
        this.#opened(event.value.index, "a delta for part").add(event.value);
        break;
      case "partEnd":
        this.#opened(event.value.index, "an end of part").finish(event.value);
        this.#open.delete(event.value.index);
        break;
      case "end":
        this.#finish(event.value);
    }
  }

  /** The whole answer; throws like `successfulEnd`. */
  abstract response(): Response;

  /**
   * The end of a whole answer. Read only.
   *
   * @throws StreamBrokenError where it has not come, and the error that it carries, if any.
   */
  successfulEnd(): StreamEnd {
    if (this.#end === undefined) {
      throw new StreamBrokenError("The stream stopped before its end.", { code: Code.ABORTED });
    }
    if (this.#end.error !== undefined) throw errorFromEnd(this.#end, this.answered);
    return this.#end;
  }

  #checkOrder(sequence: bigint, kind: GenerationEvent["event"]["case"]): void {
    if (sequence !== this.#expected) throw violation(`event ${sequence} where ${this.#expected} was due`);
    const started = this.#expected > 0n;
    if ((kind === "start") === started) {
      throw violation(started ? "a second start" : `${String(kind)} before the start`);
    }
    this.#expected += 1n;
  }

  #openPart({ index, part }: PartStart): void {
    if (index !== this.#parts.length) throw violation(`part ${index} opened where ${this.#parts.length} was due`);
    if (part === undefined || (part.kind.case === undefined && !part.$unknown?.length)) {
      throw violation(`part ${index} opened without a kind`);
    }
    const opened = new PartFold(clone(PartSchema, part));
    this.#parts.push(opened);
    this.#open.set(index, opened);
  }

  #opened(index: number, what: string): PartFold {
    const part = this.#open.get(index);
    if (part === undefined) throw violation(`${what} ${index}, which is not open`);
    return part;
  }

  #finish(end: StreamEnd): void {
    if (this.#open.size > 0 && end.error === undefined) {
      throw violation(`a successful end while parts ${[...this.#open.keys()].join(", ")} are open`);
    }
    this.#end = clone(StreamEndSchema, end);
  }
}

/**
 * The answer of a chat, gathered event by event.
 *
 * Heartbeats, usage updates, warnings and events of unknown kind add nothing: the end's usage and
 * metadata are the authority.
 */
export class ChatFold extends Fold<ChatResponse> {
  /** The whole answer; throws like `successfulEnd`. */
  override response(): ChatResponse {
    const end = this.successfulEnd();
    return create(ChatResponseSchema, {
      message: create(MessageSchema, { role: Role.ASSISTANT, parts: this.parts.map(({ part }) => part) }),
      finishReason: end.finishReason,
      logprobs: this.parts.flatMap(({ logprobs }) => logprobs),
      ...facts(end),
    });
  }
}

/**
 * The answer of a completion, gathered event by event; see ChatFold.
 *
 * The text is that of the text parts. Reasoning and refusals have no place in a CompleteResponse.
 */
export class CompleteFold extends Fold<CompleteResponse> {
  /** The whole answer; throws like `successfulEnd`. */
  override response(): CompleteResponse {
    const end = this.successfulEnd();
    // The kind that a part began with: one of a kind unknown then has no text, whatever its end says.
    const parts = this.parts.filter(({ kind }) => kind === "text");
    return create(CompleteResponseSchema, {
      text: parts.map(({ part }) => (part.kind.case === "text" ? part.kind.value : "")).join(""),
      finishReason: end.finishReason,
      logprobs: parts.flatMap(({ logprobs }) => logprobs),
      ...facts(end),
    });
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

/** One part: what it began with, what its deltas say, and what its end adds. */
class PartFold {
  readonly part: Part;
  readonly kind: Kind | undefined;
  /** Log probabilities, in the order they came. */
  readonly logprobs: TokenLogprob[] = [];
  // What fills the part; "": nothing does; undefined: a kind that these stubs do not know, filled by
  // who knows what.
  readonly #delta: Delta | "" | undefined;
  readonly #texts: string[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #citations: Citation[];

  constructor(part: Part) {
    this.part = part;
    this.kind = part.kind.case;
    this.#delta = this.kind && (DELTA_OF[this.kind] ?? "");
    this.#citations = [...part.citations];
  }

  add({ index, delta, logprobs, citations }: PartDelta): void {
    if (delta.case !== undefined && this.#delta !== undefined) {
      if (delta.case !== this.#delta) {
        throw violation(`a delta of ${delta.case} for part ${index}, a ${String(this.kind)}`);
      }
      if (delta.case === "inlineData") this.#bytes.push(delta.value);
      else this.#texts.push(delta.value);
    }
    for (const each of logprobs) this.logprobs.push(clone(TokenLogprobSchema, each));
    this.#cite(citations);
  }

  /** Join the deltas onto the part, then let the end's part override. */
  finish(end: PartEnd): void {
    this.#join();
    if (end.part !== undefined) this.#override(end.part, end.index);
    // Every source once: an end may repeat what deltas said.
    const unique = new Map(this.#citations.map((each) => [base64Encode(toBinary(CitationSchema, each)), each]));
    this.part.citations = [...unique.values()];
  }

  #join(): void {
    const { kind } = this.part;
    const text = this.#texts.join("");
    switch (kind.case) {
      case "text":
        kind.value += text;
        break;
      case "reasoning":
      case "refusal":
        kind.value.text += text;
        break;
      case "toolCall":
      case "serverToolCall":
        kind.value.argumentsJson += text;
        break;
      case "media": {
        if (this.#bytes.length === 0) break;
        const { source } = kind.value;
        const whole = source.case === "inlineData" ? [source.value, ...this.#bytes] : this.#bytes;
        kind.value.source = { case: "inlineData", value: concatenated(whole) };
      }
    }
  }

  #override(final: Part, index: number): void {
    const { part } = this;
    if (final.kind.case !== undefined && this.kind !== undefined && final.kind.case !== this.kind) {
      throw violation(`part ${index} began as ${this.kind} and ended as ${final.kind.case}`);
    }
    this.#cite(final.citations);
    const joined = part.kind.case === "text" ? part.kind.value : "";
    // A part that comes whole is replaced: merging would double what repeats.
    if (final.kind.case !== undefined && this.#delta === "") part.kind = { case: undefined };
    mergeFromBinary(PartSchema, part, toBinary(PartSchema, final));
    // An empty text only names the kind.
    if (final.kind.case === "text" && final.kind.value === "") part.kind = { case: "text", value: joined };
  }

  #cite(citations: readonly Citation[]): void {
    for (const each of citations) this.#citations.push(clone(CitationSchema, each));
  }
}

/** Usage and metadata stay absent where the end has none. */
function facts({ usage, metadata }: StreamEnd): Pick<StreamEnd, "usage" | "metadata"> {
  return { ...(usage && { usage }), ...(metadata && { metadata }) };
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function violation(what: string): ProtocolError {
  return new ProtocolError(`The stream breaks the contract: ${what}.`, { code: Code.INTERNAL });
}
