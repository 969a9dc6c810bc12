"""What does a person, and what does a program, get from chat and complete?"""

import json
import subprocess

from google.protobuf.json_format import Parse

import weir
from tests.cli.command import WEIR, Serving, environment_of, script
from weir.v1.generation_pb2 import GenerationEvent


def test_answer_alone_is_on_standard_output(server: Serving) -> None:
    """What can be piped on is the answer and one line end; the facts are beside it."""
    done = server.ask("chat", "hello  there\nyou")

    assert (done.code, done.out) == (0, "hello  there\nyou\n")
    assert "stop · 3 + 3 tokens, counted by the provider" in done.err
    assert "first token" in done.err
    assert "total" in done.err


def test_quiet_leaves_the_facts_out(server: Serving) -> None:
    """--quiet prints the answer and nothing else."""
    done = server.ask("chat", "--quiet", "hello")

    assert (done.code, done.out, done.err) == (0, "hello\n", "")


def test_json_is_one_event_a_line(server: Serving) -> None:
    """--json gives the contract's events, which any program can fold into the answer."""
    done = server.ask("chat", "--json", "grüße, you")

    events = [Parse(line, GenerationEvent()) for line in done.out.splitlines()]
    folded = weir.fold_chat(events)
    assert folded.message.parts[0].text == "grüße, you"
    assert folded.usage.total_tokens == 4
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["sequence"] for line in lines] == [str(number) for number in range(len(lines))]
    assert "index" not in lines[1]["part_start"]
    assert set(json.loads(done.out.splitlines()[-1])["end"]) == {
        "finish_reason",
        "usage",
        "metadata",
    }
    assert done.err == ""


def test_piped_text_is_the_prompt(server: Serving) -> None:
    """Without a prompt standard input is read to its end."""
    done = server.ask("chat", stdin="from a pipe\n")

    assert (done.code, done.out) == (0, "from a pipe\n")


def test_a_named_question_is_answered_once(server: Serving) -> None:
    """Asked again by its key it gives the same answer, and says that it was given before."""
    first, again = (
        server.ask("chat", "--json", "hello", "--idempotency-key", "q-1") for _ in range(2)
    )

    ends = [
        Parse(done.out.splitlines()[-1], GenerationEvent()).end.metadata for done in (first, again)
    ]
    assert ends[0].response_id == ends[1].response_id
    assert [dict(end.attributes).get("replayed") for end in ends] == [None, "true"]


def test_a_key_that_cannot_be_sent(server: Serving) -> None:
    """It is refused before anything is sent, with what a key looks like."""
    done = server.ask("chat", "hello", "--idempotency-key", "q 1")

    assert (done.code, done.out) == (2, "")
    assert "1 to 64 visible ASCII characters" in done.err


def test_options_reach_the_model(server: Serving) -> None:
    """System text, maximum and model are what the server gets."""
    done = server.ask(
        "chat", "a b c", "--system", "be brief", "--max-tokens", "2", "--model", "parrot"
    )

    assert (done.code, done.out) == (0, "a b\n")
    assert "max tokens · 5 + 2 tokens" in done.err


def test_every_kind_of_part_is_shown(server: Serving) -> None:
    """Reasoning, text, a refusal and a tool call with its arguments each have a line."""
    done = server.ask(
        "chat",
        script(
            {"reasoning": "let me see"},
            {"text": "I call"},
            {"refusal": "not that"},
            {"tool_call": {"name": "get_weather", "arguments_json": '{"city": "Ulm"}'}},
        ),
    )

    assert done.out.splitlines() == [
        "let me see",
        "I call",
        "not that",
        'get_weather({"city": "Ulm"})',
    ]


def test_failure_keeps_what_was_said(server: Serving) -> None:
    """What came before a failure stays on standard output, ended by a line end."""
    done = server.ask("chat", script({"text": "half an"}, {"fail": "UPSTREAM_STREAM_BROKEN"}))

    assert (done.code, done.out) == (16, "half an\n")
    assert "UPSTREAM_STREAM_BROKEN, ABORTED" in done.err


def test_complete_goes_on_from_a_text(server: Serving) -> None:
    """`complete` streams text and facts like `chat`, as JSON too."""
    done = server.ask("complete", "Once upon", "--max-tokens", "1")
    as_json = server.ask("complete", "Once upon", "--json")

    assert (done.code, done.out) == (0, "Once\n")
    assert "max tokens · 2 + 1 tokens" in done.err
    events = [Parse(line, GenerationEvent()) for line in as_json.out.splitlines()]
    assert weir.fold_complete(events).text == "Once upon"


def test_control_characters_pass_a_pipe_unchanged(server: Serving) -> None:
    """A program gets the very text of the answer."""
    done = server.ask("chat", "a\x1b[31mb")

    assert done.out == "a\x1b[31mb\n"


def test_reader_that_stops_reading(server: Serving) -> None:
    """`weir chat … | head` ends without a word, like any other program of a pipe."""
    process = subprocess.Popen(
        (*WEIR, "chat", script({"text": "again ", "times": 200_000}), "-a", server.address),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment_of(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(100)
    process.stdout.close()

    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
