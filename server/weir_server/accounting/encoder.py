"""How is a text counted without holding the loop? In pieces that one encoding cuts apart anyway."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

import tiktoken

INLINE_CHARS = 16 * 1024
"""So much is counted on the loop: about 1 ms of prose, some 8 ms of the worst."""
CHUNK_CHARS = 64 * 1024
"""So much is counted at a time off the loop; millions of spaces overflow tiktoken's stack."""
CACHED_MIN_CHARS = 256
CACHED_MAX_CHARS = 1024 * 1024
CACHE_ENTRIES = 4_096

# A letter, then a space or a mark that ends a word. No encoding has a token across it: words end
# in letters, and what follows a word begins a piece of its own.
_WORD_END = re.compile(r"[^\W\d_](?=[ \n\r\t.,;:!?)\]}\"…\uff0c。、\uff01\uff1f\uff1b\uff1a])")


class Encoder:
    """Counts tokens of one encoding."""

    __slots__ = ("_cache", "_encode", "_turn", "name")

    def __init__(self, name: str, encoding: tiktoken.Encoding) -> None:
        self.name = name
        # The plain way: `<|endoftext|>` in a text is text.
        self._encode = encoding.encode_ordinary
        self._cache: OrderedDict[bytes, int] = OrderedDict()
        # Encoding lets go of the interpreter, not of the core: one large text at a time.
        self._turn = asyncio.Semaphore(1)

    def count_now(self, text: str) -> int:
        """Count a short text at once; a long one by its beginning, which is an estimate."""
        if len(text) <= INLINE_CHARS:
            return self._count_cached(text)
        sample = self._count_cached(text[:INLINE_CHARS])
        return round(sample * len(text) / INLINE_CHARS)

    async def count(self, texts: Sequence[str]) -> tuple[int, bool]:
        """Count texts, off the loop if they are long; say whether the count is exact.

        It is but for texts without a single end of a word in `CHUNK_CHARS` characters.
        """
        if sum(map(len, texts)) <= INLINE_CHARS:
            return sum(map(self._count_cached, texts)), True
        tokens, exact, unknown = 0, True, []
        for text in texts:
            known = self._known(text)
            if known is not None:
                tokens += known
            elif len(text) <= INLINE_CHARS:
                unknown.append(text)
            else:
                counted, is_exact = await self._count_long(text)
                tokens += counted
                exact = exact and is_exact
        return tokens + await self._count_many(unknown), exact

    async def _count_many(self, texts: Iterable[str]) -> int:
        """Count texts off the loop, some at a time."""
        tokens = 0
        async with self._turn:
            for batch in _batches(texts):
                counts = await asyncio.to_thread(self._count_each, batch)
                tokens += sum(counts)
                for text, count in zip(batch, counts):
                    self._remember(text, count)
        return tokens

    async def _count_long(self, text: str) -> tuple[int, bool]:
        """Count a text off the loop, a chunk at a time: a call that ends counts no further."""
        tokens, exact = 0, True
        async with self._turn:
            for chunk, is_whole in _chunks(text):
                tokens += sum(await asyncio.to_thread(self._count_each, (chunk,)))
                exact = exact and is_whole
        if exact:
            self._remember(text, tokens)
        return tokens, exact

    def _count_each(self, texts: Iterable[str]) -> list[int]:
        return [len(self._encode(text)) for text in texts]

    def _count_cached(self, text: str) -> int:
        tokens = self._known(text)
        if tokens is None:
            tokens = len(self._encode(text))
            self._remember(text, tokens)
        return tokens

    def _known(self, text: str) -> int | None:
        if not CACHED_MIN_CHARS <= len(text) <= CACHED_MAX_CHARS:
            return None
        key = _key(text)
        tokens = self._cache.get(key)
        if tokens is not None:
            self._cache.move_to_end(key)
        return tokens

    def _remember(self, text: str, tokens: int) -> None:
        if CACHED_MIN_CHARS <= len(text) <= CACHED_MAX_CHARS:
            self._cache[_key(text)] = tokens
            if len(self._cache) > CACHE_ENTRIES:
                self._cache.popitem(last=False)


def _key(text: str) -> bytes:
    """Return what stands for a text: nothing that callers said is kept."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _chunks(text: str) -> Iterator[tuple[str, bool]]:
    """Cut a text into chunks, each with whether the cut after it changes no count."""
    begin = 0
    while len(text) - begin > CHUNK_CHARS:
        end, is_whole = begin + CHUNK_CHARS, False
        # Look near the chunk's end first: nearly every text has a word there.
        cut = _last_word_end(text, end - 256, end) or _last_word_end(text, begin, end)
        if cut is not None:
            end, is_whole = cut, True
        yield text[begin:end], is_whole
        begin = end
    yield text[begin:], True


def _last_word_end(text: str, begin: int, end: int) -> int | None:
    ends = [word.end() for word in _WORD_END.finditer(text, begin, end)]
    return ends[-1] if ends else None


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Gather texts into batches of about a chunk."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= CHUNK_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
