"""Which calls and imports may no module of Weir contain?

Code that runs text, revives objects from bytes, fills templates or starts programs has been the
way into other gateways. Weir needs none of it, so the gate walks the syntax tree of every module.
The two exceptions stand in `test_source.py`, each with a test of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "server" / "weir_server", ROOT / "clients" / "python" / "weir")

BUILTINS = {"eval", "exec", "compile", "__import__"}
MODULES = {
    "cloudpickle",
    "code",
    "dill",
    "jinja2",
    "jsonpickle",
    "mako",
    "marshal",
    "pickle",
    "pty",
    "shelve",
    "subprocess",
}
ATTRIBUTES = {
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "os.popen",
    "os.system",
    "string.Template",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}
PREFIXES = ("os.exec", "os.posix_spawn", "os.spawn")


def modules() -> list[Path]:
    """Every module that people wrote, in both packages."""
    found = (path for package in PACKAGES for path in package.rglob("*.py"))
    return sorted(path for path in found if "_pb2" not in path.name)


def forbidden(text: str) -> Iterator[str]:
    """What in a module's text is forbidden, as `line: name`."""
    tree = ast.parse(text)
    aliases = dict(_aliases(tree))
    for node in ast.walk(tree):
        for name in _names(node, aliases):
            if _is_forbidden(name):
                yield f"{getattr(node, 'lineno', 0)}: {name}"


def imported(text: str) -> set[str]:
    """The top-level names that a module's text imports, wherever in it."""
    names = (name for node in ast.walk(ast.parse(text)) for name in _imports(node))
    return {name.partition(".")[0] for name in names}


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def _aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Local name to full name, so that `import os as o` hides nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _names(node: ast.AST, aliases: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield aliases.get(node.id, f"builtins.{node.id}")
    elif (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in aliases  # else it is a variable, whatever it is called
    ):
        yield f"{aliases[node.value.id]}.{node.attr}"


def _is_forbidden(name: str) -> bool:
    head, _, rest = name.partition(".")
    return (
        head in MODULES
        or name in ATTRIBUTES
        or name.startswith(PREFIXES)
        or (head == "builtins" and rest in BUILTINS)
    )
