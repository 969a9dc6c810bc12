package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import weir.client.WeirException.Kind;
import weir.v1.ChatResponse;
import weir.v1.Citation;
import weir.v1.GenerationEvent;
import weir.v1.MediaPart;
import weir.v1.Part;
import weir.v1.PartDelta;
import weir.v1.RefusalPart;
import weir.v1.ToolCallPart;
import weir.v1.UnknownPart;

/** Do the events of a stream add up to the whole answer, and to nothing else? */
class FoldTest {
    private static final Citation SOURCE = Citation.newBuilder().setUri("https://a.example").build();

    /** Deltas of one index, joined, are the part; interleaved ones stay apart. */
    @Test
    void interleaved() {
        Part first = call("1", "", false);
        Part second = call("2", "", false);

        ChatResponse response =
                folded(
                        Answers.opened(0, first),
                        Answers.opened(1, second),
                        arguments(0, "{\"a\":"),
                        arguments(1, "{\"b\":"),
                        arguments(0, "12345678901234567890}"),
                        arguments(1, "2}"),
                        Answers.closed(0, call("1", "{\"a\":12345678901234567890}", true)),
                        Answers.closed(1));

        assertEquals(
                List.of(
                        call("1", "{\"a\":12345678901234567890}", true),
                        call("2", "{\"b\":2}", false)),
                response.getMessage().getPartsList());
        assertEquals(Answers.USAGE, response.getUsage());
        assertEquals(Answers.METADATA, response.getMetadata());
    }

    /** An end may bring what deltas could not say; an empty text only names the kind. */
    @Test
    void whatTheEndAdds() {
        ByteString state = ByteString.copyFromUtf8("sealed");
        Part last = Messages.text("").toBuilder().setProviderState(state).build();

        ChatResponse response =
                folded(
                        Answers.opened(0, Messages.text("")),
                        Answers.text(0, "Hi"),
                        Answers.closed(0, last));

        Part part = response.getMessage().getParts(0);
        assertEquals("Hi", part.getText());
        assertEquals(state, part.getProviderState());
    }

    /** A part has every source once, though its end repeats what deltas said. */
    @Test
    void sourcesOnce() {
        Part last = Part.newBuilder().addCitations(SOURCE).build();

        ChatResponse response =
                folded(
                        Answers.opened(0, Messages.text("")),
                        Answers.delta(PartDelta.newBuilder().setText("Hi").addCitations(SOURCE)),
                        Answers.closed(0, last));

        assertEquals(List.of(SOURCE), response.getMessage().getParts(0).getCitationsList());
    }

    /** Bytes of a medium are joined, and a refusal's text. */
    @Test
    void mediaAndRefusal() {
        MediaPart empty = MediaPart.newBuilder().setMimeType("image/png").build();
        Part refusal = Part.newBuilder().setRefusal(RefusalPart.getDefaultInstance()).build();

        ChatResponse response =
                folded(
                        Answers.opened(0, Part.newBuilder().setMedia(empty).build()),
                        Answers.opened(1, refusal),
                        bytes(0, "ab"),
                        Answers.text(1, "No."),
                        bytes(0, "cd"),
                        Answers.closed(0),
                        Answers.closed(1));

        Part media = response.getMessage().getParts(0);
        assertEquals("abcd", media.getMedia().getInlineData().toStringUtf8());
        assertEquals("No.", response.getMessage().getParts(1).getRefusal().getText());
    }

    /** A kind that these stubs do not know survives as it came. */
    @Test
    void unknownKind() {
        Part future =
                Part.newBuilder()
                        .setUnknownFields(
                                UnknownFieldSet.newBuilder()
                                        .addField(
                                                15,
                                                UnknownFieldSet.Field.newBuilder()
                                                        .addVarint(1)
                                                        .build())
                                        .build())
                        .build();

        ChatResponse response =
                folded(Answers.opened(0, future), Answers.text(0, "?"), Answers.closed(0));

        assertEquals(future, response.getMessage().getParts(0));
    }

    /** A part that comes whole is not doubled by an end that repeats it. */
    @Test
    void wholePartRepeated() {
        UnknownPart unknown = UnknownPart.newBuilder().setType("x/y").setJson("{}").build();
        Part part = Part.newBuilder().setUnknown(unknown).build();

        ChatResponse response = folded(Answers.opened(0, part), Answers.closed(0, part));

        assertEquals(List.of(part), response.getMessage().getPartsList());
    }

    /** What cannot follow what came before is refused, by name. */
    @ParameterizedTest
    @MethodSource("violations")
    void violation(List<GenerationEvent> events, String what) {
        Fold<ChatResponse> fold = Fold.chat();

        WeirException error = assertThrows(WeirException.class, () -> events.forEach(fold::add));

        assertEquals(Kind.PROTOCOL, error.kind());
        assertTrue(error.sentence().contains(what), error::sentence);
    }

    static Stream<Arguments> violations() {
        GenerationEvent open = Answers.opened(0, Messages.text(""));
        return Stream.of(
                breaking("before the start", open),
                breaking("a second start", Answers.start(), Answers.start()),
                breaking("part 1 opened where 0", Answers.start(), Answers.opened(1, Messages.text(""))),
                breaking("without a kind", Answers.start(), Answers.opened(0, Part.getDefaultInstance())),
                breaking("which is not open", Answers.start(), Answers.text(0, "a")),
                breaking("ended, which is not open", Answers.start(), Answers.closed(0)),
                breaking("a delta of arguments_json", Answers.start(), open, arguments(0, "{}")),
                breaking(
                        "ended as tool_call", Answers.start(), open, Answers.closed(0, call("1", "", true))),
                breaking("parts [0] are open", Answers.start(), open, Answers.end()),
                breaking("after the end", Answers.start(), Answers.end(), Answers.end()));
    }

    private static Arguments breaking(String what, GenerationEvent... events) {
        return Arguments.of(Answers.numbered(events), what);
    }

    private static ChatResponse folded(GenerationEvent... inner) {
        GenerationEvent[] events = new GenerationEvent[inner.length + 2];
        events[0] = Answers.start();
        System.arraycopy(inner, 0, events, 1, inner.length);
        events[events.length - 1] = Answers.end();
        Fold<ChatResponse> fold = Fold.chat();
        Answers.numbered(events).forEach(fold::add);
        return fold.response();
    }

    private static Part call(String id, String arguments, boolean valid) {
        ToolCallPart.Builder call = ToolCallPart.newBuilder().setId(id).setArgumentsJson(arguments);
        if (valid) {
            call.setArgumentsValid(true);
        }
        return Part.newBuilder().setToolCall(call).build();
    }

    private static GenerationEvent arguments(int index, String piece) {
        return Answers.delta(PartDelta.newBuilder().setIndex(index).setArgumentsJson(piece));
    }

    private static GenerationEvent bytes(int index, String piece) {
        return Answers.delta(
                PartDelta.newBuilder()
                        .setIndex(index)
                        .setInlineData(ByteString.copyFromUtf8(piece)));
    }
}
