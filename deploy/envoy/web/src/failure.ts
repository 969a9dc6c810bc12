// What does a failed call say? The facts of Weir's status details, for people and for programs.

import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";

/** A failure as its caller should see it. */
export interface Failure {
  /** The gRPC code, such as NotFound. */
  code: string;
  /** Weir's reason, such as MODEL_NOT_FOUND; empty where something else than Weir answered. */
  reason: string;
  message: string;
  /** When to try again; undefined: nothing was said. */
  retryAfterMs?: number;
  /** The fields that break a rule. */
  fields: { field: string; description: string }[];
  /** What to name when asking an operator. */
  requestId: string;
}

/** Read a thrown error. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const failure: Failure = {
    code: Code[error.code] ?? String(error.code),
    reason: "",
    message: error.rawMessage,
    fields: [],
    // Headers and trailers both have it, and are one here.
    requestId: error.metadata.get("weir-request-id")?.split(", ")[0] ?? "",
  };
  for (const detail of error.details) {
    if (!("type" in detail) || !(detail.value instanceof Uint8Array)) continue;
    const { type, value } = detail;
    if (type === "google.rpc.ErrorInfo") failure.reason = texts(value)[1] ?? "";
    if (type === "google.rpc.RetryInfo") {
      const delay = fields(value).find(({ number }) => number === 1)?.bytes;
      if (delay) failure.retryAfterMs = milliseconds(delay);
    }
    if (type === "google.rpc.BadRequest") {
      failure.fields = fields(value).map(({ bytes }) => {
        const [, field = "", description = ""] = texts(bytes);
        return { field, description };
      });
    }
  }
  return failure;
}

// The details are messages of google.rpc, three of which are read here; no stubs for so little.

function fields(bytes: Uint8Array): { number: number; bytes: Uint8Array }[] {
  const found = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (wire === 2) found.push({ number, bytes: reader.bytes() });
    else reader.skip(wire);
  }
  return found;
}

function texts(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (const field of fields(bytes)) found[field.number] ??= new TextDecoder().decode(field.bytes);
  return found;
}

function milliseconds(duration: Uint8Array): number {
  let total = 0;
  const reader = new BinaryReader(duration);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1) total += Number(reader.int64()) * 1000;
    else if (number === 2) total += reader.int32() / 1e6;
    else reader.skip(wire);
  }
  return total;
}
