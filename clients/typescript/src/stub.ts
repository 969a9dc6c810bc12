/**
 * How is any method of a service called? By its generated descriptor, with the client's errors.
 *
 * @packageDocumentation
 */

import {
  create,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";

import type { CallOptions } from "./calls.js";
import { WeirError } from "./errors.js";
import type { Exchange } from "./exchange.js";
import { errorOf, type Link } from "./link.js";

/** The methods of a service: one that answers once gives a promise, one that streams a MessageStream. */
export type Stub<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: StubMethod<Service["method"][Name]>;
};

/** One method of a service. */
export type StubMethod<Method> =
  Method extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => MessageStream<MessageShape<O>>
      : never;

/** The stub of a service over a link. */
export function stubOf<Service extends DescService>(link: Link, service: Service): Stub<Service> {
  const methods = service.methods.map((method) => [
    method.localName,
    (request: MessageInitShape<typeof method.input>, options: CallOptions = {}) => {
      const message = create(method.input, request);
      if (method.methodKind === "unary") return link.unary(method, message, options);
      return new MessageStream(link.stream(method, message, options));
    },
  ]);
  return Object.fromEntries(methods) as Stub<Service>;
}

/**
 * The messages of one call, as they come.
 *
 * Leaving the loop, `cancel()`, `await using`, and dropping the stream cancel the call. Messages are
 * read once, by one loop at a time, and no faster than they are asked for.
 */
export class MessageStream<Output> implements AsyncIterable<Output>, AsyncDisposable {
  readonly #exchange: Exchange<Output>;

  /** @internal */
  constructor(exchange: Exchange<Output>) {
    this.#exchange = exchange;
    cancelWhenDropped(this, exchange);
  }

  /** Read the messages; throws WeirError. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Output, void, undefined> {
    try {
      for (let message; (message = await this.#exchange.read()) !== undefined; ) yield message;
    } catch (failure) {
      throw failure instanceof WeirError || !isServiceError(failure)
        ? failure
        : errorOf(failure, { started: this.#exchange.started });
    } finally {
      this.#exchange.cancel();
    }
  }

  /** End the call now; reading then throws CallCancelledError. */
  cancel(): void {
    this.#exchange.cancel();
  }

  /** The same, at the end of a block that began with `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#exchange.cancel();
  }
}

const dropped = new FinalizationRegistry<Exchange<unknown>>((exchange) => exchange.cancel());

/** Cancel a call once no one holds its stream any more. */
export function cancelWhenDropped(stream: object, exchange: Exchange<unknown>): void {
  dropped.register(stream, exchange);
}

/** Whether it is gRPC that says what went wrong. */
export function isServiceError(failure: unknown): failure is ServiceError {
  return failure instanceof Error && "code" in failure && "details" in failure && "metadata" in failure;
}
