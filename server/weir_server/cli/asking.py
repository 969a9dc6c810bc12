"""How is a chat asked and shown at the same time? One stream, event by event."""

from collections.abc import Sequence

import weir
from weir.v1.content_pb2 import Message
from weir_server.cli.answer import AnswerView
from weir_server.cli.calling import options_of
from weir_server.cli.options import Server, Wanted


async def ask(
    client: weir.AsyncClient,
    messages: Sequence[Message],
    server: Server,
    wanted: Wanted,
    view: AnswerView,
) -> Message:
    """Show the answer to `messages` as it comes, and return it. Raises weir.WeirError."""
    try:
        async with client.stream_chat(
            messages,
            options=options_of(wanted),
            model=wanted.model,
            provider=wanted.provider,
            timeout_s=server.deadline_s,
            idempotency_key=wanted.idempotency_key,
        ) as stream:
            async for event in stream:
                view.take(event)
            return (await stream.response()).message
    finally:
        view.finish()
