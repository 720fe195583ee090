"""A small made-up tree of Xen's source: a stand-in for the real one, which is too large to carry.

Its files have the shapes that Xen's have (names of files, lines of the header, tables of the tools)
and a handful of features.
"""

from __future__ import annotations

from pathlib import Path

MAKEFILE = """\
# a comment
export XEN_VERSION       = 4
export XEN_SUBVERSION    = 99
export XEN_EXTRAVERSION ?= .1$(XEN_VENDORVERSION)
"""

HEADER = """\
#ifndef XEN_CPUFEATURE
#define XEN_CPUFEATURE(name, value) XEN_X86_FEATURE_##name = value,
#endif
/* A note that is no heading. */

/* Intel-defined CPU features, CPUID level 0x00000001.edx, word 0 */
XEN_CPUFEATURE(FPU,           0*32+ 0) /*A  x87 */
XEN_CPUFEATURE(VME,           0*32+ 1) /*S  virtual 8086 */
XEN_CPUFEATURE(HTT,           0*32+28) /*!A topology */

/* Intel-defined CPU features, CPUID level 0x0000000D:1.eax, word 1 */
XEN_CPUFEATURE(3DNOW,         1*32+31) /*a  old vectors */

/* AMD-defined CPU features, CPUID level 0x80000001.edx, word 2 */
XEN_CPUFEATURE(LONG_MODE,     2*32+29) /*H  64 bits */

/* Intel-defined CPU features, MSR_ARCH_CAPS 0x10a.eax, word 3 */
XEN_CPUFEATURE(RDCL_NO,       3*32+ 0) /*A! immune */
XEN_CPUFEATURE(VERW,          3*32+ 2) /*!A| scrubs */
XEN_CPUFEATURE(SECRET,        3*32+ 5) /*   nobody's */
"""

GEN_CPUID = """\
class State(object):
    def __init__(self):
        self.raw = {
            '!': set(), '|': set(),
            'A': set(), 'S': set(), 'H': set(),
            'a': set(), 's': set(), 'h': set(),
        }

def crunch_numbers(state):
    common_1d = (FPU, VME)
    deps = {
        FPU: [_3DNOW],
        _3DNOW: [LONG_MODE],
        VME: list(range(RDCL_NO, RDCL_NO + 4)),
        HTT: feat_range(RDCL_NO, RDCL_NO + 5),
    }
"""

XEN_CPUID = """\
static const char *const str_1d[32] = {
    [ 0] = "fpu",  [ 1] = "vme",  /* [ 2] = "gone" */
    [28 ... 31] = "REZ",
};
static const char *const str_Da1[32] = { [31] = "3dnow" };
static const char *const str_e1d[32] = { [29] = "lm" };
static const char *const str_caps[64] = { [ 0] = "rdcl-no", [33] = "far" };

static const struct { const char *name, *abbr; const char *const *strs; } decodes[] =
{
    { "CPUID 0x00000001.edx",    "1d", str_1d },
    { "CPUID 0x0000000d:1.eax", "Da1", str_Da1 },
    { "CPUID 0x80000001.edx",   "e1d", str_e1d },
    { "MSR_ARCH_CAPS.lo",     "m10Al", str_caps + 32 },
};

#define COL_ALIGN "24"

static const char *const fs_names[] = {
    [XEN_SYSCTL_cpu_featureset_raw]     = "Raw",
    [XEN_SYSCTL_cpu_featureset_pv_max]  = "PV Max",
};

static void decode_featureset(const uint32_t *features)
{
    printf("%08x%c", features[i], i < length - 1 ? ':' : '\\n');
}

static void dump_info(void)
{
    decode_featureset(xc_get_static_cpu_featuremask(XC_FEATUREMASK_KNOWN),
                      nr_features, "Known", detail);
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = { { "policy", optional_argument, NULL, 'p' } };
    c = getopt_long(argc, argv, "hidvp::", long_options, &option_index);
    printf("Usage: %s [ info ]\\n", argv[0]);
    if ( *ptr == ':' || *ptr == '-' )
        ptr++;
}
"""

SYSCTL = """\
#define XEN_SYSCTL_INTERFACE_VERSION 0x00000015
#define XEN_SYSCTL_cpu_featureset_raw      0
#define XEN_SYSCTL_cpu_featureset_pv_max   4
#define XEN_SYSCTL_cpu_policy_raw          0
"""

POLICY = """\
static const struct feature_name names[] = INIT_FEATURE_NAMES;

/* calculate_nothing() { is not defined here } */
static void __init cf_check calculate_pv_max_policy(int (*callback)(int),
                                                    void *data)
{
    guest_common_max_feature_adjustments(fs);
}

void
recalculate_misc(struct cpu_policy *p) __attribute__((weak));
int declared_only(void);
"""

FILES = {
    "xen/Makefile": MAKEFILE,
    "xen/include/public/arch-x86/cpufeatureset.h": HEADER,
    "xen/include/public/sysctl.h": SYSCTL,
    "xen/tools/gen-cpuid.py": GEN_CPUID,
    "tools/misc/xen-cpuid.c": XEN_CPUID,
    "xen/arch/x86/cpu-policy.c": POLICY,
}


def plant(root: Path, **changed: str) -> Path:
    """Write the tree below `root`. `changed`: other text for a file, by the last part of its name
    with underscores for what no name can have (`Makefile`, `gen_cpuid_py`).
    """
    for path, text in FILES.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        key = file.name.replace("-", "_").replace(".", "_")
        file.write_text(changed.get(key, text))
    return root
