/** How does the driver read a line, and how does it show what came? */

import { readFileSync } from "node:fs";

import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromJson,
  type JsonValue,
  type Message,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { Code, type ClientOptions, WeirError } from "weir-client";
import * as admin from "weir-client/admin/v1";
import * as v1 from "weir-client/v1";
import { Health } from "#dist/grpc/health/v1/health_pb.js";

/** A line of input. */
export interface Line {
  readonly id: string;
  readonly do?: "call" | "describe" | "exit_with_open_stream";
  readonly connection: {
    readonly target: string;
    readonly api_key?: string;
    readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
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

const SERVICES: readonly DescService[] = [
  v1.LLMProviderService,
  v1.ModelService,
  v1.EmbeddingService,
  v1.UsageService,
  admin.ProviderAdminService,
  admin.KeyAdminService,
  admin.UsageAdminService,
  Health,
];

/** What a client is made with. */
export function clientOptions({ connection }: Line): ClientOptions {
  const { ca, cert, key } = connection.tls ?? {};
  return {
    apiKey: connection.api_key,
    maxReceiveBytes: connection.max_receive_bytes,
    tls: connection.tls && { ca, cert, key },
  };
}

/** The method that a line names. */
export function methodOf({ method }: Line): DescMethod {
  const [service, name] = method.split("/");
  const found = SERVICES.find((each) => each.typeName === service)?.methods.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no method ${method}.`);
  return found;
}

/** A line's request as the message of its method. */
export function requestOf<D extends DescMessage>(schema: D, line: Line): MessageShape<D> {
  return line.request === undefined ? create(schema) : fromJson(schema, line.request);
}

/** What came of a call. */
export class Showing {
  readonly #line: Line;
  readonly #beganAt = performance.now();
  readonly #output: DescMessage;
  messages: Message[] = [];
  folded: Message | undefined;
  error: unknown;
  headers: Readonly<Record<string, string>> | undefined;

  constructor(line: Line) {
    this.#line = line;
    this.#output = methodOf(line).output;
  }

  /** The line of output. */
  toJSON(): object {
    const folded = this.#output.name === "StreamCompleteResponse" ? v1.CompleteResponseSchema : v1.ChatResponseSchema;
    return {
      id: this.#line.id,
      messages: this.messages.map((message) => toJson(this.#output, message)),
      ...(this.folded && { folded: toJson(folded, this.folded as v1.ChatResponse & v1.CompleteResponse) }),
      error: this.error === undefined ? null : shownError(this.error),
      ...(this.headers && { headers: this.headers }),
      elapsed_ms: Math.round(performance.now() - this.#beganAt),
    };
  }
}

function shownError(error: unknown): object {
  if (!(error instanceof WeirError)) return { code: "UNKNOWN", reason: "", message: String(error), class: "Error" };
  return {
    code: Code[error.code],
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
    retry_after_ms: error.retryAfterMs ?? null,
    field_violations: error.fieldViolations.map(({ field, description }) => ({ field, description })),
    quota_violations: error.quotaViolations,
    response_id: error.responseId,
    usage: error.usage === undefined ? null : toJson(v1.TokenUsageSchema, error.usage),
    attempts: error.attempts.map((each) => toJson(v1.AttemptSchema, each)),
    last_sequence: error.lastSequence?.toString() ?? null,
    complete: false,
    class: error.name,
  };
}

/** Versions of what runs here. */
export function runtime(): string {
  return ["@grpc/grpc-js", "@bufbuild/protobuf"].reduce(
    (said, name) => `${said}, ${name} ${installedVersion(name)}`,
    `node ${process.version}`,
  );
}

function installedVersion(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
