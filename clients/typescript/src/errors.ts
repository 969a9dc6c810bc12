/**
 * What can go wrong with a call, and what does a caller do next? One class per answer.
 *
 *     WeirError
 *     ├── InvalidRequestError      change the request
 *     ├── UnauthenticatedError     send another key
 *     ├── PermissionDeniedError    ask for the right
 *     ├── NotFoundError            name something that exists
 *     ├── ConflictError            look at the state of things, then decide
 *     ├── UnsupportedError         this server does not do that
 *     ├── RateLimitedError         wait `retryAfterMs`, then try again
 *     │   └── QuotaExceededError   waiting does not help: a budget or a quota is spent
 *     ├── UnavailableError         try again later; nothing of an answer was given
 *     ├── DeadlineExceededError    allow more time
 *     ├── CallCancelledError       the call was cancelled from this side
 *     ├── StreamBrokenError        the answer began and was cut; part of it may have been used
 *     ├── ServerError              report it, with `requestId`
 *     └── ProtocolError            the server broke the contract; report it
 *
 * A class follows from the gRPC code and, where a code means several things, from the reason.
 *
 * @packageDocumentation
 */

import { type Attempt, ErrorReason, type FieldViolation } from "./weir/v1/error_pb.js";
import type { TokenUsage } from "./weir/v1/usage_pb.js";

/** The gRPC status codes by number, for use without importing gRPC. */
export enum Code {
  /** It went well. */
  OK = 0,
  /** The call was cancelled. */
  CANCELLED = 1,
  /** An error without a name. */
  UNKNOWN = 2,
  /** The request breaks a rule. */
  INVALID_ARGUMENT = 3,
  /** The time ran out. */
  DEADLINE_EXCEEDED = 4,
  /** There is no such thing. */
  NOT_FOUND = 5,
  /** It is taken. */
  ALREADY_EXISTS = 6,
  /** It may not be done with this key. */
  PERMISSION_DENIED = 7,
  /** A limit is reached. */
  RESOURCE_EXHAUSTED = 8,
  /** The state of things is in the way. */
  FAILED_PRECONDITION = 9,
  /** Something else came in between. */
  ABORTED = 10,
  /** A value is out of its range. */
  OUT_OF_RANGE = 11,
  /** The server does not do that. */
  UNIMPLEMENTED = 12,
  /** A fault of the server's own. */
  INTERNAL = 13,
  /** The server cannot be reached, or cannot answer now. */
  UNAVAILABLE = 14,
  /** Something is lost for good. */
  DATA_LOSS = 15,
  /** There is no valid key. */
  UNAUTHENTICATED = 16,
}

/** A limit that is used up. */
export interface QuotaViolation {
  /** Its name. */
  readonly subject: string;
  /** What is said about it. */
  readonly description: string;
}

/** A thing that was asked for and is not there, or is in the way. */
export interface Resource {
  /** Its kind, such as "model". */
  readonly type: string;
  /** Its name. */
  readonly name: string;
}

/** What is known of a failure beside its message; see the fields of WeirError. */
export interface Facts {
  readonly code?: Code;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number | undefined;
  readonly fieldViolations?: readonly FieldViolation[];
  readonly quotaViolations?: readonly QuotaViolation[];
  readonly resource?: Resource | undefined;
  readonly responseId?: string;
  readonly usage?: TokenUsage | undefined;
  readonly attempts?: readonly Attempt[];
  readonly lastSequence?: bigint | undefined;
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** A call failed. Its class says what to do next, and `message` what happened, for people. */
export class WeirError extends Error {
  /** Name of the class. */
  override readonly name: string = "WeirError";
  /** The gRPC status code. */
  readonly code: Code;
  /**
   * Why, as the contract names it without its prefix, such as "MODEL_NOT_FOUND"; "" where the
   * failure did not come from Weir itself, such as a refused connection.
   */
  readonly reason: string;
  /** Facts about the failure; the keys are named with each ErrorReason. */
  readonly metadata: Readonly<Record<string, string>>;
  /** After how many milliseconds trying again makes sense; undefined: not known, or never. */
  readonly retryAfterMs: number | undefined;
  /** The request's fields that break a rule. */
  readonly fieldViolations: readonly FieldViolation[];
  /** The limits that are used up. */
  readonly quotaViolations: readonly QuotaViolation[];
  /** What was asked for and is not there; undefined: not told. */
  readonly resource: Resource | undefined;
  /** Weir's identity of the answer; "" where there is none. */
  readonly responseId: string;
  /** What was used all the same; undefined: not told. */
  readonly usage: TokenUsage | undefined;
  /** The calls made to providers. */
  readonly attempts: readonly Attempt[];
  /** Of the last event that the server sent; undefined: it sent none, or does not say. */
  readonly lastSequence: bigint | undefined;
  /** Identity of the call in the server's logs; "" where it never got there. */
  readonly requestId: string;

  /** An error with what is known of it. */
  constructor(message: string, facts: Facts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code ?? Code.UNKNOWN;
    this.reason = facts.reason ?? "";
    this.metadata = facts.metadata ?? {};
    this.retryAfterMs = facts.retryAfterMs;
    this.fieldViolations = facts.fieldViolations ?? [];
    this.quotaViolations = facts.quotaViolations ?? [];
    this.resource = facts.resource;
    this.responseId = facts.responseId ?? "";
    this.usage = facts.usage;
    this.attempts = facts.attempts ?? [];
    this.lastSequence = facts.lastSequence;
    this.requestId = facts.requestId ?? "";
  }

  /** The reason as the enum's number; unspecified where these stubs do not know its name. */
  get reasonNumber(): ErrorReason {
    const known = (ErrorReason as unknown as Readonly<Record<string, ErrorReason | undefined>>)[this.reason];
    return typeof known === "number" ? known : ErrorReason.UNSPECIFIED;
  }
}

/** The request breaks a rule, or asks for what the model cannot do; `fieldViolations` says. */
export class InvalidRequestError extends WeirError {
  override readonly name: string = "InvalidRequestError";
}

/** The call carries no Weir key, or one that is not valid. */
export class UnauthenticatedError extends WeirError {
  override readonly name: string = "UnauthenticatedError";
}

/** The key may not do this, or policy refuses the content. */
export class PermissionDeniedError extends WeirError {
  override readonly name: string = "PermissionDeniedError";
}

/** No such model, provider or response. */
export class NotFoundError extends WeirError {
  override readonly name: string = "NotFoundError";
}

/** The state of things is in the way: taken, not ready, still running, or outcome unknown. */
export class ConflictError extends WeirError {
  override readonly name: string = "ConflictError";
}

/** The method or feature does not exist here, or is switched off. */
export class UnsupportedError extends WeirError {
  override readonly name: string = "UnsupportedError";
}

/** Too much at once; try again after `retryAfterMs`. */
export class RateLimitedError extends WeirError {
  override readonly name: string = "RateLimitedError";
}

/** A budget or a provider's quota is spent; waiting a moment does not help. */
export class QuotaExceededError extends RateLimitedError {
  override readonly name: string = "QuotaExceededError";
}

/** Weir or every provider could not answer, and nothing of an answer was given. */
export class UnavailableError extends WeirError {
  override readonly name: string = "UnavailableError";
}

/** The call's time ran out. */
export class DeadlineExceededError extends WeirError {
  override readonly name: string = "DeadlineExceededError";
}

/**
 * The call was cancelled from this side: its signal was aborted (`cause` is the signal's reason), its
 * loop was left, `cancel()` was called, or its client was closed.
 */
export class CallCancelledError extends WeirError {
  override readonly name: string = "CallCancelledError";
}

/** An answer began and did not end: what was received is not the whole of it. */
export class StreamBrokenError extends WeirError {
  override readonly name: string = "StreamBrokenError";
}

/** A fault of the server's own, or one that has no name. */
export class ServerError extends WeirError {
  override readonly name: string = "ServerError";
}

/** The server's answer breaks the contract, so it cannot be trusted to be whole. */
export class ProtocolError extends WeirError {
  override readonly name: string = "ProtocolError";
}

/** A class of errors. */
export type ErrorClass = new (message: string, facts?: Facts) => WeirError;

const BY_CODE: ReadonlyMap<Code, ErrorClass> = new Map<Code, ErrorClass>([
  [Code.CANCELLED, CallCancelledError],
  [Code.INVALID_ARGUMENT, InvalidRequestError],
  [Code.DEADLINE_EXCEEDED, DeadlineExceededError],
  [Code.NOT_FOUND, NotFoundError],
  [Code.ALREADY_EXISTS, ConflictError],
  [Code.PERMISSION_DENIED, PermissionDeniedError],
  [Code.RESOURCE_EXHAUSTED, RateLimitedError],
  [Code.FAILED_PRECONDITION, ConflictError],
  [Code.ABORTED, ConflictError],
  [Code.OUT_OF_RANGE, InvalidRequestError],
  [Code.UNIMPLEMENTED, UnsupportedError],
  [Code.UNAVAILABLE, UnavailableError],
  [Code.UNAUTHENTICATED, UnauthenticatedError],
]);

// Where the code alone would send the caller the wrong way.
const BY_REASON: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ["MESSAGE_TOO_LARGE", InvalidRequestError],
  ["BUDGET_EXCEEDED", QuotaExceededError],
  ["UPSTREAM_QUOTA_EXHAUSTED", QuotaExceededError],
  ["SLOW_CONSUMER", StreamBrokenError],
  ["UPSTREAM_STREAM_BROKEN", StreamBrokenError],
]);

/**
 * The class for a code and a reason; a reason that is not known here leaves it to the code.
 *
 * @param answered - whether something of an answer was given: "unavailable" then means that it was
 *   cut, by a server that shuts down for one, and trying again is no free call.
 */
export function errorClass(code: Code, reason = "", answered = false): ErrorClass {
  if (answered && code === Code.UNAVAILABLE) return StreamBrokenError;
  return BY_REASON.get(reason) ?? BY_CODE.get(code) ?? ServerError;
}
