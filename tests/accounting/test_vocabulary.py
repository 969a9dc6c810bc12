"""Are the token tables the true ones, and do they need no network?"""

import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest
import quicktok
import tiktoken

from tests.accounting.texts import texts
from weir_server.accounting.vocabulary import (
    VOCABULARIES,
    VocabularyInvalid,
    describe,
    load_vocabularies,
)


class _Cut:
    """The network, when there is none."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise OSError("there is no network")


@pytest.mark.parametrize("name", VOCABULARIES)
def test_counts_equal_an_independent_tokenizer(
    name: str, encodings: Mapping[str, tiktoken.Encoding], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand texts cut into the very tokens that another implementation finds, offline."""
    monkeypatch.setattr(socket, "socket", _Cut)
    oracle = quicktok.get_encoding(name)
    samples = texts(2_100)
    assert len(set(samples)) >= 2_000

    wrong = [
        text
        for text in samples
        if encodings[name].encode_ordinary(text) != list(oracle.encode_ordinary(text))
    ]

    assert wrong == []


def test_harmony_cuts_plain_text_alike(encodings: Mapping[str, tiktoken.Encoding]) -> None:
    """The encoding of the open-weight models shares a table, so it is not loaded twice."""
    oracle = quicktok.get_encoding("o200k_harmony")

    assert encodings["o200k_harmony"] is encodings["o200k_base"]
    for text in texts(200):
        assert len(encodings["o200k_harmony"].encode_ordinary(text)) == len(
            oracle.encode_ordinary(text)
        )


@pytest.mark.parametrize("name", VOCABULARIES)
def test_another_table_is_refused(name: str) -> None:
    """A table whose hash is not the one that tiktoken pins is never used."""
    with pytest.raises(VocabularyInvalid, match=name):
        describe(name, read=lambda file_name: b"IQ== 0\n")


def test_tables_are_asked_for_by_name() -> None:
    """The loader is asked for the file that tiktoken would have downloaded."""
    asked: list[str] = []

    def read(file_name: str) -> bytes:
        asked.append(file_name)
        return b""

    for name in VOCABULARIES:
        with pytest.raises(VocabularyInvalid):
            describe(name, read=read)

    assert asked == ["o200k_base.tiktoken", "cl100k_base.tiktoken"]


NO_NETWORK = """
import os, socket, sys

def refuse(*args, **kwargs):
    raise SystemExit("the network was asked for")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
before = dict(os.environ)
from weir_server.accounting.vocabulary import load_vocabularies
encodings = load_vocabularies()
assert os.environ == before
print(sorted(encodings), len(encodings["o200k_base"].encode_ordinary("hello world")))
assert "requests" not in sys.modules
"""


def test_loading_needs_no_network_and_no_environment() -> None:
    """With sockets that refuse and an empty environment the vocabularies load all the same."""
    run = subprocess.run(
        [sys.executable, "-I", "-c", NO_NETWORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={},
    )

    assert run.stderr == ""
    assert run.stdout.split() == ["['cl100k_base',", "'o200k_base',", "'o200k_harmony']", "2"]


def test_a_process_loads_once() -> None:
    """The tables are large and never change, so every counter of a process shares them."""
    first, second = load_vocabularies(), load_vocabularies()

    assert first is second
