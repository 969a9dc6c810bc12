"""Is a compressed body read in bounded pieces, whatever it unfolds to?"""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.http.inflate import Inflater

TEXT = b"Weir keeps the water level. " * 2000
CODED = {"gzip": gzip.compress(TEXT), "x-gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT)}


def inflated(coding: str, pieces: list[bytes], *, max_bytes: int = 1000) -> bytes:
    """Feed the pieces one after another; return all that comes out."""
    inflater = Inflater(coding)
    out = []
    for piece in pieces:
        inflater.feed(piece)
        while data := inflater.take(max_bytes):
            assert len(data) <= max_bytes
            out.append(data)
    inflater.finish()
    return b"".join(out)


@pytest.mark.parametrize("coding", CODED)
@given(cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=8))
def test_cutting_changes_nothing(coding: str, cuts: list[int]) -> None:
    """However the network cuts the body, the same text comes out."""
    coded = CODED[coding]
    edges = sorted({0, len(coded), *(min(cut, len(coded)) for cut in cuts)})

    assert inflated(coding, [coded[a:b] for a, b in pairwise(edges)]) == TEXT


def test_members_may_follow_each_other() -> None:
    """RFC 1952 lets a gzip body consist of several."""
    assert inflated("gzip", [gzip.compress(b"one, "), gzip.compress(b"two")]) == b"one, two"
    assert inflated("gzip", [gzip.compress(b"one, ") + gzip.compress(b"two")]) == b"one, two"


@pytest.mark.parametrize("coding", CODED)
def test_a_cut_body_is_not_a_whole_one(coding: str) -> None:
    """A body that ends too soon is broken, although every byte of it was good."""
    with pytest.raises(UpstreamStreamBroken):
        inflated(coding, [CODED[coding][:-9]])


@pytest.mark.parametrize("coding", CODED)
def test_an_empty_body_is_a_cut_one(coding: str) -> None:
    """Even nothing has a head when it is compressed."""
    with pytest.raises(UpstreamStreamBroken):
        inflated(coding, [])


@pytest.mark.parametrize("coding", CODED)
def test_what_is_not_compressed_is_refused(coding: str) -> None:
    """A body that lies about its coding makes no sense."""
    with pytest.raises(UpstreamProtocolError):
        inflated(coding, [b"data: not compressed\n\n"])


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "*"])
def test_codings_nobody_asked_for_are_refused(coding: str) -> None:
    """Weir asks for none, and reads the two that every proxy may add."""
    with pytest.raises(UpstreamProtocolError):
        Inflater(coding)
