"""How is the fake upstream started by hand? `python -m weir_server.fake_upstream.upstream`.

It prints its base URL and serves until it is interrupted. A request chooses its answer by the
model it names: `fault/stall`, `recording/openai_text`, any other for a plain echo.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_errors import MODEL_NOT_FOUND
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream


def by_model(attempt: Attempt) -> Behaviour:
    """Return what the request's model names; an unknown fault or recording is no model at all."""
    try:
        model = str(attempt.json.get("model"))
    except ValueError:
        return OpenAiService()
    kind, slash, name = model.partition("/")
    if slash and kind == "fault":
        return FAULTS[name].behaviour if name in FAULTS else MODEL_NOT_FOUND.reply()
    if slash and kind == "recording":
        known = name in recordings.names()
        return recordings.load(name).sse() if known else MODEL_NOT_FOUND.reply()
    return OpenAiService()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, or list what can be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m weir_server.fake_upstream.upstream",
        description="A fake OpenAI on loopback that misbehaves as the request's model tells it to.",
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--list", action="store_true", help="print the models and stop")
    asked = parser.parse_args(arguments)
    if asked.list:
        models = [f"fault/{name}" for name in FAULTS]
        models += [f"recording/{name}" for name in recordings.names()]
        sys.stdout.write("\n".join(models) + "\n")
        return
    asyncio.run(_serve(asked.port))


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeUpstream(by_model, port=port) as upstream:
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        await stop.wait()
