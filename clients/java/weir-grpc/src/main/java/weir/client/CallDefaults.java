package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** What does every call carry besides its request? A deadline and metadata, the raw stubs' too. */
final class CallDefaults implements ClientInterceptor {
    private static final Pushback PUSHBACK = new Pushback();
    private static final Metadata.Key<String> CLIENT = text("weir-client");
    private static final Metadata.Key<String> AUTHORIZATION = text("authorization");

    private final Duration timeout;
    private final Duration streamTimeout;
    private final int maxSendBytes;
    private final String authorization;

    /** {@code apiKey}: null for none. */
    CallDefaults(Duration timeout, Duration streamTimeout, int maxSendBytes, String apiKey) {
        this.timeout = timeout;
        this.streamTimeout = streamTimeout;
        this.maxSendBytes = maxSendBytes;
        this.authorization = apiKey == null ? null : "Bearer " + apiKey;
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        CallOptions complete = options.withStreamTracerFactory(PUSHBACK);
        if (complete.getDeadline() == null) {
            Duration limit = method.getType() == MethodType.UNARY ? timeout : streamTimeout;
            complete = complete.withDeadlineAfter(limit.toNanos(), TimeUnit.NANOSECONDS);
        }
        if (complete.getMaxOutboundMessageSize() == null) {
            complete = complete.withMaxOutboundMessageSize(maxSendBytes);
        }
        CallSettings settings = options.getOption(CallSettings.KEY);
        return new SimpleForwardingClientCall<>(next.newCall(method, complete)) {
            @Override
            public void start(Listener<A> listener, Metadata headers) {
                headers.put(CLIENT, WeirClient.USER_AGENT);
                if (authorization != null) {
                    headers.put(AUTHORIZATION, authorization);
                }
                if (settings != null) {
                    settings.addTo(headers);
                }
                super.start(listener, headers);
            }
        };
    }

    private static Metadata.Key<String> text(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }
}
