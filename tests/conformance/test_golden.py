"""Do the golden files hold together, whoever reads them?"""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from tests.conformance.golden.failures import NEAREST, by_reason
from tests.conformance.golden.files import FOLDER, GROUPS, texts
from tests.conformance.golden.row import STREAM_CHAT, STREAM_COMPLETE
from tests.conformance.kit import golden
from tests.conformance.matrix import PAGE
from weir.fold import fold_chat, fold_complete
from weir.v1.error_pb2 import ErrorReason
from weir.v1.provider_service_pb2 import ChatResponse, CompleteResponse
from weir_server.conformance.methods import scripted_methods
from weir_server.conformance.scenario import Scenario, load
from weir_server.conformance.steps import Send
from weir_server.core import errors
from weir_server.transport.status import code_of

GOLDEN = golden()
SCENARIOS = load(FOLDER)
FOLDED = [name for name, fields in GOLDEN.items() if "folded" in fields.get("shows", {})]


@pytest.mark.parametrize("file", [f"{group}.json" for group in GROUPS])
def test_the_committed_file(file: str) -> None:
    """Each file is what its module makes."""
    assert (FOLDER / file).read_text() == texts()[file], "run: python -m tests.conformance.golden"


def test_no_other_file() -> None:
    """Every file has a module."""
    assert {path.name for path in FOLDER.iterdir()} == texts().keys()


def test_every_method() -> None:
    """No method of the contract is without a scenario that fills its messages."""
    called = {SCENARIOS[name].method.name for name in GOLDEN if name.startswith("rpcs/")}

    assert called >= scripted_methods().keys()


def test_every_reason() -> None:
    """No reason is without a scenario, and none stands in for one that the server has itself."""
    told = {name.partition("/")[2].upper() for name in GOLDEN if name.startswith("failures/")}
    reasons = {name.removeprefix("ERROR_REASON_"): number for name, number in ErrorReason.items()}
    own = {
        each.name()
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.WeirError)
    }

    assert told >= reasons.keys() - {"UNSPECIFIED"}
    assert by_reason().keys() >= own
    assert not NEAREST.keys() & own
    for reason in own:
        assert code_of(reasons[reason]) != 0


def sent(scenario: Scenario) -> list[bytes]:
    """The messages of the last attempt."""
    last = scenario.attempts[-1]
    return [each for step in last if isinstance(step, Send) for each in step.payloads()]


@pytest.mark.parametrize("name", FOLDED)
def test_fold(name: str) -> None:
    """What the golden file says a stream folds to is what the server's own fold says."""
    scenario = SCENARIOS[name]
    messages = [scenario.method.response.FromString(each) for each in sent(scenario)]
    events = [event for message in messages for event in message.events]  # type: ignore[attr-defined]
    due = GOLDEN[name]["shows"]["folded"]

    folded: ChatResponse | CompleteResponse
    if scenario.method.name == STREAM_CHAT:
        folded = fold_chat(events)
        assert json_format.MessageToDict(folded) == _normal(due, ChatResponse())
    else:
        assert scenario.method.name == STREAM_COMPLETE
        folded = fold_complete(events)
        assert json_format.MessageToDict(folded) == _normal(due, CompleteResponse())


def _normal(due: dict[str, Any], message: ChatResponse | CompleteResponse) -> object:
    return json_format.MessageToDict(json_format.ParseDict(due, message))


@pytest.mark.parametrize(
    "name", [name for name in GOLDEN if name.startswith("folds/") and f"{name}_unary" in GOLDEN]
)
def test_unary(name: str) -> None:
    """What a stream folds to is, byte for byte, what the unary call of the same answer gives."""
    scenario = SCENARIOS[f"{name}_unary"]
    (reply,) = sent(scenario)

    unary = json_format.MessageToDict(scenario.method.response.FromString(reply))
    due = GOLDEN[name]["shows"]["folded"]

    message = CompleteResponse() if "completion" in name else ChatResponse()
    assert unary == _normal(due, message)


def test_the_page_names_every_scenario() -> None:
    """docs/conformance.md has a row for each scenario, also where no client was run."""
    page = Path(PAGE).read_text()

    for name, fields in GOLDEN.items():
        assert f"| {name.partition('/')[2]} | {fields['promise']} |" in page
