/** How does a program on Node call Weir? With a Client. */
import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import type { ClientOptions as ChannelOptions } from "@grpc/grpc-js";
import { STREAM_TIMEOUT_MS, UNARY_TIMEOUT_MS, checkedDefaults } from "./call.js";
import type { CallOptions } from "./call.js";
import { connection } from "./connection.js";
import type { TlsFiles } from "./connection.js";
import { ChatFold, CompleteFold } from "./fold.js";
import { Link } from "./link.js";
import type { Stub } from "./link.js";
import { user } from "./messages.js";
import { Stream } from "./stream.js";
import { ProviderAdminService } from "./weir/admin/v1/admin_service_pb.js";
import { KeyAdminService } from "./weir/admin/v1/key_admin_service_pb.js";
import { UsageAdminService } from "./weir/admin/v1/usage_admin_service_pb.js";
import type { MessageSchema } from "./weir/v1/content_pb.js";
import { EmbeddingService } from "./weir/v1/embedding_service_pb.js";
import type { EmbedRequestSchema, EmbedResponse } from "./weir/v1/embedding_service_pb.js";
import type { StreamOptionsSchema } from "./weir/v1/generation_pb.js";
import { ModelService } from "./weir/v1/model_service_pb.js";
import { LLMProviderService } from "./weir/v1/provider_service_pb.js";
import type {
  ChatRequestSchema,
  ChatResponse,
  CompleteRequestSchema,
  CompleteResponse,
  CountTokensRequestSchema,
  CountTokensResponse,
} from "./weir/v1/provider_service_pb.js";
import { UsageService } from "./weir/v1/usage_service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as HealthStatus } from "./wire/health_pb.js";

/** How a client is made. A value that cannot be throws an Error. */
export interface ClientOptions {
  /** The Weir key, sent with each call. Absent: none. */
  readonly apiKey?: string | undefined;
  /**
   * true, false, or the files to use. Absent: TLS, unless the address is on this machine or begins
   * with http://.
   */
  readonly tls?: boolean | TlsFiles | undefined;
  /** Milliseconds for a call that sets none itself. Absent: 60 s. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for a stream that sets none itself. Absent: 300 s. */
  readonly streamTimeoutMs?: number | undefined;
  /** The largest message to take; a larger one is an InvalidRequestError. Absent: 32 MiB. */
  readonly maxReceiveBytes?: number | undefined;
  /** Further settings of grpc-js, such as interceptors; they override the client's own. */
  readonly channel?: ChannelOptions | undefined;
}

/** What a streamed call may be given besides its request. */
export interface StreamCallOptions extends CallOptions {
  /** How the stream is to be sent, such as with interim usage. */
  readonly streamOptions?: MessageInitShape<typeof StreamOptionsSchema> | undefined;
}

/** A conversation: the user's text alone, its messages, or a whole request. */
export type ChatInput =
  | string
  | readonly MessageInitShape<typeof MessageSchema>[]
  | MessageInitShape<typeof ChatRequestSchema>;

/** What to go on from: a text alone, or a whole request. */
export type CompleteInput = string | MessageInitShape<typeof CompleteRequestSchema>;

/** What to embed: a text, several, or a whole request. */
export type EmbedInputs = string | readonly string[] | MessageInitShape<typeof EmbedRequestSchema>;

/** Whose tokens to count: a text's alone, or a whole request's. */
export type CountInput = string | MessageInitShape<typeof CountTokensRequestSchema>;

/**
 * A connection to Weir, made to be kept: one for each server and key.
 *
 *     using client = new Client("localhost:50051");
 *     const answer = await client.chat("Hello");
 *
 * The address is "host:port", "https://host:port", "http://host:port" or "unix:/path"; the
 * connection is made with the first call.
 *
 * Its methods are the calls that most programs make. The stubs beside them have every call there is,
 * with the same deadlines, metadata and errors. Every failed call throws a WeirError, a class by
 * what to do next. A call that fails with UNAVAILABLE before anything of an answer was given is
 * tried again, three times in all, 0.2 s to 2 s apart, unless the server forbids it. Nothing else is
 * repeated.
 */
export class Client {
  readonly #link: Link;
  /** Answers chats and completions, counts tokens and registers providers. */
  readonly providers: Stub<typeof LLMProviderService>;
  /** What the server has. */
  readonly models: Stub<typeof ModelService>;
  /** Turns texts and media into vectors. */
  readonly embeddings: Stub<typeof EmbeddingService>;
  /** What calls of one's own used. */
  readonly usage: Stub<typeof UsageService>;
  /** For operators: how targets are doing, and which way a request would go. */
  readonly targets: Stub<typeof ProviderAdminService>;
  /** For operators: who may call, and how much. */
  readonly keys: Stub<typeof KeyAdminService>;
  /** For operators: what was used, and how much may be. */
  readonly budgets: Stub<typeof UsageAdminService>;

  /** Throws an Error for an address, a key, a time or a file that cannot be. */
  constructor(address: string, options: ClientOptions = {}) {
    const { apiKey, timeoutMs = UNARY_TIMEOUT_MS, streamTimeoutMs = STREAM_TIMEOUT_MS } = options;
    this.#link = new Link(
      connection(address, options.tls, options.maxReceiveBytes),
      checkedDefaults({ apiKey, timeoutMs, streamTimeoutMs }),
      options.channel ?? {},
    );
    this.providers = this.#link.stub(LLMProviderService);
    this.models = this.#link.stub(ModelService);
    this.embeddings = this.#link.stub(EmbeddingService);
    this.usage = this.#link.stub(UsageService);
    this.targets = this.#link.stub(ProviderAdminService);
    this.keys = this.#link.stub(KeyAdminService);
    this.budgets = this.#link.stub(UsageAdminService);
  }

  /** Cancels what is open and leaves the server; a second time does nothing. */
  close(): void {
    this.#link.close();
  }

  /** Closes the client at the end of a block: `using client = …`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Another service over the same connection, by its descriptor. */
  stub<Service extends DescService>(service: Service): Stub<Service> {
    return this.#link.stub(service);
  }

  /** Answers a conversation at once. */
  async chat(input: ChatInput, options?: CallOptions): Promise<ChatResponse> {
    return this.providers.chat(chatRequest(input), options);
  }

  /** Answers a conversation as the answer is written; see Stream. */
  streamChat(input: ChatInput, options: StreamCallOptions = {}): Stream<ChatResponse> {
    const fold = new ChatFold();
    const { streamOptions, ...call } = options;
    const request = { request: chatRequest(input), ...(streamOptions && { streamOptions }) };
    const method = LLMProviderService.method.streamChat;
    return new Stream(this.#link.stream(method, request, call, () => fold.answered), fold);
  }

  /** Goes on from a text at once. */
  async complete(input: CompleteInput, options?: CallOptions): Promise<CompleteResponse> {
    return this.providers.complete(completeRequest(input), options);
  }

  /** Goes on from a text as it is written; see Stream. */
  streamComplete(input: CompleteInput, options: StreamCallOptions = {}): Stream<CompleteResponse> {
    const fold = new CompleteFold();
    const { streamOptions, ...call } = options;
    const request = { request: completeRequest(input), ...(streamOptions && { streamOptions }) };
    const method = LLMProviderService.method.streamComplete;
    return new Stream(this.#link.stream(method, request, call, () => fold.answered), fold);
  }

  /** Turns texts or media into vectors, in order. */
  async embed(input: EmbedInputs, options?: CallOptions): Promise<EmbedResponse> {
    return this.embeddings.embed(embedRequest(input), options);
  }

  /** Counts the tokens of a text alone, or of a whole chat. */
  async countTokens(input: CountInput, options?: CallOptions): Promise<CountTokensResponse> {
    const request =
      typeof input === "string" ? { input: { case: "text" as const, value: input } } : input;
    return this.providers.countTokens(request, options);
  }

  /**
   * How the server is, or one of its services such as "weir.v1.LLMProviderService".
   *
   * Throws NotFoundError for a service that it does not know.
   */
  async health(service = "", options?: CallOptions): Promise<HealthStatus> {
    const { status } = await this.#link.unary(Health.method.check, { service }, options);
    return status;
  }
}

function chatRequest(input: ChatInput): MessageInitShape<typeof ChatRequestSchema> {
  if (typeof input === "string") return { messages: [user(input)] };
  return isList(input) ? { messages: [...input] } : input;
}

function completeRequest(input: CompleteInput): MessageInitShape<typeof CompleteRequestSchema> {
  return typeof input === "string" ? { prompt: input } : input;
}

function embedRequest(input: EmbedInputs): MessageInitShape<typeof EmbedRequestSchema> {
  if (typeof input !== "string" && !isList(input)) return input;
  const texts = typeof input === "string" ? [input] : input;
  return { inputs: texts.map((value) => ({ kind: { case: "text", value } })) };
}

function isList<Item>(value: readonly Item[] | object): value is readonly Item[] {
  return Array.isArray(value);
}

export { HealthStatus };
