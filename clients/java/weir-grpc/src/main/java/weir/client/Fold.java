package weir.client;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import weir.v1.ChatResponse;
import weir.v1.Citation;
import weir.v1.CompleteResponse;
import weir.v1.GenerationEvent;
import weir.v1.GenerationEvent.EventCase;
import weir.v1.MediaPart;
import weir.v1.Message;
import weir.v1.Part;
import weir.v1.Part.KindCase;
import weir.v1.PartDelta;
import weir.v1.PartDelta.DeltaCase;
import weir.v1.PartEnd;
import weir.v1.PartStart;
import weir.v1.Role;
import weir.v1.StreamEnd;
import weir.v1.TokenLogprob;

/**
 * What answer do the events of a stream add up to? The same that the unary RPC gives.
 *
 * <p>A {@link WeirStream} folds by itself; this class is for those who read the raw stubs. Heartbeats,
 * usage updates, warnings and events of unknown kind add nothing: the end's usage and metadata are the
 * authority. Not for use by several threads at once.
 *
 * @param <R> the response: {@link ChatResponse} or {@link CompleteResponse}
 */
public final class Fold<R> {
    private final BiFunction<List<PartFold>, StreamEnd, R> finisher;
    private final List<PartFold> parts = new ArrayList<>();
    private final Map<Integer, PartFold> open = new TreeMap<>();
    private long expectedSequence;
    private boolean started;
    private StreamEnd end;

    private Fold(BiFunction<List<PartFold>, StreamEnd, R> finisher) {
        this.finisher = finisher;
    }

    /**
     * The fold of a StreamChat.
     *
     * @return a new fold
     */
    public static Fold<ChatResponse> chat() {
        return new Fold<>(Fold::chatOf);
    }

    /**
     * The fold of a StreamComplete. The text is that of the text parts: reasoning and refusals have no
     * place in a CompleteResponse.
     *
     * @return a new fold
     */
    public static Fold<CompleteResponse> complete() {
        return new Fold<>(Fold::completeOf);
    }

    /**
     * Take the next event.
     *
     * @param event the next of the stream, none left out
     * @throws WeirException of kind PROTOCOL where it cannot follow what came before
     */
    public void add(GenerationEvent event) {
        EventCase kind = event.getEventCase();
        if (end != null) {
            throw violation("an event (" + name(kind) + ") after the end");
        }
        checkOrder(event.getSequence(), kind);
        switch (kind) {
            case PART_START -> openPart(event.getPartStart());
            case PART_DELTA -> {
                PartDelta delta = event.getPartDelta();
                PartFold part = open.get(delta.getIndex());
                if (part == null) {
                    throw violation("a delta for part " + delta.getIndex() + ", which is not open");
                }
                part.add(delta);
            }
            case PART_END -> closePart(event.getPartEnd());
            case END -> finish(event.getEnd());
            default -> {}
        }
    }

    /**
     * The whole answer.
     *
     * @return what the unary RPC would have answered
     * @throws WeirException of kind STREAM_BROKEN where the end has not come, and the failure that the
     *     end carries, if any
     */
    public R response() {
        StreamEnd whole = successfulEnd();
        return finisher.apply(parts, whole);
    }

    /** The event that ended the answer; null: it has not come yet. */
    StreamEnd end() {
        return end;
    }

    /** Whether something of an answer was given: a part at least has begun. */
    boolean answered() {
        return !parts.isEmpty();
    }

    /** The end of a whole answer; throws like {@link #response()}. */
    StreamEnd successfulEnd() {
        if (end == null) {
            throw WeirException.of(
                    WeirException.Kind.STREAM_BROKEN,
                    Status.Code.ABORTED,
                    "The stream stopped before its end.");
        }
        if (end.hasError()) {
            throw Failures.of(end, answered());
        }
        return end;
    }

    private void checkOrder(long sequence, EventCase kind) {
        if (sequence != expectedSequence) {
            throw violation("event " + sequence + " where " + expectedSequence + " was due");
        }
        expectedSequence++;
        if ((kind == EventCase.START) == started) {
            throw violation(started ? "a second start" : name(kind) + " before the start");
        }
        started = true;
    }

    private void openPart(PartStart start) {
        int index = start.getIndex();
        if (index != parts.size()) {
            throw violation("part " + index + " opened where " + parts.size() + " was due");
        }
        Part part = start.getPart();
        if (part.getKindCase() == KindCase.KIND_NOT_SET
                && part.getUnknownFields().asMap().isEmpty()) {
            throw violation("part " + index + " opened without a kind");
        }
        PartFold opened = new PartFold(part);
        parts.add(opened);
        open.put(index, opened);
    }

    private void closePart(PartEnd partEnd) {
        PartFold part = open.remove(partEnd.getIndex());
        if (part == null) {
            throw violation("part " + partEnd.getIndex() + " ended, which is not open");
        }
        part.finish(partEnd);
    }

    private void finish(StreamEnd last) {
        if (!open.isEmpty() && !last.hasError()) {
            throw violation("a successful end while parts " + open.keySet() + " are open");
        }
        end = last;
    }

    private static ChatResponse chatOf(List<PartFold> parts, StreamEnd end) {
        ChatResponse.Builder response = ChatResponse.newBuilder();
        Message.Builder message = response.getMessageBuilder().setRole(Role.ROLE_ASSISTANT);
        for (PartFold part : parts) {
            message.addParts(part.part);
            response.addAllLogprobs(part.logprobs);
        }
        response.setFinishReasonValue(end.getFinishReasonValue());
        if (end.hasUsage()) {
            response.setUsage(end.getUsage());
        }
        if (end.hasMetadata()) {
            response.setMetadata(end.getMetadata());
        }
        return response.build();
    }

    private static CompleteResponse completeOf(List<PartFold> parts, StreamEnd end) {
        CompleteResponse.Builder response = CompleteResponse.newBuilder();
        StringBuilder text = new StringBuilder();
        for (PartFold part : parts) {
            if (part.kind == KindCase.TEXT) {
                text.append(part.part.getText());
                response.addAllLogprobs(part.logprobs);
            }
        }
        response.setText(text.toString()).setFinishReasonValue(end.getFinishReasonValue());
        if (end.hasUsage()) {
            response.setUsage(end.getUsage());
        }
        if (end.hasMetadata()) {
            response.setMetadata(end.getMetadata());
        }
        return response.build();
    }

    private static WeirException violation(String what) {
        return WeirException.of(
                WeirException.Kind.PROTOCOL,
                Status.Code.INTERNAL,
                "The stream breaks the contract: " + what + ".");
    }

    private static String name(Enum<?> kind) {
        return kind.name().toLowerCase(java.util.Locale.ROOT);
    }

    /** One part: what it began with, what its deltas say, and what its end adds. */
    private static final class PartFold {
        final Part.Builder part;
        final KindCase kind;
        final List<TokenLogprob> logprobs = new ArrayList<>();
        // Every source once, in the order they came: an end may repeat what deltas said.
        private final Set<Citation> citations;
        private final StringBuilder text = new StringBuilder();
        private final List<ByteString> bytes = new ArrayList<>();

        PartFold(Part begun) {
            part = begun.toBuilder();
            kind = begun.getKindCase();
            citations = new LinkedHashSet<>(begun.getCitationsList());
        }

        /** Which delta fills the part; DELTA_NOT_SET: the part comes whole. */
        private DeltaCase filledBy() {
            return switch (kind) {
                case TEXT, REASONING, REFUSAL -> DeltaCase.TEXT;
                case TOOL_CALL, SERVER_TOOL_CALL -> DeltaCase.ARGUMENTS_JSON;
                case MEDIA -> DeltaCase.INLINE_DATA;
                default -> DeltaCase.DELTA_NOT_SET;
            };
        }

        void add(PartDelta delta) {
            DeltaCase which = delta.getDeltaCase();
            // A kind that these stubs do not know is filled by who knows what.
            if (which != DeltaCase.DELTA_NOT_SET && kind != KindCase.KIND_NOT_SET) {
                if (which != filledBy()) {
                    throw violation(
                            String.format(
                                    "a delta of %s for part %d, a %s",
                                    name(which), delta.getIndex(), name(kind)));
                }
                switch (which) {
                    case TEXT -> text.append(delta.getText());
                    case ARGUMENTS_JSON -> text.append(delta.getArgumentsJson());
                    default -> bytes.add(delta.getInlineData());
                }
            }
            logprobs.addAll(delta.getLogprobsList());
            citations.addAll(delta.getCitationsList());
        }

        /** Join the deltas onto the part, then let the end's part override. */
        void finish(PartEnd end) {
            join();
            if (end.hasPart()) {
                override(end.getPart(), end.getIndex());
            }
            part.clearCitations().addAllCitations(citations);
        }

        private void join() {
            if (text.length() > 0) {
                switch (kind) {
                    case TEXT -> part.setText(part.getText() + text);
                    case REASONING -> {
                        var inner = part.getReasoningBuilder();
                        inner.setText(inner.getText() + text);
                    }
                    case REFUSAL -> {
                        var inner = part.getRefusalBuilder();
                        inner.setText(inner.getText() + text);
                    }
                    case TOOL_CALL -> {
                        var inner = part.getToolCallBuilder();
                        inner.setArgumentsJson(inner.getArgumentsJson() + text);
                    }
                    default -> {
                        var inner = part.getServerToolCallBuilder();
                        inner.setArgumentsJson(inner.getArgumentsJson() + text);
                    }
                }
            }
            if (!bytes.isEmpty()) {
                MediaPart.Builder inner = part.getMediaBuilder();
                inner.setInlineData(inner.getInlineData().concat(ByteString.copyFrom(bytes)));
            }
        }

        private void override(Part last, int index) {
            KindCase ended = last.getKindCase();
            boolean known = ended != KindCase.KIND_NOT_SET && kind != KindCase.KIND_NOT_SET;
            if (known && ended != kind) {
                throw violation(
                        String.format(
                                "part %d began as %s and ended as %s",
                                index, name(kind), name(ended)));
            }
            citations.addAll(last.getCitationsList());
            String joined = part.getText();
            if (known && filledBy() == DeltaCase.DELTA_NOT_SET) {
                part.clearKind(); // it comes whole: merging would double what repeats
            }
            part.mergeFrom(last);
            if (ended == KindCase.TEXT && last.getText().isEmpty()) {
                part.setText(joined); // an empty text only names the kind
            }
        }
    }
}
