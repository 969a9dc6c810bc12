/** What do the deltas of one part add up to? The part that the unary answer has. */
import { clone, create, merge, toBinary } from "@bufbuild/protobuf";
import { Code, ProtocolError } from "./errors.js";
import { CitationSchema, PartSchema } from "./weir/v1/content_pb.js";
import type { Citation, Part } from "./weir/v1/content_pb.js";
import type { PartDelta, PartEnd, PartStart, TokenLogprob } from "./weir/v1/generation_pb.js";
import { TokenLogprobSchema } from "./weir/v1/generation_pb.js";

type Kind = NonNullable<Part["kind"]["case"]>;
type DeltaKind = NonNullable<PartDelta["delta"]["case"]>;

// Which delta fills which kind of part; a kind that is not here comes whole.
const DELTA_OF: { readonly [kind in Kind]?: DeltaKind } = {
  text: "text",
  reasoning: "text",
  refusal: "text",
  toolCall: "argumentsJson",
  serverToolCall: "argumentsJson",
  media: "inlineData",
};

/** One part: what it began with, what its deltas say, and what its end adds. */
export class PartFold {
  readonly part: Part;
  readonly logprobs: TokenLogprob[] = [];
  readonly kind: Kind | undefined;
  readonly #delta: DeltaKind | undefined;
  readonly #texts: string[] = [];
  readonly #bytes: Uint8Array[] = [];
  #citations: Citation[] = [];

  /** Opens a part. Throws ProtocolError for one without any kind, known here or not. */
  constructor(start: PartStart) {
    this.part = start.part ? clone(PartSchema, start.part) : create(PartSchema);
    this.kind = this.part.kind.case;
    if (this.kind === undefined && !this.part.$unknown?.length) {
      throw violation(`part ${start.index} opened without a kind`);
    }
    this.#delta = this.kind && DELTA_OF[this.kind];
    this.#cite(this.part.citations);
  }

  /** Takes the next delta. */
  add(message: PartDelta): void {
    const { delta } = message;
    // A kind that these stubs do not know is filled by who knows what.
    if (delta.case !== undefined && this.kind !== undefined) {
      if (delta.case !== this.#delta) {
        throw violation(`a delta of ${delta.case} for part ${message.index}, a ${this.kind}`);
      }
      if (delta.case === "inlineData") this.#bytes.push(delta.value);
      else this.#texts.push(delta.value);
    }
    this.logprobs.push(...message.logprobs.map((each) => clone(TokenLogprobSchema, each)));
    this.#cite(message.citations);
  }

  /** Joins the deltas onto the part, then lets the end's part override. */
  finish(end: PartEnd): void {
    this.#join();
    if (end.part !== undefined) this.#override(end.part, end.index);
    this.part.citations = unique(this.#citations);
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
      case "media":
        if (this.#bytes.length > 0) {
          const { source } = kind.value;
          const before = source.case === "inlineData" ? [source.value] : [];
          const value = concatenated([...before, ...this.#bytes]);
          kind.value.source = { case: "inlineData", value };
        }
        break;
    }
  }

  #override(final: Part, index: number): void {
    const ending = final.kind.case;
    if (ending !== undefined && this.kind !== undefined && ending !== this.kind) {
      throw violation(`part ${index} began as ${this.kind} and ended as ${ending}`);
    }
    this.#cite(final.citations);
    const joined = this.part.kind.case === "text" ? this.part.kind.value : "";
    if (ending !== undefined && this.kind !== undefined && this.#delta === undefined) {
      // It comes whole: merging would double what repeats.
      this.part.kind = { case: undefined };
    }
    merge(PartSchema, this.part, clone(PartSchema, final));
    if (final.kind.case === "text" && final.kind.value === "") {
      this.part.kind = { case: "text", value: joined }; // an empty text only names the kind
    }
  }

  #cite(citations: readonly Citation[]): void {
    this.#citations.push(...citations.map((each) => clone(CitationSchema, each)));
  }
}

/** The error of events that cannot be an answer. */
export function violation(what: string): ProtocolError {
  return new ProtocolError(`The stream breaks the contract: ${what}.`, { code: Code.INTERNAL });
}

/** Every source once, in order: an end may repeat what deltas said. */
function unique(citations: readonly Citation[]): Citation[] {
  const once = new Map(citations.map((each) => [toBinary(CitationSchema, each).join(), each]));
  return [...once.values()];
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
