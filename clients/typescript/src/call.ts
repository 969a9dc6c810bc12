/** What does every call carry besides its request? A deadline, metadata and a signal. */
import { Metadata } from "@grpc/grpc-js";
import { VERSION } from "./version.js";

/** Milliseconds for a call that sets none itself. */
export const UNARY_TIMEOUT_MS = 60_000;

/** Milliseconds for a stream that sets none itself. */
export const STREAM_TIMEOUT_MS = 300_000;

/** Who waits for whom when the server is busy. */
export type Priority = "interactive" | "standard" | "background";

/**
 * What a call may be given besides its request. A value that breaks its rule throws an Error before
 * anything is sent.
 */
export interface CallOptions {
  /**
   * Milliseconds for the whole call, retries included. Absent: the client's default, 60 s, and
   * 300 s for streams. There is always a deadline.
   */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call when it is aborted; what is awaited then throws CallCancelledError. */
  readonly signal?: AbortSignal | undefined;
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
  /** Absent: the server's default. */
  readonly priority?: Priority | undefined;
  /**
   * Further pairs to send, such as [["traceparent", "00-…"]]; bytes where the name ends in -bin.
   */
  readonly metadata?: Iterable<readonly [name: string, value: string | Uint8Array]> | undefined;
}

/** What a client adds to each of its calls. */
export interface Defaults {
  readonly apiKey: string | undefined;
  readonly timeoutMs: number;
  readonly streamTimeoutMs: number;
}

// Checked here, for gRPC would call it an internal error of the server that never saw the call.
const REQUEST_ID = /^[A-Za-z0-9._:/+=-]{1,64}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,64}$/;
const NAME = /^[0-9a-z_.-]+$/;
const VALUE = /^[\x20-\x7e]*$/;
const PRIORITIES: readonly string[] = ["interactive", "standard", "background"];

/** Checks a client's defaults; throws an Error for a key or a time that cannot be. */
export function checkedDefaults(defaults: Defaults): Defaults {
  const { apiKey, timeoutMs, streamTimeoutMs } = defaults;
  if (apiKey !== undefined && (!VALUE.test(apiKey) || apiKey.trim() === "")) {
    throw new TypeError("The API key must be printable ASCII; is there a line end in it?");
  }
  positive(timeoutMs, "timeoutMs");
  positive(streamTimeoutMs, "streamTimeoutMs");
  return defaults;
}

/** When a call must be over, in milliseconds of the wall clock. */
export function deadlineOf(options: CallOptions, fallbackMs: number): number {
  const timeoutMs = options.timeoutMs ?? fallbackMs;
  return Date.now() + positive(timeoutMs, "timeoutMs");
}

/** A call's metadata, the client's own first. */
export function metadataOf(options: CallOptions, { apiKey }: Defaults): Metadata {
  const metadata = new Metadata();
  metadata.add("weir-client", `weir-client-typescript/${VERSION}`);
  if (apiKey !== undefined) metadata.add("authorization", `Bearer ${apiKey}`);
  const { requestId, idempotencyKey, priority } = options;
  if (requestId) {
    if (!REQUEST_ID.test(requestId)) {
      throw new TypeError(
        `requestId must be 1 to 64 letters, digits or any of . _ : / + = -, not "${requestId}".`,
      );
    }
    metadata.add("weir-request-id", requestId);
  }
  if (idempotencyKey) {
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new TypeError(
        `idempotencyKey must be 1 to 64 visible ASCII characters, not "${idempotencyKey}".`,
      );
    }
    metadata.add("weir-idempotency-key", idempotencyKey);
  }
  if (priority) {
    if (!PRIORITIES.includes(priority)) {
      throw new TypeError(`priority must be ${PRIORITIES.join(", ")}, not "${priority}".`);
    }
    metadata.add("weir-priority", priority);
  }
  let index = 0;
  for (const [name, value] of options.metadata ?? []) addPair(metadata, index++, name, value);
  return metadata;
}

/** Adds a pair that gRPC can carry. Values stay out of errors: one may be a secret. */
function addPair(metadata: Metadata, index: number, name: unknown, value: unknown): void {
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new TypeError(
      `metadata[${index}] has the name "${String(name)}"; ` +
        "use lower-case letters, digits or any of _ . -",
    );
  }
  if (name.endsWith("-bin")) {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`metadata[${index}] (${name}) must have bytes as its value.`);
    }
    metadata.add(name, Buffer.from(value));
  } else {
    if (typeof value !== "string" || !VALUE.test(value)) {
      throw new TypeError(
        `metadata[${index}] (${name}) must have printable ASCII as its value; ` +
          "bytes need a name that ends in -bin.",
      );
    }
    metadata.add(name, value);
  }
}

function positive(milliseconds: number, name: string): number {
  if (!(milliseconds > 0) || !Number.isFinite(milliseconds)) {
    throw new RangeError(`${name} must be above 0 milliseconds and finite, not ${milliseconds}.`);
  }
  return milliseconds;
}
