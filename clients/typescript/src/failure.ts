/** Which error does a failure stand for? From a gRPC status, or from a stream's end. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";
import * as errors from "./errors.js";
import { Code } from "./errors.js";
import type { Facts, WeirError } from "./errors.js";
import { ErrorReason, FailureInfoSchema, FieldViolationSchema } from "./weir/v1/error_pb.js";
import type { FieldViolation } from "./weir/v1/error_pb.js";
import type { StreamEnd } from "./weir/v1/generation_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  StatusSchema,
} from "./wire/details_pb.js";

type ErrorClass = new (message: string, facts: Facts, options?: ErrorOptions) => WeirError;
type Told = { -readonly [Name in keyof Facts]: Facts[Name] };

const DOMAIN = "weir";

const BY_CODE: ReadonlyMap<Code, ErrorClass> = new Map<Code, ErrorClass>([
  [Code.CANCELLED, errors.CallCancelledError],
  [Code.INVALID_ARGUMENT, errors.InvalidRequestError],
  [Code.DEADLINE_EXCEEDED, errors.DeadlineExceededError],
  [Code.NOT_FOUND, errors.NotFoundError],
  [Code.ALREADY_EXISTS, errors.ConflictError],
  [Code.PERMISSION_DENIED, errors.PermissionDeniedError],
  [Code.RESOURCE_EXHAUSTED, errors.RateLimitedError],
  [Code.FAILED_PRECONDITION, errors.ConflictError],
  [Code.ABORTED, errors.ConflictError],
  [Code.OUT_OF_RANGE, errors.InvalidRequestError],
  [Code.UNIMPLEMENTED, errors.UnsupportedError],
  [Code.UNAVAILABLE, errors.UnavailableError],
  [Code.UNAUTHENTICATED, errors.UnauthenticatedError],
]);

// Where the code alone would send the caller the wrong way.
const BY_REASON: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ["MESSAGE_TOO_LARGE", errors.InvalidRequestError],
  ["BUDGET_EXCEEDED", errors.QuotaExceededError],
  ["UPSTREAM_QUOTA_EXHAUSTED", errors.QuotaExceededError],
  ["SLOW_CONSUMER", errors.StreamBrokenError],
  ["UPSTREAM_STREAM_BROKEN", errors.StreamBrokenError],
]);

// What a cut connection looks like when no one is left to say why.
const CUT: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN]);

// gRPC's own limit on messages gives no details, only one of these.
const TOO_LARGE = /larger than (max|\d)/;

/** A call's status as it came. */
export interface Status {
  readonly code: number;
  readonly message: string;
  /** The trailing metadata `grpc-status-details-bin`. */
  readonly details?: Uint8Array | undefined;
  /** The trailing metadata `weir-response-id`. */
  readonly responseId?: string | undefined;
  /** The trailing metadata `weir-request-id`. */
  readonly requestId?: string | undefined;
}

/** How far a stream had come. */
export interface Progress {
  /** Whether a message had come; a bare transport failure is then a broken stream. */
  readonly started: boolean;
  /** Whether something of an answer was given; "unavailable" then means that it was cut. */
  readonly answered: boolean;
}

/** The error of a call that ended with a status. */
export function errorFromStatus(status: Status, progress: Progress): WeirError {
  const code = codeOf(status.code);
  const facts: Told = { code };
  if (status.responseId !== undefined) facts.responseId = status.responseId;
  if (status.requestId !== undefined) facts.requestId = status.requestId;
  for (const detail of detailsOf(status.details)) note(detail, facts);
  const reason = facts.reason ?? "";
  let kind = classOf(code, reason, progress.answered);
  if (reason === "") {
    if (progress.started && CUT.has(code)) kind = errors.StreamBrokenError;
    else if (code === Code.RESOURCE_EXHAUSTED && TOO_LARGE.test(status.message)) {
      kind = errors.InvalidRequestError;
    }
  }
  return new kind(status.message || nameless(code), facts);
}

/** The error that the end of a stream carries. */
export function errorFromEnd(end: StreamEnd, answered: boolean): WeirError {
  const told = end.error;
  const code = codeOf(told?.code ?? Code.UNKNOWN);
  const known = ErrorReason[told?.reason ?? 0] ?? "";
  const reason = known === "UNSPECIFIED" ? "" : known;
  const kind = classOf(code, reason, answered);
  return new kind(told?.message || nameless(code), {
    code,
    reason,
    metadata: told?.metadata ?? {},
    retryAfterMs: told?.retryAfter && milliseconds(told.retryAfter),
    fieldViolations: told?.fieldViolations ?? [],
    responseId: end.metadata?.responseId ?? "",
    usage: end.usage,
    attempts: end.metadata?.attempts ?? [],
  });
}

/** The error of a call that this side ended. */
export function cancelled(cause?: unknown): WeirError {
  const options = cause === undefined ? undefined : { cause };
  const message = "The call was cancelled from this side.";
  return new errors.CallCancelledError(message, { code: Code.CANCELLED }, options);
}

/** Adds what a stream said to an error that does not say it itself. */
export function completed(
  error: WeirError,
  stream: Required<Pick<Facts, "responseId" | "usage" | "attempts">>,
): WeirError {
  return Object.assign(error, {
    responseId: error.responseId || stream.responseId,
    usage: error.usage ?? stream.usage,
    attempts: error.attempts.length > 0 ? error.attempts : stream.attempts,
  });
}

function classOf(code: Code, reason: string, answered: boolean): ErrorClass {
  if (answered && code === Code.UNAVAILABLE) return errors.StreamBrokenError;
  return BY_REASON.get(reason) ?? BY_CODE.get(code) ?? errors.ServerError;
}

function detailsOf(bytes: Uint8Array | undefined): readonly Any[] {
  if (bytes === undefined) return [];
  try {
    return fromBinary(StatusSchema, bytes).details;
  } catch {
    return []; // bytes of something else on the way: the status itself still says what happened
  }
}

function note(detail: Any, facts: Told): void {
  try {
    read(detail, facts);
  } catch {
    return; // as above; the other details may be whole
  }
}

function read(detail: Any, facts: Told): void {
  const info = anyUnpack(detail, ErrorInfoSchema);
  if (info !== undefined) {
    const { reason, metadata } = info;
    if (info.domain === DOMAIN) Object.assign(facts, { reason, metadata });
    return;
  }
  const retry = anyUnpack(detail, RetryInfoSchema);
  if (retry !== undefined) {
    facts.retryAfterMs = retry.retryDelay ? milliseconds(retry.retryDelay) : 0;
    return;
  }
  const request = anyUnpack(detail, BadRequestSchema);
  if (request !== undefined) {
    facts.fieldViolations = request.fieldViolations.map(
      ({ field, description, reason }): FieldViolation =>
        create(FieldViolationSchema, { field, description, rule: reason }),
    );
    return;
  }
  const quota = anyUnpack(detail, QuotaFailureSchema);
  if (quota !== undefined) {
    facts.quotaViolations = quota.violations.map(({ subject, description }) => ({
      subject,
      description,
    }));
    return;
  }
  const resource = anyUnpack(detail, ResourceInfoSchema);
  if (resource !== undefined) {
    const { resourceType: type, resourceName: name, description } = resource;
    facts.resource = { type, name, description };
    return;
  }
  const failure = anyUnpack(detail, FailureInfoSchema);
  if (failure !== undefined) {
    if (failure.responseId) facts.responseId = failure.responseId;
    const { usage, attempts, lastSequence } = failure;
    Object.assign(facts, { usage, attempts, lastSequence });
  }
}

function codeOf(number: number): Code {
  return Code[number] === undefined ? Code.UNKNOWN : number;
}

function nameless(code: Code): string {
  return `The call failed with ${Code[code]}.`;
}

function milliseconds(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
