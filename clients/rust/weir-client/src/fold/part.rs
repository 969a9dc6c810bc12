//! What does one part add up to? What it began with, what its deltas say, and what its end adds.

use std::collections::HashSet;

use prost::Message as _;

use crate::{
    Error,
    v1::{
        Citation, MediaPart, Part, PartDelta, PartEnd, TokenLogprob, media_part::Source,
        part::Kind, part_delta::Delta,
    },
};

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
pub(super) struct PartFold {
    pub part: Part,
    pub is_open: bool,
    filling: Filling,
    text: String,
    bytes: Vec<u8>,
    pub logprobs: Vec<TokenLogprob>,
    citations: Vec<Citation>,
}

impl PartFold {
    pub fn new(part: Part) -> Self {
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

    pub fn add(&mut self, delta: &PartDelta) -> Result<(), Error> {
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
    pub fn finish(&mut self, end: &PartEnd) -> Result<(), Error> {
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
