/** How does the driver read a line, and how does it write down what came? */
import { createRegistry, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, DescService, JsonValue, Message } from "@bufbuild/protobuf";
import type { CallOptions, ClientOptions } from "../src/index.js";
import { Code, WeirError } from "../src/index.js";
import * as admin from "../src/admin.js";
import * as v1 from "../src/v1.js";
import { Health } from "../src/wire/health_pb.js";

/** What a line of input says. */
export interface Line {
  readonly id: string;
  readonly do?: "call" | "describe" | "exit_with_open_stream";
  readonly connection: {
    readonly target: string;
    readonly api_key?: string;
    readonly tls?: { readonly ca?: string; cert?: string; key?: string; server_name?: string };
    readonly max_receive_bytes?: number;
  };
  readonly method: string;
  readonly request: JsonValue;
  readonly timeout_ms?: number;
  readonly metadata?: readonly (readonly [string, string])[];
  readonly cancel_after_messages?: number;
  readonly cancel_after_ms?: number;
  readonly pause_after_messages?: { readonly count: number; readonly ms: number };
  readonly abandon_after_messages?: number;
}

/** A message and what describes it. */
export type Described = readonly [schema: DescMessage, message: Message];

const SERVICES = new Map<string, DescService>(
  [
    v1.LLMProviderService,
    v1.ModelService,
    v1.EmbeddingService,
    v1.UsageService,
    admin.ProviderAdminService,
    admin.KeyAdminService,
    admin.UsageAdminService,
    Health,
  ].map((service) => [service.typeName, service]),
);
const REGISTRY = createRegistry(...SERVICES.values());

/** The method that a line names. */
export function methodOf({ method }: Line): DescMethod {
  const [service = "", name] = method.split("/");
  const found = SERVICES.get(service)?.methods.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`There is no method ${method}.`);
  return found;
}

/** The request of a line. */
export function requestOf(line: Line, method: DescMethod): Message {
  return fromJson(method.input, line.request, { registry: REGISTRY });
}

/** What the client of a line is made with. */
export function clientOptions({ connection }: Line): ClientOptions {
  const { api_key: apiKey, max_receive_bytes: maxReceiveBytes, tls } = connection;
  if (tls === undefined) return { apiKey, maxReceiveBytes };
  const { server_name: serverName, ...files } = tls;
  const named = serverName === undefined ? files : { ...files, serverName };
  return { apiKey, maxReceiveBytes, tls: named };
}

/** What the call of a line is made with. */
export function callOptions(line: Line, signal: AbortSignal): CallOptions {
  return { timeoutMs: line.timeout_ms, metadata: line.metadata, signal };
}

/** A message as proto JSON. */
export function written([schema, message]: Described): JsonValue {
  return toJson(schema, message, { registry: REGISTRY });
}

/** An error as the kit compares it; one that is none of Weir's is of a value that cannot be sent. */
export function failure(error: unknown): JsonValue {
  if (!(error instanceof WeirError)) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { code: "INVALID_ARGUMENT", reason: "", message, metadata: {}, class: name };
  }
  return {
    code: Code[error.code] ?? "UNKNOWN",
    reason: error.reason,
    message: error.message,
    metadata: { ...error.metadata },
    retry_after_ms: error.retryAfterMs ?? null,
    field_violations: error.fieldViolations.map(({ field, description }) => ({
      field,
      description,
    })),
    quota_violations: error.quotaViolations.map(({ subject, description }) => ({
      subject,
      description,
    })),
    response_id: error.responseId,
    usage: error.usage === undefined ? null : written([v1.TokenUsageSchema, error.usage]),
    attempts: error.attempts.map((attempt) => written([v1.AttemptSchema, attempt])),
    last_sequence: error.lastSequence?.toString() ?? null,
    complete: false,
    class: error.name,
  };
}
