package weir

import weirv1 "weir.example/go/weir/v1"

// Ask makes a request of a lone text: one message of the user.
func Ask(text string) *weirv1.ChatRequest { return Conversation(User(text)) }

// Conversation makes a request of messages, oldest first. Model, options and the rest are fields to
// be set on it.
func Conversation(messages ...*weirv1.Message) *weirv1.ChatRequest {
	return &weirv1.ChatRequest{Messages: messages}
}

// System gives instructions from the application.
func System(text string) *weirv1.Message {
	return message(weirv1.Role_ROLE_SYSTEM, Text(text))
}

// User says what the person asks; more parts may be images or files.
func User(text string, more ...*weirv1.Part) *weirv1.Message {
	return message(weirv1.Role_ROLE_USER, append([]*weirv1.Part{Text(text)}, more...)...)
}

// Assistant says what the model said before. An answer's own Message serves as it is, and keeps
// what the provider wants back.
func Assistant(text string) *weirv1.Message {
	return message(weirv1.Role_ROLE_ASSISTANT, Text(text))
}

// ToolResult says what a tool answered to the model's call.
func ToolResult(call *weirv1.ToolCallPart, content ...*weirv1.Part) *weirv1.Message {
	result := &weirv1.ToolResultPart{
		ToolCallId: call.GetId(),
		Name:       call.GetName(),
		Content:    content,
	}
	return message(weirv1.Role_ROLE_TOOL,
		&weirv1.Part{Kind: &weirv1.Part_ToolResult{ToolResult: result}})
}

// Text is a part of plain text.
func Text(text string) *weirv1.Part {
	return &weirv1.Part{Kind: &weirv1.Part_Text{Text: text}}
}

func message(role weirv1.Role, parts ...*weirv1.Part) *weirv1.Message {
	return &weirv1.Message{Role: role, Parts: parts}
}
