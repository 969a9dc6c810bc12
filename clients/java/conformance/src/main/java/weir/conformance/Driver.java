package weir.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import weir.client.WeirClient;

/** Runs the conformance kit's calls: a line of JSON in, a line of JSON out, until the input ends. */
public final class Driver {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private Driver() {}

    /**
     * Run the calls of standard input.
     *
     * @param arguments none
     * @throws Exception where the kit asks for what does not exist
     */
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        WarmUp.run();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.isBlank()) {
                continue;
            }
            Ask ask = new Ask(JsonParser.parseString(line).getAsJsonObject());
            switch (ask.what()) {
                case "describe" -> out.println(GSON.toJson(describe(ask)));
                case "exit_with_open_stream" -> {
                    out.println(GSON.toJson(new Call(ask).openAndLeave()));
                    return;
                }
                default -> out.println(GSON.toJson(new Call(ask).run()));
            }
        }
    }

    private static JsonObject describe(Ask ask) {
        JsonObject told = new JsonObject();
        told.addProperty("id", ask.id());
        told.addProperty("language", "java");
        told.addProperty("client_version", WeirClient.VERSION);
        told.addProperty("contract_version", WeirClient.VERSION);
        Matcher grpc =
                Pattern.compile("grpc-api-([0-9.]+)\\.jar").matcher(System.getProperty("java.class.path"));
        told.addProperty(
                "runtime",
                "Java "
                        + Runtime.version()
                        + ", grpc-java "
                        + (grpc.find() ? grpc.group(1) : "of unknown version"));
        return told;
    }
}
