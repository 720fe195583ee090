"""What of a host is compared from one time to the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import attrs
from attrs import evolve, field, frozen

from ..hosts.changes import changes
from ..hosts.host import Host
from .surroundings import Surroundings


@frozen
class Fingerprint:
    """A host and what lies around it. Equal digests mean that nothing of interest has changed.

    Compared are the six featuresets, the policies, Xen's version, build and command line,
    microcode and firmware, the CPU's identity and counts, IOMMU and HVM. Not compared: the clock
    speed, dom0's own CPU flags, notes and origin, the boot.
    """

    host: Host
    surroundings: Surroundings = field(factory=Surroundings)

    @property
    def digest(self) -> str:
        """SHA-256 in hex, over a text that is the same in every version of this program."""
        host = self.host
        processor = host.processor
        compared = {
            "featuresets": {
                name: None if featureset is None else str(featureset)
                for name, featureset in attrs.asdict(host.featuresets, recurse=False).items()
            },
            "policies": {name: policy.entries() for name, policy in host.policies.items()},
            "xen": [
                host.xen.version,
                host.xen.capabilities.strip(),
                host.xen.commandline,
            ],
            "processor": [
                processor.vendor,
                processor.family,
                processor.model,
                processor.stepping,
                processor.modelname,
            ],
            "topology": attrs.astuple(host.topology),
            "iommu": host.iommu,
            "hvm": host.hvm,
            "surroundings": [getattr(self.surroundings, name) for name, _ in _SURROUNDINGS],
        }
        text = json.dumps(compared, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


_SURROUNDINGS = (("microcode", "microcode"), ("bios", "firmware"), ("build", "Xen's build"))


def differences(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """A sentence for each thing that differs, with features by name."""
    unwatched = evolve(
        before.host,
        processor=evolve(before.host.processor, flags=now.host.processor.flags),
        notes=now.host.notes,
    )
    yield from changes(unwatched, now.host)
    for name, title in _SURROUNDINGS:
        old, new = getattr(before.surroundings, name), getattr(now.surroundings, name)
        if old != new:
            yield f"{title} has changed: {old or 'unknown'} → {new or 'unknown'}"
