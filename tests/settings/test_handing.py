"""Do settings arrive in another process as they were, secrets too?"""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.settings.everything import EVERYTHING, keys_of, keys_set
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


EACH = [
    parse(tree, {}).settings
    for tree in (EVERYTHING, {**EVERYTHING, "server": {**EVERYTHING["server"], "tls": "mesh"}})
]


def test_every_key_is_tried() -> None:
    """What the next test hands over sets each key there is, to each type that it may have."""
    assert keys_of(Settings) - set().union(*map(keys_set, EACH)) == set()


@pytest.mark.parametrize("settings", EACH, ids=["files", "mesh"])
def test_every_key_arrives_exactly(settings: Settings) -> None:
    """Each value has its type and its digits, secrets included, and what was set is set."""
    arrived = of_text(to_text(settings))

    assert arrived == settings
    assert repr(arrived) == repr(settings)
    assert keys_set(arrived) == keys_set(settings)


def test_rates_keep_their_digits() -> None:
    """A price is no float on its way: what was written is what is read."""
    [price, *_] = of_text(to_text(EACH[0])).prices.overrides

    assert str(price.cached_prompt_tokens) == "0.10"
    assert price.prompt_audio_tokens == Decimal("999999.999999999")


def test_a_folder_whose_name_is_no_text_arrives() -> None:
    """The command line may name one, in bytes that are not UTF-8."""
    folder = Path("/tmp/\udcff")
    server = Settings().server.model_copy(update={"data_dir": folder})

    arrived = of_text(to_text(Settings().model_copy(update={"server": server})))

    assert arrived.server.data_dir == folder


def test_secrets_arrive() -> None:
    """A worker can use the keys; where they are shown, they are stars all the same."""
    settings = of_text(to_text(parse(FULL, {"KEY": "sk-canary"}).settings))

    key = settings.providers[0].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-canary"
    assert settings.providers[1].credentials[0].api_key.get_secret_value() == "sk-canary"
    assert settings.secrets["spare"].get_secret_value() == "sk-canary"
    assert "sk-canary" not in repr(settings)
