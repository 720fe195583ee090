"""The binding's idea of Xen's structures against the compiler's, for one set of headers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support import fake_xen
from xenops_cpu.sources import libxc, libxc_build

# What the binding declares, by structure.
MEMBERS = {
    "struct xen_sysctl_physinfo": (
        "threads_per_core", "cores_per_socket", "nr_cpus", "nr_nodes", "cpu_khz", "capabilities",
    ),
    "xen_cpuid_leaf_t": ("leaf", "subleaf", "a", "b", "c", "d"),
    "xen_msr_entry_t": ("idx", "flags", "val"),
}  # fmt: skip


def check(headers: Path, folder: Path) -> None:
    """Compile both and compare; what is built goes into the folder."""
    (folder / "layout.c").write_text(_program())
    program = folder / "layout"
    subprocess.run(
        ["cc", "-I", str(headers), "-o", str(program), str(folder / "layout.c")],
        check=True,
        timeout=60,
    )
    ran = subprocess.run([program], check=True, capture_output=True, text=True, timeout=10)
    # Without libraries, which need not be here: the layout comes from the headers alone.
    ffi = libxc_build.builder(headers, libraries=(), sources=(str(_stubs(folder)),))
    binding = fake_xen.load(Path(ffi.compile(tmpdir=str(folder / "binding"))))
    ours = []
    for structure, members in MEMBERS.items():
        kind = binding.ffi.typeof(structure)
        assert {name for name, _ in kind.fields} == set(members)
        ours.append(f"{structure}: {binding.ffi.sizeof(kind)}")
        fields = dict(kind.fields)
        ours += [
            f"{structure}.{name}: {fields[name].offset} {binding.ffi.sizeof(fields[name].type)}"
            for name in members
        ]
    assert ours == ran.stdout.splitlines()
    # Policies are unpacked without cffi's help.
    assert binding.ffi.sizeof("xen_cpuid_leaf_t") == libxc.LEAF.size
    assert binding.ffi.sizeof("xen_msr_entry_t") == libxc.MSR.size


def _program() -> str:
    """A C program that prints size and offset of what the binding uses."""
    lines = []
    for structure, members in MEMBERS.items():
        lines.append(f'printf("{structure}: %zu\\n", sizeof({structure}));')
        lines += [
            f'printf("{structure}.{member}: %zu %zu\\n", offsetof({structure}, {member}), '
            f"sizeof((({structure} *)0)->{member}));"
            for member in members
        ]
    return (
        "#include <stddef.h>\n#include <stdio.h>\n#include <xenctrl.h>\n#include <xenguest.h>\n"
        f"int main(void) {{ {' '.join(lines)} return 0; }}\n"
    )


def _stubs(folder: Path) -> Path:
    """Symbols for the loader, so that a binding without libraries can be loaded."""
    names = sorted(
        set(re.findall(r"\b(xc_\w+)\(", libxc_build.SOURCE.read_text() + libxc_build.CDEF))
    )
    file = folder / "stubs.c"
    file.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in names))
    return file
