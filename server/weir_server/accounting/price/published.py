"""Which prices are published? Those that the package `genai-prices` carries, and no network."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from weir_server.accounting.price.types import ModelInfo, Provider

PACKAGE = "genai-prices"

_PATHS = ("models/", "inference-profile/", "foundation-model/")
"""As in `publishers/google/models/gemini-2.5-pro`, and in the ARNs of AWS."""
_COMPACT_DATE = re.compile(r"-(20\d\d)([01]\d)([0-3]\d)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Price lists by their names, such as `openai` or `aws`."""

    version: str
    """Package, version and the beginning of the data's hash."""
    lists: Mapping[str, Provider]

    def find(self, price_list: str, vendor_model: str) -> ModelInfo | None:
        """Return what a list says of a model, by any of the names it knows; None: nothing."""
        provider = self.lists.get(price_list)
        if provider is None:
            return None
        for name in _names(vendor_model):
            found = self._find(provider, name)
            if found is not None:
                return found
        return None

    def _find(self, provider: Provider, name: str) -> ModelInfo | None:
        for each in (provider, *self._fallbacks(provider)):
            for model in each.models:
                if model.match.is_match(name):
                    return model
        return None

    def _fallbacks(self, provider: Provider) -> list[Provider]:
        return [self.lists[name] for name in provider.fallback_model_providers or ()]


def _names(vendor_model: str) -> list[str]:
    """Return the names to look for: the one said, and without what vendors put around it."""
    said = vendor_model.lower()
    names = [said, *(said.rpartition(path)[2] for path in _PATHS if path in said)]
    # `gpt-5.2-20251211` is how some write `gpt-5.2-2025-12-11`.
    dashed = _COMPACT_DATE.sub(r"-\1-\2-\3", names[-1])
    return names if dashed == names[-1] else [*names, dashed]


@cache
def load_published() -> Published:
    """Read the prices. Takes some 70 ms, and 10 MB: not for the event loop, once a process."""
    installed = distribution(PACKAGE)
    path = Path(str(installed.locate_file("genai_prices/data.py")))
    # Its only import is `.types`, which as a part of this package is the one beside.
    name = f"{__package__}.genai_prices_data"
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    providers: list[Provider] = module.providers
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return Published(
        version=f"{PACKAGE} {installed.version} {digest}",
        lists={provider.id: provider for provider in providers},
    )
