/**
 * How does a Java program call Weir? With a {@link weir.client.WeirClient}.
 *
 * <p>The messages are in {@code weir.v1}; the gRPC stubs of every service are beside them and work on
 * {@link weir.client.WeirClient#channel()}. Failures are {@link weir.client.WeirException}s.
 */
package weir.client;
