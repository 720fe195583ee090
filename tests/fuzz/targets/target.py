"""One target: a name, what is tried with any bytes, and the inputs it begins with."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from functools import cache

from attrs import frozen

from tests.support.hosts import Fixed, example
from xenops_cpu import errors
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import Host
from xenops_cpu.inputs.value import Input
from xenops_cpu.service.service import XenopsCpu

# Of a message, in characters.
_LONGEST = 20_000


@frozen
class Target:
    """`tries` raises where the program is at fault. `seeds`: what is right, so that fuzzing begins
    behind the first refusal.
    """

    name: str
    tries: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]

    def __call__(self, data: bytes) -> None:
        self.tries(data)


def quiet() -> None:
    """Without the log."""
    log = logging.getLogger("xenops_cpu")
    log.handlers, log.propagate = [logging.NullHandler()], False


@cache
def service() -> XenopsCpu:
    quiet()
    return XenopsCpu(Fixed(example()))


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """The package may refuse what it is given: with its own errors, in one line that can be shown.

    The line breaks and control characters of a message are escaped where it is shown; here only its
    length is looked at.
    """
    try:
        yield
    except errors.Error as error:
        if not 0 < len(str(error)) < _LONGEST:
            raise AssertionError("an error that is no sentence") from error


def file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


def reads_back(found: Input) -> None:
    """Each host of an input is written as a capture and read again; names can be shown."""
    for named in found.hosts:
        assert named.name.isprintable(), named.name
        assert same(named.host), named.name
    for vm in found.vms:
        assert vm.name.isprintable(), vm.name


def same(host: Host) -> bool:
    """Whether a host is what its capture says."""
    return capture.load(capture.dump(host)) == host
