package weir.client;

/** Which release of the client is this? The same number as in its pom. */
final class Version {
    static final String VERSION = "0.1.0";
    /** What the client calls itself towards a server. */
    static final String CLIENT = "weir-client-java/" + VERSION;

    private Version() {}
}
