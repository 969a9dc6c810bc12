"""Does a request get what the model it names asks for?"""

import pytest
from openai import APIStatusError

from tests.fakes_selftest.sdk import sdk_for
from weir_server.fake_upstream.by_model import by_model
from weir_server.fake_upstream.upstream import FakeUpstream


@pytest.mark.parametrize(
    ("model", "status"), [("fault/bad_key", 401), ("fault/none", 404), ("recording/none", 404)]
)
async def test_model_chooses_a_fault(upstream: FakeUpstream, model: str, status: int) -> None:
    """A fault is asked for by name; one that is not there is an unknown model."""
    upstream.script(by_model)
    async with sdk_for(upstream.url) as sdk:
        with pytest.raises(APIStatusError) as caught:
            await sdk.chat.completions.create(model=model, messages=[])
    assert caught.value.status_code == status


async def test_model_chooses_a_recording(upstream: FakeUpstream) -> None:
    """A recording is asked for by name."""
    upstream.script(by_model)
    async with sdk_for(upstream.url) as sdk:
        stream = await sdk.chat.completions.create(
            model="recording/openai_length", messages=[], stream=True
        )
        reasons = [choice.finish_reason async for chunk in stream for choice in chunk.choices]
    assert reasons[-1] == "length"
