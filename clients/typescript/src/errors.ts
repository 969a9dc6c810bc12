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
 */
import { ErrorReason } from "./weir/v1/error_pb.js";
import type { Attempt, FieldViolation } from "./weir/v1/error_pb.js";
import type { TokenUsage } from "./weir/v1/usage_pb.js";

/** The gRPC status codes by number; `Code[error.code]` is a code's name. */
export enum Code {
  /** No error. */
  OK = 0,
  /** The call was cancelled. */
  CANCELLED = 1,
  /** No other code fits. */
  UNKNOWN = 2,
  /** The request breaks a rule. */
  INVALID_ARGUMENT = 3,
  /** The call's time ran out. */
  DEADLINE_EXCEEDED = 4,
  /** There is no such thing. */
  NOT_FOUND = 5,
  /** There is such a thing already. */
  ALREADY_EXISTS = 6,
  /** The caller may not do this. */
  PERMISSION_DENIED = 7,
  /** Too much, or too much at once. */
  RESOURCE_EXHAUSTED = 8,
  /** The state of things does not allow it. */
  FAILED_PRECONDITION = 9,
  /** It was ended in the middle. */
  ABORTED = 10,
  /** Past the end of what there is. */
  OUT_OF_RANGE = 11,
  /** The method or feature is not here. */
  UNIMPLEMENTED = 12,
  /** The server has a fault. */
  INTERNAL = 13,
  /** The server cannot be reached, or cannot answer now. */
  UNAVAILABLE = 14,
  /** Something is lost for good. */
  DATA_LOSS = 15,
  /** The caller does not say who it is. */
  UNAUTHENTICATED = 16,
}

/** A limit that is used up: its name, and what is said about it. */
export interface QuotaViolation {
  readonly subject: string;
  readonly description: string;
}

/** What is not there: its type, its name, and what is said about it. */
export interface MissingResource {
  readonly type: string;
  readonly name: string;
  readonly description: string;
}

/** What is known of a failure; see the fields of WeirError. */
export interface Facts {
  readonly code: Code;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number | undefined;
  readonly fieldViolations?: readonly FieldViolation[];
  readonly quotaViolations?: readonly QuotaViolation[];
  readonly resource?: MissingResource | undefined;
  readonly responseId?: string;
  readonly usage?: TokenUsage | undefined;
  readonly attempts?: readonly Attempt[];
  readonly lastSequence?: bigint | undefined;
  readonly requestId?: string;
}

/** A call failed. The subclass says what to do next. */
export class WeirError extends Error {
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
  /** Milliseconds after which trying again makes sense; undefined: not known, or never. */
  readonly retryAfterMs: number | undefined;
  /** The request's fields that break a rule. */
  readonly fieldViolations: readonly FieldViolation[];
  /** The limits that are used up, by name. */
  readonly quotaViolations: readonly QuotaViolation[];
  /** What is not there, where something is not found. */
  readonly resource: MissingResource | undefined;
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

  /** An error of a sentence for people and facts; an absent fact has the value for "not told". */
  constructor(message: string, facts: Facts, options?: ErrorOptions) {
    super(message, options);
    this.code = facts.code;
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

  /** The reason as the enum's number; UNSPECIFIED where these stubs do not know its name. */
  get reasonNumber(): ErrorReason {
    const known = ErrorReason[this.reason as keyof typeof ErrorReason] as ErrorReason | undefined;
    return typeof known === "number" ? known : ErrorReason.UNSPECIFIED;
  }
}

/** The request breaks a rule, or asks for what the model cannot do; `fieldViolations` says. */
export class InvalidRequestError extends WeirError {
  override readonly name = "InvalidRequestError";
}

/** The call carries no Weir key, or one that is not valid. */
export class UnauthenticatedError extends WeirError {
  override readonly name = "UnauthenticatedError";
}

/** The key may not do this, or policy refuses the content. */
export class PermissionDeniedError extends WeirError {
  override readonly name = "PermissionDeniedError";
}

/** No such model, provider or response. */
export class NotFoundError extends WeirError {
  override readonly name = "NotFoundError";
}

/** The state of things is in the way: taken, not ready, still running, or outcome unknown. */
export class ConflictError extends WeirError {
  override readonly name = "ConflictError";
}

/** The method or feature does not exist here, or is switched off. */
export class UnsupportedError extends WeirError {
  override readonly name = "UnsupportedError";
}

/** Too much at once; try again after `retryAfterMs`. */
export class RateLimitedError extends WeirError {
  override readonly name: "RateLimitedError" | "QuotaExceededError" = "RateLimitedError";
}

/** A budget or a provider's quota is spent; waiting a moment does not help. */
export class QuotaExceededError extends RateLimitedError {
  override readonly name = "QuotaExceededError";
}

/** Weir or every provider could not answer, and nothing of an answer was given. */
export class UnavailableError extends WeirError {
  override readonly name = "UnavailableError";
}

/** The call's time ran out. */
export class DeadlineExceededError extends WeirError {
  override readonly name = "DeadlineExceededError";
}

/**
 * The call was cancelled from this side: by its signal, whose reason is the `cause`, by leaving or
 * closing its stream, or by closing the client.
 */
export class CallCancelledError extends WeirError {
  override readonly name = "CallCancelledError";
}

/** An answer began and did not end: what was received is not the whole of it. */
export class StreamBrokenError extends WeirError {
  override readonly name = "StreamBrokenError";
}

/** A fault of the server's own, or one that has no name. */
export class ServerError extends WeirError {
  override readonly name = "ServerError";
}

/** The server's answer breaks the contract, so it cannot be trusted to be whole. */
export class ProtocolError extends WeirError {
  override readonly name = "ProtocolError";
}
