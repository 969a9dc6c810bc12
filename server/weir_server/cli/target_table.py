"""How does a target look in a table? Short words for its state, times as people say them."""

from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration
from rich import box
from rich.table import Table
from rich.text import Text

from weir.admin.v1.admin_service_pb2 import CircuitState, CredentialState, Target
from weir.v1.error_pb2 import ErrorReason
from weir_server.cli.terminal import visible

_CIRCUITS = {
    CircuitState.CIRCUIT_STATE_CLOSED: ("closed", "green"),
    CircuitState.CIRCUIT_STATE_OPEN: ("open", "bold red"),
    CircuitState.CIRCUIT_STATE_HALF_OPEN: ("half open", "yellow"),
    CircuitState.CIRCUIT_STATE_FORCED_OPEN: ("forced open", "bold magenta"),
    CircuitState.CIRCUIT_STATE_FORCED_CLOSED: ("forced closed", "cyan"),
}
_AT_REST = {
    CredentialState.CREDENTIAL_STATE_COOLING: "cooling",
    CredentialState.CREDENTIAL_STATE_PARKED: "parked",
}


FRAME_MIN_WIDTH = 120
"""Columns of a terminal below which a frame would cost the table more than it gives."""


def short(name: str) -> str:
    """Return a resource name as people write it, such as `openai/gpt-4o-mini`."""
    return name.removeprefix("providers/").replace("/targets/", "/", 1)


def table(targets: Sequence[Target], *, now_s: float, framed: bool) -> Table:
    """Return the targets in columns, with lines around them or without.

    now_s: seconds since the epoch, for how long ago things were.
    """
    shown = Table(
        box=box.ROUNDED if framed else None,
        header_style="bold",
        padding=(0, 1) if framed else (0, 1, 0, 0),
        pad_edge=framed,
    )
    shown.add_column("target", no_wrap=True)
    shown.add_column("circuit", no_wrap=True)
    shown.add_column("in flight", justify="right", min_width=7)
    shown.add_column("queued", justify="right", min_width=6)
    shown.add_column("failed", justify="right", min_width=6)
    shown.add_column("first token (s)", justify="right", min_width=9)
    # Folded rather than cut: what stands there is what the operator came for.
    shown.add_column("last error", overflow="fold")
    shown.add_column("keys at rest", overflow="fold", min_width=8)
    for target in targets:
        cells = (
            _in_flight(target),
            str(target.provider_queued),
            _failed(target),
            _first_token(target),
            _last_error(target, now_s),
            ", ".join(_keys_at_rest(target)),
        )
        shown.add_row(
            Text(visible(short(target.name))),
            Text(circuit_words(target), style=circuit_style(target.circuit)),
            *(Text(visible(cell)) for cell in cells),
        )
    return shown


def circuit_words(target: Target) -> str:
    """Return a target's circuit such as `open, 12 s`: the time is that until a trial call."""
    word, _ = _CIRCUITS.get(target.circuit, ("unknown", ""))
    if not target.HasField("retry_after"):
        return word
    return f"{word}, {duration_words(seconds(target.retry_after))}"


def circuit_style(circuit: CircuitState.ValueType) -> str:
    """Return the colour of a circuit."""
    return _CIRCUITS.get(circuit, ("", ""))[1]


def duration_words(duration_s: float) -> str:
    """Return a time such as `12 s`, `5 min` or `3 h`."""
    for size_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if duration_s >= 2 * size_s:
            return f"{duration_s / size_s:.0f} {unit}"
    return f"{max(0.0, duration_s):.0f} s"


def seconds(duration: Duration) -> float:
    """Return a duration in seconds."""
    return duration.seconds + duration.nanos / 1e9


def _in_flight(target: Target) -> str:
    """Return the calls at the target, and of the provider's limit those at all its targets."""
    if not target.provider_limit:
        return str(target.in_flight)
    return f"{target.in_flight} ({target.provider_in_flight}/{target.provider_limit})"


def _failed(target: Target) -> str:
    return f"{target.window_failures}/{target.window_calls}" if target.window_calls else "-"


def _first_token(target: Target) -> str:
    """Return the median and the 95th percentile, such as `0.42/1.10`."""
    if not target.HasField("time_to_first_token_median"):
        return "-"
    median_s = seconds(target.time_to_first_token_median)
    if not target.HasField("time_to_first_token_p95"):
        return f"{median_s:.2f}"
    return f"{median_s:.2f}/{seconds(target.time_to_first_token_p95):.2f}"


def _last_error(target: Target, now_s: float) -> str:
    if not target.last_error:
        return "-"
    names: dict[int, str] = {number: name for name, number in ErrorReason.items()}
    reason = names.get(target.last_error, "another").removeprefix("ERROR_REASON_")
    if not target.HasField("last_error_time"):
        return reason
    ago_s = now_s - target.last_error_time.ToNanoseconds() / 1e9
    return f"{reason}, {duration_words(ago_s)} ago"


def _keys_at_rest(target: Target) -> Iterable[str]:
    for credential in target.credentials:
        if credential.state in _AT_REST:
            words = f"{credential.name or 'the only one'} {_AT_REST[credential.state]}"
            if credential.HasField("retry_after"):
                words = f"{words}, {duration_words(seconds(credential.retry_after))}"
            yield words
