"""How many tokens is a text, and does it fit?"""

import asyncio

from weir.v1.provider_service_pb2 import CountTokensResponse, ValidateTokenCountResponse
from weir_server.cli.answer import as_json_line
from weir_server.cli.calling import client_of, given_or_piped
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Server, Wanted
from weir_server.cli.terminal import Terminal


def run(server: Server, wanted: Wanted, *, text: str | None, maximum: int | None) -> ExitCode:
    """Print the count, or whether it fits `maximum`; without a text, that of standard input."""
    given = given_or_piped(text, what="text to count")
    terminal = Terminal()
    if maximum is None:
        counted = asyncio.run(_count(server, wanted, given))
        terminal.line(as_json_line(counted) if wanted.as_json else _count_words(counted))
        return ExitCode.OK
    checked = asyncio.run(_check(server, wanted, given, maximum))
    terminal.line(as_json_line(checked) if wanted.as_json else _check_words(checked, maximum))
    return ExitCode.OK if checked.valid else ExitCode.NO


async def _count(server: Server, wanted: Wanted, text: str) -> CountTokensResponse:
    async with client_of(server) as client:
        return await client.count_tokens(
            text, model=wanted.model, provider=wanted.provider, timeout_s=server.deadline_s
        )


async def _check(
    server: Server, wanted: Wanted, text: str, maximum: int
) -> ValidateTokenCountResponse:
    async with client_of(server) as client:
        return await client.validate_token_count(
            text,
            maximum,
            model=wanted.model,
            provider=wanted.provider,
            timeout_s=server.deadline_s,
        )


def _count_words(counted: CountTokensResponse) -> str:
    how = "exact" if counted.exact else "estimated"
    by = f", {counted.tokenizer}" if counted.tokenizer else ""
    return f"{counted.tokens} tokens ({how}{by})"


def _check_words(checked: ValidateTokenCountResponse, maximum: int) -> str:
    how = "exact" if checked.exact else "estimated"
    if checked.valid:
        return f"fits: {checked.tokens} of {maximum} tokens ({how})"
    return (
        f"does not fit: {checked.tokens} tokens ({how}) are {checked.excess_tokens} more "
        f"than {maximum}"
    )
