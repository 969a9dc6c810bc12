//! How is a conversation written down? As messages, one constructor for each role.

use crate::v1::{
    ChatRequest, CompleteRequest, CountTokensRequest, EmbedInput, EmbedRequest, Message, Part,
    Role, StreamChatRequest, StreamCompleteRequest, ToolCallPart, ToolResultPart,
    count_tokens_request, embed_input, part::Kind,
};

impl Message {
    /// Instructions from the application.
    pub fn system(content: impl Into<Part>) -> Self {
        Self::of(Role::System, content.into())
    }

    /// What the person asks; push further parts onto `parts` for images and files.
    pub fn user(content: impl Into<Part>) -> Self {
        Self::of(Role::User, content.into())
    }

    /// What the model said before. An answer's own `message` serves as it is, and keeps what the
    /// provider wants back.
    pub fn assistant(content: impl Into<Part>) -> Self {
        Self::of(Role::Assistant, content.into())
    }

    /// What a tool answered to the model's `call`.
    pub fn tool_result(call: &ToolCallPart, content: impl Into<Part>) -> Self {
        let result = ToolResultPart {
            tool_call_id: call.id.clone(),
            name: call.name.clone(),
            content: vec![content.into()],
            is_error: false,
        };
        Self::of(Role::Tool, Kind::ToolResult(result).into())
    }

    fn of(role: Role, part: Part) -> Self {
        Self {
            role: role.into(),
            parts: vec![part],
            ..Self::default()
        }
    }
}

impl From<Kind> for Part {
    fn from(kind: Kind) -> Self {
        Self {
            kind: Some(kind),
            ..Self::default()
        }
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Kind::Text(text).into()
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Vec<Message>> for ChatRequest {
    fn from(messages: Vec<Message>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }
}

impl From<&str> for ChatRequest {
    /// A lone text is one message of the user.
    fn from(text: &str) -> Self {
        vec![Message::user(text)].into()
    }
}

impl From<&str> for CompleteRequest {
    fn from(prompt: &str) -> Self {
        Self {
            prompt: prompt.into(),
            ..Self::default()
        }
    }
}

impl<T: Into<ChatRequest>> From<T> for StreamChatRequest {
    /// All defaults of the stream.
    fn from(chat: T) -> Self {
        Self {
            request: Some(chat.into()),
            stream_options: None,
        }
    }
}

impl<T: Into<CompleteRequest>> From<T> for StreamCompleteRequest {
    /// All defaults of the stream.
    fn from(completion: T) -> Self {
        Self {
            request: Some(completion.into()),
            stream_options: None,
        }
    }
}

impl From<&str> for EmbedRequest {
    /// A lone text is the one input.
    fn from(text: &str) -> Self {
        vec![text].into()
    }
}

impl From<Vec<&str>> for EmbedRequest {
    fn from(texts: Vec<&str>) -> Self {
        let inputs = texts.into_iter().map(|text| EmbedInput {
            kind: Some(embed_input::Kind::Text(text.into())),
        });
        Self {
            inputs: inputs.collect(),
            ..Self::default()
        }
    }
}

impl From<&str> for CountTokensRequest {
    /// A text on its own.
    fn from(text: &str) -> Self {
        Self {
            input: Some(count_tokens_request::Input::Text(text.into())),
            ..Self::default()
        }
    }
}

impl From<ChatRequest> for CountTokensRequest {
    /// A whole chat, with what the provider adds around messages and tools.
    fn from(chat: ChatRequest) -> Self {
        Self {
            input: Some(count_tokens_request::Input::Chat(chat)),
            ..Self::default()
        }
    }
}
