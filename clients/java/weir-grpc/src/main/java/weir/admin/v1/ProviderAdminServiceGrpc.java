package weir.admin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Watches and steers the targets that calls go to. For operators.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ProviderAdminServiceGrpc {

  private ProviderAdminServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "weir.admin.v1.ProviderAdminService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.ListTargetsRequest,
      weir.admin.v1.ListTargetsResponse> getListTargetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListTargets",
      requestType = weir.admin.v1.ListTargetsRequest.class,
      responseType = weir.admin.v1.ListTargetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.ListTargetsRequest,
      weir.admin.v1.ListTargetsResponse> getListTargetsMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.ListTargetsRequest, weir.admin.v1.ListTargetsResponse> getListTargetsMethod;
    if ((getListTargetsMethod = ProviderAdminServiceGrpc.getListTargetsMethod) == null) {
      synchronized (ProviderAdminServiceGrpc.class) {
        if ((getListTargetsMethod = ProviderAdminServiceGrpc.getListTargetsMethod) == null) {
          ProviderAdminServiceGrpc.getListTargetsMethod = getListTargetsMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.ListTargetsRequest, weir.admin.v1.ListTargetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListTargets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListTargetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListTargetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ProviderAdminServiceMethodDescriptorSupplier("ListTargets"))
              .build();
        }
      }
    }
    return getListTargetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.WatchTargetsRequest,
      weir.admin.v1.WatchTargetsResponse> getWatchTargetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchTargets",
      requestType = weir.admin.v1.WatchTargetsRequest.class,
      responseType = weir.admin.v1.WatchTargetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<weir.admin.v1.WatchTargetsRequest,
      weir.admin.v1.WatchTargetsResponse> getWatchTargetsMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.WatchTargetsRequest, weir.admin.v1.WatchTargetsResponse> getWatchTargetsMethod;
    if ((getWatchTargetsMethod = ProviderAdminServiceGrpc.getWatchTargetsMethod) == null) {
      synchronized (ProviderAdminServiceGrpc.class) {
        if ((getWatchTargetsMethod = ProviderAdminServiceGrpc.getWatchTargetsMethod) == null) {
          ProviderAdminServiceGrpc.getWatchTargetsMethod = getWatchTargetsMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.WatchTargetsRequest, weir.admin.v1.WatchTargetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchTargets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchTargetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchTargetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ProviderAdminServiceMethodDescriptorSupplier("WatchTargets"))
              .build();
        }
      }
    }
    return getWatchTargetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.SetCircuitStateRequest,
      weir.admin.v1.SetCircuitStateResponse> getSetCircuitStateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetCircuitState",
      requestType = weir.admin.v1.SetCircuitStateRequest.class,
      responseType = weir.admin.v1.SetCircuitStateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.SetCircuitStateRequest,
      weir.admin.v1.SetCircuitStateResponse> getSetCircuitStateMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.SetCircuitStateRequest, weir.admin.v1.SetCircuitStateResponse> getSetCircuitStateMethod;
    if ((getSetCircuitStateMethod = ProviderAdminServiceGrpc.getSetCircuitStateMethod) == null) {
      synchronized (ProviderAdminServiceGrpc.class) {
        if ((getSetCircuitStateMethod = ProviderAdminServiceGrpc.getSetCircuitStateMethod) == null) {
          ProviderAdminServiceGrpc.getSetCircuitStateMethod = getSetCircuitStateMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.SetCircuitStateRequest, weir.admin.v1.SetCircuitStateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetCircuitState"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.SetCircuitStateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.SetCircuitStateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ProviderAdminServiceMethodDescriptorSupplier("SetCircuitState"))
              .build();
        }
      }
    }
    return getSetCircuitStateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.ExplainRouteRequest,
      weir.admin.v1.ExplainRouteResponse> getExplainRouteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExplainRoute",
      requestType = weir.admin.v1.ExplainRouteRequest.class,
      responseType = weir.admin.v1.ExplainRouteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.ExplainRouteRequest,
      weir.admin.v1.ExplainRouteResponse> getExplainRouteMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.ExplainRouteRequest, weir.admin.v1.ExplainRouteResponse> getExplainRouteMethod;
    if ((getExplainRouteMethod = ProviderAdminServiceGrpc.getExplainRouteMethod) == null) {
      synchronized (ProviderAdminServiceGrpc.class) {
        if ((getExplainRouteMethod = ProviderAdminServiceGrpc.getExplainRouteMethod) == null) {
          ProviderAdminServiceGrpc.getExplainRouteMethod = getExplainRouteMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.ExplainRouteRequest, weir.admin.v1.ExplainRouteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExplainRoute"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ExplainRouteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ExplainRouteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ProviderAdminServiceMethodDescriptorSupplier("ExplainRoute"))
              .build();
        }
      }
    }
    return getExplainRouteMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ProviderAdminServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceStub>() {
        @java.lang.Override
        public ProviderAdminServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ProviderAdminServiceStub(channel, callOptions);
        }
      };
    return ProviderAdminServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ProviderAdminServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceBlockingV2Stub>() {
        @java.lang.Override
        public ProviderAdminServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ProviderAdminServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ProviderAdminServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ProviderAdminServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceBlockingStub>() {
        @java.lang.Override
        public ProviderAdminServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ProviderAdminServiceBlockingStub(channel, callOptions);
        }
      };
    return ProviderAdminServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ProviderAdminServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ProviderAdminServiceFutureStub>() {
        @java.lang.Override
        public ProviderAdminServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ProviderAdminServiceFutureStub(channel, callOptions);
        }
      };
    return ProviderAdminServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Lists the targets that calls were or may be sent to, with the state of each, by name.
     * </pre>
     */
    default void listTargets(weir.admin.v1.ListTargetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListTargetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListTargetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends the list at once, and again whenever something in it has changed.
     * </pre>
     */
    default void watchTargets(weir.admin.v1.WatchTargetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchTargetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchTargetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Forces a target's circuit open or closed, or gives it back to its circuit breaker.
     * NOT_FOUND with reason MODEL_NOT_FOUND where there is no such target.
     * </pre>
     */
    default void setCircuitState(weir.admin.v1.SetCircuitStateRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.SetCircuitStateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetCircuitStateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells which targets a request would be sent to, in what order, and why others are left out.
     * Nothing is sent to a provider.
     * </pre>
     */
    default void explainRoute(weir.admin.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExplainRouteMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ProviderAdminService.
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public static abstract class ProviderAdminServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ProviderAdminServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ProviderAdminService.
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public static final class ProviderAdminServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ProviderAdminServiceStub> {
    private ProviderAdminServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ProviderAdminServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ProviderAdminServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists the targets that calls were or may be sent to, with the state of each, by name.
     * </pre>
     */
    public void listTargets(weir.admin.v1.ListTargetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListTargetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListTargetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends the list at once, and again whenever something in it has changed.
     * </pre>
     */
    public void watchTargets(weir.admin.v1.WatchTargetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchTargetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchTargetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Forces a target's circuit open or closed, or gives it back to its circuit breaker.
     * NOT_FOUND with reason MODEL_NOT_FOUND where there is no such target.
     * </pre>
     */
    public void setCircuitState(weir.admin.v1.SetCircuitStateRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.SetCircuitStateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetCircuitStateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells which targets a request would be sent to, in what order, and why others are left out.
     * Nothing is sent to a provider.
     * </pre>
     */
    public void explainRoute(weir.admin.v1.ExplainRouteRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ExplainRouteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ProviderAdminService.
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public static final class ProviderAdminServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ProviderAdminServiceBlockingV2Stub> {
    private ProviderAdminServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ProviderAdminServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ProviderAdminServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists the targets that calls were or may be sent to, with the state of each, by name.
     * </pre>
     */
    public weir.admin.v1.ListTargetsResponse listTargets(weir.admin.v1.ListTargetsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListTargetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends the list at once, and again whenever something in it has changed.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, weir.admin.v1.WatchTargetsResponse>
        watchTargets(weir.admin.v1.WatchTargetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchTargetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Forces a target's circuit open or closed, or gives it back to its circuit breaker.
     * NOT_FOUND with reason MODEL_NOT_FOUND where there is no such target.
     * </pre>
     */
    public weir.admin.v1.SetCircuitStateResponse setCircuitState(weir.admin.v1.SetCircuitStateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetCircuitStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells which targets a request would be sent to, in what order, and why others are left out.
     * Nothing is sent to a provider.
     * </pre>
     */
    public weir.admin.v1.ExplainRouteResponse explainRoute(weir.admin.v1.ExplainRouteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExplainRouteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ProviderAdminService.
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public static final class ProviderAdminServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ProviderAdminServiceBlockingStub> {
    private ProviderAdminServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ProviderAdminServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ProviderAdminServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists the targets that calls were or may be sent to, with the state of each, by name.
     * </pre>
     */
    public weir.admin.v1.ListTargetsResponse listTargets(weir.admin.v1.ListTargetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListTargetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends the list at once, and again whenever something in it has changed.
     * </pre>
     */
    public java.util.Iterator<weir.admin.v1.WatchTargetsResponse> watchTargets(
        weir.admin.v1.WatchTargetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchTargetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Forces a target's circuit open or closed, or gives it back to its circuit breaker.
     * NOT_FOUND with reason MODEL_NOT_FOUND where there is no such target.
     * </pre>
     */
    public weir.admin.v1.SetCircuitStateResponse setCircuitState(weir.admin.v1.SetCircuitStateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetCircuitStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells which targets a request would be sent to, in what order, and why others are left out.
     * Nothing is sent to a provider.
     * </pre>
     */
    public weir.admin.v1.ExplainRouteResponse explainRoute(weir.admin.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExplainRouteMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ProviderAdminService.
   * <pre>
   * Watches and steers the targets that calls go to. For operators.
   * </pre>
   */
  public static final class ProviderAdminServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ProviderAdminServiceFutureStub> {
    private ProviderAdminServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ProviderAdminServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ProviderAdminServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Lists the targets that calls were or may be sent to, with the state of each, by name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.ListTargetsResponse> listTargets(
        weir.admin.v1.ListTargetsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListTargetsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Forces a target's circuit open or closed, or gives it back to its circuit breaker.
     * NOT_FOUND with reason MODEL_NOT_FOUND where there is no such target.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.SetCircuitStateResponse> setCircuitState(
        weir.admin.v1.SetCircuitStateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetCircuitStateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells which targets a request would be sent to, in what order, and why others are left out.
     * Nothing is sent to a provider.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.ExplainRouteResponse> explainRoute(
        weir.admin.v1.ExplainRouteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExplainRouteMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LIST_TARGETS = 0;
  private static final int METHODID_WATCH_TARGETS = 1;
  private static final int METHODID_SET_CIRCUIT_STATE = 2;
  private static final int METHODID_EXPLAIN_ROUTE = 3;

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
        case METHODID_LIST_TARGETS:
          serviceImpl.listTargets((weir.admin.v1.ListTargetsRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.ListTargetsResponse>) responseObserver);
          break;
        case METHODID_WATCH_TARGETS:
          serviceImpl.watchTargets((weir.admin.v1.WatchTargetsRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.WatchTargetsResponse>) responseObserver);
          break;
        case METHODID_SET_CIRCUIT_STATE:
          serviceImpl.setCircuitState((weir.admin.v1.SetCircuitStateRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.SetCircuitStateResponse>) responseObserver);
          break;
        case METHODID_EXPLAIN_ROUTE:
          serviceImpl.explainRoute((weir.admin.v1.ExplainRouteRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.ExplainRouteResponse>) responseObserver);
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
          getListTargetsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.ListTargetsRequest,
              weir.admin.v1.ListTargetsResponse>(
                service, METHODID_LIST_TARGETS)))
        .addMethod(
          getWatchTargetsMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              weir.admin.v1.WatchTargetsRequest,
              weir.admin.v1.WatchTargetsResponse>(
                service, METHODID_WATCH_TARGETS)))
        .addMethod(
          getSetCircuitStateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.SetCircuitStateRequest,
              weir.admin.v1.SetCircuitStateResponse>(
                service, METHODID_SET_CIRCUIT_STATE)))
        .addMethod(
          getExplainRouteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.ExplainRouteRequest,
              weir.admin.v1.ExplainRouteResponse>(
                service, METHODID_EXPLAIN_ROUTE)))
        .build();
  }

  private static abstract class ProviderAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ProviderAdminServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return weir.admin.v1.AdminService.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ProviderAdminService");
    }
  }

  private static final class ProviderAdminServiceFileDescriptorSupplier
      extends ProviderAdminServiceBaseDescriptorSupplier {
    ProviderAdminServiceFileDescriptorSupplier() {}
  }

  private static final class ProviderAdminServiceMethodDescriptorSupplier
      extends ProviderAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ProviderAdminServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (ProviderAdminServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ProviderAdminServiceFileDescriptorSupplier())
              .addMethod(getListTargetsMethod())
              .addMethod(getWatchTargetsMethod())
              .addMethod(getSetCircuitStateMethod())
              .addMethod(getExplainRouteMethod())
              .build();
        }
      }
    }
    return result;
  }
}
