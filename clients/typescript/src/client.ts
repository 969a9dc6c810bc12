/**
 * How does a program call Weir? With a Client.
 *
 * @packageDocumentation
 */

import { create, type DescService, type MessageInitShape } from "@bufbuild/protobuf";

import { CallDefaults, type CallOptions } from "./calls.js";
import { connection, type TlsFiles } from "./connection.js";
import { ChatFold, CompleteFold } from "./fold.js";
import { Health, HealthCheckResponse_ServingStatus } from "./grpc/health/v1/health_pb.js";
import { Link } from "./link.js";
import { asInputs, asMessages, type EmbedInputInit, type MessageInit } from "./messages.js";
import { AnswerStream } from "./stream.js";
import { type Stub, stubOf } from "./stub.js";
import {
  type EmbeddingEncoding,
  EmbeddingService,
  type EmbeddingTask,
  type EmbedResponse,
} from "./weir/v1/embedding_service_pb.js";
import type { GenerationOptionsSchema, StreamOptionsSchema } from "./weir/v1/generation_pb.js";
import type { Model } from "./weir/v1/model_pb.js";
import { type GetServerInfoResponse, ModelService } from "./weir/v1/model_service_pb.js";
import {
  type ChatResponse,
  type CompleteResponse,
  type CountTokensResponse,
  LLMProviderService,
  StreamChatRequestSchema,
  StreamCompleteRequestSchema,
} from "./weir/v1/provider_service_pb.js";

/** What a client is made with. */
export interface ClientOptions {
  /** The Weir key, sent with each call. */
  readonly apiKey?: string | undefined;
  /**
   * True, false, or the files to use. Absent: TLS, unless the address is on this machine or begins
   * with http://.
   */
  readonly tls?: boolean | TlsFiles | undefined;
  /** Milliseconds for a call that sets none itself: 60 000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for a stream that sets none itself: 300 000. */
  readonly streamTimeoutMs?: number | undefined;
  /** The largest message to take: 32 MiB. A larger one throws InvalidRequestError. */
  readonly maxReceiveBytes?: number | undefined;
}

/** Who answers. */
export interface ModelChoice extends CallOptions {
  /** An alias or a name. Absent: the server's default. */
  readonly model?: string;
  /** A handle such as "providers/openai". Absent: the model decides. */
  readonly provider?: string;
}

/** What a completion takes. */
export interface CompleteOptions extends ModelChoice {
  /** How to make the answer. Absent: the provider's defaults. */
  readonly options?: MessageInitShape<typeof GenerationOptionsSchema>;
}

/** What a chat takes. */
export interface ChatOptions extends CompleteOptions {
  /** Your identity of the conversation, for records and affinity. */
  readonly conversation?: string;
}

/** What a stream takes further. */
export interface Streamed {
  /** How to send the stream. */
  readonly streamOptions?: MessageInitShape<typeof StreamOptionsSchema>;
}

/** What an embedding takes. */
export interface EmbedOptions extends ModelChoice {
  /** Length of the vectors. Absent: the model's own. */
  readonly dimensions?: number;
  /** How the vectors are written. Absent: a list of 32-bit floats. */
  readonly encoding?: EmbeddingEncoding;
  /** What the vectors are for. */
  readonly task?: EmbeddingTask;
}

/** How a server is. */
export type HealthStatus = keyof typeof HealthCheckResponse_ServingStatus;

/**
 * A connection to Weir.
 *
 *     await using client = new Client("localhost:50051");
 *     const response = await client.chat("Hello");
 *
 * The connection is made at the first call. Closing the client cancels what is still open. A client
 * without open calls does not keep a process alive.
 *
 * Every call takes CallOptions and fails with a WeirError, whose class says what to do next.
 * Unavailable servers are tried three times, 0.2 s to 2 s apart, as long as nothing of an answer was
 * given.
 */
export class Client implements AsyncDisposable {
  readonly #link: Link;

  /**
   * @param address - "host:port", "https://host:port", "http://host:port" or "unix:/path".
   * @throws RangeError for an address, a key or a time that cannot be; a call does for an option that
   *   cannot be sent.
   */
  constructor(address: string, options: ClientOptions = {}) {
    this.#link = new Link(connection(address, options.tls, options.maxReceiveBytes), new CallDefaults(options));
  }

  // --- Answers -----------------------------------------------------------------------------------

  /** Answer a conversation; a lone text is one message of the user. */
  async chat(messages: string | readonly MessageInit[], options: ChatOptions = {}): Promise<ChatResponse> {
    return this.stub(LLMProviderService).chat(chatRequest(messages, options), options);
  }

  /** Answer a conversation as the answer is written; see `chat` and AnswerStream. */
  streamChat(
    messages: string | readonly MessageInit[],
    options: ChatOptions & Streamed = {},
  ): AnswerStream<ChatResponse> {
    const init = { request: chatRequest(messages, options), ...streamed(options) };
    const request = create(StreamChatRequestSchema, init);
    return new AnswerStream(this.#link.stream(LLMProviderService.method.streamChat, request, options), new ChatFold());
  }

  /** Go on from a text. */
  async complete(prompt: string, options: CompleteOptions = {}): Promise<CompleteResponse> {
    return this.stub(LLMProviderService).complete({ prompt, ...chosen(options) }, options);
  }

  /** Go on from a text as it is written; see `complete` and AnswerStream. */
  streamComplete(prompt: string, options: CompleteOptions & Streamed = {}): AnswerStream<CompleteResponse> {
    const init = { request: { prompt, ...chosen(options) }, ...streamed(options) };
    const request = create(StreamCompleteRequestSchema, init);
    const exchange = this.#link.stream(LLMProviderService.method.streamComplete, request, options);
    return new AnswerStream(exchange, new CompleteFold());
  }

  /** Turn texts or media into vectors, in order. */
  async embed(
    inputs: string | readonly (string | EmbedInputInit)[],
    options: EmbedOptions = {},
  ): Promise<EmbedResponse> {
    const { model = "", provider = "", dimensions, encoding = 0, task = 0 } = options;
    const request = { inputs: asInputs(inputs), model, provider, encoding, task };
    return this.stub(EmbeddingService).embed(dimensions === undefined ? request : { ...request, dimensions }, options);
  }

  /** Count the tokens of a text alone, or of a whole chat with its options' tools. */
  async countTokens(
    content: string | readonly MessageInit[],
    options: CompleteOptions = {},
  ): Promise<CountTokensResponse> {
    const { options: generation, model = "", provider = "" } = options;
    const chat = generation === undefined ? {} : { options: generation };
    const input =
      typeof content === "string"
        ? { case: "text" as const, value: content }
        : { case: "chat" as const, value: { messages: [...content], ...chat } };
    return this.stub(LLMProviderService).countTokens({ input, model, provider }, options);
  }

  // --- The server --------------------------------------------------------------------------------

  /**
   * The models that the caller may use, by name, fetched page by page.
   *
   * @param filter - terms such as 'capability="tools"', joined by " AND ". Absent: all.
   */
  async *listModels(filter = "", options: CallOptions = {}): AsyncGenerator<Model, void, undefined> {
    let pageToken = "";
    do {
      const page = await this.stub(ModelService).listModels({ filter, pageToken }, options);
      yield* page.models;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** The server's version, features and limits. */
  async serverInfo(options: CallOptions = {}): Promise<GetServerInfoResponse> {
    return this.stub(ModelService).getServerInfo({}, options);
  }

  /**
   * How the server is, or one of its services such as "weir.v1.LLMProviderService".
   *
   * @throws NotFoundError for a service that it does not know.
   */
  async health(service = "", options: CallOptions = {}): Promise<HealthStatus> {
    const { status } = await this.stub(Health).check({ service }, options);
    return (HealthCheckResponse_ServingStatus[status] as HealthStatus | undefined) ?? "UNKNOWN";
  }

  /**
   * Any service of the contract, method by method, with this client's connection, deadlines and errors.
   *
   *     import { UsageService } from "weir-client/v1";
   *     const { call } = await client.stub(UsageService).getResponseUsage({ responseId });
   */
  stub<Service extends DescService>(service: Service): Stub<Service> {
    return stubOf(this.#link, service);
  }

  /** Cancel what is open and leave the server; a second time does nothing. */
  close(): void {
    this.#link.close();
  }

  /** The same, at the end of a block that began with `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function chatRequest(messages: string | readonly MessageInit[], options: ChatOptions) {
  return { messages: asMessages(messages), conversation: options.conversation ?? "", ...chosen(options) };
}

function chosen({ options, model = "", provider = "" }: CompleteOptions) {
  return { model, provider, ...(options && { options }) };
}

function streamed({ streamOptions }: Streamed) {
  return streamOptions && { streamOptions };
}
