"""The rules of questions to the ledger, and of budgets."""

from collections.abc import Sequence

from tests.validation.rows import Row, quoted

PERIOD = "period: BUDGET_PERIOD_DAY "
NAME = "name: 'budgets/b' "
SCOPED = NAME + PERIOD
BUDGET = SCOPED + "tenant: 't' "
NO_TIME = "seconds: 253402300800"
LAST_TIME = "seconds: 253402300799"


def row(case: str, breaks: str, keeps: str, field: str, rule: str = "BAD_FORMAT") -> Row:
    return Row(case=case, breaks=breaks, keeps=keeps, field=field, rule=rule)


def below(field: str, rows: Sequence[Row]) -> list[Row]:
    """Put the rows' requests into a field of another."""
    return [
        Row(
            case=f"{field}: {each.case}",
            breaks=f"{field} {{ {each.breaks} }}",
            keeps=f"{field} {{ {each.keeps} }}",
            field=f"{field}.{each.field}",
            rule=each.rule,
        )
        for each in rows
    ]


FILTER_ROWS = [
    row(
        "start beyond time",
        f"start_time {{ {NO_TIME} }}",
        f"start_time {{ {LAST_TIME} }}",
        "start_time",
        "OUT_OF_RANGE",
    ),
    row(
        "end beyond time",
        "end_time { nanos: 1000000000 }",
        "end_time { nanos: 999999999 }",
        "end_time",
        "OUT_OF_RANGE",
    ),
    row("tenant that is SQL", 'tenant: "t\' OR 1=1"', "tenant: 'team.a_b-1'", "tenant"),
    row("key without its collection", "key: '4f1d'", "key: 'keys/4f1d'", "key"),
    row("model without its collection", "model: 'fast'", "model: 'models/org/fast'", "model"),
    row("provider that is none", "provider: 'openai'", "provider: 'providers/openai'", "provider"),
    row(
        "label without a key",
        "labels { key: '' value: 'x' }",
        "labels { key: 'team' value: 'x' }",
        'labels[""]',
        "REQUIRED",
    ),
]
PAGE_ROWS = [
    row("page too large", "page_size: 1001", "page_size: 1000", "page_size", "OUT_OF_RANGE"),
    row(
        "token with a line break",
        "page_token: " + quoted("a\nb"),
        "page_token: 'ab'",
        "page_token",
        "CONTROL_CHARACTER",
    ),
]
QUERY_ROWS = [
    *below("filter", FILTER_ROWS),
    *PAGE_ROWS,
    row(
        "group that is none",
        "group_by: 99",
        "group_by: USAGE_GROUP_DAY",
        "group_by[0]",
        "UNKNOWN_VALUE",
    ),
    row(
        "group by one thing twice",
        "group_by: USAGE_GROUP_DAY group_by: USAGE_GROUP_DAY",
        "group_by: USAGE_GROUP_DAY group_by: USAGE_GROUP_HOUR",
        "group_by[1]",
        "DUPLICATE",
    ),
    row(
        "label to group by without a name",
        "group_by: USAGE_GROUP_LABEL",
        "group_by: USAGE_GROUP_LABEL group_label: 'team'",
        "group_label",
        "REQUIRED",
    ),
    row(
        "name of a label that nothing is grouped by",
        "group_label: 'team'",
        "group_label: 'team' group_by: USAGE_GROUP_LABEL",
        "group_by",
        "CONFLICT",
    ),
]
WATCH_ROWS = [
    *below("query", QUERY_ROWS),
    row(
        "interval too short",
        "interval { nanos: 99999999 }",
        "interval { nanos: 100000000 }",
        "interval",
        "OUT_OF_RANGE",
    ),
]
CALLS_ROWS = [*below("filter", FILTER_ROWS), *PAGE_ROWS]
BUDGET_ROWS = below(
    "budget",
    [
        row(
            "no name",
            "tenant: 't' period: BUDGET_PERIOD_DAY",
            BUDGET,
            "name",
            "REQUIRED",
        ),
        row(
            "name that is none",
            PERIOD + "tenant: 't' name: 'x'",
            PERIOD + "tenant: 't' name: 'budgets/x'",
            "name",
        ),
        row(
            "nobody's",
            "name: 'budgets/b' period: BUDGET_PERIOD_DAY",
            BUDGET,
            "scope",
            "REQUIRED",
        ),
        row("key that is none", SCOPED + "key: 'x'", SCOPED + "key: 'keys/x'", "key"),
        row("tenant with a space", SCOPED + "tenant: 'a b'", SCOPED + "tenant: 'ab'", "tenant"),
        row("label without a value", SCOPED + "label: 'team'", SCOPED + "label: 'team=a'", "label"),
        row(
            "no period",
            "name: 'budgets/b' tenant: 't'",
            BUDGET,
            "period",
            "REQUIRED",
        ),
        row(
            "period that is none",
            NAME + "tenant: 't' period: 9",
            NAME + "tenant: 't' period: BUDGET_PERIOD_TOTAL",
            "period",
            "UNKNOWN_VALUE",
        ),
        row(
            "less than nothing",
            BUDGET + "limit_nanos: -1",
            BUDGET + "limit_nanos: 1",
            "limit_nanos",
            "OUT_OF_RANGE",
        ),
        row(
            "told at more than all of it",
            BUDGET + "warn_at: 1.01",
            BUDGET + "warn_at: 1",
            "warn_at[0]",
            "OUT_OF_RANGE",
        ),
    ],
)
BUDGETS_ROWS = [
    row("tenant that is SQL", 'tenant: "t\' OR 1=1"', "tenant: 't'", "tenant"),
    *PAGE_ROWS,
]
DELETE_ROWS = [
    row("no name", "", "name: 'budgets/b'", "name", "REQUIRED"),
    row("name that is none", "name: 'b'", "name: 'budgets/b'", "name"),
]
EVENTS_ROWS = [
    row("name that is none", "name: 'b'", "name: 'budgets/b'", "name"),
    row(
        "start beyond time",
        f"start_time {{ {NO_TIME} }}",
        f"start_time {{ {LAST_TIME} }}",
        "start_time",
        "OUT_OF_RANGE",
    ),
]
RESPONSE_ROWS = [
    row("no id", "", "response_id: 'resp_1'", "response_id", "REQUIRED"),
    row(
        "id with a line break",
        "response_id: " + quoted("a\nb"),
        "response_id: 'resp_1'",
        "response_id",
        "CONTROL_CHARACTER",
    ),
]
