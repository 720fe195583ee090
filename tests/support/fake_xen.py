"""A stand-in for libxenctrl and libxenguest: what no booted hypervisor here answers.

The real binding is compiled, against headers with the declarations of a Xen release (facts:
tools/include/xenctrl.h, xenguest.h and xen/include/public/sysctl.h of that release), and linked
with a C file that answers as told by the environment variable FAKE_XEN: `key=value` parted by
blanks. It answers all three generations of the policy calls.

    words=19      length of every set        host=hex,hex  the host set's first words
    sets=6        indices that there are     fail=CALL:ERRNO[:TIMES]  let a call fail
    combined=hex  what XenServer's level of two sets has on top
    revision=hex  of the microcode, from 4.18 on
    domains=3     how many there are: ids 0, 7, 14, ...; every other one is HVM, the fourth is going
    gone=7        the domain whose policy is not there any more
    world=FILE    sets and policies that were answered once, instead of made-up ones (see `world`)
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.hosts.host import Host
from xenops_cpu.sources import libxc_build, xen

_TOOLLOG = """
#pragma once
#include <stdarg.h>
typedef enum { XTL_NONE, XTL_DEBUG, XTL_VERBOSE, XTL_DETAIL, XTL_PROGRESS, XTL_INFO, XTL_NOTICE,
               XTL_WARN, XTL_ERROR, XTL_CRITICAL } xentoollog_level;
typedef struct xentoollog_logger xentoollog_logger;
struct xentoollog_logger {
    void (*vmessage)(xentoollog_logger *, xentoollog_level, int, const char *, const char *,
                     va_list);
    void (*progress)(xentoollog_logger *, const char *, const char *, int, unsigned long,
                     unsigned long);
    void (*destroy)(xentoollog_logger *);
};
"""

_VERSION = """
#define XENVER_version 0
#define XENVER_extraversion 1
#define XENVER_capabilities 3
#define XENVER_commandline 9
typedef char xen_capabilities_info_t[1024];
typedef char xen_commandline_t[1024];
"""

# Where physinfo's members stand differs: capabilities went before the pages in 4.12.
_PHYSINFO = {
    "old": """
struct xen_sysctl_physinfo {
    uint32_t threads_per_core, cores_per_socket, nr_cpus, max_cpu_id, nr_nodes, max_node_id;
    uint32_t cpu_khz;
    uint64_t __attribute__((aligned(8))) total_pages, free_pages, scrub_pages, outstanding_pages;
    uint32_t hw_cap[8];
    uint32_t capabilities;
};
#define XEN_SYSCTL_PHYSCAP_hvm 1u
#define XEN_SYSCTL_PHYSCAP_hvm_directio 2u
#define FAKE_PHYSCAP_IOMMU XEN_SYSCTL_PHYSCAP_hvm_directio
""",
    "new": """
struct xen_sysctl_physinfo {
    uint32_t threads_per_core, cores_per_socket, nr_cpus, max_cpu_id, nr_nodes, max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities, arch_capabilities, pad;
    uint64_t __attribute__((aligned(8))) total_pages, free_pages, scrub_pages, outstanding_pages;
    uint64_t __attribute__((aligned(8))) max_mfn;
    uint32_t hw_cap[8];
};
#define XEN_SYSCTL_PHYSCAP_hvm (1u << 0)
#define XEN_SYSCTL_PHYSCAP_directio (1u << 2)
#define FAKE_PHYSCAP_IOMMU XEN_SYSCTL_PHYSCAP_directio
""",
}

_POLICY_TYPES = """
typedef struct xen_cpuid_leaf { uint32_t leaf, subleaf, a, b, c, d; } xen_cpuid_leaf_t;
typedef struct xen_msr_entry { uint32_t idx, flags; uint64_t val; } xen_msr_entry_t;
"""

_POLICIES = {
    "4.7": "",
    "4.13": _POLICY_TYPES
    + """
int xc_get_cpu_policy_size(xc_interface *xch, uint32_t *nr_leaves, uint32_t *nr_msrs);
int xc_get_system_cpu_policy(xc_interface *xch, uint32_t index, uint32_t *nr_leaves,
                             xen_cpuid_leaf_t *leaves, uint32_t *nr_msrs, xen_msr_entry_t *msrs);
int xc_get_domain_cpu_policy(xc_interface *xch, uint32_t domid, uint32_t *nr_leaves,
                             xen_cpuid_leaf_t *leaves, uint32_t *nr_msrs, xen_msr_entry_t *msrs);
""",
    "4.17": _POLICY_TYPES
    + """
typedef struct xc_cpu_policy xc_cpu_policy_t;
xc_cpu_policy_t *xc_cpu_policy_init(void);
void xc_cpu_policy_destroy(xc_cpu_policy_t *policy);
int xc_cpu_policy_get_system(xc_interface *xch, unsigned int index, xc_cpu_policy_t *policy);
int xc_cpu_policy_get_domain(xc_interface *xch, uint32_t domid, xc_cpu_policy_t *policy);
int xc_cpu_policy_serialise(xc_interface *xch, const xc_cpu_policy_t *policy,
                            xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                            xen_msr_entry_t *msrs, uint32_t *nr_msrs);
int xc_cpu_policy_get_size(xc_interface *xch, uint32_t *nr_leaves, uint32_t *nr_msrs);
""",
}
_POLICIES["4.18"] = _POLICIES["4.17"]
RELEASES = tuple(_POLICIES)

_CTRL = """
#pragma once
#include <stdint.h>
#include <xentoollog.h>
@PHYSINFO@
typedef struct xc_interface_core xc_interface;
typedef uint16_t domid_t;
typedef uint8_t xen_domain_handle_t[16];
#define _XEN_DOMINF_dying 0
#define XEN_DOMINF_dying (1U << _XEN_DOMINF_dying)
#define XEN_DOMINF_hvm_guest (1U << 1)
struct xen_domctl_getdomaininfo {
    domid_t domain;
    uint16_t pad1;
    uint32_t flags;
    uint64_t __attribute__((aligned(8))) tot_pages, max_pages;
    xen_domain_handle_t handle;
    uint32_t cpupool;
};
typedef struct xen_domctl_getdomaininfo xc_domaininfo_t;
int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain, unsigned int max_domains,
                          xc_domaininfo_t *info);
extern int fake_open_handles;
xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
                                unsigned open_flags);
int xc_interface_close(xc_interface *xch);
int xc_version(xc_interface *xch, int cmd, void *arg);
int xc_physinfo(xc_interface *xch, struct xen_sysctl_physinfo *info);
int xc_get_cpu_featureset(xc_interface *xch, uint32_t index, uint32_t *nr_features,
                          uint32_t *featureset);
"""

_FAKE = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>
#include <xenguest.h>
#include <xen/version.h>
#include <stdio.h>

struct xc_interface_core { xentoollog_logger *logger; };
static int failures;
int fake_open_handles;

static const char *told(const char *key)
{
    const char *at = getenv("FAKE_XEN");
    size_t length = strlen(key);
    for ( ; at && *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL )
        if ( !strncmp(at, key, length) && at[length] == '=' )
            return at + length + 1;
    return NULL;
}

static unsigned long number(const char *key, unsigned long otherwise)
{
    return told(key) ? strtoul(told(key), NULL, 0) : otherwise;
}

static void say(xentoollog_logger *logger, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    logger->vmessage(logger, XTL_ERROR, errno, "xc", format, arguments);
    va_end(arguments);
}

static int fails(xentoollog_logger *logger, const char *call)
{
    const char *fail = told("fail");
    int error, times = 1 << 30;
    size_t length = strlen(call);
    if ( !fail || strncmp(fail, call, length) || fail[length] != ':' )
        return 0;
    sscanf(fail + length + 1, "%d:%d", &error, &times);
    if ( failures >= times )
        return 0;
    failures++;
    errno = error;
    say(logger, "%s was told to fail", call);
    errno = error;
    return 1;
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *other, unsigned flags)
{
    xc_interface *xch;
    failures = 0;
    if ( !logger || !other )
        abort();
    if ( fails(logger, "xc_interface_open") )
        return NULL;
    xch = malloc(sizeof(*xch));
    xch->logger = logger;
    fake_open_handles++;
    return xch;
}

int xc_interface_close(xc_interface *xch)
{
    fake_open_handles--;
    free(xch);
    return 0;
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    if ( fails(xch->logger, "xc_version") )
        return -1;
    if ( cmd == XENVER_version )
        return number("version", 0x40011);
    strcpy(arg, cmd == XENVER_extraversion ? ".9-fake" : cmd == XENVER_commandline ? "cpuid=no-avx"
                : "xen-3.0-x86_64 ");
    return 0;
}

int xc_physinfo(xc_interface *xch, struct xen_sysctl_physinfo *info)
{
    if ( fails(xch->logger, "xc_physinfo") )
        return -1;
    memset(info, 0, sizeof(*info));
    info->threads_per_core = 2;
    info->cores_per_socket = 8;
    info->nr_cpus = 32;
    info->nr_nodes = 4;
    info->cpu_khz = 2500000;
    info->capabilities = FAKE_PHYSCAP_IOMMU | (number("hvm", 1) ? XEN_SYSCTL_PHYSCAP_hvm : 0);
    return 0;
}

/* The file of world=, at its beginning; NULL where there is none. */
static FILE *world(void)
{
    char path[512];
    return told("world") && sscanf(told("world"), "%511s", path) == 1 ? fopen(path, "r") : NULL;
}

int xc_get_cpu_featureset(xc_interface *xch, uint32_t index, uint32_t *nr, uint32_t *featureset)
{
    unsigned int set, word, value;
    char line[256];
    FILE *file;
    uint32_t have = number("words", 19), longer = number("longer", 0), i;
    if ( fails(xch->logger, "xc_get_cpu_featureset") )
        return -1;
    if ( index >= number("sets", 6) )
    {
        errno = EINVAL;
        return -1;
    }
    if ( index == 3 )
        have += longer;
    if ( !featureset )
    {
        *nr = have;
        return 0;
    }
    if ( *nr < have )
    {
        errno = ENOBUFS;
        return -1;
    }
    for ( i = 0; i < have; i++ )
        featureset[i] = index << 24 | i;
    *nr = have;
    for ( file = world(); file && fgets(line, sizeof(line), file); )
        if ( sscanf(line, "set %x %x %x", &set, &word, &value) == 3 && set == index && word < have )
            featureset[word] = value;
    if ( file )
        fclose(file);
    return 0;
}

static uint32_t domains(void)
{
    return number("domains", 3);
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first, unsigned int most,
                          xc_domaininfo_t *info)
{
    unsigned int count = 0;
    uint32_t number, there = domains();
    if ( fails(xch->logger, "xc_domain_getinfolist") )
        return -1;
    for ( number = (first + 6) / 7; number < there && count < most; number++, count++ )
    {
        memset(&info[count], 0, sizeof(*info));
        info[count].domain = number * 7;
        info[count].flags = number % 2 ? XEN_DOMINF_hvm_guest : 0;
        if ( number == 3 )
            info[count].flags |= XEN_DOMINF_dying;
        memset(info[count].handle, (int)number, 16);
    }
    return count;
}

#ifdef XEN_POLICIES
static int no_domain(uint32_t domid)
{
    if ( domid % 7 || domid / 7 >= domains() || domid == number("gone", 1) )
        errno = ESRCH;
    else
        return 0;
    return 1;
}

static void fill(uint32_t index, xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                 xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    uint32_t leaves_size = *nr_leaves, msrs_size = *nr_msrs;
    unsigned int at, msr;
    unsigned long long value;
    char line[256];
    FILE *file = world();
    if ( leaves_size < 3 || msrs_size < 1 )
        abort();
    if ( file )
    {
        *nr_leaves = *nr_msrs = 0;
        while ( fgets(line, sizeof(line), file) )
        {
            xen_cpuid_leaf_t leaf;
            if ( sscanf(line, "leaf %x %x %x %x %x %x %x", &at, &leaf.leaf, &leaf.subleaf, &leaf.a,
                        &leaf.b, &leaf.c, &leaf.d) == 7 && at == index && *nr_leaves < leaves_size )
                leaves[(*nr_leaves)++] = leaf;
            if ( sscanf(line, "msr %x %x %llx", &at, &msr, &value) == 3 && at == index &&
                 *nr_msrs < msrs_size )
                msrs[(*nr_msrs)++] = (xen_msr_entry_t){ msr, 0, value };
        }
        fclose(file);
        return;
    }
    leaves[0] = (xen_cpuid_leaf_t){ 0, 0xffffffffu, 13, 1, 2, index };
    leaves[1] = (xen_cpuid_leaf_t){ 2, 0xffffffffu, 0, 0, 0, 0 };
    leaves[2] = (xen_cpuid_leaf_t){ 7, 1, 0, 0xdeadbeefu, 0, 0 };
    msrs[0] = (xen_msr_entry_t){ 0x10a, 0, 0x123456789abcdef0ull };
    *nr_leaves = 3;
    *nr_msrs = 1;
}
#endif
"""

_FAKE_POLICIES = {
    "4.7": "",
    "4.13": r"""
int xc_get_cpu_policy_size(xc_interface *xch, uint32_t *nr_leaves, uint32_t *nr_msrs)
{
    *nr_leaves = told("world") ? 200 : 10;
    *nr_msrs = 2;
    return fails(xch->logger, "policy_size") ? -1 : 0;
}

int xc_get_system_cpu_policy(xc_interface *xch, uint32_t index, uint32_t *nr_leaves,
                             xen_cpuid_leaf_t *leaves, uint32_t *nr_msrs, xen_msr_entry_t *msrs)
{
    if ( fails(xch->logger, "policy") )
        return -1;
    fill(index, leaves, nr_leaves, msrs, nr_msrs);
    return 0;
}

int xc_get_domain_cpu_policy(xc_interface *xch, uint32_t domid, uint32_t *nr_leaves,
                             xen_cpuid_leaf_t *leaves, uint32_t *nr_msrs, xen_msr_entry_t *msrs)
{
    if ( fails(xch->logger, "domain_policy") || no_domain(domid) )
        return -1;
    fill(0x100 + domid, leaves, nr_leaves, msrs, nr_msrs);
    return 0;
}
""",
    "4.17": r"""
struct xc_cpu_policy { uint32_t index; };
int fake_policies;

xc_cpu_policy_t *xc_cpu_policy_init(void)
{
    fake_policies++;
    return malloc(sizeof(xc_cpu_policy_t));
}

void xc_cpu_policy_destroy(xc_cpu_policy_t *policy)
{
    fake_policies--;
    errno = 0;
    free(policy);
}

int xc_cpu_policy_get_system(xc_interface *xch, unsigned int index, xc_cpu_policy_t *policy)
{
    policy->index = index;
    return fails(xch->logger, "policy") ? -1 : 0;
}

int xc_cpu_policy_get_domain(xc_interface *xch, uint32_t domid, xc_cpu_policy_t *policy)
{
    policy->index = 0x100 + domid;
    return fails(xch->logger, "domain_policy") || no_domain(domid) ? -1 : 0;
}

int xc_cpu_policy_serialise(xc_interface *xch, const xc_cpu_policy_t *policy,
                            xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                            xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    fill(policy->index, leaves, nr_leaves, msrs, nr_msrs);
    return fake_policies == 1 ? 0 : -1;
}

int xc_cpu_policy_get_size(xc_interface *xch, uint32_t *nr_leaves, uint32_t *nr_msrs)
{
    *nr_leaves = told("world") ? 200 : 10;
    *nr_msrs = 2;
    return fails(xch->logger, "policy_size") ? -1 : 0;
}
""",
}
# No header here declares it: it is looked up by its name.
_FAKE_POLICIES["4.18"] = (
    _FAKE_POLICIES["4.17"]
    + r"""
struct xenpf_ucode_revision { uint32_t cpu, signature, pf, revision; };

int xc_get_ucode_revision(xc_interface *xch, struct xenpf_ucode_revision *answer)
{
    if ( fails(xch->logger, "xc_get_ucode_revision") )
        return -1;
    *answer = (struct xenpf_ucode_revision){ answer->cpu, 0x806f8, 1, number("revision", 0) };
    return 0;
}
"""
)
# Its level is the common words, and what FAKE_XEN's `combined=hex` adds to the first of them.
_XENSERVER = r"""
int xc_cpu_featuresets_are_compatible(void) { abort(); }

void xc_combine_cpu_featuresets(const uint32_t *a, const uint32_t *b, uint32_t *out, size_t length)
{
    size_t i;
    for ( i = 0; i < length; i++ )
        out[i] = a[i] & b[i];
    out[0] |= strtoul(told("combined") ? told("combined") : "0", NULL, 16);
}
"""


def world(path: Path, host: Host, domains: Mapping[int, Policy]) -> None:
    """Write the file of `world=`: what a host's Xen answers, and the policies of its domains."""
    lines = []
    for name, index in xen.FEATURESETS.items():
        featureset = host.featuresets.named(name)
        for word, value in enumerate(featureset.words if featureset is not None else ()):
            lines.append(f"set {index:x} {word:x} {value:x}")
    policies = {xen.POLICIES[name]: policy for name, policy in host.policies.items()}
    policies |= {0x100 + domid: policy for domid, policy in domains.items()}
    for index, policy in policies.items():
        for (leaf, subleaf), (a, b, c, d) in policy.leaves.items():
            lines.append(f"leaf {index:x} {leaf:x} {subleaf:x} {a:x} {b:x} {c:x} {d:x}")
        lines += [f"msr {index:x} {msr:x} {value:x}" for msr, value in policy.msrs.items()]
    path.write_text("\n".join(lines) + "\n")


def build(folder: Path, release: str, xenserver: bool = False) -> Any:
    """Compile the binding against `release`'s declarations and load it; folder is to be empty.

    Raises cffi.VerificationError where there is no compiler.
    """
    headers = folder / "headers"
    (headers / "xen").mkdir(parents=True)
    physinfo = _PHYSINFO["old" if release == "4.7" else "new"]
    (headers / "xentoollog.h").write_text(_TOOLLOG)
    (headers / "xen" / "version.h").write_text(_VERSION)
    (headers / "xenctrl.h").write_text(_CTRL.replace("@PHYSINFO@", physinfo))
    marker = "#define XEN_POLICIES 1\n" if _POLICIES[release] else ""
    (headers / "xenguest.h").write_text(f"#pragma once\n{marker}{_POLICIES[release]}")
    fake = folder / "fake.c"
    fake.write_text(_FAKE + _FAKE_POLICIES[release] + (_XENSERVER if xenserver else ""))
    ffi = libxc_build.builder(headers, libraries=(), sources=(str(fake),))
    ffi.cdef("extern int fake_open_handles;")
    flags = f"{os.environ.get('CFLAGS', '')} -O0"  # what is called a few times need not be fast
    with patch.dict(os.environ, CFLAGS=flags):
        return load(Path(ffi.compile(tmpdir=str(folder))))


def load(path: Path) -> Any:
    """A compiled binding from where it lies, without making it importable."""
    spec = importlib.util.spec_from_file_location("_libxc", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tell(text: str) -> None:
    """What the stand-in is to answer from now on."""
    os.environ["FAKE_XEN"] = text
