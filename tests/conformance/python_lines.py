"""How does the Python driver read a line, and how does it show what came?"""

import time
from asyncio import Task
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

import weir
from weir._failure import error_from_status
from weir._health import health_status
from weir._status import status_of
from weir.admin.v1 import (
    admin_service_pb2_grpc,
    key_admin_service_pb2_grpc,
    usage_admin_service_pb2_grpc,
)
from weir.v1 import (
    embedding_service_pb2_grpc,
    model_service_pb2_grpc,
    provider_service_pb2_grpc,
    usage_service_pb2_grpc,
)
from weir_server.conformance.methods import scripted_methods

HEALTH = "grpc.health.v1.Health/Check"
_STUBS: dict[str, Any] = {
    "weir.v1.LLMProviderService": provider_service_pb2_grpc.LLMProviderServiceStub,
    "weir.v1.ModelService": model_service_pb2_grpc.ModelServiceStub,
    "weir.v1.EmbeddingService": embedding_service_pb2_grpc.EmbeddingServiceStub,
    "weir.v1.UsageService": usage_service_pb2_grpc.UsageServiceStub,
    "weir.admin.v1.ProviderAdminService": admin_service_pb2_grpc.ProviderAdminServiceStub,
    "weir.admin.v1.KeyAdminService": key_admin_service_pb2_grpc.KeyAdminServiceStub,
    "weir.admin.v1.UsageAdminService": usage_admin_service_pb2_grpc.UsageAdminServiceStub,
}
_HELPERS = {
    "weir.v1.LLMProviderService/Chat": "chat",
    "weir.v1.LLMProviderService/StreamChat": "stream_chat",
    "weir.v1.LLMProviderService/Complete": "complete",
    "weir.v1.LLMProviderService/StreamComplete": "stream_complete",
}
_METHODS = scripted_methods()


class Line:
    """One line of input."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.id = fields["id"]
        self.do = fields.get("do", "call")
        self.method: str = fields.get("method", "")
        self._connection = fields.get("connection", {})
        self._timeout_ms = fields.get("timeout_ms")
        self._metadata = fields.get("metadata", [])
        self.cancel_after_messages = fields.get("cancel_after_messages")
        self.abandon_after_messages = fields.get("abandon_after_messages")
        cancel_after_ms = fields.get("cancel_after_ms")
        self.cancel_after_s = None if cancel_after_ms is None else cancel_after_ms / 1000
        pause = fields.get("pause_after_messages")
        self.pause = None if pause is None else (pause["count"], pause["ms"] / 1000)
        method = _METHODS.get(self.method)
        self.is_streaming = method is not None and method.streaming
        self.helper = _HELPERS.get(self.method)
        self.request: Any = None
        if method is not None:
            self.request = json_format.ParseDict(fields["request"], method.request())

    @property
    def client(self) -> dict[str, Any]:
        """What a client is made with."""
        given = self._connection
        made: dict[str, Any] = {"address": given["target"]}
        if "tls" in given:
            files = {
                name: given["tls"][name] for name in ("ca", "cert", "key") if name in given["tls"]
            }
            made["tls"] = weir.TlsFiles(**files)
        return made | {
            name: given[name] for name in ("api_key", "max_receive_bytes") if name in given
        }

    @property
    def options(self) -> Any:
        """What a call is made with."""
        options: dict[str, Any] = {"metadata": [tuple(pair) for pair in self._metadata]}
        if self._timeout_ms is not None:
            options["timeout_s"] = self._timeout_ms / 1000
        return options

    def helper_arguments(self) -> tuple[dict[str, Any], Any]:
        """The arguments of the client's own method, and the call's options."""
        request, arguments = self.request, {}
        if self.is_streaming:
            if request.HasField("stream_options"):
                arguments["stream_options"] = request.stream_options
            request = request.request
        if request.HasField("options"):
            arguments["options"] = request.options
        for name in ("messages", "prompt", "model", "provider", "conversation"):
            if name in request.DESCRIPTOR.fields_by_name:
                arguments[name] = getattr(request, name)
        return arguments, self.options

    def stub(self, channel: Any) -> Any:
        """The generated method over a channel."""
        service, name = self.method.split("/")
        return getattr(_STUBS[service](channel), name)


class Showing:
    """What came of a call."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._began_at_s = time.monotonic()
        self.messages: list[Message] = []
        self.plain: list[dict[str, Any]] = []
        self.folded: Message | None = None
        self.error: BaseException | None = None
        self.closing: Task[None] | None = None
        """What closes the client while the call runs."""

    def as_json(self) -> dict[str, Any]:
        """The line of output."""
        elapsed_ms = round((time.monotonic() - self._began_at_s) * 1000)
        shown: dict[str, Any] = {
            "id": self._line.id,
            "messages": [*map(_json, self.messages), *self.plain],
            "error": None if self.error is None else _error(self.error),
            "elapsed_ms": elapsed_ms,
        }
        return shown if self.folded is None else {**shown, "folded": _json(self.folded)}


def error_of(failure: grpc.RpcError) -> weir.WeirError:
    """The client's error for a call of the stubs alone."""
    return error_from_status(*status_of(failure))


def health(reply: Any) -> dict[str, Any]:
    """The health check's answer as proto JSON."""
    return {"status": health_status(reply).name}


def _json(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = json_format.MessageToDict(message)
    return fields


def _error(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, weir.WeirError):
        return {"code": "UNKNOWN", "reason": "", "message": repr(error)}
    after_s, last = error.retry_after_s, error.last_sequence
    return {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
        "retry_after_ms": None if after_s is None else round(after_s * 1000),
        "field_violations": [
            {"field": each.field, "description": each.description}
            for each in error.field_violations
        ],
        "quota_violations": [each._asdict() for each in error.quota_violations],
        "response_id": error.response_id,
        "usage": None if error.usage is None else _json(error.usage),
        "attempts": list(map(_json, error.attempts)),
        "last_sequence": None if last is None else str(last),
        "complete": False,
        "class": type(error).__name__,
    }
