"""How does a key look in a table? Without its secret, of which only the beginning is known."""

from collections.abc import Iterator, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from rich import box
from rich.table import Table
from rich.text import Text

from weir.admin.v1.key_admin_service_pb2 import Key, KeyRole, KeyState, RateLimits
from weir_server.cli.target_table import duration_words
from weir_server.cli.terminal import visible

_STATES = {
    KeyState.KEY_STATE_ACTIVE: ("active", "green"),
    KeyState.KEY_STATE_EXPIRED: ("expired", "yellow"),
    KeyState.KEY_STATE_REVOKED: ("revoked", "bold red"),
}


def table(keys: Sequence[Key], *, now_s: float, framed: bool) -> Table:
    """Return the keys in columns, with lines around them or without.

    now_s: seconds since the epoch, for how long ago things were.
    """
    shown = Table(
        box=box.ROUNDED if framed else None,
        header_style="bold",
        padding=(0, 1) if framed else (0, 1, 0, 0),
        pad_edge=framed,
    )
    for column in ("key", "state", "tenant", "called", "role", "secret", "made", "ends"):
        shown.add_column(column, no_wrap=column != "called", overflow="fold")
    for key in keys:
        word, style = _STATES.get(key.state, ("unknown", ""))
        cells = (
            key.tenant,
            key.display_name,
            _role(key),
            f"{key.secret_prefix}…",
            _ago(key.create_time, now_s),
            _ends(key, now_s),
        )
        shown.add_row(
            Text(visible(key.name.removeprefix("keys/"))),
            Text(word, style=style),
            *(Text(visible(cell)) for cell in cells),
        )
    return shown


def details(key: Key, *, now_s: float) -> Table:
    """Return one key, a fact a line."""
    shown = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    shown.add_column(no_wrap=True, style="bold")
    shown.add_column(overflow="fold")
    for fact, value in _facts(key, now_s):
        shown.add_row(fact, Text(visible(value)))
    return shown


def _facts(key: Key, now_s: float) -> Iterator[tuple[str, str]]:
    yield "key", key.name
    yield "called", key.display_name or "-"
    yield "tenant", key.tenant
    yield "role", _role(key)
    yield "state", _STATES.get(key.state, ("unknown", ""))[0]
    yield "models", ", ".join(key.models) or "all"
    yield "limits", ", ".join(_limits(key.limits)) or "none"
    yield "labels", ", ".join(f"{k}={v}" for k, v in sorted(key.labels.items())) or "none"
    yield "secret", f"{key.secret_prefix}…"
    yield "made", _ago(key.create_time, now_s)
    if key.HasField("revoke_time"):
        yield "revoked", _ago(key.revoke_time, now_s)
    yield "ends", _ends(key, now_s)


def _limits(limits: RateLimits) -> Iterator[str]:
    for field, value in limits.ListFields():
        yield f"{value:,} {field.name.replace('_', ' ')}"


def _role(key: Key) -> str:
    return "operator" if key.role == KeyRole.KEY_ROLE_OPERATOR else "caller"


def _ago(moment: Timestamp, now_s: float) -> str:
    return f"{duration_words(now_s - moment.ToNanoseconds() / 1e9)} ago"


def _ends(key: Key, now_s: float) -> str:
    if not key.HasField("expire_time"):
        return "never"
    left_s = key.expire_time.ToNanoseconds() / 1e9 - now_s
    return f"in {duration_words(left_s)}" if left_s > 0 else _ago(key.expire_time, now_s)
