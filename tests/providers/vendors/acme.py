"""What does it take to add a vendor? This row, and the recording beside it."""

from dataclasses import replace
from pathlib import Path

from weir_server.fake_upstream.recordings import load_from
from weir_server.providers.vendors.base import Vendor, able
from weir_server.providers.wire.openai.quirks import COMPATIBLE

ACME = Vendor(
    label="Acme",
    endpoint="https://api.acme.example/v1",
    quirks=replace(
        COMPATIBLE,
        state_kind="acme",
        seed_field="dice",
        top_k_field="best_of_k",
        reasoning_field="thinking.how",
        reasoning_efforts={"high": "hard"},
        reasoning_history_field="thought",
        prefill_field="go_on",
        unsupported_options=frozenset({"logit_bias", "top_logprobs"}),
    ),
    capabilities=able("logprobs", prefill=True),
    example_model="anvil-1",
)
RECORDING = load_from(Path(__file__).parent, "acme")
