/** How is a method of the contract called over gRPC? By its descriptor; a service is its methods. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Client as Channel, Metadata } from "@grpc/grpc-js";
import type { CallOptions as GrpcOptions, ClientOptions as ChannelOptions } from "@grpc/grpc-js";
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import { deadlineOf, metadataOf } from "./call.js";
import type { CallOptions, Defaults } from "./call.js";
import type { Connection } from "./connection.js";
import { Code, WeirError } from "./errors.js";
import { cancelled, errorFromStatus } from "./failure.js";
import type { Progress } from "./failure.js";

/** The methods of a service as functions: one answer as a promise, many as a MessageStream. */
export type Stub<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: Service["method"][Name] extends DescMethodUnary<
    infer Input,
    infer Output
  >
    ? (
        request: MessageInitShape<Input>,
        options?: CallOptions,
      ) => Promise<MessageShape<Output>>
    : Service["method"][Name] extends DescMethodServerStreaming<infer Input, infer Output>
      ? (
          request: MessageInitShape<Input>,
          options?: CallOptions,
        ) => MessageStream<MessageShape<Output>>
      : never;
};

interface Cancellable {
  cancel(): void;
}

/** One client's channel and the calls that are open on it. */
export class Link {
  readonly #channel: Channel;
  readonly #defaults: Defaults;
  readonly #open = new Set<Cancellable>();
  #closed = false;

  constructor(to: Connection, defaults: Defaults, further: ChannelOptions) {
    this.#channel = new Channel(to.target, to.credentials, { ...to.options, ...further });
    this.#defaults = defaults;
  }

  /** One request, one reply; rejects with WeirError. */
  async unary<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions = {},
  ): Promise<MessageShape<Output>> {
    const { bytes, metadata, grpc } = this.#prepared(
      method,
      request,
      options,
      this.#defaults.timeoutMs,
    );
    const { signal } = options;
    if (signal?.aborted) throw cancelled(signal.reason);
    return new Promise((resolve, reject) => {
      const call = this.#channel.makeUnaryRequest(
        pathOf(method),
        buffer,
        (reply) => fromBinary(method.output, plain(reply)),
        bytes,
        metadata,
        grpc,
        (failure, reply) => {
          finish();
          if (failure !== null) reject(errorOf(failure, signal));
          else resolve(reply as MessageShape<Output>);
        },
      );
      const finish = this.#track(call, signal);
    });
  }

  /** One request, many replies. The call begins now; the caller reads them, or closes the stream. */
  stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions = {},
    answered: () => boolean = () => false,
  ): MessageStream<MessageShape<Output>> {
    const { bytes, metadata, grpc } = this.#prepared(
      method,
      request,
      options,
      this.#defaults.streamTimeoutMs,
    );
    const call = this.#channel.makeServerStreamRequest(
      pathOf(method),
      buffer,
      (reply) => fromBinary(method.output, plain(reply)),
      bytes,
      metadata,
      grpc,
    );
    call.on("status", this.#track(call, options.signal));
    return new MessageStream(call, options.signal, answered);
  }

  /** The methods of a service over this channel. */
  stub<Service extends DescService>(service: Service): Stub<Service> {
    const made = service.methods.map((method) => {
      switch (method.methodKind) {
        case "unary":
          return [
            method.localName,
            (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
              this.unary(method as DescMethodUnary, request, options),
          ] as const;
        case "server_streaming":
          return [
            method.localName,
            (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
              this.stream(method as DescMethodServerStreaming, request, options),
          ] as const;
        default:
          throw new TypeError(`${pathOf(method)} takes a stream of requests; Weir has none such.`);
      }
    });
    return Object.fromEntries(made) as Stub<Service>;
  }

  /** Cancels what is open and leaves the server; a second time does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#open) call.cancel();
    this.#channel.close();
  }

  /** What goes on the wire. What cannot be sent throws here, before there is a call. */
  #prepared<Input extends DescMessage>(
    method: { readonly input: Input },
    request: MessageInitShape<Input>,
    options: CallOptions,
    timeoutMs: number,
  ): { bytes: Uint8Array; metadata: Metadata; grpc: GrpcOptions } {
    if (this.#closed) throw new Error("This client is closed; make another.");
    return {
      bytes: toBinary(method.input, create(method.input, request)),
      metadata: metadataOf(options, this.#defaults),
      grpc: { deadline: deadlineOf(options, timeoutMs) },
    };
  }

  /** Ties a call to this link and to a signal; returns what unties it. */
  #track(call: Cancellable, signal: AbortSignal | undefined): () => void {
    const cancel = (): void => call.cancel();
    this.#open.add(call);
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    return () => {
      this.#open.delete(call);
      signal?.removeEventListener("abort", cancel);
    };
  }
}

/**
 * The messages of one call, as they come.
 *
 *     for await (const { targets } of client.targets.watchTargets({})) …
 *
 * Leaving the loop cancels the call at once, and so does `close`. Messages are read once, by one
 * reader. Reading throws WeirError; the loop ends without an error only where the server said OK.
 */
export class MessageStream<Message> implements AsyncIterableIterator<Message, undefined> {
  readonly #call: ClientReadableStream<Message>;
  readonly #messages: AsyncIterator<Message>;
  readonly #signal: AbortSignal | undefined;
  readonly #answered: () => boolean;
  #failure: ServiceError | undefined;
  #started = false;
  #left = false;
  #over = false;

  /** @internal */
  constructor(
    call: ClientReadableStream<Message>,
    signal: AbortSignal | undefined,
    answered: () => boolean,
  ) {
    this.#call = call;
    this.#messages = call[Symbol.asyncIterator]();
    this.#signal = signal;
    this.#answered = answered;
    // Kept from the beginning: a call may fail before anyone reads.
    call.on("error", (failure) => {
      this.#failure = failure as ServiceError;
    });
  }

  /** Waits for the next message; rejects with WeirError. */
  async next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#over) return { done: true, value: undefined };
    if (this.#left) throw this.#end(cancelled());
    if (this.#signal?.aborted) throw this.#end(cancelled(this.#signal.reason));
    let read: IteratorResult<Message, undefined>;
    try {
      read = await this.#messages.next();
    } catch (failure) {
      throw this.#end(this.#errorOf(failure as ServiceError));
    }
    if (!read.done) {
      this.#started = true;
      return read;
    }
    if (this.#failure !== undefined) throw this.#end(this.#errorOf(this.#failure));
    this.#over = true;
    return { done: true, value: undefined };
  }

  /** Ends the call, as leaving a loop does. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    this.close();
    this.#over = true;
    return { done: true, value: undefined };
  }

  /** Ends the call now, unless it is over; reading then throws CallCancelledError. */
  close(): void {
    if (this.#left || this.#over) return;
    this.#left = true;
    this.#call.cancel();
  }

  /** Closes the stream at the end of a block: `using stream = …`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The stream itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(error: WeirError): WeirError {
    this.#over = true;
    return error;
  }

  #errorOf(failure: ServiceError): WeirError {
    if (this.#left) return cancelled();
    const progress = { started: this.#started, answered: this.#answered() };
    return errorOf(failure, this.#signal, progress);
  }
}

function errorOf(
  failure: ServiceError,
  signal: AbortSignal | undefined,
  progress: Progress = { started: false, answered: false },
): WeirError {
  const code: number = failure.code ?? Code.UNKNOWN;
  if (code === Code.CANCELLED && signal?.aborted) return cancelled(signal.reason);
  const trailers = failure.metadata ?? new Metadata();
  const [details] = trailers.get("grpc-status-details-bin");
  return errorFromStatus(
    {
      code,
      message: failure.details ?? failure.message,
      details: details instanceof Uint8Array ? details : undefined,
      responseId: textOf(trailers, "weir-response-id"),
      requestId: textOf(trailers, "weir-request-id"),
    },
    progress,
  );
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === "string" ? value : undefined;
}

function pathOf(method: { readonly parent: DescService; readonly name: string }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same memory without Node's class, so that bytes in messages are what the types say. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
