"""Settings for all tests: how long something takes is never what a test is about.

XENOPS_CPU_EXAMPLES is the number of examples a property is tried on; CI takes more than a person
who waits for the result.

The whole suite is passed on every core where pytest-xdist is there (`-n 0` for one core, as where
it is not); a part of it that is asked for by name is not worth the start of more processes.
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "calm",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("XENOPS_CPU_EXAMPLES", "30")),
)
settings.load_profile("calm")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Before xdist looks at what was asked for; its own workers have nothing to share out."""
    option = config.option
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    watched = option.usepdb or option.capture == "no" or option.collectonly
    worker = "PYTEST_XDIST_WORKER" in os.environ or hasattr(config, "workerinput")
    if whole and not watched and not worker and getattr(option, "numprocesses", 0) is None:
        option.numprocesses = len(os.sched_getaffinity(0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed and logged travels as UTF-8 between processes; some log worse texts."""
    report = yield
    report.sections = [(title, _as_utf8(text)) for title, text in report.sections]
    return report


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
