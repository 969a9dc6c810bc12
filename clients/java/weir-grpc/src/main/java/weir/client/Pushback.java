package weir.client;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Status;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;
import io.grpc.Status.Code;

/**
 * Which failures may a server ask gRPC to repeat? UNAVAILABLE alone. A server tells with other
 * failures, too, when to try again; this library would then wait so long inside the call and repeat
 * whatever its code, where the libraries of other languages, and Weir's promise, hand a caller its
 * RATE_LIMITED at once.
 */
final class Pushback extends ClientStreamTracer.Factory {
    private static final Metadata.Key<String> PUSHBACK =
            Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

    @Override
    public ClientStreamTracer newClientStreamTracer(
            ClientStreamTracer.StreamInfo info, Metadata headers) {
        return new ClientStreamTracer() {
            @Override
            public void inboundTrailers(Metadata trailers) {
                // They are mutable here, before gRPC decides; its own grpc-status is gone by now.
                if (trailers.containsKey(PUSHBACK) && isForTheCaller(trailers)) {
                    trailers.discardAll(PUSHBACK);
                }
            }
        };
    }

    private static boolean isForTheCaller(Metadata trailers) {
        byte[] details = trailers.get(Failures.STATUS_DETAILS);
        if (details == null) {
            return false;
        }
        try {
            return Status.parseFrom(details).getCode() != Code.UNAVAILABLE.value();
        } catch (InvalidProtocolBufferException foreign) {
            return false;
        }
    }
}
