"""How is a scenario played? As its call asks for it by name, attempt by attempt, on the real wire.

Failures become statuses by `transport.status`, as those of the real server do, so that what a
client decodes here is what it will meet there.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError

from weir.v1.error_pb2 import FieldViolation
from weir_server.conformance.journal import Entry, Journal
from weir_server.conformance.methods import ScriptedMethod
from weir_server.conformance.scenario import Scenario
from weir_server.conformance.steps import BareStatus, Fail, Send, Step, Wait
from weir_server.core.errors import ApiKeyInvalid, InternalError, InvalidRequest, WeirError
from weir_server.transport.exchange import CallerGone, Exchange, Finish, Metadata
from weir_server.transport.facts import CONTRACT_VERSION
from weir_server.transport.status import failed

SCENARIO = "weir-conformance-scenario"
CALL = "weir-conformance-call"
SILENCE_MAX_S = 60.0
"""A caller that neither leaves nor has a deadline is answered after this long, with INTERNAL."""


class Player:
    """Plays to one port what calls ask for."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        *,
        port: str,
        journal: Journal,
        attempts: Counter[tuple[str, str]],
    ) -> None:
        """`attempts`: how often a call of this name was seen; ports share it."""
        self._scenarios = scenarios
        self._port = port
        self._journal = journal
        self._attempts = attempts

    async def serve(self, method: ScriptedMethod, exchange: Exchange, payload: bytes) -> Finish:
        """Play one attempt; raises CancelledError when the caller left."""
        metadata = exchange.metadata()
        said = {name: value for name, value in metadata if isinstance(value, str)}
        name, call = said.get(SCENARIO, ""), said.get(CALL, "")
        self._attempts[call, name] += 1
        entry = Entry(
            call=call,
            scenario=name,
            attempt=self._attempts[call, name],
            method=method.name,
            port=self._port,
            metadata=metadata,
            time_remaining_s=exchange.time_remaining_s(),
            began_at_s=time.monotonic(),
        )
        request_id = said.get("weir-request-id") or f"req_{call}"
        attempt = _Attempt(exchange, entry, request_id, streaming=method.streaming)
        try:
            scenario = self._scenario(name, method, said)
            entry.golden_request = _is_golden(scenario, payload)
            if scenario.key and said.get("authorization") != f"Bearer {scenario.key}":
                raise ApiKeyInvalid
            finish = await attempt.play(scenario.attempt(entry.attempt))
        except WeirError as refusal:
            finish = attempt.refused(refusal)
        except (asyncio.CancelledError, CallerGone):
            remaining_s = exchange.time_remaining_s()
            over = remaining_s is not None and remaining_s <= 0
            entry.outcome = "deadline" if over else "cancelled"
            raise asyncio.CancelledError from None
        finally:
            self._journal.write(entry)
        return finish

    def _scenario(self, name: str, method: ScriptedMethod, said: Mapping[str, str]) -> Scenario:
        scenario = self._scenarios.get(name)
        if scenario is None:
            raise _unusable(f"name a scenario of the golden files; {name or 'nothing'} is none")
        if scenario.method.path != method.path:
            raise _unusable(f"{name} is a scenario of {scenario.method.name}; call that")
        return scenario


class _Attempt:
    """One attempt of a call, as it is played."""

    def __init__(
        self, exchange: Exchange, entry: Entry, request_id: str, *, streaming: bool
    ) -> None:
        self._streaming = streaming
        self._exchange = exchange
        self._entry = entry
        self._headers: Metadata = (
            ("weir-request-id", request_id),
            ("weir-contract-version", CONTRACT_VERSION),
        )
        self._trailers = [("weir-request-id", request_id), ("weir-response-id", "resp_golden")]

    async def play(self, steps: Sequence[Step]) -> Finish:
        """Do the steps and say how the RPC ends."""
        unary_reply = b""
        for step in steps:
            match step:
                case Send() if self._streaming:
                    for payload in step.payloads():
                        await self._send(payload)
                case Send():
                    unary_reply = next(step.payloads())
                    await self._exchange.send_headers(self._headers)
                    self._entry.messages_sent = 1
                case Wait(seconds=None):
                    await asyncio.sleep(SILENCE_MAX_S)
                    raise InternalError
                case Wait(seconds=float(seconds)):
                    await asyncio.sleep(seconds)
                case Fail():
                    return self._failed(step)
                case BareStatus(code=code, message=message):
                    self._entry.outcome, self._entry.code = "failed", code
                    return Finish(code=code, message=message)
        return Finish(code=0, trailers=self._trailers, reply=unary_reply)

    def refused(self, error: WeirError) -> Finish:
        """Say how an RPC ends that no script foresaw."""
        return self._finish(failed(error, trailers=self._trailers, response_id="resp_golden"))

    def _failed(self, step: Fail) -> Finish:
        finish = failed(
            step.raised(),
            trailers=self._trailers,
            response_id="resp_golden",
            last_sequence=step.last_sequence,
            attempts=step.attempts,
        )
        return self._finish(finish)

    def _finish(self, finish: Finish) -> Finish:
        self._entry.outcome, self._entry.code = "failed", finish.code
        return finish

    async def _send(self, message: bytes) -> None:
        if not self._entry.messages_sent:
            await self._exchange.send_headers(self._headers)
        began_at_s = time.monotonic()
        try:
            await self._exchange.send(message)
        finally:  # the longest wait may be one that the caller ended by leaving
            waited_s = time.monotonic() - began_at_s
            self._entry.longest_send_s = max(self._entry.longest_send_s, waited_s)
        self._entry.messages_sent += 1


def _is_golden(scenario: Scenario, payload: bytes) -> bool:
    try:
        return scenario.method.request.FromString(payload) == scenario.request
    except DecodeError:
        return False


def _unusable(what: str) -> InvalidRequest:
    violation = FieldViolation(field=f"metadata[{SCENARIO}]", rule="METADATA", description=what)
    return InvalidRequest(violations=[violation])
