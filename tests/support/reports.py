"""Files as people have them, made for tests: reports, databases, suspend images."""

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Mapping

from tests import GOLDEN
from xenops_cpu.cpuid.policy import Policy

INPUTS = GOLDEN / "inputs"

XL_INFO = """host                   : {name}
release                : 4.19.0+1
machine                : x86_64
nr_cpus                : 64
max_cpu_id             : 63
nr_nodes               : 2
cores_per_socket       : 16
threads_per_core       : 2
cpu_mhz                : 2500.000
hw_caps                : bfebfbff:77fef3ff:2c100800:00000121
virt_caps              : pv hvm hvm_directio pv_directio hap shadow
xen_version            : 4.17.7
xen_caps               : xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_64
xen_commandline        : dom0_mem=2048M,max:2048M spec-ctrl=no-gds-mit
"""


def golden(name: str) -> str:
    return (INPUTS / name).read_text()


def report(name: str = "xs-01", cpu: str = "epyc-xen-4.17", folder: str = "") -> dict[str, bytes]:
    """The files of one host's report that matter, under the names that xen-bugtool gives them."""
    root = folder or f"bug-report-20260101093000-{name}"
    texts = {
        f"{root}/xl-info.out": XL_INFO.format(name=name),
        f"{root}/xen-cpuid-p.out": golden(f"{cpu}.xen-cpuid-p.txt"),
        f"{root}/proc/cpuinfo": golden("epyc-xen-4.17.cpuinfo.txt"),
        f"{root}/inventory.xml": (
            '<?xml version="1.0" ?><system-status-inventory>'
            f'<system-summary hostname="{name}"/></system-status-inventory>'
        ),
        f"{root}/var/log/kern.log": "nothing of interest\n" * 5000,
    }
    if cpu == "epyc-xen-4.17":
        texts[f"{root}/xen-cpuid-v.out"] = golden(f"{cpu}.xen-cpuid.txt")
    return {path: text.encode() for path, text in texts.items()}


def tar(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """As the standard library writes it; `mode`: w, w:bz2, w:gz."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def record(kind: int, body: bytes = b"", order: str = "<") -> bytes:
    """A record of a libxc or libxl stream: type, length, body, padded to 8 bytes."""
    return struct.pack(f"{order}II", kind, len(body)) + body + bytes(-len(body) % 8)


def libxc_stream(
    policy: Policy | None,
    version: int = 3,
    domain: int = 2,
    order: str = "<",
    xen: tuple[int, int] = (4, 17),
    pages: int = 2,
) -> bytes:
    """By docs/specs/libxc-migration-stream.pandoc: headers, static data, memory, END."""
    made = b"\xff" * 8 + b"XENF" + struct.pack(">IHHI", version, order == ">", 0, 0)
    made += struct.pack(f"{order}IHHII", domain, 12, 0, *xen)
    if policy is not None:
        leaves = b"".join(
            struct.pack(f"{order}6I", *key, *registers) for key, registers in policy.leaves.items()
        )
        msrs = b"".join(
            struct.pack(f"{order}IIQ", index, 0, value) for index, value in policy.msrs.items()
        )
        made += record(0x11, leaves, order) + (record(0x12, msrs, order) if msrs else b"")
    if version == 3:
        made += record(0x10, order=order)
    for page in range(pages):
        body = struct.pack(f"{order}IIQ", 1, 0, page) + bytes([page + 1]) * 4096
        made += record(0x01, body, order)
    made += record(0x0A, struct.pack(f"{order}II", 0, 0), order)
    return made + record(0x00, order=order)


def xl_save(stream: bytes, name: str = "web-01") -> bytes:
    """By tools/xl/xl.h and docs/specs/libxl-migration-stream.pandoc."""
    config = json.dumps({"c_info": {"type": "hvm", "name": name}}).encode() + b"\0"
    optional = struct.pack("<I", len(config)) + config
    header = b"Xen saved domain, xl format\n \0 \r" + struct.pack(
        "<IIII", 0x01020304, 3, 0, len(optional)
    )
    libxl = b"LibxlFmt" + struct.pack(">II", 2, 0) + record(1) + stream
    return header + optional + libxl + record(2, bytes(12)) + record(0)


def xenopsd_image(stream: bytes, vm: str = "") -> bytes:
    """By suspend_image.ml of xapi's xenopsd: signature, then headers with their bodies."""
    vm = vm or (
        "((id 7c3b)(name web-01)(ty(HVM((hap true))))"
        "(platformdata((featureset 178bfbfd-f6f83203-2c500800)(nx true))))"
    )
    quoted = vm.replace("\\", "\\\\").replace('"', '\\"')
    text = f'((time 20260101T00:00:00Z)(word_size 64)(vm_str"{quoted}")(xs_subtree()))'.encode()

    def header(kind: int, length: int) -> bytes:
        return struct.pack("<QQ", kind, length)

    return (
        b"XenSavedDomv2-\n"
        + header(0x0F, len(text))
        + text
        + header(0xF0, 0)
        + stream
        + header(0x0F01, 5)
        + b"QEVM\0"
        + header(0xFFFF, 0)
    )


CPU_INFO = {
    "cpu_count": "64",
    "socket_count": "2",
    "threads_per_core": "2",
    "vendor": "AuthenticAMD",
    "speed": "2500.000",
    "modelname": "AMD EPYC 7763",
    "family": "25",
    "model": "1",
    "stepping": "1",
    "flags": "fpu de tsc",
    "features_pv": "178bfbfd-f6d83203",
    "features_hvm": "178bfbfd-f6f83203",
    "features_hvm_host": "078bfbfd-f6f83203",
    "features_pv_host": "078bfbfd-f6d83203",
}


def xe_map(values: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in values.items())


def database(hosts: int = 2) -> str:
    """As xapi writes it: maps as S-expressions, %. for a blank."""

    def sexp(values: Mapping[str, str]) -> str:
        pairs = " ".join(f"('{key}' '{value}')" for key, value in values.items())
        return f"({pairs})".replace(" ", "%.")

    rows = "".join(
        f'<row ref="OpaqueRef:{number}" name__label="xs-0{number}" uuid="u{number}" '
        f'software_version="{sexp({"xen": "4.17.3"})}" cpu_info="{sexp(CPU_INFO)}"/>'
        for number in range(1, hosts + 1)
    )
    flags = sexp({"vendor": "AuthenticAMD", "features": "178bfbfd-f6f83203"})
    return (
        '<?xml version="1.0" encoding="UTF-8"?><database><manifest/>'
        f'<table name="host">{rows}</table><table name="pool">'
        f'<row ref="p" name__label="pool" cpu_info="{sexp(CPU_INFO)}"/></table><table name="VM">'
        f'<row ref="v" name__label="web%.01" domain_type="hvm" last_boot_CPU_flags="{flags}"/>'
        '<row ref="t" name__label="never started" last_boot_CPU_flags="()"/></table></database>'
    )
