"""What a file, a socket or a word on the command line comes to: hosts, VMs, sets and policies."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import InputError
from ..features.featureset import Featureset
from ..hosts.moment import UNKNOWN_MOMENT, Moment

if TYPE_CHECKING:
    from ..cpuid.policy import Policy
    from ..hosts.host import Host
    from ..pools.vm import Vm
    from ..sources.simulated import Simulated
    from .xapi_log import Event
else:  # named tuples have a type for each field, and these are imported late
    Event = Host = Policy = Simulated = Vm = object


class FormError(InputError):
    """An argument that is of no known form, or that names more or less than one thing; what it
    names was not even looked for, or cannot be what is meant.
    """


Kind = Literal["host", "featureset", "policy", "vm", "suspend-image", "domain", "log"]


class NamedHost(NamedTuple):
    """A host under the name that people know it by. `simulated`: what it was simulated from, where
    it was: there the reasons for its bits are, and it can be simulated under another Xen.
    """

    name: str
    host: Host
    simulated: Simulated | None = None


class Stored(NamedTuple):
    """A record as xapi's database has it: Host.cpu_info or Pool.cpu_info, all strings."""

    kind: Literal["host", "pool"]
    name: str
    cpu_info: Mapping[str, str]
    uuid: str = ""


class Input(NamedTuple):
    """What one argument or one file comes to.

    `hosts` are as far as they are known: a set that nobody told is UNTOLD (no words), and a note of
    the host says so. `featureset` and `policy` are those of kinds featureset, policy, suspend-image
    and domain, of a single one. `hw_caps`: the words that `xl info` prints of the only host: what
    its Xen uses of the CPU, and no set of a guest's. `left_out`: how many VMs were passed over, by
    what they are (templates, control domains). `damage` says what is wrong with a file from which
    something could be read all the same, "" if nothing is. `moment`: when xapi's records in it were
    read. `names`: of hosts and VMs by UUID and by OpaqueRef. `events`: what xapi's log says of CPU
    features, oldest first.
    """

    name: str
    kind: Kind
    hosts: tuple[NamedHost, ...] = ()
    featureset: Featureset | None = None
    policy: Policy | None = None
    vms: tuple[Vm, ...] = ()
    stored: tuple[Stored, ...] = ()
    left_out: Mapping[str, int] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    damage: str = ""
    moment: Moment = UNKNOWN_MOMENT
    names: Mapping[str, str] = MappingProxyType({})
    events: tuple[Event, ...] = ()
    hw_caps: Featureset | None = None

    @property
    def vm(self) -> Vm | None:
        """The VM, where there is just one."""
        return self.vms[0] if len(self.vms) == 1 else None

    @property
    def host(self) -> Host | None:
        """The host, where there is just one."""
        return self.hosts[0].host if len(self.hosts) == 1 else None

    @property
    def host_names(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.hosts)

    def only(self, name: str) -> "Input":
        """What has this name, or this UUID, in it; nothing of the rest."""
        return self._replace(
            hosts=tuple(each for each in self.hosts if name in (each.name, each.host.uuid)),
            vms=tuple(vm for vm in self.vms if name in (vm.name, vm.uuid)),
            stored=tuple(record for record in self.stored if name in (record.name, record.uuid)),
        )


def printable(text: str, limit: int = 200) -> str:
    """A name from a file, fit for a terminal: one line, no control characters, not too long."""
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
    return shown if len(text) <= limit else shown + "…"


__all__ = ["FormError", "Input", "InputError", "Kind", "NamedHost", "Stored", "printable"]
