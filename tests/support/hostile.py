"""Files as an attacker would make them: names with all that a terminal obeys."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from attrs import evolve

from tests.support.hosts import example
from tests.support.reports import report, tar
from xenops_cpu.hosts import capture
from xenops_cpu.hosts.host import Host, Processor, Xen

C0 = "".join(map(chr, range(0x20))) + "\x7f"
C1 = "".join(map(chr, range(0x80, 0xA0)))
# Marks that turn the direction of text, separators of lines, blanks without width, a tag.
MARKS = "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
OTHERS = "\u2028\u2029\ufeff\U000e0041\xad\xa0"
SURROGATES = "\udc1b\udc9b\ud800"
CLEAR_SCREEN = "\x1b[2J\x9b31m\x1b]0;title\x07"
HOSTILE = f"evil{CLEAR_SCREEN}{C0}{C1}{MARKS}{OTHERS}{SURROGATES}end"
# As far as XML can have it.
HOSTILE_XML = f"evil{C1}{MARKS}{OTHERS}\x7fend"


def unfit(text: str) -> set[str]:
    """The letters in what a command wrote that a terminal should not get."""
    return {letter for letter in text if not letter.isprintable()} - {"\n", "\t"}


def host() -> Host:
    """All that a capture says in words says something hostile."""
    whole = example("epyc-xen-4.17")
    words = dict.fromkeys(("vendor", "modelname", "speed", "family", "model", "flags"), HOSTILE)
    return evolve(
        whole,
        origin=HOSTILE,
        xen=Xen(HOSTILE, HOSTILE, HOSTILE),
        processor=Processor(**words, stepping=HOSTILE),
        policies={**whole.policies, HOSTILE: whole.policies["raw"]},
        notes=(HOSTILE,),
        uuid=HOSTILE,
    )


def vm_record(name: str = HOSTILE) -> dict[str, Any]:
    features = str(example("epyc-xen-4.17").featuresets.hvm_default)
    return {
        "name_label": name,
        "uuid": name,
        "domain_type": "hvm",
        "power_state": name,
        "resident_on": name,
        "last_boot_CPU_flags": {"vendor": name, "features": features},
    }


def host_record(name: str = HOSTILE) -> dict[str, Any]:
    sets = example("epyc-xen-4.17").featuresets
    info = dict.fromkeys(("vendor", "modelname", "speed", "flags", "stepping", name), name)
    info |= {"features_hvm": str(sets.hvm_max), "features_hvm_host": str(sets.hvm_default)}
    info |= {"features_pv": str(sets.pv_max), "features_pv_host": str(sets.pv_default)}
    return {
        "name_label": name,
        "hostname": name,
        "uuid": name,
        "cpu_info": info,
        "software_version": {"xen": name},
    }


def files(folder: Path) -> Iterator[Path]:
    """A file of each kind, and a name for it that is hostile as well."""
    for name, content in contents():
        path = folder / f"{CLEAR_SCREEN.replace('/', '')}{name}"
        path.write_bytes(content)
        yield path


def contents() -> Iterator[tuple[str, bytes]]:
    line = re.sub(r"[\0\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|[\ud800-\udfff]", "", HOSTILE)
    xe = ("cpu_info", "software_version", "last_boot_CPU_flags")
    yield "capture.json", capture.dump(host()).encode()
    yield "vm.json", json.dumps(vm_record()).encode()
    yield "host.json", json.dumps(host_record()).encode()
    yield "pool.json", json.dumps({"1": host_record(), "2": vm_record()}).encode()
    for name, record in (("vm.txt", vm_record(line)), ("host.txt", host_record(line))):
        rows = [
            f"{key.replace('_', '-')} ( RO): "
            + ("; ".join(f"{k}: {v}" for k, v in value.items()) if key in xe else value)
            for key, value in record.items()
        ]
        yield name, "\n".join(rows).encode()
    yield "xl-info.txt", f"host : {line}\nxen_version : {line}\nxen_caps : {line}\n".encode()
    yield "cpuinfo.txt", f"processor : 0\nvendor_id : {line}\nmodel name : {line}\n".encode()
    yield "xapi-db.xml", database(HOSTILE_XML).encode()
    yield "bugtool.tar", tar(report("xs-01", folder=f"a{line}"))
    yield "words.txt", f"1fc9cbf5-{line}".encode()
    yield "dump.txt", f"CPUID 00000000: {line}\n".encode()
    yield "record.json", json.dumps({"id": HOSTILE, "leaves": [[HOSTILE] * 6]}).encode()
    yield "no-format", line.encode()
    yield "binary", b"\0" + line.encode()
    yield (
        "libvirt.xml",
        f"<cpudata arch='x86'><cpuid eax_in={quoteattr(HOSTILE_XML)}/></cpudata>".encode(),
    )
    yield "xenopsd", b"XenSavedDomv2-\n" + HOSTILE.encode("utf-8", "replace")


def database(name: str) -> str:
    def row(record: dict[str, Any]) -> str:
        texts = {
            key.replace("_label", "__label"): (
                "(" + " ".join(f"('{k}' '{v}')" for k, v in value.items()) + ")"
                if isinstance(value, dict)
                else value
            )
            for key, value in record.items()
        }
        return f"<row ref='1' {' '.join(f'{k}={quoteattr(v)}' for k, v in texts.items())}/>"

    hosts, vms = row(host_record(name)), row(vm_record(name))
    return f"<database><table name='host'>{hosts}</table><table name='VM'>{vms}</table></database>"
