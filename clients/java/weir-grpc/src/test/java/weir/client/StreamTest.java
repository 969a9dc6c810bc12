package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import weir.client.WeirException.Kind;
import weir.v1.ChatResponse;
import weir.v1.ErrorReason;
import weir.v1.GenerationEvent;
import weir.v1.Part;
import weir.v1.ReasoningPart;
import weir.v1.StreamChatRequest;

/** Is a stream read as the contract says, and ended with its block? */
@Timeout(10)
class StreamTest {
    private static final Duration SOON = Duration.ofSeconds(1);

    /** The text arrives piece by piece, and the whole answer is there after it. */
    @Test
    void text() throws Exception {
        try (var server = ScriptedServer.streaming(Answers.textAnswer("Hel", "lo, ", "world"));
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            List<String> pieces = new ArrayList<>();
            for (String text : stream.text()) {
                pieces.add(text);
            }
            assertEquals(List.of("Hel", "lo, ", "world"), pieces);
            assertEquals("Hello, world", stream.response().getMessage().getParts(0).getText());
            assertEquals(Answers.USAGE, stream.usage().orElseThrow());
            assertEquals("resp_1", stream.responseId());
        }
    }

    /** Every event is given once, in order, the end included. */
    @Test
    void events() throws Exception {
        List<GenerationEvent> sent = Answers.textAnswer("a", "b");
        try (var server = ScriptedServer.streaming(sent);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            List<GenerationEvent> read = new ArrayList<>();
            stream.forEach(read::add);
            assertEquals(sent, read);
        }
    }

    /** Breaking out of one loop loses nothing for the next. */
    @Test
    void loopsGoOnWhereTheLastStopped() throws Exception {
        try (var server = ScriptedServer.streaming(Answers.textAnswer("a", "b", "c"));
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            for (GenerationEvent event : stream) {
                if (event.hasPartDelta()) {
                    break;
                }
            }
            assertTrue(stream.text().iterator().hasNext());
            List<String> pieces = new ArrayList<>();
            stream.text().forEach(pieces::add);
            assertEquals(List.of("b", "c"), pieces);
            assertEquals("abc", stream.response().getMessage().getParts(0).getText());
        }
    }

    /** What a unary call answers is what the stream adds up to. */
    @Test
    void unaryEqualsTheFold() throws Exception {
        List<GenerationEvent> events = Answers.textAnswer("Hi");
        try (var streaming = ScriptedServer.streaming(events);
                var unary =
                        new ScriptedServer(
                                (attempt, reply) -> {
                                    reply.send(events);
                                    reply.end();
                                });
                var first = streaming.client();
                var second = unary.client();
                var stream = first.streamChat("Hi")) {
            assertEquals(stream.response(), second.chat("Hi"));
        }
    }

    /** `text` leaves out what the model thought. */
    @Test
    void reasoningIsNoText() throws Exception {
        Part thought = Part.newBuilder().setReasoning(ReasoningPart.getDefaultInstance()).build();
        List<GenerationEvent> events =
                Answers.numbered(
                        Answers.start(),
                        Answers.opened(0, thought),
                        Answers.text(0, "hmm"),
                        Answers.closed(0),
                        Answers.opened(1, Messages.text("")),
                        Answers.text(1, "yes"),
                        Answers.closed(1),
                        Answers.end());
        try (var server = ScriptedServer.streaming(events);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            List<String> pieces = new ArrayList<>();
            stream.text().forEach(pieces::add);
            assertEquals(List.of("yes"), pieces);
        }
    }

    /** A completion streams and folds the same way. */
    @Test
    void completion() throws Exception {
        try (var server = ScriptedServer.streaming(Answers.textAnswer("a", "b"));
                var client = server.client();
                var stream = client.streamComplete("Once")) {
            assertEquals("ab", stream.response().getText());
        }
    }

    /** Leaving the block cancels the call: the server sees it within a second. */
    @Test
    void leavingTheBlock() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 3);
        try (var server = ScriptedServer.silentAfter(begun);
                var client = server.client()) {
            WeirStream<ChatResponse> left;
            try (var stream = client.streamChat("Hi")) {
                left = stream;
                stream.iterator().next();
            }
            assertTrue(server.sawCancelWithin(SOON));
            assertEquals(Kind.CANCELLED, kindOf(left));
        }
    }

    /** `cancel` from another thread ends a read that waits. */
    @Test
    void cancelFromAnotherThread() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 3);
        try (var server = ScriptedServer.silentAfter(begun);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            stream.iterator().next();
            Thread other = new Thread(stream::cancel);
            other.start();
            assertEquals(Kind.CANCELLED, kindOf(stream));
            other.join();
            assertTrue(server.sawCancelWithin(SOON));
        }
    }

    /** Interrupting the thread that reads cancels the call and leaves the thread interrupted. */
    @Test
    void interrupted() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 3);
        try (var server = ScriptedServer.silentAfter(begun);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            stream.iterator().next();
            Thread.currentThread().interrupt();
            assertEquals(Kind.CANCELLED, kindOf(stream));
            assertTrue(Thread.interrupted());
            assertTrue(server.sawCancelWithin(SOON));
        }
    }

    /** Closing the client cancels open streams; then the client says that it is closed. */
    @Test
    void closingTheClient() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 3);
        try (var server = ScriptedServer.silentAfter(begun)) {
            WeirClient client = server.client();
            WeirStream<ChatResponse> stream = client.streamChat("Hi");
            stream.iterator().next();
            client.close();
            assertEquals(Kind.CANCELLED, kindOf(stream));
            assertTrue(server.sawCancelWithin(SOON));
            assertThrows(IllegalStateException.class, () -> client.chat("Hi"));
        }
    }

    /** A stream ends at its deadline, and the error knows which answer it was. */
    @Test
    void deadline() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 3);
        try (var server = ScriptedServer.silentAfter(begun);
                var client = server.client();
                var stream =
                        client.streamChat(
                                StreamChatRequest.getDefaultInstance(),
                                CallSettings.timeout(Duration.ofMillis(700)))) {
            WeirException failure = assertThrows(WeirException.class, stream::response);
            assertEquals(Kind.DEADLINE_EXCEEDED, failure.kind());
            assertEquals("resp_1", failure.responseId());
        }
    }

    /** A stream that stops with status OK but without its end is broken, not complete. */
    @Test
    void withoutAnEnd() throws Exception {
        List<GenerationEvent> whole = Answers.textAnswer("a");
        try (var server = ScriptedServer.streaming(whole.subList(0, whole.size() - 1));
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            List<String> pieces = new ArrayList<>();
            assertThrows(WeirException.class, () -> stream.text().forEach(pieces::add));
            assertEquals(List.of("a"), pieces);
            assertEquals(Kind.STREAM_BROKEN, kindOf(stream));
        }
    }

    /** A bare UNAVAILABLE after the first event is a broken stream, and is not tried again. */
    @Test
    void connectionLostMidway() throws Exception {
        List<GenerationEvent> begun = Answers.textAnswer("a").subList(0, 1);
        try (var server =
                        new ScriptedServer(
                                (attempt, reply) -> {
                                    reply.send(begun);
                                    reply.fail(Status.UNAVAILABLE.asRuntimeException());
                                });
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            assertEquals(Kind.STREAM_BROKEN, kindOf(stream));
            assertEquals(1, server.attempts.get());
        }
    }

    /** A good end makes the answer whole, whatever happens to the connection after it. */
    @Test
    void connectionLostAfterTheEnd() throws Exception {
        List<GenerationEvent> whole = Answers.textAnswer("whole");
        try (var server =
                        new ScriptedServer(
                                (attempt, reply) -> {
                                    reply.send(whole);
                                    reply.fail(Status.UNAVAILABLE.asRuntimeException());
                                });
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            assertEquals("whole", stream.response().getMessage().getParts(0).getText());
        }
    }

    /** The failed end is given; then its error is thrown, with the partial usage. */
    @Test
    void endWithAnError() throws Exception {
        weir.v1.Error error =
                weir.v1.Error.newBuilder()
                        .setCode(Status.Code.ABORTED.value())
                        .setReason(ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN)
                        .setMessage("The provider's answer was cut.")
                        .build();
        List<GenerationEvent> events =
                Answers.numbered(Answers.start(), Answers.failedEnd(error));
        try (var server = ScriptedServer.streaming(events);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            var read = stream.iterator();
            assertTrue(read.next().hasStart());
            assertTrue(read.next().hasEnd());
            WeirException failure = assertThrows(WeirException.class, read::hasNext);
            assertEquals(Kind.STREAM_BROKEN, failure.kind());
            assertEquals("UPSTREAM_STREAM_BROKEN", failure.reason());
            assertEquals(Answers.USAGE, failure.usage().orElseThrow());
        }
    }

    /** A stream that breaks the contract throws a PROTOCOL failure and is cancelled. */
    @Test
    void gapInTheSequence() throws Exception {
        List<GenerationEvent> events = new ArrayList<>(Answers.textAnswer("a", "b", "c"));
        events.remove(3);
        try (var server = ScriptedServer.silentAfter(events);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            WeirException failure = assertThrows(WeirException.class, stream::response);
            assertEquals(Kind.PROTOCOL, failure.kind());
            assertTrue(failure.sentence().contains("event 4 where 3 was due"), failure::sentence);
            assertTrue(server.sawCancelWithin(SOON));
        }
    }

    /** A reader that pauses holds the server back: at most a window's worth is on the way. */
    @Test
    void slowReader() throws Exception {
        String piece = "x".repeat(64 * 1024);
        CountDownLatch held = new CountDownLatch(1);
        var script =
                new ScriptedServer.Script() {
                    @Override
                    public void play(int attempt, ScriptedServer.Reply reply) throws Exception {
                        reply.send(
                                Answers.numbered(
                                        Answers.start(), Answers.opened(0, Messages.text(""))));
                        int sent = 0;
                        while (sent < 1024 && reply.isReady()) {
                            GenerationEvent event = Answers.text(0, piece);
                            long sequence = 2L + sent++;
                            reply.send(List.of(event.toBuilder().setSequence(sequence).build()));
                        }
                        if (sent < 1024) {
                            held.countDown();
                        }
                    }
                };
        try (var server = new ScriptedServer(script);
                var client = server.client();
                var stream = client.streamChat("Hi")) {
            assertTrue(stream.iterator().hasNext());
            assertTrue(held.await(5, TimeUnit.SECONDS));
            assertFalse(server.sawCancelWithin(Duration.ZERO));
        }
    }

    private static Kind kindOf(WeirStream<?> stream) {
        return assertThrows(WeirException.class, stream::response).kind();
    }
}
