/**
 * What does every call carry besides its request? A deadline and metadata.
 *
 * @packageDocumentation
 */

import { Metadata } from "@grpc/grpc-js";

import { NAME } from "./connection.js";

/** For how long a call may take that sets no time itself. */
export const UNARY_TIMEOUT_MS = 60_000;
/** For how long a stream may take that sets no time itself. */
export const STREAM_TIMEOUT_MS = 300_000;

// Checked here, for gRPC would call it an internal error of the server that never saw the call.
const REQUEST_ID = /^[A-Za-z0-9._:/+=-]{1,64}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,64}$/;
const NAME_OF_PAIR = /^[0-9a-z_.-]+$/;
const VALUE = /^[\x20-\x7e]*$/;
const PRIORITIES: readonly string[] = ["interactive", "standard", "background"];

/**
 * What every call takes. A value that breaks its rule throws RangeError before anything is sent.
 */
export interface CallOptions {
  /** Cancels the call when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the whole call, retries included. Absent: the client's default, 60 s, and 300 s
   * for streams. There is always a deadline.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Your identity for the call, found again in the server's logs and in errors: 1 to 64 letters,
   * digits or any of . _ : / + = -
   */
  readonly requestId?: string | undefined;
  /**
   * Up to 64 visible ASCII characters; a call repeated with the same key and request is not run
   * twice, but given the first run's answer.
   */
  readonly idempotencyKey?: string | undefined;
  /** Who waits for whom when the server is busy. Absent: the server's default. */
  readonly priority?: "interactive" | "standard" | "background" | undefined;
  /** Further pairs to send, such as [["traceparent", "00-…"]]; bytes where the name ends in -bin. */
  readonly metadata?: Iterable<readonly [string, string | Uint8Array]> | undefined;
  /** Called with the response's headers as soon as they are there; those of bytes are left out. */
  readonly onHeaders?: ((headers: Readonly<Record<string, string>>) => void) | undefined;
}

/** What a client adds to each of its calls. */
export interface Defaults {
  readonly timeoutMs?: number | undefined;
  readonly streamTimeoutMs?: number | undefined;
  readonly apiKey?: string | undefined;
}

/** The same, checked; throws RangeError for a key or a time that cannot be. */
export class CallDefaults {
  readonly #timeoutMs: number;
  readonly #streamTimeoutMs: number;
  readonly #metadata = new Metadata();

  constructor({ timeoutMs = UNARY_TIMEOUT_MS, streamTimeoutMs = STREAM_TIMEOUT_MS, apiKey }: Defaults) {
    this.#timeoutMs = positive(timeoutMs, "timeoutMs");
    this.#streamTimeoutMs = positive(streamTimeoutMs, "streamTimeoutMs");
    this.#metadata.set("weir-client", NAME);
    if (apiKey !== undefined) {
      if (!VALUE.test(apiKey) || !apiKey.trim()) {
        throw new RangeError("The API key must be printable ASCII; is there a line end in it?");
      }
      this.#metadata.set("authorization", `Bearer ${apiKey}`);
    }
  }

  /** The time when a call that begins now must be over. */
  deadline({ timeoutMs }: CallOptions, isStream: boolean): number {
    const own = isStream ? this.#streamTimeoutMs : this.#timeoutMs;
    return Date.now() + (timeoutMs === undefined ? own : positive(timeoutMs, "timeoutMs"));
  }

  /** The call's metadata, with the client's own. */
  metadata(call: CallOptions): Metadata {
    const metadata = this.#metadata.clone();
    for (const [name, value] of named(call)) metadata.set(name, value);
    let index = 0;
    for (const [name, value] of call.metadata ?? []) add(metadata, name, value, index++);
    return metadata;
  }
}

/** Give the pairs that have options of their own; an empty one is none. */
function* named({ requestId, idempotencyKey, priority }: CallOptions): Generator<[string, string]> {
  if (requestId) {
    if (!REQUEST_ID.test(requestId)) {
      throw new RangeError(`requestId must be 1 to 64 letters, digits or any of . _ : / + = -, not "${requestId}".`);
    }
    yield ["weir-request-id", requestId];
  }
  if (idempotencyKey) {
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new RangeError(`idempotencyKey must be 1 to 64 visible ASCII characters, not "${idempotencyKey}".`);
    }
    yield ["weir-idempotency-key", idempotencyKey];
  }
  if (priority) {
    if (!PRIORITIES.includes(priority)) {
      throw new RangeError(`priority must be interactive, standard or background, not "${priority}".`);
    }
    yield ["weir-priority", priority];
  }
}

/** Values stay out of errors: one may be a secret. */
function add(metadata: Metadata, name: string, value: string | Uint8Array, index: number): void {
  const where = `metadata[${index}]`;
  if (!NAME_OF_PAIR.test(name)) {
    throw new RangeError(`${where} has the name "${name}"; use lower-case letters, digits or any of _ . -`);
  }
  if (name.endsWith("-bin")) {
    if (typeof value === "string") throw new RangeError(`${where} (${name}) must have bytes as its value.`);
    metadata.add(name, Buffer.from(value));
  } else if (typeof value === "string" && VALUE.test(value)) {
    metadata.add(name, value);
  } else {
    throw new RangeError(
      `${where} (${name}) must have printable ASCII as its value; bytes need a name that ends in -bin.`,
    );
  }
}

function positive(timeMs: number, name: string): number {
  if (!(timeMs > 0 && Number.isFinite(timeMs))) {
    throw new RangeError(`${name} must be above 0 milliseconds, not ${timeMs}.`);
  }
  return timeMs;
}
