"""The verdict of every VM of a fleet on every host, without the words: fast for many of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from ..interface import Verdict
from .member import Member
from .verdict import free, impossible
from .vm import Vm

# From best to worst, as the grid's bytes count them.
VERDICTS = tuple(Verdict)
_CODES = {verdict: code for code, verdict in enumerate(VERDICTS)}
# For what a host does not take in, where its record has no such set: xapi refuses every VM.
_NOTHING = 0


@frozen
class Grid:
    """VMs × hosts: rows[i][j] is the place in VERDICTS of the verdict of VM i on host j.

    Equal rows are one object.
    """

    rows: tuple[bytes, ...]

    def verdict(self, vm: int, host: int) -> Verdict:
        return VERDICTS[self.rows[vm][host]]

    def counts(self) -> dict[Verdict, int]:
        """How often each verdict was given."""
        total: Counter[int] = Counter()
        for row, times in Counter(self.rows).items():
            for code, count in Counter(row).items():
                total[code] += count * times
        return {verdict: total[code] for code, verdict in enumerate(VERDICTS)}


def grid(
    vms: Iterable[Vm], members: Iterable[Member], progress: Callable[[int], None] | None = None
) -> Grid:
    """The verdict of every VM on every host, without the words.

    VMs that remember the same, and hosts that offer the same, are looked at once: a fleet has few
    kinds of either. `progress` is told the number of VMs done.
    """
    hosts = list(members)
    rows: list[bytes] = []
    known: dict[object, bytes] = {}
    columns: dict[object, _Columns] = {}
    for vm in vms:
        # What problems there are, and what features are compared with, is the same for many VMs.
        seen, stored = vm.seen, vm.stored
        sort = (
            *(vm.guest, vm.vendor, vm.limits, vm.origin, seen is None, vm.policy is None),
            vm.home if vm.bound else "",
            vm.own if seen is None else None,
        )
        key = (sort, seen and seen.bits, stored and stored.bits)
        row = known.get(key)
        if row is None:
            if sort not in columns:
                columns[sort] = _Columns.of(vm, hosts)
            row = known[key] = columns[sort].row(vm)
        rows.append(row)
        if progress is not None:
            progress(len(rows))
    return Grid(tuple(rows))


@frozen
class _Columns:
    """The hosts for VMs of one sort. `kinds`: what a kind of host does not take in, and does not
    give, as bits, or None where it is impossible. `index`: which kind each host is.
    """

    kinds: tuple[tuple[int, int] | None, ...]
    index: tuple[int, ...]

    @classmethod
    def of(cls, vm: Vm, hosts: Sequence[Member]) -> _Columns:
        kinds: dict[tuple[int, int] | None, int] = {}
        index = []
        for host in hosts:
            kind = None
            if not impossible(vm, host):
                boot = host.boot(vm.guest).bits | free(host.release, vm)
                kind = (~host.migration(vm.guest).bits, ~boot)
                if not host.migration(vm.guest).length:
                    kind = (_NOTHING, ~boot)
            index.append(kinds.setdefault(kind, len(kinds)))
        return cls(tuple(kinds), tuple(index))

    def row(self, vm: Vm) -> bytes:
        codes = [self._code(vm, kind) for kind in self.kinds]
        return bytes([codes[kind] for kind in self.index])

    def _code(self, vm: Vm, kind: tuple[int, int] | None) -> int:
        seen = vm.seen
        if kind is None:
            return _CODES[Verdict.IMPOSSIBLE]
        if seen is None:
            return _CODES[Verdict.BOOTS]
        words = seen.bits | (vm.stored.bits if vm.stored is not None else 0)
        if kind[0] == _NOTHING or words & kind[0]:
            return _CODES[Verdict.ONLY_BY_FORCE]
        return _CODES[Verdict.ONLY_BY_MAX if seen.bits & kind[1] else Verdict.MIGRATES]
