"""The rules of requests about keys."""

from collections.abc import Iterator

from tests.validation.rows import Row, quoted

NAMED = "name: 'keys/4f1d8a' "
MASK = "update_mask { paths: 'labels' } "


def of_key(inside: str) -> str:
    """A key to be made, with this beside its tenant."""
    return f"key {{ tenant: 'search' {inside} }}"


def name_rows() -> Iterator[Row]:
    yield Row(case="no name", breaks="", keeps=NAMED, field="name", rule="REQUIRED")
    for case, name in (
        ("a name without its collection", "4f1d8a"),
        ("SQL as a name", "keys/x' OR 1=1 --"),
        ("a name that is too long", "keys/" + "a" * 65),
    ):
        yield Row(
            case=case,
            breaks=f"name: {quoted(name)}",
            keeps=f"name: 'keys/{'a' * 64}'",
            field="name",
            rule="BAD_FORMAT",
        )


NAME_ROWS = list(name_rows())

CREATE_ROWS = [
    Row(case="no key", breaks="", keeps=of_key(""), field="key", rule="REQUIRED"),
    Row(
        case="a key of nobody",
        breaks="key { role: KEY_ROLE_CALLER }",
        keeps=of_key("role: KEY_ROLE_CALLER"),
        field="key.tenant",
        rule="REQUIRED",
    ),
    Row(
        case="a tenant with a blank",
        breaks="key { tenant: 'my search' }",
        keeps="key { tenant: 'my.search_1-x' }",
        field="key.tenant",
        rule="BAD_FORMAT",
    ),
    Row(
        case="a role that is none",
        breaks=of_key("role: 7"),
        keeps=of_key("role: KEY_ROLE_OPERATOR name: 'ignored' state: KEY_STATE_REVOKED"),
        field="key.role",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="a display name over lines",
        breaks=of_key("display_name: " + quoted("a\u2028b")),
        keeps=of_key("display_name: " + quoted("Suche, Köln")),
        field="key.display_name",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="a display name too long",
        breaks=of_key("display_name: " + quoted("x" * 129)),
        keeps=of_key("display_name: " + quoted("x" * 128)),
        field="key.display_name",
        rule="TOO_LONG",
    ),
    *(
        Row(
            case=f"a model called {model}",
            breaks=of_key(f"models: 'models/a' models: '{model}'"),
            keeps=of_key("models: 'models/*' models: 'models/org/m:free' models: 'models/a-*'"),
            field="key.models[1]",
            rule="BAD_FORMAT",
        )
        for model in ("fast", "models/", "models/*-mini", "*", "models/a b")
    ),
    Row(
        case="too many models",
        breaks=of_key("models: 'models/a' " * 101),
        keeps=of_key("models: 'models/a' " * 100),
        field="key.models",
        rule="TOO_MANY",
    ),
    *(
        Row(
            case=f"{limit} of none",
            breaks=of_key(f"limits {{ {limit}: 0 }}"),
            keeps=of_key(f"limits {{ {limit}: 1 }}"),
            field=f"key.limits.{limit}",
            rule="OUT_OF_RANGE",
        )
        for limit in ("requests_per_minute", "tokens_per_minute", "concurrent_calls")
    ),
    Row(
        case="a limit without sense",
        breaks=of_key("limits { tokens_per_minute: 1000000000001 }"),
        keeps=of_key("limits { tokens_per_minute: 1000000000000 }"),
        field="key.limits.tokens_per_minute",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="a label without a key",
        breaks=of_key("labels { key: '' value: 'x' }"),
        keeps=of_key("labels { key: 'team' value: '' }"),
        field='key.labels[""]',
        rule="REQUIRED",
    ),
    Row(
        case="an end before there was time",
        breaks=of_key("expire_time { seconds: -1 }"),
        keeps=of_key("expire_time { }"),
        field="key.expire_time",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="an end after all time",
        breaks=of_key("expire_time { seconds: 253402300800 }"),
        keeps=of_key("expire_time { seconds: 253402300799 nanos: 999999999 }"),
        field="key.expire_time",
        rule="OUT_OF_RANGE",
    ),
]

LIST_ROWS = [
    Row(
        case="SQL as a tenant",
        breaks="tenant: " + quoted("x' OR 1=1 --"),
        keeps="tenant: 'search'",
        field="tenant",
        rule="BAD_FORMAT",
    ),
    Row(
        case="a page too large",
        breaks="page_size: 1001",
        keeps="page_size: 1000",
        field="page_size",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="a page of less than nothing",
        breaks="page_size: -1",
        keeps="page_size: 0",
        field="page_size",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="a token over lines",
        breaks="page_token: " + quoted("a\nb"),
        keeps="page_token: 'a'",
        field="page_token",
        rule="CONTROL_CHARACTER",
    ),
]

UPDATE_ROWS = [
    Row(
        case="no mask",
        breaks=f"key {{ {NAMED} }}",
        keeps=f"key {{ {NAMED} }} {MASK}",
        field="update_mask",
        rule="REQUIRED",
    ),
    Row(
        case="a mask of nothing",
        breaks=f"key {{ {NAMED} }} update_mask {{ }}",
        keeps=f"key {{ {NAMED} }} {MASK}",
        field="update_mask",
        rule="REQUIRED",
    ),
    *(
        Row(
            case=f"a mask of {path}",
            breaks=f"key {{ {NAMED} }} update_mask {{ paths: 'labels' paths: '{path}' }}",
            keeps=f"key {{ {NAMED} }} update_mask {{ paths: 'display_name' paths: 'models' "
            "paths: 'limits' paths: 'labels' paths: 'expire_time' }",
            field="update_mask",
            rule="UNKNOWN_VALUE",
        )
        for path in ("role", "tenant", "limits.requests_per_minute", "*", "secret_hash")
    ),
    Row(
        case="no name of the key",
        breaks="key { display_name: 'x' } " + MASK,
        keeps=f"key {{ {NAMED} display_name: 'x' }} {MASK}",
        field="key.name",
        rule="REQUIRED",
    ),
]

ROTATE_ROWS = [
    Row(
        case="an overlap too long",
        breaks=NAMED + "overlap { seconds: 2592000 nanos: 1 }",
        keeps=NAMED + "overlap { seconds: 2592000 }",
        field="overlap",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="an overlap of less than nothing",
        breaks=NAMED + "overlap { nanos: -1 }",
        keeps=NAMED + "overlap { }",
        field="overlap",
        rule="OUT_OF_RANGE",
    ),
]
