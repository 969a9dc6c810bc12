package weir.client;

import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How is a server reached? With the settings of the channel that every client of Weir has. */
final class Connection {
    static final int MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

    // Only UNAVAILABLE is repeated: it says that nothing of an answer was given. On a stream gRPC
    // itself stops repeating once the server's first bytes are there. Numbers are doubles, as in JSON.
    private static final Map<String, ?> SERVICE_CONFIG =
            Map.of(
                    "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
                    "methodConfig",
                            List.of(
                                    Map.of(
                                            "name", List.of(Map.of()),
                                            "retryPolicy",
                                                    Map.of(
                                                            "maxAttempts", 3.0,
                                                            "initialBackoff", "0.2s",
                                                            "maxBackoff", "2s",
                                                            "backoffMultiplier", 2.0,
                                                            "retryableStatusCodes",
                                                                    List.of("UNAVAILABLE")))),
                    // Half of the last calls failing stops repeats, so that they never feed an outage.
                    "retryThrottling", Map.of("maxTokens", 10.0, "tokenRatio", 0.1));

    private Connection() {}

    /** A channel that connects at its first call. {@code serverName}: null for the address's own. */
    static ManagedChannel to(
            Address address, ChannelCredentials credentials, String serverName, int maxReceiveBytes) {
        ManagedChannelBuilder<?> grpc = Grpc.newChannelBuilder(address.target(), credentials);
        if (serverName != null) {
            grpc.overrideAuthority(serverName);
        }
        return grpc.userAgent(WeirClient.USER_AGENT)
                .defaultServiceConfig(SERVICE_CONFIG)
                // The settings above hold; none is asked of the name service.
                .disableServiceConfigLookUp()
                .enableRetry()
                // A request larger than the buffer of a call is never repeated.
                .perRpcBufferLimit(MAX_MESSAGE_BYTES)
                .retryBufferSize(4L * MAX_MESSAGE_BYTES)
                .maxInboundMessageSize(maxReceiveBytes)
                // Pings only while a call is open: a dead peer is noticed, an idle one left alone.
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .keepAliveWithoutCalls(false)
                .build();
    }

    static ClientInterceptor shortBackoff(ManagedChannel channel) {
        return new ShortBackoff(
                () -> channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE,
                channel::resetConnectBackoff,
                System::nanoTime);
    }
}
