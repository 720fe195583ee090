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
    *("xenops_cpu.files", "xenops_cpu.inputs.pipes", "xenops_cpu.limits"),
)
# Of the standard library what costs milliseconds; of others all that is not needed for text.
_NETWORK = ("html", "xml", "socket", "ssl", "http", "email")
_COSTLY = (
    *("attr", "attrs", "cffi", "jinja2", "rich"),
    *("configparser", "contextvars", "importlib.resources", "inspect", "logging", "pathlib"),
    *("select", "shutil", "urllib"),
    *_NETWORK,
)
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


def _loaded(arguments: list[str], answer: int = 1) -> set[str]:
    """The modules that a process has when it has run a command; its exit code is no more than the
    worst answer.
    """
    program = (
        "import sys; from xenops_cpu.cli.main import main; code = main(sys.argv[1:]); "
        f"print(*sorted(sys.modules), file=sys.stderr); sys.exit(code > {answer})"
    )
    return _modules(program, *arguments)


def _modules(program: str, *arguments: str) -> set[str]:
    """What a program in Python prints on standard error."""
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


def test_names_take_no_more_than_names() -> None:
    """A set's features by name load neither what is known of each nor what people say of them."""
    modules = _loaded(["decode", "1fc9cbf5-f6f83203"])
    rooms = ("xenops_cpu.features.bits", "xenops_cpu.features.concepts", "xenops_cpu.explain")
    assert not _of(rooms, modules)


@pytest.mark.parametrize("arguments", _SHORT, ids=" ".join)
def test_what_is_told_of_bits_alone_asks_for_no_compiler(arguments: list[str]) -> None:
    """No field of a named tuple has a text for its type: Python would compile each of them, and
    load what compiling takes, which is a millisecond of a short command.
    """
    assert not _modules(_RECORDS, *arguments)


_RECORDS = """
import sys
from typing import ForwardRef
from xenops_cpu.cli.main import main
main(sys.argv[1:])
for record in tuple.__subclasses__():
    types = getattr(record, "__annotations__", {}).values()
    if record.__module__.startswith("xenops_cpu.") and ForwardRef in map(type, types):
        print(record.__name__, file=sys.stderr)
"""


def test_the_version_loads_no_room() -> None:
    """--version loads the command line alone: no feature, no table, no host."""
    modules = _loaded(["--version"])
    assert "xenops_cpu.cli.main" in modules
    assert not _of(("xenops_cpu.features", *_HOSTS, *_COSTLY), modules)


_FIRST_CALL = """
import sys
from xenops_cpu.daemon import serve
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources.recorded import Example
from xenops_cpu.wire import dispatch, xmlrpc
call = xmlrpc.dump_call("HOST.get_cpu_info", [{"debug_info": "x"}])
assert b"Success" in dispatch.answer(XenopsCpu(Example("epyc-xen-4.17")), call)
print(*sys.modules, file=sys.stderr)
"""


def test_the_first_answer_of_a_service_takes_its_own_records_alone() -> None:
    """The daemon and its first answer load neither records of pools nor an XML parser."""
    modules = _modules(_FIRST_CALL)
    assert "xenops_cpu.interface.host" in modules
    rooms = (
        "xenops_cpu.interface.pool",
        "xenops_cpu.service.pools",
        "xenops_cpu.transports.client",
    )
    assert not _of((*rooms, "xenops_cpu.derivation", "xml", "http", "ssl", "email"), modules)


_PAIR = ["cpu:xeon-gold-6240@4.17", "cpu:xeon-e5-2696-v4@4.17"]
# What hosts by name do without: other ways to name one, readers, and what a guest is asked.
_OTHERS = (
    *("xenops_cpu.transports", "xenops_cpu.inputs.xapi_log", "xenops_cpu.cpus.dumps"),
    *("xenops_cpu.hosts.parts", "xenops_cpu.sources.recorded", "xenops_cpu.interface.pool"),
    *("xenops_cpu.guests.libxl_names", "xenops_cpu.guests.msrs", "xenops_cpu.guests.resets"),
    *("pathlib", "urllib"),
)
# Each class of attrs is a third of a millisecond: what a command makes, and one or two more.
_MOST_CLASSES = {"check": 55, "level": 57, "info": 20}


@pytest.mark.parametrize("command", ["level", "check"])
def test_named_hosts_take_no_network(command: str) -> None:
    """Hosts by name load neither HTTP nor TLS, readers of dumps and logs, or records of calls."""
    modules = _loaded([command, *_PAIR], answer=13)
    assert "xenops_cpu.derivation" in modules
    assert not _of((*_OTHERS, *_NETWORK), modules)


def test_a_verdict_takes_no_level() -> None:
    """One VM on one host loads neither levels nor the verdicts of fleets."""
    modules = _loaded(["check", *_PAIR], answer=13)
    assert "xenops_cpu.pools.verdict" in modules
    rooms = ("xenops_cpu.pools.grid", "xenops_cpu.pools.level", "xenops_cpu.pools.levelling")
    assert not _of(rooms, modules)


_INFO = ["info", "--source", "example:epyc-xen-4.17"]


def test_one_host_takes_no_pool() -> None:
    """A host that is told to people loads no pool, and no errors but this service's own."""
    modules = _loaded(_INFO)
    assert "xenops_cpu.interface.host" in modules
    rooms = ("xenops_cpu.pools", "xenops_cpu.interface.errors", "xenops_cpu.hosts.parts")
    assert not _of((*rooms, "pathlib", "urllib", *_NETWORK), modules)


_CLASSES = """
import sys
from xenops_cpu.cli.main import main
main(sys.argv[1:])
classes, new = set(), [object]
while new:
    new = [below for cls in new for below in type.__subclasses__(cls) if below not in classes]
    classes.update(new)
records = [cls for cls in classes if "__attrs_attrs__" in vars(cls)]
names = {f"{cls.__module__}.{cls.__qualname__}" for cls in records}
print(*(name for name in names if name.startswith("xenops_cpu.")), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["check", *_PAIR], ["level", *_PAIR], _INFO], ids=" ".join)
def test_few_classes_are_made_on_the_way(arguments: list[str]) -> None:
    """A command makes the records that its answer has, and few others."""
    classes = _modules(_CLASSES, *arguments)
    assert "xenops_cpu.hosts.host.Host" in classes
    assert len(classes) <= _MOST_CLASSES[arguments[0]]
