"""What do the books look like? Tables of counts, names, times and money; never any content.

Money is whole nanos of one US dollar, times are nanoseconds since the Unix epoch, enums are the
numbers of the contract. Changing anything here takes a step in `migrations/versions/`; a test holds
the two together.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA: Final = MetaData()

# SQLite numbers rows by itself only in a column of type INTEGER.
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _json(name: str) -> Column[object]:
    return Column(name, JSON(none_as_null=True), nullable=False)


KEYS: Final = Table(
    "keys",
    METADATA,
    # The part of the resource name after `keys/`.
    Column("id", Text, primary_key=True),
    _text("display_name"),
    Column("tenant", Text, nullable=False, index=True),
    # `caller` or `operator`, as in core.caller.Role.
    Column("role", Text, nullable=False),
    # Resource names of the models it may use.
    _json("models"),
    _json("labels"),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    Column("concurrent_calls", BigInteger),
    # Keyed hashes, in hexadecimal; the secret itself is nowhere.
    Column("secret_hash", Text, nullable=False, unique=True),
    _text("secret_prefix"),
    # What was valid before a rotation, and until when it still is.
    Column("old_secret_hash", Text, unique=True),
    Column("old_secret_until_ns", BigInteger),
    Column("created_ns", BigInteger, nullable=False, index=True),
    Column("expire_ns", BigInteger),
    Column("revoked_ns", BigInteger),
)

BUDGETS: Final = Table(
    "budgets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("limit_nanos", BigInteger, nullable=False),
    Column("hard", Boolean, nullable=False),
    _json("warn_at"),
    # When it began to count whom it counts: a budget of another scope, subject or period is a new
    # one though it has the same name.
    Column("begun_ns", BigInteger, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
)

BUDGET_WINDOWS: Final = Table(
    "budget_windows",
    METADATA,
    Column("budget", Text, primary_key=True),
    Column("begun_ns", BigInteger, primary_key=True, autoincrement=False),
    # Beginning of the day or month; 0 where the period is the whole of time.
    Column("window_start_ns", BigInteger, primary_key=True, autoincrement=False),
    _count("spent_nanos"),
    _count("reserved_nanos"),
)

BUDGET_EVENTS: Final = Table(
    "budget_events",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("time_ns", BigInteger, nullable=False, index=True),
    Column("budget", Text, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("window_start_ns", BigInteger, nullable=False),
    Column("share", Double, nullable=False),
    _count("spent_nanos"),
    _count("reserved_nanos"),
    _count("limit_nanos"),
    # A share is told once in a window.
    UniqueConstraint("budget", "begun_ns", "window_start_ns", "share"),
    sqlite_autoincrement=True,
)

RESERVATIONS: Final = Table(
    "reservations",
    METADATA,
    Column("response_id", Text, primary_key=True),
    _text("request_id"),
    _text("tenant"),
    _text("key"),
    _text("method"),
    _text("model"),
    _json("labels"),
    _count("arrived_ns"),
    Column("lease_until_ns", BigInteger, nullable=False),
    _count("prompt_tokens"),
    _count("amount_nanos"),
    _text("trace_id"),
    # The process that serves the call.
    Column("instance", Text, nullable=False),
    # What it is reserved in: [name, begun_ns, window_start_ns] each.
    _json("budgets"),
    # No index but this: there are as many rows as open calls, and each is written and deleted.
    sqlite_with_rowid=False,
)

CALLS: Final = Table(
    "calls",
    METADATA,
    Column("response_id", Text, primary_key=True),
    _text("request_id"),
    _text("tenant"),
    _text("key"),
    _text("method"),
    _text("model"),
    _text("provider"),
    _text("vendor_model"),
    _count("arrived_ns"),
    Column("duration_ms", Double, nullable=False),
    Column("first_part_ms", Double),
    _number("reason"),
    _number("finish_reason"),
    _count("prompt_tokens"),
    _count("completion_tokens"),
    _count("cached_prompt_tokens"),
    _count("cache_write_prompt_tokens"),
    _count("reasoning_tokens"),
    # [modality, prompt_tokens, completion_tokens] each; null: the provider does not tell.
    Column("modality_tokens", JSON(none_as_null=True)),
    _number("usage_source"),
    # Null: the price is not known, which is not the same as free.
    Column("cost_nanos", BigInteger),
    _text("currency"),
    # [sku, quantity, amount_nanos] each.
    _json("cost_lines"),
    _text("price_book"),
    # What attempts cost that the tenant does not pay.
    _count("platform_nanos"),
    _json("labels"),
    _text("trace_id"),
    Column("replayed", Boolean, nullable=False),
    _number("state"),
    # What it is booked in: [name, begun_ns, window_start_ns] each.
    _json("budgets"),
    # When the row was written.
    _count("booked_ns"),
    Index("calls_by_time", "arrived_ns", "response_id"),
    Index("calls_by_tenant", "tenant", "arrived_ns"),
    Index("calls_by_key", "key", "arrived_ns"),
    Index("calls_by_model", "model", "arrived_ns"),
)

CALL_LABELS: Final = Table(
    "call_labels",
    METADATA,
    Column("response_id", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("call_labels_by_value", "label", "value", "response_id"),
)

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("response_id", Text, primary_key=True),
    # From 1, in the order in which they were made.
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("provider"),
    _text("vendor_model"),
    _number("kind"),
    _number("reason"),
    Column("start_offset_ms", Double, nullable=False),
    Column("duration_ms", Double, nullable=False),
    _count("prompt_tokens"),
    _count("completion_tokens"),
    _count("cached_prompt_tokens"),
    _count("cache_write_prompt_tokens"),
    _count("reasoning_tokens"),
    _number("usage_source"),
    Column("cost_nanos", BigInteger),
    _text("currency"),
    Column("charged", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
