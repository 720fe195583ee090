"""Compile `_libxc`, the binding to Xen's libxenctrl and libxenguest (cffi, API mode).

    python libxc_build.py DIRECTORY      compile, and leave the module in DIRECTORY

setup.py runs this. It imports nothing of this package, because a build environment has cffi and
nothing else. What differs between the releases of Xen stands in one place, `_differences` and what
its macros switch in libxc.c; everything else is the same from 4.7.

Headers are looked for where the compiler looks: CPATH, C_INCLUDE_PATH, and the system's folders.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MODULE = "xenops_cpu.sources._libxc"
LIBRARIES = ("xenguest", "xenctrl")
# The libraries that these two need are the loader's affair, not the linker's.
LINK_ARGUMENTS = ("-Wl,--allow-shlib-undefined",)

# Structures are the compiler's: `...` lets it fill in what this program does not read, and it
# refuses a member that the headers lack or have with another type.
CDEF = """
typedef struct xc_interface_core xc_interface;

struct xen_sysctl_physinfo {
    uint32_t threads_per_core, cores_per_socket, nr_cpus, nr_nodes, cpu_khz, capabilities;
    ...;
};
typedef struct { uint16_t domain; uint32_t flags; uint8_t handle[16]; ...; } xc_domaininfo_t;
typedef struct { uint32_t leaf, subleaf, a, b, c, d; } xen_cpuid_leaf_t;
typedef struct { uint32_t idx, flags; uint64_t val; } xen_msr_entry_t;

static const int XEN_DOMINF_dying;
static const int XEN_DOMINF_hvm_guest;
static const int XENVER_version;
static const int XENVER_extraversion;
static const int XENVER_capabilities;
static const int XENVER_commandline;
static const int XEN_SYSCTL_PHYSCAP_hvm;
static const int XENOPS_PHYSCAP_IOMMU;
static const int XENOPS_HAS_POLICIES;
static const int XENOPS_VERSION_BYTES;

int xc_interface_close(xc_interface *xch);
int xc_version(xc_interface *xch, int command, void *argument);
int xc_physinfo(xc_interface *xch, struct xen_sysctl_physinfo *info);
int xc_get_cpu_featureset(xc_interface *xch, uint32_t index, uint32_t *length, uint32_t *words);
int xc_domain_getinfolist(xc_interface *xch, uint32_t first, unsigned int most,
                          xc_domaininfo_t *domains);

xc_interface *xenops_open(void);
const char *xenops_last_message(void);
void xenops_clear_message(void);
int xenops_policy_size(xc_interface *xch, uint32_t *leaves, uint32_t *msrs);
int xenops_policy(xc_interface *xch, uint32_t index, xen_cpuid_leaf_t *leaves,
                  uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs);
int xenops_domain_policy(xc_interface *xch, uint32_t domid, xen_cpuid_leaf_t *leaves,
                         uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs);
int xenops_has_compatibility_bits(void);
int xenops_combine(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t length);
int xenops_microcode(xc_interface *xch, uint32_t *revision);
"""

# What the binding adds to libxc's own functions, in C.
SOURCE = Path(__file__).with_name("libxc.c")


def _differences(text: str) -> list[tuple[str, str | None]]:
    """What these headers declare: 4.16 has policy objects, 4.12 to 4.15 arrays, 4.11 neither."""
    if "xc_cpu_policy_get_size" in text and "xc_cpu_policy_serialise" in text:
        return [("XENOPS_POLICY_OBJECTS", "1")]
    if "xc_get_system_cpu_policy" in text:
        return [("XENOPS_POLICY_ARRAYS", "1")]
    return []


def header_folders() -> list[Path]:
    """Where the compiler looks for headers, in its order."""
    named = [os.environ.get(name, "") for name in ("CPATH", "C_INCLUDE_PATH")]
    folders = [folder for names in named for folder in names.split(os.pathsep) if folder]
    return [Path(folder) for folder in (*folders, "/usr/local/include", "/usr/include")]


def find_headers() -> Path | None:
    """The folder with xenctrl.h and xenguest.h; None where there is none."""
    for folder in header_folders():
        if (folder / "xenctrl.h").is_file() and (folder / "xenguest.h").is_file():
            return folder
    return None


def missing() -> str:
    """What keeps the binding from being built here, in a few words; "" where nothing does.

    Tried as configure scripts do: a program that includes the headers and links the libraries.
    """
    if find_headers() is None:
        return "there are no Xen headers (libxen-dev)"
    if importlib.util.find_spec("cffi") is None:
        return "there is no cffi"
    with tempfile.TemporaryDirectory(prefix="xenops-cpu-") as folder:
        return _refused(Path(folder))


def _refused(folder: Path) -> str:
    """Why the compiler or the linker refuses Xen's headers and libraries."""
    from distutils.ccompiler import new_compiler  # setuptools has it where Python has not
    from distutils.errors import CCompilerError, DistutilsExecError
    from distutils.sysconfig import customize_compiler

    program = folder / "probe.c"
    program.write_text(
        "#include <stdint.h>\n#include <xenctrl.h>\n#include <xenguest.h>\n"
        "int main(void) { return xc_interface_close(0); }\n"
    )
    compiler = new_compiler()
    customize_compiler(compiler)
    try:
        objects = compiler.compile(
            [str(program)], output_dir=str(folder), include_dirs=[str(find_headers())]
        )
        compiler.link_executable(
            objects, "probe", str(folder), list(LIBRARIES), extra_postargs=list(LINK_ARGUMENTS)
        )
    except (CCompilerError, DistutilsExecError) as error:
        return f"Xen's headers cannot be compiled and linked ({str(error).splitlines()[0]})"
    return "" if (folder / "probe").is_file() else "the C compiler makes no programs"


def builder(
    headers: Path, libraries: Iterable[str] = LIBRARIES, sources: Iterable[str] = ()
) -> Any:
    """The cffi builder for these headers; `sources` are further C files (tests use them)."""
    from cffi import FFI

    declared = "".join(
        (headers / name).read_text(errors="replace") for name in ("xenctrl.h", "xenguest.h")
    )
    ffi = FFI()
    ffi.cdef(CDEF)
    ffi.set_source(
        MODULE,
        SOURCE.read_text(encoding="utf-8"),
        libraries=list(libraries),
        sources=list(sources),
        define_macros=_differences(declared),
        include_dirs=[str(headers)],
        extra_link_args=list(LINK_ARGUMENTS),
    )
    return ffi


def extension() -> Any:
    """The same as an Extension for setup(), which runs in the project's folder.

    No path of this machine gets into the module: builds in two folders give the same bytes.
    """
    headers = find_headers()
    assert headers is not None, missing()
    binding = builder(headers).distutils_extension(os.path.join("build", "libxc"))
    binding.py_limited_api = True
    binding.extra_compile_args = [f"-ffile-prefix-map={os.getcwd()}=."]
    return binding


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python libxc_build.py DIRECTORY", file=sys.stderr)
        return 2
    headers = find_headers()
    if headers is None:
        looked = ", ".join(map(str, header_folders()))
        print(f"no xenctrl.h and xenguest.h in {looked}; install libxen-dev", file=sys.stderr)
        return 1
    print(builder(headers).compile(tmpdir=arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
