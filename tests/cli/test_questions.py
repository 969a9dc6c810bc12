"""Do count, models and health answer people and scripts?"""

import json
import re

from google.protobuf.json_format import Parse

from tests.cli.command import Serving, run_weir
from weir.v1.model_pb2 import Model
from weir.v1.provider_service_pb2 import CountTokensResponse


def test_count(server: Serving) -> None:
    """The count says whether it is exact and whose tokens they are."""
    done = server.ask("count", "one two three")

    assert (done.code, done.out) == (0, "3 tokens (exact, echo:words)\n")


def test_count_of_piped_text_as_json(server: Serving) -> None:
    """Standard input is counted too, and --json is the contract's response."""
    done = server.ask("count", "--json", stdin="one two")

    counted = Parse(done.out, CountTokensResponse())
    assert (counted.tokens, counted.exact) == (2, True)


def test_count_that_fits(server: Serving) -> None:
    """With --max a text that fits is exit code 0, so that a script can go on."""
    done = server.ask("count", "one two three", "--max", "3")

    assert (done.code, done.out) == (0, "fits: 3 of 3 tokens (exact)\n")


def test_count_that_does_not_fit(server: Serving) -> None:
    """With --max a text that does not fit is exit code 5: an answer, not an error."""
    done = server.ask("count", "one two three", "--max", "2")

    assert (done.code, done.out) == (5, "does not fit: 3 tokens (exact) are 1 more than 2\n")
    assert done.err == ""


def test_models_in_a_pipe_is_a_plain_table(server: Serving) -> None:
    """Columns without frames, each model whole in its line."""
    done = server.ask("models")

    header, row = done.out.splitlines()
    columns = [each for each in re.split(r"  +", header.strip()) if each]
    assert columns == [
        "model",
        "also called",
        "provider",
        "context",
        "answer",
        "USD per million",
        "can",
    ]
    assert "free" in row.split()
    assert row.split()[:3] == ["echo", "parrot", "echo"]
    assert "parallel_tool_calls" in row


def test_models_as_json(server: Serving) -> None:
    """--json is one model of the contract a line."""
    done = server.ask("models", "--json", "--filter", 'capability="tools"')

    (line,) = done.out.splitlines()
    assert Parse(line, Model()).name == "models/echo"
    assert json.loads(line)["aliases"] == ["parrot"]


def test_no_model_fits_the_filter(server: Serving) -> None:
    """An empty list is not an error, and is said in words."""
    done = server.ask("models", "--filter", 'name="models/other"')

    assert (done.code, done.out) == (0, "")
    assert "none that you may use" in done.err


def test_health(server: Serving) -> None:
    """Health is 0 for the whole and for each service."""
    whole = server.ask("health")
    service = server.ask("health", "--service", "weir.v1.ModelService")

    assert (whole.code, whole.out) == (0, "SERVING\n")
    assert (service.code, service.out) == (0, "SERVING\n")


def test_address_from_the_environment(server: Serving) -> None:
    """WEIR_ADDRESS stands in for --address, as containers set it."""
    done = run_weir("health", environment={"WEIR_ADDRESS": server.address})

    assert (done.code, done.out) == (0, "SERVING\n")
