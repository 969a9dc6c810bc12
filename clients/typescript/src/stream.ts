/**
 * How is an answer read as it is written? In a loop; leaving the loop ends the call.
 *
 * @packageDocumentation
 */

import { WeirError } from "./errors.js";
import type { Exchange } from "./exchange.js";
import { complete } from "./failure.js";
import type { Fold } from "./fold.js";
import { errorOf } from "./link.js";
import { cancelWhenDropped, isServiceError } from "./stub.js";
import type { GenerationEvent } from "./weir/v1/generation_pb.js";
import type { TokenUsage } from "./weir/v1/usage_pb.js";

/** One message of a stream: StreamChatResponse or StreamCompleteResponse. */
interface Frame {
  readonly events: readonly GenerationEvent[];
}

/**
 * The events of one answer, as they come.
 *
 *     const stream = client.streamChat("Hello");
 *     for await (const event of stream) …        // every event, or
 *     for await (const text of stream.text) …    // the text alone
 *     const response = await stream.response();  // the rest, and the whole answer
 *
 * The call begins at once. Leaving a loop early, `cancel()`, `await using`, aborting the call's signal
 * and dropping the stream cancel it, unless it is over. Events are read once, by one loop at a time.
 *
 * Reading throws WeirError: StreamBrokenError where an answer that began does not end, other classes
 * by cause. The loops stop without an error only after a good `end`.
 */
export class AnswerStream<Response> implements AsyncIterable<GenerationEvent>, AsyncDisposable {
  readonly #exchange: Exchange<Frame>;
  readonly #fold: Fold<Response>;
  readonly #textParts = new Set<number>();
  #batch: readonly GenerationEvent[] = [];
  #next = 0;
  #done = false;
  #failure: unknown;
  #responseId = "";
  #usage: TokenUsage | undefined;

  /** @internal */
  constructor(exchange: Exchange<Frame>, fold: Fold<Response>) {
    this.#exchange = exchange;
    this.#fold = fold;
    cancelWhenDropped(this, exchange);
  }

  /** Weir's identity of the answer; "" before the stream began. */
  get responseId(): string {
    return this.#responseId;
  }

  /** What was used, as far as the stream has said; final once it ended. */
  get usage(): TokenUsage | undefined {
    return this.#usage;
  }

  /** The text of the answer, piece by piece, without reasoning or refusals. */
  get text(): AsyncIterable<string> {
    return this.#text();
  }

  /** Every event. */
  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationEvent, void, undefined> {
    try {
      for (let event; (event = await this.#read()) !== undefined; ) yield event;
    } finally {
      this.cancel();
    }
  }

  /** Read the rest and return the whole answer. */
  async response(): Promise<Response> {
    while ((await this.#read()) !== undefined);
    return this.#fold.response();
  }

  /** End the call now; reading then throws CallCancelledError, unless the `end` was read. */
  cancel(): void {
    this.#exchange.cancel();
    if (!this.#done) this.#batch = [];
  }

  /** The same, at the end of a block that began with `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
  }

  async *#text(): AsyncGenerator<string, void, undefined> {
    for await (const { event } of this) {
      if (event.case !== "partDelta" || event.value.delta.case !== "text") continue;
      const text = event.value.delta.value;
      if (text && this.#textParts.has(event.value.index)) yield text;
    }
  }

  /** The next event; undefined: the answer is whole. */
  async #read(): Promise<GenerationEvent | undefined> {
    for (;;) {
      const event = this.#batch[this.#next++];
      if (event !== undefined) return this.#take(event);
      if (this.#done) {
        this.#checkWhole();
        return undefined;
      }
      await this.#fetch();
    }
  }

  async #fetch(): Promise<void> {
    this.#batch = [];
    this.#next = 0;
    let frame: Frame | undefined;
    try {
      frame = await this.#exchange.read();
    } catch (failure) {
      this.#fail(failure);
      return;
    }
    if (frame === undefined) this.#done = true;
    else this.#batch = frame.events;
  }

  /** A connection that fails between a good end and its status takes nothing from the answer. */
  #fail(failure: unknown): void {
    const { end, answered } = this.#fold;
    const progress = { started: this.#exchange.started, answered };
    const error = isServiceError(failure) ? errorOf(failure, progress) : failure;
    this.#done = true;
    if (!(error instanceof WeirError)) this.#failure = error;
    else if (end === undefined || error.reason) this.#failure = this.#completed(error);
  }

  #take(event: GenerationEvent): GenerationEvent {
    try {
      this.#fold.add(event);
    } catch (violation) {
      this.#exchange.cancel();
      this.#batch = [];
      this.#done = true;
      this.#failure = violation instanceof WeirError ? this.#completed(violation) : violation;
      throw violation;
    }
    this.#note(event);
    return event;
  }

  #note({ event }: GenerationEvent): void {
    switch (event.case) {
      case "start":
        this.#responseId = event.value.responseId;
        break;
      case "partStart":
        if (event.value.part?.kind.case === "text") this.#textParts.add(event.value.index);
        break;
      case "usageUpdate":
        this.#usage = event.value.usage;
        break;
      case "end":
        this.#responseId = event.value.metadata?.responseId || this.#responseId;
        this.#usage = event.value.usage ?? this.#usage;
    }
  }

  #checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#fold.successfulEnd();
    } catch (error) {
      this.#failure = error instanceof WeirError ? this.#completed(error) : error;
      throw this.#failure;
    }
  }

  #completed(error: WeirError): WeirError {
    return complete(error, {
      responseId: this.#responseId,
      usage: this.#usage,
      attempts: this.#fold.end?.metadata?.attempts ?? [],
    });
  }
}
