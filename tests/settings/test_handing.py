"""Do settings arrive in another process as they were, secrets too?"""

import pytest

from weir_server.settings.defaults import default_settings
from weir_server.settings.handing import of_text, to_text
from weir_server.settings.load import parse
from weir_server.settings.tree import Settings

FULL = {
    "server": {"listen": "127.0.0.1:0", "workers": 3, "tls": "mesh", "reflection": False},
    "upstream": {"private_hosts": ["inside:1"]},
    "providers": [
        {"id": "far", "kind": "openai", "api_key": "${KEY}", "headers": {"x-a": "b"}},
        {"id": "many", "kind": "openai", "credentials": [{"name": "one", "api_key": "${KEY}"}]},
        {"id": "echo", "kind": "echo"},
    ],
    "models": [{"name": "m", "targets": [{"provider": "far"}, {"provider": "many"}]}],
    "secrets": {"spare": "${KEY}"},
}


@pytest.mark.parametrize(
    "settings",
    [Settings(), default_settings(), parse(FULL, {"KEY": "sk-canary"}).settings],
    ids=["none", "default", "full"],
)
def test_all_arrives(settings: Settings) -> None:
    """What is read is equal to what was told, and tells the same."""
    text = to_text(settings)

    assert of_text(text) == settings
    assert to_text(of_text(text)) == text
    assert "\n" not in text


def test_secrets_arrive() -> None:
    """A worker can use the keys; where they are shown, they are stars all the same."""
    settings = of_text(to_text(parse(FULL, {"KEY": "sk-canary"}).settings))

    key = settings.providers[0].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-canary"
    assert settings.providers[1].credentials[0].api_key.get_secret_value() == "sk-canary"
    assert settings.secrets["spare"].get_secret_value() == "sk-canary"
    assert "sk-canary" not in repr(settings)
