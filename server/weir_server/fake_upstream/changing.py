"""How does a rule of a script say what is different about an answer?"""

from weir_server.fake_upstream.adjusting import Changes
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.reading import Section

CHANGES = (
    "status",
    "headers",
    "retry_after",
    "content_type",
    "delay_before_first_byte_s",
    "delay_between_s",
    "delay_before_ending_s",
    "cut_after_bytes",
    "cut_after_events",
    "ending",
    "malformed",
)
"""What changes an answer that is a body or a stream."""

_ENDINGS = {ending.value: ending for ending in Ending}
# These tell where the body ends, which the answer itself decides.
_FRAMING = ("content-length", "transfer-encoding", "connection")


def read_changes(section: Section) -> Changes:
    """Read all of them but the delay before the headers, which fits any behaviour."""
    retry_after, date_in_s = _retry_after(section)
    cuts = [key for key in ("cut_after_bytes", "cut_after_events") if section.has(key)]
    if len(cuts) == 2:
        section.refuse(cuts[1], f"does not go with {cuts[0]}; keep one")
    content_type = section.text("content_type")
    if content_type is not None and not is_header_text(content_type):
        section.refuse("content_type", "must be one line of ASCII")
    return Changes(
        status=section.whole("status", least=200, most=599),
        headers=_headers(section),
        retry_after=retry_after,
        retry_after_date_in_s=date_in_s,
        content_type=content_type,
        delay_before_first_byte_s=section.number("delay_before_first_byte_s"),
        delay_between_s=section.number("delay_between_s"),
        delay_before_ending_s=section.number("delay_before_ending_s"),
        cut_after_bytes=section.whole("cut_after_bytes", least=0),
        cut_after_events=section.whole("cut_after_events", least=0),
        ending=_ENDINGS.get(section.choice("ending", _ENDINGS.keys()) or ""),
        is_malformed=section.flag("malformed") or False,
    )


def _retry_after(section: Section) -> tuple[str | None, float | None]:
    value = section.values.get("retry_after")
    if isinstance(value, dict):
        date = section.section("retry_after", ("date_in_s",))
        date_in_s = date.number("date_in_s", least=-1e9) if date is not None else None
        return None, date_in_s
    if not section.has("retry_after"):
        return None, None
    is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not is_scalar or not is_header_text(str(value)):
        section.refuse(
            "retry_after", "must be seconds, a text, or `{date_in_s: 30}` for an HTTP date"
        )
        return None, None
    return str(value), None


def _headers(section: Section) -> tuple[tuple[str, str], ...]:
    given = section.section("headers", ())
    pairs = []
    for name, value in given.values.items() if given is not None else ():
        assert given is not None
        if name.lower() in _FRAMING:
            given.refuse(name, "is the server's own; use a cut, or `fault: short_length`")
        elif name.lower() == "content-type":
            given.refuse(name, "has a key of its own: content_type, beside headers")
        elif not isinstance(value, str | int | float) or not is_header_text(f"{name}{value}"):
            given.refuse(name, "must be one line of ASCII")
        else:
            pairs.append((name, str(value)))
    return tuple(pairs)


def is_header_text(text: str) -> bool:
    """Return whether a text may stand in a header field as it is."""
    return text.isascii() and text.isprintable()
