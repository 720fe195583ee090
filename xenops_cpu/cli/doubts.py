"""What becomes of an update if hosts have other microcode than is assumed where xapi's records are
all that is known of them, and the records fit that as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from ..inputs.known import known
from ..inputs.updated import Doubt, Updated
from ..pools import forecast as forecasts
from ..pools.forecast import Forecast
from ..pools.forecast.words import verdict
from ..pools.vm import Vm
from ..pools.words import some

# Hosts by name, and what is to be known of those that get something.
Updates = Sequence[tuple[str, Updated]]


@frozen
class Worse:
    """A forecast with other microcode than was assumed, which stops, or at an earlier step.

    `doubts`: by the name of the host.
    """

    outlook: Forecast
    doubts: Mapping[str, Doubt]

    def __str__(self) -> str:
        hosts: dict[str, list[str]] = {}
        for name, doubt in self.doubts.items():
            hosts.setdefault(doubt.cpu, []).append(name)
        cpus = "; ".join(f"{some(names, 3)}: {cpu}" for cpu, names in hosts.items())
        return (
            "not certain: records do not tell the microcode, and these fit an older one as well "
            f"({cpus}); with that, {verdict(self.outlook)}, for hosts would lack "
            f"{' '.join(self.missing)}. A capture or a bug report of the hosts decides; "
            "--to-microcode newest says that it comes with the update"
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What hosts that refuse VMs would lack, by name."""
        names = {
            lack.name: None
            for step in self.outlook.steps
            for stuck in step.stuck
            for refusal in stuck.refusals
            for lack in refusal.answer.missing
        }
        return tuple(names)


def worse(
    outlook: Forecast, vms: Sequence[Vm], order: Sequence[str] | None, updates: Updates
) -> Worse | None:
    """The forecast with each host as it is in the worst case that its record allows; None where
    that is no worse.
    """
    doubts = {name: update.doubt for name, update in updates if update.doubt is not None}
    if not doubts:
        return None
    hosts = [
        evolve(host, after=evolve(known(doubts[host.name].host).member, uuid=host.before.uuid))
        if host.name in doubts
        else host
        for host in outlook.pool.hosts
    ]
    other = forecasts.forecast(evolve(outlook.pool, hosts=tuple(hosts)), vms, order)
    if other.stops_at is None or (outlook.stops_at or other.stops_at + 1) <= other.stops_at:
        return None
    return Worse(other, doubts)
