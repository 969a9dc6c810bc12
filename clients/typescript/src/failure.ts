/**
 * Which error does a failure on the wire stand for? From a gRPC status, or from a stream's end.
 *
 * @packageDocumentation
 */

import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";

import { Code, errorClass, type Facts, StreamBrokenError, type WeirError } from "./errors.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  StatusSchema,
} from "./google/rpc/details_pb.js";
import { ErrorReason, FailureInfoSchema, FieldViolationSchema } from "./weir/v1/error_pb.js";
import type { StreamEnd } from "./weir/v1/generation_pb.js";

const DOMAIN = "weir";
// What a cut connection looks like when no one is left to say why.
const CUT: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN]);

/** The status that a call ended with, and what its trailers say. */
export interface Status {
  /** Number of the gRPC status code. */
  readonly code: number;
  /** Text of the status. */
  readonly message: string;
  /** Bytes of the trailer `grpc-status-details-bin`, if it is there. */
  readonly details?: Uint8Array | undefined;
  /** The trailer `weir-response-id`. */
  readonly responseId?: string | undefined;
  /** The trailer `weir-request-id`. */
  readonly requestId?: string | undefined;
  /** What gRPC itself threw. */
  readonly cause?: unknown;
}

/** How far a call had come when it failed. */
export interface Progress {
  /** Whether the stream had begun; a bare transport failure is then a broken stream. */
  readonly started?: boolean;
  /** Whether something of an answer was given; see `errorClass`. */
  readonly answered?: boolean;
}

/** The error of a call that ended with a status. */
export function errorFromStatus(status: Status, progress: Progress = {}): WeirError {
  const code = codeOf(status.code);
  const told = decode(status.details);
  let kind = errorClass(code, told.reason, progress.answered);
  if (!told.reason) {
    if (progress.started === true && CUT.has(code)) {
      kind = StreamBrokenError;
    } else if (code === Code.RESOURCE_EXHAUSTED && status.message.includes("larger than")) {
      kind = errorClass(code, "MESSAGE_TOO_LARGE"); // gRPC's own limit gives no details
    }
  }
  return new kind(status.message || nameless(code), {
    ...told,
    code,
    responseId: told.responseId || (status.responseId ?? ""),
    requestId: status.requestId ?? "",
    cause: status.cause,
  });
}

/** The error that the end of a stream carries; `answered` as in `errorClass`. */
export function errorFromEnd(end: StreamEnd, answered = false): WeirError {
  const { error, metadata } = end;
  const code = codeOf(error?.code ?? Code.UNKNOWN);
  const named = error?.reason ? ErrorReason[error.reason] : undefined;
  const reason = named ?? "";
  return new (errorClass(code, reason, answered))(error?.message || nameless(code), {
    code,
    reason,
    metadata: { ...error?.metadata },
    retryAfterMs: error?.retryAfter && milliseconds(error.retryAfter),
    fieldViolations: error?.fieldViolations ?? [],
    responseId: metadata?.responseId ?? "",
    usage: end.usage,
    attempts: metadata?.attempts ?? [],
  });
}

/** Add what the stream said to an error that does not say it itself. */
export function complete(error: WeirError, said: Pick<Facts, "responseId" | "usage" | "attempts">): WeirError {
  const open: { -readonly [K in keyof WeirError]: WeirError[K] } = error;
  open.responseId ||= said.responseId ?? "";
  open.usage ??= said.usage;
  if (error.attempts.length === 0) open.attempts = said.attempts ?? [];
  return error;
}

type Told = { -readonly [K in keyof Facts]: Facts[K] } & { reason: string; responseId: string };

function decode(details: Uint8Array | undefined): Told {
  const told: Told = { reason: "", responseId: "" };
  const bytes = parsed(StatusSchema, details);
  for (const detail of bytes?.details ?? []) note(detail, told);
  return told;
}

function note(detail: Any, told: Told): void {
  switch (detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1)) {
    case ErrorInfoSchema.typeName: {
      const info = parsed(ErrorInfoSchema, detail.value);
      if (info?.domain !== DOMAIN) return;
      told.reason = info.reason;
      told.metadata = { ...info.metadata };
      return;
    }
    case RetryInfoSchema.typeName: {
      const delay = parsed(RetryInfoSchema, detail.value)?.retryDelay;
      told.retryAfterMs = delay && milliseconds(delay);
      return;
    }
    case BadRequestSchema.typeName:
      told.fieldViolations = (parsed(BadRequestSchema, detail.value)?.fieldViolations ?? []).map(
        ({ field, description, reason }) => create(FieldViolationSchema, { field, description, rule: reason }),
      );
      return;
    case QuotaFailureSchema.typeName:
      told.quotaViolations = (parsed(QuotaFailureSchema, detail.value)?.violations ?? []).map(
        ({ subject, description }) => ({ subject, description }),
      );
      return;
    case ResourceInfoSchema.typeName: {
      const info = parsed(ResourceInfoSchema, detail.value);
      told.resource = info && { type: info.resourceType, name: info.resourceName };
      return;
    }
    case FailureInfoSchema.typeName: {
      const failure = parsed(FailureInfoSchema, detail.value);
      if (failure === undefined) return;
      told.responseId = failure.responseId;
      told.usage = failure.usage;
      told.attempts = failure.attempts;
      told.lastSequence = failure.lastSequence;
    }
  }
}

/** Undefined for bytes of something else on the way: the status itself still says what happened. */
function parsed<D extends DescMessage>(schema: D, bytes: Uint8Array | undefined): MessageShape<D> | undefined {
  try {
    return bytes && fromBinary(schema, bytes);
  } catch {
    return undefined;
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
