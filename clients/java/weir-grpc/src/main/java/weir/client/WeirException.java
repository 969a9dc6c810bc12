package weir.client;

import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import io.grpc.Status;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import weir.v1.Attempt;
import weir.v1.ErrorReason;
import weir.v1.FieldViolation;
import weir.v1.TokenUsage;

/**
 * A call failed. {@link #kind()} says what to do next; the rest says what happened.
 *
 * <p>Whatever the helper's methods throw is of this class, apart from arguments that cannot be sent
 * ({@link IllegalArgumentException}) and a client that is closed ({@link IllegalStateException}).
 */
public final class WeirException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What can a caller do about a failure? One kind per answer. */
    public enum Kind {
        /** Change the request: it breaks a rule, or asks for what the model cannot do. */
        INVALID_REQUEST,
        /** Send another key: the call carries none, or one that is not valid. */
        UNAUTHENTICATED,
        /** Ask for the right: the key may not do this, or policy refuses the content. */
        PERMISSION_DENIED,
        /** Name something that exists. */
        NOT_FOUND,
        /** Look at the state of things, then decide: taken, not ready, or outcome unknown. */
        CONFLICT,
        /** This server does not do that. */
        UNSUPPORTED,
        /** Wait {@link WeirException#retryAfter()}, then try again. */
        RATE_LIMITED,
        /** A budget or a quota is spent; waiting a moment does not help. */
        QUOTA_EXCEEDED,
        /** Try again later: nothing of an answer was given. */
        UNAVAILABLE,
        /** Allow more time. */
        DEADLINE_EXCEEDED,
        /** Nothing: this side cancelled, or the thread that read was interrupted. */
        CANCELLED,
        /** The answer began and was cut; what came is not the whole of it, and was used. */
        STREAM_BROKEN,
        /** Report it, with {@link WeirException#requestId()}: a fault of the server's own. */
        SERVER,
        /** Report it: the server's answer breaks the contract and cannot be trusted. */
        PROTOCOL,
    }

    /** Everything that is known of the failure. */
    private final Details details;

    WeirException(Kind kind, Status.Code code, String sentence, Details details, Throwable cause) {
        super(said(code, sentence, details), cause);
        details.kind = kind;
        details.code = code;
        details.sentence = sentence;
        this.details = details;
    }

    /**
     * The failure that an exception of a gRPC stub stands for.
     *
     * @param failure what a stub threw, or gave to {@code StreamObserver.onError}
     * @return the same failure with everything that the server said about it, {@code failure} as cause
     */
    public static WeirException from(Throwable failure) {
        return Failures.of(
                Status.fromThrowable(failure),
                Status.trailersFromThrowable(failure),
                false,
                false,
                failure);
    }

    /**
     * What to do next.
     *
     * @return never null
     */
    public Kind kind() {
        return details.kind;
    }

    /**
     * The gRPC status code.
     *
     * @return never null
     */
    public Status.Code code() {
        return details.code;
    }

    /**
     * Why, as the contract names it without its prefix, such as {@code MODEL_NOT_FOUND}.
     *
     * @return empty where the failure did not come from Weir itself, such as a refused connection
     */
    public String reason() {
        return details.reason;
    }

    /**
     * The reason as the contract's enum.
     *
     * @return unspecified where these stubs do not know its name
     */
    public ErrorReason reasonValue() {
        return Failures.reasonValue(details.reason);
    }

    /**
     * A sentence for people; {@link #getMessage()} adds the facts to it.
     *
     * @return never empty
     */
    public String sentence() {
        return details.sentence;
    }

    /**
     * Facts about the failure; the keys are named with each {@link ErrorReason}.
     *
     * @return by name, unmodifiable
     */
    public Map<String, String> metadata() {
        return details.metadata;
    }

    /**
     * After how long trying again makes sense.
     *
     * @return empty: not known, or never
     */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(details.retryAfter);
    }

    /**
     * The request's fields that break a rule.
     *
     * @return unmodifiable
     */
    public List<FieldViolation> fieldViolations() {
        return details.fieldViolations;
    }

    /**
     * The limits that are used up.
     *
     * @return unmodifiable
     */
    public List<QuotaFailure.Violation> quotaViolations() {
        return details.quotaViolations;
    }

    /**
     * The thing that does not exist.
     *
     * @return empty where the failure is about none
     */
    public Optional<ResourceInfo> resource() {
        return Optional.ofNullable(details.resource);
    }

    /**
     * Weir's identity of the answer.
     *
     * @return empty where there is none
     */
    public String responseId() {
        return details.responseId;
    }

    /**
     * What was used all the same.
     *
     * @return empty: not told
     */
    public Optional<TokenUsage> usage() {
        return Optional.ofNullable(details.usage);
    }

    /**
     * The calls made to providers.
     *
     * @return unmodifiable
     */
    public List<Attempt> attempts() {
        return details.attempts;
    }

    /**
     * Sequence of the last event that the server sent.
     *
     * @return empty: none was, or it is not told
     */
    public OptionalLong lastSequence() {
        return details.lastSequence == null
                ? OptionalLong.empty()
                : OptionalLong.of(details.lastSequence);
    }

    /**
     * Identity of the call in the server's logs.
     *
     * @return empty where it never got there
     */
    public String requestId() {
        return details.requestId;
    }

    /** Add what the stream said to an error that does not say it itself. */
    WeirException complete(String responseId, TokenUsage usage, List<Attempt> attempts) {
        if (details.responseId.isEmpty()) {
            details.responseId = responseId;
        }
        if (details.usage == null) {
            details.usage = usage;
        }
        if (details.attempts.isEmpty()) {
            details.attempts = List.copyOf(attempts);
        }
        return this;
    }

    static WeirException of(Kind kind, Status.Code code, String sentence) {
        return new WeirException(kind, code, sentence, new Details(), null);
    }

    private static String said(Status.Code code, String sentence, Details details) {
        StringBuilder said = new StringBuilder();
        said.append(details.reason.isEmpty() ? code.name() : details.reason);
        said.append(": ").append(sentence);
        for (FieldViolation violation : details.fieldViolations) {
            said.append(" [").append(violation.getField()).append(": ");
            said.append(violation.getDescription()).append(']');
        }
        if (details.retryAfter != null) {
            said.append(" (retry after ").append(details.retryAfter.toMillis() / 1000.0).append(" s)");
        }
        if (!details.requestId.isEmpty()) {
            said.append(" (request ").append(details.requestId).append(')');
        }
        return said.toString();
    }

    /** What the details of a status say; one that is not there leaves its default. */
    @SuppressWarnings("serial") // the lists and maps in it are serializable
    static final class Details implements Serializable {
        private static final long serialVersionUID = 1;
        Kind kind;
        Status.Code code;
        String sentence;
        String reason = "";
        Map<String, String> metadata = Map.of();
        Duration retryAfter;
        List<FieldViolation> fieldViolations = List.of();
        List<QuotaFailure.Violation> quotaViolations = List.of();
        ResourceInfo resource;
        String responseId = "";
        TokenUsage usage;
        List<Attempt> attempts = List.of();
        Long lastSequence;
        String requestId = "";
    }
}
