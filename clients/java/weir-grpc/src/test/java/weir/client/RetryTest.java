package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import weir.client.WeirException.Kind;
import weir.v1.LLMProviderServiceGrpc;

/** What is tried again, and what is not? */
@Timeout(10)
class RetryTest {
    /** UNAVAILABLE before anything was given is tried again, and the caller sees the answer. */
    @Test
    void unavailableAtFirst() throws Exception {
        try (var server =
                        new ScriptedServer(
                                (attempt, reply) -> {
                                    if (attempt == 1) {
                                        reply.fail(Status.UNAVAILABLE.asRuntimeException());
                                    } else {
                                        reply.send(Answers.textAnswer("Hi"));
                                        reply.end();
                                    }
                                });
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            assertEquals("Hi", stream.response().getMessage().getParts(0).getText());
            assertEquals(2, server.attempts.get());
        }
    }

    /** A server that says when to try again is heeded for UNAVAILABLE alone; it may forbid that. */
    @ParameterizedTest
    @CsvSource({
        "UNAVAILABLE, GATEWAY_OVERLOADED, 20, 3, UNAVAILABLE",
        "UNAVAILABLE, UPSTREAM_ERROR, -1, 1, UNAVAILABLE",
        "RESOURCE_EXHAUSTED, RATE_LIMITED, 20, 1, RATE_LIMITED",
        "ABORTED, IDEMPOTENCY_IN_PROGRESS, 20, 1, CONFLICT",
    })
    void pushback(Status.Code code, String reason, String pushback, int attempts, Kind kind)
            throws Exception {
        var told =
                FailureTest.failure(
                        code,
                        "",
                        Map.of("grpc-retry-pushback-ms", pushback),
                        FailureTest.info(reason));
        try (var server = ScriptedServer.failing(told);
                var client = server.client()) {
            WeirException error = assertThrows(WeirException.class, () -> client.chat("Hi"));
            assertEquals(kind, error.kind());
            assertEquals(attempts, server.attempts.get());
        }
    }

    /** A call without a connection asks for one at once, but not more often than every 10 s. */
    @Test
    void shortBackoff() {
        AtomicLong nanos = new AtomicLong();
        AtomicInteger asked = new AtomicInteger();
        ShortBackoff backoff = new ShortBackoff(() -> true, asked::incrementAndGet, nanos::get);

        for (long second : new long[] {1, 9, 10, 11, 19, 20}) {
            nanos.set(second * 1_000_000_000);
            backoff.interceptCall(
                    LLMProviderServiceGrpc.getChatMethod(), CallOptions.DEFAULT, new NoChannel());
        }

        assertEquals(2, asked.get());
    }

    /** Where a call would go on to. */
    private static final class NoChannel extends Channel {
        @Override
        public <Q, A> ClientCall<Q, A> newCall(
                MethodDescriptor<Q, A> method, CallOptions options) {
            return null;
        }

        @Override
        public String authority() {
            return "nowhere";
        }
    }
}
