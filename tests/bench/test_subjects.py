"""Is Weir started with a configuration that Weir itself takes?"""

import json
from pathlib import Path

from bench.plan import Kind
from bench.subjects import weir_config
from bench.upstreams import IDLE_MODEL, model_of
from weir_server.settings.load import load

DATA = Path("/var/lib/bench")
URLS = {model: f"http://127.0.0.1:9/{model}/v1" for model in (*map(model_of, Kind), IDLE_MODEL)}


def test_weir_takes_the_configuration(tmp_path: Path) -> None:
    """Every model reaches its own upstream, without a warning, and nothing else is set."""
    path = tmp_path / "weir.yaml"
    path.write_text(weir_config(50051, URLS, data_dir=DATA))
    loaded = load(path, {"BENCH_KEY": "sk-bench"})
    assert loaded.warnings == ()
    endpoints = {provider.id: provider.endpoint for provider in loaded.settings.providers}
    assert {model.name: endpoints[model.provider or ""] for model in loaded.settings.models} == URLS
    assert loaded.settings.server.model_fields_set == {"listen", "data_dir"}


def test_bypassed_is_weir_but_for_one_switch(tmp_path: Path) -> None:
    """What resilience is weighed against has it switched off, and differs in nothing else."""
    bypassed = json.loads(weir_config(50051, URLS, data_dir=DATA, resilience=False))
    assert bypassed.pop("resilience") == {"enabled": False}
    assert bypassed == json.loads(weir_config(50051, URLS, data_dir=DATA))
    path = tmp_path / "weir.yaml"
    path.write_text(weir_config(50051, URLS, data_dir=DATA, resilience=False))
    assert not load(path, {"BENCH_KEY": "sk-bench"}).settings.resilience.enabled


def test_unbooked_is_weir_but_for_its_ledger(tmp_path: Path) -> None:
    """What accounting is weighed against has no ledger, and differs in nothing else."""
    unbooked = json.loads(weir_config(50051, URLS, data_dir=DATA, ledger=False))
    assert unbooked.pop("ledger") == {"enabled": False}
    assert unbooked == json.loads(weir_config(50051, URLS, data_dir=DATA))
    path = tmp_path / "weir.yaml"
    path.write_text(weir_config(50051, URLS, data_dir=DATA, ledger=False))
    assert not load(path, {"BENCH_KEY": "sk-bench"}).settings.ledger.enabled
