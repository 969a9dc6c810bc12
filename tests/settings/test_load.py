"""A configuration is checked as a whole; each problem names its key and the way out."""

from pathlib import Path
from typing import Any

import pytest

from weir_server.settings.defaults import default_settings, local_is_installed
from weir_server.settings.load import Loaded, SettingsInvalid, load, parse
from weir_server.settings.marks import mark_of
from weir_server.settings.tree import Settings, TlsSettings

GOOD: dict[str, Any] = {
    "server": {"listen": "127.0.0.1:0"},
    "providers": [{"id": "openai", "kind": "openai", "api_key": "${KEY}", "model": "gpt-4o"}],
    "models": [{"name": "fast", "provider": "openai", "vendor_model": "gpt-4o-mini"}],
}


def problems(tree: object, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        parse(tree, environment if environment is not None else {"KEY": "sk-secret"})
    return [str(problem) for problem in invalid.value.problems]


def changed(path: str, value: object) -> dict[str, Any]:
    """GOOD with one key of one branch set."""
    branch, _, key = path.partition(".")
    tree = {**GOOD, "server": dict(GOOD["server"])}
    if branch in ("providers", "models"):
        tree[branch] = [{**GOOD[branch][0], key: value}]
    elif key:
        tree[branch] = {**tree.get(branch, {}), key: value}
    else:
        tree[branch] = value
    return tree


def test_a_good_tree_is_taken() -> None:
    """Values arrive typed, secrets resolved and masked."""
    settings = parse(GOOD, {"KEY": "sk-secret"}).settings
    key = settings.providers[0].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(settings)


CASES: list[tuple[str, object, str]] = [
    ("server.listen", "nowhere", "server.listen: write host:port"),
    ("server.listen", "127.0.0.1:99999", "server.listen: write host:port"),
    ("server.drain_grace_s", 0, "server.drain_grace_s: Input should be greater than 0"),
    ("server.drain_grace_s", "soon", "server.drain_grace_s: "),
    ("server.max_request_bytes", 64 * 1024 * 1024, "server.max_request_bytes: "),
    ("server.reflection", "maybe", "server.reflection: "),
    ("server.prot", 1, "server.prot: is no key that Weir knows; check its spelling"),
    ("providers.kind", "anthropix", "providers[0].kind: "),
    ("providers.id", "Bad Id", "providers[0].id: "),
    ("providers.timeout_s", 0.5, "providers[0].timeout_s: "),
    ("providers.max_retries", 11, "providers[0].max_retries: "),
    ("providers.script_file", "x.yaml", "providers[0]: script_file belongs to kind echo"),
    ("admission.start_limit_min", 300, "admission: choose start_limit_min <= start_limit_max"),
    ("admission.reserve_share", 0.5, "admission.reserve_share: "),
    ("admission.lag_limit_s", 0, "admission.lag_limit_s: Input should be greater than 0"),
    ("models.provider", "nobody", "models[0].provider: no provider has the id nobody"),
    ("models.name", "a b", "models[0].name: "),
    ("models.can", ["fly"], "models[0].can[0]: "),
    ("default_model", "none", "default_model: no model has the name none"),
]


@pytest.mark.parametrize(("path", "value", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_bad_value_names_its_key(path: str, value: object, expected: str) -> None:
    """The path of the key stands first, then what is wrong."""
    assert any(expected in problem for problem in problems(changed(path, value)))


@pytest.mark.parametrize(("word", "meant"), [("on", True), ("off", False), ("auto", True)])
def test_a_switch_is_written_as_the_documents_say(tmp_path: Path, word: str, meant: bool) -> None:
    """YAML 1.1 reads a bare `on` or `off` as a boolean; Weir takes the word that was meant."""
    path = tmp_path / "weir.yaml"
    path.write_text(f"server: {{reflection: {word}, initialize: {word}}}")
    server = load(path, {}).settings.server
    assert (server.reflection, server.initialize) == (word, word)
    assert server.allows(server.initialize) is meant


IGNORED: dict[str, dict[str, Any]] = {
    "openai": {"slots": 4, "context_tokens": 2048, "weights_file": "w", "script_file": "s"},
    "local": {
        "endpoint": "https://a.example",
        "api_key": "${KEY}",
        "organization_id": "o",
        "headers": {"x-a": "b"},
        "allow_private": True,
        "allow_insecure_http": False,
        "ca_file": "c",
        "vendor": "openai",
        "script_file": "s",
    },
    "echo": {
        "endpoint": "https://a.example",
        "api_key": "${KEY}",
        "organization_id": "o",
        "headers": {"x-a": "b"},
        "allow_private": True,
        "allow_insecure_http": False,
        "ca_file": "c",
        "vendor": "openai",
        "max_retries": 2,
        "slots": 4,
        "context_tokens": 2048,
        "weights_file": "w",
    },
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in IGNORED.items() for name in names]
)
def test_a_key_that_the_kind_ignores_is_refused(kind: str, name: str) -> None:
    """By name, even with the value that is the default: nobody should rely on it."""
    tree = {"providers": [{"id": "p", "kind": kind, name: IGNORED[kind][name]}]}
    (problem,) = problems(tree)
    assert problem.startswith(f"providers[0]: {name} belongs to kind ")
    assert problem.endswith(f"not {kind}; leave it out")


def test_every_key_that_a_kind_ignores_is_told_at_once() -> None:
    """One problem names them all; what the kind does use is no part of it."""
    used: dict[str, dict[str, Any]] = {
        "openai": {"max_retries": 1},
        "local": {"max_retries": 1},
        "echo": {"model": "m"},
    }
    for kind, names in IGNORED.items():
        common: dict[str, Any] = {"id": "p", "kind": kind, "timeout_s": 5}
        (problem,) = problems({"providers": [{**common, **used[kind], **names}]})
        assert problem.count(" belongs to kind ") == len(names)
        assert parse({"providers": [{**common, **used[kind]}]}, {}).settings.providers


def test_every_problem_is_told_at_once() -> None:
    """An operator mends a file in one go."""
    tree = changed("server.listen", "nowhere")
    tree["providers"] = [{**GOOD["providers"][0], "max_retries": 99}]
    assert len(problems(tree, {})) == 3


def test_a_missing_variable_is_named() -> None:
    """The message says which key refers to which variable."""
    assert problems(GOOD, {}) == [
        "providers[0].api_key: refers to the environment variable KEY, which is not set"
    ]


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    """`file:` is read relative to the configuration's own folder."""
    (tmp_path / "key").write_text("sk-from-file\n")
    loaded = parse(changed("providers.api_key", "file:key"), {}, base=tmp_path)
    key = loaded.settings.providers[0].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-from-file"


def test_a_secret_file_that_is_away_is_named(tmp_path: Path) -> None:
    """The problem names key and file."""
    with pytest.raises(SettingsInvalid, match=r"providers\[0\].api_key: refers to the file"):
        parse(changed("providers.api_key", "file:gone"), {}, base=tmp_path)


def test_a_literal_secret_is_a_warning_without_the_secret() -> None:
    """It works, and the operator is told what to write instead."""
    loaded = parse(changed("providers.api_key", "sk-literal"), {})
    (warning,) = loaded.warnings
    assert warning.where == "providers[0].api_key"
    assert "${ENV_NAME}" in warning.what
    assert "sk-literal" not in str(warning)


@pytest.mark.parametrize("listen", ["0.0.0.0:50051", "[::]:50051", "10.0.0.5:1", "weir.local:1"])
def test_other_machines_reach_only_an_encrypted_port(listen: str) -> None:
    """Off loopback there is TLS, or configuration says that the mesh does it."""
    (problem,) = problems(changed("server.listen", listen))
    assert "set tls with cert_file" in problem
    tree = changed("server.listen", listen)
    tree["server"]["tls"] = "mesh"
    assert parse(tree, {"KEY": "k"}).settings.server.tls == "mesh"
    tree["server"]["tls"] = {"cert_file": "a", "key_file": "b"}
    assert isinstance(parse(tree, {"KEY": "k"}).settings.server.tls, TlsSettings)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/run/weir"])
def test_loopback_needs_no_certificate(listen: str) -> None:
    """What only this machine reaches may be plain."""
    server = parse(changed("server.listen", listen), {"KEY": "k"}).settings.server
    assert server.is_loopback
    assert server.allows("auto")


BAD_YAML = {
    "an alias": "a: &x [1]\nb: *x\n",
    "a key twice": "server: {}\nserver: {}\n",
    "no YAML": "server: [\n",
    "code": "server: !!python/object/apply:os.system ['true']\n",
    "a list": "- 1\n",
}


@pytest.mark.parametrize("text", BAD_YAML.values(), ids=BAD_YAML.keys())
def test_a_file_that_is_no_plain_tree_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is built of a file but plain values, and nothing can grow in it."""
    path = tmp_path / "weir.yaml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid):
        load(path, {})


def test_a_file_is_loaded(tmp_path: Path) -> None:
    """YAML in, settings out."""
    path = tmp_path / "weir.yaml"
    path.write_text(
        "providers:\n  - {id: echo, kind: echo}\nmodels:\n  - {name: e, provider: echo}"
    )
    loaded: Loaded = load(path, {})
    assert loaded.settings.models[0].name == "e"


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load(tmp_path / "gone.yaml", {})


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A bound on what is parsed."""
    path = tmp_path / "weir.yaml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(SettingsInvalid, match="larger than 1 MiB"):
        load(path, {})


def test_without_configuration_there_is_an_echo_and_the_model_if_installed() -> None:
    """Loopback, no key, no account."""
    settings: Settings = default_settings()
    ids = [provider.id for provider in settings.providers]
    assert "echo" in ids
    assert ("local" in ids) == local_is_installed()
    assert settings.server.is_loopback


def test_keys_of_several_credentials_are_secrets(tmp_path: Path) -> None:
    """References, files and the warning about a literal one work as for the only key."""
    (tmp_path / "key").write_text("sk-from-file\n")
    credentials = [
        {"name": "a", "api_key": "${KEY}"},
        {"name": "b", "api_key": "file:key"},
        {"name": "c", "api_key": "sk-literal"},
    ]
    provider = {"id": "openai", "kind": "openai", "credentials": credentials}

    loaded = parse({"providers": [provider]}, {"KEY": "sk-from-env"}, base=tmp_path)

    found = loaded.settings.providers[0].credentials
    keys = [credential.api_key.get_secret_value() for credential in found]
    assert keys == ["sk-from-env", "sk-from-file", "sk-literal"]
    assert "sk-" not in repr(loaded.settings)
    assert [warning.where for warning in loaded.warnings] == ["providers[0].credentials[2].api_key"]
    assert "sk-literal" not in str(loaded.warnings)


def test_files_are_marked_before_they_are_read(tmp_path: Path) -> None:
    """The configuration and every secret's file, of a bad configuration and a missing file too."""
    config, key = tmp_path / "weir.yaml", tmp_path / "key"
    config.write_text("{secrets: {a: 'file:key', b: 'file:gone'}}")
    key.write_text("s")
    with pytest.raises(SettingsInvalid) as invalid:
        load(config, {})
    marks = invalid.value.marks
    (tmp_path / "gone").write_text("back")
    good = load(config, {}).marks
    assert set(marks) == {config, key, tmp_path / "gone"}
    assert marks[tmp_path / "gone"] is None
    assert marks[key] == good[key] == mark_of(key)
    assert good[tmp_path / "gone"] is not None
