"""May this URL be a provider's endpoint? Parsed strictly: what is odd is refused, never repaired.

Everything that dials out starts from an `Endpoint` made here. A name says nothing yet about the
addresses behind it: `connect` judges those at every dial.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.http.addresses import judge

MAX_URL_CHARACTERS = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1024
"""Ports below it belong to other protocols (25 is mail); they are taken only where the operator
named host and port, or where the port is the scheme's own."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>.*))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*")
_ENCODED_TRICK = re.compile(r"%(?:2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPolicy:
    """What the operator allows beyond https to the internet."""

    allow_private_hosts: frozenset[str] = frozenset()
    """Hosts, as `host` or `host:port` (`[::1]:8080` for IPv6), that may be inside: loopback,
    private and unique local addresses. Link-local and metadata addresses stay refused."""
    allow_private: bool = False
    """Whether any host may be inside so: for endpoints that the operator wrote down itself."""
    allow_insecure_http: bool = False
    """Whether an endpoint may be plain http."""

    def __post_init__(self) -> None:
        """Bring the names into the form in which hosts are compared.

        Raises ValueError for a name that no host could equal.
        """
        names = frozenset(map(_canonical_name, self.allow_private_hosts))
        object.__setattr__(self, "allow_private_hosts", names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A checked base address of a provider. Only `parse_endpoint` makes them."""

    scheme: str
    host: str
    """A lower-case name, or an IP address without brackets."""
    port: int
    base_path: str
    """Empty, or a path that begins with a slash and ends without one."""
    private_ok: bool
    """Whether the operator named this host, so that it may have private addresses."""

    @property
    def authority(self) -> str:
        """Host, and port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def url(self, path: str = "") -> str:
        """The absolute URL of `path`, which begins with a slash, below the base path."""
        return f"{self.scheme}://{self.authority}{self.base_path}{path}"

    def __str__(self) -> str:
        return self.url()


def parse_endpoint(
    text: str, policy: EndpointPolicy, *, field: str = "config.endpoint"
) -> Endpoint:
    """Check `text` and return the endpoint it names.

    Raises ConfigInvalid with a violation of `field` that names the rule and the way to keep it.
    """
    refuse = _Refusal(field)
    _check_characters(text, refuse)
    parts = _URL.fullmatch(text)
    if parts is None:
        refuse("NOT_A_URL", "Write an absolute URL such as https://api.example.com/v1.")
    if parts["query"] is not None:
        refuse("QUERY", "Leave out the query; options and credentials travel elsewhere.")
    if parts["fragment"] is not None:
        refuse("FRAGMENT", "Leave out the fragment.")
    scheme = _scheme(parts["scheme"].lower(), policy, refuse)
    host, port_text = _authority(parts["authority"], refuse)
    port = _port(port_text, scheme, refuse)
    bracketed = f"[{host}]" if ":" in host else host
    with_port = f"{bracketed}:{port}"
    named = policy.allow_private_hosts
    private_ok = policy.allow_private or not named.isdisjoint((host, with_port))
    if port != DEFAULT_PORTS[scheme] and port < FIRST_FREE_PORT and with_port not in named:
        refuse(
            "PORT",
            f"Port {port} belongs to another protocol; use {DEFAULT_PORTS[scheme]} or one from "
            f"{FIRST_FREE_PORT} up, or let the operator allow {with_port}.",
        )
    _check_host(host, private_ok=private_ok, refuse=refuse)
    return Endpoint(
        scheme=scheme,
        host=host,
        port=port,
        base_path=_base_path(parts["path"], refuse),
        private_ok=private_ok,
    )


def _canonical_name(name: str) -> str:
    """Return `host` or `host:port` as `parse_endpoint` compares it."""
    wanted = f"{name!r} is no host or host:port, such as llm.internal or 10.0.0.5:8000"
    split = _AUTHORITY.fullmatch(name.strip().lower())
    if name.count(":") > 1 and "[" not in name:
        split = _AUTHORITY.fullmatch(f"[{name.strip()}]")
    if split is None or not split["host"] or re.search(r"[/@*%\\\s]", name.strip()):
        raise ValueError(wanted)
    host = split["host"]
    if host.startswith("["):
        try:
            host = str(IPv6Address(host[1:-1]))
        except ValueError:
            raise ValueError(wanted) from None
    if split["port"] is None:
        return host
    if not split["port"].isdigit():
        raise ValueError(wanted)
    return f"[{host}]:{split['port']}" if ":" in host else f"{host}:{split['port']}"


class _Refusal:
    """Raises ConfigInvalid for one field."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __call__(self, rule: str, description: str) -> NoReturn:
        violation = FieldViolation(field=self._field, description=description, rule=rule)
        raise ConfigInvalid(violations=[violation])


def _check_characters(text: str, refuse: _Refusal) -> None:
    if not text:
        refuse("REQUIRED", "Write an absolute URL such as https://api.example.com/v1.")
    if len(text) > MAX_URL_CHARACTERS:
        refuse("TOO_LONG", f"Keep the URL to {MAX_URL_CHARACTERS} characters.")
    if not text.isascii():
        refuse("NOT_ASCII", "Write an international host name in its xn-- form.")
    if any(character <= " " or character == "\x7f" for character in text):
        refuse("WHITESPACE", "Leave out spaces, line ends and control characters.")
    if "\\" in text:
        refuse("BACKSLASH", "Write slashes, not backslashes.")


def _scheme(scheme: str, policy: EndpointPolicy, refuse: _Refusal) -> str:
    if scheme == "http" and not policy.allow_insecure_http:
        refuse("SCHEME", "Use https; plain http needs the operator's allow_insecure_http.")
    if scheme not in DEFAULT_PORTS:
        refuse("SCHEME", "Use https.")
    return scheme


def _authority(text: str, refuse: _Refusal) -> tuple[str, str | None]:
    """Split host and port; the host comes back in lower case and without brackets."""
    if "@" in text:
        refuse("USERINFO", "Leave out user name and password; the key has its own field.")
    if "%" in text:
        refuse("HOST", "Write the host without percent signs: no encoding, no zone.")
    split = _AUTHORITY.fullmatch(text)
    if split is None or not split["host"]:
        refuse("HOST", "Name a host, and put an IPv6 address in brackets.")
    host = split["host"].lower()
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1])), split["port"]
        except ValueError:
            refuse("HOST", "What stands in brackets must be an IPv6 address.")
    return host, split["port"]


def _port(text: str | None, scheme: str, refuse: _Refusal) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    if not text.isdigit() or text.startswith("0") or len(text) > 5 or int(text) > 65535:
        refuse("PORT", "Write the port as a plain number from 1 to 65535, or leave it out.")
    return int(text)


def _check_host(host: str, *, private_ok: bool, refuse: _Refusal) -> None:
    if ":" in host:
        _check_address(host, private_ok=private_ok, refuse=refuse)
        return
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        refuse(
            "HOST",
            "Write the host as labels of letters, digits and hyphens with single dots between.",
        )
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        # C libraries read such names as addresses: 2130706433, 0x7f.1 and 127.1 are loopback.
        try:
            canonical = str(IPv4Address(host))
        except ValueError:
            refuse("HOST", "Write an IPv4 address as four plain decimal numbers.")
        _check_address(canonical, private_ok=private_ok, refuse=refuse)
    elif labels[-1] in ("localhost", "localdomain") and not private_ok:
        refuse("HOST", _advice(host, "loopback"))


def _check_address(host: str, *, private_ok: bool, refuse: _Refusal) -> None:
    verdict = judge(host)
    if not verdict.admits(private_ok=private_ok):
        refuse("ADDRESS", _advice(host, verdict.purpose))


def _advice(host: str, purpose: str) -> str:
    return (
        f"{host} is refused ({purpose}). Use a host on the internet; a loopback or private host "
        "needs the operator's allow_private on the provider, or its name in upstream.private_hosts."
    )


def _base_path(path: str, refuse: _Refusal) -> str:
    path = path.removesuffix("/")
    if _PATH.fullmatch(path) is None or _ENCODED_TRICK.search(path) is not None:
        refuse("PATH", "Use a plain path such as /v1, without empty segments or encoded slashes.")
    if any(segment in (".", "..") for segment in path.split("/")):
        refuse("PATH", "Leave out . and .. segments.")
    return path
