"""How is a table written for spreadsheets? As CSV in which no cell is a formula."""

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvText:
    """A table that grows row by row (RFC 4180). Numbers stay numbers; texts are never formulas."""

    def __init__(self, out: TextIO, header: Sequence[str]) -> None:
        """Write the header. `out` is opened with newline=""."""
        self._writer = csv.writer(out)
        self._writer.writerow(header)

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Write rows below what is there."""
        for row in rows:
            self._writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    """Return a cell; a text that a spreadsheet would calculate gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA):
        return f"'{value}"
    return value
