"""Images are counted by their vendors' published rules, from headers that nobody has to trust."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounting.calls import call_of, target_of
from weir.v1.content_pb2 import MediaDetail, Modality, Role
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.accounting.images import UNKNOWN_LOW_TOKENS, UNKNOWN_TOKENS, image_tokens
from weir_server.accounting.pixels import SEARCH_BYTES, size_of
from weir_server.accounting.tokens import Tokens


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(9)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3)


def webp_extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides


def webp_lossy(width: int, height: int) -> bytes:
    frame = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF\0\0\0\0WEBPVP8 " + struct.pack("<I", len(frame)) + frame


def webp_lossless(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    return b"RIFF\0\0\0\0WEBPVP8L" + struct.pack("<IBI", 5, 0x2F, bits)


def jpeg(width: int, height: int, *, before: bytes = b"", frame: int = 0xC0) -> bytes:
    start = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    size = struct.pack(">HBHHB", 17, 8, height, width, 3)
    return start + before + b"\xff" + bytes([frame]) + size + bytes(12)


MAKERS: tuple[Callable[[int, int], bytes], ...] = (
    png,
    gif,
    webp_extended,
    webp_lossy,
    webp_lossless,
    jpeg,
)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (480, 640), (12_000, 9)])
def test_the_header_says_how_large_an_image_is(
    make: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    """Width first, in every format."""
    assert size_of(make(*size)) == size


THUMBNAIL = b"\xff\xe1" + struct.pack(">H", 2 + len(jpeg(16, 16))) + jpeg(16, 16)


@pytest.mark.parametrize(
    "data",
    [
        jpeg(800, 600, before=THUMBNAIL),
        jpeg(800, 600, before=b"\xff\xc4" + struct.pack(">H", 5) + bytes(3)),
        jpeg(800, 600, before=b"\xff\xff\xff"[:2]),
        jpeg(800, 600, frame=0xC2),
    ],
    ids=["a thumbnail before", "a table before", "filling", "progressive"],
)
def test_a_jpegs_own_frame_counts(data: bytes) -> None:
    """Not that of the thumbnail in its metadata, nor what only looks like a frame."""
    assert size_of(data) == (800, 600)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        png(0, 5),
        png(5, 2**31),
        png(640, 480)[:20],
        jpeg(800, 600)[:25],
        b"\xff\xd8" + b"\xff\xe0\xff\xff" + bytes(2 * SEARCH_BYTES),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(20),
        b"%PDF-1.7",
    ],
)
def test_what_says_nothing_is_not_guessed(data: bytes) -> None:
    """Cut, empty, absurd or another format."""
    assert size_of(data) is None


@given(st.sampled_from(MAKERS), st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_break_the_reading(
    make: Callable[[int, int], bytes], noise: bytes, at: int
) -> None:
    """Whatever is in an image, there is a size or there is none."""
    whole = make(640, 480)
    found = size_of(whole[:at] + noise + whole[at:])
    assert found is None or all(0 < side < 65_536 for side in found)


# The examples on the vendors' own pages, and what their rules say of others.
PUBLISHED = [
    ("gpt-4o", (1024, 1024), False, 765),
    ("gpt-4o", (2048, 4096), False, 1105),
    ("gpt-4o", (4096, 8192), True, 85),
    ("gpt-4o", (512, 512), False, 255),
    ("gpt-4.1", (1024, 1024), False, 765),
    ("gpt-4o-mini", (1024, 1024), False, 25_501),
    ("gpt-4o-mini", (1024, 1024), True, 2833),
    ("gpt-5", (1024, 1024), False, 630),
    ("o1", (1024, 1024), False, 675),
    ("o3", (2048, 4096), True, 75),
    ("gpt-4.1-mini", (1024, 1024), False, 1659),  # 1024 patches
    ("gpt-4.1-nano", (1024, 1024), False, 2520),
    ("o4-mini", (1024, 1024), False, 1762),
    ("gpt-4.1-mini", (1800, 2400), False, 2353),  # 33 by 44 patches, 1452
    ("claude-sonnet-4-5", (200, 200), False, 54),
    ("claude-sonnet-4-5", (1000, 1000), False, 1334),
    ("claude-sonnet-4-5", (1092, 1092), False, 1590),
    ("us.anthropic.claude-sonnet-4-20250514-v1:0", (8000, 8000), False, 1600),
    ("gemini-2.5-flash", (384, 384), False, 258),
    ("gemini-2.5-flash", (960, 540), False, 6 * 258),
    ("gemini-2.5-flash", (1000, 1000), True, 258),
    ("some-model", (1024, 1024), False, 765),
    ("gpt-4o", None, False, UNKNOWN_TOKENS),
    ("claude-sonnet-4-5", None, True, UNKNOWN_LOW_TOKENS),
]


@pytest.mark.parametrize(("vendor_model", "size", "low", "expected"), PUBLISHED)
def test_images_count_as_published(
    vendor_model: str, size: tuple[int, int] | None, low: bool, expected: int
) -> None:
    """By tiles, patches or area, as the vendor of the model has it."""
    assert image_tokens(vendor_model, size, low=low) == expected


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.booleans())
@pytest.mark.parametrize("vendor_model", ["gpt-4o", "gpt-4.1-mini", "claude-x", "gemini-x", "o3"])
def test_every_size_has_a_count(vendor_model: str, width: int, height: int, low: bool) -> None:
    """However long and narrow: at least one token, and never without end."""
    assert 1 <= image_tokens(vendor_model, (width, height), low=low) <= 258 * 256 * 256


async def test_an_inline_image_of_a_chat_is_counted_by_its_pixels(tokens: Tokens) -> None:
    """It is an estimate all the same, as what stands around it is published nowhere."""
    request = ChatRequest()
    parts = request.messages.add(role=Role.ROLE_USER).parts
    parts.add(text="")
    bare = await tokens.count_chat(call_of(), target_of("gpt-4o"), request)
    media = parts.add().media
    media.modality = Modality.MODALITY_IMAGE
    media.mime_type = "image/png"
    media.inline_data = png(2048, 4096)

    high = await tokens.count_chat(call_of(), target_of("gpt-4o"), request)
    media.detail = MediaDetail.MEDIA_DETAIL_LOW
    low = await tokens.count_chat(call_of(), target_of("gpt-4o"), request)

    assert (high.tokens - bare.tokens, low.tokens - bare.tokens) == (1105, 85)
    assert not high.exact
    assert high.tokenizer == "estimate:o200k_base"
