package weir.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.grpc.ClientInterceptor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import weir.client.CallSettings;
import weir.client.WeirClient;
import weir.client.WeirClientBuilder;

/** What does the kit want? One line of its input. */
record Ask(JsonObject line) {
    String id() {
        return line.get("id").getAsString();
    }

    String what() {
        return line.has("do") ? line.get("do").getAsString() : "call";
    }

    String method() {
        return line.get("method").getAsString();
    }

    JsonObject request() {
        return line.has("request") ? line.getAsJsonObject("request") : new JsonObject();
    }

    /** A number of the line; empty: it is not there. */
    Optional<Integer> number(String name) {
        JsonElement value = line.get(name);
        return value == null || value.isJsonNull()
                ? Optional.empty()
                : Optional.of(value.getAsInt());
    }

    CallSettings settings() {
        CallSettings settings = CallSettings.DEFAULT;
        Optional<Integer> timeoutMs = number("timeout_ms");
        if (timeoutMs.isPresent()) {
            settings = settings.withTimeout(Duration.ofMillis(timeoutMs.get()));
        }
        if (line.has("metadata")) {
            for (JsonElement pair : line.getAsJsonArray("metadata")) {
                String name = pair.getAsJsonArray().get(0).getAsString();
                String value = pair.getAsJsonArray().get(1).getAsString();
                settings =
                        name.endsWith("-bin")
                                ? settings.withMetadata(name, Base64.getDecoder().decode(value))
                                : settings.withMetadata(name, value);
            }
        }
        return settings;
    }

    WeirClient client(ClientInterceptor recorder) {
        JsonObject connection = line.getAsJsonObject("connection");
        WeirClientBuilder builder = WeirClient.builder(connection.get("target").getAsString());
        text(connection, "api_key").ifPresent(builder::apiKey);
        if (connection.has("max_receive_bytes") && !connection.get("max_receive_bytes").isJsonNull()) {
            builder.maxReceiveBytes(connection.get("max_receive_bytes").getAsInt());
        }
        if (connection.has("tls") && connection.get("tls").isJsonObject()) {
            JsonObject tls = connection.getAsJsonObject("tls");
            builder.tls(true);
            text(tls, "ca").map(Path::of).ifPresent(builder::trust);
            text(tls, "server_name").ifPresent(builder::serverName);
            text(tls, "cert")
                    .ifPresent(
                            cert -> builder.identity(Path.of(cert), Path.of(text(tls, "key").get())));
        }
        return builder.intercept(recorder).build();
    }

    private static Optional<String> text(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value == null || value.isJsonNull()
                ? Optional.empty()
                : Optional.of(value.getAsString());
    }
}
