"""How does boto3 speak to a server on loopback? With invented keys, and no look at this machine."""

import asyncio
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.model import OperationModel
from botocore.parsers import EventStreamJSONParser

REGION = "eu-central-1"
ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@cache
def client() -> Any:
    """Return a client; every call says where it goes."""
    session = boto3.Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name=REGION,
    )
    return session.client(
        "bedrock-runtime",
        endpoint_url="http://127.0.0.1:1",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def _ask(url: str, operation: str, said: dict[str, Any]) -> Any:
    def redirect(params: dict[str, Any], **_: Any) -> None:
        params["url"] = params["url"].replace("http://127.0.0.1:1", url)

    events = client().meta.events
    events.register("before-call.bedrock-runtime", redirect)
    try:
        answer = getattr(client(), operation)(**said)
        return list(answer["stream"]) if "stream" in answer else answer
    finally:
        events.unregister("before-call.bedrock-runtime", redirect)


async def ask(url: str, operation: str, **said: Any) -> Any:
    """Call an operation and read its answer to the end; a stream gives the list of its events."""
    return await asyncio.to_thread(_ask, url, operation, said)


@cache
def _operation(name: str) -> OperationModel:
    session = botocore.session.Session()
    return session.get_service_model("bedrock-runtime").operation_model(name)


def read_stream(body: bytes) -> list[dict[str, Any]]:
    """Return the events that botocore finds in the bytes of a stream."""
    model = _operation("ConverseStream")
    shape = model.get_event_stream_output()
    parser = EventStreamJSONParser()
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [parser.parse(message.to_response_dict(), shape) for message in buffer]
