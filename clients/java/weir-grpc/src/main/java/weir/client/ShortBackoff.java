package weir.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * How soon is a server found that is back? Within 10 s of calling again. gRPC waits up to two minutes
 * between its tries to connect, and has no setting for that; a call that finds no connection tells it
 * to try at once, at most every 10 s.
 */
final class ShortBackoff implements ClientInterceptor {
    private static final long PAUSE_NANOS = 10_000_000_000L;

    private final BooleanSupplier disconnected;
    private final Runnable connectNow;
    private final LongSupplier nanoTime;
    private final AtomicLong last;

    ShortBackoff(BooleanSupplier disconnected, Runnable connectNow, LongSupplier nanoTime) {
        this.disconnected = disconnected;
        this.connectNow = connectNow;
        this.nanoTime = nanoTime;
        this.last = new AtomicLong(nanoTime.getAsLong());
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        if (disconnected.getAsBoolean()) {
            long then = last.get();
            long now = nanoTime.getAsLong();
            if (now - then >= PAUSE_NANOS && last.compareAndSet(then, now)) {
                connectNow.run();
            }
        }
        return next.newCall(method, options);
    }
}
