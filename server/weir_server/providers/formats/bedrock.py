"""How is Amazon Bedrock spoken to? Converse, with signed requests or a Bedrock API key."""

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.clock import Clock
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.http.sigv4 import AwsKeys, Scope, SigV4Signer
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.bedrock.wire import BedrockWire

ACCEPT = {"accept": "application/json, application/vnd.amazon.eventstream"}
SERVICE = "bedrock"
"""What signatures call it, though the host is another."""
PROBE = HttpRequest(path="/async-invoke?maxResults=1", method="GET")
"""ListAsyncInvokes: the one thing at this address that can be asked for nothing."""

CAPABILITIES = ModelCapabilities(
    chat=True,
    complete=True,
    streaming=True,
    tools=True,
    parallel_tool_calls=True,
    json_schema=True,
    reasoning=True,
    input_modalities=[
        Modality.MODALITY_TEXT,
        Modality.MODALITY_IMAGE,
        Modality.MODALITY_AUDIO,
        Modality.MODALITY_VIDEO,
        Modality.MODALITY_DOCUMENT,
    ],
    output_modalities=[Modality.MODALITY_TEXT],
)
"""What Converse can ask of its models. Most newer ones refuse to go on with words of their own, so
`assistant_prefill` is not among it: a model that can says so in `can`."""


def _speech(plan: Plan) -> Speech:
    if plan.aws is None and not plan.endpoint:
        missing = "endpoint" if plan.field_prefix else "aws.region"
        what = (
            "Name the region, or an endpoint such as https://bedrock-runtime.REGION.amazonaws.com."
        )
        raise invalid(plan, missing, "REQUIRED", what)
    return Speech(
        wire=BedrockWire(),
        endpoint=endpoint_of(plan.aws.region) if plan.aws is not None else "",
        capabilities=CAPABILITIES,
        probe=PROBE,
    )


def endpoint_of(region: str) -> str:
    """Return the address of the Bedrock Runtime in a region."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{suffix}"


def _authorize(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    if organization:
        raise invalid(
            plan, "organization_id", "NOT_FOR_KIND", "Leave it out: AWS has no use for it."
        )
    if key and _signs(plan):
        name = f"{prefix.removeprefix(plan.field_prefix)}api_key"
        raise invalid(plan, name, "CONFLICT", "Leave it out, or the access key of aws.")
    return ProviderHeaders(
        credential={"authorization": f"Bearer {key}"} if key else {},
        protocol=ACCEPT,
        extra=plan.headers,
        field_prefix=prefix,
    )


def _signs(plan: Plan) -> bool:
    return plan.aws is not None and bool(plan.aws.access_key_id)


def _signer(plan: Plan, client: HttpClient, clock: Clock) -> Signer | None:
    del client
    aws = plan.aws
    if aws is None or not aws.access_key_id:
        return None
    return SigV4Signer(
        AwsKeys(
            access_key_id=aws.access_key_id,
            secret_access_key=aws.secret_access_key,
            session_token=aws.session_token,
        ),
        Scope(region=aws.region, service=SERVICE),
        clock,
        # All that is sent is signed, but for what may change on the way.
        extra={**ACCEPT, **plan.headers},
    )


BEDROCK = Format(
    label="Bedrock Converse",
    speech=_speech,
    authorize=_authorize,
    signer=_signer,
    counts=True,
)
