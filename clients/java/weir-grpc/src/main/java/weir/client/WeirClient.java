package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
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

    private final ManagedChannel connection;
    private final Channel channel;
    private volatile boolean closed;

    /** {@code channel}: the connection, with what every call carries. */
    WeirClient(ManagedChannel connection, Channel channel) {
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
    public static WeirClientBuilder builder(String address) {
        return new WeirClientBuilder(address);
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
}
