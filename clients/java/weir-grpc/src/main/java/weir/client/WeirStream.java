package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import weir.v1.Attempt;
import weir.v1.GenerationEvent;
import weir.v1.Part.KindCase;
import weir.v1.PartDelta;
import weir.v1.PartStart;
import weir.v1.StreamEnd;
import weir.v1.TokenUsage;

/**
 * The events of one answer, as they come.
 *
 * <pre>{@code
 * try (var stream = client.streamChat("Hello")) {
 *     for (GenerationEvent event : stream) { ... }   // every event, or
 *     for (String text : stream.text()) { ... }      // the text alone
 *     ChatResponse response = stream.response();     // the rest, and the whole answer
 * }
 * }</pre>
 *
 * <p>The call begins with the stream. Closing it cancels the call at once unless it is over, and so
 * ends the model's work; a stream that is neither read to its end nor closed goes on until its
 * deadline. Events are read once: every loop goes on where the one before it stopped. The server is
 * asked for the next message only when the reader wants it, so a slow reader holds the server back
 * instead of filling memory. One thread reads at a time; any thread may cancel. Interrupting the
 * thread that reads cancels the call.
 *
 * <p>Reading throws {@link WeirException}: of kind STREAM_BROKEN where an answer that began does not
 * end, of other kinds by cause. The loops stop without one only after a good {@code end}.
 *
 * @param <R> the whole answer: ChatResponse or CompleteResponse
 */
public final class WeirStream<R> implements Iterable<GenerationEvent>, AutoCloseable {
    private final BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
    private final Set<Integer> textParts = new HashSet<>();
    private final Fold<R> fold;
    private final BooleanSupplier clientClosed;
    private ClientCall<?, ?> call;
    private Iterator<GenerationEvent> batch = Collections.emptyIterator();
    private GenerationEvent peeked;
    private boolean started;
    private WeirException failure;
    private volatile boolean done;
    private volatile boolean cancelled;
    private volatile String responseId = "";
    private volatile TokenUsage usage;

    private WeirStream(Fold<R> fold, BooleanSupplier clientClosed) {
        this.fold = fold;
        this.clientClosed = clientClosed;
    }

    /** Begin a call; {@code events} takes the events out of its messages. */
    static <Q, M, R> WeirStream<R> open(
            Channel channel,
            MethodDescriptor<Q, M> method,
            Q request,
            CallOptions options,
            Function<M, List<GenerationEvent>> events,
            Fold<R> fold,
            BooleanSupplier clientClosed) {
        WeirStream<R> stream = new WeirStream<>(fold, clientClosed);
        BlockingQueue<Arrival> arrivals = stream.arrivals;
        ClientCall<Q, M> call = channel.newCall(method, options);
        stream.call = call;
        ClientCall.Listener<M> listener =
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(M message) {
                        arrivals.add(new Frame(events.apply(message)));
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        arrivals.add(new Closed(status, trailers));
                    }
                };
        try {
            call.start(listener, new Metadata());
            call.sendMessage(request);
            call.halfClose();
        } catch (RuntimeException | Error problem) {
            call.cancel("The request could not be sent.", problem);
            throw problem;
        }
        return stream;
    }

    /**
     * Every event of the contract, heartbeats and the end included. All iterators of a stream are one:
     * each goes on where the last stopped.
     */
    @Override
    public Iterator<GenerationEvent> iterator() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return peek() != null;
            }

            @Override
            public GenerationEvent next() {
                return take();
            }
        };
    }

    /**
     * The text of the answer, piece by piece, without reasoning or refusals.
     *
     * @return an iterable that goes on where the last loop stopped
     */
    public Iterable<String> text() {
        return () ->
                new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        while (peek() != null) {
                            if (!textOf(peeked).isEmpty()) {
                                return true;
                            }
                            take();
                        }
                        return false;
                    }

                    @Override
                    public String next() {
                        if (!hasNext()) {
                            throw new NoSuchElementException();
                        }
                        return textOf(take());
                    }
                };
    }

    /**
     * Read the rest and give the whole answer, the same that the unary call gives.
     *
     * @return the whole answer
     * @throws WeirException where it is not whole
     */
    public R response() {
        while (peek() != null) {
            take();
        }
        return fold.response();
    }

    /**
     * Weir's identity of the answer.
     *
     * @return empty before the stream began
     */
    public String responseId() {
        return responseId;
    }

    /**
     * What was used, as far as the stream has said; final once it ended.
     *
     * @return empty: nothing was said yet
     */
    public Optional<TokenUsage> usage() {
        return Optional.ofNullable(usage);
    }

    /**
     * End the call now, from any thread; reading then throws a WeirException of kind CANCELLED, unless
     * the {@code end} was read.
     */
    public void cancel() {
        if (!done) {
            cancelled = true;
            call.cancel("The reader has left.", null);
        }
    }

    /** The same as {@link #cancel()}: leave, whether or not the answer is whole. */
    @Override
    public void close() {
        cancel();
    }

    private GenerationEvent take() {
        if (peek() == null) {
            throw new NoSuchElementException();
        }
        GenerationEvent event = peeked;
        peeked = null;
        return event;
    }

    /** The next event, which stays where it is; null: the stream had a good end. */
    private GenerationEvent peek() {
        if (cancelled && !done) {
            finishCancelled();
        }
        while (peeked == null) {
            if (batch.hasNext()) {
                peeked = note(batch.next());
            } else if (done) {
                checkWhole();
                return null;
            } else {
                read();
            }
        }
        return peeked;
    }

    private void read() {
        call.request(1);
        Arrival arrival;
        try {
            arrival = arrivals.take();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            cancel();
            finishCancelled();
            return;
        }
        if (cancelled) {
            finishCancelled();
        } else if (arrival instanceof Frame frame) {
            started = true;
            batch = frame.events().iterator();
        } else if (arrival instanceof Closed closed) {
            close(closed.status(), closed.trailers());
        }
    }

    private void close(Status status, Metadata trailers) {
        if (status.isOk()) {
            finish(null);
        } else if (clientClosed.getAsBoolean()) {
            finishCancelled();
        } else {
            WeirException error =
                    Failures.of(
                            status,
                            trailers,
                            started,
                            fold.answered(),
                            status.asRuntimeException(trailers));
            // A connection that fails between a good end and its status takes nothing away.
            boolean told = fold.end() == null || !error.reason().isEmpty();
            finish(told ? complete(error) : null);
        }
    }

    /** Note what an event says; throws where it cannot follow what came before. */
    private GenerationEvent note(GenerationEvent event) {
        try {
            fold.add(event);
        } catch (WeirException error) {
            cancel();
            finish(complete(error));
            throw error;
        }
        switch (event.getEventCase()) {
            case START -> responseId = event.getStart().getResponseId();
            case PART_START -> {
                PartStart start = event.getPartStart();
                if (start.getPart().getKindCase() == KindCase.TEXT) {
                    textParts.add(start.getIndex());
                }
            }
            case USAGE_UPDATE -> usage = event.getUsageUpdate().getUsage();
            case END -> {
                StreamEnd end = event.getEnd();
                if (!end.getMetadata().getResponseId().isEmpty()) {
                    responseId = end.getMetadata().getResponseId();
                }
                if (end.hasUsage()) {
                    usage = end.getUsage();
                }
            }
            default -> {}
        }
        return event;
    }

    /** What an event adds to the text of the answer; "" where it adds none. */
    private String textOf(GenerationEvent event) {
        PartDelta delta = event.getPartDelta();
        return textParts.contains(delta.getIndex()) ? delta.getText() : "";
    }

    /** Throw what went wrong, unless the stream had a good end. */
    private void checkWhole() {
        if (failure != null) {
            throw failure;
        }
        try {
            fold.successfulEnd();
        } catch (WeirException error) {
            failure = complete(error);
            throw error;
        }
    }

    private void finishCancelled() {
        finish(fold.end() == null ? complete(Failures.cancelled()) : null);
    }

    private void finish(WeirException error) {
        done = true;
        failure = error;
        batch = Collections.emptyIterator();
        peeked = null;
    }

    private WeirException complete(WeirException error) {
        StreamEnd end = fold.end();
        List<Attempt> attempts = end == null ? List.of() : end.getMetadata().getAttemptsList();
        return error.complete(responseId, usage, attempts);
    }

    /** What gRPC hands from its thread to the reader's. */
    private sealed interface Arrival permits Frame, Closed {}

    private record Frame(List<GenerationEvent> events) implements Arrival {}

    private record Closed(Status status, Metadata trailers) implements Arrival {}
}
