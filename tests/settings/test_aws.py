"""Are AWS's keys settings like others: whole, masked, by reference, and only where they count?"""

from pathlib import Path
from typing import Any

import pytest

from weir_server.settings.handing import of_text, to_text
from weir_server.settings.load import SettingsInvalid, parse

WHOLE = {
    "region": "eu-central-1",
    "access_key_id": "${ID}",
    "secret_access_key": "${SECRET}",
    "session_token": "${TOKEN}",
}
ENVIRONMENT = {"ID": "AKIDEXAMPLE", "SECRET": "canary-secret", "TOKEN": "canary-token"}


def _tree(kind: str = "bedrock", **aws: Any) -> dict[str, Any]:
    return {"providers": [{"id": "aws", "kind": kind, "aws": aws}]}


def _problems(tree: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(tree, ENVIRONMENT)
    return [str(problem) for problem in invalid.value.problems]


def test_keys_come_by_reference_and_show_no_secret() -> None:
    """They are looked up as other secrets are, and survive the way to another process."""
    loaded = parse(_tree(**WHOLE), ENVIRONMENT)

    assert loaded.warnings == ()
    assert "canary" not in repr(loaded.settings)
    for settings in (loaded.settings, of_text(to_text(loaded.settings))):
        aws = settings.providers[0].aws
        assert aws is not None
        assert aws.access_key_id == "AKIDEXAMPLE"
        assert aws.secret_access_key is not None
        assert aws.secret_access_key.get_secret_value() == "canary-secret"
        assert aws.session_token is not None
        assert aws.session_token.get_secret_value() == "canary-token"


def test_a_key_may_be_in_a_file_and_a_literal_is_warned_about(tmp_path: Path) -> None:
    """As `api_key` may."""
    (tmp_path / "secret").write_text("canary-secret\n", encoding="utf-8")
    aws = {**WHOLE, "secret_access_key": "file:secret", "session_token": "literal"}

    loaded = parse(_tree(**aws), ENVIRONMENT, base=tmp_path)

    found = loaded.settings.providers[0].aws
    assert found is not None
    assert found.secret_access_key is not None
    assert found.secret_access_key.get_secret_value() == "canary-secret"
    assert [warning.where for warning in loaded.warnings] == ["providers[0].aws.session_token"]


@pytest.mark.parametrize(
    ("aws", "problem"),
    [
        ({}, "providers[0].aws.region: is required"),
        ({"region": "Europe"}, "providers[0].aws.region: "),
        ({"region": "eu-central-1.evil.example"}, "providers[0].aws.region: "),
        (
            {"region": "eu-central-1", "access_key_id": "AKID"},
            "providers[0].aws: set access_key_id and secret_access_key together, or neither",
        ),
        (
            {"region": "eu-central-1", "session_token": "${TOKEN}"},
            "providers[0].aws: session_token belongs to access_key_id and secret_access_key",
        ),
        ({"region": "eu-central-1", "profile": "x"}, "providers[0].aws.profile: is no key"),
    ],
)
def test_half_of_it_is_refused(aws: dict[str, Any], problem: str) -> None:
    """Each problem names its key and the way out."""
    assert [found for found in _problems(_tree(**aws)) if found.startswith(problem)]


def test_other_kinds_have_no_use_for_it() -> None:
    """What would be ignored is refused."""
    tree = _tree("openai", **WHOLE)

    assert _problems(tree) == [
        "providers[0]: aws belongs to kind bedrock, not openai; leave it out"
    ]
