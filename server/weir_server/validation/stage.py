"""Where does a request first meet its rules? Here; what passes is well formed and can be done."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from copy import deepcopy
from itertools import chain

from typing_extensions import override

from weir.v1.content_pb2 import Modality
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.errors import InvalidRequest, UnsupportedModality
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Target
from weir_server.validation.findings import Findings
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.messages import Conversation
from weir_server.validation.requests import validate_chat, validate_complete, validate_embed
from weir_server.validation.support import (
    Lack,
    lacks_of_conversation,
    lacks_of_options,
    may_drop,
    warning_of,
)

STREAMED = frozenset({"StreamChat", "StreamComplete"})
"""Methods whose message wraps the request: its paths begin with `request.`."""

_NOTHING = Conversation()


class ValidationStage(Handler):
    """Lets well-formed requests through, to models that can do what they ask.

    A stage without work after the request has gone on: it hands out the next stage's own context
    manager, so that batches pass without touching it.
    """

    def __init__(
        self, next_handler: Handler, limits: ValidationLimits, catalogue: Catalogue
    ) -> None:
        self._next = next_handler
        self._limits = limits
        self._catalogue = catalogue

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Check `request` and pass it on; a copy without them where unsupported options drop.

        Raises InvalidRequest or a kind of it that names every field, and what resolving raises.
        """
        prefix = "request." if call.method in STREAMED else ""
        conversation = _NOTHING
        if isinstance(request, ChatRequest):
            conversation = validate_chat(request, self._limits, prefix)
        elif isinstance(request, CompleteRequest):
            validate_complete(request, self._limits, prefix)
        else:
            conversation = validate_embed(request, self._limits)
        targets = self._catalogue.resolve(
            model=request.model, provider=request.provider, operation=call.operation
        )
        if (lacks := _least_lacking(targets, request, conversation)) is not None:
            request = self._without(call, request, targets[0], lacks, prefix)
        return self._next.open(call, request)

    def _without(
        self,
        call: Call,
        request: Request,
        target: Target,
        lacks: Sequence[Lack],
        prefix: str,
    ) -> Request:
        """Return a copy without the options that lack support, or refuse the call."""
        if isinstance(request, EmbedRequest) or not may_drop(request.options):
            raise self._refusal(lacks, target, prefix)
        if fatal := [lack for lack in lacks if not lack.option]:
            raise self._refusal(fatal, target, prefix)
        reduced = deepcopy(request)
        for option in dict.fromkeys(lack.option for lack in lacks):
            reduced.options.ClearField(option)  # type: ignore[arg-type]  # a name from the descriptor
            call.progress.warnings.append(warning_of(option))
        return reduced

    def _refusal(self, lacks: Sequence[Lack], target: Target, prefix: str) -> InvalidRequest:
        findings = Findings(self._limits, prefix)
        for lack in lacks[: self._limits.max_violations - 1]:
            findings.add(lack.field, lack.rule, lack.description, lack.error)
        error = findings.error()
        error.metadata["model"] = target.model
        if isinstance(error, UnsupportedModality):
            error.metadata["modality"] = Modality.Name(lacks[0].modality).removeprefix("MODALITY_")
        return error


def _least_lacking(
    targets: Sequence[Target], request: Request, conversation: Conversation
) -> list[Lack] | None:
    """Return what the first target lacks, or None if some target lacks nothing."""
    first: list[Lack] | None = None
    if not conversation.asks and (
        isinstance(request, EmbedRequest) or not request.HasField("options")
    ):
        return None  # words in, words out: any model can do that
    for target in targets:
        lacks = list(_lacks(request, conversation, target))
        if not lacks:
            return None
        if first is None:
            first = lacks
    return first


def _lacks(request: Request, conversation: Conversation, target: Target) -> Iterator[Lack]:
    from_options: Iterator[Lack] = iter(())
    if not isinstance(request, EmbedRequest) and request.HasField("options"):
        completes = isinstance(request, CompleteRequest)
        from_options = lacks_of_options(request.options, target, completes=completes)
    return chain(from_options, lacks_of_conversation(conversation, target))
