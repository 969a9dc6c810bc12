"""How does an answer appear? Piece by piece as it comes, then one line of facts."""

import json
import time
from collections.abc import Callable
from typing import Self

from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.message import Message

from weir.v1.content_pb2 import Part
from weir.v1.generation_pb2 import FinishReason, GenerationEvent, StreamEnd
from weir.v1.usage_pb2 import Cost, TokenUsage, UsageSource
from weir_server.cli.options import Wanted
from weir_server.cli.terminal import Terminal

_NANOS = 1_000_000_000
_STYLES = {"text": "", "reasoning": "dim italic", "refusal": "yellow"}
_SOURCES = {
    UsageSource.USAGE_SOURCE_PROVIDER: "the provider",
    UsageSource.USAGE_SOURCE_ESTIMATED: "Weir, as an estimate",
    UsageSource.USAGE_SOURCE_PARTIAL: "Weir, until the cut",
}


class AnswerView:
    """Shows one answer. Give it every event, then call `finish`.

    text: what the answer has said so far, without reasoning and refusals.
    """

    def __init__(
        self,
        terminal: Terminal,
        *,
        as_json: bool = False,
        quiet: bool = False,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._terminal = terminal
        self._as_json = as_json
        self._quiet = quiet
        self._clock_s = clock_s
        self._begun_s = clock_s()
        self._kinds: dict[int, str] = {}
        self._at_line_start = True
        self._index = 0
        self.text = ""
        self.first_token_s: float | None = None
        """From the call to the first piece of the answer, as seen from here."""
        self.total_s = 0.0
        """From the call to its end, as seen from here."""
        self.end: StreamEnd | None = None

    @classmethod
    def of(cls, wanted: Wanted, terminal: Terminal) -> Self:
        """Return a view that shows what is wanted."""
        return cls(terminal, as_json=wanted.as_json, quiet=wanted.quiet)

    def take(self, event: GenerationEvent) -> None:
        """Show an event."""
        kind = event.WhichOneof("event")
        if kind == "part_start":
            self._kinds[event.part_start.index] = event.part_start.part.WhichOneof("kind") or ""
        elif kind == "part_delta" and self.first_token_s is None:
            self.first_token_s = self._clock_s() - self._begun_s
        elif kind == "end":
            self.total_s = self._clock_s() - self._begun_s
            self.end = event.end
        if self._as_json:
            self._terminal.line(event_line(event))
        elif kind == "part_start":
            self._show(event.part_start.index, event.part_start.part.text)
        elif kind == "part_delta":
            self._show(event.part_delta.index, event.part_delta.text)
        elif kind == "part_end":
            self._show_call(event.part_end.part)
        elif kind == "warning":
            self._break_line()
            self._terminal.say(f"warning: {event.warning.message}", "yellow")

    def finish(self) -> None:
        """End the answer's last line, whether it is whole or not; add the facts of a whole one."""
        self._break_line()
        if self.end is None or self.end.HasField("error") or self._as_json or self._quiet:
            return
        for warning in self.end.metadata.warnings:
            self._terminal.say(f"warning: {warning.message}", "yellow")
        self._terminal.say(self.facts(), "dim")

    def facts(self) -> str:
        """Return why the answer ended, what it used and how long it took, in one line."""
        if self.end is None:
            return ""
        facts = [finish_words(self.end.finish_reason), tokens_words(self.end.usage)]
        if self.end.usage.HasField("cost"):
            facts.append(money(self.end.usage.cost))
        if self.first_token_s is not None:
            facts.append(f"first token {self.first_token_s:.2f} s")
        facts.append(f"total {self.total_s:.2f} s")
        return " · ".join(facts)

    def _show(self, index: int, text: str) -> None:
        kind = self._kinds.get(index, "")
        if not text or kind not in _STYLES:
            return
        if index != self._index:
            self._break_line()
        self._index = index
        if kind == "text":
            self.text += text
        self._terminal.answer(text, _STYLES[kind])
        self._at_line_start = text.endswith("\n")

    def _show_call(self, part: Part) -> None:
        if part.WhichOneof("kind") == "tool_call":
            self._break_line()
            call = part.tool_call
            self._terminal.answer(f"{call.name}({call.arguments_json})\n", "cyan")

    def _break_line(self) -> None:
        if not self._at_line_start:
            self._terminal.answer("\n")
            self._at_line_start = True


def as_json_line(message: Message) -> str:
    """Return a message in the JSON of protobuf, in one line, with the contract's own names."""
    return MessageToJson(message, preserving_proto_field_name=True, indent=None, ensure_ascii=False)


def event_line(event: GenerationEvent) -> str:
    """Return an event as `as_json_line` does, its sequence first, and there even where it is 0.

    Protobuf's JSON leaves zeros out; all of them written out would be mostly noise.
    """
    said = MessageToDict(event, preserving_proto_field_name=True)
    # 64-bit numbers are strings in protobuf's JSON.
    return json.dumps({"sequence": str(event.sequence)} | said, ensure_ascii=False)


def finish_words(reason: FinishReason.ValueType) -> str:
    """Return a finish reason such as `max tokens`; a number without a name is `other`."""
    names: dict[int, str] = {number: name for name, number in FinishReason.items()}
    return _words(names.get(reason, "FINISH_REASON_OTHER"), "FINISH_REASON_")


def tokens_words(usage: TokenUsage) -> str:
    """Return how many tokens were used, and who counted them."""
    source = source_words(usage.source)
    return f"{usage.prompt_tokens} + {usage.completion_tokens} tokens, counted by {source}"


def source_words(source: UsageSource.ValueType) -> str:
    """Return who counted the tokens."""
    return _SOURCES.get(source, "nobody")


def money(cost: Cost) -> str:
    """Return a cost such as `0.000123 USD`, exactly."""
    return f"{dollars(cost.total_nanos)} {cost.currency_code}"


def dollars(nanos: int) -> str:
    """Return an amount exactly, with at least two decimals, such as `0.000123` or `1,250.50`."""
    whole, rest = divmod(abs(nanos), _NANOS)
    digits = f"{rest:09d}".rstrip("0").ljust(2, "0")
    sign = "-" if nanos < 0 else ""
    return f"{sign}{whole:,}.{digits}"


def _words(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")
