//! What answer do the events of a stream add up to? The same that the unary RPC gives.
//!
//! Time and memory grow with the total size of the events: a part is joined once, when it ends.

mod part;

use part::PartFold;

use crate::{
    Code, Error, ErrorKind,
    v1::{
        ChatResponse, CompleteResponse, GenerationEvent, Message, PartDelta, PartEnd, PartStart,
        Role, StreamEnd, generation_event::Event, part::Kind,
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
