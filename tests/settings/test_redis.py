"""The address of Redis is checked, and nobody sees its password."""

import pytest

from weir_server.settings.load import SettingsInvalid, parse


def test_password_comes_from_the_environment_and_is_not_shown() -> None:
    """An address may hold a password; what is printed of the settings does not."""
    tree = {"redis": {"url": "redis://:${REDIS_PASSWORD}@cache:6379/0"}}
    redis = parse(tree, {"REDIS_PASSWORD": "hunter2"}).settings.redis
    assert redis.url is not None
    assert redis.url.get_secret_value() == "redis://:hunter2@cache:6379/0"
    assert "hunter2" not in repr(redis)
    assert redis.timeout_s == 0.02


@pytest.mark.parametrize("url", ["http://cache:6379", "cache:6379", ""])
def test_another_address_is_refused(url: str) -> None:
    """The message says what to write."""
    with pytest.raises(SettingsInvalid, match="write redis://host:6379/0") as refused:
        parse({"redis": {"url": url}}, {})
    assert [problem.where for problem in refused.value.problems] == ["redis.url"]
