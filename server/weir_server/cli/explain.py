"""Which way would a chat go, and why?"""

import asyncio

from rich import box
from rich.table import Table
from rich.text import Text

from weir.admin.v1.admin_service_pb2 import ExplainRouteResponse
from weir.v1.content_pb2 import MediaPart, Message, Part, Role
from weir.v1.generation_pb2 import (
    FunctionTool,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    RoutingOptions,
    Tool,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.cli.answer import as_json_line
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Explained, Server
from weir_server.cli.target_table import short
from weir_server.cli.terminal import Terminal, visible

_ANY_OBJECT = '{"type":"object"}'


def run(server: Server, explained: Explained, *, as_json: bool) -> ExitCode:
    """Print the way of a chat as a table, or as JSON in one line."""
    terminal = Terminal()
    way = asyncio.run(_explain(server, explained))
    if as_json:
        terminal.line(as_json_line(way))
    else:
        terminal.out.print(table(way, framed=terminal.out.is_terminal))
        terminal.say(_summary(way))
    return ExitCode.OK if any(step.tried for step in way.steps) else ExitCode.NO


async def _explain(server: Server, explained: Explained) -> ExplainRouteResponse:
    async with client_of(server) as client:
        return await client.admin.explain_route(
            request_of(explained),
            streaming=explained.stream,
            prompt_tokens=explained.prompt_tokens,
            timeout_s=server.deadline_s,
        )


def request_of(explained: Explained) -> ChatRequest:
    """Return the smallest chat that asks for what is to be explained."""
    options = GenerationOptions()
    if explained.tools:
        tool = FunctionTool(name="tool", parameters_json_schema=_ANY_OBJECT)
        options.tools.append(Tool(function=tool))
    if explained.json_schema:
        wanted = JsonSchemaFormat(name="answer", schema_json=_ANY_OBJECT)
        options.output_format.CopyFrom(OutputFormat(json_schema=wanted))
    if explained.affinity_key:
        options.routing.CopyFrom(RoutingOptions(affinity_key=explained.affinity_key))
    request = ChatRequest(model=explained.model, provider=explained.provider, options=options)
    if explained.image:
        image = MediaPart(mime_type="image/png", uri="https://example.com/image.png")
        request.messages.append(Message(role=Role.ROLE_USER, parts=[Part(media=image)]))
    return request


def table(way: ExplainRouteResponse, *, framed: bool) -> Table:
    """Return the targets in the order of their turns, then those left out."""
    shown = Table(box=box.ROUNDED if framed else None, header_style="bold", pad_edge=framed)
    shown.add_column("turn", justify="right")
    shown.add_column("target", no_wrap=True)
    shown.add_column("model", no_wrap=True)
    shown.add_column("code", no_wrap=True)
    shown.add_column("why")
    for turn, step in enumerate(way.steps, start=1):
        cells = (
            str(turn) if step.tried else "-",
            short(step.target),
            step.model.removeprefix("models/"),
            step.code,
            step.explanation,
        )
        style = "" if step.tried else "dim"
        shown.add_row(*(Text(visible(cell), style=style) for cell in cells))
    return shown


def _summary(way: ExplainRouteResponse) -> str:
    if not any(step.tried for step in way.steps):
        return "No target would be tried: a call would fail at once."
    attempts = "1 attempt" if way.max_attempts == 1 else f"{way.max_attempts} attempts"
    return f"At most {attempts}, over all targets."
