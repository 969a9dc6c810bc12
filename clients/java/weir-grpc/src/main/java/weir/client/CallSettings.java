package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * What a single call sets for itself: a deadline, identities, metadata. Immutable; each method gives a
 * copy. A value that breaks its rule throws {@link IllegalArgumentException} before anything is sent.
 *
 * <pre>{@code
 * client.chat(request, CallSettings.timeout(Duration.ofSeconds(5)).withRequestId("order-17"));
 * }</pre>
 */
public final class CallSettings {
    /** Who waits for whom when the server is busy. */
    public enum Priority {
        /** Someone is waiting for it. */
        INTERACTIVE,
        /** Neither. */
        STANDARD,
        /** It may wait. */
        BACKGROUND,
    }

    /** Nothing set: the client's own time limits, no identity, no further metadata. */
    public static final CallSettings DEFAULT = new CallSettings(null, List.of());

    // Checked here, for gRPC would drop such a value, or call it an internal error.
    private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._:/+=-]{1,64}");
    private static final Pattern IDEMPOTENCY_KEY = Pattern.compile("[\\x21-\\x7e]{1,64}");
    private static final Pattern NAME = Pattern.compile("[0-9a-z_.-]+");
    private static final Pattern VALUE = Pattern.compile("[\\x20-\\x7e]*");

    /** Where a call's metadata travels until the client's interceptor sends it. */
    static final CallOptions.Key<CallSettings> KEY = CallOptions.Key.create("weir-call-settings");

    private final Duration timeout;
    private final List<Consumer<Metadata>> pairs;

    private CallSettings(Duration timeout, List<Consumer<Metadata>> pairs) {
        this.timeout = timeout;
        this.pairs = pairs;
    }

    /**
     * Settings with a time limit; see {@link #withTimeout}.
     *
     * @param timeout above zero
     * @return new settings
     */
    public static CallSettings timeout(Duration timeout) {
        return DEFAULT.withTimeout(timeout);
    }

    /**
     * How long the whole call may take, retries included. Without it the client's own limit holds: 60 s,
     * and 300 s for streams. There is always one.
     *
     * @param timeout above zero
     * @return a copy
     */
    public CallSettings withTimeout(Duration timeout) {
        return new CallSettings(positive(timeout, "timeout"), pairs);
    }

    /**
     * Your identity for the call, found again in the server's logs and in errors.
     *
     * @param requestId 1 to 64 letters, digits or any of {@code . _ : / + = -}
     * @return a copy
     */
    public CallSettings withRequestId(String requestId) {
        if (!REQUEST_ID.matcher(requestId).matches()) {
            throw new IllegalArgumentException(
                    "requestId must be 1 to 64 letters, digits or any of . _ : / + = -, not \""
                            + requestId
                            + "\".");
        }
        return withMetadata("weir-request-id", requestId);
    }

    /**
     * A call repeated with the same key and request is not run twice, but given the first run's answer.
     *
     * @param key 1 to 64 visible ASCII characters
     * @return a copy
     */
    public CallSettings withIdempotencyKey(String key) {
        if (!IDEMPOTENCY_KEY.matcher(key).matches()) {
            throw new IllegalArgumentException(
                    "idempotencyKey must be 1 to 64 visible ASCII characters, not \"" + key + "\".");
        }
        return withMetadata("weir-idempotency-key", key);
    }

    /**
     * Who waits for whom when the server is busy. Without it, the server's default.
     *
     * @param priority the call's
     * @return a copy
     */
    public CallSettings withPriority(Priority priority) {
        return withMetadata("weir-priority", priority.name().toLowerCase(Locale.ROOT));
    }

    /**
     * A further pair to send, such as {@code traceparent}.
     *
     * @param name lower-case letters, digits or any of {@code _ . -}, not ending in {@code -bin}
     * @param value printable ASCII
     * @return a copy
     */
    public CallSettings withMetadata(String name, String value) {
        checkName(name, false);
        // The value stays out of the message: it may be a secret.
        if (!VALUE.matcher(value).matches()) {
            throw new IllegalArgumentException(
                    "The metadata "
                            + name
                            + " must have printable ASCII as its value; bytes need a name that ends in"
                            + " -bin.");
        }
        var key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
        return with(metadata -> metadata.put(key, value));
    }

    /**
     * A further pair of bytes to send.
     *
     * @param name lower-case letters, digits or any of {@code _ . -}, ending in {@code -bin}
     * @param value copied
     * @return a copy
     */
    public CallSettings withMetadata(String name, byte[] value) {
        checkName(name, true);
        byte[] copy = value.clone();
        var key = Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
        return with(metadata -> metadata.put(key, copy));
    }

    /** These settings in gRPC's own form. */
    CallOptions grpc() {
        return on(CallOptions.DEFAULT);
    }

    /** These settings for each call of a raw stub. */
    ClientInterceptor interceptor() {
        return new ClientInterceptor() {
            @Override
            public <Q, A> ClientCall<Q, A> interceptCall(
                    MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
                return next.newCall(method, on(options));
            }
        };
    }

    private CallOptions on(CallOptions before) {
        CallOptions options = before.withOption(KEY, this);
        return timeout == null
                ? options
                : options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    void addTo(Metadata metadata) {
        pairs.forEach(pair -> pair.accept(metadata));
    }

    static Duration positive(Duration timeout, String name) {
        if (timeout.isZero() || timeout.isNegative()) {
            throw new IllegalArgumentException(name + " must be above zero, not " + timeout + ".");
        }
        return timeout;
    }

    private CallSettings with(Consumer<Metadata> pair) {
        List<Consumer<Metadata>> more = new ArrayList<>(pairs);
        more.add(pair);
        return new CallSettings(timeout, List.copyOf(more));
    }

    private static void checkName(String name, boolean bytes) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "The metadata name \""
                            + name
                            + "\" must be lower-case letters, digits or any of _ . -");
        }
        if (name.endsWith("-bin") != bytes) {
            throw new IllegalArgumentException(
                    "The metadata "
                            + name
                            + (bytes
                                    ? " holds bytes; end its name in -bin."
                                    : " must have bytes as its value."));
        }
    }
}
