"""Where do the settings come from? One YAML file, with secrets by reference, checked as a whole."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from weir_server.settings.marks import Mark, Marks, mark_of
from weir_server.settings.tree import Settings

CONFIG_MAX_BYTES = 1024 * 1024
SECRET_KEYS = frozenset(
    {
        "api_key",
        "client_secret",
        "hash_key",
        "seal_key",
        "secret_access_key",
        "session_token",
    }
)

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a configuration."""

    where: str
    """Path of the key, such as `providers[0].endpoint`."""
    what: str
    """What is wrong and how to mend it."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class SettingsInvalid(Exception):
    """The configuration cannot be used; `problems` names each key and the fix.

    marks: of the files that were read until then.
    """

    def __init__(self, problems: list[Problem], marks: Marks | None = None) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
        self.marks: Marks = marks if marks is not None else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings that can be used, and what an operator should know about them."""

    settings: Settings
    warnings: tuple[Problem, ...] = ()
    marks: Marks = field(default_factory=dict)
    """Of the file itself and of those with secrets, as they were when they were read."""


def load(path: Path, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read and check a configuration file. Raises SettingsInvalid with every problem found.

    environment: where `${NAME}` is looked up; None: the process's own.
    """
    marks: dict[Path, Mark | None] = {path: mark_of(path)}
    try:
        raw = path.read_bytes()
    except OSError as failure:
        what = f"cannot be read ({failure.strerror}); give the path of a YAML file"
        raise SettingsInvalid([Problem(where=str(path), what=what)], marks) from failure
    if len(raw) > CONFIG_MAX_BYTES:
        raise SettingsInvalid([Problem(where=str(path), what="is larger than 1 MiB")], marks)
    try:
        tree = _StrictLoader(raw).get_single_data()
    except yaml.YAMLError as failure:
        what = f"is no YAML that Weir takes: {_yaml_fault(failure)}"
        raise SettingsInvalid([Problem(where=str(path), what=what)], marks) from failure
    return parse(tree if tree is not None else {}, environment, base=path.parent, marks=marks)


def parse(
    tree: object,
    environment: Mapping[str, str] | None = None,
    base: Path = Path(),
    *,
    marks: Marks | None = None,
) -> Loaded:
    """Check a configuration that was read already; see `load`.

    base: the folder that `file:` references are relative to. marks: of what was read so far.
    """
    reader = _References(os.environ if environment is None else environment, base, marks or {})
    resolved = reader.resolve(tree, "")
    try:
        settings = Settings.model_validate(resolved)
    except ValidationError as failure:
        problems = [
            Problem(where=_path(error["loc"]), what=_sentence(error))
            for error in failure.errors(include_url=False, include_input=False)
        ]
        raise SettingsInvalid(reader.problems + problems, reader.marks) from failure
    if reader.problems:
        raise SettingsInvalid(reader.problems, reader.marks)
    return Loaded(settings=settings, warnings=tuple(reader.warnings), marks=reader.marks)


class _StrictLoader(yaml.SafeLoader):
    """Plain data only: no aliases (they can grow without bound), no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]  # a gap in its stubs
            raise yaml.composer.ComposerError(None, None, "aliases are not taken", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name} is given twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


class _References:
    """Replaces `${NAME}` everywhere and `file:` in secrets, noting what cannot be found."""

    def __init__(self, environment: Mapping[str, str], base: Path, marks: Marks) -> None:
        self._environment = environment
        self._base = base
        self.marks = dict(marks)
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def resolve(self, value: object, where: str) -> object:
        if isinstance(value, dict):
            return {
                key: self.resolve(item, f"{where}.{key}" if where else str(key))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.resolve(item, f"{where}[{n}]") for n, item in enumerate(value)]
        if isinstance(value, str):
            return self._resolve_text(value, where)
        return value

    def _resolve_text(self, text: str, where: str) -> str:
        is_secret = where.rpartition(".")[2] in SECRET_KEYS or where.startswith("secrets.")
        if is_secret and text.startswith("file:"):
            return self._read_secret(self._base / text.removeprefix("file:"), where)
        if is_secret and not _REFERENCE.search(text):
            what = "holds a literal secret; write ${ENV_NAME} or file:/path instead"
            self.warnings.append(Problem(where=where, what=what))
        return _REFERENCE.sub(lambda match: self._look_up(match[1], where), text)

    def _look_up(self, name: str, where: str) -> str:
        value = self._environment.get(name)
        if value is None:
            what = f"refers to the environment variable {name}, which is not set"
            self.problems.append(Problem(where=where, what=what))
            return ""
        return value

    def _read_secret(self, path: Path, where: str) -> str:
        self.marks[path] = mark_of(path)
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as failure:
            what = f"refers to the file {path}, which cannot be read ({type(failure).__name__})"
            self.problems.append(Problem(where=where, what=what))
            return ""


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in _UNION_STEPS:
            path += f".{step}" if path else step
    return path


# pydantic names the member of a union that it tried; an operator never wrote these words.
_UNION_STEPS = frozenset({"TlsSettings", "literal['mesh']", "constrained-str"})


def _sentence(error: Any) -> str:  # noqa: ANN401  pydantic's error is a TypedDict of its own
    kind = error["type"]
    if kind == "extra_forbidden":
        return "is no key that Weir knows; check its spelling"
    if kind == "missing":
        return "is required"
    message: str = error["msg"]
    return message.removeprefix("Value error, ")


def _yaml_fault(failure: yaml.YAMLError) -> str:
    if isinstance(failure, yaml.MarkedYAMLError) and failure.problem_mark is not None:
        mark = failure.problem_mark
        return f"{failure.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return "it cannot be parsed"
