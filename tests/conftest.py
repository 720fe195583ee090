"""Settings for all tests: how long something takes is never what a test is about.

XENOPS_CPU_EXAMPLES is the number of examples a property is tried on; CI takes more than a person
who waits for the result.

Where PYTHONDONTWRITEBYTECODE is set, programs that tests start would compile the package anew each
time, and every process rewrite its asserts: a tenth of the suite's time. What is compiled is then
kept in pytest's own cache, and the tree stays clean.

The whole suite is passed on every core where pytest-xdist is there, a file by one process, and by
one process more than there are cores: at any time some test waits for a daemon or for a limit of
time. `-n 0` is for one core, as where it is not there. What is asked for by name, or looked at in a
debugger, is not worth the start of more processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pluggy import Result

settings.register_profile(
    "calm",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("XENOPS_CPU_EXAMPLES", "30")),
)
settings.load_profile("calm")

# Readline, which pytest loads, sets the width of a terminal for every process that is started after
# that, though none has one: not for Python, only for C. So does a person who exports it.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)

# A shell's background job ignores SIGINT, nohup SIGHUP, and whatever is started inherits that; the
# programs that are tested are to take both as at a terminal.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Before pytest-xdist looks at what was asked for."""
    option = config.option
    if getattr(option, "numprocesses", 0) is None and _is_for_all_cores(config):
        option.numprocesses = len(os.sched_getaffinity(0)) + 1
        option.dist = "loadfile"


def pytest_configure(config: pytest.Config) -> None:
    """Before workers are started and tests compiled: all of them use one folder."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if not sys.dont_write_bytecode or cache is None:
        return
    with contextlib.suppress(OSError):  # a tree that nobody may write into
        folder = str(cache.mkdir("bytecode"))
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = folder
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _is_for_all_cores(config: pytest.Config) -> bool:
    """All tests, and nothing that a process of its own would hide; a worker shares out no more."""
    option = config.option
    everything = {config.rootpath, Path(__file__).parent}
    paths = {config.invocation_params.dir / argument for argument in config.args}
    partly = option.keyword or getattr(option, "lf", False) or not paths <= everything
    watched = option.usepdb or option.trace or option.capture == "no" or option.collectonly
    return not partly and not watched and not hasattr(config, "workerinput")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Result[pytest.TestReport], None]:
    """What a test printed and logged travels as UTF-8 between processes; some log worse texts."""
    outcome = yield
    report = outcome.get_result()
    report.sections = [(title, _as_utf8(text)) for title, text in report.sections]


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
