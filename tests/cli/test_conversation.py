"""Does a conversation at the terminal remember, stop when told, and go on after a failure?"""

from tests.cli.command import Serving, script
from tests.cli.pseudo_terminal import CTRL_C, CTRL_D, at_a_terminal

PROMPT = "you> "


def test_conversation_remembers_until_it_begins_anew(server: Serving) -> None:
    """Each question carries what was said before; /new forgets it; Ctrl-D leaves with 0."""
    with at_a_terminal("chat", "--address", server.address) as screen:
        screen.read_until(PROMPT)
        screen.type("one\r")
        first = screen.read_until(PROMPT)
        screen.type("two\r")
        second = screen.read_until(PROMPT)
        screen.type("/new\r")
        screen.read_until(PROMPT)
        screen.type("three\r")
        third = screen.read_until(PROMPT)
        screen.type(CTRL_D)

        assert screen.wait() == 0
    assert "stop · 1 + 1 tokens" in first
    assert "stop · 3 + 1 tokens" in second
    assert "stop · 1 + 1 tokens" in third


def test_ctrl_c_ends_the_answer_only(server: Serving) -> None:
    """The current answer ends, what it had said is remembered, the next question is answered."""
    with at_a_terminal("chat", "--address", server.address) as screen:
        screen.read_until(PROMPT)
        screen.type(script({"text": "begun"}, {"hang": True}) + "\r")
        screen.read_until("\nbegun")
        screen.type(CTRL_C)
        screen.read_until("(ended by you)")
        screen.read_until(PROMPT)
        screen.type("next\r")
        after = screen.read_until(PROMPT)
        screen.type(CTRL_D)

        assert screen.wait() == 0
    assert "stop · 7 + 1 tokens" in after, "five words of the script, the answer's one, and next"
    cancelled = [line["code"] for line in server.events("rpc")]
    assert "CANCELLED" in cancelled


def test_ctrl_c_at_the_prompt_does_not_leave(server: Serving) -> None:
    """A half-typed line is dropped, and the way out is told."""
    with at_a_terminal("chat", "--address", server.address) as screen:
        screen.read_until(PROMPT)
        screen.type("half")
        screen.read_until("half")
        screen.type(CTRL_C)
        screen.read_until("Ctrl-D leaves.")
        screen.read_until(PROMPT)
        screen.type(CTRL_D)

        assert screen.wait() == 0


def test_failure_is_told_and_the_conversation_goes_on(server: Serving) -> None:
    """A failed answer is not remembered; leaving after one has its exit code."""
    with at_a_terminal("chat", "--address", server.address) as screen:
        screen.read_until(PROMPT)
        screen.type(script({"fail": "UPSTREAM_OVERLOADED"}) + "\r")
        screen.read_until("another model.")
        screen.read_until(PROMPT)
        screen.type("one\r")
        after = screen.read_until(PROMPT)
        screen.type(script({"fail": "UPSTREAM_OVERLOADED"}) + "\r")
        screen.read_until("another model.")
        screen.read_until(PROMPT)
        screen.type(CTRL_D)

        assert screen.wait() == 10
    assert "stop · 1 + 1 tokens" in after


def test_ctrl_c_ends_a_single_question(server: Serving) -> None:
    """Without a conversation Ctrl-C is exit code 130, and no traceback."""
    prompt = script({"text": "begun"}, {"hang": True})
    with at_a_terminal("chat", prompt, "--address", server.address) as screen:
        screen.read_until("begun")
        screen.type(CTRL_C)

        assert screen.wait() == 130
        assert "Traceback" not in screen.seen


def test_control_characters_are_shown_not_obeyed(server: Serving) -> None:
    """A model cannot colour, move or rename the reader's terminal."""
    with at_a_terminal("chat", "a\x1b]0;owned\x07b", "--address", server.address) as screen:
        screen.wait()

    assert "a\\x1b]0;owned\\x07b" in screen.seen
    assert "\x1b]0;owned" not in screen.seen


def test_models_at_a_terminal_have_a_frame(server: Serving) -> None:
    """People see a framed table."""
    with at_a_terminal("models", "--address", server.address) as screen:
        assert screen.wait() == 0

    assert "╭" in screen.seen


def test_watch_prints_each_change(server: Serving) -> None:
    """`health --watch` goes on until Ctrl-C."""
    with at_a_terminal("health", "--watch", "--address", server.address) as screen:
        screen.read_until("SERVING")
        screen.type(CTRL_C)

        assert screen.wait() == 130
        assert "Traceback" not in screen.seen
