"""Does a client's retry policy see that nothing of an answer was given?"""

import pytest

from tests.service.asking import logged
from tests.service.weir import Weir
from weir import AsyncClient, UnavailableError

REFUSED = '/script [{"fail": "GATEWAY_DRAINING"}]'


async def test_a_refused_call_is_tried_three_times(weir: Weir) -> None:
    """What is refused is a status alone, with no empty message before it."""
    async with AsyncClient(weir.app.address) as client:
        with pytest.raises(UnavailableError):
            await client.chat(REFUSED)
        tries = await logged(weir, 3)
    assert [line["method"] for line in tries] == ["Chat"] * 3


async def test_a_refused_stream_is_tried_three_times(weir: Weir) -> None:
    """The same for a stream that has not begun."""
    async with AsyncClient(weir.app.address) as client:
        async with client.stream_chat(REFUSED) as stream:
            with pytest.raises(UnavailableError):
                await anext(aiter(stream))
        tries = await logged(weir, 3)
    assert [line["method"] for line in tries] == ["StreamChat"] * 3
