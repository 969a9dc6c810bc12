package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import weir.v1.ChatRequest;
import weir.v1.ChatResponse;
import weir.v1.CompleteRequest;
import weir.v1.CompleteResponse;
import weir.v1.CountTokensRequest;
import weir.v1.CountTokensResponse;
import weir.v1.EmbedRequest;
import weir.v1.EmbedResponse;
import weir.v1.EmbeddingServiceGrpc;
import weir.v1.LLMProviderServiceGrpc;
import weir.v1.StreamChatRequest;
import weir.v1.StreamChatResponse;
import weir.v1.StreamCompleteRequest;
import weir.v1.StreamCompleteResponse;

/**
 * A connection to Weir.
 *
 * <pre>{@code
 * try (WeirClient client = WeirClient.create("localhost:50051")) {
 *     ChatResponse response = client.chat("Hello");
 * }
 * }</pre>
 *
 * <p>Addresses are {@code host:port}, {@code https://host:port}, {@code http://host:port} or
 * {@code unix:/path}. TLS is on unless the address is on this machine or begins with {@code http://}.
 *
 * <p>Calls block; threads may share a client. Every call has a deadline and throws {@link
 * WeirException}. Unavailable servers are tried three times, 0.2 s to 2 s apart, as long as nothing of
 * an answer was given. Interrupting a thread cancels the call that it waits for. Closing the client
 * cancels what is still open; its threads are daemons, so an open call never keeps a process alive.
 */
public final class WeirClient implements AutoCloseable {
    /** Which release of the client this is, and of the contract that its stubs speak. */
    public static final String VERSION = "0.1.0";

    /** What the client calls itself towards a server. */
    static final String USER_AGENT = "weir-client-java/" + VERSION;

    // Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC
    // itself stops repeating once the server's first bytes are there. Numbers are doubles, as in JSON.
    private static final Map<String, ?> SERVICE_CONFIG =
            Map.of(
                    "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
                    "methodConfig",
                            List.of(
                                    Map.of(
                                            "name", List.of(Map.of()),
                                            "retryPolicy",
                                                    Map.of(
                                                            "maxAttempts", 3.0,
                                                            "initialBackoff", "0.2s",
                                                            "maxBackoff", "2s",
                                                            "backoffMultiplier", 2.0,
                                                            "retryableStatusCodes",
                                                                    List.of("UNAVAILABLE")))),
                    // Half of the last calls failing stops repeats, so that they never feed an outage.
                    "retryThrottling", Map.of("maxTokens", 10.0, "tokenRatio", 0.1));

    private static final int MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

    private final ManagedChannel connection;
    private final Channel channel;
    private volatile boolean closed;

    private WeirClient(ManagedChannel connection, Channel channel) {
        this.connection = connection;
        this.channel = channel;
    }

    /**
     * A client with all defaults and without a key.
     *
     * @param address where the server is
     * @return a client; it connects at the first call
     * @throws IllegalArgumentException for an address that cannot be
     */
    public static WeirClient create(String address) {
        return builder(address).build();
    }

    /**
     * The settings of a client.
     *
     * @param address where the server is
     * @return a builder with all defaults
     */
    public static Builder builder(String address) {
        return new Builder(address);
    }

    // --- Answers ---------------------------------------------------------------------------------

    /**
     * Answer a single message of the user.
     *
     * @param text what the user says
     * @return the whole answer
     */
    public ChatResponse chat(String text) {
        return chat(asked(text));
    }

    /**
     * Answer a conversation.
     *
     * @param request the conversation, and how to answer it
     * @return the whole answer
     */
    public ChatResponse chat(ChatRequest request) {
        return chat(request, CallSettings.DEFAULT);
    }

    /**
     * Answer a conversation, with settings for this call.
     *
     * @param request the conversation, and how to answer it
     * @param settings the call's own
     * @return the whole answer
     */
    public ChatResponse chat(ChatRequest request, CallSettings settings) {
        return unary(LLMProviderServiceGrpc.getChatMethod(), request, settings);
    }

    /**
     * Answer a single message of the user, as the answer is written.
     *
     * @param text what the user says
     * @return a stream to close
     */
    public WeirStream<ChatResponse> streamChat(String text) {
        return streamChat(asked(text));
    }

    /**
     * Answer a conversation as the answer is written.
     *
     * @param request the conversation, and how to answer it
     * @return a stream to close
     */
    public WeirStream<ChatResponse> streamChat(ChatRequest request) {
        return streamChat(
                StreamChatRequest.newBuilder().setRequest(request).build(), CallSettings.DEFAULT);
    }

    /**
     * Answer a conversation as the answer is written, with settings for this stream.
     *
     * @param request the conversation, and how to stream the answer
     * @param settings the call's own
     * @return a stream to close
     */
    public WeirStream<ChatResponse> streamChat(StreamChatRequest request, CallSettings settings) {
        return WeirStream.open(
                channel(),
                LLMProviderServiceGrpc.getStreamChatMethod(),
                request,
                settings.grpc(),
                StreamChatResponse::getEventsList,
                Fold.chat(),
                () -> closed);
    }

    /**
     * Go on from a text.
     *
     * @param prompt the text
     * @return the whole completion
     */
    public CompleteResponse complete(String prompt) {
        return complete(CompleteRequest.newBuilder().setPrompt(prompt).build(), CallSettings.DEFAULT);
    }

    /**
     * Go on from a text, with settings for this call.
     *
     * @param request the text, and how to go on
     * @param settings the call's own
     * @return the whole completion
     */
    public CompleteResponse complete(CompleteRequest request, CallSettings settings) {
        return unary(LLMProviderServiceGrpc.getCompleteMethod(), request, settings);
    }

    /**
     * Go on from a text as it is written.
     *
     * @param prompt the text
     * @return a stream to close
     */
    public WeirStream<CompleteResponse> streamComplete(String prompt) {
        CompleteRequest request = CompleteRequest.newBuilder().setPrompt(prompt).build();
        return streamComplete(
                StreamCompleteRequest.newBuilder().setRequest(request).build(), CallSettings.DEFAULT);
    }

    /**
     * Go on from a text as it is written, with settings for this stream.
     *
     * @param request the text, and how to stream what follows
     * @param settings the call's own
     * @return a stream to close
     */
    public WeirStream<CompleteResponse> streamComplete(
            StreamCompleteRequest request, CallSettings settings) {
        return WeirStream.open(
                channel(),
                LLMProviderServiceGrpc.getStreamCompleteMethod(),
                request,
                settings.grpc(),
                StreamCompleteResponse::getEventsList,
                Fold.complete(),
                () -> closed);
    }

    /**
     * Turn texts or media into vectors, in order.
     *
     * @param request what to embed
     * @param settings the call's own
     * @return a vector for each input
     */
    public EmbedResponse embed(EmbedRequest request, CallSettings settings) {
        return unary(EmbeddingServiceGrpc.getEmbedMethod(), request, settings);
    }

    /**
     * Count the tokens of a text or of a whole chat request.
     *
     * @param request what to count
     * @param settings the call's own
     * @return how many, and whether the number is exact
     */
    public CountTokensResponse countTokens(CountTokensRequest request, CallSettings settings) {
        return unary(LLMProviderServiceGrpc.getCountTokensMethod(), request, settings);
    }

    // --- Connection ------------------------------------------------------------------------------

    /**
     * The connection, for the stubs of everything else: they call with this client's key, deadlines and
     * retries. Their failures become {@link WeirException}s by {@link WeirException#from}.
     *
     * <pre>{@code
     * ModelServiceGrpc.newBlockingStub(client.channel()).listModels(ListModelsRequest.getDefaultInstance());
     * }</pre>
     *
     * @return a channel that ends with this client
     * @throws IllegalStateException once the client is closed
     */
    public Channel channel() {
        if (closed) {
            throw new IllegalStateException("This client is closed; make another.");
        }
        return channel;
    }

    /**
     * The same, with settings for each call that is made on it.
     *
     * @param settings of each call; its time limit begins with the call
     * @return a channel that ends with this client
     * @throws IllegalStateException once the client is closed
     */
    public Channel channel(CallSettings settings) {
        return ClientInterceptors.intercept(channel(), settings.interceptor());
    }

    /** Cancel what is open and leave the server; a second time does nothing. */
    @Override
    public void close() {
        closed = true;
        connection.shutdownNow();
    }

    private <Q, A> A unary(MethodDescriptor<Q, A> method, Q request, CallSettings settings) {
        Channel open = channel();
        CallOptions options = settings.grpc();
        try {
            return ClientCalls.blockingUnaryCall(open, method, options, request);
        } catch (StatusRuntimeException failure) {
            throw closed ? Failures.cancelled() : WeirException.from(failure);
        }
    }

    private static ChatRequest asked(String text) {
        return ChatRequest.newBuilder().addMessages(Messages.user(text)).build();
    }

    /** The settings of a client. */
    public static final class Builder {
        private final String address;
        private final List<ClientInterceptor> interceptors = new ArrayList<>();
        private String apiKey;
        private Boolean tls;
        private Path ca;
        private Path cert;
        private Path key;
        private String serverName;
        private Duration timeout = Duration.ofSeconds(60);
        private Duration streamTimeout = Duration.ofSeconds(300);
        private int maxReceiveBytes = MAX_MESSAGE_BYTES;

        private Builder(String address) {
            this.address = address;
        }

        /**
         * The Weir key, sent with each call as {@code authorization: Bearer …}.
         *
         * @param apiKey printable ASCII
         * @return this
         */
        public Builder apiKey(String apiKey) {
            if (!apiKey.matches("[\\x20-\\x7e]+") || apiKey.isBlank()) {
                throw new IllegalArgumentException(
                        "The API key must be printable ASCII; is there a line end in it?");
            }
            this.apiKey = apiKey;
            return this;
        }

        /**
         * Whether the connection is encrypted. Without it: TLS, unless the address is on this machine or
         * begins with {@code http://}.
         *
         * @param tls true or false
         * @return this
         */
        public Builder tls(boolean tls) {
            this.tls = tls;
            return this;
        }

        /**
         * Certificates to trust in place of the system's; switches TLS on.
         *
         * @param ca a PEM file, read when the client is built
         * @return this
         */
        public Builder trust(Path ca) {
            this.ca = ca;
            return this;
        }

        /**
         * This client's own certificate, for servers that ask for one (mTLS); switches TLS on.
         *
         * @param cert a PEM file with the certificate and its chain
         * @param key a PEM file with its key, in PKCS #8 ("BEGIN PRIVATE KEY")
         * @return this
         */
        public Builder identity(Path cert, Path key) {
            this.cert = cert;
            this.key = key;
            return this;
        }

        /**
         * The name that the server's certificate must bear, where it is not that of the address.
         *
         * @param serverName such as {@code weir.example}
         * @return this
         */
        public Builder serverName(String serverName) {
            this.serverName = serverName;
            return this;
        }

        /**
         * The time limit of a call that sets none itself; 60 s without it.
         *
         * @param timeout above zero
         * @return this
         */
        public Builder timeout(Duration timeout) {
            this.timeout = CallSettings.positive(timeout, "timeout");
            return this;
        }

        /**
         * The time limit of a stream that sets none itself; 300 s without it.
         *
         * @param streamTimeout above zero
         * @return this
         */
        public Builder streamTimeout(Duration streamTimeout) {
            this.streamTimeout = CallSettings.positive(streamTimeout, "streamTimeout");
            return this;
        }

        /**
         * The largest message to take from the server; 32 MiB without it.
         *
         * @param bytes above zero
         * @return this
         */
        public Builder maxReceiveBytes(int bytes) {
            if (bytes <= 0) {
                throw new IllegalArgumentException(
                        "maxReceiveBytes must be above zero, not " + bytes + ".");
            }
            this.maxReceiveBytes = bytes;
            return this;
        }

        /**
         * What sees every call, such as a tracer's interceptor; the first added sees it first.
         *
         * @param interceptor gRPC's own kind
         * @return this
         */
        public Builder intercept(ClientInterceptor interceptor) {
            interceptors.add(interceptor);
            return this;
        }

        /**
         * The client.
         *
         * @return a client; it connects at the first call
         * @throws IllegalArgumentException for an address that cannot be, or that contradicts the TLS
         *     settings
         * @throws UncheckedIOException for a file that cannot be read
         */
        public WeirClient build() {
            boolean files = ca != null || cert != null;
            if (files && Boolean.FALSE.equals(tls)) {
                throw new IllegalArgumentException(
                        "TLS files contradict tls(false); leave one of the two out.");
            }
            Address to = Address.of(address, files ? Boolean.TRUE : tls);
            ManagedChannelBuilder<?> grpc =
                    Grpc.newChannelBuilder(
                            to.target(),
                            to.tls() ? credentials() : InsecureChannelCredentials.create());
            if (serverName != null) {
                grpc.overrideAuthority(serverName);
            }
            ManagedChannel connection =
                    grpc.userAgent(USER_AGENT)
                            .defaultServiceConfig(SERVICE_CONFIG)
                            // The settings above hold; none is asked of the name service.
                            .disableServiceConfigLookUp()
                            .enableRetry()
                            // A request larger than the buffer of a call is never repeated.
                            .perRpcBufferLimit(MAX_MESSAGE_BYTES)
                            .retryBufferSize(4L * MAX_MESSAGE_BYTES)
                            .maxInboundMessageSize(maxReceiveBytes)
                            // Pings only while a call is open: a dead peer is noticed, an idle one
                            // left alone.
                            .keepAliveTime(30, TimeUnit.SECONDS)
                            .keepAliveTimeout(10, TimeUnit.SECONDS)
                            .keepAliveWithoutCalls(false)
                            .build();
            return new WeirClient(connection, intercepted(connection));
        }

        private Channel intercepted(ManagedChannel connection) {
            List<ClientInterceptor> all = new ArrayList<>(interceptors);
            all.add(new CallDefaults(timeout, streamTimeout, MAX_MESSAGE_BYTES, apiKey));
            all.add(
                    new ShortBackoff(
                            () ->
                                    connection.getState(false)
                                            == ConnectivityState.TRANSIENT_FAILURE,
                            connection::resetConnectBackoff,
                            System::nanoTime));
            return ClientInterceptors.interceptForward(connection, all);
        }

        private ChannelCredentials credentials() {
            TlsChannelCredentials.Builder tlsFiles = TlsChannelCredentials.newBuilder();
            try {
                if (ca != null) {
                    tlsFiles.trustManager(ca.toFile());
                }
                if (cert != null) {
                    tlsFiles.keyManager(cert.toFile(), key.toFile());
                }
            } catch (IOException problem) {
                throw new UncheckedIOException("A TLS file cannot be read.", problem);
            }
            return tlsFiles.build();
        }
    }
}
