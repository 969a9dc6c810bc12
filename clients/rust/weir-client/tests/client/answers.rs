//! Which answers do the scripts play? Small ones, built event by event as the contract says.

use weir_client::v1::{
    Error, FinishReason, GenerationEvent, Heartbeat, Part, PartDelta, PartEnd, PartStart,
    ResponseMetadata, StreamEnd, StreamStart, TokenUsage, UsageUpdate, generation_event::Event,
    part::Kind, part_delta::Delta,
};

pub const RESPONSE_ID: &str = "resp_1";

pub fn usage() -> TokenUsage {
    TokenUsage {
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        ..TokenUsage::default()
    }
}

pub fn metadata() -> ResponseMetadata {
    ResponseMetadata {
        response_id: RESPONSE_ID.into(),
        provider: "providers/echo".into(),
        model: "echo-1".into(),
        ..ResponseMetadata::default()
    }
}

/// The events with their sequence, from 0.
pub fn numbered(events: impl IntoIterator<Item = Event>) -> Vec<GenerationEvent> {
    let number = |(sequence, event)| GenerationEvent {
        sequence,
        event: Some(event),
    };
    (0..).zip(events).map(number).collect()
}

pub fn start() -> Event {
    Event::Start(StreamStart {
        response_id: RESPONSE_ID.into(),
        provider: "providers/echo".into(),
        model: "echo-1".into(),
    })
}

pub fn opened(index: i32, part: impl Into<Part>) -> Event {
    let part = Some(part.into());
    Event::PartStart(PartStart { index, part })
}

pub fn delta(index: i32, delta: Delta) -> Event {
    Event::PartDelta(PartDelta {
        index,
        delta: Some(delta),
        ..PartDelta::default()
    })
}

pub fn text(index: i32, piece: &str) -> Event {
    delta(index, Delta::Text(piece.into()))
}

pub fn arguments(index: i32, piece: &str) -> Event {
    delta(index, Delta::ArgumentsJson(piece.into()))
}

pub fn closed(index: i32, part: Option<Part>) -> Event {
    Event::PartEnd(PartEnd { index, part })
}

pub fn heartbeat() -> Event {
    Event::Heartbeat(Heartbeat::default())
}

pub fn used(total_tokens: i64) -> Event {
    let usage = TokenUsage {
        total_tokens,
        ..TokenUsage::default()
    };
    Event::UsageUpdate(UsageUpdate { usage: Some(usage) })
}

pub fn end() -> Event {
    Event::End(StreamEnd {
        finish_reason: FinishReason::Stop.into(),
        usage: Some(usage()),
        metadata: Some(metadata()),
        error: None,
    })
}

pub fn failed_end(error: Error) -> Event {
    Event::End(StreamEnd {
        finish_reason: FinishReason::Error.into(),
        usage: Some(usage()),
        metadata: Some(metadata()),
        error: Some(error),
    })
}

/// A whole answer of one text.
pub fn text_answer(pieces: &[&str]) -> Vec<GenerationEvent> {
    let deltas = pieces.iter().map(|piece| text(0, piece));
    let before = [start(), opened(0, Kind::Text(String::new()))];
    numbered(
        before
            .into_iter()
            .chain(deltas)
            .chain([closed(0, None), end()]),
    )
}
