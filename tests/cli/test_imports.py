"""Which modules a command loads: most of what a short command costs is imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What a featureset, a word or a feature can be told without: hosts, pools, policies, RPC.
_HOSTS = (
    *("xenops_cpu.interface", "xenops_cpu.hosts.host", "xenops_cpu.hosts.capture"),
    *("xenops_cpu.pools", "xenops_cpu.derivation", "xenops_cpu.cpuid", "xenops_cpu.guests"),
    *("xenops_cpu.cpus", "xenops_cpu.xapi", "xenops_cpu.wire", "xenops_cpu.transports"),
    *("xenops_cpu.sources.choose", "xenops_cpu.explain.xen_cpuid"),
)
# Of the standard library what costs milliseconds; of others all that is not needed for text.
_COSTLY = ("importlib.resources", "html", "xml", "socket", "ssl", "http", "rich", "jinja2", "cffi")
_SHORT = [
    ["decode", "1fc9cbf5-f6f83203"],
    ["decode", "word 1 of 7ed8320b"],
    ["decode", "--json", "1fc9cbf5-f6f83203"],
    ["explain", "HLE"],
    ["diff", "1fc9cbf5-f6f83203", "1fc9cbf5-f6d83203"],
    ["diff", "--word", "1", "7ed8320b", "f6d8320b"],
]


@pytest.fixture(autouse=True)
def _not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under coverage these processes are not counted: what counts loads modules of its own."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def _loaded(arguments: list[str]) -> set[str]:
    """The modules that a process has when it has run a command."""
    program = (
        "import sys; from xenops_cpu.cli.main import main; code = main(sys.argv[1:]); "
        "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code > 1)"
    )
    command = [sys.executable, "-c", program, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())


def _of(rooms: tuple[str, ...], modules: set[str]) -> set[str]:
    return {m for m in modules if any(m == room or m.startswith(f"{room}.") for room in rooms)}


@pytest.mark.parametrize("arguments", _SHORT, ids=" ".join)
def test_what_is_told_of_bits_alone_loads_no_host(arguments: list[str]) -> None:
    """Sets, words and features by name load neither hosts nor what only they take."""
    modules = _loaded(arguments)
    assert "xenops_cpu.features.release" in modules
    assert not _of(_HOSTS + _COSTLY, modules)


def test_the_version_loads_no_room() -> None:
    """--version loads the command line alone: no feature, no table, no host."""
    modules = _loaded(["--version"])
    assert "xenops_cpu.cli.main" in modules
    assert not _of(("xenops_cpu.features", *_HOSTS, *_COSTLY), modules)
