package weir.conformance;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import weir.client.CallSettings;
import weir.client.WeirClient;
import weir.client.WeirException;
import weir.client.WeirStream;
import weir.v1.ChatRequest;
import weir.v1.CompleteRequest;
import weir.v1.GenerationEvent;
import weir.v1.StreamChatRequest;
import weir.v1.StreamCompleteRequest;

/** How is one line of the kit run? With a fresh client, as a program would. */
final class Call {
    private static final ScheduledExecutorService TIMER =
            Executors.newSingleThreadScheduledExecutor(
                    run -> {
                        Thread thread = new Thread(run, "timer");
                        thread.setDaemon(true);
                        return thread;
                    });

    private final Ask ask;
    private final Recorder recorder = new Recorder();
    /** What a raw stub gave: it reads ahead, so the recorder knows of more. */
    private List<Message> read;
    private Message folded;
    private boolean paused;

    Call(Ask ask) {
        this.ask = ask;
    }

    JsonObject run() throws Exception {
        JsonObject told = new JsonObject();
        told.addProperty("id", ask.id());
        long begun = System.nanoTime();
        told.add("error", JsonNull.INSTANCE);
        try (WeirClient client = ask.client(recorder)) {
            perform(client);
        } catch (WeirException error) {
            told.add("error", Answer.of(error));
        } catch (StatusRuntimeException error) {
            told.add("error", Answer.of(WeirException.from(error)));
        } catch (IllegalArgumentException | java.io.UncheckedIOException refused) {
            told.add("error", Answer.of(refused));
        }
        told.addProperty("elapsed_ms", (System.nanoTime() - begun) / 1_000_000);
        told.add("messages", Answer.of(read == null ? recorder.messages() : read));
        if (folded != null) {
            told.add("folded", Answer.of(folded));
        }
        recorder.headers().ifPresent(headers -> told.add("headers", headers));
        return told;
    }

    /** Open a stream and leave it open after its first message. */
    JsonObject openAndLeave() throws Exception {
        JsonObject told = new JsonObject();
        told.addProperty("id", ask.id());
        stream(ask.client(recorder)).iterator().next();
        told.add("messages", Answer.of(recorder.messages()));
        told.add("error", JsonNull.INSTANCE);
        return told;
    }

    private void perform(WeirClient client) throws Exception {
        switch (ask.method()) {
            case "weir.v1.LLMProviderService/StreamChat",
                            "weir.v1.LLMProviderService/StreamComplete" ->
                    readStream(client);
            default -> {
                Context.CancellableContext context = Context.current().withCancellation();
                Context before = context.attach();
                try {
                    cancelLater(() -> context.cancel(null));
                    raw(client, context);
                } finally {
                    context.detach(before);
                    context.cancel(null);
                }
            }
        }
    }

    private WeirStream<? extends Message> stream(WeirClient client) throws Exception {
        CallSettings settings = ask.settings();
        if (ask.method().endsWith("/StreamChat")) {
            return client.streamChat(filled(StreamChatRequest.newBuilder()).build(), settings);
        }
        return client.streamComplete(filled(StreamCompleteRequest.newBuilder()).build(), settings);
    }

    private void readStream(WeirClient client) throws Exception {
        try (WeirStream<? extends Message> stream = stream(client)) {
            cancelLater(stream::cancel);
            for (GenerationEvent event : stream) {
                int count = recorder.messages().size();
                pauseAfter(count);
                if (is("abandon_after_messages", count)) {
                    return;
                }
                if (is("cancel_after_messages", count)) {
                    stream.cancel();
                }
            }
            folded = stream.response();
        }
    }

    private void raw(WeirClient client, Context.CancellableContext context) throws Exception {
        CallSettings settings = ask.settings();
        switch (ask.method()) {
            case "weir.v1.LLMProviderService/Chat" ->
                    client.chat(filled(ChatRequest.newBuilder()).build(), settings);
            case "weir.v1.LLMProviderService/Complete" ->
                    client.complete(filled(CompleteRequest.newBuilder()).build(), settings);
            default -> {
                Stubs stubs = new Stubs(ask.method());
                Message request = filled(stubs.request()).build();
                Object reply = stubs.call(client.channel(settings), request);
                if (reply instanceof Iterator<?> messages) {
                    readRaw(messages, context);
                }
            }
        }
    }

    private void readRaw(Iterator<?> messages, Context.CancellableContext context)
            throws InterruptedException {
        read = new ArrayList<>();
        while (messages.hasNext()) {
            read.add((Message) messages.next());
            pauseAfter(read.size());
            if (is("abandon_after_messages", read.size())) {
                return;
            }
            if (is("cancel_after_messages", read.size())) {
                context.cancel(null);
            }
        }
    }

    private void cancelLater(Runnable cancel) {
        if (is("cancel_after_messages", 0)) {
            TIMER.execute(() -> cancelOnceSent(cancel, 0));
        }
        ask.number("cancel_after_ms")
                .ifPresent(ms -> TIMER.execute(() -> cancelOnceSent(cancel, ms)));
    }

    /** A call that is cancelled before the connection is there would never be seen by a server. */
    private void cancelOnceSent(Runnable cancel, int afterMs) {
        try {
            recorder.awaitSent();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        TIMER.schedule(cancel, afterMs, TimeUnit.MILLISECONDS);
    }

    private void pauseAfter(int count) throws InterruptedException {
        if (ask.line().get("pause_after_messages") instanceof JsonObject pause
                && pause.get("count").getAsInt() == count
                && !paused) {
            paused = true;
            Thread.sleep(pause.get("ms").getAsInt());
        }
    }

    private boolean is(String name, int count) {
        return ask.number(name).filter(number -> number == count).isPresent();
    }

    private <B extends Message.Builder> B filled(B builder) throws Exception {
        JsonFormat.parser().merge(ask.request().toString(), builder);
        return builder;
    }
}
