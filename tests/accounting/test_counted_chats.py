"""Whole chats are counted as their vendors report it, and docs/counting.md tells by how much off.

`python -m tests.accounting.test_counted_chats` writes the page's table anew.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
import tiktoken

from tests.accounting.calls import call_of, target_of
from tests.accounting.counted_chats import CHATS, Counted
from tests.accounting.test_tokens import COOKBOOK, chat_of
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.vocabulary import load_vocabularies

PAGE = Path(__file__).parents[2] / "docs/counting.md"
BEGIN, END = "<!-- errors: begin -->\n", "<!-- errors: end -->\n"
PLAIN = tuple(
    Counted(
        title="six messages",
        source="OpenAI cookbook, How to count tokens with tiktoken",
        vendor_model=model,
        make=lambda: chat_of(*COOKBOOK),
        tokens=tokens,
    )
    for model, tokens in (("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4o", 124))
)
ALL = (*PLAIN, *CHATS)


@pytest.mark.parametrize("counted", ALL, ids=lambda each: f"{each.title}, {each.vendor_model}")
async def test_a_chat_counts_as_its_vendor_reports(tokens: Tokens, counted: Counted) -> None:
    """Within two percent by OpenAI's vocabularies; another's is an estimate, and says so."""
    target, request = target_of(counted.vendor_model), counted.make()

    count = await tokens.count_chat(call_of(target), target, request)

    if counted.within is None:
        assert not count.exact
        assert count.tokenizer.startswith("estimate:")
    else:
        assert count.tokens == pytest.approx(counted.tokens, rel=counted.within)
    if count.exact:
        assert count.tokens == counted.tokens
    assert await tokens.count_prompt(target, request) == count.tokens


def table(tokens: Tokens) -> str:
    """Return the page's table."""
    rows = ["| chat | model | reported | counted | off by | source |", "|---|---|---|---|---|---|"]
    for each in ALL:
        count = tokens.estimate_prompt(target_of(each.vendor_model), each.make())
        off = f"{(count / each.tokens - 1) * 100:+.1f} %" if count != each.tokens else "0"
        rows.append(
            f"| {each.title} | `{each.vendor_model}` | {each.tokens} | {count} | {off} "
            f"| {each.source} |"
        )
    return "\n".join(rows) + "\n"


def test_the_page_tells_the_errors(encodings: Mapping[str, tiktoken.Encoding]) -> None:
    """Its table is what is counted; see the top for how to write it anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.split(BEGIN)[1].split(END)[0] == table(Tokens(encodings))


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    new = table(Tokens(load_vocabularies()))
    PAGE.write_text(before + BEGIN + new + END + rest.split(END)[1], encoding="utf-8")
