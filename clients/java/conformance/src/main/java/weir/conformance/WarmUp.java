package weir.conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import weir.v1.GenerationEvent;
import weir.v1.LLMProviderServiceGrpc.LLMProviderServiceImplBase;
import weir.v1.StreamChatRequest;
import weir.v1.StreamChatResponse;
import weir.v1.StreamEnd;
import weir.v1.StreamStart;

/**
 * How is the time of a call measured, and not that of loading Java's classes? A first call, to a
 * server of the driver's own, loads what every call needs.
 */
final class WarmUp extends LLMProviderServiceImplBase {
    private WarmUp() {}

    static void run() throws Exception {
        Server server =
                Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                        .addService(new WarmUp())
                        .build()
                        .start();
        try {
            String line =
                    "{\"id\":\"\",\"connection\":{\"target\":\"127.0.0.1:%d\"},\"request\":{},"
                            + "\"method\":\"weir.v1.LLMProviderService/StreamChat\"}";
            JsonObject ask =
                    JsonParser.parseString(String.format(line, server.getPort())).getAsJsonObject();
            new Call(new Ask(ask)).run();
        } finally {
            server.shutdownNow();
        }
    }

    @Override
    public void streamChat(StreamChatRequest request, StreamObserver<StreamChatResponse> out) {
        var start = GenerationEvent.newBuilder().setStart(StreamStart.getDefaultInstance());
        var end = GenerationEvent.newBuilder().setSequence(1).setEnd(StreamEnd.getDefaultInstance());
        out.onNext(StreamChatResponse.newBuilder().addEvents(start).addEvents(end).build());
        out.onCompleted();
    }
}
