"""Does the newcomer's one command show a real answer and end well?"""

import re

import pytest

from tests.cli.command import run_weir

ENOUGH_TOKENS = 20


@pytest.mark.model
@pytest.mark.slow
def test_demo_streams_a_real_answer() -> None:
    """At least 20 tokens of the model's own counting, the facts, a drained server, exit code 0.

    What the environment configures for other servers is not the demo's.
    """
    done = run_weir("demo", environment={"WEIR_CONFIG": "/no/such/weir.yaml"})

    assert (done.code, done.err) == (0, "")
    facts = dict(re.findall(r"^(\w[\w ]+?) {2,}(\S.*?) *$", done.out, re.MULTILINE))
    assert int(facts["completion tokens"]) >= ENOUGH_TOKENS
    assert int(facts["prompt tokens"]) > 0
    assert facts["counted by"] == "the provider"
    assert facts["response id"].startswith("resp_")
    assert float(facts["tokens per second"]) > 0
    assert "exit code 0" in done.out.splitlines()[-1]
