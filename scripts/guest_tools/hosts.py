"""The hosts of the data: Xens that were booted in QEMU, and CPU dumps that Xen's code was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from xenops_cpu.cpuid.cpu import cpu_of
from xenops_cpu.cpuid.identity import AMD
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpus.corpus import read_record, simulate
from xenops_cpu.derivation import Derivation, Machine, Options, derive
from xenops_cpu.features.release import Release, release

from . import texts

# What the data calls XenServer's builds. "xs8" is Xen 4.17 with XCP-ng 8.3's patches of libxc, as
# they were before its libxc followed 28301682f4: of a build up to 4.17.5-4.
BUILDS = {
    "xs8": "4.17",
    "xs8-4.17.6-2": "xenserver-8-4.17.6-2",
    "xs8.2-4.13.5-9.49": "xenserver-8.2-4.13.5-9.49",
}
LIBXC = {"xs8": "xenserver-8-4.17.3-4"}
_ARCH_CAPS, _PLATFORM_INFO = 0x10A, 0xCE


def release_of(name: str) -> Release:
    return release(BUILDS.get(name, name))


def libxc_of(name: str) -> Release | None:
    return release(LIBXC[name]) if name in LIBXC else None


def booted(xen: str, raw: Policy, cmdline: str, microcode: str | None = None) -> Derivation:
    """Derived from the raw policy that a Xen booted in QEMU's TCG answered: one CPU, registers that
    QEMU does not know read 0 and drop writes.
    """
    cpu = cpu_of(raw)
    revision = int(microcode, 16) if microcode else 0x01000065 if cpu.vendor == AMD else 1
    machine = Machine(registers="inert", sbpb=True, null_seg_clears_base=True, smt=False)
    return derive(
        cpu, release_of(xen), Options(cmdline=cmdline, microcode=revision, machine=machine)
    )


@frozen
class Corpus:
    """CPU dumps in `folder`/corpus, and with which parameters Xen's code was run on them."""

    folder: Path

    @cache  # noqa: B019 - there is one for each run
    def dumps(self) -> dict[str, dict[str, Any]]:
        path = texts.either(self.folder / "corpus" / "dumps.jsonl")
        return {r["id"]: r for r in texts.lines(path)}

    @cache  # noqa: B019
    def params(self, xen: str) -> dict[str, dict[str, Any]]:
        """By dump, out of golden/xen-RELEASE.jsonl; empty where there is no such file."""
        path = texts.either(self.folder / "golden" / f"xen-{xen}.jsonl")
        if not path.is_file():
            return {}
        return {r["id"]: r["params"] for r in texts.lines(path)}

    def derived(
        self, xen: str, dump: str, params: Mapping[str, Any], *, no_faulting: bool = False
    ) -> Derivation:
        """`no_faulting`: MSR ceh is left out. Raises KeyError for an unknown dump."""
        record = {**self.dumps()[dump], "params": dict(params)}
        if no_faulting:
            record["msrs"] = _without_faulting(record.get("msrs"))
            record["params"]["msrs"] = _without_faulting(params.get("msrs"))
        read = read_record(json.dumps(record), 1)
        return simulate(evolve(read, name=dump), release_of(xen))

    def options(self, record: Mapping[str, Any], raw: Policy) -> dict[str, Any]:
        """The parameters of a record of whole policies.

        Where they do not tell MSR 10ah although it was given (another dump of the same CPU has it),
        golden/xen-RELEASE.jsonl does, else the raw policy itself.
        """
        params = dict(record["params"])
        other = self.params(record["xen"]).get(record["id"], {})
        msrs = {f"{_ARCH_CAPS:x}": f"{raw.msrs.get(_ARCH_CAPS, 0):x}"}
        params["msrs"] = {**msrs, **other.get("msrs", {}), **params.get("msrs", {})}
        return params


def _without_faulting(msrs: Mapping[str, str] | None) -> dict[str, str]:
    return {i: value for i, value in (msrs or {}).items() if int(i, 16) != _PLATFORM_INFO}
