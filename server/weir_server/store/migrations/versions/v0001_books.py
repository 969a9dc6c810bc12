"""Begin the books: keys, budgets, reservations, calls and attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _count(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "attempts",
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        _text("provider"),
        _text("vendor_model"),
        _number("kind"),
        _number("reason"),
        sa.Column("start_offset_ms", sa.Double(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        _count("prompt_tokens"),
        _count("completion_tokens"),
        _count("cached_prompt_tokens"),
        _count("cache_write_prompt_tokens"),
        _count("reasoning_tokens"),
        _number("usage_source"),
        sa.Column("cost_nanos", sa.BigInteger(), nullable=True),
        _text("currency"),
        sa.Column("charged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("response_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "budget_events",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("begun_ns", sa.BigInteger(), nullable=False),
        sa.Column("window_start_ns", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        _count("spent_nanos"),
        _count("reserved_nanos"),
        _count("limit_nanos"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("budget", "begun_ns", "window_start_ns", "share"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_budget_events_time_ns", "budget_events", ["time_ns"], unique=False)
    op.create_table(
        "budget_windows",
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("begun_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("window_start_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        _count("spent_nanos"),
        _count("reserved_nanos"),
        sa.PrimaryKeyConstraint("budget", "begun_ns", "window_start_ns"),
    )
    op.create_table(
        "budgets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("limit_nanos", sa.BigInteger(), nullable=False),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("warn_at", sa.JSON(), nullable=False),
        sa.Column("begun_ns", sa.BigInteger(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "call_labels",
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("response_id", "label"),
    )
    op.create_index(
        "call_labels_by_value", "call_labels", ["label", "value", "response_id"], unique=False
    )
    op.create_table(
        "calls",
        sa.Column("response_id", sa.Text(), nullable=False),
        _text("request_id"),
        _text("tenant"),
        _text("key"),
        _text("method"),
        _text("model"),
        _text("provider"),
        _text("vendor_model"),
        _count("arrived_ns"),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("first_part_ms", sa.Double(), nullable=True),
        _number("reason"),
        _number("finish_reason"),
        _count("prompt_tokens"),
        _count("completion_tokens"),
        _count("cached_prompt_tokens"),
        _count("cache_write_prompt_tokens"),
        _count("reasoning_tokens"),
        sa.Column("modality_tokens", sa.JSON(), nullable=True),
        _number("usage_source"),
        sa.Column("cost_nanos", sa.BigInteger(), nullable=True),
        _text("currency"),
        sa.Column("cost_lines", sa.JSON(), nullable=False),
        _text("price_book"),
        _count("platform_nanos"),
        sa.Column("labels", sa.JSON(), nullable=False),
        _text("trace_id"),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        _number("state"),
        sa.Column("budgets", sa.JSON(), nullable=False),
        _count("booked_ns"),
        sa.PrimaryKeyConstraint("response_id"),
    )
    op.create_index("calls_by_key", "calls", ["key", "arrived_ns"], unique=False)
    op.create_index("calls_by_model", "calls", ["model", "arrived_ns"], unique=False)
    op.create_index("calls_by_tenant", "calls", ["tenant", "arrived_ns"], unique=False)
    op.create_index("calls_by_time", "calls", ["arrived_ns", "response_id"], unique=False)
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        _text("display_name"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("requests_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("tokens_per_minute", sa.BigInteger(), nullable=True),
        sa.Column("concurrent_calls", sa.BigInteger(), nullable=True),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        _text("secret_prefix"),
        sa.Column("old_secret_hash", sa.Text(), nullable=True),
        sa.Column("old_secret_until_ns", sa.BigInteger(), nullable=True),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("expire_ns", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("old_secret_hash"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_index("ix_keys_created_ns", "keys", ["created_ns"], unique=False)
    op.create_index("ix_keys_tenant", "keys", ["tenant"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("response_id", sa.Text(), nullable=False),
        _text("request_id"),
        _text("tenant"),
        _text("key"),
        _text("method"),
        _text("model"),
        sa.Column("labels", sa.JSON(), nullable=False),
        _count("arrived_ns"),
        sa.Column("lease_until_ns", sa.BigInteger(), nullable=False),
        _count("prompt_tokens"),
        _count("amount_nanos"),
        _text("trace_id"),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("budgets", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("response_id"),
        sqlite_with_rowid=False,
    )
