"""xapi's record of a VM, from whatever text it was read: which VM it is, or why it counts not.

As JSON: the whole record, or VM.last_boot_CPU_flags alone; as xe prints it; as a row of the
database. Templates, snapshots and control domains carry flags as well, and are no VMs that run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from ...errors import InputError
from ...features.featureset import Featureset, FeaturesetError
from ...pools.vm import Vm, guest_type, of_flags, type_name
from ..value import printable

# What is passed over, by the key of the record that says so.
_NO_VMS = {
    "is_a_template": "template",
    "is_default_template": "template",
    "is_control_domain": "control domain",
    "is_a_snapshot": "snapshot",
}
_HALTED, _SUSPENDED = "halted", "suspended"
# What keeps a VM where it is (is_mobile in ocaml/xapi/xapi_vm_lifecycle.ml): the key of its
# metrics, set when it started, the key of its platform, and the words for it.
_BINDING = (
    ("nomigrate", "nomigrate", "platform:nomigrate is set"),
    ("nested_virt", "nested-virt", "it uses nested virtualisation"),
)


@frozen
class VmRecord:
    """The fields that matter, as text. `flags`: VM.last_boot_CPU_flags. `hvm_boot_policy` None: the
    record has no such key. `current_type`: VM_metrics.current_domain_type. `metrics`: of
    VM_metrics, what else is known (nomigrate, nested_virt, as "true" or "false").
    """

    name: str
    uuid: str = ""
    flags: Mapping[str, str] = field(factory=dict)
    domain_type: str = ""
    hvm_boot_policy: str | None = None
    current_type: str = ""
    power_state: str = ""
    resident_on: str = ""
    platform: Mapping[str, str] = field(factory=dict)
    metrics: Mapping[str, str] = field(factory=dict)
    kinds: frozenset[str] = frozenset()

    @property
    def passed_over(self) -> str:
        """What it is instead of a VM, "" if it is one: a suspended snapshot is."""
        if "snapshot" in self.kinds and self.power_state.lower() == _SUSPENDED:
            return ""
        return next(iter(sorted(self.kinds)), "")

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is kept of it."""
        words = (self.name, self.uuid, self.domain_type, self.power_state, self.resident_on)
        maps = (self.flags, self.platform)
        pairs = (text for each in maps for pair in each.items() for text in pair)
        return (*words, self.hvm_boot_policy or "", *pairs)

    def vm(self, where: str) -> Vm:
        """Raises InputError for a featureset that is none."""
        state = self.power_state.lower()
        current = "" if state == _HALTED else self.current_type
        guest = guest_type(self.domain_type, self.hvm_boot_policy, current)
        vm = of_flags(self.flags, self.name or self.uuid or "VM", guest, where)
        own, notes = _own(self.platform.get("featureset", ""))
        return evolve(
            vm,
            uuid=self.uuid,
            runs_as=type_name(self.domain_type, guest, current),
            halted=state == _HALTED,
            suspended=state == _SUSPENDED,
            home="" if state in (_HALTED, _SUSPENDED) else self.resident_on,
            immobile="" if state == _HALTED else " and ".join(self._bound()),
            own=own,
            source=f"{where}: last_boot_CPU_flags",
            notes=(*vm.notes, *notes),
        )

    def _bound(self) -> Iterator[str]:
        for metric, key, words in _BINDING:
            text = self.metrics.get(metric) or self.platform.get(key, "")
            if text.strip().lower() in ("true", "1"):
                yield words


def _own(text: str) -> tuple[Featureset | None, list[str]]:
    """A VM's platform:featureset; a note where it is none, for whoever set it may have erred."""
    if not text.strip():
        return None, []
    try:
        return Featureset.parse(text), []
    except FeaturesetError as error:
        return None, [f"its platform:featureset cannot be read: {error}"]


def kinds(flags: Mapping[str, object]) -> frozenset[str]:
    """By the keys of a record: `true` as text or as a truth value."""
    return frozenset(
        kind for key, kind in _NO_VMS.items() if str(flags.get(key, "")).strip().lower() == "true"
    )


def recognises(document: Mapping[str, Any]) -> bool:
    return "last_boot_CPU_flags" in document or {"vendor", "features"} <= document.keys()


def of_json(document: Mapping[str, Any], where: str) -> VmRecord:
    """A VM record, or its flags alone, as JSON has them. Raises InputError."""
    flags = document.get("last_boot_CPU_flags", document)
    alone = flags is document
    if not isinstance(flags, dict) or any(not isinstance(v, str) for v in flags.values()):
        if not alone:
            name = printable(_text(document, "name_label") or _text(document, "uuid") or "a VM")
            raise InputError(
                f'{where}: last_boot_CPU_flags of {name} is not {{"vendor": …, "features": …}}, a '
                "map of strings"
            )
        flags = {key: value for key, value in document.items() if isinstance(value, str)}
    names = (document.get(key) for key in ("name_label", "name"))
    policy = document.get("HVM_boot_policy")
    return VmRecord(
        name=next((name for name in names if isinstance(name, str) and name), ""),
        uuid=_text(document, "uuid"),
        flags=flags,
        domain_type=_text(document, "domain_type"),
        hvm_boot_policy=policy if isinstance(policy, str) else None,
        current_type=_text(document, "current_domain_type"),
        power_state=_text(document, "power_state"),
        resident_on=_text(document, "resident_on"),
        platform=_map(document, "platform"),
        metrics=metrics_of(document),
        kinds=kinds(document),
    )


def metrics_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Of VM_metrics, or of a record that has them as well: what keeps a VM where it is."""
    keys = [key for key, _, _ in _BINDING]
    return {key: str(document[key]).lower() for key in keys if str(document.get(key, "")).strip()}


def _map(document: Mapping[str, Any], key: str) -> dict[str, str]:
    value = document.get(key)
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key, "")
    return value if isinstance(value, str) else ""
