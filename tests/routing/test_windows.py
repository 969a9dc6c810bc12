"""A prompt is counted only where a glance cannot tell, and goes where it fits."""

import pytest

from tests.routing.targets import ByteCounter, target
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.routing.windows import FRAME_TOKENS_MAX, MEDIUM_TOKENS_MAX, Windows, too_long


def chat(text: str, *, output: int = 0) -> ChatRequest:
    request = ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[Part(text=text)])])
    if output:
        request.options.max_output_tokens = output
    return request


SMALL, LARGE, UNKNOWN = (
    target("small", context_window_tokens=1_000),
    target("large", context_window_tokens=10_000),
    target("unknown"),
)

GLANCES = [
    ("nothing known", chat("x" * 50_000), (UNKNOWN,), 0, True),
    ("few bytes", chat("x" * 900), (SMALL, LARGE), 0, True),
    ("many bytes", chat("x" * 1_001), (LARGE, SMALL), 0, False),
    ("an answer that fills it", chat("hello", output=990), (SMALL,), 0, False),
    ("a medium by its address", chat("hello"), (SMALL,), 1, False),
    ("few media", chat("hello"), (LARGE,), 2, True),
    ("a completion", CompleteRequest(prompt="x" * 1_001), (SMALL,), 0, False),
    ("an embedding", EmbedRequest(inputs=[EmbedInput(text="x" * 9_999)]), (SMALL,), 0, True),
]


@pytest.mark.parametrize(
    ("request_", "targets", "media", "fits"),
    [row[1:] for row in GLANCES],
    ids=[row[0] for row in GLANCES],
)
def test_a_glance_tells_what_surely_fits(
    request_: Request, targets: tuple[Target, ...], media: int, *, fits: bool
) -> None:
    """By bytes, by what media may cost and by the room for an answer."""
    assert Windows(ByteCounter()).surely_fits(request_, targets, media) is fits


async def test_only_targets_that_fit_are_left() -> None:
    """In their order; one whose window is not known may be asked."""
    counter = ByteCounter()
    fit = await Windows(counter).fit(chat("x" * 5_000), (SMALL, LARGE, UNKNOWN))
    assert [each.vendor_model for each in fit.targets] == ["large", "unknown"]
    assert [each.vendor_model for each in fit.small] == ["small"]
    assert counter.counted == ["small", "large"]


async def test_equal_targets_are_counted_once() -> None:
    """The same vendor's model at two providers has the same tokens."""
    counter = ByteCounter()
    both = (SMALL, target("small", "providers/b", context_window_tokens=2_000))
    await Windows(counter).fit(chat("x" * 1_500), both)
    assert counter.counted == ["small"]


async def test_room_for_the_answer_counts() -> None:
    """Prompt and wanted answer share the window."""
    request = chat("x" * 500, output=600)
    fit = await Windows(ByteCounter()).fit(request, (SMALL,))
    assert fit.targets == ()


async def test_a_known_count_is_believed() -> None:
    """Nobody counts where the length is given."""
    counter = ByteCounter()
    fit = await Windows(counter).fit(chat("hello"), (SMALL, LARGE), prompt_tokens=1_001)
    assert [each.vendor_model for each in fit.targets] == ["large"]
    assert counter.counted == []


async def test_a_refusal_tells_both_numbers() -> None:
    """As the largest target has them, and how much of it the answer wants."""
    request = chat("x" * 20_000, output=50)
    fit = await Windows(ByteCounter()).fit(request, (LARGE, SMALL))
    assert too_long(fit, request).metadata == {
        "promptTokens": str(request.ByteSize()),
        "maxTokens": "10000",
        "maxOutputTokens": "50",
    }


def test_the_frame_is_less_than_the_smallest_window() -> None:
    """A plain question to a small model is never counted."""
    assert Windows(ByteCounter()).surely_fits(
        chat("hello"), (target("m", context_window_tokens=FRAME_TOKENS_MAX + 64),), 0
    )
    assert MEDIUM_TOKENS_MAX > FRAME_TOKENS_MAX
