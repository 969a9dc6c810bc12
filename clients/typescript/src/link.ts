/**
 * How does a client hold its connection? One channel, and the calls that are open on it.
 *
 * @packageDocumentation
 */

import { type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Client as Channel, type Metadata, type ServiceError } from "@grpc/grpc-js";

import type { CallDefaults, CallOptions } from "./calls.js";
import type { Connection } from "./connection.js";
import type { WeirError } from "./errors.js";
import { cancelled, Exchange } from "./exchange.js";
import { errorFromStatus, type Progress } from "./failure.js";

/** A method of one input and one or many outputs. */
export type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

/** One client's channel. */
export class Link {
  readonly #channel: Channel;
  readonly #defaults: CallDefaults;
  readonly #open = new Set<(cause?: unknown) => void>();
  #closed = false;

  constructor({ target, credentials, options }: Connection, defaults: CallDefaults) {
    this.#channel = new Channel(target, credentials, options);
    this.#defaults = defaults;
  }

  /** One request, one reply; rejects with WeirError. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ): Promise<MessageShape<O>> {
    const call = this.#prepared(method, request, options);
    return new Promise((resolve, reject) => {
      const under = this.#channel.makeUnaryRequest(
        ...call.wire,
        call.metadata,
        { deadline: call.deadline },
        (failure: ServiceError | null, reply?: MessageShape<O>) => {
          closed();
          if (failure !== null) reject(errorOf(failure));
          else resolve(reply as MessageShape<O>);
        },
      );
      under.on("metadata", (headers: Metadata) => options.onHeaders?.(texts(headers)));
      const closed = this.#watch(options.signal, (cause) => {
        closed();
        under.cancel();
        reject(cancelled(cause));
      });
    });
  }

  /** One request, many replies; the caller reads them and ends the call. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ): Exchange<MessageShape<O>> {
    const call = this.#prepared(method, request, options, true);
    const under = this.#channel.makeServerStreamRequest(...call.wire, call.metadata, { deadline: call.deadline });
    under.on("metadata", (headers: Metadata) => options.onHeaders?.(texts(headers)));
    const exchange = new Exchange<MessageShape<O>>(under, () => closed());
    const closed = this.#watch(options.signal, (cause) => exchange.cancel(cause));
    return exchange;
  }

  /** Cancel what is open and leave the server; a second time does nothing. */
  close(): void {
    this.#closed = true;
    for (const cancel of [...this.#open]) cancel();
    this.#channel.close();
  }

  /** What gRPC is given. What cannot be sent throws here, before there is a call. */
  #prepared<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
    isStream = false,
  ) {
    if (this.#closed) throw new Error("This client is closed; make another.");
    if (options.signal?.aborted) throw cancelled(options.signal.reason);
    return {
      metadata: this.#defaults.metadata(options),
      deadline: this.#defaults.deadline(options, isStream),
      wire: [
        `/${method.parent.typeName}/${method.name}`,
        ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength),
        (bytes: Buffer) => fromBinary(method.output, plain(bytes)),
        toBinary(method.input, request),
      ] as const,
    };
  }

  /** Let a signal, and closing the client, cancel a call; what is returned ends that. */
  #watch(signal: AbortSignal | undefined, cancel: (cause?: unknown) => void): () => void {
    const abort = (): void => cancel(signal?.reason);
    this.#open.add(cancel);
    signal?.addEventListener("abort", abort, { once: true });
    return () => {
      this.#open.delete(cancel);
      signal?.removeEventListener("abort", abort);
    };
  }
}

/** The error that gRPC's own stands for; one of this client's own stays as it is. */
export function errorOf(failure: ServiceError, progress?: Progress): WeirError {
  const { code, details: message, metadata } = failure;
  const details = metadata.get("grpc-status-details-bin")[0];
  return errorFromStatus(
    {
      code,
      message,
      details: details instanceof Uint8Array ? details : undefined,
      responseId: texts(metadata)["weir-response-id"],
      requestId: texts(metadata)["weir-request-id"],
      cause: failure,
    },
    progress,
  );
}

function texts(metadata: Metadata): Record<string, string> {
  const pairs = Object.entries(metadata.getMap());
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
}

/** The same memory without Node's class, so that bytes in messages are what their types say. */
function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
