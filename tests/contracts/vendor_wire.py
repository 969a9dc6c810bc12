"""What must every vendor's wire format do with what can be asked, answered and refused?

A format inherits `VendorWireSuite`, records its vendor's words for each ask, answer and error, or
says why there are none, and gets these tests on its first day.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from tests.contracts.answers import ANSWERS, ERRORS, RETRY_AFTER_S, SECRET, Answer
from tests.contracts.asks import ASKS
from tests.contracts.wire_format import TARGET, Decoded, WireFormatSuite, cut, decode
from weir.fold import fold_chat
from weir.v1.content_pb2 import Part
from weir.v1.generation_pb2 import UnsupportedOptionPolicy
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.errors import InvalidRequest, WeirError
from weir_server.core.target import Target
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.upstream import FakeUpstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that the protocol has no words for, so that the request is refused."""

    field: str
    """Path of the field that the error names."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Something the protocol has no words for; the request does without it, and says so.

    said: what the SDK says of the rest.
    """

    field: str
    why: str
    said: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """An answer or an error that this vendor does not give."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One answer in the vendor's words."""

    unary: bytes
    stream: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One error in the vendor's words. Its text holds SECRET."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case names."""


class VendorWireSuite(WireFormatSuite):
    """The promises of a vendor's wire format."""

    target: Target = TARGET
    unary_reply: Behaviour
    """What the loopback server answers the vendor's SDK: any good answer."""
    stream_reply: Behaviour
    """The same as a stream."""

    @abstractmethod
    def asks(self) -> Mapping[str, Any]:
        """Return for each of ASKS what the SDK is told, or Refused or Dropped."""

    @abstractmethod
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        """Let the vendor's SDK ask a server on loopback, and read its answer to the end.

        said: what `asks` has. url: the server's origin, such as `http://127.0.0.1:4711`.
        """

    @abstractmethod
    def answers(self) -> Mapping[str, Recorded | Never]:
        """Return each of ANSWERS in the vendor's words."""

    @abstractmethod
    def errors(self) -> Mapping[str, Failed | Never]:
        """Return each of ERRORS in the vendor's words."""

    def theirs(self, body: Any) -> Any:
        """Return the SDK's JSON without what only it has to say, such as its telemetry."""
        return body

    @override
    def streams(self) -> Mapping[str, bytes]:
        """Every recorded answer is a good stream."""
        return {
            name: recorded.stream
            for name, recorded in self.answers().items()
            if isinstance(recorded, Recorded)
        }

    def _whole(self, body: bytes) -> Decoded:
        return decode(self.wire().decoder(ChatRequest(), self.target, stream=False), [body])

    # --- What is asked ----------------------------------------------------------------------------

    def test_nothing_is_left_out(self) -> None:
        """Each ask, answer and error has the vendor's words, or a reason why there are none."""
        assert set(self.asks()) == set(ASKS)
        assert set(self.answers()) == set(ANSWERS)
        assert set(self.errors()) == set(ERRORS)

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
    @pytest.mark.parametrize("name", ASKS)
    async def test_a_request_is_the_sdks_own(self, name: str, stream: bool) -> None:
        """The JSON and the path are those that the vendor's SDK sends for the same intent."""
        said = self.asks()[name]
        if isinstance(said, Refused):
            self._refuses(name, said, stream=stream)
            return
        request = _copy(ASKS[name])
        before = request.SerializeToString(deterministic=True)
        if isinstance(said, Dropped):
            said = self._drops(name, said, stream=stream)
            request.options.unsupported_option_policy = (
                UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
            )
            before = request.SerializeToString(deterministic=True)
        async with FakeUpstream(self.stream_reply if stream else self.unary_reply) as upstream:
            await self.sdk_says(said, upstream.origin, stream=stream)
            theirs = upstream.journal[-1]
        ours = self.wire().encode(request, self.target, stream=stream)
        assert json.loads(ours.body) == self.theirs(theirs.json)
        path, _, query = ours.path.partition("?")
        assert theirs.path.endswith(path)
        assert query in ("", theirs.query)
        assert theirs.method == ours.method
        assert request.SerializeToString(deterministic=True) == before

    def _refuses(self, name: str, refused: Refused, *, stream: bool) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            self.wire().encode(ASKS[name], self.target, stream=stream)
        assert refused.field in [violation.field for violation in refusal.value.violations]

    def _drops(self, name: str, dropped: Dropped, *, stream: bool) -> Any:
        request = _copy(ASKS[name])
        request.options.unsupported_option_policy = (
            UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
        )
        ours = self.wire().encode(request, self.target, stream=stream)
        assert dropped.field in [warning.field for warning in ours.warnings]
        return dropped.said

    # --- What is answered -------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ANSWERS)
    def test_a_whole_answer_means(self, name: str) -> None:
        """A whole answer says what was meant, with the reason it ended for and its tokens."""
        recorded = self.answers()[name]
        if isinstance(recorded, Recorded):
            assert_means(ANSWERS[name], self._whole(recorded.unary))

    @pytest.mark.parametrize("name", ANSWERS)
    def test_a_streamed_answer_means(self, name: str) -> None:
        """A stream says the same."""
        recorded = self.answers()[name]
        if isinstance(recorded, Recorded):
            assert_means(ANSWERS[name], self._decode([recorded.stream]))

    @pytest.mark.parametrize("name", ANSWERS)
    def test_a_stream_folds_to_the_whole_answer(self, name: str) -> None:
        """Part by part, states and all: what a stream adds up to is what the unary call gets."""
        recorded = self.answers()[name]
        if isinstance(recorded, Recorded):
            whole, streamed = (
                _comparable(fold_chat(decoded.events, numbered=False))
                for decoded in (self._whole(recorded.unary), self._decode([recorded.stream]))
            )
            assert streamed == whole

    # --- What fails -------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ERRORS)
    def test_an_error_means(self, name: str) -> None:
        """An error has its reason and the wait that was asked for, and no text of the vendor's."""
        failed = self.errors()[name]
        if isinstance(failed, Never):
            return
        error = self.wire().explain(failed.status, failed.headers, failed.body)
        assert type(error) is ERRORS[name]
        if name == "rate limit":
            assert error.retry_after_s == RETRY_AFTER_S
        _says_nothing_secret(error)

    @pytest.mark.parametrize("name", ERRORS)
    def test_half_an_error_is_an_error(self, name: str) -> None:
        """A body that is cut, empty or of another kind explains itself by its status."""
        failed = self.errors()[name]
        if isinstance(failed, Never):
            return
        for body in (
            b"",
            failed.body[: len(failed.body) // 2],
            b"<html>busy</html>",
            b"[]",
            b"null",
        ):
            error = self.wire().explain(failed.status, failed.headers, body)
            assert isinstance(error, WeirError)
            _says_nothing_secret(error)

    def test_an_error_in_place_of_a_stream_is_no_answer(self) -> None:
        """With status 200 or not, an error's body is never a good answer, however it is cut."""
        for name, failed in self.errors().items():
            if isinstance(failed, Never) or not failed.body:
                continue
            for offset in (len(failed.body) // 2, len(failed.body)):
                decoded = self._decode(
                    cut(failed.body, [offset] if offset < len(failed.body) else [])
                )
                assert not decoded.done, name
                assert decoded.failure is not None
                _says_nothing_secret(decoded.failure)


def assert_means(answer: Answer, decoded: Decoded) -> None:
    """Check that what was decoded says what was meant."""
    assert decoded.failure is None, decoded.failure
    response = fold_chat(decoded.events, numbered=False)
    assert [_plain(part) for part in response.message.parts] == [
        _plain(part) for part in answer.parts
    ]
    assert response.finish_reason == answer.finish_reason
    assert answer.is_usage(response.usage), response.usage
    if answer.matched_stop_sequence is not None:
        told = response.metadata.matched_stop_sequence
        assert told in ("", answer.matched_stop_sequence)


def _copy(request: ChatRequest) -> ChatRequest:
    copy = ChatRequest()
    copy.CopyFrom(request)
    return copy


def _plain(part: Part) -> Part:
    """Return a part without what vendors add, and without the identity of a call."""
    plain = Part()
    plain.CopyFrom(part)
    plain.ClearField("provider_state")
    plain.ClearField("citations")
    if plain.HasField("tool_call"):
        assert plain.tool_call.id
        plain.tool_call.id = ""
        # Whitespace and escapes are the vendor's own; the value counts.
        arguments = json.loads(plain.tool_call.arguments_json)
        plain.tool_call.arguments_json = json.dumps(arguments, sort_keys=True)
    return plain


def _comparable(response: ChatResponse) -> ChatResponse:
    """Return an answer without identities that Weir makes up, of which each answer has its own."""
    for part in response.message.parts:
        if part.HasField("tool_call"):
            arguments = json.loads(part.tool_call.arguments_json)
            part.tool_call.arguments_json = json.dumps(arguments, sort_keys=True)
    return response


def _says_nothing_secret(error: WeirError) -> None:
    said = f"{error} {error.metadata} {getattr(error, 'violations', '')}"
    assert SECRET not in said
