package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Metadata;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import weir.client.CallSettings.Priority;
import weir.v1.ChatRequest;
import weir.v1.LLMProviderServiceGrpc;

/** Does a call carry what it should, and is what cannot be refused before it is sent? */
@Timeout(10)
class SettingsTest {
    /** Every call says who calls, with its key and its own metadata. */
    @Test
    void metadata() throws Exception {
        try (var server = ScriptedServer.streaming(Answers.textAnswer("Hi"));
                var client = WeirClient.builder(server.address()).apiKey("weir_1").build();
                var stream =
                        client.streamChat(
                                weir.v1.StreamChatRequest.getDefaultInstance(),
                                CallSettings.DEFAULT
                                        .withRequestId("req-1")
                                        .withIdempotencyKey("key-1")
                                        .withPriority(Priority.BACKGROUND)
                                        .withMetadata("traceparent", "00-1")
                                        .withMetadata("x-bytes-bin", new byte[] {1, 2}))) {
            stream.response();
            assertEquals("weir-client-java/" + WeirClient.VERSION, server.header("weir-client"));
            assertTrue(server.header("user-agent").startsWith("weir-client-java/"));
            assertEquals("Bearer weir_1", server.header("authorization"));
            assertEquals("req-1", server.header("weir-request-id"));
            assertEquals("key-1", server.header("weir-idempotency-key"));
            assertEquals("background", server.header("weir-priority"));
            assertEquals("00-1", server.header("traceparent"));
            var bytes = Metadata.Key.of("x-bytes-bin", Metadata.BINARY_BYTE_MARSHALLER);
            assertEquals(2, server.seen.get(0).get(bytes).length);
        }
    }

    /** The client, its pom and the client of Python have one number. */
    @Test
    void version() throws Exception {
        String python = Files.readString(Path.of("../../python/weir/_version.py"));

        assertEquals(WeirClient.VERSION, System.getProperty("weir.version"));
        assertTrue(python.contains("VERSION = \"" + WeirClient.VERSION + "\""), python);
    }

    /** There is always a deadline: the call's, else the client's, else 60 s and 300 s for streams. */
    @Test
    void deadlines() throws Exception {
        CallSettings own = CallSettings.timeout(Duration.ofSeconds(5));
        ChatRequest request = ChatRequest.getDefaultInstance();
        try (var server =
                        new ScriptedServer(
                                (attempt, reply) -> {
                                    reply.send(Answers.textAnswer("Hi"));
                                    reply.end();
                                });
                var client = server.client();
                var quick =
                        WeirClient.builder(server.address()).timeout(Duration.ofSeconds(9)).build();
                var stream = client.streamChat("Hi")) {
            stream.response();
            client.chat("Hi");
            client.chat(request, own);
            quick.chat("Hi");
            LLMProviderServiceGrpc.newBlockingStub(client.channel()).chat(request);
            LLMProviderServiceGrpc.newBlockingStub(client.channel(own)).chat(request);

            int[] seconds = {300, 60, 5, 9, 60, 5};
            for (int call = 0; call < seconds.length; call++) {
                long left = server.timeLeftMs.get(call);
                long due = seconds[call] * 1000L;
                assertTrue(left <= due && left > due - 4000, "call " + call + " had " + left);
            }
        }
    }

    /** A value that cannot be sent is refused before the call. */
    @Test
    void refused() {
        CallSettings none = CallSettings.DEFAULT;
        refuses(() -> none.withRequestId("two words"), "requestId");
        refuses(() -> none.withIdempotencyKey("ü"), "idempotencyKey");
        refuses(() -> none.withMetadata("Upper", "x"), "lower-case");
        refuses(() -> none.withMetadata("x-bin", "text"), "bytes");
        refuses(() -> none.withMetadata("x-text", new byte[0]), "-bin");
        refuses(() -> none.withMetadata("x-text", "line\nend"), "printable");
        refuses(() -> none.withTimeout(Duration.ZERO), "above zero");
        refuses(() -> WeirClient.builder("localhost:1").apiKey("line\n"), "line end");
        refuses(() -> WeirClient.builder("localhost:1").maxReceiveBytes(0), "above zero");
        refuses(
                () -> WeirClient.builder("localhost:1").tls(false).trust(Path.of("ca")).build(),
                "contradict");
    }

    /** A file that is not there is told when the client is built. */
    @Test
    void missingFile() {
        var builder = WeirClient.builder("localhost:1").trust(Path.of("no-such-file.pem"));

        assertThrows(UncheckedIOException.class, builder::build);
    }

    /** An address says where, and whether TLS is on. */
    @ParameterizedTest
    @CsvSource({
        "localhost:50051, dns:///localhost:50051, false",
        "127.0.0.7:1, dns:///127.0.0.7:1, false",
        "[::1]:50051, dns:///%5B::1%5D:50051, false",
        "weir.example:50051, dns:///weir.example:50051, true",
        "weir_server:50051, dns:///weir_server:50051, true",
        "https://weir.example, dns:///weir.example:443, true",
        "https://localhost:8443/, dns:///localhost:8443, true",
        "http://weir.example:50051, dns:///weir.example:50051, false",
        "unix:/run/weir.sock, unix:/run/weir.sock, false",
    })
    void address(String given, String target, boolean tls) {
        assertEquals(new Address(target, tls), Address.of(given, null));
    }

    /** Any other form is refused, with the way out. */
    @ParameterizedTest
    @ValueSource(strings = {"weir.example", "ftp://weir:1", "http://a", "a:b", "user@host:1", "h:99999"})
    void noAddress(String given) {
        assertThrows(IllegalArgumentException.class, () -> Address.of(given, null));
    }

    /** A scheme that contradicts tls() is refused. */
    @Test
    void contradiction() {
        refuses(() -> Address.of("http://weir:1", true), "contradicts");
        refuses(() -> Address.of("https://weir:1", false), "contradicts");
    }

    private static void refuses(org.junit.jupiter.api.function.Executable call, String word) {
        var refusal = assertThrows(IllegalArgumentException.class, call);
        assertTrue(refusal.getMessage().contains(word), refusal::getMessage);
    }
}
