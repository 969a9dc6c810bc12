"""Does `weir check` find what is wrong, name its place and the fix, and keep secrets?"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ECHO_CONFIG, run_weir
from tests.fakes.certificates import Authority

SECRET = "sk-never-to-be-shown-0123456789"
FAR = {"id": "far", "kind": "openai", "api_key": "${FAR_KEY}", "model": "gpt-4o"}


def check(folder: Path, config: object) -> tuple[int, list[str], str]:
    """Check a configuration; the exit code, the lines and what stands beside them."""
    file = folder / "weir.yaml"
    file.write_text(json.dumps(config))
    done = run_weir("check", "--config", str(file), environment={"FAR_KEY": SECRET})
    assert SECRET not in done.out + done.err
    assert "Traceback" not in done.err
    return done.code, done.out.splitlines(), done.err


def test_good_configuration(tmp_path: Path) -> None:
    """A configuration that can start is told in short: providers and models."""
    config = {
        "providers": [*ECHO_CONFIG["providers"], FAR],
        "models": [
            *ECHO_CONFIG["models"],
            {"name": "clever", "provider": "far", "vendor_model": "gpt-4o"},
        ],
        "default_model": "clever",
    }

    code, lines, beside = check(tmp_path, config)

    assert (code, beside) == (0, "")
    assert lines[0] == f"ok ({tmp_path}/weir.yaml)"
    assert lines[2:] == [
        "  providers  echo (echo, for tests), far (OpenAI wire)",
        "  models     echo, clever (default)",
    ]


def test_without_a_file() -> None:
    """The defaults are fit to start with."""
    done = run_weir("check")

    assert done.code == 0
    assert done.out.startswith("ok (no configuration: the defaults)")


@pytest.mark.parametrize(
    ("config", "where", "what"),
    [
        ({"servr": {}}, "servr", "check its spelling"),
        ({"server": {"listen": "0.0.0.0:1"}}, "server", "set tls"),
        ({"server": {"listen": "nowhere"}}, "server.listen", "write host:port"),
        ({"server": {"unary_deadline_s": 0}}, "server.unary_deadline_s", "greater than 0"),
        ({"providers": [{"id": "x"}]}, "providers[0].kind", "is required"),
        ({"providers": [FAR, FAR]}, "providers", "is given twice"),
        (
            {"providers": [{**FAR, "api_key": "${NOT_SET_ANYWHERE}"}]},
            "providers[0].api_key",
            "NOT_SET_ANYWHERE, which is not set",
        ),
        (
            {"providers": [{**FAR, "api_key": "file:no-such-file"}]},
            "providers[0].api_key",
            "which cannot be read",
        ),
        (
            {"providers": [{**FAR, "endpoint": "http://models.example/v1"}]},
            "providers[0].endpoint",
            "Use https",
        ),
        (
            {"providers": [{**FAR, "endpoint": "https://10.1.2.3/v1"}]},
            "providers[0].endpoint",
            "private",
        ),
        (
            {"providers": [{**FAR, "vendor": "nobody"}]},
            "providers[0].vendor",
            "Use one of openai",
        ),
        (
            {"providers": [{**FAR, "headers": {"authorization": "Bearer x"}}]},
            'providers[0].headers["authorization"]',
            "",
        ),
        (
            {"providers": [{**FAR, "ca_file": "/no/such/ca.pem"}]},
            "providers[0].ca_file",
            "name a file that can",
        ),
        (
            {"providers": [{"id": "e", "kind": "echo", "script_file": "/no/such.yaml"}]},
            "providers[0].script_file",
            "cannot be played",
        ),
        (
            {"providers": [{"id": "l", "kind": "local", "weights_file": "/no/such.gguf"}]},
            "providers[0].weights_file",
            "make model",
        ),
        (
            {"models": [{"name": "m", "provider": "nobody"}]},
            "models[0].provider",
            "no provider has the id nobody",
        ),
        (
            {
                "providers": [FAR],
                "models": [{"name": "m", "provider": "far", "tokenizer": "provider"}],
            },
            "models[0].tokenizer",
            "use one of o200k_base",
        ),
        ({**ECHO_CONFIG, "default_model": "m"}, "default_model", "no model has the name m"),
        (
            {"server": {"tls": {"cert_file": "/no/cert.pem", "key_file": "/no/key.pem"}}},
            "server.tls.cert_file",
            "cannot be read",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_problem_names_its_place_and_the_fix(
    tmp_path: Path, config: dict[str, Any], where: str, what: str
) -> None:
    """One line `path: what to do` for the mistake, and exit code 3."""
    code, lines, beside = check(tmp_path, config)

    assert code == 3
    found = [line for line in lines if line.startswith((f"{where}: ", f"{where}["))]
    assert found or any(where in line for line in lines), lines
    assert any(what in line for line in found or lines), lines
    assert "nothing was started" in beside


def test_every_problem_at_once(tmp_path: Path) -> None:
    """Problems of several providers come in one go, each with its own place."""
    config = {
        "providers": [
            {**FAR, "id": "a", "endpoint": "http://models.example"},
            {**FAR, "id": "b", "vendor": "nobody"},
            {"id": "c", "kind": "echo", "script_file": "/no/such.yaml"},
        ]
    }

    code, lines, beside = check(tmp_path, config)

    assert code == 3
    assert [line.partition(":")[0] for line in lines] == [
        "providers[0].endpoint",
        "providers[1].vendor",
        "providers[2].script_file",
    ]
    assert "3 problems" in beside


def test_certificate_and_key_that_do_not_belong_together(tmp_path: Path) -> None:
    """Two files that can be read but are no pair are found before the server starts."""
    authority = Authority()
    certificate, _ = authority.issue()
    _, other_key = authority.issue()
    (tmp_path / "cert.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(other_key)
    tls = {"cert_file": str(tmp_path / "cert.pem"), "key_file": str(tmp_path / "key.pem")}

    code, lines, _ = check(tmp_path, {**ECHO_CONFIG, "server": {"tls": tls}})

    assert code == 3
    assert lines[0].startswith("server.tls: ")
    assert "its own key" in lines[0]


def test_literal_secret_is_a_warning(tmp_path: Path) -> None:
    """A key in the file is allowed, warned of, and never printed."""
    config = {**ECHO_CONFIG, "providers": [*ECHO_CONFIG["providers"], {**FAR, "api_key": SECRET}]}

    code, lines, _ = check(tmp_path, config)

    assert code == 0
    assert lines[0].startswith("warning: providers[1].api_key: holds a literal secret; write ${")


def test_unknown_tokenizer_is_a_warning(tmp_path: Path) -> None:
    """A vocabulary that is not here makes estimates, which an operator should know."""
    model = {"name": "m", "provider": "far", "tokenizer": "mystery_base"}

    code, lines, _ = check(tmp_path, {"providers": [FAR], "models": [model]})

    assert code == 0
    assert "warning: models[0].tokenizer: mystery_base is not here" in lines[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "is no YAML"), ("a: 1\na: 2", "given twice"), ("- a", "dictionary")],
)
def test_file_that_is_no_configuration(tmp_path: Path, text: str, said: str) -> None:
    """What is no YAML mapping is told in words, with the line where there is one."""
    file = tmp_path / "weir.yaml"
    file.write_text(text)

    done = run_weir("check", "--config", str(file))

    assert done.code == 3
    assert said in done.out


def test_file_that_is_not_there() -> None:
    """A missing file is named."""
    done = run_weir("check", "--config", "/no/such/weir.yaml")

    assert done.code == 3
    assert done.out.startswith("/no/such/weir.yaml: cannot be read")


def test_a_price_that_nobody_meant(tmp_path: Path) -> None:
    """More than ten times the published one: the key, both prices, and the way out."""
    config = {
        "providers": [FAR],
        "models": [{"name": "m", "provider": "far", "vendor_model": "gpt-4o"}],
        "prices": {"overrides": [{"provider": "far", "prompt_tokens": "25.5"}]},
    }

    code, lines, _ = check(tmp_path, config)
    assert code == 3
    (line,) = lines
    assert line.startswith("prices.overrides[0].prompt_tokens: ")
    assert "25.50 USD" in line
    assert "2.50 USD" in line
    assert "confirm: true" in line

    config["prices"]["overrides"][0]["confirm"] = True  # type: ignore[index]
    assert check(tmp_path, config)[0] == 0
