"""How are calls written for programs that analyse them? As Parquet, column by column."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow
from pyarrow.parquet import ParquetWriter

from weir_server.cli.call_rows import COLUMNS, ColumnType

_TYPES = {
    ColumnType.TEXT: pyarrow.string(),
    ColumnType.INTEGER: pyarrow.int64(),
    ColumnType.NUMBER: pyarrow.float64(),
    ColumnType.FLAG: pyarrow.bool_(),
    ColumnType.TIME: pyarrow.timestamp("us", tz="UTC"),
}
_SCHEMA = pyarrow.schema([(name, _TYPES[kind]) for name, kind in COLUMNS.items()])


class ParquetFile:
    """A file of calls that grows page by page; it is whole once the block is left."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Self:
        self._writer = ParquetWriter(self._file, _SCHEMA, compression="zstd")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        """Write rows below what is there."""
        columns = zip(*rows, strict=True)
        arrays = [pyarrow.array(column, kind.type) for column, kind in zip(columns, _SCHEMA)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=_SCHEMA))
