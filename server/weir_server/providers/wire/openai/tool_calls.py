"""Which tool call does a fragment belong to? Vendors answer with an index, an id, or nothing."""

from weir_server.providers.wire.openai.extras import state_of_call
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import Function, ToolCall
from weir_server.providers.wire.parts import OpenCall, PartWriter
from weir_server.providers.wire.state import sealed

CUSTOM = sealed("openai.custom", b"{}")
"""The state of a call whose tool takes text as it is; every vendor of this protocol knows such."""
_CALL_OVERHEAD_CHARS = 256


class _Call:
    """A tool call as far as it is known; no part of it is said before its name is."""

    __slots__ = ("call_id", "held", "name", "part", "state")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.name = ""
        self.held: list[str] = []
        self.part: OpenCall | None = None
        self.state = b""
        """What the vendor wants back with it."""


class ToolCalls:
    """Sorts the fragments of one answer's tool calls and writes them as parts."""

    __slots__ = (
        "_by_index",
        "_latest",
        "_quirks",
        "_response_id",
        "_started",
        "_stateful",
        "_waiting",
        "_writer",
    )

    def __init__(self, writer: PartWriter, quirks: Quirks) -> None:
        self._writer = writer
        self._quirks = quirks
        self._stateful: list[_Call] = []
        """Calls with something that the vendor wants back."""
        self._by_index: dict[int, _Call] = {}
        self._latest: _Call | None = None
        self._waiting: dict[_Call, None] = {}
        """Calls without a name so far, in order."""
        self._started = 0
        self._response_id = ""

    @property
    def waiting(self) -> bool:
        """Whether there are calls that nothing has been written of."""
        return bool(self._waiting)

    def take(self, fragments: list[ToolCall], *, response_id: str) -> None:
        """Write these fragments. `response_id` makes ids for calls that come without one."""
        self._response_id = response_id
        for fragment in fragments:
            call = self._call_of(fragment)
            if fragment.extra_content is not None and not call.state:
                call.state = state_of_call(fragment.extra_content, self._quirks)
                if call.state:
                    self._stateful.append(call)
            custom = fragment.custom
            if custom is not None:
                if not call.state:
                    call.state = CUSTOM
                    self._stateful.append(call)
                self._add(call, Function(name=custom.name, arguments=custom.input))
            self._add(call, fragment.function)

    def take_function(self, function: Function, *, response_id: str) -> None:
        """Write a fragment of the one call of older servers, which has neither index nor id."""
        self.take([ToolCall(index=-1, function=function)], response_id=response_id)

    def close(self) -> None:
        """Begin the calls that never got a name, and end those with a state."""
        for call in self._waiting:
            self._start(call)
        self._waiting.clear()
        for call in self._stateful:
            if call.part is not None:
                self._writer.close_call(call.part, state=call.state)
        self._stateful.clear()

    def _call_of(self, fragment: ToolCall) -> _Call:
        index = fragment.index
        call = self._latest if index is None else self._by_index.get(index)
        # Gemini gives every call of a turn the index 0; a new id is what tells them apart.
        if call is None or (fragment.id and call.call_id and fragment.id != call.call_id):
            call = _Call(fragment.id or "")
            self._waiting[call] = None
            self._writer.held_chars += _CALL_OVERHEAD_CHARS
            if index is not None:
                self._by_index[index] = call
        elif fragment.id and call.part is None:
            call.call_id = fragment.id
        self._latest = call
        return call

    def _add(self, call: _Call, function: Function | None) -> None:
        if function is None:
            return
        if function.name and not call.name:
            call.name = function.name
            del self._waiting[call]
            self._start(call)
        if function.arguments:
            if call.part is None:
                call.held.append(function.arguments)
                self._writer.held_chars += len(function.arguments)
            else:
                self._writer.arguments(call.part, function.arguments)

    def _start(self, call: _Call) -> None:
        # The contract promises an id; one made from the answer's own is unique in a conversation.
        call_id = call.call_id or f"call_{self._response_id}_{self._started}"
        self._started += 1
        call.part = self._writer.open_call(call_id, call.name)
        for fragment in call.held:
            self._writer.arguments(call.part, fragment)
        call.held.clear()
