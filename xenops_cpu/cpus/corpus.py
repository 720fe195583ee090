"""Many CPUs at once: dumps as lines of JSON, and the sets that a Xen release derives from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from ..cpuid.cpu import Cpu
from ..derivation import SETS, Derivation, Options, derive
from ..features.release import Release
from .dumps import records
from .params import options_of


@frozen
class Record:
    """One dump, ready to be derived. `name`: the record's id, or its line."""

    name: str
    cpu: Cpu
    options: Options


def read_record(text: str, line: int, wished: Options | None = None) -> Record:
    """One line of JSON (see records). The options that the caller wishes win over the record's.

    Raises RecordError.
    """
    dump = records.read(text, f"line {line}")
    where = f"line {line}: field params"
    return Record(dump.name, dump.cpu, options_of(dump.params, wished, where=where))


def simulate(record: Record, release: Release) -> Derivation:
    """Derive one record. Raises CommandLineError, DerivationError."""
    return derive(record.cpu, release, record.options)


def simulate_lines(
    lines: Iterable[str], release: Release, wished: Options | None = None
) -> Iterator[dict[str, Any]]:
    """A result a record: id, xen and the six sets as lists of 8-digit words (None: no such set).

    A record that cannot be used gives {"line", "error"} instead, and the rest goes on.
    """
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = read_record(text, number, wished)
            derivation = simulate(record, release)
        except records.RecordError as error:
            yield {"line": number, "error": str(error)}
        except ValueError as error:
            yield {"line": number, "error": f"line {number}: {error}"}
        else:
            yield as_words(record.name, derivation)


def as_words(name: str, derivation: Derivation) -> dict[str, Any]:
    """A derivation as the result line of `simulate_lines`."""
    result: dict[str, Any] = {"id": name, "xen": derivation.release.name}
    for key in SETS:
        featureset = derivation.featuresets[key]
        result[key] = None if featureset is None else featureset.text(" ").split()
    return result
