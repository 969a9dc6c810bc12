//! Do events add up to exactly the answer they tell of?

use weir_client::{
    ErrorKind, fold_chat, fold_complete,
    v1::{
        ChatResponse, Citation, FinishReason, GenerationEvent, MediaPart, Message, Part, PartDelta,
        PartEnd, ReasoningPart, RefusalPart, Role, ServerToolCallPart, ServerToolResultPart,
        TokenLogprob, ToolCallPart, ToolResultPart, UnknownPart, generation_event::Event,
        media_part::Source, part::Kind, part_delta::Delta,
    },
};

use crate::answers::{
    arguments, closed, delta, end, heartbeat, metadata, numbered, opened, start, text, text_answer,
    usage,
};

fn cited(title: &str) -> Citation {
    Citation {
        title: title.into(),
        ..Citation::default()
    }
}

fn signed(kind: Option<Kind>) -> Part {
    Part {
        kind,
        provider_state: b"signed".into(),
        ..Part::default()
    }
}

fn call(name: &str, arguments_json: &str, arguments_valid: Option<bool>) -> Part {
    Part::from(Kind::ToolCall(ToolCallPart {
        id: "call_1".into(),
        name: name.into(),
        arguments_json: arguments_json.into(),
        arguments_valid,
    }))
}

fn reasoning(text: &str, is_summary: bool) -> Kind {
    let text = text.into();
    Kind::Reasoning(ReasoningPart { text, is_summary })
}

fn media(source: Option<Source>, transcript: &str) -> Part {
    Part::from(Kind::Media(MediaPart {
        source,
        transcript: transcript.into(),
        ..MediaPart::default()
    }))
}

/// Deltas join to the text; usage, metadata and finish reason come from the end.
#[test]
fn a_text() {
    let response = fold_chat(&text_answer(&["Hel", "lo"])).expect("whole");

    let expected = ChatResponse {
        message: Some(Message::assistant("Hello")),
        finish_reason: FinishReason::Stop.into(),
        usage: Some(usage()),
        metadata: Some(metadata()),
        logprobs: vec![],
    };
    assert_eq!(response, expected);
    assert_eq!(
        expected.message.map(|m| m.role),
        Some(Role::Assistant.into())
    );
}

/// A completion is the text of the text parts alone.
#[test]
fn a_completion() {
    let events = numbered([
        start(),
        opened(0, reasoning("", false)),
        text(0, "hmm"),
        closed(0, None),
        heartbeat(),
        opened(1, Kind::Text(String::new())),
        text(1, "yes"),
        closed(1, None),
        end(),
    ]);

    let response = fold_complete(&events).expect("whole");

    assert_eq!(response.text, "yes");
    assert_eq!(response.usage, Some(usage()));
    assert_eq!(response.metadata, Some(metadata()));
    assert_eq!(response.finish_reason(), FinishReason::Stop);
}

/// What a part began with, what its deltas say and what its end adds make the part.
#[test]
fn parts() {
    let bytes = |bytes: &[u8]| Some(Source::InlineData(bytes.to_vec()));
    let uri = || Some(Source::Uri("https://example.com/cat.png".into()));
    let server_call = |arguments_json: &str| {
        Part::from(Kind::ServerToolCall(ServerToolCallPart {
            id: "s".into(),
            arguments_json: arguments_json.into(),
            ..ServerToolCallPart::default()
        }))
    };
    let refusal = |text: &str| Part::from(Kind::Refusal(RefusalPart { text: text.into() }));
    let result = || {
        Part::from(Kind::ToolResult(ToolResultPart {
            tool_call_id: "call_1".into(),
            content: vec!["4".into()],
            ..ToolResultPart::default()
        }))
    };
    let server_result = |json: &str| {
        Part::from(Kind::ServerToolResult(ServerToolResultPart {
            result_json: json.into(),
            ..ServerToolResultPart::default()
        }))
    };
    let unknown = |json: &str| {
        Part::from(Kind::Unknown(UnknownPart {
            r#type: "openai/new".into(),
            json: json.into(),
        }))
    };
    let empty = || Part::from("");
    let cases: Vec<(Part, Vec<Event>, Option<Part>, Part)> = vec![
        (empty(), vec![], None, "".into()),
        (empty(), vec![text(0, "a")], Some(empty()), "a".into()),
        (
            empty(),
            vec![text(0, "a")],
            Some(signed(None)),
            signed(Some(Kind::Text("a".into()))),
        ),
        (
            reasoning("", false).into(),
            vec![text(0, "a"), text(0, "b")],
            Some(signed(Some(reasoning("", true)))),
            signed(Some(reasoning("ab", true))),
        ),
        (refusal(""), vec![text(0, "no")], None, refusal("no")),
        (
            call("f", "", None),
            vec![
                arguments(0, "{\"a\""),
                arguments(0, ":12345678901234567890}"),
            ],
            None,
            call("f", "{\"a\":12345678901234567890}", None),
        ),
        (
            call("", "", None),
            vec![arguments(0, "{}")],
            Some(call("f", "", Some(false))),
            call("f", "{}", Some(false)),
        ),
        (
            call("f", "", None),
            vec![arguments(0, "{")],
            Some(call("f", "{}", Some(true))),
            call("f", "{}", Some(true)),
        ),
        (
            server_call(""),
            vec![arguments(0, "{}")],
            None,
            server_call("{}"),
        ),
        (
            media(None, ""),
            vec![
                delta(0, Delta::InlineData(vec![0])),
                delta(0, Delta::InlineData(vec![255])),
            ],
            Some(media(None, "hm")),
            media(bytes(&[0, 255]), "hm"),
        ),
        (
            media(None, ""),
            vec![],
            Some(media(uri(), "")),
            media(uri(), ""),
        ),
        (result(), vec![], Some(result()), result()),
        (
            server_result(""),
            vec![],
            Some(server_result("{}")),
            server_result("{}"),
        ),
        (unknown("{}"), vec![], None, unknown("{}")),
        // A kind of a newer server: nothing is set, and whatever fills it is skipped.
        (
            Part::default(),
            vec![text(0, "?")],
            Some(signed(None)),
            signed(None),
        ),
    ];
    for (began, deltas, ended, whole) in cases {
        let before = [start(), opened(0, began)];
        let after = [closed(0, ended), end()];
        let events = numbered(before.into_iter().chain(deltas).chain(after));
        let response = fold_chat(&events).expect("whole");
        assert_eq!(response.message.unwrap_or_default().parts, [whole]);
    }
}

/// Sources are told once, in the order they came, wherever they were told.
#[test]
fn citations() {
    let mut part = Part::from("");
    part.citations = vec![cited("a")];
    let more = Event::PartDelta(PartDelta {
        citations: vec![cited("b"), cited("a")],
        ..PartDelta::default()
    });
    let last = Part {
        citations: vec![cited("b"), cited("c")],
        ..Part::default()
    };
    let events = numbered([start(), opened(0, part), more, closed(0, Some(last)), end()]);

    let message = fold_chat(&events)
        .expect("whole")
        .message
        .unwrap_or_default();

    assert_eq!(
        message.parts[0].citations,
        [cited("a"), cited("b"), cited("c")]
    );
}

/// Log probabilities stand in the order of the parts, not of the events.
#[test]
fn logprobs() {
    let logprob = |token: &str| TokenLogprob {
        token: token.into(),
        ..TokenLogprob::default()
    };
    let said = |index, token| {
        Event::PartDelta(PartDelta {
            index,
            delta: Some(Delta::Text("x".into())),
            logprobs: vec![logprob(token)],
            citations: vec![],
        })
    };
    let events = numbered([
        start(),
        opened(0, ""),
        opened(1, ""),
        said(1, "second"),
        said(0, "first"),
        closed(0, None),
        closed(1, None),
        end(),
    ]);

    let response = fold_chat(&events).expect("whole");

    assert_eq!(response.logprobs, [logprob("first"), logprob("second")]);
}

/// An event of a kind that these stubs do not know is passed over.
#[test]
fn an_unknown_event() {
    let mut events = numbered([start(), heartbeat(), end()]);
    events[1].event = None;

    assert_eq!(fold_chat(&events).expect("whole").usage, Some(usage()));
}

/// Events that cannot follow one another are the server's fault, and named.
#[test]
fn violations() {
    let mut gap = text_answer(&["a"]);
    gap[2].sequence = 7;
    let cases: Vec<(Vec<GenerationEvent>, &str)> = vec![
        (gap, "event 7 where 2 was due"),
        (numbered([end()]), "end before the start"),
        (numbered([start(), start()]), "a second start"),
        (
            numbered([start(), opened(1, "")]),
            "part 1 opened where 0 was due",
        ),
        (
            numbered([start(), text(0, "a")]),
            "a delta for part 0, which is not open",
        ),
        (
            numbered([start(), text(-1, "a")]),
            "a delta for part -1, which is not open",
        ),
        (
            numbered([start(), closed(0, None)]),
            "part 0 ended, which is not open",
        ),
        (
            numbered([start(), opened(0, ""), arguments(0, "{}")]),
            "a delta of arguments_json for part 0, a text",
        ),
        (
            numbered([start(), opened(0, ""), closed(0, Some(call("f", "", None)))]),
            "part 0 began as text and ended as tool_call",
        ),
        (
            numbered([start(), opened(0, ""), end()]),
            "a successful end while parts [0] are open",
        ),
        (
            numbered([start(), end(), heartbeat()]),
            "an event (heartbeat) after the end",
        ),
        (
            numbered([start(), opened(0, ""), closed(0, None), text(0, "a")]),
            "a delta for part 0, which is not open",
        ),
    ];
    for (events, says) in cases {
        let error = fold_chat(&events).expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(
            error.message(),
            format!("The stream breaks the contract: {says}.")
        );
    }
}

/// Without its end no answer is whole.
#[test]
fn cut() {
    let events = text_answer(&["a"]);
    for length in 0..events.len() {
        let error = fold_chat(&events[..length]).expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::StreamBroken);
    }
    assert!(matches!(
        events[3].event,
        Some(Event::PartEnd(PartEnd { .. }))
    ));
}
