"""What can be asked of this Weir: models page by page, one model, the server's limits."""

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from tests.service.asking import refused
from tests.service.weir import Weir, serving
from weir.v1.model_pb2 import Model, ModelState
from weir.v1.model_service_pb2 import (
    GetModelRequest,
    GetServerInfoRequest,
    ListModelsRequest,
    ListModelsResponse,
)

TREE = {
    "providers": [{"id": "echo", "kind": "echo"}, {"id": "second", "kind": "echo"}],
    "models": [
        *({"name": f"m{n:03d}", "provider": "echo"} for n in range(250)),
        {
            "name": "fast",
            "provider": "second",
            "aliases": ["quick", "cheap"],
            "vendor_model": "vendor-fast",
            "context_window_tokens": 4096,
            "max_output_tokens": 512,
            "can": ["chat", "streaming"],
        },
        {"name": "vectors", "provider": "second", "can": ["embed"]},
    ],
}
NAMES = sorted(["models/fast", "models/vectors", *(f"models/m{n:03d}" for n in range(250))])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many() -> AsyncIterator[Weir]:
    """A Weir with 252 models."""
    async with serving(TREE) as weir:
        yield weir


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def page(weir: Weir, **fields: object) -> ListModelsResponse:
    return await weir.models.ListModels(ListModelsRequest(**fields))  # type: ignore[arg-type]


async def all_pages(weir: Weir, **fields: object) -> tuple[list[str], list[int]]:
    """Follow the tokens; return the names and the size of each page."""
    models: list[Model] = []
    sizes: list[int] = []
    token = ""
    while True:
        reply = await page(weir, page_token=token, **fields)
        models.extend(reply.models)
        sizes.append(len(reply.models))
        token = reply.next_page_token
        if not token:
            return [model.name for model in models], sizes


@pytest.mark.parametrize(
    ("page_size", "sizes"),
    [(0, [100, 100, 52]), (1000, [252]), (252, [252]), (251, [251, 1]), (126, [126, 126])],
)
async def test_pages_join_to_the_whole_list(
    many: Weir, page_size: int, sizes: Sequence[int]
) -> None:
    """Each model once, by name; the last page has no token."""
    names, found = await all_pages(many, page_size=page_size)
    assert names == NAMES
    assert found == sizes


FILTERS = {
    'provider="providers/second"': ["models/fast", "models/vectors"],
    'name="models/fast"': ["models/fast"],
    'name="quick"': ["models/fast"],
    'capability="embed" AND provider="providers/second"': ["models/vectors"],
    'provider="providers/second" AND capability="chat"': ["models/fast"],
    'provider="providers/nobody"': [],
}


@pytest.mark.parametrize("text", FILTERS)
async def test_a_filter_keeps_what_fits_all_its_terms(many: Weir, text: str) -> None:
    """By provider, name or alias, and capability."""
    reply = await page(many, filter=text)
    assert [model.name for model in reply.models] == FILTERS[text]
    assert reply.next_page_token == ""


async def test_a_filter_holds_over_pages(many: Weir) -> None:
    """Pages of a filtered list join to the filtered list."""
    names, sizes = await all_pages(many, page_size=100, filter='provider="providers/echo"')
    assert names == [name for name in NAMES if name.startswith("models/m")]
    assert sizes == [100, 100, 50]


@pytest.mark.parametrize(
    "text",
    [
        "provider=providers/echo",
        'provider="x" OR name="y"',
        'owner="me"',
        'capability="flying"',
        'capability="__class__"',
        "' OR 1=1 --",
        'name="a" AND ',
    ],
)
async def test_a_filter_that_is_none_is_refused(many: Weir, text: str) -> None:
    """INVALID_ARGUMENT names the field and shows how to write one."""
    refusal = await refused(page(many, filter=text))
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["filter"]


BAD_TOKENS = ["garbage", "AAAA", "!!!!", "4pyT4pyT", "Z2FyYmFnZTptb2RlbHMvbTAwMA=="]


@pytest.mark.parametrize("token", BAD_TOKENS)
async def test_a_token_that_is_none_is_refused(many: Weir, token: str) -> None:
    """PAGE_TOKEN_INVALID, whatever the bytes."""
    refusal = await refused(page(many, page_token=token))
    assert refusal.verdict == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")
    assert refusal.fields == ["page_token"]


async def test_a_token_belongs_to_its_filter(many: Weir) -> None:
    """Another list's token is refused rather than misread."""
    first = await page(many, page_size=10)
    refusal = await refused(
        page(many, page_token=first.next_page_token, filter='provider="providers/echo"')
    )
    assert refusal.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("page_size", [-1, 1001, 2**31 - 1])
async def test_a_page_size_out_of_bounds_is_refused(many: Weir, page_size: int) -> None:
    """0 to 1000."""
    refusal = await refused(page(many, page_size=page_size))
    assert refusal.fields == ["page_size"]


@pytest.mark.parametrize("name", ["models/fast", "fast", "quick", "models/cheap"])
async def test_a_model_is_told_by_name_or_alias(many: Weir, name: str) -> None:
    """With what the configuration says of it, and its price: an echo is free."""
    model = (await many.models.GetModel(GetModelRequest(name=name))).model
    assert model.name == "models/fast"
    assert list(model.aliases) == ["quick", "cheap"]
    assert model.provider == "providers/second"
    assert (model.context_window_tokens, model.max_output_tokens) == (4096, 512)
    can = model.capabilities
    assert (can.chat, can.streaming, can.embed, can.tools) == (True, True, False, False)
    assert model.state == ModelState.MODEL_STATE_AVAILABLE
    assert {price.sku: price.nanos_per_million for price in model.prices} == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }


@pytest.mark.parametrize("name", ["models/gpt-9", "FAST", "providers/second"])
async def test_an_unknown_model_is_not_found(many: Weir, name: str) -> None:
    """NOT_FOUND with the name as a resource."""
    refusal = await refused(many.models.GetModel(GetModelRequest(name=name)))
    assert refusal.verdict == ("NOT_FOUND", "MODEL_NOT_FOUND")
    resource = refusal.details["ResourceInfo"]
    assert (resource.resource_type, resource.resource_name) == ("weir.v1/model", name)


async def test_the_server_tells_its_limits(many: Weir) -> None:
    """Version, contract, features, and the numbers that callers have to keep."""
    info = await many.models.GetServerInfo(GetServerInfoRequest())
    limits = info.limits
    assert info.server_version
    assert info.contract_version == "0.1.0"
    assert info.capabilities.embeddings
    assert info.capabilities.idempotency
    assert limits.max_request_bytes == 4 * 1024 * 1024
    assert limits.max_response_bytes == 32 * 1024 * 1024
    assert limits.max_metadata_bytes == 8 * 1024
    assert (limits.max_messages, limits.max_tools) == (2000, 128)
    assert limits.max_streams_per_connection == 100
    assert limits.default_unary_deadline.seconds == 300
    assert limits.default_stream_deadline.seconds == 900
    assert limits.slow_consumer_limit.seconds == 60
    assert limits.max_embed_inputs == 2048
