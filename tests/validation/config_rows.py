"""The rules of provider configurations: ValidateConfig and Initialize."""

from tests.validation.rows import Row, quoted
from weir_server.core.errors import ConfigInvalid


def headers(count: int) -> str:
    """Write a configuration with so many headers."""
    return " ".join(f"headers {{ key: 'x-h{i}' value: 'v' }}" for i in range(count))


def header(name: str, value: str = "v") -> str:
    """Write a configuration with one header."""
    return f"headers {{ key: {quoted(name)} value: {quoted(value)} }}"


RESERVED = (
    *("Host", "Connection", "transfer-encoding", "Content-Length", "content-type", "TE"),
    *("Authorization", "proxy-authorization", "X-API-Key", "api-key", "x-goog-api-key"),
    *("Cookie", "x-auth-token", "x-team-secret", "X_Session_Token", "x-amz-security-token"),
    *("x-forwarded-for", "Forwarded", "traceparent", "weir-tenant", "openai-organization"),
)

BAD_ENDPOINTS = (
    *("api.example.com", "ftp://example.com", "https://", "https:///v1", "//example.com/v1"),
    *("https://user@example.com", "https://u:p@example.com", "https://example.com?key=1"),
    *("https://example.com#f", "https://example.com:99999", "https://example.com:0"),
    *("https://exa mple.com", "https:\\\\example.com", "https://example.com/\n", "https://exämple"),
    *("https://[::1", "javascript:alert(1)", "https://example.com\\@evil.example"),
)

CONFIG_ROWS = [
    Row(
        case="key with a line break",
        breaks="api_key: " + quoted("sk-1\n"),
        keeps="api_key: 'sk-1'",
        field="api_key",
        rule="BAD_FORMAT",
    ),
    Row(
        case="key too long",
        breaks="api_key: " + quoted("k" * 4_097),
        keeps="api_key: " + quoted("k" * 4_096),
        field="api_key",
        rule="BAD_FORMAT",
    ),
    Row(
        case="key and reference",
        breaks="api_key: 'k' api_key_secret_ref: 'r'",
        keeps="api_key_secret_ref: 'r'",
        field="api_key_secret_ref",
        rule="CONFLICT",
    ),
    Row(
        case="reference with a slash",
        breaks="api_key_secret_ref: '../r'",
        keeps="api_key_secret_ref: 'openai-prod.2'",
        field="api_key_secret_ref",
        rule="BAD_FORMAT",
    ),
    Row(
        case="model of a configuration",
        breaks="model: " + quoted("m\n"),
        keeps="model: 'gpt-4o-mini'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="empty organization",
        breaks="organization_id: ''",
        keeps="organization_id: 'org-abc'",
        field="organization_id",
        rule="BAD_FORMAT",
    ),
    Row(
        case="organization with a line break",
        breaks="organization_id: " + quoted("org\r\nx-admin: 1"),
        keeps="organization_id: 'org-abc'",
        field="organization_id",
        rule="BAD_FORMAT",
    ),
    *(
        Row(
            case=f"endpoint {endpoint!r}",
            breaks="endpoint: " + quoted(endpoint),
            keeps="endpoint: 'https://api.example.com:8443/v1'",
            field="endpoint",
            rule="BAD_FORMAT",
        )
        for endpoint in BAD_ENDPOINTS
    ),
    Row(
        case="endpoint too long",
        breaks="endpoint: " + quoted("https://example.com/" + "a" * 2_029),
        keeps="endpoint: " + quoted("https://example.com/" + "a" * 2_028),
        field="endpoint",
        rule="TOO_LONG",
    ),
    Row(
        case="timeout too short",
        breaks="timeout { nanos: 999999999 }",
        keeps="timeout { seconds: 1 }",
        field="timeout",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="timeout too long",
        breaks="timeout { seconds: 3600 nanos: 1 }",
        keeps="timeout { seconds: 3600 }",
        field="timeout",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="negative retries",
        breaks="max_retries: -1",
        keeps="max_retries: 0",
        field="max_retries",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="too many retries",
        breaks="max_retries: 11",
        keeps="max_retries: 10",
        field="max_retries",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="kind with a capital",
        breaks="provider_kind: 'OpenAI'",
        keeps="provider_kind: 'openai'",
        field="provider_kind",
        rule="BAD_FORMAT",
    ),
    Row(
        case="too many headers",
        breaks=headers(33),
        keeps=headers(32),
        field="headers",
        rule="TOO_MANY",
    ),
    Row(
        case="header name with a colon",
        breaks=header("x-team: search\r\nx"),
        keeps=header("x-team"),
        field='headers["x-team: search\\r\\nx"]',
        rule="BAD_FORMAT",
    ),
    Row(
        case="header name too long",
        breaks=header("x" * 129),
        keeps=header("x" * 128),
        field=f'headers["{"x" * 64}\\u2026"]',
        rule="TOO_LONG",
    ),
    Row(
        case="header twice",
        breaks=header("x-team") + header("X-Team"),
        keeps=header("x-team") + header("x-tenant"),
        field='headers["x-team"]',
        rule="DUPLICATE",
    ),
    *(
        Row(
            case=f"header value {value!r}",
            breaks=header("x-team", value),
            keeps=header("x-team", "a\tb c"),
            field='headers["x-team"]',
            rule="BAD_FORMAT",
        )
        for value in ("a\r\nb", "a\0", "", " a", "é")
    ),
    Row(
        case="header value too long",
        breaks=header("x-team", "v" * 4_097),
        keeps=header("x-team", "v" * 4_096),
        field='headers["x-team"]',
        rule="TOO_LONG",
    ),
    *(
        Row(
            case=f"reserved header {name}",
            breaks=header(name),
            keeps=header("x-author"),
            field=f'headers["{name}"]',
            rule="RESERVED",
        )
        for name in RESERVED
    ),
]

INITIALIZE_ROWS = [
    Row(
        case="no configuration",
        breaks="provider_id: 'p'",
        keeps="provider_id: 'p' config { }",
        field="config",
        rule="REQUIRED",
        error=ConfigInvalid,
    ),
    Row(
        case="bad configuration",
        breaks="provider_id: 'p' config { max_retries: 11 }",
        keeps="provider_id: 'p' config { max_retries: 10 }",
        field="config.max_retries",
        rule="OUT_OF_RANGE",
        error=ConfigInvalid,
    ),
    Row(
        case="no provider id",
        breaks="config { }",
        keeps="config { } provider_id: 'p'",
        field="provider_id",
        rule="REQUIRED",
    ),
    *(
        Row(
            case=f"provider id {bad!r}",
            breaks=f"config {{ }} provider_id: '{bad}'",
            keeps="config { } provider_id: 'a" + "-1" * 31 + "'",
            field="provider_id",
            rule="BAD_FORMAT",
        )
        for bad in ("1a", "-a", "A", "a_b", "providers/a", "a" * 64)
    ),
    Row(
        case="request id too long",
        breaks="config { } provider_id: 'p' request_id: " + quoted("r" * 65),
        keeps="config { } provider_id: 'p' request_id: " + quoted("r" * 64),
        field="request_id",
        rule="TOO_LONG",
    ),
]
