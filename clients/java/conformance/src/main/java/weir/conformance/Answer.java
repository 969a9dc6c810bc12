package weir.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import java.util.List;
import java.util.Map;
import weir.client.WeirException;

/** How is what happened told to the kit? As one line of JSON. */
final class Answer {
    private static final JsonFormat.Printer PRINTER =
            JsonFormat.printer().omittingInsignificantWhitespace();

    private Answer() {}

    static JsonElement of(MessageOrBuilder message) {
        try {
            return JsonParser.parseString(PRINTER.print(message));
        } catch (InvalidProtocolBufferException problem) {
            throw new IllegalStateException("A message cannot be told as JSON.", problem);
        }
    }

    static JsonArray of(List<? extends MessageOrBuilder> messages) {
        JsonArray all = new JsonArray();
        messages.forEach(message -> all.add(of(message)));
        return all;
    }

    static JsonObject of(WeirException error) {
        JsonObject told = new JsonObject();
        told.addProperty("code", error.code().name());
        told.addProperty("reason", error.reason());
        told.addProperty("message", error.sentence());
        told.add("metadata", of(error.metadata()));
        if (error.retryAfter().isPresent()) {
            told.addProperty("retry_after_ms", error.retryAfter().get().toMillis());
        } else {
            told.add("retry_after_ms", JsonNull.INSTANCE);
        }
        told.add(
                "field_violations",
                pairs(
                        "field",
                        error.fieldViolations().stream()
                                .map(each -> Map.entry(each.getField(), each.getDescription()))
                                .toList()));
        told.add(
                "quota_violations",
                pairs(
                        "subject",
                        error.quotaViolations().stream()
                                .map(each -> Map.entry(each.getSubject(), each.getDescription()))
                                .toList()));
        told.addProperty("response_id", error.responseId());
        told.addProperty("request_id", error.requestId());
        told.add("usage", error.usage().map(Answer::of).orElse(JsonNull.INSTANCE));
        told.add("attempts", of(error.attempts()));
        if (error.lastSequence().isPresent()) {
            told.addProperty("last_sequence", Long.toString(error.lastSequence().getAsLong()));
        } else {
            told.add("last_sequence", JsonNull.INSTANCE);
        }
        told.addProperty("complete", false);
        told.addProperty("class", error.kind().name());
        return told;
    }

    /** A failure of the client's own, before anything was sent. */
    static JsonObject of(RuntimeException problem) {
        JsonObject told = new JsonObject();
        told.addProperty("code", "");
        told.addProperty("reason", "");
        told.addProperty("message", String.valueOf(problem.getMessage()));
        told.addProperty("complete", false);
        told.addProperty("class", problem.getClass().getSimpleName());
        return told;
    }

    private static JsonObject of(Map<String, String> facts) {
        JsonObject told = new JsonObject();
        facts.forEach(told::addProperty);
        return told;
    }

    private static JsonArray pairs(String name, List<Map.Entry<String, String>> violations) {
        JsonArray all = new JsonArray();
        violations.forEach(
                each ->
                        all.add(of(Map.of(name, each.getKey(), "description", each.getValue()))));
        return all;
    }
}
