package weir.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Does a process end that leaves a stream open? */
@Timeout(20)
class ExitTest {
    /** The threads are daemons: main returns, the process ends, the server sees the cancel. */
    @Test
    void openStream() throws Exception {
        try (var server = ScriptedServer.silentAfter(Answers.textAnswer("a").subList(0, 3))) {
            Process process =
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                    "-XX:TieredStopAtLevel=1",
                                    "-cp",
                                    System.getProperty("java.class.path"),
                                    Leaving.class.getName(),
                                    server.address())
                            .inheritIO()
                            .start();
            assertTrue(process.waitFor(15, TimeUnit.SECONDS), "the process goes on");
            assertEquals(0, process.exitValue());
            assertTrue(server.sawCancelWithin(Duration.ofSeconds(1)));
        }
    }

    /** A program that leaves a stream open. */
    static final class Leaving {
        private Leaving() {}

        public static void main(String[] arguments) {
            WeirClient.create(arguments[0]).streamChat("Hi").iterator().next();
        }
    }
}
