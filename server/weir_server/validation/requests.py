"""Is a request well formed? One function for each kind of request; each raises what it finds."""

from weir.v1.embedding_service_pb2 import EmbeddingEncoding, EmbeddingTask, EmbedRequest
from weir.v1.generation_pb2 import StreamOptions
from weir.v1.model_service_pb2 import GetModelRequest, ListModelsRequest
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    CompleteRequest,
    CountTokensRequest,
    ValidateTokenCountRequest,
)
from weir_server.validation.checks import FieldRules, anything, known, line, number
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.media import check_media
from weir_server.validation.messages import Conversation, check_messages
from weir_server.validation.names import labels, name_line
from weir_server.validation.options import check_options, check_stream_options

MAX_DIMENSIONS = 65_536
MAX_PAGE_SIZE = 1_000
MAX_QUERY_BYTES = 2_048

EMBED = FieldRules(
    fields={
        "inputs": anything,  # checked one by one, see below
        "model": name_line,
        "provider": name_line,
        "dimensions": number(1, MAX_DIMENSIONS),
        "encoding": known(EmbeddingEncoding.DESCRIPTOR),
        "task": known(EmbeddingTask.DESCRIPTOR),
        "end_user_id": name_line,
        "labels": labels,
    }
)
COUNT_TOKENS = FieldRules(
    fields={"text": anything, "chat": anything, "model": name_line, "provider": name_line},
    oneofs={"input": "text or chat"},
)
VALIDATE_TOKEN_COUNT = FieldRules(
    fields={
        "text": anything,
        "max_tokens": number(1, 2**63 - 1),
        "model": name_line,
        "provider": name_line,
    },
    required=("max_tokens",),
)
LIST_MODELS = FieldRules(
    fields={
        "page_size": number(0, MAX_PAGE_SIZE),
        "page_token": line(MAX_QUERY_BYTES),
        "filter": line(MAX_QUERY_BYTES),
    }
)
GET_MODEL = FieldRules(fields={"name": name_line}, required=("name",))


def validate_chat(request: ChatRequest, limits: ValidationLimits, prefix: str = "") -> bool:
    """Check a chat; say whether its messages need anything that some model lacks.

    prefix: what stands before every path, such as `request.`. Raises InvalidRequest.
    """
    findings = Findings(limits, prefix)
    conversation = check_chat(findings, request)
    findings.raise_any()
    return conversation.asks


def validate_complete(request: CompleteRequest, limits: ValidationLimits, prefix: str = "") -> None:
    """Check a completion. Raises InvalidRequest."""
    findings = Findings(limits, prefix)
    if not request.prompt:
        findings.add("prompt", Rule.REQUIRED, "Give the text to go on from.")
    if request.HasField("options"):
        check_options(findings, request.options)
    _check_route(findings, request)
    findings.raise_any()


def validate_embed(request: EmbedRequest, limits: ValidationLimits) -> bool:
    """Check inputs; say whether they need anything that some model lacks. Raises InvalidRequest."""
    findings = Findings(limits)
    asks = False
    EMBED.check(findings, "", request)
    count = len(request.inputs)
    if not count:
        findings.add("inputs", Rule.REQUIRED, "Give at least one input.")
    elif count > limits.max_embed_inputs:
        findings.add("inputs", Rule.TOO_MANY, f"Give at most {limits.max_embed_inputs} inputs.")
    else:
        for index, item in enumerate(request.inputs):
            kind = item.WhichOneof("kind")
            if kind == "media":
                at = f"inputs[{index}].media"
                check_media(findings, at, item.media)
                asks = True
            elif kind is None:
                findings.add(f"inputs[{index}].kind", Rule.REQUIRED, "Set text or media.")
            elif not item.text:
                findings.add(f"inputs[{index}].text", Rule.REQUIRED, "Give a text to embed.")
    findings.raise_any()
    return asks


def validate_stream_options(options: StreamOptions, limits: ValidationLimits) -> None:
    """Check how a stream is to be sent. Raises InvalidRequest."""
    findings = Findings(limits)
    check_stream_options(findings, options)
    findings.raise_any()


def validate_count_tokens(request: CountTokensRequest, limits: ValidationLimits) -> None:
    """Check what is to be counted. Raises InvalidRequest."""
    findings = Findings(limits)
    COUNT_TOKENS.check(findings, "", request)
    if request.HasField("chat"):
        check_chat(findings.below("chat."), request.chat)
    findings.raise_any()


def validate_token_count(request: ValidateTokenCountRequest, limits: ValidationLimits) -> None:
    """Check a question whether a text fits. Raises InvalidRequest."""
    findings = Findings(limits)
    VALIDATE_TOKEN_COUNT.check(findings, "", request)
    findings.raise_any()


def validate_list_models(request: ListModelsRequest, limits: ValidationLimits) -> None:
    """Check a question for models. Raises InvalidRequest."""
    findings = Findings(limits)
    LIST_MODELS.check(findings, "", request)
    findings.raise_any()


def validate_get_model(request: GetModelRequest, limits: ValidationLimits) -> None:
    """Check a question for one model. Raises InvalidRequest."""
    findings = Findings(limits)
    GET_MODEL.check(findings, "", request)
    findings.raise_any()


def check_chat(
    findings: Findings, request: ChatRequest, *, may_be_empty: bool = False
) -> Conversation:
    """Check a chat. may_be_empty: whether it may have no messages yet."""
    conversation = Conversation()
    if request.messages or not may_be_empty:
        conversation = check_messages(findings, request.messages)
    if request.HasField("options"):
        check_options(findings, request.options)
    _check_route(findings, request)
    if request.conversation:
        name_line(findings, "conversation", request.conversation)
    return conversation


def _check_route(findings: Findings, request: ChatRequest | CompleteRequest) -> None:
    if request.model:
        name_line(findings, "model", request.model)
    if request.provider:
        name_line(findings, "provider", request.provider)
