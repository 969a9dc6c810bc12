package weir.admin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Makes, lists, changes and revokes the keys that callers hold. For operators.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class KeyAdminServiceGrpc {

  private KeyAdminServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "weir.admin.v1.KeyAdminService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.CreateKeyRequest,
      weir.admin.v1.CreateKeyResponse> getCreateKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CreateKey",
      requestType = weir.admin.v1.CreateKeyRequest.class,
      responseType = weir.admin.v1.CreateKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.CreateKeyRequest,
      weir.admin.v1.CreateKeyResponse> getCreateKeyMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.CreateKeyRequest, weir.admin.v1.CreateKeyResponse> getCreateKeyMethod;
    if ((getCreateKeyMethod = KeyAdminServiceGrpc.getCreateKeyMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getCreateKeyMethod = KeyAdminServiceGrpc.getCreateKeyMethod) == null) {
          KeyAdminServiceGrpc.getCreateKeyMethod = getCreateKeyMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.CreateKeyRequest, weir.admin.v1.CreateKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CreateKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.CreateKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.CreateKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("CreateKey"))
              .build();
        }
      }
    }
    return getCreateKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.GetKeyRequest,
      weir.admin.v1.GetKeyResponse> getGetKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetKey",
      requestType = weir.admin.v1.GetKeyRequest.class,
      responseType = weir.admin.v1.GetKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.GetKeyRequest,
      weir.admin.v1.GetKeyResponse> getGetKeyMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.GetKeyRequest, weir.admin.v1.GetKeyResponse> getGetKeyMethod;
    if ((getGetKeyMethod = KeyAdminServiceGrpc.getGetKeyMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getGetKeyMethod = KeyAdminServiceGrpc.getGetKeyMethod) == null) {
          KeyAdminServiceGrpc.getGetKeyMethod = getGetKeyMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.GetKeyRequest, weir.admin.v1.GetKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.GetKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.GetKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("GetKey"))
              .build();
        }
      }
    }
    return getGetKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.ListKeysRequest,
      weir.admin.v1.ListKeysResponse> getListKeysMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListKeys",
      requestType = weir.admin.v1.ListKeysRequest.class,
      responseType = weir.admin.v1.ListKeysResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.ListKeysRequest,
      weir.admin.v1.ListKeysResponse> getListKeysMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.ListKeysRequest, weir.admin.v1.ListKeysResponse> getListKeysMethod;
    if ((getListKeysMethod = KeyAdminServiceGrpc.getListKeysMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getListKeysMethod = KeyAdminServiceGrpc.getListKeysMethod) == null) {
          KeyAdminServiceGrpc.getListKeysMethod = getListKeysMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.ListKeysRequest, weir.admin.v1.ListKeysResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListKeys"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListKeysRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.ListKeysResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("ListKeys"))
              .build();
        }
      }
    }
    return getListKeysMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.UpdateKeyRequest,
      weir.admin.v1.UpdateKeyResponse> getUpdateKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UpdateKey",
      requestType = weir.admin.v1.UpdateKeyRequest.class,
      responseType = weir.admin.v1.UpdateKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.UpdateKeyRequest,
      weir.admin.v1.UpdateKeyResponse> getUpdateKeyMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.UpdateKeyRequest, weir.admin.v1.UpdateKeyResponse> getUpdateKeyMethod;
    if ((getUpdateKeyMethod = KeyAdminServiceGrpc.getUpdateKeyMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getUpdateKeyMethod = KeyAdminServiceGrpc.getUpdateKeyMethod) == null) {
          KeyAdminServiceGrpc.getUpdateKeyMethod = getUpdateKeyMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.UpdateKeyRequest, weir.admin.v1.UpdateKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UpdateKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.UpdateKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.UpdateKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("UpdateKey"))
              .build();
        }
      }
    }
    return getUpdateKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.RotateKeyRequest,
      weir.admin.v1.RotateKeyResponse> getRotateKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RotateKey",
      requestType = weir.admin.v1.RotateKeyRequest.class,
      responseType = weir.admin.v1.RotateKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.RotateKeyRequest,
      weir.admin.v1.RotateKeyResponse> getRotateKeyMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.RotateKeyRequest, weir.admin.v1.RotateKeyResponse> getRotateKeyMethod;
    if ((getRotateKeyMethod = KeyAdminServiceGrpc.getRotateKeyMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getRotateKeyMethod = KeyAdminServiceGrpc.getRotateKeyMethod) == null) {
          KeyAdminServiceGrpc.getRotateKeyMethod = getRotateKeyMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.RotateKeyRequest, weir.admin.v1.RotateKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RotateKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.RotateKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.RotateKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("RotateKey"))
              .build();
        }
      }
    }
    return getRotateKeyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<weir.admin.v1.RevokeKeyRequest,
      weir.admin.v1.RevokeKeyResponse> getRevokeKeyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "RevokeKey",
      requestType = weir.admin.v1.RevokeKeyRequest.class,
      responseType = weir.admin.v1.RevokeKeyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<weir.admin.v1.RevokeKeyRequest,
      weir.admin.v1.RevokeKeyResponse> getRevokeKeyMethod() {
    io.grpc.MethodDescriptor<weir.admin.v1.RevokeKeyRequest, weir.admin.v1.RevokeKeyResponse> getRevokeKeyMethod;
    if ((getRevokeKeyMethod = KeyAdminServiceGrpc.getRevokeKeyMethod) == null) {
      synchronized (KeyAdminServiceGrpc.class) {
        if ((getRevokeKeyMethod = KeyAdminServiceGrpc.getRevokeKeyMethod) == null) {
          KeyAdminServiceGrpc.getRevokeKeyMethod = getRevokeKeyMethod =
              io.grpc.MethodDescriptor.<weir.admin.v1.RevokeKeyRequest, weir.admin.v1.RevokeKeyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "RevokeKey"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.RevokeKeyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  weir.admin.v1.RevokeKeyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new KeyAdminServiceMethodDescriptorSupplier("RevokeKey"))
              .build();
        }
      }
    }
    return getRevokeKeyMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static KeyAdminServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceStub>() {
        @java.lang.Override
        public KeyAdminServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new KeyAdminServiceStub(channel, callOptions);
        }
      };
    return KeyAdminServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static KeyAdminServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceBlockingV2Stub>() {
        @java.lang.Override
        public KeyAdminServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new KeyAdminServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return KeyAdminServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static KeyAdminServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceBlockingStub>() {
        @java.lang.Override
        public KeyAdminServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new KeyAdminServiceBlockingStub(channel, callOptions);
        }
      };
    return KeyAdminServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static KeyAdminServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<KeyAdminServiceFutureStub>() {
        @java.lang.Override
        public KeyAdminServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new KeyAdminServiceFutureStub(channel, callOptions);
        }
      };
    return KeyAdminServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Makes a key. Its secret is in this answer and never told again.
     * </pre>
     */
    default void createKey(weir.admin.v1.CreateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.CreateKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCreateKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells one key, without its secret. NOT_FOUND with reason KEY_NOT_FOUND where there is none.
     * </pre>
     */
    default void getKey(weir.admin.v1.GetKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.GetKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists keys, without their secrets, the newest first.
     * </pre>
     */
    default void listKeys(weir.admin.v1.ListKeysRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListKeysResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListKeysMethod(), responseObserver);
    }

    /**
     * <pre>
     * Changes what a key may do. Calls under way go on as they began.
     * </pre>
     */
    default void updateKey(weir.admin.v1.UpdateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.UpdateKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUpdateKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gives a key another secret. The old one works for as long as the request says. A key that was
     * revoked or has expired gets none: INVALID_REQUEST with the field `name`.
     * </pre>
     */
    default void rotateKey(weir.admin.v1.RotateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.RotateKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRotateKeyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Ends a key for good: within five seconds no server takes it any more.
     * </pre>
     */
    default void revokeKey(weir.admin.v1.RevokeKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.RevokeKeyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRevokeKeyMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service KeyAdminService.
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public static abstract class KeyAdminServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return KeyAdminServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service KeyAdminService.
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public static final class KeyAdminServiceStub
      extends io.grpc.stub.AbstractAsyncStub<KeyAdminServiceStub> {
    private KeyAdminServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected KeyAdminServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new KeyAdminServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Makes a key. Its secret is in this answer and never told again.
     * </pre>
     */
    public void createKey(weir.admin.v1.CreateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.CreateKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCreateKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells one key, without its secret. NOT_FOUND with reason KEY_NOT_FOUND where there is none.
     * </pre>
     */
    public void getKey(weir.admin.v1.GetKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.GetKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists keys, without their secrets, the newest first.
     * </pre>
     */
    public void listKeys(weir.admin.v1.ListKeysRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.ListKeysResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListKeysMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Changes what a key may do. Calls under way go on as they began.
     * </pre>
     */
    public void updateKey(weir.admin.v1.UpdateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.UpdateKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUpdateKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gives a key another secret. The old one works for as long as the request says. A key that was
     * revoked or has expired gets none: INVALID_REQUEST with the field `name`.
     * </pre>
     */
    public void rotateKey(weir.admin.v1.RotateKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.RotateKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRotateKeyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Ends a key for good: within five seconds no server takes it any more.
     * </pre>
     */
    public void revokeKey(weir.admin.v1.RevokeKeyRequest request,
        io.grpc.stub.StreamObserver<weir.admin.v1.RevokeKeyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRevokeKeyMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service KeyAdminService.
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public static final class KeyAdminServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<KeyAdminServiceBlockingV2Stub> {
    private KeyAdminServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected KeyAdminServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new KeyAdminServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Makes a key. Its secret is in this answer and never told again.
     * </pre>
     */
    public weir.admin.v1.CreateKeyResponse createKey(weir.admin.v1.CreateKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCreateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells one key, without its secret. NOT_FOUND with reason KEY_NOT_FOUND where there is none.
     * </pre>
     */
    public weir.admin.v1.GetKeyResponse getKey(weir.admin.v1.GetKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists keys, without their secrets, the newest first.
     * </pre>
     */
    public weir.admin.v1.ListKeysResponse listKeys(weir.admin.v1.ListKeysRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListKeysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Changes what a key may do. Calls under way go on as they began.
     * </pre>
     */
    public weir.admin.v1.UpdateKeyResponse updateKey(weir.admin.v1.UpdateKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUpdateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gives a key another secret. The old one works for as long as the request says. A key that was
     * revoked or has expired gets none: INVALID_REQUEST with the field `name`.
     * </pre>
     */
    public weir.admin.v1.RotateKeyResponse rotateKey(weir.admin.v1.RotateKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRotateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a key for good: within five seconds no server takes it any more.
     * </pre>
     */
    public weir.admin.v1.RevokeKeyResponse revokeKey(weir.admin.v1.RevokeKeyRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRevokeKeyMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service KeyAdminService.
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public static final class KeyAdminServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<KeyAdminServiceBlockingStub> {
    private KeyAdminServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected KeyAdminServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new KeyAdminServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Makes a key. Its secret is in this answer and never told again.
     * </pre>
     */
    public weir.admin.v1.CreateKeyResponse createKey(weir.admin.v1.CreateKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCreateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells one key, without its secret. NOT_FOUND with reason KEY_NOT_FOUND where there is none.
     * </pre>
     */
    public weir.admin.v1.GetKeyResponse getKey(weir.admin.v1.GetKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists keys, without their secrets, the newest first.
     * </pre>
     */
    public weir.admin.v1.ListKeysResponse listKeys(weir.admin.v1.ListKeysRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListKeysMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Changes what a key may do. Calls under way go on as they began.
     * </pre>
     */
    public weir.admin.v1.UpdateKeyResponse updateKey(weir.admin.v1.UpdateKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUpdateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gives a key another secret. The old one works for as long as the request says. A key that was
     * revoked or has expired gets none: INVALID_REQUEST with the field `name`.
     * </pre>
     */
    public weir.admin.v1.RotateKeyResponse rotateKey(weir.admin.v1.RotateKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRotateKeyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Ends a key for good: within five seconds no server takes it any more.
     * </pre>
     */
    public weir.admin.v1.RevokeKeyResponse revokeKey(weir.admin.v1.RevokeKeyRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRevokeKeyMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service KeyAdminService.
   * <pre>
   * Makes, lists, changes and revokes the keys that callers hold. For operators.
   * </pre>
   */
  public static final class KeyAdminServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<KeyAdminServiceFutureStub> {
    private KeyAdminServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected KeyAdminServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new KeyAdminServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Makes a key. Its secret is in this answer and never told again.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.CreateKeyResponse> createKey(
        weir.admin.v1.CreateKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCreateKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells one key, without its secret. NOT_FOUND with reason KEY_NOT_FOUND where there is none.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.GetKeyResponse> getKey(
        weir.admin.v1.GetKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists keys, without their secrets, the newest first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.ListKeysResponse> listKeys(
        weir.admin.v1.ListKeysRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListKeysMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Changes what a key may do. Calls under way go on as they began.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.UpdateKeyResponse> updateKey(
        weir.admin.v1.UpdateKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUpdateKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gives a key another secret. The old one works for as long as the request says. A key that was
     * revoked or has expired gets none: INVALID_REQUEST with the field `name`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.RotateKeyResponse> rotateKey(
        weir.admin.v1.RotateKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRotateKeyMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Ends a key for good: within five seconds no server takes it any more.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<weir.admin.v1.RevokeKeyResponse> revokeKey(
        weir.admin.v1.RevokeKeyRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRevokeKeyMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_CREATE_KEY = 0;
  private static final int METHODID_GET_KEY = 1;
  private static final int METHODID_LIST_KEYS = 2;
  private static final int METHODID_UPDATE_KEY = 3;
  private static final int METHODID_ROTATE_KEY = 4;
  private static final int METHODID_REVOKE_KEY = 5;

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
        case METHODID_CREATE_KEY:
          serviceImpl.createKey((weir.admin.v1.CreateKeyRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.CreateKeyResponse>) responseObserver);
          break;
        case METHODID_GET_KEY:
          serviceImpl.getKey((weir.admin.v1.GetKeyRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.GetKeyResponse>) responseObserver);
          break;
        case METHODID_LIST_KEYS:
          serviceImpl.listKeys((weir.admin.v1.ListKeysRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.ListKeysResponse>) responseObserver);
          break;
        case METHODID_UPDATE_KEY:
          serviceImpl.updateKey((weir.admin.v1.UpdateKeyRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.UpdateKeyResponse>) responseObserver);
          break;
        case METHODID_ROTATE_KEY:
          serviceImpl.rotateKey((weir.admin.v1.RotateKeyRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.RotateKeyResponse>) responseObserver);
          break;
        case METHODID_REVOKE_KEY:
          serviceImpl.revokeKey((weir.admin.v1.RevokeKeyRequest) request,
              (io.grpc.stub.StreamObserver<weir.admin.v1.RevokeKeyResponse>) responseObserver);
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
          getCreateKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.CreateKeyRequest,
              weir.admin.v1.CreateKeyResponse>(
                service, METHODID_CREATE_KEY)))
        .addMethod(
          getGetKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.GetKeyRequest,
              weir.admin.v1.GetKeyResponse>(
                service, METHODID_GET_KEY)))
        .addMethod(
          getListKeysMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.ListKeysRequest,
              weir.admin.v1.ListKeysResponse>(
                service, METHODID_LIST_KEYS)))
        .addMethod(
          getUpdateKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.UpdateKeyRequest,
              weir.admin.v1.UpdateKeyResponse>(
                service, METHODID_UPDATE_KEY)))
        .addMethod(
          getRotateKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.RotateKeyRequest,
              weir.admin.v1.RotateKeyResponse>(
                service, METHODID_ROTATE_KEY)))
        .addMethod(
          getRevokeKeyMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              weir.admin.v1.RevokeKeyRequest,
              weir.admin.v1.RevokeKeyResponse>(
                service, METHODID_REVOKE_KEY)))
        .build();
  }

  private static abstract class KeyAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    KeyAdminServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return weir.admin.v1.KeyAdminServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("KeyAdminService");
    }
  }

  private static final class KeyAdminServiceFileDescriptorSupplier
      extends KeyAdminServiceBaseDescriptorSupplier {
    KeyAdminServiceFileDescriptorSupplier() {}
  }

  private static final class KeyAdminServiceMethodDescriptorSupplier
      extends KeyAdminServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    KeyAdminServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (KeyAdminServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new KeyAdminServiceFileDescriptorSupplier())
              .addMethod(getCreateKeyMethod())
              .addMethod(getGetKeyMethod())
              .addMethod(getListKeysMethod())
              .addMethod(getUpdateKeyMethod())
              .addMethod(getRotateKeyMethod())
              .addMethod(getRevokeKeyMethod())
              .build();
        }
      }
    }
    return result;
  }
}
