"""Cases about one domain: booted Xens, and Xen's own functions with libxc, on CPUs of dumps."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from guest_tools import domains as recorded
from guest_tools import runs, texts
from guest_tools.hosts import LIBXC, release_of
from xenops_cpu.cpuid.cpu import cpu_of
from xenops_cpu.cpuid.identity import AMD
from xenops_cpu.features.release import release
from xenops_cpu.guests.domain import Domain, Refusal
from xenops_cpu.guests.instruction import cpuid
from xenops_cpu.guests.setting import create
from xenops_cpu.guests.vcpu import Surroundings
from xenops_cpu.vectors import forms
from xenops_cpu.vectors.answers import answer
from xenops_cpu.vectors.domains import config
from xenops_cpu.vectors.forms import hypervisor

from .case import COMPILED, DUMPS, GOLDEN, INERT, Candidate, Case, case_cpu, new_case


def domains() -> Iterator[Candidate]:
    """Domains of booted Xens and of compiled Xen with its policy, step by step."""
    for ask, want, source, record in _domains():
        domain = _begun(ask)
        answered = answer({"question": "domain", "ask": ask})
        if answered != want:
            if source == COMPILED:
                continue  # what was made by hand there is not Xen's
            raise SystemExit(f"domain {record['name']}: answered otherwise")
        shows: set[Hashable] = {("release", ask["release"]), ("type", record["kind"])}
        if domain is not None:
            domain, _ = recorded.take(domain, record["steps"], _libxc(ask))
            shows |= {change.step for change in domain.changes}
        shows |= {("refused", str(result)) for result in want.get("results", []) if result["errno"]}
        identity = f"{record.get('boot', record.get('dump'))}-{record['kind']}-{record['name']}"
        about = f"{record['kind']} under {ask['release']}: {record['name']}"
        yield frozenset(shows), new_case("domain", identity, about, source, ask, want)


def instructions() -> Iterator[Candidate]:
    """What guests that ran read."""
    for ask, _, source, record in _domains():
        domain = _begun(ask)
        if "run" not in record or domain is None:
            continue
        domain, _ = recorded.take(domain, record["steps"])
        around = Surroundings(viridian=int(record.get("viridian", 0)))
        for text, vcpu, plain in runs.lines(record):
            tag, _, values = text.partition(":")
            leaf, subleaf, *want = (int(value, 16) for value in values.split())
            ours = cpuid(domain, leaf, subleaf, vcpu, around)
            if plain or (domain.kind == "hvm" and leaf == 0xD) or not any(want):
                continue
            registers = {
                name: f"{value:08x}"
                for name, value, mine in zip(("eax", "ebx", "ecx", "edx"), want, ours, strict=True)
                if mine is not None
            }
            state = {
                "number": vcpu.number, "cr4": f"{vcpu.cr4:x}",
                "xcr0": None if vcpu.xcr0 is None else f"{vcpu.xcr0:x}",
                "apic": vcpu.apic, "long_mode": vcpu.long_mode, "pae": vcpu.pae,
            }  # fmt: skip
            question = {**ask, "vcpu": state, "leaf": f"{leaf:x}", "subleaf": f"{subleaf:x}"}
            if record.get("viridian"):
                question["viridian"] = f"{record['viridian']:x}"
            place = ("leaf", record["kind"], leaf, subleaf, vcpu.number, vcpu.xcr0, vcpu.apic)
            name = f"{record['boot']}-{record['kind']}-{record['name']}-{tag}-{leaf:x}-{subleaf:x}"
            about = f"{record['kind']} under {ask['release']}: leaf {leaf:x}h"
            yield frozenset({place}), new_case("cpuid", name, about, source, question, registers)


def _begun(ask: Case) -> Domain | None:
    try:
        return create(hypervisor(ask), config(ask["create"]))
    except Refusal:
        return None


def _libxc(ask: Case) -> Any:
    return release(ask["libxc"]) if "libxc" in ask else None


def _domains() -> Iterator[tuple[Case, Case, str, Mapping[str, Any]]]:
    folder = GOLDEN / "vm" / "guests"
    for path in sorted((folder / "domains").glob("*.json.gz")):
        host, data = texts.load(folder / "hosts" / path.name), texts.load(path)
        raw = texts.policy(host["policies"]["raw"])
        revision = "01000065" if cpu_of(raw).vendor == AMD else "1"
        params = {**INERT, "cmdline": host["xen_cmdline"], "ucode": revision}
        cpu = cpu_of(raw)
        leaves = {
            "leaves": [
                [f"{v:08x}" for v in (*key, *registers)] for key, registers in cpu.leaves.items()
            ],
            "msrs": {f"{index:x}": f"{value:x}" for index, value in cpu.msrs.items()},
        }
        for record in data["records"]:
            ask = {
                "release": release_of(host["xen"]).name,
                "cpu": case_cpu(f"qemu-{host['boot']}", leaves, params),
                "build": {"shadow": False, "pv32": False},
                **_asked(record),
            }
            source = f"Xen {host['xen_version']}, booted in QEMU (TCG)"
            yield ask, _answered(record, data["policies"]), source, record
    data, dumps = texts.load(folder / "userspace.json.gz"), {
        record["id"]: record for record in texts.lines(DUMPS)
    }  # fmt: skip
    params_of: dict[str, dict[str, Any]] = {}
    for record in data["records"]:
        xen = "4.17" if record["xen"] == "xs8" else record["xen"]
        if xen not in params_of:
            path = texts.either(GOLDEN / "vm" / "golden" / f"xen-{xen}.jsonl")
            params_of[xen] = {line["id"]: line["params"] for line in texts.lines(path)}
        if record["kind"] == "system":
            continue
        dump = dict(dumps[record["dump"]])
        params = dict(params_of[xen].get(record["dump"], {}))
        for holder in (dump, params):
            holder["msrs"] = {
                index: value
                for index, value in (holder.get("msrs") or {}).items()
                if int(index, 16) != 0xCE
            }
        ask = {"release": release_of(xen).name, "cpu": case_cpu(record["dump"], dump, params),
               **_asked(record)}  # fmt: skip
        if record["xen"] in LIBXC:
            ask["libxc"] = LIBXC[record["xen"]]
        yield ask, _answered(record, data["policies"]), COMPILED, record


def _asked(record: Mapping[str, Any]) -> Case:
    config = recorded.config(record)
    created: Case = {"type": config.type}
    if config.hap is not None:
        created["hap"] = config.hap
    created.update({name: True for name in ("nested", "vpmu", "vtsc") if getattr(config, name)})
    return {"create": created, "steps": [_step(*step) for step in record["steps"]]}


def _step(kind: str, arguments: Mapping[str, Any]) -> Case:
    if kind == "set":
        leaves, msrs = recorded.entries(arguments)
        return {"set": {
            "leaves": [[f"{v:x}" for v in (*key, *registers)] for key, registers in leaves],
            "msrs": [[f"{m.index:x}", f"{m.value:x}", f"{m.flags:x}"] for m in msrs],
        }}  # fmt: skip
    wishes = recorded.wishes(arguments)
    step: Case = {
        name: value
        for name, value, usual in (
            ("restore", wishes.restore, False), ("pae", wishes.pae, True),
            ("itsc", wishes.itsc, False), ("nested", wishes.nested, False),
            ("cores_per_socket", wishes.cores_per_socket, 0),
        )
        if value != usual
    }  # fmt: skip
    if wishes.featureset is not None:
        step["featureset"] = str(wishes.featureset)
    if wishes.xend:
        step["xend"] = [
            [f"{entry.leaf:x}", f"{entry.subleaf:x}", *entry.strings] for entry in wishes.xend
        ]
    if wishes.msr:
        step["msr"] = {f"{entry.index:x}": entry.text for entry in wishes.msr}
    return {"apply": step}


def _answered(record: Mapping[str, Any], known: Mapping[str, Any]) -> Case:
    refused = record.get("create_errno", record.get("width_errno"))
    if refused is not None:
        return {"created": {"errno": refused}}
    return {
        "created": {"errno": 0},
        "results": [_result(result) for result in record["results"]],
        "policy": forms.policy_json(texts.policy(known[record["policy"]])),
    }


def _result(result: Mapping[str, Any]) -> Case:
    if "err" not in result:
        return {"errno": -result["rc"] if result["rc"] else 0}
    places = dict(zip(("leaf", "subleaf", "msr"), result["err"], strict=True))
    texts_ = {name: f"{int(value, 16):08x}" for name, value in places.items()}
    return {"errno": result["errno"], **texts_}
