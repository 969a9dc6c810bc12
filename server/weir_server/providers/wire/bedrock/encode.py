"""How is a chat asked for, and its tokens counted? Converse, ConverseStream and CountTokens."""

import re
from urllib.parse import quote

import msgspec

from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.core.target import Target
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.bedrock import KIND
from weir_server.providers.wire.bedrock.families import family_of
from weir_server.providers.wire.bedrock.messages import add_conversation
from weir_server.providers.wire.bedrock.options import add_options
from weir_server.providers.wire.bedrock.tools import add_tools
from weir_server.providers.wire.draft import Draft

RESERVED = frozenset({"messages", "modelId", "system", "toolConfig"})
"""What a conversation is made of, so that no extension may set it."""
HEADERS = {"content-type": "application/json"}

_ADDITIONAL = "additionalModelRequestFields"
_PROFILE = re.compile(
    r"(?:arn:[^/]*:inference-profile/)?(?:[a-z]{2}|apac|global|us-gov)\.(?P<model>[a-z0-9-]+\..+)"
)
"""A profile's id, such as `us.anthropic.claude-x`, or its ARN."""
_COUNTED = ("messages", "system", "toolConfig", _ADDITIONAL)


def encode_chat(request: ChatRequest, target: Target, *, stream: bool) -> HttpRequest:
    """Ask for an answer, whole or as a stream."""
    draft = _drafted(request, target)
    return HttpRequest(
        path=_path(target.vendor_model, "converse-stream" if stream else "converse"),
        body=draft.encode(),
        headers=HEADERS,
        warnings=tuple(draft.warnings),
    )


def encode_count(request: ChatRequest, target: Target) -> HttpRequest:
    """Ask how many tokens a chat is; what only steers the answer counts nothing and is left out."""
    draft = _drafted(request, target)
    counted = {name: draft.body[name] for name in _COUNTED if name in draft.body}
    draft.body = {"input": {"converse": counted}}
    return HttpRequest(
        path=_path(foundation_model(target.vendor_model), "count-tokens"),
        body=draft.encode(),
        headers=HEADERS,
    )


def foundation_model(vendor_model: str) -> str:
    """Return the model behind a cross-region profile: CountTokens takes nothing else."""
    found = _PROFILE.fullmatch(vendor_model)
    return found["model"] if found is not None else vendor_model


def _drafted(request: ChatRequest, target: Target) -> Draft:
    options = request.options
    family = family_of(target.vendor_model)
    draft = Draft({}, policy=options.unsupported_option_policy)
    tools_used = add_conversation(draft, request.messages, family)
    if not request.HasField("options"):
        return draft
    add_tools(draft, options, tools_used=tools_used)
    additional = add_options(draft, options, family)
    if options.extensions:
        draft.extend(options.extensions, provider_kind=KIND, reserved=RESERVED)
    if additional:
        _merge(draft, additional)
    return draft


def _merge(draft: Draft, additional: dict[str, object]) -> None:
    """Write the maker's own fields beside those that an extension brings along."""
    given = draft.body.get(_ADDITIONAL)
    if isinstance(given, msgspec.Raw):
        path = "options.extensions"
        try:
            members = msgspec.json.decode(given, type=dict[str, msgspec.Raw])
        except ValueError:
            draft.refuse(path, f"Give an object as {_ADDITIONAL}.", InvalidRequest, "BAD_JSON")
            return
        if not members.keys().isdisjoint(additional):
            draft.refuse(
                path,
                "Leave out members that Weir sets itself or that other options set.",
                InvalidRequest,
                "CONFLICT",
            )
        additional = {**members, **additional}
    draft.body[_ADDITIONAL] = additional


def _path(model: str, operation: str) -> str:
    """Return where an operation is: the model is one segment, be it an ARN with slashes."""
    return f"/model/{quote(model, safe='-._~')}/{operation}"
