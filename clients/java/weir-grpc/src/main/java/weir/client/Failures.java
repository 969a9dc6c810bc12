package weir.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import weir.client.WeirException.Details;
import weir.client.WeirException.Kind;
import weir.v1.ErrorReason;
import weir.v1.FailureInfo;
import weir.v1.FieldViolation;
import weir.v1.StreamEnd;

/** Which exception does a failure on the wire stand for? From a status, or from a stream's end. */
final class Failures {
    private static final String DOMAIN = "weir";
    private static final String PREFIX = "ERROR_REASON_";

    static final Metadata.Key<byte[]> STATUS_DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
    private static final Metadata.Key<String> REQUEST_ID = text("weir-request-id");
    private static final Metadata.Key<String> RESPONSE_ID = text("weir-response-id");

    // What a cut connection looks like when no one is left to say why.
    private static final Set<Status.Code> CUT =
            EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.INTERNAL, Status.Code.UNKNOWN);

    // Where the code alone would send the caller the wrong way.
    private static final Map<String, Kind> BY_REASON =
            Map.of(
                    "MESSAGE_TOO_LARGE", Kind.INVALID_REQUEST,
                    "BUDGET_EXCEEDED", Kind.QUOTA_EXCEEDED,
                    "UPSTREAM_QUOTA_EXHAUSTED", Kind.QUOTA_EXCEEDED,
                    "SLOW_CONSUMER", Kind.STREAM_BROKEN,
                    "UPSTREAM_STREAM_BROKEN", Kind.STREAM_BROKEN);

    private Failures() {}

    /**
     * The failure of a call that ended with a status.
     *
     * @param trailers null: there were none
     * @param started whether the stream had begun; a bare transport failure is then a broken stream
     * @param answered whether something of an answer was given: "unavailable" then means that it was
     *     cut, and trying again is no free call
     */
    static WeirException of(
            Status status, Metadata trailers, boolean started, boolean answered, Throwable cause) {
        Metadata told = trailers == null ? new Metadata() : trailers;
        Details details = decode(told.get(STATUS_DETAILS));
        details.requestId = orEmpty(told.get(REQUEST_ID));
        if (details.responseId.isEmpty()) {
            details.responseId = orEmpty(told.get(RESPONSE_ID));
        }
        Status.Code code = status.getCode();
        String sentence = sentence(status);
        Kind kind = kind(code, details.reason, answered);
        if (details.reason.isEmpty()) {
            if (started && CUT.contains(code)) {
                kind = Kind.STREAM_BROKEN;
            } else if (code == Status.Code.RESOURCE_EXHAUSTED && isOverGrpcsLimit(sentence)) {
                kind = Kind.INVALID_REQUEST;
            }
        }
        return new WeirException(kind, code, sentence, details, cause);
    }

    /** The failure that the end of a stream carries; {@code answered} as for a status. */
    static WeirException of(StreamEnd end, boolean answered) {
        weir.v1.Error error = end.getError();
        Status.Code code = Status.fromCodeValue(error.getCode()).getCode();
        Details details = new Details();
        if (error.getReason() != ErrorReason.UNRECOGNIZED
                && error.getReason() != ErrorReason.ERROR_REASON_UNSPECIFIED) {
            details.reason = error.getReason().name().substring(PREFIX.length());
        }
        details.metadata = Map.copyOf(error.getMetadataMap());
        details.retryAfter = error.hasRetryAfter() ? duration(error.getRetryAfter()) : null;
        details.fieldViolations = List.copyOf(error.getFieldViolationsList());
        details.responseId = end.getMetadata().getResponseId();
        details.usage = end.hasUsage() ? end.getUsage() : null;
        details.attempts = List.copyOf(end.getMetadata().getAttemptsList());
        String sentence = error.getMessage().isEmpty() ? nameless(code) : error.getMessage();
        return new WeirException(
                kind(code, details.reason, answered), code, sentence, details, null);
    }

    /** The failure of a call that this side cancelled. */
    static WeirException cancelled() {
        return WeirException.of(
                Kind.CANCELLED, Status.Code.CANCELLED, "The call was cancelled from this side.");
    }

    /** The value of a reason's name; unspecified where these stubs do not know it. */
    static ErrorReason reasonValue(String reason) {
        try {
            return ErrorReason.valueOf(PREFIX + reason);
        } catch (IllegalArgumentException unknown) {
            return ErrorReason.ERROR_REASON_UNSPECIFIED;
        }
    }

    private static Kind kind(Status.Code code, String reason, boolean answered) {
        if (answered && code == Status.Code.UNAVAILABLE) {
            return Kind.STREAM_BROKEN;
        }
        Kind byReason = BY_REASON.get(reason);
        if (byReason != null) {
            return byReason;
        }
        return switch (code) {
            case CANCELLED -> Kind.CANCELLED;
            case INVALID_ARGUMENT, OUT_OF_RANGE -> Kind.INVALID_REQUEST;
            case DEADLINE_EXCEEDED -> Kind.DEADLINE_EXCEEDED;
            case NOT_FOUND -> Kind.NOT_FOUND;
            case ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED -> Kind.CONFLICT;
            case PERMISSION_DENIED -> Kind.PERMISSION_DENIED;
            case RESOURCE_EXHAUSTED -> Kind.RATE_LIMITED;
            case UNIMPLEMENTED -> Kind.UNSUPPORTED;
            case UNAVAILABLE -> Kind.UNAVAILABLE;
            case UNAUTHENTICATED -> Kind.UNAUTHENTICATED;
            default -> Kind.SERVER;
        };
    }

    /** gRPC's own limit of a message's size gives no details: this library's words, and C-core's. */
    private static boolean isOverGrpcsLimit(String sentence) {
        return sentence.contains("exceeds maximum size") || sentence.contains("larger than max");
    }

    private static Details decode(byte[] packed) {
        Details told = new Details();
        if (packed == null) {
            return told;
        }
        try {
            for (Any detail : com.google.rpc.Status.parseFrom(packed).getDetailsList()) {
                note(detail, told);
            }
        } catch (InvalidProtocolBufferException foreign) {
            // Bytes of something else on the way: the status itself still says what happened.
            return told;
        }
        return told;
    }

    private static void note(Any detail, Details told) throws InvalidProtocolBufferException {
        if (detail.is(ErrorInfo.class)) {
            ErrorInfo info = detail.unpack(ErrorInfo.class);
            if (info.getDomain().equals(DOMAIN)) {
                told.reason = info.getReason();
                told.metadata = Map.copyOf(info.getMetadataMap());
            }
        } else if (detail.is(RetryInfo.class)) {
            told.retryAfter = duration(detail.unpack(RetryInfo.class).getRetryDelay());
        } else if (detail.is(BadRequest.class)) {
            told.fieldViolations =
                    detail.unpack(BadRequest.class).getFieldViolationsList().stream()
                            .map(Failures::violation)
                            .collect(Collectors.toUnmodifiableList());
        } else if (detail.is(QuotaFailure.class)) {
            told.quotaViolations =
                    List.copyOf(detail.unpack(QuotaFailure.class).getViolationsList());
        } else if (detail.is(ResourceInfo.class)) {
            told.resource = detail.unpack(ResourceInfo.class);
        } else if (detail.is(FailureInfo.class)) {
            FailureInfo failure = detail.unpack(FailureInfo.class);
            told.responseId = failure.getResponseId();
            told.usage = failure.hasUsage() ? failure.getUsage() : null;
            told.attempts = List.copyOf(failure.getAttemptsList());
            told.lastSequence = failure.hasLastSequence() ? failure.getLastSequence() : null;
        }
    }

    private static FieldViolation violation(BadRequest.FieldViolation told) {
        return FieldViolation.newBuilder()
                .setField(told.getField())
                .setDescription(told.getDescription())
                .setRule(told.getReason())
                .build();
    }

    private static Duration duration(com.google.protobuf.Duration told) {
        return Duration.ofSeconds(told.getSeconds(), told.getNanos());
    }

    /** What the status says; gRPC itself says "io exception" and leaves the rest to the cause. */
    private static String sentence(Status status) {
        String said = status.getDescription();
        Throwable cause = status.getCause();
        if (cause != null && cause.getMessage() != null) {
            return said == null ? cause.getMessage() : said + " (" + cause.getMessage() + ")";
        }
        return said == null || said.isEmpty() ? nameless(status.getCode()) : said;
    }

    private static String nameless(Status.Code code) {
        return "The call failed with " + code.name() + ".";
    }

    private static String orEmpty(String text) {
        return text == null ? "" : text;
    }

    private static Metadata.Key<String> text(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }
}
