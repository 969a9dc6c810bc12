"""Whatever happens in whatever order, a process remembers what a plain model of its rules does."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from typing_extensions import override

from tests.contracts.replay_model import LEASE_S, RETENTION_S, ReplaysModel
from weir_server.replay.memory import MemoryReplays


class MemoryModel(ReplaysModel):
    """A process, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = MemoryReplays(self.clock, retention_s=RETENTION_S, max_bytes=2**30)

    @override
    def teardown(self) -> None:
        self.loop.close()

    @rule(seconds=st.sampled_from([0.5, 3.0, LEASE_S, RETENTION_S]))
    def lets_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)


TestMemoryModel = MemoryModel.TestCase
TestMemoryModel.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
