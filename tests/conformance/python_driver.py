"""What does the Python client show? Reads lines of JSON, makes each call with a client of its own.

python -m tests.conformance.python_driver [asyncio]
"""

import asyncio
import json
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import google.protobuf
import grpc

import weir
from tests.conformance import python_lines as lines
from tests.conformance.python_lines import Line, Showing
from weir._health import CheckRequest


class Recorded:
    """A call of gRPC's whose messages are noted as the stream reads them."""

    def __init__(self, call: Any, messages: list[Any]) -> None:
        self._call = call
        self._messages = messages

    def cancel(self) -> bool:
        cancelled: bool = self._call.cancel()
        return cancelled

    def __iter__(self) -> Iterator[Any]:
        for message in self._call:
            self._messages.append(message)
            yield message

    async def __aiter__(self) -> Any:
        async for message in self._call:
            self._messages.append(message)
            yield message


def _recording(stream: Any, showing: Showing) -> None:
    begin = stream._begin
    stream._begin = lambda: Recorded(begin(), showing.messages)


# --- Without asyncio ------------------------------------------------------------------------------


def _call(line: Line, showing: Showing) -> None:
    with weir.Client(**line.client) as client:
        if line.cancel_after_s is not None and not line.is_streaming:
            _after(line.cancel_after_s, client.close)
        if line.helper is None:
            _raw(client, line, showing)
        elif line.is_streaming:
            _stream(client, line, showing)
        else:
            arguments, options = line.helper_arguments()
            showing.messages.append(getattr(client, line.helper)(**arguments, **options))


def _stream(client: weir.Client, line: Line, showing: Showing) -> None:
    arguments, options = line.helper_arguments()
    stream = getattr(client, line.helper or "")(**arguments, **options)
    _recording(stream, showing)
    with stream:
        if line.cancel_after_messages == 0:
            stream.cancel()
        if line.cancel_after_s is not None:
            _after(line.cancel_after_s, stream.cancel)
        pause = line.pause
        for _ in stream:
            read = len(showing.messages)
            if line.abandon_after_messages == read:
                return
            if line.cancel_after_messages == read:
                stream.cancel()
            if pause is not None and pause[0] == read:
                time.sleep(pause[1])
                pause = None
        showing.folded = stream.response()


def _raw(client: weir.Client, line: Line, showing: Showing) -> None:
    link = client._link
    if line.method == lines.HEALTH:
        reply = link.unary(link.stubs.health, CheckRequest(), line.options)
        showing.plain.append(lines.health(reply))
        return
    method = line.stub(link.stubs.channel)
    if not line.is_streaming:
        showing.messages.append(link.unary(method, line.request, line.options))
        return
    try:
        for message in link.stream(method, line.request, line.options):
            showing.messages.append(message)
    except grpc.RpcError as failure:
        raise lines.error_of(failure) from failure


def _after(seconds: float, do: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()


# --- With asyncio ---------------------------------------------------------------------------------


async def _call_async(line: Line, showing: Showing) -> None:
    async with weir.AsyncClient(**line.client) as client:
        if line.cancel_after_s is not None and not line.is_streaming:
            showing.closing = asyncio.create_task(_close_later(client, line.cancel_after_s))
        if line.helper is None:
            await _raw_async(client, line, showing)
        elif line.is_streaming:
            await _stream_async(client, line, showing)
        else:
            arguments, options = line.helper_arguments()
            showing.messages.append(await getattr(client, line.helper)(**arguments, **options))


async def _close_later(client: weir.AsyncClient, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await client.close()


async def _stream_async(client: weir.AsyncClient, line: Line, showing: Showing) -> None:
    arguments, options = line.helper_arguments()
    stream = getattr(client, line.helper or "")(**arguments, **options)
    _recording(stream, showing)
    async with stream:
        if line.cancel_after_messages == 0:
            await asyncio.sleep(0)  # for the call to be sent
            stream.cancel()
        if line.cancel_after_s is not None:
            asyncio.get_running_loop().call_later(line.cancel_after_s, stream.cancel)
        pause = line.pause
        async for _ in stream:
            read = len(showing.messages)
            if line.abandon_after_messages == read:
                return
            if line.cancel_after_messages == read:
                stream.cancel()
            if pause is not None and pause[0] == read:
                await asyncio.sleep(pause[1])
                pause = None
        showing.folded = await stream.response()


async def _raw_async(client: weir.AsyncClient, line: Line, showing: Showing) -> None:
    link = client._link
    if line.method == lines.HEALTH:
        reply = await link.unary(link.stubs.health, CheckRequest(), line.options)
        showing.plain.append(lines.health(reply))
        return
    method = line.stub(link.stubs.channel)
    if not line.is_streaming:
        showing.messages.append(await link.unary(method, line.request, line.options))
        return
    try:
        async for message in link.stream(method, line.request, line.options):
            showing.messages.append(message)
    except grpc.RpcError as failure:
        raise lines.error_of(failure) from failure


# --- Lines ----------------------------------------------------------------------------------------


def _say(fields: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _described(line: Line) -> dict[str, Any]:
    versions = f"grpcio {grpc.__version__}, protobuf {google.protobuf.__version__}"
    return {
        "id": line.id,
        "language": "python",
        "client_version": weir.__version__,
        "contract_version": weir.__version__,
        "runtime": f"{platform.python_implementation()} {platform.python_version()}, {versions}",
    }


def _exit_with_open_stream(line: Line) -> None:
    arguments, options = line.helper_arguments()
    stream = weir.Client(**line.client).stream_chat(**arguments, **options)
    next(stream.__enter__())
    _say({"id": line.id})


async def _exit_with_open_stream_async(line: Line) -> None:
    arguments, options = line.helper_arguments()
    stream = weir.AsyncClient(**line.client).stream_chat(**arguments, **options)
    await anext(await stream.__aenter__())
    _say({"id": line.id})


def _shown(line: Line, *, with_asyncio: bool) -> dict[str, Any]:
    showing = Showing(line)
    try:
        if with_asyncio:
            asyncio.run(_call_async(line, showing))
        else:
            _call(line, showing)
    except weir.WeirError as error:
        showing.error = error
    return showing.as_json()


def main() -> None:
    """Answer every line, in order."""
    with_asyncio = "asyncio" in sys.argv[1:]
    for text in sys.stdin:
        line = Line(json.loads(text))
        if line.do == "describe":
            _say(_described(line))
        elif line.do == "exit_with_open_stream":
            if with_asyncio:
                asyncio.run(_exit_with_open_stream_async(line))
            else:
                _exit_with_open_stream(line)
            return
        else:
            _say(_shown(line, with_asyncio=with_asyncio))


if __name__ == "__main__":
    main()
