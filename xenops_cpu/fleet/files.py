"""Rows into files, row by row: what is kept in memory does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from ..errors import RemediedError
from ..text.escapes import json_escaped
from .row import COLUMNS, Row, Value

if TYPE_CHECKING:
    import pyarrow

JSON_LINES, PARQUET = "jsonl", "parquet"

# Of a batch that is turned into columns, and of what Parquet calls a row group: DuckDB and Spark
# share out row groups among threads, and like them about this large.
_BATCH_ROWS = 4096
_GROUP_BATCHES = 32

Write = Callable[[Row], None]


class FormatError(RemediedError):
    """A format that cannot be written here."""


@contextmanager
def json_lines(file: BinaryIO) -> Iterator[Write]:
    """A function that writes a row as a line of JSON."""
    encode = json.JSONEncoder(separators=(",", ":")).encode

    def write(row: Row) -> None:
        file.write(json_escaped(encode(row)).encode() + b"\n")

    yield write


@contextmanager
def parquet(file: BinaryIO) -> Iterator[Write]:
    """A function that writes a row into a Parquet file, which is whole when the context is left.

    Raises FormatError where pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise FormatError(
            "Parquet needs the package pyarrow, which is not installed",
            "pip install pyarrow, or write JSON lines",
        ) from error
    schema = _schema()
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[pyarrow.RecordBatch] = []
        rows: list[Row] = []

        def batch() -> None:
            if rows:
                group.append(_batch(rows, schema))
                rows.clear()

        def flush() -> None:
            batch()
            if group:
                table = pyarrow.Table.from_batches(group, schema)
                writer.write_table(table, row_group_size=_BATCH_ROWS * _GROUP_BATCHES)
                group.clear()

        def write(row: Row) -> None:
            rows.append(row)
            if len(rows) == _BATCH_ROWS:
                batch()
                if len(group) == _GROUP_BATCHES:
                    flush()

        yield write
        flush()


FORMATS: Final = {JSON_LINES: json_lines, PARQUET: parquet}


def _schema() -> pyarrow.Schema:
    """Words are 64-bit integers: every engine has those, and not every one has unsigned ones."""
    import pyarrow

    types: dict[type[Value], pyarrow.DataType] = {
        str: pyarrow.string(),
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def _batch(rows: Sequence[Row], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    import pyarrow

    columns = [
        pyarrow.array([row[field.name] for row in rows], type=field.type) for field in schema
    ]
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema)
