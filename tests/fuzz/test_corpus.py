"""Every kept input passes its target; what once was a fault stays mended."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, corpus


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Targets keep the log quiet; the tests after these want it."""
    log = logging.getLogger("xenops_cpu")
    handlers, propagate = log.handlers, log.propagate
    yield
    log.handlers, log.propagate = handlers, propagate


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    """Each input of a target's corpus, and nothing at all."""
    inputs = corpus(name)
    assert inputs
    TARGETS[name](b"")
    for path in inputs:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"with {path}")
            raise


def test_every_corpus_has_a_target() -> None:
    """No folder is left over."""
    folder = Path(__file__).parent / "corpus"
    assert {path.name for path in folder.iterdir()} == set(TARGETS)
