package weir.client;

import java.util.ArrayList;
import java.util.List;
import weir.v1.FinishReason;
import weir.v1.GenerationEvent;
import weir.v1.Part;
import weir.v1.PartDelta;
import weir.v1.PartEnd;
import weir.v1.PartStart;
import weir.v1.ResponseMetadata;
import weir.v1.StreamEnd;
import weir.v1.StreamStart;
import weir.v1.TokenUsage;

/** Which answers do the tests' servers give? Small ones, built event by event as the contract says. */
final class Answers {
    static final TokenUsage USAGE =
            TokenUsage.newBuilder()
                    .setPromptTokens(3)
                    .setCompletionTokens(4)
                    .setTotalTokens(7)
                    .build();
    static final ResponseMetadata METADATA =
            ResponseMetadata.newBuilder()
                    .setResponseId("resp_1")
                    .setProvider("providers/echo")
                    .setModel("echo-1")
                    .build();

    private Answers() {}

    static List<GenerationEvent> numbered(GenerationEvent... events) {
        List<GenerationEvent> all = new ArrayList<>();
        for (GenerationEvent event : events) {
            all.add(event.toBuilder().setSequence(all.size()).build());
        }
        return all;
    }

    static GenerationEvent start() {
        StreamStart start = StreamStart.newBuilder().setResponseId("resp_1").build();
        return GenerationEvent.newBuilder().setStart(start).build();
    }

    static GenerationEvent opened(int index, Part part) {
        PartStart start = PartStart.newBuilder().setIndex(index).setPart(part).build();
        return GenerationEvent.newBuilder().setPartStart(start).build();
    }

    static GenerationEvent text(int index, String piece) {
        return delta(PartDelta.newBuilder().setIndex(index).setText(piece));
    }

    static GenerationEvent delta(PartDelta.Builder delta) {
        return GenerationEvent.newBuilder().setPartDelta(delta).build();
    }

    static GenerationEvent closed(int index) {
        return GenerationEvent.newBuilder().setPartEnd(PartEnd.newBuilder().setIndex(index)).build();
    }

    static GenerationEvent closed(int index, Part part) {
        PartEnd end = PartEnd.newBuilder().setIndex(index).setPart(part).build();
        return GenerationEvent.newBuilder().setPartEnd(end).build();
    }

    static GenerationEvent end() {
        return GenerationEvent.newBuilder().setEnd(goodEnd()).build();
    }

    static GenerationEvent failedEnd(weir.v1.Error error) {
        return GenerationEvent.newBuilder().setEnd(goodEnd().setError(error)).build();
    }

    static List<GenerationEvent> textAnswer(String... pieces) {
        List<GenerationEvent> all = new ArrayList<>();
        all.add(start());
        all.add(opened(0, Messages.text("")));
        for (String piece : pieces) {
            all.add(text(0, piece));
        }
        all.add(closed(0));
        all.add(end());
        return numbered(all.toArray(GenerationEvent[]::new));
    }

    private static StreamEnd.Builder goodEnd() {
        return StreamEnd.newBuilder()
                .setFinishReason(FinishReason.FINISH_REASON_STOP)
                .setUsage(USAGE)
                .setMetadata(METADATA);
    }
}
