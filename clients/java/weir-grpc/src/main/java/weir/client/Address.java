package weir.client;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How is an address read? As "host:port", "https://host:port", "http://host:port" or "unix:/path".
 *
 * @param target the address in gRPC's own form
 * @param tls whether the connection is encrypted
 */
record Address(String target, boolean tls) {
    // A host name may hold an underscore, as Docker's do, which java.net.URI does not take.
    private static final Pattern HOST_PORT =
            Pattern.compile("(\\[[0-9A-Fa-f:.]+(?:%[^\\]]+)?]|[^\\[\\]:/?#@\\s]+)(?::(\\d{1,5}))?/?");
    private static final Pattern IPV4_LOOPBACK = Pattern.compile("127(\\.\\d{1,3}){3}");
    private static final Pattern IPV6_LOOPBACK = Pattern.compile("\\[[0:]*:0*1]");

    /**
     * Read an address.
     *
     * @param tls null: what the scheme says; without one, plain text to this machine and TLS to others
     * @throws IllegalArgumentException for another form, or a scheme that contradicts {@code tls}
     */
    static Address of(String address, Boolean tls) {
        if (address.startsWith("unix:")) {
            return new Address(address, tls != null && tls);
        }
        int separator = address.indexOf("://");
        String scheme = separator < 0 ? "" : address.substring(0, separator);
        if (separator >= 0 && !scheme.equals("http") && !scheme.equals("https")) {
            throw new IllegalArgumentException(
                    "\"" + address + "\" has an unknown scheme; use https://, http:// or unix:.");
        }
        Matcher parts = HOST_PORT.matcher(separator < 0 ? address : address.substring(separator + 3));
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "\"" + address + "\" is no address; use host:port, such as weir.example:443.");
        }
        String host = parts.group(1);
        String port = parts.group(2) == null && scheme.equals("https") ? "443" : parts.group(2);
        if (port == null) {
            throw new IllegalArgumentException(
                    String.format(
                            "\"%s\" names no port; use host:port, such as %s:50051.",
                            address, address));
        }
        if (Integer.parseInt(port) > 65535) {
            throw new IllegalArgumentException(
                    "\"" + address + "\" names no port that can be; use 1 to 65535.");
        }
        if (tls != null && (tls ? scheme.equals("http") : scheme.equals("https"))) {
            throw new IllegalArgumentException(
                    "\"" + address + "\" contradicts tls(" + tls + "); leave one of the two out.");
        }
        boolean implied = scheme.equals("https") || (scheme.isEmpty() && !isLoopback(host));
        return new Address(dns(host + ":" + port), tls == null ? implied : tls);
    }

    private static boolean isLoopback(String host) {
        return host.equals("localhost")
                || IPV4_LOOPBACK.matcher(host).matches()
                || IPV6_LOOPBACK.matcher(host).matches();
    }

    /** Said in full, so that no host is taken for the name of a scheme. */
    private static String dns(String hostPort) {
        try {
            return new URI("dns", "", "/" + hostPort, null).toString();
        } catch (URISyntaxException problem) {
            throw new IllegalArgumentException("\"" + hostPort + "\" is no address.", problem);
        }
    }
}
