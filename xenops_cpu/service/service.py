"""The service: the methods of the interface, answered from a source.

The methods decide; what they decided and why goes to the log by name. What answers for pools is
imported by the first call that asks: it is a good part of the program, and most services never do.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Literal

from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release
from ..hosts.cpu_info import describe, host_stat, notes
from ..hosts.host import Host
from ..hosts.offer import inconsistencies
from ..interface import GuestType, InternalError
from ..log import task
from ..sources import Source, SourceError
from ..version import __version__
from . import strict
from .level import Combine, level_of_two

if TYPE_CHECKING:
    from ..interface import (
        CpuInfo,
        DomainPolicy,
        FeaturesetText,
        HostHistory,
        HostStat,
        PoolCheck,
        PoolFinding,
        PoolHost,
        PoolLevel,
        PoolPlan,
        PoolSplit,
        PoolVm,
        QueryResult,
    )
    from .history import History

log = logging.getLogger(__name__)

OnInconsistent = Literal["error", "warn"]

LONGEST_WAIT_SECONDS = 30


class XenopsCpu:
    """Answers for the host that `source` reads.

    The source is read for every call that needs it, and decides itself what a read costs
    (sources.fresh); the record is made anew when the host that was read is another object.
    `libxc_level`: the level of two featuresets as this host's libxc computes it, where it does.
    `history`: what was before, after an entry's number, waiting so many seconds; where it is kept.
    """

    def __init__(
        self,
        source: Source,
        on_inconsistent: OnInconsistent = "error",
        instance_id: str = "",
        libxc_level: Combine | None = None,
        history: History | None = None,
    ) -> None:
        self._source = source
        self._on_inconsistent = on_inconsistent
        self._libxc_level = libxc_level
        self._history = history
        self.instance_id = instance_id or str(uuid.uuid4())
        self._host: Host | None = None
        self._complaint = ""
        self._stat: HostStat | None = None

    def query(self, debug_info: str) -> QueryResult:
        """Who answers here and from what."""
        from ..interface import QueryResult

        task.set(debug_info)
        facts = [f"source: {self._source.name}"]
        try:
            host = self._read()
        except InternalError as error:
            facts.append(f"problem: {error.message}")
        else:
            facts.append(f"origin: {host.origin}")
            if host.microcode is not None:
                facts.append(f"microcode: {_microcode(host)}")
            facts.extend(f"note: {note}" for note in notes(host))
        return QueryResult(
            name="xenops_cpu",
            vendor="xenops_cpu",
            version=__version__,
            features=facts,
            instance_id=self.instance_id,
        )

    def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
        """Both kinds of featureset, and the CPU's identity."""
        return self.host_stat(debug_info).cpu_info

    def host_stat(self, debug_info: str) -> HostStat:
        """The same with the hypervisor and the chipset."""
        task.set(debug_info)
        self._read()
        assert self._stat is not None
        if self._complaint and self._on_inconsistent == "error":
            raise InternalError(f"{self._complaint} (on-inconsistent = error)")
        return self._stat

    def host_combine_cpu_policies(
        self, debug_info: str, policy1: FeaturesetText, policy2: FeaturesetText
    ) -> FeaturesetText:
        """The level of two hosts, as this host's libxc has it, else by its release's rules."""
        task.set(debug_info)
        return str(
            self._level(
                strict.featureset("parameter policy1", policy1),
                strict.featureset("parameter policy2", policy2),
            )
        )

    def _level(self, left: Featureset, right: Featureset) -> Featureset:
        return level_of_two(left, right, self._release_for(left, right), self._libxc_level)

    def host_is_compatible(
        self, debug_info: str, vm_policy: FeaturesetText, host_policy: FeaturesetText
    ) -> bool:
        """Whether the host takes in all that the VM has seen; what is missing is logged by name."""
        task.set(debug_info)
        vm = strict.featureset("parameter vm_policy", vm_policy)
        host = strict.featureset("parameter host_policy", host_policy)
        lacking = vm - host
        if not lacking:
            return True
        names = " ".join(self._release_for(vm, host).names(lacking))
        log.info("not compatible: the host lacks %s (%s)", names, lacking.text(":"))
        return False

    def host_get_cpu_info_history(
        self, debug_info: str, last: int | None = None, timeout: int | None = None
    ) -> HostHistory:
        """What the host was before; waits for a change if `timeout` seconds are given."""
        task.set(debug_info)
        self._read()
        if self._history is None:
            raise InternalError("this service keeps no history: start it with --history FILE")
        return self._history(last or 0, min(max(timeout or 0, 0), LONGEST_WAIT_SECONDS))

    def host_get_domain_policy(self, debug_info: str, domid: int) -> DomainPolicy:
        """What a domain really has, read now."""
        task.set(debug_info)
        if self._source.name != "xen":
            raise InternalError(
                f"source {self._source.name}: it has no domains; a service with --source xen, in "
                "dom0, reads those of the hypervisor below it"
            )
        from . import domains

        return domains.policy(domid)

    def pool_get_cpu_info(
        self, debug_info: str, hosts: list[PoolHost], before_2023: bool | None = None
    ) -> dict[str, str]:
        """Pool.cpu_info as xapi makes it."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.hosts("level", hosts)
        own = self._own()
        return pools.cpu_info(hosts, own, bool(before_2023), self._level if own else None)

    def pool_level(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType
    ) -> PoolLevel:
        """The level, and who costs it what."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.hosts("level", hosts)
        return pools.level(hosts, guest_type, self._own())

    def pool_check(self, debug_info: str, vms: list[PoolVm], hosts: list[PoolHost]) -> PoolCheck:
        """A verdict for every VM on every host."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.check("check", vms, hosts)
        return pools.check(vms, hosts, self._own())

    def pool_plan(
        self, debug_info: str, before: list[PoolHost], after: list[PoolHost], vms: list[PoolVm]
    ) -> PoolPlan:
        """What a change of hosts does."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.plan(before, after, vms)
        return pools.what_if(before, after, vms, self._own())

    def pool_split(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType, parts: int
    ) -> PoolSplit:
        """The best sub-pools."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.split(hosts)
        return pools.split(hosts, guest_type, parts, self._own())

    def pool_audit(
        self, debug_info: str, stored: dict[str, str], hosts: list[PoolHost]
    ) -> list[PoolFinding]:
        """What of a stored Pool.cpu_info is not as it should be."""
        from . import bounds, pools

        task.set(debug_info)
        bounds.hosts("audit", hosts)
        own = self._own()
        return pools.audit_of(stored, hosts, own, self._level if own else None)

    def _own(self) -> Release | None:
        """This host's release; None where the host cannot be read."""
        try:
            return self._read().release
        except InternalError:
            return None

    def _release_for(self, left: Featureset, right: Featureset) -> Release:
        """Whose rules and names count: this host's; by the number of words where it is not known.

        It is one for all calls, so that a pool's level does not depend on the order of its hosts.
        """
        return self._own() or by_length(max(left.length, right.length)).release

    def _read(self) -> Host:
        try:
            host = self._source.read()
        except SourceError as error:
            log.error("cannot read the source %s: %s", self._source.name, error)
            raise InternalError(f"source {self._source.name}: {error}") from error
        if host is not self._host:
            self._take(host)
        return host

    def _take(self, host: Host) -> None:
        log.info("read %s", host.origin)
        for note in notes(host):
            log.info("note: %s", note)
        lines = describe(host)
        for in_hex, by_name in zip(lines, lines, strict=True):
            log.info("%s; %s", in_hex, by_name)  # one line: hex alone tells nobody anything
        self._complaint = "; ".join(inconsistencies(host))
        if self._complaint:
            level = logging.ERROR if self._on_inconsistent == "error" else logging.WARNING
            log.log(level, "%s", self._complaint)
        self._stat = host_stat(host)
        self._host = host


def _microcode(host: Host) -> str:
    """The revision that a host runs, and in a sentence what newer one is public."""
    from ..cpus.updates import outdated_host  # the history of all CPUs: only for who asks

    newer = outdated_host(host)
    return f"{host.microcode:08x}" + (f"; {newer}" if newer else "")
