"""The states of targets as a test says they are."""

from collections.abc import Sequence

from typing_extensions import override

from weir.admin.v1.admin_service_pb2 import CircuitState
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir_server.core.errors import ModelNotFound
from weir_server.core.target import Target
from weir_server.core.targets import TargetStates


class SaidStates(TargetStates):
    """Knows the targets that it was told of; all others are closed."""

    def __init__(self, *reports: TargetReport) -> None:
        self._reports = {report.name: report for report in reports}

    @override
    def describe(self, target: Target) -> TargetReport:
        closed = TargetReport(name=target.name, circuit=CircuitState.CIRCUIT_STATE_CLOSED)
        return self._reports.get(target.name, closed)

    @override
    def targets(self) -> Sequence[TargetReport]:
        return [self._reports[name] for name in sorted(self._reports)]

    @override
    def force(self, name: str, circuit: CircuitState.ValueType) -> TargetReport:
        if name not in self._reports:
            raise ModelNotFound(metadata={"model": name})
        self._reports[name].circuit = circuit
        return self._reports[name]

    @override
    async def changed(self) -> None:
        return
