"""What do the pages about providers say? What the code does, asked feature by feature.

`python -m tests.docs.provider_tables` writes them anew. Whether a kind of provider can do something
is found out by asking its wire format and its capabilities; why not is what its contract suite has
noted. A kind that joins `formats.table.FORMATS`, or a vendor that gets a row, shows up by itself.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.contracts.answers import ANSWERS
from tests.contracts.asks import ASKS
from tests.contracts.vendor_wire import Dropped, Never, Refused, VendorWireSuite
from tests.contracts.wire_format import TARGET
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import ConfigInvalid, InvalidRequest
from weir_server.core.needs import needs_of
from weir_server.core.target import Target
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.plan import Plan
from weir_server.providers.vendors.base import Vendor
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.wire import OpenAIWire

ROOT = Path(__file__).parents[2]
OVERVIEW = ROOT / "docs/providers.md"
OPENAI_PAGE = ROOT / "docs/providers/openai.md"
_GENERATED = "<!-- Written by `make provider-pages`. Change the code, not this page. -->"
_SAME_WIRE = {"vertex": "gemini"}
"""Kinds that need settings to be made at all, by one that speaks the same and needs none."""
_NO_WORDS = "the protocol has no words for it"
_ABOUT = """\
A provider has a `kind`, which says what language it speaks, and those of kind `openai` a `vendor`,
which says in what dialect: [openai.md](providers/openai.md) has each with its configuration. What a
kind cannot do is refused before it is sent, with the field that asked for it; where the caller's
`unsupported_option_policy` allows it, an option is left out with a warning instead.
[configuration.md](configuration.md) has the settings.

Beside these there are `local`, the embedded model, and `echo`, which says again what it was told.
""".splitlines()
_ABOUT_ASKS = """\
"yes, without its …": it is sent, and a warning names what of it has no place. "ignored": a hint of
which nothing is sent. Where *tokens from a cache* come back all the same, below, the vendor caches
by itself.
""".splitlines()
_ABOUT_OPENAI = """\
Everybody who speaks OpenAI's chat completions. `vendor` says who it is, so that each is told what
it wants in its own words and asked for nothing that it lacks; what a vendor adds goes as an
extension for kind `openai`. Each configuration below works as it stands, with the key in the
environment; name the model that you want. Keys go as bearer tokens.

What OpenAI itself can be asked stands in [providers.md](../providers.md#what-can-be-asked); below
is what one has beyond that, and what it lacks of it.
""".splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One kind of provider, as far as the pages show it."""

    kind: str
    label: str
    wire: Wire
    capabilities: ModelCapabilities | None
    """None: they depend on its configuration."""
    counts: bool
    suite: VendorWireSuite | None
    """Who noted the reasons; None: nobody yet."""

    @property
    def target(self) -> Target:
        """A target to ask for."""
        return self.suite.target if self.suite is not None else TARGET


def shown() -> list[Shown]:
    """Return every kind that is reached over HTTP, in the order of the table."""
    found = (_shown(kind, format_) for kind, format_ in FORMATS.items())
    return [kind for kind in found if kind is not None]


def _shown(kind: str, format_: Format) -> Shown | None:
    speech = _speech(kind, format_)
    suite = _suite_of(kind, speech)
    wire = speech.wire if speech is not None else suite.wire() if suite is not None else None
    if wire is None:
        return None
    return Shown(
        kind=kind,
        label=format_.label,
        wire=wire,
        capabilities=speech.capabilities if speech is not None else None,
        counts=format_.counts,
        suite=suite,
    )


def _speech(kind: str, format_: Format) -> Speech | None:
    """Return how a kind is spoken to, or None where that needs settings of its own."""
    try:
        return format_.speech(Plan(kind=kind, field_prefix=""))
    except ConfigInvalid:
        return None


def _suites() -> Iterator[tuple[str, VendorWireSuite]]:
    for path in sorted((ROOT / "tests/providers/wire").glob("test_*_contract.py")):
        name = path.stem.removeprefix("test_").removesuffix("_contract")
        module = importlib.import_module(f"tests.providers.wire.{path.stem}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if (
                member.__module__ == module.__name__
                and issubclass(member, VendorWireSuite)
                and not inspect.isabstract(member)
            ):
                yield name, member()


def _suite_of(kind: str, speech: Speech | None) -> VendorWireSuite | None:
    """Return the suite of a kind: the one of its name, or else of its wire format."""
    suites = list(_suites())
    words = kind.split("-")
    own = {kind.replace("-", "_"), _SAME_WIRE.get(kind)}
    named = [(name, suite) for name, suite in suites if name in own]
    # Of `openai-responses` and `azure-openai` it is the other word that tells them apart.
    named += sorted(
        ((name, suite) for name, suite in suites if name in words),
        key=lambda each: each[0] == "openai",
    )
    if speech is not None:
        alike = type(speech.wire)
        named += [(name, suite) for name, suite in suites if type(suite.wire()) is alike]
    return named[0][1] if named else None


# --- What can be asked ----------------------------------------------------------------------------


def asks_lacked(
    wire: Wire, capabilities: ModelCapabilities | None, target: Target = TARGET
) -> dict[str, str]:
    """Return the asks that are refused or left out, each with the fields that are named for it."""
    lacked = {}
    for name, ask in ASKS.items():
        fields = _fields_refused(wire, ask, target) or _fields_lacking(ask, capabilities)
        if fields:
            lacked[name] = ", ".join(f"`{field}`" for field in fields)
    return lacked


def _fields_refused(wire: Wire, ask: ChatRequest, target: Target) -> list[str]:
    try:
        encoded = wire.encode(ask, target, stream=False)
    except InvalidRequest as refused:
        return sorted({violation.field for violation in refused.violations})
    return sorted({warning.field for warning in encoded.warnings})


def _fields_lacking(ask: ChatRequest, capabilities: ModelCapabilities | None) -> list[str]:
    if capabilities is None:
        return []
    lacked = needs_of(ask).lacked_by(replace(TARGET, capabilities=capabilities))
    return sorted({need.field for need in lacked})


def reasons(suite: VendorWireSuite | None) -> Mapping[str, str]:
    """Return why what a suite refuses or leaves out cannot be had, by the ask or the answer."""
    if suite is None:
        return {}
    noted: dict[str, Any] = {**suite.asks(), **suite.answers()}
    return {
        name: said.why
        for name, said in noted.items()
        if isinstance(said, Refused | Dropped | Never)
    }


# --- The overview ---------------------------------------------------------------------------------


def overview() -> str:
    """Return docs/providers.md."""
    kinds = shown()
    lacks = {kind.kind: asks_lacked(kind.wire, kind.capabilities, kind.target) for kind in kinds}
    return "\n".join(
        [
            "# Providers",
            "",
            _GENERATED,
            "",
            *_ABOUT,
            "",
            "## What can be asked",
            "",
            *_table("ask", list(ASKS), kinds, lambda name, kind: _asked(name, kind, lacks)),
            "",
            *_ABOUT_ASKS,
            "",
            "## What comes back",
            "",
            *_table("answer", list(ANSWERS), kinds, _comes_back),
            "",
            "## What its models can do",
            "",
            "Where `can` of a model says nothing else. Requests go only where they can be served.",
            "",
            *_abilities(kinds),
            "",
            "## Why not",
            "",
            *_why_not(kinds, lacks),
            "## Vendors",
            "",
            *_vendors(),
            "",
        ]
    )


def _table(title: str, names: list[str], kinds: list[Shown], can: Any) -> list[str]:
    lines = [_row(title, *map(_named, kinds)), _row(*["---"] * (len(kinds) + 1))]
    lines += [_row(name, *(can(name, kind) for kind in kinds)) for name in names]
    return lines


def _asked(name: str, kind: Shown, lacks: Mapping[str, Mapping[str, str]]) -> str:
    """Return whether something can be asked, and what of it is left out or comes to nothing."""
    ask = ASKS[name]
    if name not in lacks[kind.kind]:
        return "yes" if _is_told(kind, ask) else "ignored"
    needed = _fields_lacking(ask, kind.capabilities)
    try:
        warnings = kind.wire.encode(ask, kind.target, stream=False).warnings
    except InvalidRequest:
        return "no"
    left_out = sorted({warning.field.rpartition(".")[2] for warning in warnings})
    return "no" if needed else f"yes, without its {' and '.join(left_out)}"


def _is_told(kind: Shown, ask: ChatRequest) -> bool:
    """Tell whether the hints of an ask make a difference to what is sent."""
    bare = ChatRequest()
    bare.CopyFrom(ask)
    for message in bare.messages:
        for part in message.parts:
            part.ClearField("cache_hint")
    if bare == ask:
        return True
    with_hints, without = (
        kind.wire.encode(each, kind.target, stream=False).body for each in (ask, bare)
    )
    return with_hints != without


def _named(kind: Shown) -> str:
    """Return the name of a kind, as a link where it has a page."""
    page = f"providers/{kind.kind}.md"
    is_there = (ROOT / "docs" / page).exists() or kind.kind == "openai"
    return f"[`{kind.kind}`]({page})" if is_there else f"`{kind.kind}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _comes_back(name: str, kind: Shown) -> str:
    return "yes" if _gives(name, kind) else "no"


def _gives(name: str, kind: Shown) -> bool:
    return kind.suite is not None and not isinstance(kind.suite.answers().get(name, None), Never)


def _abilities(kinds: list[Shown]) -> list[str]:
    names = [
        field.name for field in ModelCapabilities.DESCRIPTOR.fields if field.type == field.TYPE_BOOL
    ]
    lines = [_row("ability", *map(_named, kinds))]
    lines.append(_row(*["---"] * (len(kinds) + 1)))
    lines += [
        _row(f"`{name}`", *(_has(kind.capabilities, name) for kind in kinds)) for name in names
    ]
    counts = ("yes" if kind.counts else "no" for kind in kinds)
    lines.append(_row("counts tokens when asked", *counts))
    return lines


def _has(capabilities: ModelCapabilities | None, name: str) -> str:
    if capabilities is None:
        return "by its settings"
    return "yes" if getattr(capabilities, name) else "no"


def _why_not(kinds: list[Shown], lacks: Mapping[str, Mapping[str, str]]) -> list[str]:
    lines: list[str] = []
    for kind in kinds:
        noted = reasons(kind.suite)
        lines += [f"### `{kind.kind}`", ""]
        for name, fields in lacks[kind.kind].items():
            lines.append(f"- {name} ({fields}): {_why(name, kind, noted)}")
        for name in ANSWERS:
            if kind.suite is not None and not _gives(name, kind):
                lines.append(f"- {name}: {noted[name]}")
        lines.append("")
    return lines


def _why(name: str, kind: Shown, noted: Mapping[str, str]) -> str:
    if name in noted:
        return noted[name]
    refused = _fields_refused(kind.wire, ASKS[name], kind.target)
    return _NO_WORDS if refused else "its models do not do it"


def _vendors() -> list[str]:
    lines = [_row("kind", "`vendor`", "who", "endpoint", "notes"), _row(*["---"] * 5)]
    for name, row in VENDORS.items():
        endpoint = (
            f"`{row.endpoint}`" if row.endpoint else f"yours, such as `{row.example_endpoint}`"
        )
        lines.append(_row("`openai`", f"`{name}`", row.label, endpoint, "; ".join(row.notes)))
    return lines


# --- The vendors, one by one ----------------------------------------------------------------------


def openai_page() -> str:
    """Return docs/providers/openai.md."""
    lines = [
        "# Kind `openai`",
        "",
        _GENERATED,
        "",
        *_ABOUT_OPENAI,
        "",
    ]
    for name, row in VENDORS.items():
        lines += _vendor(name, row)
    return "\n".join(lines)


def _vendor(name: str, row: Vendor) -> list[str]:
    lines = [f"## `{name}`", "", f"{row.label}, `{row.endpoint or row.example_endpoint}`.", ""]
    lines += ["```yaml", configuration(name, row).rstrip(), "```", ""]
    facts = [note[0].upper() + note[1:] + "." for note in row.notes]
    if row.embed_inputs_max:
        facts.append(f"Takes {row.embed_inputs_max} inputs of Embed at once; more go in turn.")
    lacked, of_openai = _lacks(row), _lacks(VENDORS["openai"])
    if more := [ask for ask in of_openai if ask not in lacked]:
        facts.append(f"Beyond OpenAI: {', '.join(more)}.")
    if missing := [ask for ask in lacked if ask not in of_openai]:
        facts.append(f"Not there: {', '.join(missing)}.")
    if row.sources:
        facts.append(f"Read from: {'; '.join(row.sources)}.")
    lines += [f"- {fact}" for fact in facts]
    return [*lines, ""]


def _lacks(row: Vendor) -> list[str]:
    """Return the asks that this vendor lacks."""
    return list(asks_lacked(OpenAIWire(row.quirks), row.capabilities))


def configuration(name: str, row: Vendor) -> str:
    """Return five lines that make a vendor's models callable."""
    settings = [f"id: {name}", "kind: openai", f"vendor: {name}"]
    if not row.endpoint:
        settings.append(f"endpoint: {row.example_endpoint}")
    if row.example_endpoint.startswith("http://"):
        settings += ["allow_private: true", "allow_insecure_http: true"]
    if row.keyed:
        settings.append(f'api_key: "${{{variable(name)}}}"')
    return (
        "providers:\n"
        f"  - {{{', '.join(settings)}}}\n"
        "models:\n"
        f"  - {{name: chat, provider: {name}, vendor_model: {row.example_model!r}}}\n"
        "default_model: chat\n"
    )


def variable(name: str) -> str:
    """Return the environment variable that the pages keep a vendor's key in."""
    return f"{name.replace('-', '_').upper()}_API_KEY"


PAGES = {OVERVIEW: overview, OPENAI_PAGE: openai_page}


def main() -> None:
    """Write the pages."""
    for path, page in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
