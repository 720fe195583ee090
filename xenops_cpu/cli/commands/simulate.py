"""xenops-cpu simulate: what a Xen release would offer on a CPU, and why; one CPU or many."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from ... import files
from ...cpus import corpus
from ...derivation import SETS, Change, Derivation, all_steps
from ...features.featureset import Featureset
from ...features.release import Release
from ...hosts.host import TITLES
from ...limits import input_limits
from ...sources import SourceError
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    simulation,
    terminal,
)
from . import info

_EXAMPLES = """  xenops-cpu simulate                               # this machine's CPU, Xen 4.17
  xenops-cpu simulate --cpu "Xeon Gold 6240" --xen 4.13
  xenops-cpu simulate --cpu "Xeon Gold 6240" --microcode 2019-11   # as it was then
  xenops-cpu simulate --dump FILE --xen master --xen-cmdline "spec-ctrl=no-gds-mit"
  xenops-cpu simulate --cpu "Xeon Gold 6240" --explain # every step that changed something
  xenops-cpu explain HLE,RTM --cpu "Xeon Gold 6240"    # why these are in a set, or not
  xenops-cpu simulate --corpus dumps.jsonl --xen 4.19  # a JSON line for each record

exit codes: 0 done, 1 a record of --corpus cannot be used, 2 wrong use, 3 not readable
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "simulate",
        "What a Xen release would offer on a CPU: this machine's, a shipped one or one of a dump.",
        _EXAMPLES,
    )
    simulation.add_options(command)
    command.add_argument(
        "--explain",
        action="store_true",
        help="the steps that set or cleared bits, set by set (explain does so for a feature)",
    )
    command.add_argument(
        "--corpus", type=Path, metavar="FILE", help="many CPUs: records as JSON, one a line"
    )
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    return command


def run(arguments: argparse.Namespace) -> int:
    if arguments.corpus is not None:
        return _many(arguments)
    source = simulation.source(arguments)
    if not arguments.json and not arguments.explain:
        return info.show(source, "text")
    try:
        host, derivation = source.explained()
    except SourceError as error:
        raise Failure(str(error)) from error
    if arguments.json:
        line = corpus.as_words(str(derivation.cpu), derivation)
        terminal.print_json({**line, "notes": host.notes}, indent=None)
        return OK
    print(f"{host.origin}\n")
    print("\n".join(_steps(derivation)))
    return OK


def _many(arguments: argparse.Namespace) -> int:
    """A line of JSON a record; records that cannot be used are told on standard error."""
    if arguments.cpu or arguments.dump or arguments.explain:
        raise Failure("--corpus goes without --cpu, --dump and --explain", WRONG_USAGE)
    xen = simulation.xen_release(arguments)
    xen_options = simulation.xen_options(arguments, xen)
    if arguments.microcode is not None:
        if arguments.microcode.kind != "revision":
            raise Failure("--corpus is as dumped: --microcode takes a revision there", WRONG_USAGE)
        xen_options = evolve(xen_options, microcode=arguments.microcode.revision)
    code = OK
    records = files.lines(
        arguments.corpus, input_limits.CORPUS_BYTES, input_limits.CORPUS_LINE_BYTES, pipes=True
    )
    lines = (record.decode(errors="replace") for record in records)
    for result in corpus.simulate_lines(lines, xen, xen_options):
        if "error" in result:
            print(f"{arguments.corpus}: {result['error']}", file=sys.stderr)
            code = ANSWERED_WITH_AN_ERROR
        sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return code


def _steps(derivation: Derivation) -> Iterator[str]:
    """Set by set, each step that changed it: what it set (+) and cleared (-), and why."""
    steps = {step.id: step for step in all_steps()}
    for name in SETS:
        featureset = derivation.featuresets[name]
        if featureset is None:
            continue
        yield f"{': '.join(TITLES[name])}, {len(featureset)} features"
        yield f"  {featureset.text(':')}"
        for change in derivation.changes:
            if change.set == name:
                step = steps[change.step]
                why = f"{step.why} ({change.detail})" if change.detail else step.why
                yield from textwrap.wrap(
                    f"{change.step}: {why} [{step.source.of(derivation.release.name)}]",
                    terminal.width(),
                    initial_indent="  ",
                    subsequent_indent="      ",
                    break_on_hyphens=False,
                )
                yield from _changed(derivation.release, change)
        yield ""


def _changed(xen: Release, change: Change) -> Iterator[str]:
    for sign, bits in (("+", change.added), ("-", change.removed)):
        if bits:
            names = " ".join(xen.names(Featureset(bits, xen.length)))
            yield from textwrap.wrap(
                names,
                terminal.width(),
                initial_indent=f"    {sign} ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
