"""Where are the books, and what is done while they are out of reach?"""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from weir_server.settings.node import Node, Seconds

_MIB = 1024 * 1024


def default_data_dir() -> Path:
    """The folder for what Weir keeps of its own, as the XDG rules name it."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return home / "weir"


class LedgerSettings(Node):
    """The books of calls, keys and budgets."""

    enabled: bool = True
    """False: no call is booked, and no budget holds."""
    url: SecretStr | None = None
    """`postgresql://user:password@host/name`, or `sqlite:////path/to/file`; unset: SQLite in
    `server.data_dir`."""
    wait_s: Annotated[float, Field(ge=0.01, le=10)] = 0.1
    """How long a call waits for the books before the spool takes what was to be booked."""
    hard_wait_s: Annotated[float, Field(ge=0.01, le=10)] = 1.0
    """How long one waits that a hard budget applies to, before it is refused: no spool can know
    what is left of a budget."""
    spool_max_bytes: Annotated[int, Field(ge=64 * 1024, le=16 * 1024 * _MIB)] = 64 * _MIB
    """How much the spool may hold; when it is full, calls are refused."""
    lease_grace_s: Seconds = 60.0
    """How long after its deadline a call that never ended counts as lost."""
    budgets_refresh_s: Annotated[float, Field(ge=0.1, le=5)] = 5.0
    """How old what is known of budgets may be, where another Weir has changed them."""

    reserve_step_tokens: Annotated[int, Field(ge=64, le=1_000_000)] = 4_096
    """How many tokens of an answer are reserved at a time where the caller sets no maximum. Under a
    hard budget a unary answer is given no more."""

    def address(self, data_dir: Path) -> str:
        """Return the address of the database."""
        return self.url.get_secret_value() if self.url else f"sqlite:///{data_dir / 'ledger.db'}"
