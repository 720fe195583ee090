"""A pool that is live, as what it has: hosts, VMs, stored records (xapi/ asks it).

How it is asked (where the password is, whom to trust) is the same for every address of a command,
so it is set once, before the first argument is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

from attrs import define, evolve

from .. import xapi
from ..errors import InputError
from ..hosts import parts
from ..hosts.moment import Moment
from ..xapi.errors import XapiError
from ..xapi.options import Options
from ..xapi.pool import Record, Records
from . import texts
from .records import xenapi
from .records.collected import apart, once, without_record
from .value import Input, NamedHost

# What is read, how many so far, how many there will be (0: not known).
Progress = Callable[[str, int, int], None]


@define
class _Settings:
    options: Options | None = None
    progress: Progress | None = None


_settings = _Settings()


def ask_with(options: Options | None, progress: Progress | None = None) -> None:
    """How every live pool is asked from now on. Each is asked once."""
    _settings.options, _settings.progress = options, progress


def forget() -> None:
    """What was read is read anew when it is asked for again."""
    _fetched.cache_clear()


def read(address: str, release: str | None = None) -> Input:
    """All hosts and VMs of the pool, as they are now. Raises InputError."""
    records, moment = _fetched(address)
    collected = xenapi.of_records(list(_by_reference(records)), records.source)
    assumed = texts.assumed_release(release)
    hosts = [
        NamedHost(
            part.name,
            parts.host(evolve(part, moment=moment), f"{records.source}: {part.name}", assumed),
        )
        for part in collected.hosts
    ]
    return Input(
        address,
        "host",
        hosts=apart(hosts),
        vms=once(collected.vms),
        stored=tuple(collected.stored),
        left_out=collected.left_out,
        moment=moment,
        names=collected.names,
        damage=without_record(collected.unknown),
    )


@lru_cache(maxsize=16)
def _fetched(address: str) -> tuple[Records, Moment]:
    try:
        records = xapi.read(address, _settings.options, _settings.progress)
    except XapiError as error:
        raise InputError(str(error)) from error
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return records, Moment(now)


def _by_reference(records: Records) -> Iterator[tuple[str, dict[str, object]]]:
    every: list[Record] = [records.pool, *records.hosts, *records.vms, *records.vm_metrics.values()]
    for record in every:
        yield record.reference, dict(record.fields)
