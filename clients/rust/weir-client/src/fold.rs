//! What answer do the events of a stream add up to? The same that the unary RPC gives.
//!
//! Time and memory grow with the total size of the events: a part is joined once, when it ends.

use std::collections::HashSet;

use prost::Message as _;

use crate::{
    Code, Error, ErrorKind,
    v1::{
        ChatResponse, Citation, CompleteResponse, GenerationEvent, MediaPart, Message, Part,
        PartDelta, PartEnd, PartStart, Role, StreamEnd, TokenLogprob, generation_event::Event,
        media_part::Source, part::Kind, part_delta::Delta,
    },
};

/// The parts and the end of one answer, gathered event by event.
///
/// Heartbeats, usage updates, warnings and events of unknown kind add nothing: the end's usage and
/// metadata are the authority.
#[derive(Debug, Default)]
pub struct Fold {
    expected_sequence: i64,
    started: bool,
    parts: Vec<PartFold>,
    end: Option<StreamEnd>,
}

impl Fold {
    /// A fold that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The event that ended the answer; none: it has not come yet.
    #[must_use]
    pub fn end(&self) -> Option<&StreamEnd> {
        self.end.as_ref()
    }

    /// Whether something of an answer was given: a part at least has begun.
    #[must_use]
    pub fn answered(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Take the next event.
    ///
    /// # Errors
    /// `Protocol` where the event cannot follow what came before.
    pub fn add(&mut self, event: &GenerationEvent) -> Result<(), Error> {
        if self.end.is_some() {
            let kind = name(event);
            return Err(Error::violation(format_args!(
                "an event ({kind}) after the end"
            )));
        }
        self.check_order(event)?;
        match &event.event {
            Some(Event::PartStart(start)) => self.open(start),
            Some(Event::PartDelta(delta)) => self.fill(delta),
            Some(Event::PartEnd(end)) => self.close(end),
            Some(Event::End(end)) => self.finish(end),
            _ => Ok(()),
        }
    }

    fn check_order(&mut self, event: &GenerationEvent) -> Result<(), Error> {
        let (got, due) = (event.sequence, self.expected_sequence);
        if got != due {
            return Err(Error::violation(format_args!(
                "event {got} where {due} was due"
            )));
        }
        self.expected_sequence += 1;
        match (matches!(event.event, Some(Event::Start(_))), self.started) {
            (true, true) => return Err(Error::violation(format_args!("a second start"))),
            (false, false) => {
                let kind = name(event);
                return Err(Error::violation(format_args!("{kind} before the start")));
            }
            _ => self.started = true,
        }
        Ok(())
    }

    fn open(&mut self, start: &PartStart) -> Result<(), Error> {
        let (got, due) = (start.index, self.parts.len());
        if usize::try_from(got) != Ok(due) {
            return Err(Error::violation(format_args!(
                "part {got} opened where {due} was due"
            )));
        }
        // A kind that these stubs do not know looks like none: prost keeps no unknown fields.
        self.parts
            .push(PartFold::new(start.part.clone().unwrap_or_default()));
        Ok(())
    }

    fn fill(&mut self, delta: &PartDelta) -> Result<(), Error> {
        let index = delta.index;
        match self.open_part(index) {
            Some(part) => part.add(delta),
            None => Err(Error::violation(format_args!(
                "a delta for part {index}, which is not open"
            ))),
        }
    }

    fn close(&mut self, end: &PartEnd) -> Result<(), Error> {
        let index = end.index;
        match self.open_part(index) {
            Some(part) => part.finish(end),
            None => Err(Error::violation(format_args!(
                "part {index} ended, which is not open"
            ))),
        }
    }

    fn open_part(&mut self, index: i32) -> Option<&mut PartFold> {
        let index = usize::try_from(index).ok()?;
        self.parts.get_mut(index).filter(|part| part.is_open)
    }

    fn finish(&mut self, end: &StreamEnd) -> Result<(), Error> {
        if end.error.is_none() {
            let parts = self.parts.iter().enumerate();
            let open: Vec<usize> = parts.filter(|(_, p)| p.is_open).map(|(i, _)| i).collect();
            if !open.is_empty() {
                return Err(Error::violation(format_args!(
                    "a successful end while parts {open:?} are open"
                )));
            }
        }
        self.end = Some(end.clone());
        Ok(())
    }

    /// The end of a whole answer.
    ///
    /// # Errors
    /// `StreamBroken` where it has not come, and the error that it carries, if any.
    pub fn successful_end(&self) -> Result<&StreamEnd, Error> {
        let Some(end) = &self.end else {
            return Err(Error::new(
                ErrorKind::StreamBroken,
                Code::Aborted,
                "The stream stopped before its end.",
            ));
        };
        Error::of_end(end, self.answered()).map_or(Ok(end), Err)
    }

    /// The whole answer of a chat.
    ///
    /// # Errors
    /// As `successful_end`.
    pub fn into_chat(self) -> Result<ChatResponse, Error> {
        let end = self.successful_end()?.clone();
        let mut message = Message {
            role: Role::Assistant.into(),
            ..Message::default()
        };
        let mut logprobs = Vec::new();
        for part in self.parts {
            logprobs.extend(part.logprobs);
            message.parts.push(part.part);
        }
        Ok(ChatResponse {
            message: Some(message),
            usage: end.usage,
            metadata: end.metadata,
            finish_reason: end.finish_reason,
            logprobs,
        })
    }

    /// The whole answer of a completion: the text of the text parts. Reasoning and refusals have
    /// no place in a `CompleteResponse`.
    ///
    /// # Errors
    /// As `successful_end`.
    pub fn into_completion(self) -> Result<CompleteResponse, Error> {
        let end = self.successful_end()?.clone();
        let mut text = String::new();
        let mut logprobs = Vec::new();
        for part in self.parts {
            if let Some(Kind::Text(piece)) = part.part.kind {
                text.push_str(&piece);
                logprobs.extend(part.logprobs);
            }
        }
        Ok(CompleteResponse {
            text,
            usage: end.usage,
            metadata: end.metadata,
            finish_reason: end.finish_reason,
            logprobs,
        })
    }
}

/// The answer that the events of a chat add up to.
///
/// # Errors
/// As [`Fold::add`] and [`Fold::into_chat`].
pub fn fold_chat<'a>(
    events: impl IntoIterator<Item = &'a GenerationEvent>,
) -> Result<ChatResponse, Error> {
    folded(events)?.into_chat()
}

/// The answer that the events of a completion add up to.
///
/// # Errors
/// As [`Fold::add`] and [`Fold::into_completion`].
pub fn fold_complete<'a>(
    events: impl IntoIterator<Item = &'a GenerationEvent>,
) -> Result<CompleteResponse, Error> {
    folded(events)?.into_completion()
}

fn folded<'a>(events: impl IntoIterator<Item = &'a GenerationEvent>) -> Result<Fold, Error> {
    let mut fold = Fold::new();
    for event in events {
        fold.add(event)?;
    }
    Ok(fold)
}

/// Which delta fills a part.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Filling {
    Text,
    Arguments,
    Bytes,
    /// It comes whole.
    Nothing,
    /// A kind that these stubs do not know, filled by who knows what.
    Unknown,
}

/// One part: what it began with, what its deltas say, and what its end adds.
#[derive(Debug)]
struct PartFold {
    part: Part,
    filling: Filling,
    is_open: bool,
    text: String,
    bytes: Vec<u8>,
    logprobs: Vec<TokenLogprob>,
    citations: Vec<Citation>,
}

impl PartFold {
    fn new(part: Part) -> Self {
        Self {
            filling: filling(part.kind.as_ref()),
            is_open: true,
            text: String::new(),
            bytes: Vec::new(),
            logprobs: Vec::new(),
            citations: part.citations.clone(),
            part,
        }
    }

    fn add(&mut self, delta: &PartDelta) -> Result<(), Error> {
        let index = delta.index;
        match (&delta.delta, self.filling) {
            (Some(Delta::Text(text)), Filling::Text) => self.text.push_str(text),
            (Some(Delta::ArgumentsJson(json)), Filling::Arguments) => self.text.push_str(json),
            (Some(Delta::InlineData(bytes)), Filling::Bytes) => self.bytes.extend_from_slice(bytes),
            (None, _) | (_, Filling::Unknown) => {}
            (Some(other), _) => {
                let which = match other {
                    Delta::Text(_) => "text",
                    Delta::ArgumentsJson(_) => "arguments_json",
                    Delta::InlineData(_) => "inline_data",
                };
                let kind = kind_name(self.part.kind.as_ref());
                return Err(Error::violation(format_args!(
                    "a delta of {which} for part {index}, a {kind}"
                )));
            }
        }
        self.logprobs.extend_from_slice(&delta.logprobs);
        self.citations.extend_from_slice(&delta.citations);
        Ok(())
    }

    /// Join the deltas onto the part, then let the end's part override.
    fn finish(&mut self, end: &PartEnd) -> Result<(), Error> {
        self.is_open = false;
        self.join();
        if let Some(last) = &end.part {
            self.override_with(last, end.index)?;
        }
        self.cite();
        Ok(())
    }

    fn join(&mut self) {
        let text = std::mem::take(&mut self.text);
        let bytes = std::mem::take(&mut self.bytes);
        match &mut self.part.kind {
            Some(Kind::Text(whole)) => append(whole, text),
            Some(Kind::Reasoning(part)) => append(&mut part.text, text),
            Some(Kind::Refusal(part)) => append(&mut part.text, text),
            Some(Kind::ToolCall(part)) => append(&mut part.arguments_json, text),
            Some(Kind::ServerToolCall(part)) => append(&mut part.arguments_json, text),
            Some(Kind::Media(part)) if !bytes.is_empty() => append_bytes(part, bytes),
            _ => {}
        }
    }

    fn override_with(&mut self, last: &Part, index: i32) -> Result<(), Error> {
        let (began, ended) = (self.part.kind.as_ref(), last.kind.as_ref());
        if began.is_some() && ended.is_some() && kind_name(began) != kind_name(ended) {
            let (began, ended) = (kind_name(began), kind_name(ended));
            return Err(Error::violation(format_args!(
                "part {index} began as {began} and ended as {ended}"
            )));
        }
        self.citations.extend_from_slice(&last.citations);
        let mut last = last.clone();
        if matches!(&last.kind, Some(Kind::Text(text)) if text.is_empty()) {
            last.kind = None; // an empty text only names the kind
        }
        if last.kind.is_some() && self.filling == Filling::Nothing {
            self.part.kind = None; // it comes whole: merging would double what repeats
        }
        self.part
            .merge(last.encode_to_vec().as_slice())
            .map_err(|broken| Error::violation(format_args!("part {index}: {broken}")))
    }

    /// Give the part every source once: an end may repeat what deltas said.
    fn cite(&mut self) {
        let mut seen = HashSet::new();
        self.citations
            .retain(|citation| seen.insert(citation.encode_to_vec()));
        self.part.citations = std::mem::take(&mut self.citations);
    }
}

fn append(whole: &mut String, text: String) {
    if whole.is_empty() {
        *whole = text;
    } else {
        whole.push_str(&text);
    }
}

fn append_bytes(media: &mut MediaPart, bytes: Vec<u8>) {
    match &mut media.source {
        Some(Source::InlineData(whole)) => whole.extend(bytes),
        source => *source = Some(Source::InlineData(bytes)),
    }
}

fn filling(kind: Option<&Kind>) -> Filling {
    match kind {
        Some(Kind::Text(_) | Kind::Reasoning(_) | Kind::Refusal(_)) => Filling::Text,
        Some(Kind::ToolCall(_) | Kind::ServerToolCall(_)) => Filling::Arguments,
        Some(Kind::Media(_)) => Filling::Bytes,
        Some(_) => Filling::Nothing,
        None => Filling::Unknown,
    }
}

fn kind_name(kind: Option<&Kind>) -> &'static str {
    match kind {
        Some(Kind::Text(_)) => "text",
        Some(Kind::Media(_)) => "media",
        Some(Kind::ToolCall(_)) => "tool_call",
        Some(Kind::ToolResult(_)) => "tool_result",
        Some(Kind::Reasoning(_)) => "reasoning",
        Some(Kind::Refusal(_)) => "refusal",
        Some(Kind::ServerToolCall(_)) => "server_tool_call",
        Some(Kind::ServerToolResult(_)) => "server_tool_result",
        Some(Kind::Compaction(_)) => "compaction",
        Some(Kind::Unknown(_)) => "unknown",
        None => "part of an unknown kind",
    }
}

fn name(event: &GenerationEvent) -> &'static str {
    match &event.event {
        Some(Event::Start(_)) => "start",
        Some(Event::PartStart(_)) => "part_start",
        Some(Event::PartDelta(_)) => "part_delta",
        Some(Event::PartEnd(_)) => "part_end",
        Some(Event::Heartbeat(_)) => "heartbeat",
        Some(Event::UsageUpdate(_)) => "usage_update",
        Some(Event::Warning(_)) => "warning",
        Some(Event::End(_)) => "end",
        None => "an unknown event",
    }
}
