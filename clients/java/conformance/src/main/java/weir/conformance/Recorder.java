package weir.conformance;

import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientStreamTracer;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What went over the wire? The messages that the client read, and the headers before them. */
final class Recorder implements ClientInterceptor {
    private final List<Message> messages = new ArrayList<>();
    private final CountDownLatch sent = new CountDownLatch(1);
    private Metadata headers;

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        CallOptions traced =
                options.withStreamTracerFactory(
                        new ClientStreamTracer.Factory() {
                            @Override
                            public ClientStreamTracer newClientStreamTracer(
                                    ClientStreamTracer.StreamInfo info, Metadata ignored) {
                                return new ClientStreamTracer() {
                                    @Override
                                    public void outboundMessageSent(int n, long wire, long raw) {
                                        sent.countDown();
                                    }
                                };
                            }
                        });
        return new SimpleForwardingClientCall<>(next.newCall(method, traced)) {
            @Override
            public void start(Listener<A> listener, Metadata request) {
                super.start(
                        new SimpleForwardingClientCallListener<>(listener) {
                            @Override
                            public void onHeaders(Metadata response) {
                                note(response);
                                super.onHeaders(response);
                            }

                            @Override
                            public void onMessage(A message) {
                                note((Message) message);
                                super.onMessage(message);
                            }
                        },
                        request);
            }
        };
    }

    /** Wait until the request is on its way, or will never be. */
    void awaitSent() throws InterruptedException {
        sent.await(2, TimeUnit.SECONDS);
    }

    synchronized List<Message> messages() {
        return List.copyOf(messages);
    }

    /** The response's headers that are text; empty: there were none. */
    synchronized Optional<JsonObject> headers() {
        if (headers == null) {
            return Optional.empty();
        }
        JsonObject told = new JsonObject();
        for (String name : headers.keys()) {
            if (!name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                var key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
                told.addProperty(name, headers.get(key));
            }
        }
        return Optional.of(told);
    }

    private synchronized void note(Metadata response) {
        headers = response;
    }

    private synchronized void note(Message message) {
        messages.add(message);
    }
}
