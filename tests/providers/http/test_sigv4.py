"""Are requests to AWS signed as AWS's own SDK signs them?"""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.clock import FakeClock
from tests.providers.http.asking import a_call
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint
from weir_server.providers.http.sigv4 import AwsKeys, Scope, SigV4Signer, signed_headers
from weir_server.providers.wire.base import HttpRequest

KEYS = AwsKeys(
    access_key_id="AKIDEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)
TEMPORARY = AwsKeys(
    access_key_id="ASIAEXAMPLE", secret_access_key="s3cr3t/+=", session_token="IQoJ+/token=="
)
SCOPE = Scope(region="us-east-1", service="bedrock")
AT = datetime(2026, 11, 25, 8, 7, 6, tzinfo=UTC)
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
_ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2F"


def _theirs(
    monkeypatch: pytest.MonkeyPatch,
    request: HttpRequest,
    *,
    host: str,
    keys: AwsKeys,
    at: datetime,
    extra: Mapping[str, str] | None = None,
    base_path: str = "",
) -> dict[str, str]:
    """Return what botocore adds to the same request at the same time."""
    monkeypatch.setattr(auth, "get_current_datetime", lambda: at)
    signed = AWSRequest(
        method=request.method,
        url=f"https://{host}{base_path}{request.path}",
        headers={**request.headers, **(extra or {})},
        data=request.body,
    )
    credentials = Credentials(
        keys.access_key_id, keys.secret_access_key, keys.session_token or None
    )
    auth.SigV4Auth(credentials, SCOPE.service, SCOPE.region).add_auth(signed)
    names = ("authorization", "x-amz-date", "x-amz-security-token")
    headers = {name.lower(): value for name, value in signed.headers.items()}
    return {name: headers[name] for name in names if name in headers}


_PATHS = (
    "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
    "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream",
    f"/model/{_ARN}us.amazon.nova-pro-v1%3A0/converse",
    "/model/with%20space%2Fand%2525/converse",
    "/model/a:b@c!$&'()*,;=~-._/converse",
    "/model/gr%C3%BC%C3%9Fe/converse",
    "/",
    "/a/./b/../c//d/",
    "/async-invoke?maxResults=1",
    "/async-invoke?sortOrder=Descending&maxResults=1&maxResults=01&empty=&bare",
    "/async-invoke?b=2&a=1&a=%2F&A=z&a%20b=%7E",
)


@pytest.mark.parametrize("keys", [KEYS, TEMPORARY], ids=["lasting", "temporary"])
@pytest.mark.parametrize("path", _PATHS)
def test_odd_addresses_are_signed_as_the_sdk_signs_them(
    path: str, keys: AwsKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escapes in paths, dots, and queries in any order give the SDK's signature."""
    request = HttpRequest(
        path=path, body='{"text":"Grüße 👋"}'.encode(), headers={"content-type": "application/json"}
    )

    ours = signed_headers(request, host=HOST, keys=keys, scope=SCOPE, at=AT)

    assert ours == _theirs(monkeypatch, request, host=HOST, keys=keys, at=AT)


def test_any_request_is_signed_as_the_sdk_signs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand invented requests: methods, hosts, fields, bodies, times and keys."""
    dice = random.Random(20261125)
    for _ in range(1000):
        request = HttpRequest(
            method=dice.choice(("GET", "POST", "PUT")),
            path=_path(dice),
            body=dice.randbytes(dice.choice((0, 1, 300))),
            headers=_fields(dice),
        )
        host = dice.choice((HOST, "127.0.0.1:4711", "vpce-1.bedrock-runtime.aws"))
        keys = dice.choice((KEYS, TEMPORARY))
        at = AT + timedelta(seconds=dice.randrange(400_000_000))
        extra = dice.choice(({}, {"X-Amzn-Bedrock-Trace": " ENABLED  now "}))
        base_path = dice.choice(("", "/gateway"))

        ours = signed_headers(
            request, host=host, base_path=base_path, extra=extra, keys=keys, scope=SCOPE, at=at
        )

        assert ours == _theirs(
            monkeypatch,
            request,
            host=host,
            keys=keys,
            at=at,
            extra=extra,
            base_path=base_path,
        )


def _path(dice: random.Random) -> str:
    segments = ("model", "a%3Ab", "%2F", "..", ".", "", "x:y", "~", "%C3%BC", "a+b", "c%2B")
    path = "/" + "/".join(dice.choices(segments, k=dice.randrange(5)))
    query = dice.choice(("", "?a=1", "?b=2&a=%20", "?z&y=&x=%2B1"))
    return path + query


def _fields(dice: random.Random) -> dict[str, str]:
    known = {
        "content-type": "application/json",
        "accept": "application/json,  text/plain",
        "X-Custom": "a   b",
        "user-agent": "weir/1",
        "traceparent": "00-1-2-01",
    }
    return {name: known[name] for name in dice.sample(sorted(known), dice.randrange(5))}


def test_the_vendors_own_example() -> None:
    """The signature of the IAM guide's example, `get-vanilla` of the published test suite."""
    scope = Scope(region="us-east-1", service="service")
    at = datetime(2015, 8, 30, 12, 36, 0, tzinfo=UTC)

    signed = signed_headers(
        HttpRequest(path="/", method="GET"),
        host="example.amazonaws.com",
        keys=AwsKeys(
            access_key_id="AKIDEXAMPLE",
            secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        ),
        scope=scope,
        at=at,
    )

    assert signed["authorization"].endswith(
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


async def test_the_signer_signs_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It signs for the endpoint, with its port and base path, at the time of its clock."""
    clock = FakeClock()
    endpoint = parse_endpoint(
        "http://127.0.0.1:4711/gateway",
        EndpointPolicy(allow_private=True, allow_insecure_http=True),
    )
    request = HttpRequest(path="/model/m/converse", body=b"{}")
    extra = {"accept": "application/json"}
    signer = SigV4Signer(TEMPORARY, SCOPE, clock, extra)

    ours = await signer.sign(request, endpoint, a_call())

    at = datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC)
    assert ours == _theirs(
        monkeypatch,
        request,
        host="127.0.0.1:4711",
        keys=TEMPORARY,
        at=at,
        extra=extra,
        base_path="/gateway",
    )


def test_keys_show_no_secret() -> None:
    """What could end up in a log names the key and not the secret."""
    shown = repr(TEMPORARY)

    assert "ASIAEXAMPLE" in shown
    assert "s3cr3t" not in shown
    assert "IQoJ" not in shown
