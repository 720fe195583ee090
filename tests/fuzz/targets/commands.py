"""The program's own command line: any arguments, with files made from the bytes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from tests.support.hostile import unfit
from xenops_cpu.cli import main
from xenops_cpu.cli.overview import COMMANDS

from .target import Target
from .texts import captures, cpu_dumps, logs, outputs

# Those that go on until somebody ends them, or want a server.
_ENDLESS = {"serve", "watch", "call", "history"}
_NAMES = [name for name in COMMANDS if name not in _ENDLESS]
# What leads out of the folder of a run: other places, other machines, other programs.
_OUTSIDE = re.compile(r"/|\.\.|^~|xapi:|^--?[a-z]*hook|^--hoo", re.IGNORECASE)
_MOST_ARGUMENTS = 12
_CODES = {0, 1, 2, 3, 10, 11, 12, 13, 14}
# What --help and --version print, also where --json is asked for.
_HELP = ("usage: ", "xenops-cpu ")


def run(data: bytes) -> None:
    """Whatever the arguments are, a command ends with one of its own codes and can be shown.

    Arguments are lines up to an empty one; the first says which command by its first letter, or is
    its name. What comes behind is two files, `a` and `b`, and standard input.
    """
    head, _, contents = data.partition(b"\n\n")
    arguments = [line.decode("utf-8", "surrogateescape") for line in head.split(b"\n")]
    arguments = arguments[:_MOST_ARGUMENTS]
    if arguments[0] in _ENDLESS:
        return
    if arguments[0] not in _NAMES:
        arguments[0] = _NAMES[ord(arguments[0][:1] or "a") % len(_NAMES)]
    if any(_OUTSIDE.search(argument) or "\0" in argument for argument in arguments):
        return
    first, _, second = contents.partition(b"\n--\n")
    with _folder({"a": first, "b": second}) as output:
        code = main.main(arguments)
    assert code in _CODES, (arguments, code)
    text, errors = (stream.getvalue() for stream in output)
    assert not unfit(text), unfit(text)
    assert not unfit(errors), unfit(errors)
    if code in (2, 3):
        assert errors
    elif "--json" in arguments and text and not errors and "--lines" not in arguments:
        assert text.startswith(_HELP) or json.loads(text) is not None


@contextlib.contextmanager
def _folder(files: dict[str, bytes]) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """A place of its own, in memory where there is such; the output is kept, faults are raised."""
    place = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    for name, data in files.items():
        Path(place, name).write_bytes(data)
    before, stdin = os.getcwd(), os.dup(0)
    output = io.StringIO(), io.StringIO()
    surroundings = {"XENOPS_CPU_DEBUG": "1", "PATH": "", "HOME": place, "COLUMNS": "100"}
    try:
        os.chdir(place)
        with Path("b").open("rb") as given:
            os.dup2(given.fileno(), 0)
        with (
            mock.patch.dict(os.environ, surroundings),
            mock.patch.multiple(sys, stdout=output[0], stderr=output[1]),
        ):
            yield output
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.chdir(before)
        shutil.rmtree(place, ignore_errors=True)


_LINES = (
    "info cpu:epyc-7763@4.17 --json",
    "info --dump a --xen 4.20 --xen-cmdline spec-ctrl=no --msr 10a=0",
    "explain AVX2 on a",
    "explain --list --json",
    "decode 1fc9cbf5-f6f83203 --style xen-cpuid --word 1",
    "decode @a --json",
    "diff a b --policies",
    "diff 1fc9cbf5-00000001 hex:1-2 --word 0 -q",
    "policy show a --names",
    "policy text a",
    "policy diff a b",
    "simulate --dump a --xen 4.17 --explain",
    "simulate --corpus a --json",
    "cpus xeon-gold-6240+2019-11",
    "check a b --type hvm --json --details",
    "check a#x VM=b example:epyc-xen-4.17 --any --brief -q",
    "vm example:epyc-xen-4.17 --cpuid host,avx=0 --leaves",
    "vm a --xl b --vcpus 3 --guest --viridian base",
    "vm cpu:epyc-7763@4.20 --featureset 1-2 --toolstack xapi --explain 7 --json",
    "level a b --reasons --xen 4.17",
    "level cpu:epyc-7763 cpu:epyc-7742 --hex --json",
    "plan join a --pool b --vm new --json",
    "plan update a --pool a --to-xen 4.20",
    "plan evacuate a --pool a b --notes",
    "forecast a --order x --targets updated --to-xen 4.20",
    "split a b --parts 2 --json",
    "audit a --host b --running --lines",
    "emit xl a --vm b",
    "emit libvirt cpu:epyc-7763@4.17 --for example:epyc-xen-4.17",
    "fleet export out.jsonl a",
    "read a b --together --json",
    "read a --to out",
    "read -",
    "report a --html out.html --vm b --title t",
    "capture out --dump a --xen 4.17",
    "completion bash",
    "examples --json",
    "releases",
    "call x",
)


def command_lines() -> list[bytes]:
    texts = [*captures()[:1], outputs()[1], outputs()[2], outputs()[7], *cpu_dumps()[:1], logs()[0]]
    made = []
    for number, line in enumerate(_LINES):
        first, second = texts[number % len(texts)], texts[(number // 2) % len(texts)]
        arguments = line.replace(" ", "\n").encode()
        made.append(arguments + b"\n\n" + first + b"\n--\n" + second)
    return made


TARGETS = (Target("commands", run, command_lines),)
