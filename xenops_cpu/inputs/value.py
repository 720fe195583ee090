"""What a file, a socket or a word on the command line comes to: hosts, VMs, sets and policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from ..cpuid.policy import Policy
from ..errors import InputError
from ..features.featureset import Featureset
from ..hosts.host import UNTOLD, Host

Kind = Literal["host", "featureset", "policy", "vm", "suspend-image"]
DomainType = Literal["pv", "hvm", "unknown"]


@frozen
class VmRecord:
    """One VM: the featureset it remembers and, from a suspend image, its CPU policy.

    `featureset` is what the VM saw at its boot: what a host must offer to take it in. A
    `domain_type` of "hvm" includes PVH guests, which get the HVM sets. `vendor` is the CPUID
    string, "" where it is not told. `source` tells people where all this comes from.
    """

    name: str
    domain_type: DomainType
    featureset: Featureset
    policy: Policy | None = None
    source: str = ""
    vendor: str = ""
    notes: tuple[str, ...] = ()


@frozen
class Stored:
    """A record as xapi's database has it: Host.cpu_info or Pool.cpu_info, all strings."""

    kind: Literal["host", "pool"]
    name: str
    cpu_info: Mapping[str, str]


@frozen
class Input:
    """What one argument or one file comes to.

    `hosts` are as far as they are known: a set that nobody told is UNTOLD (no words), and a note of
    the host says so. `host_names` are short names, one for each host. `featureset` and `policy` are
    those of kinds featureset, policy and suspend-image. `damage` says what is wrong with a file
    from which something could be read all the same, "" if nothing is.
    """

    name: str
    kind: Kind
    hosts: tuple[Host, ...] = ()
    host_names: tuple[str, ...] = ()
    featureset: Featureset | None = None
    policy: Policy | None = None
    vms: tuple[VmRecord, ...] = ()
    stored: tuple[Stored, ...] = ()
    notes: tuple[str, ...] = ()
    damage: str = field(default="")

    @property
    def vm(self) -> VmRecord | None:
        """The VM, where there is just one."""
        return self.vms[0] if len(self.vms) == 1 else None

    @property
    def host(self) -> Host | None:
        """The host, where there is just one."""
        return self.hosts[0] if len(self.hosts) == 1 else None


def printable(text: str, limit: int = 200) -> str:
    """A name from a file, fit for a terminal: one line, no control characters, not too long."""
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
    return shown if len(text) <= limit else shown + "…"


__all__ = [
    "UNTOLD",
    "DomainType",
    "Input",
    "InputError",
    "Kind",
    "Stored",
    "VmRecord",
    "printable",
]
