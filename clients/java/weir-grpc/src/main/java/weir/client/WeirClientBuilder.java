package weir.client;

import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The settings of a {@link WeirClient}; what is not set has its default. */
public final class WeirClientBuilder {
    private final String address;
    private final List<ClientInterceptor> interceptors = new ArrayList<>();
    private String apiKey;
    private Boolean tls;
    private Path ca;
    private Path cert;
    private Path key;
    private String serverName;
    private Duration timeout = Duration.ofSeconds(60);
    private Duration streamTimeout = Duration.ofSeconds(300);
    private int maxReceiveBytes = Connection.MAX_MESSAGE_BYTES;

    WeirClientBuilder(String address) {
        this.address = address;
    }

    /**
     * The Weir key, sent with each call as {@code authorization: Bearer …}.
     *
     * @param apiKey printable ASCII
     * @return this
     */
    public WeirClientBuilder apiKey(String apiKey) {
        if (!apiKey.matches("[\\x20-\\x7e]+") || apiKey.isBlank()) {
            throw new IllegalArgumentException(
                    "The API key must be printable ASCII; is there a line end in it?");
        }
        this.apiKey = apiKey;
        return this;
    }

    /**
     * Whether the connection is encrypted. Without it: TLS, unless the address is on this machine or
     * begins with {@code http://}.
     *
     * @param tls true or false
     * @return this
     */
    public WeirClientBuilder tls(boolean tls) {
        this.tls = tls;
        return this;
    }

    /**
     * Certificates to trust in place of the system's; switches TLS on.
     *
     * @param ca a PEM file, read when the client is built
     * @return this
     */
    public WeirClientBuilder trust(Path ca) {
        this.ca = ca;
        return this;
    }

    /**
     * This client's own certificate, for servers that ask for one (mTLS); switches TLS on.
     *
     * @param cert a PEM file with the certificate and its chain
     * @param key a PEM file with its key, in PKCS #8 ("BEGIN PRIVATE KEY")
     * @return this
     */
    public WeirClientBuilder identity(Path cert, Path key) {
        this.cert = cert;
        this.key = key;
        return this;
    }

    /**
     * The name that the server's certificate must bear, where it is not that of the address.
     *
     * @param serverName such as {@code weir.example}
     * @return this
     */
    public WeirClientBuilder serverName(String serverName) {
        this.serverName = serverName;
        return this;
    }

    /**
     * The time limit of a call that sets none itself; 60 s without it.
     *
     * @param timeout above zero
     * @return this
     */
    public WeirClientBuilder timeout(Duration timeout) {
        this.timeout = CallSettings.positive(timeout, "timeout");
        return this;
    }

    /**
     * The time limit of a stream that sets none itself; 300 s without it.
     *
     * @param streamTimeout above zero
     * @return this
     */
    public WeirClientBuilder streamTimeout(Duration streamTimeout) {
        this.streamTimeout = CallSettings.positive(streamTimeout, "streamTimeout");
        return this;
    }

    /**
     * The largest message to take from the server; 32 MiB without it.
     *
     * @param bytes above zero
     * @return this
     */
    public WeirClientBuilder maxReceiveBytes(int bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException(
                    "maxReceiveBytes must be above zero, not " + bytes + ".");
        }
        this.maxReceiveBytes = bytes;
        return this;
    }

    /**
     * What sees every call, such as a tracer's interceptor; the first added sees it first.
     *
     * @param interceptor gRPC's own kind
     * @return this
     */
    public WeirClientBuilder intercept(ClientInterceptor interceptor) {
        interceptors.add(interceptor);
        return this;
    }

    /**
     * The client.
     *
     * @return a client; it connects at the first call
     * @throws IllegalArgumentException for an address that cannot be, or that contradicts the TLS
     *     settings
     * @throws UncheckedIOException for a file that cannot be read
     */
    public WeirClient build() {
        boolean files = ca != null || cert != null;
        if (files && Boolean.FALSE.equals(tls)) {
            throw new IllegalArgumentException(
                    "TLS files contradict tls(false); leave one of the two out.");
        }
        Address to = Address.of(address, files ? Boolean.TRUE : tls);
        ManagedChannel connection =
                Connection.to(
                        to,
                        to.tls() ? credentials() : InsecureChannelCredentials.create(),
                        serverName,
                        maxReceiveBytes);
        List<ClientInterceptor> all = new ArrayList<>(interceptors);
        all.add(
                new CallDefaults(timeout, streamTimeout, Connection.MAX_MESSAGE_BYTES, apiKey));
        all.add(Connection.shortBackoff(connection));
        return new WeirClient(
                connection, ClientInterceptors.interceptForward(connection, all));
    }

    private ChannelCredentials credentials() {
        TlsChannelCredentials.Builder tlsFiles = TlsChannelCredentials.newBuilder();
        try {
            if (ca != null) {
                tlsFiles.trustManager(ca.toFile());
            }
            if (cert != null) {
                tlsFiles.keyManager(cert.toFile(), key.toFile());
            }
        } catch (IOException problem) {
            throw new UncheckedIOException("A TLS file cannot be read.", problem);
        }
        return tlsFiles.build();
    }
}
