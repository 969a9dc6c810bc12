package weir.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * One provider of language models in front of all of them. The gRPC deadline is the budget of
 * everything a call does; a cancel closes the upstream at once.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class LLMProviderServiceGrpc {

  private LLMProviderServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "weir.v1.LLMProviderService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<weir.v1.InitializeRequest,
      weir.v1.InitializeResponse> getInitializeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Initialize",
      requestType = weir.v1.InitializeRequest.class,
      responseType = weir.v1.InitializeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.InitializeRequest,
      weir.v1.InitializeResponse> getInitializeMethod() {
    io.grpc.MethodDescriptor<weir.v1.InitializeRequest, weir.v1.InitializeResponse> getInitializeMethod;
    if ((getInitializeMethod = LLMProviderServiceGrpc.getInitializeMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getInitializeMethod = LLMProviderServiceGrpc.getInitializeMethod) == null) {
          LLMProviderServiceGrpc.getInitializeMethod = getInitializeMethod =
              io.grpc.MethodDescriptor.<weir.v1.InitializeRequest, weir.v1.InitializeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Initialize"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.InitializeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.InitializeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("Initialize"))
              .build();
        }
      }
    }
    return getInitializeMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.ValidateConfigRequest,
      weir.v1.ValidateConfigResponse> getValidateConfigMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ValidateConfig",
      requestType = weir.v1.ValidateConfigRequest.class,
      responseType = weir.v1.ValidateConfigResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.ValidateConfigRequest,
      weir.v1.ValidateConfigResponse> getValidateConfigMethod() {
    io.grpc.MethodDescriptor<weir.v1.ValidateConfigRequest, weir.v1.ValidateConfigResponse> getValidateConfigMethod;
    if ((getValidateConfigMethod = LLMProviderServiceGrpc.getValidateConfigMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getValidateConfigMethod = LLMProviderServiceGrpc.getValidateConfigMethod) == null) {
          LLMProviderServiceGrpc.getValidateConfigMethod = getValidateConfigMethod =
              io.grpc.MethodDescriptor.<weir.v1.ValidateConfigRequest, weir.v1.ValidateConfigResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ValidateConfig"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ValidateConfigRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ValidateConfigResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("ValidateConfig"))
              .build();
        }
      }
    }
    return getValidateConfigMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.CompleteRequest,
      weir.v1.CompleteResponse> getCompleteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Complete",
      requestType = weir.v1.CompleteRequest.class,
      responseType = weir.v1.CompleteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.CompleteRequest,
      weir.v1.CompleteResponse> getCompleteMethod() {
    io.grpc.MethodDescriptor<weir.v1.CompleteRequest, weir.v1.CompleteResponse> getCompleteMethod;
    if ((getCompleteMethod = LLMProviderServiceGrpc.getCompleteMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getCompleteMethod = LLMProviderServiceGrpc.getCompleteMethod) == null) {
          LLMProviderServiceGrpc.getCompleteMethod = getCompleteMethod =
              io.grpc.MethodDescriptor.<weir.v1.CompleteRequest, weir.v1.CompleteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Complete"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.CompleteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.CompleteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("Complete"))
              .build();
        }
      }
    }
    return getCompleteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.StreamCompleteRequest,
      weir.v1.StreamCompleteResponse> getStreamCompleteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamComplete",
      requestType = weir.v1.StreamCompleteRequest.class,
      responseType = weir.v1.StreamCompleteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<weir.v1.StreamCompleteRequest,
      weir.v1.StreamCompleteResponse> getStreamCompleteMethod() {
    io.grpc.MethodDescriptor<weir.v1.StreamCompleteRequest, weir.v1.StreamCompleteResponse> getStreamCompleteMethod;
    if ((getStreamCompleteMethod = LLMProviderServiceGrpc.getStreamCompleteMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getStreamCompleteMethod = LLMProviderServiceGrpc.getStreamCompleteMethod) == null) {
          LLMProviderServiceGrpc.getStreamCompleteMethod = getStreamCompleteMethod =
              io.grpc.MethodDescriptor.<weir.v1.StreamCompleteRequest, weir.v1.StreamCompleteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamComplete"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.StreamCompleteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.StreamCompleteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("StreamComplete"))
              .build();
        }
      }
    }
    return getStreamCompleteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.ChatRequest,
      weir.v1.ChatResponse> getChatMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Chat",
      requestType = weir.v1.ChatRequest.class,
      responseType = weir.v1.ChatResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.ChatRequest,
      weir.v1.ChatResponse> getChatMethod() {
    io.grpc.MethodDescriptor<weir.v1.ChatRequest, weir.v1.ChatResponse> getChatMethod;
    if ((getChatMethod = LLMProviderServiceGrpc.getChatMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getChatMethod = LLMProviderServiceGrpc.getChatMethod) == null) {
          LLMProviderServiceGrpc.getChatMethod = getChatMethod =
              io.grpc.MethodDescriptor.<weir.v1.ChatRequest, weir.v1.ChatResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Chat"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ChatRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ChatResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("Chat"))
              .build();
        }
      }
    }
    return getChatMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.StreamChatRequest,
      weir.v1.StreamChatResponse> getStreamChatMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamChat",
      requestType = weir.v1.StreamChatRequest.class,
      responseType = weir.v1.StreamChatResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<weir.v1.StreamChatRequest,
      weir.v1.StreamChatResponse> getStreamChatMethod() {
    io.grpc.MethodDescriptor<weir.v1.StreamChatRequest, weir.v1.StreamChatResponse> getStreamChatMethod;
    if ((getStreamChatMethod = LLMProviderServiceGrpc.getStreamChatMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getStreamChatMethod = LLMProviderServiceGrpc.getStreamChatMethod) == null) {
          LLMProviderServiceGrpc.getStreamChatMethod = getStreamChatMethod =
              io.grpc.MethodDescriptor.<weir.v1.StreamChatRequest, weir.v1.StreamChatResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamChat"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.StreamChatRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.StreamChatResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("StreamChat"))
              .build();
        }
      }
    }
    return getStreamChatMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.CountTokensRequest,
      weir.v1.CountTokensResponse> getCountTokensMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CountTokens",
      requestType = weir.v1.CountTokensRequest.class,
      responseType = weir.v1.CountTokensResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.CountTokensRequest,
      weir.v1.CountTokensResponse> getCountTokensMethod() {
    io.grpc.MethodDescriptor<weir.v1.CountTokensRequest, weir.v1.CountTokensResponse> getCountTokensMethod;
    if ((getCountTokensMethod = LLMProviderServiceGrpc.getCountTokensMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getCountTokensMethod = LLMProviderServiceGrpc.getCountTokensMethod) == null) {
          LLMProviderServiceGrpc.getCountTokensMethod = getCountTokensMethod =
              io.grpc.MethodDescriptor.<weir.v1.CountTokensRequest, weir.v1.CountTokensResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CountTokens"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.CountTokensRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.CountTokensResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("CountTokens"))
              .build();
        }
      }
    }
    return getCountTokensMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.v1.ValidateTokenCountRequest,
      weir.v1.ValidateTokenCountResponse> getValidateTokenCountMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ValidateTokenCount",
      requestType = weir.v1.ValidateTokenCountRequest.class,
      responseType = weir.v1.ValidateTokenCountResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.v1.ValidateTokenCountRequest,
      weir.v1.ValidateTokenCountResponse> getValidateTokenCountMethod() {
    io.grpc.MethodDescriptor<weir.v1.ValidateTokenCountRequest, weir.v1.ValidateTokenCountResponse> getValidateTokenCountMethod;
    if ((getValidateTokenCountMethod = LLMProviderServiceGrpc.getValidateTokenCountMethod) == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        if ((getValidateTokenCountMethod = LLMProviderServiceGrpc.getValidateTokenCountMethod) == null) {
          LLMProviderServiceGrpc.getValidateTokenCountMethod = getValidateTokenCountMethod =
              io.grpc.MethodDescriptor.<weir.v1.ValidateTokenCountRequest, weir.v1.ValidateTokenCountResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ValidateTokenCount"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ValidateTokenCountRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.v1.ValidateTokenCountResponse.getDefaultInstance()))
              .setSchemaDescriptor(new LLMProviderServiceMethodDescriptorSupplier("ValidateTokenCount"))
              .build();
        }
      }
    }
    return getValidateTokenCountMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static LLMProviderServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceStub>() {
        @java.lang.Override
        public LLMProviderServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMProviderServiceStub(channel, callOptions);
        }
      };
    return LLMProviderServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static LLMProviderServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceBlockingV2Stub>() {
        @java.lang.Override
        public LLMProviderServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMProviderServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return LLMProviderServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static LLMProviderServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceBlockingStub>() {
        @java.lang.Override
        public LLMProviderServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMProviderServiceBlockingStub(channel, callOptions);
        }
      };
    return LLMProviderServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static LLMProviderServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<LLMProviderServiceFutureStub>() {
        @java.lang.Override
        public LLMProviderServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new LLMProviderServiceFutureStub(channel, callOptions);
        }
      };
    return LLMProviderServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Registers a provider at run time, or renews it. Idempotent for the same provider_id. May be
     * switched off (FEATURE_DISABLED); providers from the server's configuration exist without it.
     * </pre>
     */
    default void initialize(weir.v1.InitializeRequest request,
        io.grpc.stub.StreamObserver<weir.v1.InitializeResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getInitializeMethod(), responseObserver);
    }

    /**
     * <pre>
     * Says whether a provider configuration is usable. A bad one is an answer, not an error.
     * </pre>
     */
    default void validateConfig(weir.v1.ValidateConfigRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ValidateConfigResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getValidateConfigMethod(), responseObserver);
    }

    /**
     * <pre>
     * Completes a text and answers at once: the fold of StreamComplete. Where a provider has no
     * completion wire, the prompt is sent as one user message, so a chat model answers it rather
     * than continuing it.
     * </pre>
     */
    default void complete(weir.v1.CompleteRequest request,
        io.grpc.stub.StreamObserver<weir.v1.CompleteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCompleteMethod(), responseObserver);
    }

    /**
     * <pre>
     * Completes a text as it is written; see Complete.
     * </pre>
     */
    default void streamComplete(weir.v1.StreamCompleteRequest request,
        io.grpc.stub.StreamObserver<weir.v1.StreamCompleteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamCompleteMethod(), responseObserver);
    }

    /**
     * <pre>
     * Answers a conversation at once: the fold of StreamChat.
     * </pre>
     */
    default void chat(weir.v1.ChatRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ChatResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getChatMethod(), responseObserver);
    }

    /**
     * <pre>
     * Answers a conversation as the answer is written. A stream that began ends with exactly one
     * `end`, unless the connection or the reader is gone; one that fails before its `start` ends with
     * its status alone.
     * </pre>
     */
    default void streamChat(weir.v1.StreamChatRequest request,
        io.grpc.stub.StreamObserver<weir.v1.StreamChatResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamChatMethod(), responseObserver);
    }

    /**
     * <pre>
     * Counts the tokens of a text or of a whole chat request.
     * </pre>
     */
    default void countTokens(weir.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<weir.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCountTokensMethod(), responseObserver);
    }

    /**
     * <pre>
     * Says whether a text fits a number of tokens. One that does not is an answer, not an error.
     * </pre>
     */
    default void validateTokenCount(weir.v1.ValidateTokenCountRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ValidateTokenCountResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getValidateTokenCountMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service LLMProviderService.
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public static abstract class LLMProviderServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return LLMProviderServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service LLMProviderService.
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public static final class LLMProviderServiceStub
      extends io.grpc.stub.AbstractAsyncStub<LLMProviderServiceStub> {
    private LLMProviderServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMProviderServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMProviderServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Registers a provider at run time, or renews it. Idempotent for the same provider_id. May be
     * switched off (FEATURE_DISABLED); providers from the server's configuration exist without it.
     * </pre>
     */
    public void initialize(weir.v1.InitializeRequest request,
        io.grpc.stub.StreamObserver<weir.v1.InitializeResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getInitializeMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Says whether a provider configuration is usable. A bad one is an answer, not an error.
     * </pre>
     */
    public void validateConfig(weir.v1.ValidateConfigRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ValidateConfigResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getValidateConfigMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Completes a text and answers at once: the fold of StreamComplete. Where a provider has no
     * completion wire, the prompt is sent as one user message, so a chat model answers it rather
     * than continuing it.
     * </pre>
     */
    public void complete(weir.v1.CompleteRequest request,
        io.grpc.stub.StreamObserver<weir.v1.CompleteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCompleteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Completes a text as it is written; see Complete.
     * </pre>
     */
    public void streamComplete(weir.v1.StreamCompleteRequest request,
        io.grpc.stub.StreamObserver<weir.v1.StreamCompleteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamCompleteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Answers a conversation at once: the fold of StreamChat.
     * </pre>
     */
    public void chat(weir.v1.ChatRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ChatResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getChatMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Answers a conversation as the answer is written. A stream that began ends with exactly one
     * `end`, unless the connection or the reader is gone; one that fails before its `start` ends with
     * its status alone.
     * </pre>
     */
    public void streamChat(weir.v1.StreamChatRequest request,
        io.grpc.stub.StreamObserver<weir.v1.StreamChatResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamChatMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Counts the tokens of a text or of a whole chat request.
     * </pre>
     */
    public void countTokens(weir.v1.CountTokensRequest request,
        io.grpc.stub.StreamObserver<weir.v1.CountTokensResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Says whether a text fits a number of tokens. One that does not is an answer, not an error.
     * </pre>
     */
    public void validateTokenCount(weir.v1.ValidateTokenCountRequest request,
        io.grpc.stub.StreamObserver<weir.v1.ValidateTokenCountResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getValidateTokenCountMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service LLMProviderService.
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public static final class LLMProviderServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<LLMProviderServiceBlockingV2Stub> {
    private LLMProviderServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMProviderServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMProviderServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Registers a provider at run time, or renews it. Idempotent for the same provider_id. May be
     * switched off (FEATURE_DISABLED); providers from the server's configuration exist without it.
     * </pre>
     */
    public weir.v1.InitializeResponse initialize(weir.v1.InitializeRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getInitializeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Says whether a provider configuration is usable. A bad one is an answer, not an error.
     * </pre>
     */
    public weir.v1.ValidateConfigResponse validateConfig(weir.v1.ValidateConfigRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getValidateConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Completes a text and answers at once: the fold of StreamComplete. Where a provider has no
     * completion wire, the prompt is sent as one user message, so a chat model answers it rather
     * than continuing it.
     * </pre>
     */
    public weir.v1.CompleteResponse complete(weir.v1.CompleteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Completes a text as it is written; see Complete.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, weir.v1.StreamCompleteResponse>
        streamComplete(weir.v1.StreamCompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Answers a conversation at once: the fold of StreamChat.
     * </pre>
     */
    public weir.v1.ChatResponse chat(weir.v1.ChatRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getChatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Answers a conversation as the answer is written. A stream that began ends with exactly one
     * `end`, unless the connection or the reader is gone; one that fails before its `start` ends with
     * its status alone.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, weir.v1.StreamChatResponse>
        streamChat(weir.v1.StreamChatRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamChatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Counts the tokens of a text or of a whole chat request.
     * </pre>
     */
    public weir.v1.CountTokensResponse countTokens(weir.v1.CountTokensRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCountTokensMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Says whether a text fits a number of tokens. One that does not is an answer, not an error.
     * </pre>
     */
    public weir.v1.ValidateTokenCountResponse validateTokenCount(weir.v1.ValidateTokenCountRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getValidateTokenCountMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service LLMProviderService.
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public static final class LLMProviderServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<LLMProviderServiceBlockingStub> {
    private LLMProviderServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMProviderServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMProviderServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Registers a provider at run time, or renews it. Idempotent for the same provider_id. May be
     * switched off (FEATURE_DISABLED); providers from the server's configuration exist without it.
     * </pre>
     */
    public weir.v1.InitializeResponse initialize(weir.v1.InitializeRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getInitializeMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Says whether a provider configuration is usable. A bad one is an answer, not an error.
     * </pre>
     */
    public weir.v1.ValidateConfigResponse validateConfig(weir.v1.ValidateConfigRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getValidateConfigMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Completes a text and answers at once: the fold of StreamComplete. Where a provider has no
     * completion wire, the prompt is sent as one user message, so a chat model answers it rather
     * than continuing it.
     * </pre>
     */
    public weir.v1.CompleteResponse complete(weir.v1.CompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Completes a text as it is written; see Complete.
     * </pre>
     */
    public java.util.Iterator<weir.v1.StreamCompleteResponse> streamComplete(
        weir.v1.StreamCompleteRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamCompleteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Answers a conversation at once: the fold of StreamChat.
     * </pre>
     */
    public weir.v1.ChatResponse chat(weir.v1.ChatRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getChatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Answers a conversation as the answer is written. A stream that began ends with exactly one
     * `end`, unless the connection or the reader is gone; one that fails before its `start` ends with
     * its status alone.
     * </pre>
     */
    public java.util.Iterator<weir.v1.StreamChatResponse> streamChat(
        weir.v1.StreamChatRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamChatMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Counts the tokens of a text or of a whole chat request.
     * </pre>
     */
    public weir.v1.CountTokensResponse countTokens(weir.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCountTokensMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Says whether a text fits a number of tokens. One that does not is an answer, not an error.
     * </pre>
     */
    public weir.v1.ValidateTokenCountResponse validateTokenCount(weir.v1.ValidateTokenCountRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getValidateTokenCountMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service LLMProviderService.
   * <pre>
   * One provider of language models in front of all of them. The gRPC deadline is the budget of
   * everything a call does; a cancel closes the upstream at once.
   * </pre>
   */
  public static final class LLMProviderServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<LLMProviderServiceFutureStub> {
    private LLMProviderServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected LLMProviderServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new LLMProviderServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Registers a provider at run time, or renews it. Idempotent for the same provider_id. May be
     * switched off (FEATURE_DISABLED); providers from the server's configuration exist without it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.InitializeResponse> initialize(
        weir.v1.InitializeRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getInitializeMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Says whether a provider configuration is usable. A bad one is an answer, not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.ValidateConfigResponse> validateConfig(
        weir.v1.ValidateConfigRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getValidateConfigMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Completes a text and answers at once: the fold of StreamComplete. Where a provider has no
     * completion wire, the prompt is sent as one user message, so a chat model answers it rather
     * than continuing it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.CompleteResponse> complete(
        weir.v1.CompleteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCompleteMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Answers a conversation at once: the fold of StreamChat.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.ChatResponse> chat(
        weir.v1.ChatRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getChatMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Counts the tokens of a text or of a whole chat request.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.CountTokensResponse> countTokens(
        weir.v1.CountTokensRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCountTokensMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Says whether a text fits a number of tokens. One that does not is an answer, not an error.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.v1.ValidateTokenCountResponse> validateTokenCount(
        weir.v1.ValidateTokenCountRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getValidateTokenCountMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_INITIALIZE = 0;
  private static final int METHODID_VALIDATE_CONFIG = 1;
  private static final int METHODID_COMPLETE = 2;
  private static final int METHODID_STREAM_COMPLETE = 3;
  private static final int METHODID_CHAT = 4;
  private static final int METHODID_STREAM_CHAT = 5;
  private static final int METHODID_COUNT_TOKENS = 6;
  private static final int METHODID_VALIDATE_TOKEN_COUNT = 7;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_INITIALIZE:
          serviceImpl.initialize((weir.v1.InitializeRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.InitializeResponse>) responseObserver);
          break;
        case METHODID_VALIDATE_CONFIG:
          serviceImpl.validateConfig((weir.v1.ValidateConfigRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.ValidateConfigResponse>) responseObserver);
          break;
        case METHODID_COMPLETE:
          serviceImpl.complete((weir.v1.CompleteRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.CompleteResponse>) responseObserver);
          break;
        case METHODID_STREAM_COMPLETE:
          serviceImpl.streamComplete((weir.v1.StreamCompleteRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.StreamCompleteResponse>) responseObserver);
          break;
        case METHODID_CHAT:
          serviceImpl.chat((weir.v1.ChatRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.ChatResponse>) responseObserver);
          break;
        case METHODID_STREAM_CHAT:
          serviceImpl.streamChat((weir.v1.StreamChatRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.StreamChatResponse>) responseObserver);
          break;
        case METHODID_COUNT_TOKENS:
          serviceImpl.countTokens((weir.v1.CountTokensRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.CountTokensResponse>) responseObserver);
          break;
        case METHODID_VALIDATE_TOKEN_COUNT:
          serviceImpl.validateTokenCount((weir.v1.ValidateTokenCountRequest) request,
              (io.grpc.stub.StreamObserver<weir.v1.ValidateTokenCountResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getInitializeMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.InitializeRequest,
              weir.v1.InitializeResponse>(
                service, METHODID_INITIALIZE)))
        .addMethod(
          getValidateConfigMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.ValidateConfigRequest,
              weir.v1.ValidateConfigResponse>(
                service, METHODID_VALIDATE_CONFIG)))
        .addMethod(
          getCompleteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.CompleteRequest,
              weir.v1.CompleteResponse>(
                service, METHODID_COMPLETE)))
        .addMethod(
          getStreamCompleteMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              weir.v1.StreamCompleteRequest,
              weir.v1.StreamCompleteResponse>(
                service, METHODID_STREAM_COMPLETE)))
        .addMethod(
          getChatMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.ChatRequest,
              weir.v1.ChatResponse>(
                service, METHODID_CHAT)))
        .addMethod(
          getStreamChatMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              weir.v1.StreamChatRequest,
              weir.v1.StreamChatResponse>(
                service, METHODID_STREAM_CHAT)))
        .addMethod(
          getCountTokensMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.CountTokensRequest,
              weir.v1.CountTokensResponse>(
                service, METHODID_COUNT_TOKENS)))
        .addMethod(
          getValidateTokenCountMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.v1.ValidateTokenCountRequest,
              weir.v1.ValidateTokenCountResponse>(
                service, METHODID_VALIDATE_TOKEN_COUNT)))
        .build();
  }

  private static abstract class LLMProviderServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    LLMProviderServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return weir.v1.ProviderService.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("LLMProviderService");
    }
  }

  private static final class LLMProviderServiceFileDescriptorSupplier
      extends LLMProviderServiceBaseDescriptorSupplier {
    LLMProviderServiceFileDescriptorSupplier() {}
  }

  private static final class LLMProviderServiceMethodDescriptorSupplier
      extends LLMProviderServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    LLMProviderServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (LLMProviderServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new LLMProviderServiceFileDescriptorSupplier())
              .addMethod(getInitializeMethod())
              .addMethod(getValidateConfigMethod())
              .addMethod(getCompleteMethod())
              .addMethod(getStreamCompleteMethod())
              .addMethod(getChatMethod())
              .addMethod(getStreamChatMethod())
              .addMethod(getCountTokensMethod())
              .addMethod(getValidateTokenCountMethod())
              .build();
        }
      }
    }
    return result;
  }
}
