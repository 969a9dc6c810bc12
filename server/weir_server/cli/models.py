"""Which models does a server offer?"""

import asyncio
from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from weir.v1.model_pb2 import Model, ModelCapabilities, Price
from weir_server.cli.answer import as_json_line, dollars
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Server
from weir_server.cli.terminal import Terminal, visible


def run(server: Server, *, having: str, as_json: bool) -> ExitCode:
    """Print the models as a table, or as JSON, one a line."""
    terminal = Terminal()
    models = asyncio.run(_list(server, having))
    if as_json:
        for model in models:
            terminal.line(as_json_line(model))
    elif models:
        terminal.out.print(table(models, framed=terminal.out.is_terminal))
    else:
        terminal.say("There are none that you may use.")
    return ExitCode.OK


async def _list(server: Server, having: str) -> list[Model]:
    async with client_of(server) as client:
        listed = client.list_models(having, timeout_s=server.deadline_s)
        return [model async for model in listed]


def table(models: list[Model], *, framed: bool) -> Table:
    """Return the models in columns, with lines around them or without."""
    shown = Table(box=box.ROUNDED if framed else None, header_style="bold", pad_edge=framed)
    shown.add_column("model", no_wrap=True)
    shown.add_column("also called")
    shown.add_column("provider", no_wrap=True)
    shown.add_column("context", justify="right")
    shown.add_column("answer", justify="right")
    shown.add_column("USD per million", justify="right")
    shown.add_column("can")
    for model in models:
        cells = (
            model.name.removeprefix("models/"),
            ", ".join(model.aliases),
            model.provider.removeprefix("providers/"),
            _size(model.context_window_tokens),
            _size(model.max_output_tokens),
            prices_words(model.prices),
            ", ".join(_abilities(model.capabilities)),
        )
        shown.add_row(*(Text(visible(cell)) for cell in cells))
    return shown


def _size(tokens: int) -> str:
    """Return a number of tokens; 0 is not known."""
    return f"{tokens:,}" if tokens else "-"


def prices_words(prices: Iterable[Price]) -> str:
    """Return what a million tokens cost in and out, such as `2.50 / 10.00`; `-` is not known."""
    rates = {price.sku: price.nanos_per_million for price in prices}
    inward, outward = rates.get("prompt_tokens"), rates.get("completion_tokens")
    if inward is None:
        return "-"
    if not inward and not outward:
        return "free"
    return dollars(inward) if outward is None else f"{dollars(inward)} / {dollars(outward)}"


def _abilities(capabilities: ModelCapabilities) -> list[str]:
    """Return the names of what a model can do, in the contract's order."""
    return [field.name for field, value in capabilities.ListFields() if value is True]
