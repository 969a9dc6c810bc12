"""Does each rule of a script fit the requests it says? And does a wrong script say so?"""

import asyncio
import time
from typing import Any

import pytest

from tests.fakes_selftest.asking import ask, script, statuses
from weir_server.fake_upstream.reading import ScriptInvalid
from weir_server.fake_upstream.script import Script
from weir_server.fake_upstream.upstream import FakeUpstream


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("{first: 2}", [503, 503, 200, 200, 200, 200]),
        ("{every: 3}", [200, 200, 503, 200, 200, 503]),
        ("{skip: 1, first: 2}", [200, 503, 503, 200, 200, 200]),
        ("{skip: 1, every: 2}", [200, 200, 503, 200, 503, 200]),
        ("{skip: 3}", [200, 200, 200, 503, 503, 503]),
        ("{after_s: 60}", [200] * 6),
        ("{before_s: 60}", [503] * 6),
    ],
)
async def test_counting_and_time(upstream: FakeUpstream, match: str, expected: list[int]) -> None:
    """Requests are counted from the script's begin, and so is time."""
    upstream.script(script("{status: 503}", match))
    assert await statuses(upstream, 6) == expected


async def test_time_passes(upstream: FakeUpstream) -> None:
    """A rule begins and ends by the clock."""
    upstream.script(script("{status: 503}", "{after_s: 0.2, before_s: 0.4}"))
    seen = []
    for middle_s in (0.0, 0.3, 0.5):
        began_at = upstream.journal.memory.began_at
        await asyncio.sleep(began_at + middle_s - time.monotonic())
        seen += await statuses(upstream, 1)
    assert seen == [200, 503, 200]


@pytest.mark.parametrize(
    ("match", "body", "key", "path", "fits"),
    [
        ("{model: 'gpt-*'}", {"model": "gpt-5"}, "k", "/v1/chat/completions", True),
        ("{model: 'gpt-*'}", {"model": "x-gpt-5"}, "k", "/v1/chat/completions", False),
        ("{credential: sk-a}", {}, "sk-a", "/v1/chat/completions", True),
        ("{credential: sk-a}", {}, "sk-b", "/v1/chat/completions", False),
        ("{path: '*/completions'}", {}, "k", "/v1/completions", True),
        ("{path: '*/embeddings'}", {"prompt": "p"}, "k", "/v1/completions", False),
        ("{stream: true}", {"stream": True}, "k", "/v1/chat/completions", True),
        ("{stream: true}", {}, "k", "/v1/chat/completions", False),
        ("{model: m, credential: sk-b}", {}, "sk-a", "/v1/chat/completions", False),
    ],
)
async def test_what_is_asked(
    upstream: FakeUpstream, match: str, body: dict[str, Any], key: str, path: str, fits: bool
) -> None:
    """Model, credential, path and kind of answer: all that are named must fit."""
    upstream.script(script("{status: 418}", match))
    status, _, _ = await ask(upstream, body, key=key, path=path)
    assert (status == 418) is fits


async def test_the_first_rule_that_fits_answers(upstream: FakeUpstream) -> None:
    """A rule sees and counts what earlier rules left; last of all the model's name decides."""
    upstream.script(
        Script.parse(
            "- {name: a, match: {first: 1}, do: {status: 500}}\n"
            "- {name: b, match: {first: 1}, do: {status: 502}}\n"
        )
    )
    assert await statuses(upstream, 3) == [500, 502, 200]
    assert (await ask(upstream, {"model": "fault/bad_key"}))[0] == 401
    assert [attempt.rule for attempt in upstream.journal] == ["a", "b", None, None]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b", "a script is a list of rules"),
        ("- [", "this is no YAML"),
        ("- {do: {status: 500, status: 503}}", "the key status stands twice; remove one"),
        ("- 5", "rule 1: must be a mapping with name, match, do"),
        ("- {name: x, do: {}, math: {}}", "rule 1 (x), math: is not known; did you mean match?"),
        ("- {match: {first: 0}, do: {}}", "rule 1, match.first: must be 1 or more, not 0"),
        ("- {match: {first: 1.5}, do: {}}", "rule 1, match.first: must be a whole number, not 1.5"),
        ("- {match: {model: 5}, do: {}}", "rule 1, match.model: must be a text, not 5; put it in"),
        ("- {match: {stream: 5}, do: {}}", "rule 1, match.stream: must be true or false, not 5"),
        ("- {match: {after_s: 5, before_s: 5}, do: {}}", "rule 1, match.before_s: must be more"),
        ("- {do: {status: 700}}", "rule 1, do.status: must be 599 or less"),
        ("- {do: {status: true}}", "rule 1, do.status: must be a number, not True"),
        (
            "- {do: {delay_between_s: .inf}}",
            "do.delay_between_s: must be 1,000,000,000 or less",
        ),
        ("- {do: {ending: rest}}", "rule 1, do.ending: rest is not known; did you mean reset?"),
        ("- {do: {recording: none}}", "rule 1, do.recording: none is not known; `weir fake-"),
        ("- {do: {headers: {x: [1]}}}", "rule 1, do.headers.x: must be one line of ASCII"),
        (
            "- {do: {headers: {Content-Length: 1}}}",
            "do.headers.Content-Length: is the server's own",
        ),
        ("- {do: {headers: {content-type: a}}}", "has a key of its own: content_type"),
        ("- {do: {retry_after: [1]}}", "rule 1, do.retry_after: must be seconds, a text, or"),
        ("- {do: {delay_between_s: .nan}}", "rule 1, do.delay_between_s: must be 0 or more"),
        (
            "- {do: {retry_after: {date_in_s: 1.0e+30}}}",
            "do.retry_after.date_in_s: must be 1,000,000",
        ),
        ("- {do: {answer: {words: 10000000000}}}", "do.answer.words: must be 1,000,000 or less"),
        ("- {do: {answer: {text: ''}}}", "do.answer.text: must be a text of at least one char"),
        ('- {do: {answer: {text: "\\uD800"}}}', "do.answer.text: must be a text of at least one"),
        ('- {do: {body: "\\uD800"}}', "rule 1, do.body: must be a mapping, sent as JSON, or a"),
        ("- {do: {body: &b {x: *b}}}", "rule 1, do.body: cannot be sent as JSON (Circular ref"),
        ("- {do: {body: {a: !!binary aGk=}}}", "rule 1, do.body: cannot be sent as JSON"),
        ("- {do: {cut_after_bytes: 2026-99-99}}", "must be a number, not '2026-99-99'"),
        ("- {do: {status: !!timestamp 2026-99-99}}", "this is no YAML that can be read"),
        (f"- {{do: {{status: {'9' * 5000}}}}}", "this is no YAML that can be read"),
        ("[" * 3000, "this is no YAML that can be read"),
        ("- {do: {body: 5}}", "rule 1, do.body: must be a mapping, sent as JSON, or a text"),
        ("- {do: {answer: {words: 1, text: a}}}", "do.answer.text: does not go with words"),
        ("- {do: {fault: stall, body: a}}", "rule 1, do.body: does not go with fault"),
        ("- {do: {no_answer: hang, status: 500}}", "does not go with no_answer hang, which is no"),
        ("- {do: {cut_after_bytes: 1, cut_after_events: 1}}", "does not go with cut_after_bytes"),
        ("- {do: {quota: {limit: 1}}}", "rule 1, do.quota.window_s: is missing; add it"),
        ("- {do: {flapping: {down_s: 1, starts: up}}}", "do.flapping.up_s: is needed where it"),
        ("- {do: {quota: {limit: -1, window_s: 1}}}", "do.quota.limit: must be 0 or more, not -1"),
        ("- {do: {flapping: {down_s: 0}}}", "do.flapping.down_s: must be 0.001 or more, not 0"),
        ("- {do: {? [a] : b}}", "this is no YAML"),
        ("- {do: {drip: 5}}", "rule 1, do.drip: must be a mapping with every_s"),
        ("- {do: {}, name: a}\n- {do: {}, name: a}", "rule 2, name: a is taken; choose another"),
    ],
)
def test_a_wrong_script_says_the_way_out(text: str, problem: str) -> None:
    """Each mistake names the rule, the key and the fix."""
    with pytest.raises(ScriptInvalid) as caught:
        Script.parse(text)
    assert problem in str(caught.value)
