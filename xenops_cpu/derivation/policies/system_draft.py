"""A system policy while it is made: what its steps look at beside the table."""

from __future__ import annotations

from attrs import define

from ...cpuid.cpu import Cpu
from ...cpuid.table import PolicyTable
from ..cmdline import BootOptions
from .draft import Draft


@define(eq=False, kw_only=True)
class SystemDraft(Draft):
    """`name`: one of derivation.SETS. `words`: its featureset as one integer, `host_words` that of
    the host. `host`: the host's policy, once there is one.
    """

    name: str
    words: int
    host_words: int
    cpu: Cpu
    options: BootOptions
    hvm: bool
    host: PolicyTable

    @property
    def guest(self) -> str:
        """ "pv" or "hvm" in a guest's policy, "" in raw and host."""
        kind, _, kind_of_set = self.name.partition("_")
        return kind if kind_of_set else ""
