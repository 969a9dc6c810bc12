"""An operator is told the way of a request: who would be tried in what order, and who not."""

from random import Random

import pytest
from google.protobuf import text_format

from tests.fakes.clock import FakeClock
from tests.routing.states import SaidStates
from tests.routing.targets import ByteCounter, target
from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    Credential,
    CredentialState,
    ExplainRouteResponse,
)
from weir.admin.v1.admin_service_pb2 import Target as TargetReport
from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.deadline import Deadline
from weir_server.core.errors import ModelNotFound
from weir_server.core.target import Operation, Target
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.entries import ModelEntry, describe
from weir_server.routing.explain import RouteExplainer
from weir_server.routing.windows import Windows

WORDS = ModelCapabilities(chat=True, streaming=True)
TOOLS = ModelCapabilities(chat=True, streaming=True, tools=True, seed=True)
IMAGES = ModelCapabilities(
    chat=True, streaming=True, tools=True, input_modalities=[Modality.MODALITY_IMAGE]
)
MUTE = ModelCapabilities(chat=True)
VECTORS = ModelCapabilities(embed=True)

CALL = Call(
    request_id="q",
    response_id="r",
    method="ExplainRoute",
    operation=Operation.INFO,
    streaming=False,
    arrived_s=0.0,
    deadline=Deadline.after(0.0, 30.0),
)


def model(name: str, *targets: Target, **fields: object) -> ModelEntry:
    return describe(name=name, aliases=(), targets=targets, **fields)  # type: ignore[arg-type]


def at(name: str, vendor_model: str, **fields: object) -> Target:
    return target(vendor_model, "providers/a", model=f"models/{name}", **fields)


async def explained(
    text: str,
    *models: ModelEntry,
    states: SaidStates | None = None,
    streaming: bool = True,
    prompt_tokens: int = 0,
) -> ExplainRouteResponse:
    catalogue = ModelCatalogue(clock=FakeClock(), providers=(), models=models, default_model="")
    explainer = RouteExplainer(
        catalogue=catalogue,
        states=states or SaidStates(),
        windows=Windows(ByteCounter()),
        rng=Random(1),
        max_attempts=lambda: 3,
    )
    request = text_format.Parse(f"model: 'm' {text}", ChatRequest())
    return await explainer.explain(CALL, request, streaming=streaming, prompt_tokens=prompt_tokens)


def told(response: ExplainRouteResponse) -> list[tuple[str, bool, str]]:
    return [(step.target.rpartition("/")[2], step.tried, step.code) for step in response.steps]


F = "options { tools { function { name: 'f' } } } "
IMAGE = "messages { role: ROLE_USER parts { media { mime_type: 'image/png' file_id: 'f' } } }"
EVERYONE = (
    at("m", "words", capabilities=WORDS),
    at("m", "tools", capabilities=TOOLS),
    at("m", "images", capabilities=IMAGES),
    at("m", "mute", capabilities=MUTE),
    at("m", "vectors", capabilities=VECTORS),
)

ABILITIES = [
    (
        "",
        [
            ("words", True, "FIRST"),
            ("tools", True, "STANDS_BY"),
            ("images", True, "STANDS_BY"),
            ("mute", False, "LACKS_STREAMING"),
            ("vectors", False, "LACKS_CHAT"),
        ],
    ),
    (
        F,
        [
            ("tools", True, "FIRST"),
            ("images", True, "STANDS_BY"),
            ("words", False, "LACKS_TOOLS"),
            ("mute", False, "LACKS_STREAMING"),
            ("vectors", False, "LACKS_CHAT"),
        ],
    ),
    (
        IMAGE,
        [
            ("images", True, "FIRST"),
            ("words", False, "LACKS_IMAGES"),
            ("tools", False, "LACKS_IMAGES"),
            ("mute", False, "LACKS_STREAMING"),
            ("vectors", False, "LACKS_CHAT"),
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), ABILITIES)
async def test_who_cannot_is_left_out_and_told(
    text: str, expected: list[tuple[str, bool, str]]
) -> None:
    """Those that would be tried come first, in order; each of the others says what it lacks."""
    response = await explained(text, model("m", *EVERYONE))
    assert told(response) == expected
    assert response.model == "models/m"
    assert all(step.explanation.endswith(".") for step in response.steps)


async def test_a_field_that_asks_too_much_is_named() -> None:
    """So that an operator sees what in the request keeps it from a target."""
    response = await explained("options { seed: 1 }", model("m", EVERYONE[0], EVERYONE[1]))
    assert response.steps[1].explanation == "It cannot serve options.seed."


async def test_what_would_be_dropped_keeps_nobody_out() -> None:
    """As in validation: where no target can and the caller prefers a warning."""
    text = "options { seed: 1 unsupported_option_policy: 2 }"
    assert told(await explained(text, model("m", EVERYONE[0]))) == [("words", True, "FIRST")]


async def test_a_small_window_is_left_out() -> None:
    """By the messages themselves, or by the length that the operator gives."""
    both = model(
        "m",
        at("m", "small", context_window_tokens=1_000),
        at("m", "large", context_window_tokens=9_000),
    )
    long = "messages { role: ROLE_USER parts { text: '" + "x" * 2_000 + "' } }"
    expected = [("large", True, "FIRST"), ("small", False, "CONTEXT_TOO_SMALL")]

    assert told(await explained(long, both)) == expected
    assert told(await explained("", both, prompt_tokens=2_000)) == expected


async def test_a_request_too_long_for_all_goes_nowhere() -> None:
    """Nobody is tried, and there are no attempts."""
    response = await explained(
        "", model("m", at("m", "small", context_window_tokens=10)), prompt_tokens=11
    )
    assert told(response) == [("small", False, "CONTEXT_TOO_SMALL")]
    assert response.max_attempts == 0


def report(vendor_model: str, circuit: str = "CLOSED", *states: str) -> TargetReport:
    return TargetReport(
        name=f"providers/a/targets/{vendor_model}",
        circuit=CircuitState.Value(f"CIRCUIT_STATE_{circuit}"),
        credentials=[
            Credential(name=f"k{n}", state=CredentialState.Value(f"CREDENTIAL_STATE_{state}"))
            for n, state in enumerate(states)
        ],
    )


STATES = [
    (report("a", "OPEN"), "", "CIRCUIT_OPEN"),
    (report("a", "FORCED_OPEN"), "", "CIRCUIT_OPEN"),
    (report("a", "HALF_OPEN"), "", "FIRST"),
    (report("a", "FORCED_CLOSED"), "", "FIRST"),
    (report("a", "CLOSED", "COOLING", "PARKED"), "", "CREDENTIALS_AT_REST"),
    (report("a", "CLOSED", "COOLING", "USED"), "", "FIRST"),
    (report("a", "CLOSED", "COOLING", "USED"), "k0", "CREDENTIALS_AT_REST"),
    (report("a", "CLOSED", "COOLING", "USED"), "k1", "FIRST"),
]


@pytest.mark.parametrize(("state", "credential", "code"), STATES)
async def test_what_is_at_rest_is_left_out(state: TargetReport, credential: str, code: str) -> None:
    """Circuits and credentials as they are now; the next target is then the first."""
    credentials = (credential,) if credential else ("k0", "k1")
    both = model("m", at("m", "a", credentials=credentials), at("m", "b"))
    response = await explained("", both, states=SaidStates(state))
    if code == "FIRST":
        assert told(response) == [("a", True, "FIRST"), ("b", True, "STANDS_BY")]
    else:
        assert told(response) == [("b", True, "FIRST"), ("a", False, code)]
    circuits = {step.target: step.circuit for step in response.steps}
    assert circuits[state.name] == state.circuit


async def test_orders_are_told_by_what_made_them() -> None:
    """Weight, key and chain, each with its own code."""
    several = (at("m", "a", weight=3), at("m", "b"))
    other = model("n", at("n", "c"))

    drawn = await explained("", model("m", *several, weighted=True, fallback_models=("n",)), other)
    keyed = await explained("options { routing { affinity_key: 'k' } }", model("m", *several))
    asked = await explained(
        "options { routing { fallback_models: 'n' } }", model("m", *several), other
    )

    assert [step.code for step in drawn.steps] == ["WEIGHT", "WEIGHT", "FALLBACK"]
    assert [step.code for step in keyed.steps] == ["AFFINITY", "AFFINITY"]
    assert [step.code for step in asked.steps] == ["FIRST", "STANDS_BY", "FALLBACK"]
    assert asked.steps[2].model == "models/n"
    assert "3 of 4" in " ".join(step.explanation for step in drawn.steps)


ATTEMPTS = [("", 1, 3), ("", 5, 6), ("options { routing { max_attempts: 2 } }", 5, 2)]


@pytest.mark.parametrize(("text", "retries", "expected"), ATTEMPTS)
async def test_attempts_are_the_callers_or_the_servers(
    text: str, retries: int, expected: int
) -> None:
    """The server's setting, unless a provider's retries say more or the caller says otherwise."""
    response = await explained(text, model("m", at("m", "a", max_retries=retries)))
    assert response.max_attempts == expected


async def test_an_unknown_model_has_no_way() -> None:
    """The same refusal as a call would get."""
    with pytest.raises(ModelNotFound):
        await explained("", model("other", at("other", "a")))
