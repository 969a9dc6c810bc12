"""What was used, by whom, for what? Questions to the books; each sees one state of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.types import BigInteger

from weir.admin.v1.usage_admin_service_pb2 import (
    ListCallsResponse,
    QueryUsageRequest,
    QueryUsageResponse,
    UsageFilter,
    UsageGroup,
    UsageRow,
)
from weir.v1.usage_pb2 import UsageSource
from weir.v1.usage_service_pb2 import CallRecord, CallState
from weir_server.core.errors import ResponseNotFound
from weir_server.store.database import Database
from weir_server.store.paging import after, size_of, token_of
from weir_server.store.records import record_of, running, timestamp
from weir_server.store.schema import ATTEMPTS, CALL_LABELS, CALLS, RESERVATIONS

_HOUR_NS: Final = 3600 * 1_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS
_FIELDS: Final = {
    UsageGroup.USAGE_GROUP_HOUR: "time",
    UsageGroup.USAGE_GROUP_DAY: "time",
    UsageGroup.USAGE_GROUP_TENANT: "tenant",
    UsageGroup.USAGE_GROUP_KEY: "key",
    UsageGroup.USAGE_GROUP_MODEL: "model",
    UsageGroup.USAGE_GROUP_PROVIDER: "provider",
    UsageGroup.USAGE_GROUP_LABEL: "label",
}
"""Where a row says what it is grouped by."""


class Usage:
    """Questions to the books. Every method blocks: call it in a thread.

    Raises PageTokenInvalid for a page token that Weir never gave, and SQLAlchemy's errors.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def query(self, request: QueryUsageRequest) -> QueryUsageResponse:
        """Return sums, ordered by what they are grouped by."""
        groups = list(dict.fromkeys(request.group_by))
        size = size_of(request.page_size)
        begin = after(request.page_token, [int if _is_time(each) else str for each in groups])
        sums = _sums(groups, request).subquery()
        keys = [sums.c[f"group_{number}"] for number in range(len(groups))]
        asked = select(sums).order_by(*keys).limit(size + 1)
        if begin and keys:
            values = [literal(value, key.type) for value, key in zip(begin, keys)]
            asked = asked.where(tuple_(*keys) > tuple_(*values))
        with self._database.reading() as connection:
            rows = connection.execute(asked).all()
        response = QueryUsageResponse(rows=[_usage_row(row, groups) for row in rows[:size]])
        if len(rows) > size:
            response.next_page_token = token_of(list(rows[size - 1])[: len(groups)])
        return response

    def list_calls(
        self, wanted: UsageFilter, *, page_size: int = 0, page_token: str = ""
    ) -> ListCallsResponse:
        """Return calls, the oldest first, with their attempts."""
        size, begin = size_of(page_size), after(page_token, [int, str])
        where = _where(wanted)
        order = (CALLS.c.arrived_ns, CALLS.c.response_id)
        asked = select(CALLS).where(*where).order_by(*order).limit(size + 1)
        response = ListCallsResponse()
        with self._database.reading() as connection:
            if begin is not None:
                arrived, last = literal(begin[0], BigInteger), literal(begin[1])
                asked = asked.where(tuple_(*order) > tuple_(arrived, last))
            else:
                counted = select(func.count()).select_from(CALLS).where(*where)
                response.total_size = connection.execute(counted).scalar_one()
            rows = connection.execute(asked).all()
            response.calls.extend(_records(connection, rows[:size]))
        if len(rows) > size:
            response.next_page_token = token_of([rows[size - 1].arrived_ns, rows[size - 1][0]])
        return response

    def call(self, response_id: str, *, tenant: str | None = None) -> CallRecord:
        """Return one call, also while it runs.

        tenant: whose it has to be; None: anybody's. Raises ResponseNotFound.
        """
        with self._database.reading() as connection:
            for table in (CALLS, RESERVATIONS):
                asked = select(table).where(table.c.response_id == response_id)
                row = connection.execute(asked).first()
                if row is None:
                    continue
                if tenant is not None and row.tenant != tenant:
                    break
                if table is RESERVATIONS:
                    return running(row)
                return _records(connection, [row])[0]
        raise ResponseNotFound(metadata={"responseId": response_id})


def _is_time(group: UsageGroup.ValueType) -> bool:
    return _FIELDS[group] == "time"


def _sums(groups: Sequence[UsageGroup.ValueType], request: QueryUsageRequest) -> Select[Any]:
    """Ask for the sums of each group; without groups for one sum, of nothing too."""
    calls = CALLS.c
    by = [
        _group(group, request.group_label).label(f"group_{number}")
        for number, group in enumerate(groups)
    ]
    is_doubtful = (calls.usage_source != UsageSource.USAGE_SOURCE_PROVIDER) | (
        calls.state == CallState.CALL_STATE_UNKNOWN
    )
    asked = select(
        *by,
        func.count().label("calls"),
        _sum(case((calls.reason != 0, 1), else_=0)).label("failed_calls"),
        _sum(calls.prompt_tokens).label("prompt_tokens"),
        _sum(calls.completion_tokens).label("completion_tokens"),
        _sum(calls.cached_prompt_tokens).label("cached_prompt_tokens"),
        _sum(calls.reasoning_tokens).label("reasoning_tokens"),
        _sum(calls.cost_nanos).label("cost_nanos"),
        _sum(case((calls.cost_nanos.is_(None), 1), else_=0)).label("unpriced_calls"),
        _sum(calls.platform_nanos).label("platform_cost_nanos"),
        _sum(case((is_doubtful, 1), else_=0)).label("estimated_calls"),
    ).select_from(CALLS)
    if UsageGroup.USAGE_GROUP_LABEL in groups:
        named = and_(
            CALL_LABELS.c.response_id == calls.response_id,
            CALL_LABELS.c.label == request.group_label,
        )
        asked = asked.outerjoin(CALL_LABELS, named)
    # By place: what is grouped by holds values, and PostgreSQL takes two of them for different.
    return asked.where(*_where(request.filter)).group_by(*(each.name for each in by))


def _sum(what: ColumnElement[Any]) -> ColumnElement[int]:
    # PostgreSQL adds int64 up to a decimal number.
    return cast(func.coalesce(func.sum(what), 0), BigInteger)


def _group(group: UsageGroup.ValueType, label: str) -> ColumnElement[Any]:
    match group:
        case UsageGroup.USAGE_GROUP_HOUR:
            return CALLS.c.arrived_ns - CALLS.c.arrived_ns % _HOUR_NS
        case UsageGroup.USAGE_GROUP_DAY:
            return CALLS.c.arrived_ns - CALLS.c.arrived_ns % _DAY_NS
        case UsageGroup.USAGE_GROUP_LABEL:
            return func.coalesce(CALL_LABELS.c.value, "")
    return CALLS.c[_FIELDS[group]]


def _where(wanted: UsageFilter) -> list[ColumnElement[bool]]:
    calls = CALLS.c
    where: list[ColumnElement[bool]] = []
    if wanted.HasField("start_time"):
        where.append(calls.arrived_ns >= wanted.start_time.ToNanoseconds())
    if wanted.HasField("end_time"):
        where.append(calls.arrived_ns < wanted.end_time.ToNanoseconds())
    named = {name: getattr(wanted, name) for name in ("tenant", "key", "model", "provider")}
    where += [calls[name] == value for name, value in named.items() if value]
    for label, value in sorted(wanted.labels.items()):
        where.append(
            select(CALL_LABELS.c.response_id)
            .where(
                CALL_LABELS.c.response_id == calls.response_id,
                CALL_LABELS.c.label == label,
                CALL_LABELS.c.value == value,
            )
            .exists()
        )
    return where


def _usage_row(row: Row[Any], groups: Sequence[UsageGroup.ValueType]) -> UsageRow:
    values = row._asdict()
    for number, group in enumerate(groups):
        value = values.pop(f"group_{number}")
        values[_FIELDS[group]] = timestamp(value) if _is_time(group) else value
    return UsageRow(**values)


def _records(connection: Connection, calls: Iterable[Row[Any]]) -> list[CallRecord]:
    calls = list(calls)
    attempts: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    ids = [call.response_id for call in calls]
    asked = select(ATTEMPTS).where(ATTEMPTS.c.response_id.in_(ids)).order_by(ATTEMPTS.c.number)
    for row in connection.execute(asked) if ids else ():
        attempts[row.response_id].append(row)
    return [record_of(call, attempts[call.response_id]) for call in calls]
