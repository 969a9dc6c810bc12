/** How is an answer read as it is written? As events, as text, or whole. */
import { WeirError } from "./errors.js";
import { cancelled, completed } from "./failure.js";
import type { Fold } from "./fold.js";
import type { MessageStream } from "./link.js";
import type { GenerationEvent } from "./weir/v1/generation_pb.js";
import type { TokenUsage } from "./weir/v1/usage_pb.js";

/** One message of a stream: StreamChatResponse or StreamCompleteResponse. */
export interface Frame {
  /** Events in order. */
  readonly events: readonly GenerationEvent[];
}

/**
 * The events of one answer, as they come.
 *
 *     for await (const text of stream.text) …     // the text alone, or
 *     for await (const event of stream) …         // every event, or
 *     const answer = await stream.response();     // the rest, and the whole answer
 *
 * The call begins with the stream. Leaving a loop early cancels the call at once, and so do `close`,
 * the end of a block with `using stream = …`, the signal of the call, and closing the client. Events
 * are read once, by one reader: `response` goes on from where a loop before it ended.
 *
 * Reading throws WeirError: StreamBrokenError where an answer that began does not end, other classes
 * by cause. The loops end without an error only after a good `end`.
 */
export class Stream<Response> implements AsyncIterableIterator<GenerationEvent, undefined> {
  readonly #frames: MessageStream<Frame>;
  readonly #fold: Fold<Response>;
  readonly #textParts = new Set<number>();
  #batch: Iterator<GenerationEvent> = [].values();
  #done = false;
  #failure: WeirError | undefined;
  #responseId = "";
  #usage: TokenUsage | undefined;

  /** @internal */
  constructor(frames: MessageStream<Frame>, fold: Fold<Response>) {
    this.#frames = frames;
    this.#fold = fold;
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
  get text(): AsyncIterableIterator<string, undefined> {
    return this.#text();
  }

  /** Reads the rest and returns the whole answer, the same that the unary call gives. */
  async response(): Promise<Response> {
    while (!(await this.next()).done);
    return this.#fold.response();
  }

  /** Waits for the next event; rejects with WeirError. */
  async next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    for (;;) {
      const read = this.#batch.next();
      if (!read.done) return { done: false, value: this.#take(read.value) };
      if (this.#done) {
        this.#checkWhole();
        return { done: true, value: undefined };
      }
      await this.#read();
    }
  }

  /** Ends the call, as leaving a loop does. */
  async return(): Promise<IteratorResult<GenerationEvent, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Ends the call now; reading then throws CallCancelledError, unless the `end` was read. */
  close(): void {
    if (this.#done) return;
    this.#frames.close();
    this.#finishCancelled(cancelled());
  }

  /** Closes the stream at the end of a block: `using stream = client.streamChat(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The stream itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#text(): AsyncGenerator<string, undefined> {
    for await (const { event } of this) {
      if (event.case !== "partDelta" || event.value.delta.case !== "text") continue;
      const { index, delta } = event.value;
      if (delta.value !== "" && this.#textParts.has(index)) yield delta.value;
    }
  }

  async #read(): Promise<void> {
    try {
      const frame = await this.#frames.next();
      if (this.#done) return; // closed meanwhile
      if (frame.done) this.#done = true;
      else this.#batch = frame.value.events.values();
    } catch (error) {
      if (!this.#done) this.#fail(error as WeirError);
    }
  }

  /** Notes an event; throws ProtocolError where it cannot follow what came before. */
  #take(event: GenerationEvent): GenerationEvent {
    try {
      this.#fold.add(event);
    } catch (error) {
      this.#frames.close();
      if (!(error instanceof WeirError)) throw error;
      this.#finish(this.#complete(error));
      throw error;
    }
    switch (event.event.case) {
      case "start":
        this.#responseId = event.event.value.responseId;
        break;
      case "partStart":
        if (event.event.value.part?.kind.case === "text") {
          this.#textParts.add(event.event.value.index);
        }
        break;
      case "usageUpdate":
        this.#usage = event.event.value.usage;
        break;
      case "end":
        this.#responseId = event.event.value.metadata?.responseId || this.#responseId;
        this.#usage = event.event.value.usage ?? this.#usage;
        break;
    }
    return event;
  }

  /**
   * Notes a failed status. A connection that fails between a good end and its status takes nothing
   * from the answer.
   */
  #fail(error: WeirError): void {
    const tells = this.#fold.end === undefined || error.reason !== "";
    this.#finish(tells ? this.#complete(error) : undefined);
  }

  /** Throws what went wrong, unless the stream had a good end. */
  #checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#fold.successfulEnd();
    } catch (error) {
      if (error instanceof WeirError) this.#failure = this.#complete(error);
      throw error;
    }
  }

  #finishCancelled(error: WeirError): void {
    this.#finish(this.#fold.end === undefined ? this.#complete(error) : undefined);
  }

  #finish(failure: WeirError | undefined): void {
    this.#done = true;
    this.#failure = failure;
    this.#batch = [].values();
  }

  #complete(error: WeirError): WeirError {
    return completed(error, {
      responseId: this.#responseId,
      usage: this.#usage,
      attempts: this.#fold.end?.metadata?.attempts ?? [],
    });
  }
}

