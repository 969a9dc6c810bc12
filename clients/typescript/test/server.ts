/** A real gRPC server on loopback that answers as a test says. */

import { create, type DescService, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { LLMProviderService, ModelService, type StreamChatRequest, StreamChatResponseSchema } from "weir-client/v1";

/** A call of StreamChat as the server sees it. */
export type StreamCall = grpc.ServerWritableStream<StreamChatRequest, MessageInitShape<typeof StreamChatResponseSchema>>;
/** What answers a method with one reply. */
export type Answer = (call: grpc.ServerUnaryCall<never, unknown>) => unknown;

/** What a test's server does. */
export interface Script {
  readonly streamChat?: (call: StreamCall) => void;
  readonly unary?: Readonly<Record<string, Answer>>;
}

/** A server that runs. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

/** Start a server; it ends with its block. */
export async function serving(script: Script): Promise<Served> {
  const server = new grpc.Server();
  for (const service of [LLMProviderService, ModelService]) add(server, service, script);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (failure, bound) =>
      failure === null ? resolve(bound) : reject(failure),
    );
  });
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

/** A status that a server ends a call with. */
export function failure(code: number, message: string, trailers: Record<string, string | Uint8Array> = {}) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(trailers)) {
    metadata.set(name, typeof value === "string" ? value : Buffer.from(value));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

function add(server: grpc.Server, service: DescService, script: Script): void {
  const definition: Record<string, grpc.MethodDefinition<unknown, unknown>> = {};
  const handlers: grpc.UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const isStream = method.methodKind === "server_streaming";
    definition[method.localName] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: false,
      responseStream: isStream,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: (bytes) => fromBinary(method.input, bytes),
      responseSerialize: (init) => Buffer.from(toBinary(method.output, create(method.output, init as never))),
      responseDeserialize: () => undefined,
    };
    const answer = script.unary?.[method.localName];
    if (method.localName === "streamChat" && script.streamChat) handlers["streamChat"] = script.streamChat as never;
    else if (answer) handlers[method.localName] = unary(answer) as never;
  }
  server.addService(definition, handlers);
}

function unary(answer: Answer) {
  return (call: grpc.ServerUnaryCall<never, unknown>, reply: grpc.sendUnaryData<unknown>): void => {
    try {
      const answered = answer(call);
      if (answered !== undefined) reply(null, answered);
    } catch (error) {
      reply(error as grpc.ServiceError);
    }
  };
}
