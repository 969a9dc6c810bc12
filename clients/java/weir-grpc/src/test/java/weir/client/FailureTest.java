package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import weir.client.WeirException.Kind;
import weir.v1.Attempt;
import weir.v1.ErrorReason;
import weir.v1.FailureInfo;
import weir.v1.LLMProviderServiceGrpc;

/** Does a failure arrive with everything the server said about it, as the kind that helps? */
@Timeout(10)
class FailureTest {
    /** Each kind of detail ends up in its own place. */
    @Test
    void everyDetail() throws Exception {
        Attempt attempt = Attempt.newBuilder().setProvider("providers/openai").build();
        StatusRuntimeException told =
                failure(
                        Status.Code.RESOURCE_EXHAUSTED,
                        "The rate is used up.",
                        Map.of("weir-request-id", "req-1"),
                        info("RATE_LIMITED").toBuilder().putMetadata("limit", "rpm").build(),
                        RetryInfo.newBuilder()
                                .setRetryDelay(
                                        com.google.protobuf.Duration.newBuilder()
                                                .setSeconds(2)
                                                .setNanos(500_000_000))
                                .build(),
                        BadRequest.newBuilder()
                                .addFieldViolations(
                                        BadRequest.FieldViolation.newBuilder()
                                                .setField("options.top_p")
                                                .setDescription("is 0 to 1")
                                                .setReason("OUT_OF_RANGE"))
                                .build(),
                        QuotaFailure.newBuilder()
                                .addViolations(
                                        QuotaFailure.Violation.newBuilder().setSubject("rpm"))
                                .build(),
                        ResourceInfo.newBuilder().setResourceName("models/x").build(),
                        FailureInfo.newBuilder()
                                .setResponseId("resp_9")
                                .setUsage(Answers.USAGE)
                                .setLastSequence(3)
                                .addAttempts(attempt)
                                .build());

        WeirException error = failureOf(told);

        assertEquals(Kind.RATE_LIMITED, error.kind());
        assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
        assertEquals("RATE_LIMITED", error.reason());
        assertEquals(ErrorReason.ERROR_REASON_RATE_LIMITED, error.reasonValue());
        assertEquals("The rate is used up.", error.sentence());
        assertEquals(Map.of("limit", "rpm"), error.metadata());
        assertEquals(Duration.ofMillis(2500), error.retryAfter().orElseThrow());
        assertEquals("OUT_OF_RANGE", error.fieldViolations().get(0).getRule());
        assertEquals("rpm", error.quotaViolations().get(0).getSubject());
        assertEquals("models/x", error.resource().orElseThrow().getResourceName());
        assertEquals("resp_9", error.responseId());
        assertEquals(Answers.USAGE, error.usage().orElseThrow());
        assertEquals(3, error.lastSequence().orElseThrow());
        assertEquals(List.of(attempt), error.attempts());
        assertEquals("req-1", error.requestId());
        assertEquals(
                "RATE_LIMITED: The rate is used up. [options.top_p: is 0 to 1] (retry after 2.5 s)"
                        + " (request req-1)",
                error.getMessage());
    }

    /** The kind says what to do next. */
    @ParameterizedTest
    @CsvSource({
        "INVALID_ARGUMENT, INVALID_REQUEST, INVALID_REQUEST",
        "RESOURCE_EXHAUSTED, MESSAGE_TOO_LARGE, INVALID_REQUEST",
        "UNAUTHENTICATED, API_KEY_INVALID, UNAUTHENTICATED",
        "PERMISSION_DENIED, MODEL_NOT_ALLOWED, PERMISSION_DENIED",
        "NOT_FOUND, MODEL_NOT_FOUND, NOT_FOUND",
        "ALREADY_EXISTS, RESOURCE_EXISTS, CONFLICT",
        "FAILED_PRECONDITION, PROVIDER_NOT_INITIALIZED, CONFLICT",
        "ABORTED, UNKNOWN_OUTCOME, CONFLICT",
        "ABORTED, UPSTREAM_STREAM_BROKEN, STREAM_BROKEN",
        "RESOURCE_EXHAUSTED, SLOW_CONSUMER, STREAM_BROKEN",
        "RESOURCE_EXHAUSTED, BUDGET_EXCEEDED, QUOTA_EXCEEDED",
        "RESOURCE_EXHAUSTED, A_REASON_OF_THE_FUTURE, RATE_LIMITED",
        "DEADLINE_EXCEEDED, DEADLINE_TOO_SHORT, DEADLINE_EXCEEDED",
        "UNIMPLEMENTED, FEATURE_DISABLED, UNSUPPORTED",
        "INTERNAL, INTERNAL, SERVER",
        "UNAVAILABLE, CIRCUIT_OPEN, UNAVAILABLE",
        "CANCELLED, '', CANCELLED",
        "DATA_LOSS, '', SERVER",
        "OUT_OF_RANGE, '', INVALID_REQUEST",
    })
    void kind(Status.Code code, String reason, Kind expected) {
        StatusRuntimeException told =
                reason.isEmpty()
                        ? failure(code, "", Map.of())
                        : failure(code, "", Map.of(), info(reason));

        WeirException error = WeirException.from(told);

        assertEquals(expected, error.kind());
        assertEquals(reason, error.reason());
        assertTrue(!error.sentence().isEmpty());
    }

    /** Details of another's domain, or bytes that are none, leave it to the code. */
    @Test
    void foreignDetails() {
        ErrorInfo foreign = ErrorInfo.newBuilder().setReason("X").setDomain("other").build();
        Metadata broken = new Metadata();
        broken.put(Failures.STATUS_DETAILS, new byte[] {7, 7, 7});

        assertEquals("", WeirException.from(failure(Status.Code.NOT_FOUND, "", Map.of(), foreign)).reason());
        assertEquals(
                Kind.NOT_FOUND,
                WeirException.from(Status.NOT_FOUND.asRuntimeException(broken)).kind());
    }

    /** An answer over the limit is the caller's to mend, and says so. */
    @Test
    void tooLarge() throws Exception {
        try (var server = ScriptedServer.streaming(Answers.textAnswer("x".repeat(5000)));
                var client = WeirClient.builder(server.address()).maxReceiveBytes(1000).build();
                var stream = client.streamChat("Hi")) {
            WeirException error = assertThrows(WeirException.class, stream::response);
            assertEquals(Kind.INVALID_REQUEST, error.kind());
        }
    }

    /** A raw stub's failure is decoded by the same rules. */
    @Test
    void rawStub() throws Exception {
        var told = failure(Status.Code.NOT_FOUND, "none such", Map.of(), info("MODEL_NOT_FOUND"));
        try (var server = ScriptedServer.failing(told);
                var client = server.client()) {
            var stub = LLMProviderServiceGrpc.newBlockingStub(client.channel());
            var failure =
                    assertThrows(
                            StatusRuntimeException.class,
                            () -> stub.chat(weir.v1.ChatRequest.getDefaultInstance()));
            assertEquals("MODEL_NOT_FOUND", WeirException.from(failure).reason());
        }
    }

    /** A port where nobody listens is UNAVAILABLE, and says which. */
    @Test
    void nobodyThere() {
        try (var client = WeirClient.create("127.0.0.1:1")) {
            WeirException error = assertThrows(WeirException.class, () -> client.chat("Hi"));
            assertEquals(Kind.UNAVAILABLE, error.kind());
            assertTrue(error.sentence().contains("127.0.0.1:1"), error::sentence);
        }
    }

    static ErrorInfo info(String reason) {
        return ErrorInfo.newBuilder().setReason(reason).setDomain("weir").build();
    }

    static StatusRuntimeException failure(
            Status.Code code, String message, Map<String, String> trailers, Message... details) {
        Metadata metadata = new Metadata();
        trailers.forEach(
                (name, value) ->
                        metadata.put(
                                Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
        if (details.length > 0) {
            var status = com.google.rpc.Status.newBuilder().setCode(code.value());
            for (Message detail : details) {
                status.addDetails(Any.pack(detail));
            }
            metadata.put(Failures.STATUS_DETAILS, status.build().toByteArray());
        }
        return code.toStatus().withDescription(message).asRuntimeException(metadata);
    }

    private static WeirException failureOf(StatusRuntimeException told) throws Exception {
        try (var server = ScriptedServer.failing(told);
                var client = server.client()) {
            return assertThrows(WeirException.class, () -> client.chat("Hi"));
        }
    }
}
