"""Does the newcomer's one command show a real answer and end well?"""

import re

import pytest

from tests.cli.command import run_weir

ENOUGH_TOKENS = 20


@pytest.mark.model
@pytest.mark.slow
def test_demo_streams_a_real_answer() -> None:
    """At least 20 tokens of the model's own counting, the facts, a drained server, exit code 0.

    What the environment configures for other servers is not the demo's, and the demo writes nothing
    where they keep theirs.
    """
    done = run_weir(
        "demo",
        environment={"WEIR_CONFIG": "/no/such/weir.yaml", "XDG_STATE_HOME": "/proc/no/such/place"},
    )

    assert (done.code, done.err) == (0, "")
    answer, row = done.out.split("its row in the ledger")
    facts, booked = _facts(answer), _facts(row)
    assert int(facts["completion tokens"]) >= ENOUGH_TOKENS
    assert int(facts["prompt tokens"]) > 0
    assert facts["counted by"] == "the provider"
    assert facts["response id"].startswith("resp_")
    assert float(facts["tokens per second"]) > 0
    assert facts["cost"] == "0.00 USD: the local model has the price 0, for it runs here"
    assert (booked["state"], booked["tenant"], booked["cost"]) == ("settled", "default", "0.00 USD")
    assert booked["used"] == (
        f"{facts['prompt tokens']} + {facts['completion tokens']} tokens, counted by the provider"
    )
    assert "exit code 0" in done.out.splitlines()[-1]


def _facts(text: str) -> dict[str, str]:
    """The lines of a name and a value."""
    return dict(re.findall(r"^(\w[\w ]+?) {2,}(\S.*?) *$", text, re.MULTILINE))
