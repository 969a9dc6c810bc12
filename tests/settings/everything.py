"""What does a configuration look like that sets every key? And which keys are there?"""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from weir_server.settings.node import Node

_LIMIT = {"requests_per_minute": 60, "tokens_per_minute": 9_000, "concurrent_calls": 3}
_SECRET = "0123456789abcdef0123456789abcdef"
_TARGET = {
    "vendor_model": "big",
    "context_window_tokens": 8_000,
    "max_output_tokens": 900,
    "tokenizer": "o200k_base",
    "can": ["chat", "streaming"],
}
_SERVER = {
    "listen": "127.0.0.1:0",
    "tls": {"cert_file": "/c.pem", "key_file": "/k.pem", "client_ca_file": "/ca.pem"},
    "reflection": True,
    "initialize": False,
    "access_log": False,
    "drain_grace_s": 0.1,
    "max_request_bytes": 4096,
    "max_response_bytes": 4097,
    "max_metadata_bytes": 4098,
    "max_streams_per_connection": 7,
    "connection_idle_s": 1.1,
    "unary_deadline_s": 1.2,
    "stream_deadline_s": 1.3,
    "max_deadline_s": 1.4,
    "heartbeat_interval_s": 1.5,
    "start_alone_after_s": 1.6,
    "slow_consumer_limit_s": 1.7,
    "initialized_ttl_s": 1.8,
    "max_initialized_providers": 8,
    "admin": "off",
    "workers": 3,
    "data_dir": "/tmp/a folder/wéir",
}
_REMOTE = {
    "endpoint": "https://far.example/v1",
    "api_key": "sk-canary",
    "organization_id": "org",
    "model": "big",
    "unlisted_models": False,
    "max_concurrency": 5,
    "timeout_s": 2.5,
    "max_retries": 1,
    "headers": {"x-a": "b"},
    "allow_private": True,
    "allow_insecure_http": True,
    "ca_file": "/ca.pem",
}
_RATES = {
    "prompt_tokens": "1",
    "cached_prompt_tokens": "0.10",
    "cache_write_prompt_tokens": "1.250",
    "cache_write_1h_prompt_tokens": "0.000000001",
    "prompt_audio_tokens": "999999.999999999",
    "prompt_image_tokens": 0.1,
    "completion_tokens": 2,
    "reasoning_tokens": "1e3",
    "completion_audio_tokens": "0",
    "completion_image_tokens": "0.00",
    "requests": "5.0",
}
_AZURE = {
    "tenant_id": "directory",
    "client_id": "application",
    "client_secret": "azure-canary",
    "login_endpoint": "https://login.example",
    "scope": "https://scope.example/.default",
}
_AWS = {
    "region": "eu-central-1",
    "access_key_id": "AKIA",
    "secret_access_key": "aws-canary",
    "session_token": "session-canary",
}

EVERYTHING: Mapping[str, Any] = {
    "server": _SERVER,
    "upstream": {
        "connect_timeout_s": 1.1,
        "headers_timeout_s": 1.2,
        "idle_timeout_s": 1.3,
        "max_body_bytes": 5000,
        "private_hosts": ["inside:1"],
        "allow_insecure_http": True,
        "retry_base_s": 0.3,
        "retry_cap_s": 3.3,
        "first_token_timeout_s": 4.4,
    },
    "resilience": {
        "enabled": False,
        "max_attempts": 4,
        "retry_share": 0.3,
        "retry_floor_per_s": 0.7,
        "hedge_delay_min_s": 0.6,
        "hedge_share": 0.1,
        "breaker": {
            "window_s": 10.1,
            "min_calls": 3,
            "failure_share": 0.4,
            "slow_share": 0.7,
            "slow_after_s": 9.9,
            "consecutive_failures": 6,
            "open_s": 2.2,
            "open_max_s": 22.2,
            "trials": 2,
        },
        "concurrency": {"initial": 10, "minimum": 2, "maximum": 20},
    },
    "admission": {
        "enabled": False,
        "start_limit_min": 2,
        "start_limit_max": 9,
        "queue_share": 0.4,
        "open_calls_max": 70,
        "reserve_share": 0.1,
        "lag_limit_s": 0.35,
        "retry_after_s": 1.5,
    },
    "rates": {
        "shadow": True,
        "default": _LIMIT,
        "tenants": {"acme": _LIMIT},
        "models": {"m": _LIMIT},
        "reserve_step_tokens": 100,
        "lease_beyond_s": 6.5,
        "replicas": 2,
    },
    "redis": {"url": "redis://user:canary@host:6379/0", "timeout_ms": 21},
    "identity": {
        "mode": "keys",
        "hash_key": _SECRET,
        "cache_s": 1.25,
        "offline_s": 12.5,
        "failures_per_minute": 4,
    },
    "ledger": {
        "enabled": False,
        "url": "postgresql://user:canary@host/name",
        "wait_s": 0.2,
        "hard_wait_s": 0.3,
        "spool_max_bytes": 70_000,
        "lease_grace_s": 5.5,
        "budgets_refresh_s": 0.7,
        "reserve_step_tokens": 128,
    },
    "prices": {
        "overrides": [
            {"model": "m", "confirm": True, **_RATES},
            {"provider": "far", "vendor_model": "big", "like": "openai/gpt-4o"},
            {"provider": "echo", "free": True},
        ]
    },
    "idempotency": {
        "enabled": False,
        "retention_s": 60.5,
        "lease_margin_s": 1.5,
        "seal_key": _SECRET,
        "max_reply_bytes": 10,
        "max_memory_bytes": 2 * 1024 * 1024,
        "guard_only_tenants": ["acme"],
    },
    "providers": [
        {"id": "far", "kind": "openai", "vendor": "groq", **_REMOTE},
        {"id": "many", "kind": "openai"}
        | {"credentials": [{"name": "one", "api_key": "cred-canary", "organization_id": "org"}]},
        {"id": "blue", "kind": "azure-openai", "api_version": "2024-10-21"} | {"azure": _AZURE},
        {"id": "rock", "kind": "bedrock", "aws": _AWS},
        {"id": "vert", "kind": "vertex"}
        | {"vertex": {"project": "p", "location": "eu", "service_account_file": "/sa.json"}},
        {"id": "near", "kind": "local", "slots": 2, "context_tokens": 512, "weights_file": "/w"},
        {"id": "echo", "kind": "echo", "script_file": "/script.json"},
    ],
    "models": [
        {"name": "m", "provider": "far", "aliases": ["n"], "fallback_models": ["two"], **_TARGET}
        | {"fallback_on": ["content_filter"], "hedge": True},
        {"name": "two", "order": "weighted"}
        | {"targets": [{"provider": "many", "weight": 3, "credential": "one", **_TARGET}]},
    ],
    "default_model": "n",
    "secrets": {"spare": "spare-canary"},
}


def keys_of(node: type[Node]) -> set[tuple[str, str, str]]:
    """Each key of a branch and those below it, with each type that its annotation lets it have."""
    found: set[tuple[str, str, str]] = set()
    for name, field in node.model_fields.items():
        for leaf in _leaves(field.annotation):
            if issubclass(leaf, Node):
                found |= keys_of(leaf)
            found.add((node.__name__, name, leaf.__name__))
    return found


def keys_set(node: Node) -> set[tuple[str, str, str]]:
    """Each key that was set in a branch and those below it, with the type of its value."""
    found: set[tuple[str, str, str]] = set()
    for name in node.model_fields_set:
        for value in _values(getattr(node, name)):
            if isinstance(value, Node):
                found |= keys_set(value)
            found.add((type(node).__name__, name, _type_name(value)))
    return found


def _type_name(value: object) -> str:
    # A path is one of this system's kind.
    return "Path" if type(value).__name__ == "PosixPath" else type(value).__name__


def _values(value: object) -> Iterator[object]:
    """What is in a value: of a tuple its items, of a dictionary its values."""
    if isinstance(value, tuple):
        for item in value:
            yield from _values(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _values(item)
    elif value is not None:
        yield value


def _leaves(annotation: Any) -> Iterator[type]:
    """The types in an annotation, but None. Raises TypeError for what is not known here."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _leaves(inside[0])
    elif origin is Literal:
        yield from {type(word) for word in inside}
    elif origin in (Union, types.UnionType):
        for each in inside:
            yield from _leaves(each)
    elif origin is tuple:
        yield from _leaves(inside[0])
    elif origin is dict:
        yield from _leaves(inside[1])
    elif isinstance(annotation, type) and origin is None:
        if annotation is not type(None):
            yield annotation
    else:
        raise TypeError(f"settings are annotated as {annotation}: teach this walk to read it")
