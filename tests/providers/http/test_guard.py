"""Which endpoints does Weir refuse? Every spelling of an inside address, and whatever is odd."""

import dataclasses

import pytest

from weir_server.core.errors import ConfigInvalid
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint

STRICT = EndpointPolicy()
WITH_HTTP = EndpointPolicy(allow_insecure_http=True)

REFUSED_ADDRESSES = {
    "loopback": "127.0.0.1",
    "loopback, last": "127.255.255.254",
    "loopback, other": "127.1.2.3",
    "loopback, short": "127.1",
    "loopback, three parts": "127.0.1",
    "loopback, decimal": "2130706433",
    "loopback, hexadecimal": "0x7f000001",
    "loopback, hexadecimal upper case": "0X7F000001",
    "loopback, hexadecimal parts": "0x7f.0x0.0x0.0x1",
    "loopback, mixed parts": "127.0x0.0.1",
    "loopback, octal parts": "0177.0.0.1",
    "loopback, octal whole": "017700000001",
    "loopback, padded": "127.000.000.001",
    "loopback, overflowing part": "127.0.0.257",
    "loopback, five parts": "127.0.0.0.1",
    "loopback, trailing dot": "127.0.0.1.",
    "loopback, lone hexadecimal prefix": "0x",
    "loopback, hexadecimal last part": "a.b.0x1",
    "loopback by name": "localhost",
    "loopback by name, upper case": "LOCALHOST",
    "loopback by name, below": "api.localhost",
    "loopback by name, trailing dot": "localhost.",
    "loopback by name, domain": "localhost.localdomain",
    "zero": "0.0.0.0",
    "zero, short": "0",
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 10, decimal": "167772161",
    "private 10, last": "10.255.255.255",
    "private 172": "172.16.0.1",
    "private 172, last": "172.31.255.255",
    "private 192": "192.168.1.1",
    "private 192, hexadecimal": "0xc0a80101",
    "carrier": "100.64.0.1",
    "carrier, last": "100.127.255.255",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "metadata, decimal": "2852039166",
    "metadata, hexadecimal": "0xa9fea9fe",
    "metadata, octal": "0251.0376.0251.0376",
    "metadata, three parts": "169.254.43518",
    "metadata of containers": "169.254.170.2",
    "metadata of another cloud": "100.100.100.200",
    "metadata in public space": "168.63.129.16",
    "protocol assignments": "192.0.0.8",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.7",
    "documentation 3": "203.0.113.9",
    "6to4 relay": "192.88.99.1",
    "benchmarking": "198.18.0.1",
    "benchmarking, last": "198.19.255.255",
    "AS112": "192.175.48.1",
    "multicast": "224.0.0.1",
    "multicast, last": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "[::1]",
    "IPv6 loopback, long": "[0:0:0:0:0:0:0:1]",
    "IPv6 loopback, padded": "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "IPv6 loopback, zone": "[::1%25lo]",
    "IPv6 unspecified": "[::]",
    "IPv6 unspecified, long": "[0:0:0:0:0:0:0:0]",
    "mapped loopback": "[::ffff:127.0.0.1]",
    "mapped loopback, hexadecimal": "[::ffff:7f00:1]",
    "mapped metadata": "[::ffff:169.254.169.254]",
    "mapped public": "[::ffff:8.8.8.8]",
    "translated loopback": "[::ffff:0:127.0.0.1]",
    "compatible loopback": "[::127.0.0.1]",
    "compatible metadata": "[::a9fe:a9fe]",
    "NAT64 metadata": "[64:ff9b::a9fe:a9fe]",
    "NAT64 loopback": "[64:ff9b::127.0.0.1]",
    "NAT64 public": "[64:ff9b::808:808]",
    "local NAT64": "[64:ff9b:1::1]",
    "6to4 metadata": "[2002:a9fe:a9fe::]",
    "6to4 loopback": "[2002:7f00:1::1]",
    "6to4 public": "[2002:808:808::1]",
    "Teredo": "[2001:0:53aa:64c::1]",
    "ORCHID": "[2001:20::1]",
    "IPv6 benchmarking": "[2001:2::1]",
    "IPv6 documentation": "[2001:db8::1]",
    "IPv6 documentation, newer": "[3fff::1]",
    "unique local": "[fc00::1]",
    "unique local, usual": "[fd12:3456:789a::1]",
    "IPv6 metadata": "[fd00:ec2::254]",
    "IPv6 metadata of another cloud": "[fd20:ce::254]",
    "IPv6 link-local": "[fe80::1]",
    "IPv6 link-local, zone": "[fe80::1%25eth0]",
    "IPv6 link-local, bare zone": "[fe80::1%eth0]",
    "site-local": "[fec0::1]",
    "IPv6 multicast": "[ff02::1]",
    "discard": "[100::1]",
    "segment routing": "[5f00::1]",
    "unassigned": "[4000::1]",
    "IPv6 without brackets": "::1",
    "IPv6 with one bracket": "[::1",
    "IPvFuture": "[v1.fe80::a]",
    "brackets around IPv4": "[127.0.0.1]",
}


def refusal(url: str, policy: EndpointPolicy = STRICT) -> tuple[str, str]:
    """Return field and rule of the refusal of `url`."""
    with pytest.raises(ConfigInvalid) as caught:
        parse_endpoint(url, policy)
    (violation,) = caught.value.violations
    assert violation.description
    return violation.field, violation.rule


def test_the_table_is_long_enough() -> None:
    """At least eighty spellings of inside addresses are held."""
    assert len(set(REFUSED_ADDRESSES.values())) >= 80


@pytest.mark.parametrize("host", REFUSED_ADDRESSES.values(), ids=REFUSED_ADDRESSES.keys())
def test_inside_addresses_are_refused_however_they_are_spelt(host: str) -> None:
    """An endpoint inside is refused when it is saved, and the refusal names the field."""
    for scheme, policy in (("https", STRICT), ("http", WITH_HTTP)):
        for port in ("", ":8443"):
            field, rule = refusal(f"{scheme}://{host}{port}/v1", policy)

            assert field == "config.endpoint"
            assert rule in ("ADDRESS", "HOST")


@pytest.mark.parametrize("host", REFUSED_ADDRESSES.values(), ids=REFUSED_ADDRESSES.keys())
def test_naming_one_host_admits_no_other(host: str) -> None:
    """The operator's exception is for exactly the host that was named."""
    policy = EndpointPolicy(allow_private_hosts=frozenset({"10.9.9.9", "llm.internal"}))

    assert refusal(f"https://{host}/v1", policy)[1] in ("ADDRESS", "HOST")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "REQUIRED"),
        ("api.example.com", "NOT_A_URL"),
        ("//api.example.com", "NOT_A_URL"),
        ("https:/api.example.com", "NOT_A_URL"),
        ("https:api.example.com", "NOT_A_URL"),
        ("http://api.example.com", "SCHEME"),
        ("ftp://api.example.com", "SCHEME"),
        ("file:///etc/passwd", "SCHEME"),
        ("gopher://api.example.com", "SCHEME"),
        ("unix:///var/run/docker.sock", "SCHEME"),
        ("tcp://api.example.com:443", "SCHEME"),
        ("https://", "HOST"),
        ("https:///v1", "HOST"),
        ("https://:443/v1", "HOST"),
        ("https://user@api.example.com", "USERINFO"),
        ("https://user:password@api.example.com", "USERINFO"),
        ("https://api.example.com@127.0.0.1", "USERINFO"),
        ("https://api.example.com:443@127.0.0.1", "USERINFO"),
        ("https://@api.example.com", "USERINFO"),
        ("https://api.example.com\\@127.0.0.1", "BACKSLASH"),
        ("https:\\\\api.example.com", "BACKSLASH"),
        ("https://api.example.com/v1\\..", "BACKSLASH"),
        ("https://api.example.com#@127.0.0.1", "FRAGMENT"),
        ("https://api.example.com/v1#", "FRAGMENT"),
        ("https://api.example.com/v1?key=1", "QUERY"),
        ("https://api.example.com?", "QUERY"),
        ("https://api.example.com.", "HOST"),
        ("https://api..example.com", "HOST"),
        ("https://.example.com", "HOST"),
        ("https://-api.example.com", "HOST"),
        ("https://api-.example.com", "HOST"),
        ("https://api!.example.com", "HOST"),
        ("https://api%2eexample.com", "HOST"),
        ("https://127%2e0%2e0%2e1", "HOST"),
        ("https://" + "a" * 64 + ".example.com", "HOST"),
        ("https://" + "a." * 130 + "com", "HOST"),
        ("https://bücher.example", "NOT_ASCII"),
        ("https://\uff11\uff12\uff17.\uff10.\uff10.\uff11", "NOT_ASCII"),
        ("https://127。0。0。1", "NOT_ASCII"),
        ("https://ⓛocalhost", "NOT_ASCII"),
        ("https://api.exam\u00adple.com", "NOT_ASCII"),
        (" https://api.example.com", "WHITESPACE"),
        ("https://api.example.com ", "WHITESPACE"),
        ("https://api.exam ple.com", "WHITESPACE"),
        ("https://api.example.com\n", "WHITESPACE"),
        ("https://api.example.com\r\nHost: 127.0.0.1", "WHITESPACE"),
        ("https://api.exa\tmple.com", "WHITESPACE"),
        ("https://api.example.com\x00.evil", "WHITESPACE"),
        ("https://api.example.com/v1\x7f", "WHITESPACE"),
        ("https://api.example.com:", "PORT"),
        ("https://api.example.com:0", "PORT"),
        ("https://api.example.com:00443", "PORT"),
        ("https://api.example.com:65536", "PORT"),
        ("https://api.example.com:-1", "PORT"),
        ("https://api.example.com:+443", "PORT"),
        ("https://api.example.com:4 43", "WHITESPACE"),
        ("https://api.example.com:443:443", "PORT"),
        ("https://api.example.com:https", "PORT"),
        ("https://api.example.com:22", "PORT"),
        ("https://api.example.com:25", "PORT"),
        ("https://api.example.com:80", "PORT"),
        ("https://api.example.com/v1/../admin", "PATH"),
        ("https://api.example.com/..", "PATH"),
        ("https://api.example.com/./v1", "PATH"),
        ("https://api.example.com/%2e%2e/v1", "PATH"),
        ("https://api.example.com/v1%2fadmin", "PATH"),
        ("https://api.example.com/v1%5cadmin", "PATH"),
        ("https://api.example.com/v1%0d%0a", "PATH"),
        ("https://api.example.com/v1%252e", "PATH"),
        ("https://api.example.com/v1%zz", "PATH"),
        ("https://api.example.com//v1", "PATH"),
        ("https://api.example.com/v1//", "PATH"),
        ("https://api.example.com/v1<script>", "PATH"),
        ("https://api.example.com/" + "a" * 2048, "TOO_LONG"),
    ],
)
def test_odd_urls_are_refused_rather_than_repaired(url: str, rule: str) -> None:
    """A URL that two parsers could read in two ways is not accepted at all."""
    assert refusal(url) == ("config.endpoint", rule)


@pytest.mark.parametrize(
    ("url", "canonical", "port", "base_path"),
    [
        ("https://api.example.com", "https://api.example.com", 443, ""),
        ("https://api.example.com/", "https://api.example.com", 443, ""),
        ("https://api.example.com/v1", "https://api.example.com/v1", 443, "/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1", 443, "/v1"),
        ("HTTPS://API.Example.COM:443/V1", "https://api.example.com/V1", 443, "/V1"),
        ("https://api.example.com:8443/v1", "https://api.example.com:8443/v1", 8443, "/v1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", 443, ""),
        ("https://1.api.example", "https://1.api.example", 443, ""),
        ("https://my_service.example/a%20b", "https://my_service.example/a%20b", 443, "/a%20b"),
        ("https://8.8.8.8/v1", "https://8.8.8.8/v1", 443, "/v1"),
        ("https://172.32.0.1", "https://172.32.0.1", 443, ""),
        ("https://[2606:4700:0::1111]/v1", "https://[2606:4700::1111]/v1", 443, "/v1"),
        ("https://[2606:4700::1111]:9443", "https://[2606:4700::1111]:9443", 9443, ""),
    ],
)
def test_plain_urls_come_back_in_one_form(
    url: str, canonical: str, port: int, base_path: str
) -> None:
    """What is accepted has one spelling, which is also the one that is dialled."""
    endpoint = parse_endpoint(url, STRICT)

    assert str(endpoint) == canonical
    assert (endpoint.port, endpoint.base_path) == (port, base_path)
    assert endpoint.private_ok is False
    assert parse_endpoint(str(endpoint), STRICT) == endpoint


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:8000/v1"),
        ("127.0.0.1:8000", "https://127.0.0.1:8000/v1"),
        ("127.0.0.1:81", "https://127.0.0.1:81/v1"),
        ("10.0.0.5", "https://10.0.0.5"),
        ("LLM.internal", "https://llm.INTERNAL/v1"),
        ("localhost", "https://localhost:8443"),
        ("::1", "https://[::1]/v1"),
        ("[0:0::1]:8000", "https://[::1]:8000/v1"),
        ("100.64.0.1", "https://100.64.0.1"),
        ("fd12::1", "https://[fd12::1]"),
    ],
)
def test_hosts_that_the_operator_names_are_admitted(named: str, url: str) -> None:
    """A named host may be inside."""
    policy = EndpointPolicy(allow_private_hosts=frozenset({named}))

    assert parse_endpoint(url, policy).private_ok is True


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("127.0.0.1:8000", "https://127.0.0.1:8001"),
        ("127.0.0.1:8000", "https://127.0.0.1"),
        ("127.0.0.1", "https://127.0.0.2"),
        ("127.0.0.1", "https://2130706433"),
        ("127.0.0.1", "https://[::ffff:127.0.0.1]"),
        ("localhost", "https://api.localhost"),
        ("169.254.169.254", "https://169.254.169.254"),
        ("168.63.129.16", "https://168.63.129.16"),
        ("100.100.100.200", "https://100.100.100.200"),
        ("fd00:ec2::254", "https://[fd00:ec2::254]"),
        ("64:ff9b::a9fe:a9fe", "https://[64:ff9b::a9fe:a9fe]"),
        ("fe80::1", "https://[fe80::1]"),
        ("0.0.0.0", "https://0.0.0.0"),
        ("224.0.0.1", "https://224.0.0.1"),
        ("255.255.255.255", "https://255.255.255.255"),
    ],
)
def test_naming_a_host_admits_neither_its_neighbours_nor_metadata(named: str, url: str) -> None:
    """An exception is exact, and what can serve no model stays refused even when named."""
    policy = EndpointPolicy(allow_private_hosts=frozenset({named}))

    assert refusal(url, policy)[1] in ("ADDRESS", "HOST")


@pytest.mark.parametrize("name", ["", "*", "*.internal", "https://a", "a/b", "a:b", "[x]", "a@b"])
def test_a_name_that_no_host_equals_is_a_mistake_of_the_operator(name: str) -> None:
    """An exception that could never apply is said to be none, instead of being ignored."""
    with pytest.raises(ValueError, match="is no host"):
        EndpointPolicy(allow_private_hosts=frozenset({name}))


def test_plain_http_needs_the_operator() -> None:
    """http is refused by default and taken, with port 80, where the operator allows it."""
    assert parse_endpoint("http://api.example.com/v1", WITH_HTTP).port == 80
    assert refusal("http://api.example.com:443", WITH_HTTP)[1] == "PORT"
    assert refusal("http://10.0.0.1", WITH_HTTP)[1] == "ADDRESS"


def test_the_refusal_names_the_field_it_was_asked_for() -> None:
    """The same guard serves every field that holds an address."""
    with pytest.raises(ConfigInvalid) as caught:
        parse_endpoint("https://10.0.0.1", STRICT, field="providers.acme.endpoint")

    (violation,) = caught.value.violations
    assert violation.field == "providers.acme.endpoint"
    assert "allow_private on the provider" in violation.description
    assert "upstream.private_hosts" in violation.description


def test_paths_are_put_below_the_base() -> None:
    """The URL of a request is base and path, with no other host or port possible."""
    endpoint = parse_endpoint("https://api.example.com:8443/v1/", STRICT)

    assert endpoint.url("/chat/completions") == "https://api.example.com:8443/v1/chat/completions"


def test_endpoints_cannot_be_changed_afterwards() -> None:
    """What was checked is what is dialled."""
    endpoint = parse_endpoint("https://api.example.com", STRICT)

    with pytest.raises(dataclasses.FrozenInstanceError):
        endpoint.host = "127.0.0.1"  # type: ignore[misc]
