package weir.client;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import weir.v1.ChatRequest;
import weir.v1.ChatResponse;
import weir.v1.GenerationEvent;
import weir.v1.LLMProviderServiceGrpc;
import weir.v1.StreamChatRequest;
import weir.v1.StreamChatResponse;
import weir.v1.StreamCompleteRequest;
import weir.v1.StreamCompleteResponse;

/** Who answers the client in these tests? A real gRPC server on loopback that plays a script. */
final class ScriptedServer extends LLMProviderServiceGrpc.LLMProviderServiceImplBase
        implements AutoCloseable {
    /** What the server does with an attempt, the first being 1. */
    @FunctionalInterface
    interface Script {
        void play(int attempt, Reply reply) throws Exception;
    }

    /** Where a script says something: the events of a message, a failure, or nothing more. */
    interface Reply {
        void send(List<GenerationEvent> events);

        void fail(StatusRuntimeException failure);

        void end();

        boolean isReady();
    }

    final List<Metadata> seen = new CopyOnWriteArrayList<>();
    final List<Long> timeLeftMs = new CopyOnWriteArrayList<>();
    final CountDownLatch cancelled = new CountDownLatch(1);
    final AtomicInteger attempts = new AtomicInteger();
    private final Script script;
    private final Server server;

    ScriptedServer(Script script) throws IOException {
        this.script = script;
        ServerBuilder<?> builder =
                NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0));
        server = builder.addService(this).intercept(new Noting()).build().start();
    }

    /** A server that streams these events, one message each, and ends well. */
    static ScriptedServer streaming(List<GenerationEvent> events) throws IOException {
        return new ScriptedServer(
                (attempt, reply) -> {
                    events.forEach(event -> reply.send(List.of(event)));
                    reply.end();
                });
    }

    /** A server that streams these events and then says nothing more. */
    static ScriptedServer silentAfter(List<GenerationEvent> events) throws IOException {
        return new ScriptedServer(
                (attempt, reply) -> events.forEach(event -> reply.send(List.of(event))));
    }

    static ScriptedServer failing(StatusRuntimeException failure) throws IOException {
        return new ScriptedServer((attempt, reply) -> reply.fail(failure));
    }

    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    WeirClient client() {
        return WeirClient.create(address());
    }

    boolean sawCancelWithin(Duration time) throws InterruptedException {
        return cancelled.await(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    String header(String name) {
        return seen.get(0).get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
    }

    @Override
    public void chat(ChatRequest request, StreamObserver<ChatResponse> out) {
        play(out, events -> {
            Fold<ChatResponse> fold = Fold.chat();
            events.forEach(fold::add);
            return fold.response();
        });
    }

    @Override
    public void streamChat(StreamChatRequest request, StreamObserver<StreamChatResponse> out) {
        play(out, events -> StreamChatResponse.newBuilder().addAllEvents(events).build());
    }

    @Override
    public void streamComplete(
            StreamCompleteRequest request, StreamObserver<StreamCompleteResponse> out) {
        play(out, events -> StreamCompleteResponse.newBuilder().addAllEvents(events).build());
    }

    @Override
    public void close() {
        server.shutdownNow();
    }

    private <M> void play(
            StreamObserver<M> out, java.util.function.Function<List<GenerationEvent>, M> message) {
        ServerCallStreamObserver<M> observer = (ServerCallStreamObserver<M>) out;
        observer.setOnCancelHandler(cancelled::countDown);
        Reply reply =
                new Reply() {
                    @Override
                    public void send(List<GenerationEvent> events) {
                        out.onNext(message.apply(events));
                    }

                    @Override
                    public void fail(StatusRuntimeException failure) {
                        out.onError(failure);
                    }

                    @Override
                    public void end() {
                        out.onCompleted();
                    }

                    @Override
                    public boolean isReady() {
                        return observer.isReady();
                    }
                };
        try {
            script.play(attempts.incrementAndGet(), reply);
        } catch (Exception problem) {
            throw new IllegalStateException("The script failed.", problem);
        }
    }

    /** Notes the metadata and the deadline of every call. */
    private final class Noting implements ServerInterceptor {
        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            seen.add(headers);
            if (Context.current().getDeadline() != null) {
                timeLeftMs.add(
                        Context.current().getDeadline().timeRemaining(TimeUnit.MILLISECONDS));
            }
            return Contexts.interceptCall(Context.current(), call, headers, next);
        }
    }
}
