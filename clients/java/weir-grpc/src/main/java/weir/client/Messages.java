package weir.client;

import java.util.Arrays;
import weir.v1.Message;
import weir.v1.Part;
import weir.v1.Role;
import weir.v1.ToolCallPart;
import weir.v1.ToolResultPart;

/** How is a conversation written down? As messages, one method for each role. */
public final class Messages {
    private Messages() {}

    /**
     * Instructions from the application.
     *
     * @param text what the model is told
     * @return a message of the role SYSTEM
     */
    public static Message system(String text) {
        return message(Role.ROLE_SYSTEM, text(text));
    }

    /**
     * What the person asks.
     *
     * @param text the question
     * @return a message of the role USER
     */
    public static Message user(String text) {
        return message(Role.ROLE_USER, text(text));
    }

    /**
     * What the person asks, with images or files beside it.
     *
     * @param parts in order
     * @return a message of the role USER
     */
    public static Message user(Part... parts) {
        return message(Role.ROLE_USER, parts);
    }

    /**
     * What the model said before. An answer's own message serves as it is, and keeps what the provider
     * wants back.
     *
     * @param text the earlier answer
     * @return a message of the role ASSISTANT
     */
    public static Message assistant(String text) {
        return message(Role.ROLE_ASSISTANT, text(text));
    }

    /**
     * What a tool answered to the model's call.
     *
     * @param call the call that the model made
     * @param text the tool's result
     * @return a message of the role TOOL
     */
    public static Message toolResult(ToolCallPart call, String text) {
        return toolResult(call, text, false);
    }

    /**
     * How a tool failed when the model called it.
     *
     * @param call the call that the model made
     * @param text what went wrong
     * @return a message of the role TOOL
     */
    public static Message toolError(ToolCallPart call, String text) {
        return toolResult(call, text, true);
    }

    /**
     * A part of a message that is text.
     *
     * @param text as it is
     * @return a part
     */
    public static Part text(String text) {
        return Part.newBuilder().setText(text).build();
    }

    private static Message toolResult(ToolCallPart call, String text, boolean isError) {
        ToolResultPart.Builder result = ToolResultPart.newBuilder();
        result.setToolCallId(call.getId()).setName(call.getName());
        result.addContent(text(text)).setIsError(isError);
        return message(Role.ROLE_TOOL, Part.newBuilder().setToolResult(result).build());
    }

    private static Message message(Role role, Part... parts) {
        return Message.newBuilder().setRole(role).addAllParts(Arrays.asList(parts)).build();
    }
}
