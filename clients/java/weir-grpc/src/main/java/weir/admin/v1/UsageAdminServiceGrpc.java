package weir.admin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Questions to the ledger, and budgets. For operators.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class UsageAdminServiceGrpc {

  private UsageAdminServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "weir.admin.v1.UsageAdminService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.QueryUsageRequest,
      weir.admin.v1.QueryUsageResponse> getQueryUsageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "QueryUsage",
      requestType = weir.admin.v1.QueryUsageRequest.class,
      responseType = weir.admin.v1.QueryUsageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.QueryUsageRequest,
      weir.admin.v1.QueryUsageResponse> getQueryUsageMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.QueryUsageRequest, weir.admin.v1.QueryUsageResponse> getQueryUsageMethod;
    if ((getQueryUsageMethod = UsageAdminServiceGrpc.getQueryUsageMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getQueryUsageMethod = UsageAdminServiceGrpc.getQueryUsageMethod) == null) {
          UsageAdminServiceGrpc.getQueryUsageMethod = getQueryUsageMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.QueryUsageRequest, weir.admin.v1.QueryUsageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "QueryUsage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.QueryUsageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.QueryUsageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("QueryUsage"))
              .build();
        }
      }
    }
    return getQueryUsageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.WatchUsageRequest,
      weir.admin.v1.WatchUsageResponse> getWatchUsageMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchUsage",
      requestType = weir.admin.v1.WatchUsageRequest.class,
      responseType = weir.admin.v1.WatchUsageResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<weir.admin.v1.WatchUsageRequest,
      weir.admin.v1.WatchUsageResponse> getWatchUsageMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.WatchUsageRequest, weir.admin.v1.WatchUsageResponse> getWatchUsageMethod;
    if ((getWatchUsageMethod = UsageAdminServiceGrpc.getWatchUsageMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getWatchUsageMethod = UsageAdminServiceGrpc.getWatchUsageMethod) == null) {
          UsageAdminServiceGrpc.getWatchUsageMethod = getWatchUsageMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.WatchUsageRequest, weir.admin.v1.WatchUsageResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchUsage"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchUsageRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchUsageResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("WatchUsage"))
              .build();
        }
      }
    }
    return getWatchUsageMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.ListCallsRequest,
      weir.admin.v1.ListCallsResponse> getListCallsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListCalls",
      requestType = weir.admin.v1.ListCallsRequest.class,
      responseType = weir.admin.v1.ListCallsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.ListCallsRequest,
      weir.admin.v1.ListCallsResponse> getListCallsMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.ListCallsRequest, weir.admin.v1.ListCallsResponse> getListCallsMethod;
    if ((getListCallsMethod = UsageAdminServiceGrpc.getListCallsMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getListCallsMethod = UsageAdminServiceGrpc.getListCallsMethod) == null) {
          UsageAdminServiceGrpc.getListCallsMethod = getListCallsMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.ListCallsRequest, weir.admin.v1.ListCallsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListCalls"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListCallsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListCallsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("ListCalls"))
              .build();
        }
      }
    }
    return getListCallsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.SetBudgetRequest,
      weir.admin.v1.SetBudgetResponse> getSetBudgetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SetBudget",
      requestType = weir.admin.v1.SetBudgetRequest.class,
      responseType = weir.admin.v1.SetBudgetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.SetBudgetRequest,
      weir.admin.v1.SetBudgetResponse> getSetBudgetMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.SetBudgetRequest, weir.admin.v1.SetBudgetResponse> getSetBudgetMethod;
    if ((getSetBudgetMethod = UsageAdminServiceGrpc.getSetBudgetMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getSetBudgetMethod = UsageAdminServiceGrpc.getSetBudgetMethod) == null) {
          UsageAdminServiceGrpc.getSetBudgetMethod = getSetBudgetMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.SetBudgetRequest, weir.admin.v1.SetBudgetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SetBudget"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.SetBudgetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.SetBudgetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("SetBudget"))
              .build();
        }
      }
    }
    return getSetBudgetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.ListBudgetsRequest,
      weir.admin.v1.ListBudgetsResponse> getListBudgetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListBudgets",
      requestType = weir.admin.v1.ListBudgetsRequest.class,
      responseType = weir.admin.v1.ListBudgetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.ListBudgetsRequest,
      weir.admin.v1.ListBudgetsResponse> getListBudgetsMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.ListBudgetsRequest, weir.admin.v1.ListBudgetsResponse> getListBudgetsMethod;
    if ((getListBudgetsMethod = UsageAdminServiceGrpc.getListBudgetsMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getListBudgetsMethod = UsageAdminServiceGrpc.getListBudgetsMethod) == null) {
          UsageAdminServiceGrpc.getListBudgetsMethod = getListBudgetsMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.ListBudgetsRequest, weir.admin.v1.ListBudgetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListBudgets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListBudgetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListBudgetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("ListBudgets"))
              .build();
        }
      }
    }
    return getListBudgetsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.DeleteBudgetRequest,
      weir.admin.v1.DeleteBudgetResponse> getDeleteBudgetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteBudget",
      requestType = weir.admin.v1.DeleteBudgetRequest.class,
      responseType = weir.admin.v1.DeleteBudgetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.DeleteBudgetRequest,
      weir.admin.v1.DeleteBudgetResponse> getDeleteBudgetMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.DeleteBudgetRequest, weir.admin.v1.DeleteBudgetResponse> getDeleteBudgetMethod;
    if ((getDeleteBudgetMethod = UsageAdminServiceGrpc.getDeleteBudgetMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getDeleteBudgetMethod = UsageAdminServiceGrpc.getDeleteBudgetMethod) == null) {
          UsageAdminServiceGrpc.getDeleteBudgetMethod = getDeleteBudgetMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.DeleteBudgetRequest, weir.admin.v1.DeleteBudgetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteBudget"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.DeleteBudgetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.DeleteBudgetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("DeleteBudget"))
              .build();
        }
      }
    }
    return getDeleteBudgetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.WatchBudgetsRequest,
      weir.admin.v1.WatchBudgetsResponse> getWatchBudgetsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchBudgets",
      requestType = weir.admin.v1.WatchBudgetsRequest.class,
      responseType = weir.admin.v1.WatchBudgetsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<weir.admin.v1.WatchBudgetsRequest,
      weir.admin.v1.WatchBudgetsResponse> getWatchBudgetsMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.WatchBudgetsRequest, weir.admin.v1.WatchBudgetsResponse> getWatchBudgetsMethod;
    if ((getWatchBudgetsMethod = UsageAdminServiceGrpc.getWatchBudgetsMethod) == null) {
      synchronized (UsageAdminServiceGrpc.class) {
        if ((getWatchBudgetsMethod = UsageAdminServiceGrpc.getWatchBudgetsMethod) == null) {
          UsageAdminServiceGrpc.getWatchBudgetsMethod = getWatchBudgetsMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.WatchBudgetsRequest, weir.admin.v1.WatchBudgetsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchBudgets"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchBudgetsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.WatchBudgetsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new UsageAdminServiceMethodDescriptorSupplier("WatchBudgets"))
              .build();
        }
      }
    }
    return getWatchBudgetsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static UsageAdminServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceStub>() {
        @java.lang.Override
        public UsageAdminServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageAdminServiceStub(channel, callOptions);
        }
      };
    return UsageAdminServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static UsageAdminServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceBlockingV2Stub>() {
        @java.lang.Override
        public UsageAdminServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageAdminServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return UsageAdminServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static UsageAdminServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceBlockingStub>() {
        @java.lang.Override
        public UsageAdminServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageAdminServiceBlockingStub(channel, callOptions);
        }
      };
    return UsageAdminServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static UsageAdminServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<UsageAdminServiceFutureStub>() {
        @java.lang.Override
        public UsageAdminServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new UsageAdminServiceFutureStub(channel, callOptions);
        }
      };
    return UsageAdminServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Sums up what was used in a range of time, by whatever it is grouped by.
     * </pre>
     */
    default void queryUsage(weir.admin.v1.QueryUsageRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.QueryUsageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getQueryUsageMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends the sums at once, and again whenever they have changed.
     * </pre>
     */
    default void watchUsage(weir.admin.v1.WatchUsageRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchUsageResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchUsageMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists single calls, the oldest first.
     * </pre>
     */
    default void listCalls(weir.admin.v1.ListCallsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListCallsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListCallsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Makes a budget, or changes one that has the same name.
     * </pre>
     */
    default void setBudget(weir.admin.v1.SetBudgetRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.SetBudgetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSetBudgetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists budgets with what is spent of each, by name.
     * </pre>
     */
    default void listBudgets(weir.admin.v1.ListBudgetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListBudgetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListBudgetsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ends a budget. NOT_FOUND with reason BUDGET_NOT_FOUND where there is none.
     * </pre>
     */
    default void deleteBudget(weir.admin.v1.DeleteBudgetRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.DeleteBudgetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteBudgetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends what happens to budgets: shares reached, limits met.
     * </pre>
     */
    default void watchBudgets(weir.admin.v1.WatchBudgetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchBudgetsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchBudgetsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service UsageAdminService.
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public static abstract class UsageAdminServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return UsageAdminServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service UsageAdminService.
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public static final class UsageAdminServiceStub
      extends io.grpc.stub.AbstractAsyncStub<UsageAdminServiceStub> {
    private UsageAdminServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageAdminServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageAdminServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sums up what was used in a range of time, by whatever it is grouped by.
     * </pre>
     */
    public void queryUsage(weir.admin.v1.QueryUsageRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.QueryUsageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getQueryUsageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends the sums at once, and again whenever they have changed.
     * </pre>
     */
    public void watchUsage(weir.admin.v1.WatchUsageRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchUsageResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchUsageMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists single calls, the oldest first.
     * </pre>
     */
    public void listCalls(weir.admin.v1.ListCallsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListCallsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListCallsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Makes a budget, or changes one that has the same name.
     * </pre>
     */
    public void setBudget(weir.admin.v1.SetBudgetRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.SetBudgetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSetBudgetMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists budgets with what is spent of each, by name.
     * </pre>
     */
    public void listBudgets(weir.admin.v1.ListBudgetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListBudgetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListBudgetsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ends a budget. NOT_FOUND with reason BUDGET_NOT_FOUND where there is none.
     * </pre>
     */
    public void deleteBudget(weir.admin.v1.DeleteBudgetRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.DeleteBudgetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteBudgetMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends what happens to budgets: shares reached, limits met.
     * </pre>
     */
    public void watchBudgets(weir.admin.v1.WatchBudgetsRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.WatchBudgetsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchBudgetsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service UsageAdminService.
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public static final class UsageAdminServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<UsageAdminServiceBlockingV2Stub> {
    private UsageAdminServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageAdminServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageAdminServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Sums up what was used in a range of time, by whatever it is grouped by.
     * </pre>
     */
    public weir.admin.v1.QueryUsageResponse queryUsage(weir.admin.v1.QueryUsageRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getQueryUsageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends the sums at once, and again whenever they have changed.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, weir.admin.v1.WatchUsageResponse>
        watchUsage(weir.admin.v1.WatchUsageRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchUsageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists single calls, the oldest first.
     * </pre>
     */
    public weir.admin.v1.ListCallsResponse listCalls(weir.admin.v1.ListCallsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListCallsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes a budget, or changes one that has the same name.
     * </pre>
     */
    public weir.admin.v1.SetBudgetResponse setBudget(weir.admin.v1.SetBudgetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSetBudgetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists budgets with what is spent of each, by name.
     * </pre>
     */
    public weir.admin.v1.ListBudgetsResponse listBudgets(weir.admin.v1.ListBudgetsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListBudgetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a budget. NOT_FOUND with reason BUDGET_NOT_FOUND where there is none.
     * </pre>
     */
    public weir.admin.v1.DeleteBudgetResponse deleteBudget(weir.admin.v1.DeleteBudgetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteBudgetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends what happens to budgets: shares reached, limits met.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, weir.admin.v1.WatchBudgetsResponse>
        watchBudgets(weir.admin.v1.WatchBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchBudgetsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service UsageAdminService.
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public static final class UsageAdminServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<UsageAdminServiceBlockingStub> {
    private UsageAdminServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageAdminServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageAdminServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sums up what was used in a range of time, by whatever it is grouped by.
     * </pre>
     */
    public weir.admin.v1.QueryUsageResponse queryUsage(weir.admin.v1.QueryUsageRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getQueryUsageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends the sums at once, and again whenever they have changed.
     * </pre>
     */
    public java.util.Iterator<weir.admin.v1.WatchUsageResponse> watchUsage(
        weir.admin.v1.WatchUsageRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchUsageMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists single calls, the oldest first.
     * </pre>
     */
    public weir.admin.v1.ListCallsResponse listCalls(weir.admin.v1.ListCallsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListCallsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Makes a budget, or changes one that has the same name.
     * </pre>
     */
    public weir.admin.v1.SetBudgetResponse setBudget(weir.admin.v1.SetBudgetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSetBudgetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists budgets with what is spent of each, by name.
     * </pre>
     */
    public weir.admin.v1.ListBudgetsResponse listBudgets(weir.admin.v1.ListBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListBudgetsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a budget. NOT_FOUND with reason BUDGET_NOT_FOUND where there is none.
     * </pre>
     */
    public weir.admin.v1.DeleteBudgetResponse deleteBudget(weir.admin.v1.DeleteBudgetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteBudgetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends what happens to budgets: shares reached, limits met.
     * </pre>
     */
    public java.util.Iterator<weir.admin.v1.WatchBudgetsResponse> watchBudgets(
        weir.admin.v1.WatchBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchBudgetsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service UsageAdminService.
   * <pre>
   * Questions to the ledger, and budgets. For operators.
   * </pre>
   */
  public static final class UsageAdminServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<UsageAdminServiceFutureStub> {
    private UsageAdminServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected UsageAdminServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new UsageAdminServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sums up what was used in a range of time, by whatever it is grouped by.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.QueryUsageResponse> queryUsage(
        weir.admin.v1.QueryUsageRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getQueryUsageMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists single calls, the oldest first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.ListCallsResponse> listCalls(
        weir.admin.v1.ListCallsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListCallsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Makes a budget, or changes one that has the same name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.SetBudgetResponse> setBudget(
        weir.admin.v1.SetBudgetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSetBudgetMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists budgets with what is spent of each, by name.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.ListBudgetsResponse> listBudgets(
        weir.admin.v1.ListBudgetsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListBudgetsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Ends a budget. NOT_FOUND with reason BUDGET_NOT_FOUND where there is none.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.DeleteBudgetResponse> deleteBudget(
        weir.admin.v1.DeleteBudgetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteBudgetMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_QUERY_USAGE = 0;
  private static final int METHODID_WATCH_USAGE = 1;
  private static final int METHODID_LIST_CALLS = 2;
  private static final int METHODID_SET_BUDGET = 3;
  private static final int METHODID_LIST_BUDGETS = 4;
  private static final int METHODID_DELETE_BUDGET = 5;
  private static final int METHODID_WATCH_BUDGETS = 6;

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
        case METHODID_QUERY_USAGE:
          serviceImpl.queryUsage((weir.admin.v1.QueryUsageRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.QueryUsageResponse>) responseObserver);
          break;
        case METHODID_WATCH_USAGE:
          serviceImpl.watchUsage((weir.admin.v1.WatchUsageRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.WatchUsageResponse>) responseObserver);
          break;
        case METHODID_LIST_CALLS:
          serviceImpl.listCalls((weir.admin.v1.ListCallsRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.ListCallsResponse>) responseObserver);
          break;
        case METHODID_SET_BUDGET:
          serviceImpl.setBudget((weir.admin.v1.SetBudgetRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.SetBudgetResponse>) responseObserver);
          break;
        case METHODID_LIST_BUDGETS:
          serviceImpl.listBudgets((weir.admin.v1.ListBudgetsRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.ListBudgetsResponse>) responseObserver);
          break;
        case METHODID_DELETE_BUDGET:
          serviceImpl.deleteBudget((weir.admin.v1.DeleteBudgetRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.DeleteBudgetResponse>) responseObserver);
          break;
        case METHODID_WATCH_BUDGETS:
          serviceImpl.watchBudgets((weir.admin.v1.WatchBudgetsRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.WatchBudgetsResponse>) responseObserver);
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
          getQueryUsageMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.QueryUsageRequest,
              weir.admin.v1.QueryUsageResponse>(
                service, METHODID_QUERY_USAGE)))
        .addMethod(
          getWatchUsageMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              weir.admin.v1.WatchUsageRequest,
              weir.admin.v1.WatchUsageResponse>(
                service, METHODID_WATCH_USAGE)))
        .addMethod(
          getListCallsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.ListCallsRequest,
              weir.admin.v1.ListCallsResponse>(
                service, METHODID_LIST_CALLS)))
        .addMethod(
          getSetBudgetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.SetBudgetRequest,
              weir.admin.v1.SetBudgetResponse>(
                service, METHODID_SET_BUDGET)))
        .addMethod(
          getListBudgetsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.ListBudgetsRequest,
              weir.admin.v1.ListBudgetsResponse>(
                service, METHODID_LIST_BUDGETS)))
        .addMethod(
          getDeleteBudgetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.DeleteBudgetRequest,
              weir.admin.v1.DeleteBudgetResponse>(
                service, METHODID_DELETE_BUDGET)))
        .addMethod(
          getWatchBudgetsMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              weir.admin.v1.WatchBudgetsRequest,
              weir.admin.v1.WatchBudgetsResponse>(
                service, METHODID_WATCH_BUDGETS)))
        .build();
  }

  private static abstract class UsageAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    UsageAdminServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return weir.admin.v1.UsageAdminServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("UsageAdminService");
    }
  }

  private static final class UsageAdminServiceFileDescriptorSupplier
      extends UsageAdminServiceBaseDescriptorSupplier {
    UsageAdminServiceFileDescriptorSupplier() {}
  }

  private static final class UsageAdminServiceMethodDescriptorSupplier
      extends UsageAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    UsageAdminServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (UsageAdminServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new UsageAdminServiceFileDescriptorSupplier())
              .addMethod(getQueryUsageMethod())
              .addMethod(getWatchUsageMethod())
              .addMethod(getListCallsMethod())
              .addMethod(getSetBudgetMethod())
              .addMethod(getListBudgetsMethod())
              .addMethod(getDeleteBudgetMethod())
              .addMethod(getWatchBudgetsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
