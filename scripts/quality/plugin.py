"""A plugin of pytest for mutation testing: no answer comes from before the mutant was switched on.

Every mutant is tried in a process forked from the one that has already run the tests, whose caches
are full; so the caches of the package are emptied. While it is recorded which test runs which
function they are emptied before each test, for otherwise only the first would seem to run it.

Properties are tried on the same examples each time, and a counterexample is not made smaller: it is
enough that there is one.
"""

from __future__ import annotations

import gc
import os
from functools import _lru_cache_wrapper

import pytest
from hypothesis import Phase, settings

_RECORDING = "stats"


def pytest_configure() -> None:
    """After the conftest of the tests, before they are collected."""
    settings.register_profile(
        "mutation",
        settings.default,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("mutation")


def pytest_runtestloop() -> None:
    _empty_caches()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    if os.environ.get("MUTANT_UNDER_TEST") == _RECORDING:
        _empty_caches()


def _empty_caches() -> None:
    for cache in gc.get_objects():
        if isinstance(cache, _lru_cache_wrapper) and cache.__module__.startswith("xenops_cpu"):
            cache.cache_clear()
