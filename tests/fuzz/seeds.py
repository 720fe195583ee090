"""First inputs for each target: what is right, so that fuzzing begins behind the first refusal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from attrs import evolve

from tests.support.hosts import example
from tests.support.recorded import recorded_calls
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.hosts import capture

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    calls = recorded_calls()
    https = [
        HEAD + b"content-length: 5\r\n\r\nhello" + HEAD + b"content-length: 0\r\n\r\n",
        HEAD + b"Connection: close\r\ncontent-length: 4\r\n\r\nlong",
        b"\r\nPOST /x.json HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n"
        b"content-length:1\r\n\r\n{",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 999\r\n\r\n{",
        HEAD + b"content-length: 150\r\n\r\n" + b"x" * 150,
    ]
    host = example("epyc-xen-4.17")
    raw = host.policies["raw"]
    few = Policy(dict(list(raw.leaves.items())[:2]), dict(list(raw.msrs.items())[:1]))
    small = evolve(
        host,
        policies={"raw": few},
        processor=evolve(host.processor, flags="fpu de"),
        notes=("a note",),
    )
    return {
        "http": https,
        "server": https,
        "xmlrpc": [call["request"].encode() for call in calls if call["wire"] == "xmlrpc"][:40],
        "jsonrpc": [call["request"].encode() for call in calls if call["wire"] == "jsonrpc"][:40],
        "methods": [
            bytes([number]) + json.dumps(params).encode()
            for number in range(12)
            for params in (
                {"debug_info": "x", "policy1": "1", "policy2": "3", "vm_policy": "1",
                 "host_policy": "ff-1", "hosts": [], "vms": [], "before": [], "after": [],
                 "guest_type": "HVM", "parts": 1, "stored": {}},
                {"debug_info": "x", "hosts": [{"name": "h", "hvm": True, "release": "4.17",
                 "cpu_info": {"features_hvm": "1-2-3-4", "vendor": "AuthenticAMD"}}],
                 "vms": [{"name": "v", "guest_type": "PV", "last_boot_cpu_flags":
                 {"features": "7-7"}}], "guest_type": "PV", "parts": 2, "stored": {"vendor": ""}},
            )
        ],
        "featureset": [b"1fc9cbf5-f6f83203", b"1:2:3", b"", b" FF ", b"0" * 8 + b"-1" * 22],
        "policy": [
            Policy(dict(list(raw.leaves.items())[:8]), dict(list(raw.msrs.items())[:3]))
            .text()
            .encode(),
            b"00000000:ffffffff->1:2:3:4/",
        ],
        "cmdline": [
            bytes([number]) + text
            for number in range(5)
            for text in (
                b"dom0_mem=1G spec-ctrl=no-gds-mit cpuid=rdrand,no-ibpb",
                b"tsx=0 smt=off psr=cmt,cat maxcpus=1 cpuid_mask_ecx=0x1 xsave=no",
            )
        ],
        "capture": [capture.dump(small).encode(), capture.dump(small).replace("\n", "").encode()],
    }  # fmt: skip


def write(folder: Path) -> None:
    for name, inputs in seeds().items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / name / f"seed-{number:02}").write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
