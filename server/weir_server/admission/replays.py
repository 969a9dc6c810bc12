"""How is a call booked that gets what an equal one has had? At no charge, before it is given."""

from typing import Final

from typing_extensions import override

from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import TokenUsage
from weir_server.admission.planning import Planner
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.handler import Request
from weir_server.core.ledger import CallEntry, Ledger
from weir_server.core.replays import Replay, ReplayBook

_SUCCEEDED: Final = ErrorReason.ERROR_REASON_UNSPECIFIED
_NOT_SAID: Final = FinishReason.FINISH_REASON_UNSPECIFIED


class LedgerReplays(ReplayBook):
    """Books replays in the ledger: a row of its own for each, without usage or attempts."""

    def __init__(self, *, ledger: Ledger, planner: Planner, clock: Clock) -> None:
        self._ledger = ledger
        self._planner = planner
        self._clock = clock

    @override
    async def book(self, call: Call, request: Request, replay: Replay) -> None:
        """Book the call, and wait until that is durable. Raises LedgerUnavailable."""
        elapsed_s = self._clock.monotonic_s() - call.arrived_s
        await self._ledger.settle(
            CallEntry(
                hold=self._planner.free(call, request),
                provider=replay.provider,
                vendor_model=replay.vendor_model,
                duration_ms=elapsed_s * 1e3,
                first_part_ms=None,
                reason=_SUCCEEDED if replay.error is None else replay.error.reason,
                finish_reason=_NOT_SAID,
                usage=TokenUsage(),
                replayed=True,
            )
        )
