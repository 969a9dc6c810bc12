"""Which programs does the page about web frameworks show? By heading, for the tests to run."""

import re

from tests.clients.python.installed.programs import ROOT

PAGE = ROOT / "docs" / "clients" / "python-web.md"
_SECTION = re.compile(r"^## (\w+)\n.*?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(heading: str, address: str) -> str:
    """The program under a heading, which calls the server at an address instead of the page's."""
    found: dict[str, str] = dict(_SECTION.findall(PAGE.read_text(encoding="utf-8")))
    return found[heading].replace("localhost:50051", address)
