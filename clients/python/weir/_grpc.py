"""How is gRPC imported so that a process that forks goes on working? With fork support, first.

gRPC reads the setting once, when it is first imported. A user's own value is left alone. Where
gRPC was there before, nothing can be done any more; a fork is then warned about, when it happens.
"""

import os
import sys
import warnings

_SETTING = "GRPC_ENABLE_FORK_SUPPORT"


def _warn_of_fork() -> None:
    warnings.warn(
        "This process forks, but gRPC was imported before the Weir client without fork support: "
        f"a call in the child may hang. Import weir's client first, or set {_SETTING}=1.",
        RuntimeWarning,
        stacklevel=2,
    )


if _SETTING not in os.environ:
    if "grpc" in sys.modules and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_warn_of_fork)
    else:
        os.environ[_SETTING] = "1"

import grpc  # noqa: E402 - the setting above must come before
from grpc import aio  # noqa: E402 - the setting above must come before

__all__ = ["aio", "grpc"]
