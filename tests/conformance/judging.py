"""Did a client show what it should, and did the server see it? Complaints; none is a pass."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from tests.conformance.driving import Shown
from weir.v1.error_pb2 import Attempt
from weir.v1.provider_service_pb2 import ChatResponse, CompleteResponse
from weir.v1.usage_pb2 import TokenUsage
from weir_server.conformance.scenario import Scenario
from weir_server.conformance.steps import Send

Fields = Mapping[str, Any]
BRIEF_CHARS = 300
EXIT_WITHIN_MS = 2000


def complaints(
    scenario: Scenario, fields: Fields, shown: Shown, rows: Sequence[Fields]
) -> list[str]:
    """Return what is wrong with what a client showed and the server saw."""
    line = shown.line
    if line is None:
        return [shown.trouble]
    try:
        return [
            *_of_answer(scenario, fields, line),
            *_of_exit(fields, shown),
            *_of_journal(fields.get("journal", {}), rows),
        ]
    except (json_format.ParseError, KeyError, TypeError, ValueError, AttributeError) as fault:
        return [f"the line cannot be read: {type(fault).__name__}: {_brief(str(fault))}"]


def _of_answer(scenario: Scenario, fields: Fields, line: Fields) -> Iterator[str]:
    shows = fields.get("shows", {})
    if fields.get("client", {}).get("do", "call") != "call":
        return
    yield from _of_messages(scenario, fields, line.get("messages", []))
    yield from _of_fold(scenario, shows.get("folded"), line.get("folded"))
    yield from _of_error(shows.get("error"), line.get("error"))
    headers = line.get("headers")
    for name, value in shows.get("headers", {}).items():
        # A client whose calls show no headers leaves them all out.
        if headers is not None and headers.get(name) != value:
            yield f"header {name} is {headers.get(name)!r}, not {value!r}"
    within_ms = shows.get("within_ms")
    if within_ms is not None and line["elapsed_ms"] > within_ms:
        yield f"it took {line['elapsed_ms']} ms, more than {within_ms}"


def _of_messages(scenario: Scenario, fields: Fields, messages: Sequence[Any]) -> Iterator[str]:
    response = scenario.method.response
    bounds = fields.get("shows", {}).get("messages", {})
    total = _sent_count(scenario, fields)
    least = bounds.get("at_least", 0 if bounds else total)
    most = bounds.get("at_most", total)
    if not least <= len(messages) <= most:
        yield f"it shows {len(messages)} messages, not {least} to {most}"
        return
    # Messages first: a server may have more to send than was ever read.
    for index, (given, due) in enumerate(zip(messages, _sent(scenario, fields))):
        if _parsed(given, response) != due:
            yield f"message {index} is {_brief(given)}, not {_brief(due)}"


def _sent_count(scenario: Scenario, fields: Fields) -> int:
    told = fields.get("shows", {}).get("sent")
    return sum(step.times for step in _sends(scenario, fields)) if told is None else len(told)


def _sent(scenario: Scenario, fields: Fields) -> Iterator[Any]:
    """Give the messages that the client must have got, as far as it read."""
    response = scenario.method.response
    told = fields.get("shows", {}).get("sent")
    if told is not None:
        yield from (_parsed(each, response) for each in told)
        return
    for step in _sends(scenario, fields):
        for payload in step.payloads():
            yield json_format.MessageToDict(response.FromString(payload))


def _sends(scenario: Scenario, fields: Fields) -> Iterator[Send]:
    """Give the sends of the last attempt that the server has to play."""
    number = fields.get("journal", {}).get("attempts") or len(scenario.attempts)
    yield from (step for step in scenario.attempt(number) if isinstance(step, Send))


def _of_fold(scenario: Scenario, due: Any, given: Any) -> Iterator[str]:
    if due is None or given is None:
        if due is not given:
            yield f"folded is {_brief(given)}, not {_brief(due)}"
        return
    response: type[Message] = ChatResponse
    if scenario.method.name.endswith("StreamComplete"):
        response = CompleteResponse
    given, due = _parsed(given, response), _parsed(due, response)
    if given != due:
        yield f"folded is {_brief(given)}, not {_brief(due)}"


_AS_MESSAGES: Mapping[str, type[Message]] = {"usage": TokenUsage, "attempts": Attempt}


def _of_error(due: Any, given: Any) -> Iterator[str]:
    if due == "any":
        return
    if due is None or given is None:
        if due is not given:
            yield f"error is {_brief(given)}, not {_brief(due)}"
        return
    for name, value in due.items():
        if name == "codes":
            if given["code"] not in value:
                yield f"error.code is {given['code']}, none of {', '.join(value)}"
            continue
        if name == "kind":
            if _kind(given.get("class", "")) != _kind(value):
                yield f"error.class is {given.get('class')!r}, which is no {value}"
            continue
        shown = given.get(name)
        if name in _AS_MESSAGES:
            shown, value = _normal(shown, _AS_MESSAGES[name]), _normal(value, _AS_MESSAGES[name])
        if shown != value:
            yield f"error.{name} is {_brief(shown)}, not {_brief(value)}"


def _kind(name: str) -> str:
    """Return a name of a class or a kind without what is a language's own way to write it."""
    letters = "".join(each for each in name.rpartition(".")[2].lower() if each.isalnum())
    for affix in ("exception", "error", "kind", "code"):
        letters = letters.removesuffix(affix).removeprefix(affix)
    return letters.removeprefix("call")


def _of_exit(fields: Fields, shown: Shown) -> Iterator[str]:
    if shown.exited_after_ms is None:
        return
    if shown.exit_code != 0:
        yield f"its process ended with {shown.exit_code}"
    is_exit = fields.get("client", {}).get("do") == "exit_with_open_stream"
    if is_exit and shown.exited_after_ms > EXIT_WITHIN_MS:
        yield f"its process lived on for {shown.exited_after_ms:.0f} ms"


def _of_journal(due: Fields, rows: Sequence[Fields]) -> Iterator[str]:
    attempts = due.get("attempts")
    if attempts is not None and len(rows) != attempts:
        yield f"the server saw {len(rows)} attempts, not {attempts}"
    if not rows:
        if attempts is None and not due.get("optional"):
            yield "the server saw no attempt"
        return
    if not all(row["golden_request"] for row in rows):
        yield "the request was not the golden one"
    last = rows[-1]
    outcomes = due.get("outcome", last["outcome"])
    if last["outcome"] not in ([outcomes] if isinstance(outcomes, str) else outcomes):
        yield f"the server saw it {last['outcome']}, not {outcomes}"
    lasted_ms = due.get("lasted_within_ms")
    if lasted_ms is not None and last["lasted_ms"] > lasted_ms:
        yield f"on the server it lasted {last['lasted_ms']} ms, more than {lasted_ms}"
    yield from _of_deadline(due, last)
    if last["longest_send_ms"] < due.get("held_back_ms", 0):
        yield f"the server was never held back longer than {last['longest_send_ms']} ms"
    yield from _of_gaps(due.get("apart_ms", 0), rows)
    yield from _of_metadata(due, rows[0])


def _of_deadline(due: Fields, row: Fields) -> Iterator[str]:
    bounds = due.get("time_remaining_ms")
    if bounds is None:
        return
    given_ms = row["time_remaining_ms"]
    # A client may round up to what the wire can say.
    if given_ms is None or not bounds[0] <= given_ms <= bounds[1] + 1000:
        yield f"the call had {given_ms} ms left, not {bounds[0]} to {bounds[1]}"


def _of_gaps(least_ms: float, rows: Sequence[Fields]) -> Iterator[str]:
    for before, after in pairwise(rows):
        gap_ms = after["began_ms"] - before["began_ms"] - before["lasted_ms"]
        if gap_ms < least_ms:
            yield f"attempt {after['attempt']} came {gap_ms:.0f} ms after the one before it"


def _of_metadata(due: Fields, row: Fields) -> Iterator[str]:
    pairs = [tuple(pair) for pair in row["metadata"]]
    for name, value in due.get("metadata", {}).items():
        if pairs.count((name, value)) != 1:
            given = [told for key, told in pairs if key == name]
            yield f"metadata {name} is {_brief(given)}, not {_brief(value)}"
    names = {name for name, _ in pairs}
    for name in due.get("metadata_names", ()):
        if name not in names:
            yield f"metadata {name} is missing"


def _parsed(value: Any, message: type[Message]) -> Any:
    return json_format.MessageToDict(json_format.ParseDict(value, message()))


def _normal(value: Any, message: type[Message]) -> Any:
    if isinstance(value, list):
        return [_parsed(each, message) for each in value]
    return None if value is None else _parsed(value, message)


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= BRIEF_CHARS else f"{text[:BRIEF_CHARS]}…"
