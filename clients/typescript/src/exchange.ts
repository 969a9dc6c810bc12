/**
 * How is one streaming call read? Message by message, no faster than they are asked for.
 *
 * @packageDocumentation
 */

import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";

import { CallCancelledError, Code } from "./errors.js";

/** One open call that answers with messages. */
export class Exchange<Output> {
  readonly #call: ClientReadableStream<Output>;
  readonly #closed: () => void;
  #wake: (() => void) | undefined;
  #failure: ServiceError | CallCancelledError | undefined;
  #ended = false;
  #over = false;
  #started = false;

  /**
   * @param closed - called once, when the call is over.
   */
  constructor(call: ClientReadableStream<Output>, closed: () => void) {
    this.#call = call;
    this.#closed = closed;
    call.on("readable", () => this.#wake?.());
    call.on("end", () => {
      this.#ended = true;
      this.#finish();
    });
    // Kept for whoever reads: without a listener, a failure that no one awaits would end the process.
    call.on("error", (failure: ServiceError) => {
      this.#failure ??= failure;
      this.#finish();
    });
  }

  /** Whether a message was read. */
  get started(): boolean {
    return this.#started;
  }

  /**
   * The next message; undefined: the call ended well.
   *
   * @throws ServiceError, gRPC's own, and CallCancelledError once it was cancelled.
   */
  async read(): Promise<Output | undefined> {
    if (this.#wake !== undefined) throw new Error("A stream is read by one loop at a time.");
    for (;;) {
      if (this.#failure instanceof CallCancelledError) throw this.#failure;
      const message = this.#call.read() as Output | null;
      if (message !== null) {
        this.#started = true;
        return message;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  /** End the call now; nothing happens where it is over. */
  cancel(cause?: unknown): void {
    if (this.#over) return;
    this.#failure = cancelled(cause);
    this.#finish();
    this.#call.cancel();
  }

  #finish(): void {
    this.#wake?.();
    if (this.#over) return;
    this.#over = true;
    this.#closed();
  }
}

/** The error of a call that this side cancelled. */
export function cancelled(cause?: unknown): CallCancelledError {
  return new CallCancelledError("The call was cancelled from this side.", { code: Code.CANCELLED, cause });
}
