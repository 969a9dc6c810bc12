"""Is a provider at Amazon Bedrock made as its plan says, and a plan without a way in refused?"""

from dataclasses import replace

import boto3
import pytest

from tests.fakes.clock import FakeClock
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.formats.bedrock import BEDROCK, endpoint_of
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.sigv4 import SigV4Signer
from weir_server.providers.plan import Aws, Plan

AWS = Aws(region="eu-central-1", access_key_id="AKID", secret_access_key="canary-secret")
PLAN = Plan(kind="bedrock", field_prefix="", aws=AWS)


def _made(plan: Plan, key: str, organization: str | None) -> None:
    BEDROCK.speech(plan)
    BEDROCK.authorize(plan, key, organization, plan.field_prefix)


def _refused(plan: Plan, key: str = "", organization: str | None = None) -> list[str]:
    with pytest.raises(ConfigInvalid) as refusal:
        _made(plan, key, organization)
    return [violation.field for violation in refusal.value.violations]


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"]
)
def test_a_regions_address_is_the_sdks(region: str) -> None:
    """boto3 would ask the same host."""
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=region)

    theirs = session.client("bedrock-runtime").meta.endpoint_url

    assert endpoint_of(region) == theirs
    assert BEDROCK.speech(replace(PLAN, aws=replace(AWS, region=region))).endpoint == theirs


def test_without_a_region_an_address_is_needed() -> None:
    """The field that is named is one that the plan's author can set."""
    assert _refused(Plan(kind="bedrock", field_prefix="")) == ["aws.region"]
    assert _refused(Plan(kind="bedrock", field_prefix="config.")) == ["config.endpoint"]
    elsewhere = Plan(kind="bedrock", field_prefix="config.", endpoint="https://example.com")
    assert BEDROCK.speech(elsewhere).endpoint == ""


def test_a_key_beside_an_access_key_is_refused() -> None:
    """It would be a guess which of the two is meant."""
    assert _refused(PLAN, key="bedrock-key") == ["api_key"]
    assert _refused(PLAN, organization="org") == ["organization_id"]


async def test_who_signs() -> None:
    """Access keys sign; an API key needs no signature."""
    clock = FakeClock()
    async with HttpClient(clock=clock) as client:
        assert isinstance(BEDROCK.signer(PLAN, client, clock), SigV4Signer)
        only_region = replace(PLAN, aws=Aws(region="eu-central-1"))
        assert BEDROCK.signer(only_region, client, clock) is None
    assert "authorization" not in BEDROCK.authorize(PLAN, "", None, "").merged()
    assert BEDROCK.authorize(only_region, "key", None, "").credential == {
        "authorization": "Bearer key"
    }


def test_a_plan_shows_no_secret() -> None:
    """What could end up in a log names the region and the key's id only."""
    assert "AKID" in repr(PLAN)
    assert "canary" not in repr(PLAN)
