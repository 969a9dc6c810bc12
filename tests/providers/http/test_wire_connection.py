"""What does Weir use of aiohttp that aiohttp does not promise? Exactly this, as installed here."""

import asyncio
import inspect
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection, TCPConnector
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from yarl import URL

ADVICE = (
    "This version of aiohttp differs inside from the one that wire_connection.py was written for. "
    "Compare its Connector, Connection and ResponseHandler with that module, then adjust both."
)
PARAMETERS: dict[Callable[..., object], set[str]] = {
    BaseConnector.connect: {"self", "req", "traces", "timeout"},
    BaseConnector._get: {"self", "key", "traces"},
    ResponseHandler.data_received: {"self", "data"},
    ResponseHandler.connection_lost: {"self", "exc"},
    BaseProtocol.resume_writing: {"self"},
    ResponseHandler.read: {"self"},
    ResponseHandler.set_response_params: {
        *("self", "timer", "skip_payload", "read_until_eof", "auto_decompress", "read_timeout"),
        *("read_bufsize", "timeout_ceil_threshold"),
        *("max_line_size", "max_field_size", "max_headers"),
    },
    Connection.close: {"self"},
    Connection.release: {"self"},
    StreamReader.on_eof: {"self", "callback"},
    StreamReader.readany: {"self"},
    StreamReader.set_exception: {"self", "exc", "exc_cause"},
}


@pytest.mark.parametrize("function", PARAMETERS, ids=lambda function: function.__qualname__)
def test_the_functions_underneath_are_the_ones_known(function: Callable[..., object]) -> None:
    """A parameter that is new may be a limit that Weir has to set; one that is gone was one."""
    assert set(inspect.signature(function).parameters) == PARAMETERS[function], ADVICE


def test_the_values_underneath_are_the_ones_known() -> None:
    """A head has its parts, and what cannot be parsed or is lost has its classes."""
    for part in ("code", "headers", "should_close", "upgrade"):
        assert hasattr(RawResponseMessage, part), ADVICE
    assert isinstance(inspect.getattr_static(ResponseHandler, "should_close"), property), ADVICE
    assert isinstance(inspect.getattr_static(BaseProtocol, "writing_paused"), property), ADVICE
    assert issubclass(HttpProcessingError, Exception), ADVICE
    assert not issubclass(HttpProcessingError, aiohttp.ClientError), ADVICE
    assert issubclass(aiohttp.ServerDisconnectedError, aiohttp.ClientError), ADVICE
    assert issubclass(aiohttp.ClientOSError, OSError), ADVICE


async def test_the_pool_underneath_makes_its_connections_as_known() -> None:
    """Connections come from one factory, and the pool gives them out by a request's key."""
    async with TCPConnector() as connector:
        factory = connector._factory
        request = aiohttp.ClientRequest("POST", URL("http://127.0.0.1:9/"))

        assert factory.func is ResponseHandler, ADVICE
        assert factory.keywords == {"loop": asyncio.get_running_loop()}, ADVICE
        assert (request.connection_key.host, request.connection_key.port) == ("127.0.0.1", 9)
        assert await connector._get(request.connection_key, []) is None, ADVICE
