"""xenops-cpu fleet: hosts of many pools as rows for an engine of tables, and levels out of it."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import BinaryIO, TextIO

from attrs import evolve

from ...errors import InputError, RemediedError
from ...files import FileError, opened
from ...fleet import files, queries, reductions
from ...fleet.error import FleetError
from ...fleet.row import Row, rows
from ...inputs import live as live_pools
from ...inputs.argument import LIVE
from ...inputs.reader import Reader
from ...text.escapes import json_escaped
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    gate,
    live,
    pool_arguments,
)
from ..arguments import fresh
from ..command_line import Parts
from ..output_files import writing

_EXAMPLES = """  xenops-cpu fleet export pool-1.xml pool-2.xml --output fleet.parquet
  xenops-cpu fleet export --pool lab host-7.json host-8.json      # JSON lines
  find reports -name '*.tar.bz2' | xenops-cpu fleet export @- --output fleet.parquet
  xenops-cpu fleet query duckdb                                   # levels, but for their last step
  duckdb -jsonlines fleet.db "$(xenops-cpu fleet query duckdb)" | xenops-cpu fleet settle
"""
_EXIT_CODES = """
exit codes: 0 done, 1 some sources or rows were left out, 2 wrong use, 3 not readable or writable
"""
_LIST = "@"
_STDIN = "-"
# Longer than any argument, and than any reduction: 64 words of 10 digits, and some names.
_MAX_LINE = 64 * 1024


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "fleet",
        "Hosts of any number of pools as rows of a table, for DuckDB, Spark and their like, which "
        "reduce them by SQL; and the levels out of what they reduced (docs/fleet.md).",
        _EXAMPLES + _EXIT_CODES,
    )
    parts = Parts(command, "action", _EXAMPLES)
    export = parts.add(
        "export",
        "a row for each host and set",
        "A row for each host and set. A source that cannot be read is told on standard error and "
        "left out.",
        _EXIT_CODES.replace("sources or rows", "sources"),
    )
    export.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="hosts, as every command takes them (docs/reading.md); @FILE: a source a line, @- "
        "from standard input",
    )
    export.add_argument(
        "--format",
        choices=tuple(files.FORMATS),
        help="Parquet needs pyarrow (default: by the name of --output, else jsonl)",
    )
    export.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="instead of standard output; whole or not at all",
    )
    export.add_argument(
        "--pool",
        metavar="NAME",
        default="",
        help="the pool that these hosts are in (default: the UUID that a source tells; else each "
        "source is a pool)",
    )
    export.add_argument(
        "--xen",
        metavar="RELEASE",
        help="whose rules count where a record does not tell; what cpu:NAME is simulated under",
    )
    export.set_defaults(type=None)  # what commands for pools have, and rows need not
    live.add_options(export)
    query = parts.add(
        "query",
        "the SQL that reduces the hosts of each pool",
        "The SQL that reduces the hosts of each pool, of a table or view named fleet that has the "
        "rows of export.",
    )
    query.add_argument(
        "engine", metavar="ENGINE", choices=tuple(queries.QUERIES), help="duckdb, spark"
    )
    settle = parts.add(
        "settle",
        "levels out of reductions",
        "Levels out of the rows that query gives, as JSON lines; as JSON lines, too. Columns that "
        "it does not know are handed on.",
        _EXIT_CODES.replace("sources or rows", "rows"),
    )
    settle.add_argument(
        "file", metavar="FILE", nargs="?", default=_STDIN, help="standard input without it"
    )
    return command


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "export":
            return _export(arguments)
        case "query":
            print(queries.QUERIES[arguments.engine](), end="")
            return OK
        case _:
            return _settle(arguments.file)


def _export(arguments: argparse.Namespace) -> int:
    format_ = arguments.format or _format(arguments.output)
    if format_ == files.PARQUET and arguments.output is None:
        raise Failure("Parquet is no text: name a file, --output FILE", WRONG_USAGE)
    # Nothing is kept of a source once it is written.
    reader = evolve(pool_arguments.reader(arguments), read_argument=fresh)
    code = OK
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_opened(arguments.output))
            write = stack.enter_context(files.FORMATS[format_](file))
        except RemediedError as error:
            raise Failure(str(error)) from error
        for source in _sources(arguments.sources):
            try:
                for row in _rows(source, arguments.pool, reader):
                    write(row)
            except InputError as error:
                _say(f"left out: {error}")
                code = ANSWERED_WITH_AN_ERROR
    return code


def _rows(source: str, pool: str, reader: Reader) -> list[Row]:
    """All of a source or nothing. Raises InputError."""
    if source.startswith(LIVE):
        live_pools.forget()
    return [
        row
        for host in reader.hosts([source])
        for row in rows(host.member, pool or host.member.membership.pool or source, source)
    ]


def _format(output: Path | None) -> str:
    return files.PARQUET if output is not None and output.suffix == ".parquet" else files.JSON_LINES


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield gate.of(sys.stdout).lines()
    else:
        with writing(output) as file:
            yield file


def _sources(texts: Iterable[str]) -> Iterator[str]:
    """What is typed, and the lines of @FILE as they are wanted: there may be a million of them."""
    for text in texts:
        if not text.startswith(_LIST):
            yield text
            continue
        for _, line in _lines(text.removeprefix(_LIST)):
            if not line.startswith("#"):
                yield line


def _lines(name: str) -> Iterator[tuple[int, str]]:
    """Of a file or of standard input: its lines that are not empty, with their numbers."""
    where = _where(name)
    with _file(name) as file:
        for number in count(1):
            line = file.readline(_MAX_LINE + 1)
            if len(line) > _MAX_LINE:
                raise Failure(f"{where}, line {number}: longer than {_MAX_LINE:,} characters")
            if not line:
                return
            if line.strip():
                yield number, line.strip()


def _where(name: str) -> str:
    return "standard input" if name == _STDIN else name


def _file(name: str) -> AbstractContextManager[TextIO]:
    """Standard input is waited for as long as it takes: an engine is at work. Raises FileError."""
    if name != _STDIN:
        return io.TextIOWrapper(
            opened(name, pipes=True), encoding="utf-8", errors="surrogateescape"
        )
    if sys.stdin is None:
        raise FileError(name, "standard input is closed: there is nothing to read")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    return nullcontext(sys.stdin)


def _settle(name: str) -> int:
    code = OK
    for number, line in _lines(name):
        try:
            level = reductions.settled(line)
        except FleetError as error:
            _say(f"left out: {_where(name)}, line {number}: {error}")
            code = ANSWERED_WITH_AN_ERROR
        else:
            sys.stdout.write(json_escaped(json.dumps(level)) + "\n")
    return code


def _say(text: str) -> None:
    print(f"xenops-cpu fleet: {text}", file=sys.stderr)
