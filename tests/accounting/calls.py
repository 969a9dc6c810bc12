"""Calls and targets for tests of accounting."""

from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.call import Call
from weir_server.core.deadline import Deadline
from weir_server.core.target import Operation, Target


def target_of(vendor_model: str = "gpt-4o", tokenizer: str = "") -> Target:
    """Make a target whose tokens are to be counted."""
    return Target(
        provider="providers/p",
        model="models/m",
        vendor_model=vendor_model,
        capabilities=ModelCapabilities(),
        tokenizer=tokenizer,
    )


def call_of(target: Target | None = None) -> Call:
    """Make a call to one target."""
    return Call(
        request_id="q1",
        response_id="r1",
        method="StreamChat",
        operation=Operation.CHAT,
        streaming=True,
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 30.0),
        targets=(target or target_of(),),
    )
