"""What probably changed a host, judged by what else changed with it.

The rules follow from where each set comes from: raw is what the silicon says, so neither Xen nor
its command line can change it; host and the guests' sets are what Xen makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from .fingerprint import Fingerprint

_NOT_RECORDED = "firmware settings (threads, virtualisation) are not recorded"


def causes(
    before: Fingerprint, now: Fingerprint, program: tuple[str, str] = ("", "")
) -> tuple[str, ...]:
    """Likely causes, the likeliest first, each a sentence with its evidence.

    `program` is the version of this program before and now: what is simulated follows from it.
    """
    old, new = before.host, now.host
    if old.processor.modelname != new.processor.modelname:
        return (f"another CPU: {old.processor.modelname} → {new.processor.modelname}",)
    silicon = old.featuresets.raw != new.featuresets.raw or _policy(before) != _policy(now)
    changes = [
        name
        for name in ("host", "pv_default", "hvm_default", "pv_max", "hvm_max")
        if getattr(old.featuresets, name) != getattr(new.featuresets, name)
    ]
    below, above = list(_below(before, now)), list(_above(before, now))
    if silicon:
        reasons = below or [f"nothing recorded explains the CPU's own change: {_NOT_RECORDED}"]
        return (*reasons, *above)
    reasons = above + below
    if changes and not reasons:
        if program[0] != program[1] and old.origin.startswith("simulated"):
            return (f"another version of this program: {program[0]} → {program[1]}",)
        return (f"nothing recorded explains it: {_NOT_RECORDED}",)
    if old.topology != new.topology:
        reasons.append("CPUs were brought up or taken down, or threads switched on or off")
    return tuple(reasons)


def _policy(fingerprint: Fingerprint) -> object:
    return fingerprint.host.policies.get("raw")


def _below(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """What changes the silicon's own answers."""
    old, new = before.surroundings, now.surroundings
    if old.microcode != new.microcode:
        running = old.boot and old.boot == new.boot
        how = "loaded while the host ran" if running else "loaded at a boot, by firmware or by Xen"
        revisions = f"{old.microcode or 'unknown'} → {new.microcode or 'unknown'}"
        yield f"microcode {revisions}, {how}"
    if old.bios != new.bios:
        yield f"firmware {old.bios or 'unknown'} → {new.bios or 'unknown'}"


def _above(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """What changes what Xen makes of the silicon."""
    old, new = before.host.xen, now.host.xen
    if old.version != new.version:
        yield f"Xen {old.version} → {new.version}"
    elif before.surroundings.build != now.surroundings.build:
        builds = f"{before.surroundings.build or 'unknown'} → {now.surroundings.build or 'unknown'}"
        yield f"another build of Xen {new.version}: {builds}"
    if old.commandline != new.commandline:
        yield f"Xen's command line: {old.commandline or 'none'} → {new.commandline or 'none'}"
