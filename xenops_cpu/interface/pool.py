"""Records of the interface: pool.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from attrs import frozen

from .variants import FeaturesetText, GuestType, SecurityKind, Verdict


@frozen
class PoolHost:
    """A host of a pool."""

    # What to call it in answers.
    name: str
    # Host.cpu_info as xapi stores it, of any age.
    cpu_info: dict[str, str]
    # True when it can run HVM guests.
    hvm: bool
    # Its Xen release: 4.7 to 4.22, master, xenserver-8.2 or xenserver-8, or a build of the last
    # two; empty to go by the length of its featuresets.
    release: str


@frozen
class PoolVm:
    """A VM and the features that it has seen."""

    # What to call it in answers.
    name: str
    # Whose featuresets count for it.
    guest_type: GuestType
    # VM.last_boot_CPU_flags as xapi stores it (vendor and features); empty when it is shut down.
    last_boot_cpu_flags: dict[str, str]


@frozen
class PoolCost:
    """What one host costs the level."""

    # The host.
    host: str
    # Features that it lacks and another host has.
    lacks: list[str]
    # Of these, the features that all other hosts have.
    alone: list[str]


@frozen
class PoolLoss:
    """A feature that the level or a host does without."""

    # Its name.
    feature: str
    # The hosts that lack it.
    hosts: list[str]
    # Why that is so.
    reason: str


@frozen
class PoolSecurity:
    """What the level means for security and speed, one finding."""

    # What it is about.
    kind: SecurityKind
    # The feature that tells guests.
    feature: str
    # The hosts that cause it.
    hosts: list[str]
    # What it means, for people.
    text: str


@frozen
class PoolLevel:
    """The level of a pool for one type of guest."""

    # The release whose rules and names were used.
    release: str
    # The level.
    featureset: FeaturesetText
    # The same by name.
    features: list[str]
    # The hosts that count.
    hosts: list[str]
    # Hosts that run no such guests.
    skipped: list[str]
    # For each host that counts.
    costs: list[PoolCost]
    # Features that are lost.
    losses: list[PoolLoss]
    # Features of the level that hosts do not take in, so that they refuse VMs that boot with it.
    refused: list[PoolLoss]
    # What the level means for security.
    security: list[PoolSecurity]


@frozen
class PoolFeature:
    """A feature that a VM has seen and a host has not."""

    # Its name, or word and bit where it has none.
    name: str
    # Why the host does not take it in, or does not give it.
    reason: str
    # What the VM risks without it; empty where it is taken in.
    risk: str
    # What helps on that host; empty where nothing is known.
    remedy: str
    # For a bit that old records have for no use, where it comes from; else empty.
    compatibility: str


@frozen
class PoolAnswer:
    """The verdict for VMs on hosts of which all the same holds. Features are given by their place
    in the table that comes with the answers.
    """

    # The VMs.
    vms: list[str]
    # The hosts: each VM on each of them.
    hosts: list[str]
    # May they?
    verdict: Verdict
    # Which featuresets were compared.
    compared: str
    # Features that the hosts do not take in, all of them.
    missing: list[int]
    # Features that the hosts take in and do not give at boot.
    only_by_max: list[int]
    # What keeps the VMs out beside features.
    problems: list[str]
    # What can be done.
    remedies: list[str]
    # What was assumed or could not be compared.
    notes: list[str]


@frozen
class PoolRow:
    """The verdicts for one VM."""

    # The VM.
    vm: str
    # One for each host, in the order of the hosts.
    verdicts: list[Verdict]


@frozen
class PoolCheck:
    """May VMs go to hosts? Every pair has a verdict; each fact is told once."""

    # The hosts, in the order given.
    hosts: list[str]
    # The verdicts, in the order of the VMs given.
    rows: list[PoolRow]
    # The reasons; every pair of VM and host is in one of them.
    answers: list[PoolAnswer]
    # The features that the answers name by their place here.
    features: list[PoolFeature]
    # What to know of the hosts.
    notes: list[str]


@frozen
class PoolChange:
    """The level for one type of guest, before and after."""

    # Whose featuresets.
    guest_type: GuestType
    # The level before.
    before: FeaturesetText
    # The level after.
    after: FeaturesetText
    # Features that the level loses.
    lost: list[str]
    # Features that it gains.
    gained: list[str]


@frozen
class TouchedVm:
    """A VM that the change touches."""

    # The VM.
    vm: str
    # Hosts of the pool that took it in before and will not.
    closed: list[str]
    # Hosts that will take it in and did not before.
    opened: list[str]
    # True when no host will take it in any more.
    stranded: bool


@frozen
class PoolPlan:
    """What a change of hosts does."""

    # For each type of guest.
    changes: list[PoolChange]
    # VMs that are touched, and no others.
    vms: list[TouchedVm]
    # VMs that no host takes in, before or after.
    homeless: list[str]
    # Why hosts will not take touched VMs in.
    answers: list[PoolAnswer]
    # The features that the answers name by their place here.
    features: list[PoolFeature]


@frozen
class PoolPart:
    """A sub-pool."""

    # Its hosts.
    hosts: list[str]
    # Its level.
    featureset: FeaturesetText


@frozen
class PoolSplit:
    """A partition into sub-pools."""

    # The sub-pools.
    parts: list[PoolPart]
    # Features that hosts have and their level has not, added over all hosts.
    given_up: int
    # True when no other partition gives up less.
    exact: bool


@frozen
class PoolFinding:
    """A key of a stored record that is not as it should be."""

    # The key.
    key: str
    # What is stored; empty when the key is missing.
    stored: str
    # What should be stored.
    expected: str
    # Features that are stored and should not be.
    lost: list[str]
    # Features that should be stored and are not.
    gained: list[str]
