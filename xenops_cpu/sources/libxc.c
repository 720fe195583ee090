/* What the binding has beside libxc's own functions: one name for what differs between the releases
 * of Xen, a logger that keeps the last message. Compiled by libxc_build.py, which declares these
 * functions to cffi and says by macros what the headers have:
 *
 *   XENOPS_POLICY_OBJECTS  xc_cpu_policy_t (4.16 and later)
 *   XENOPS_POLICY_ARRAYS   xc_get_system_cpu_policy() with arrays (4.12 to 4.15)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <xenctrl.h>
#include <xenguest.h>
#include <xentoollog.h>
#include <xen/version.h>

/* Renamed in 4.13: devices could then be passed to PV guests too. */
#ifdef XEN_SYSCTL_PHYSCAP_directio
# define XENOPS_PHYSCAP_IOMMU XEN_SYSCTL_PHYSCAP_directio
#else
# define XENOPS_PHYSCAP_IOMMU XEN_SYSCTL_PHYSCAP_hvm_directio
#endif

/* The longest answer of xc_version that is read here. */
#define XENOPS_VERSION_BYTES (sizeof(xen_capabilities_info_t) > sizeof(xen_commandline_t) \
                              ? sizeof(xen_capabilities_info_t) : sizeof(xen_commandline_t))

/* libxc logs to stderr unless it is given a logger. This one keeps the last message of the thread,
 * for the text of an error. */
static __thread char last_message[256];

static void keep(struct xentoollog_logger *logger, xentoollog_level level, int error,
                 const char *context, const char *format, va_list arguments)
{
    (void)logger; (void)error; (void)context;
    if ( level >= XTL_WARN )
        vsnprintf(last_message, sizeof(last_message), format, arguments);
}

static void ignore_progress(struct xentoollog_logger *logger, const char *context,
                            const char *what, int percent, unsigned long done, unsigned long total)
{
    (void)logger; (void)context; (void)what; (void)percent; (void)done; (void)total;
}

static void ignore_destroy(struct xentoollog_logger *logger)
{
    (void)logger;
}

static struct xentoollog_logger quiet = { keep, ignore_progress, ignore_destroy };

static const char *xenops_last_message(void) { return last_message; }
static void xenops_clear_message(void) { last_message[0] = 0; }

static xc_interface *xenops_open(void)
{
    return xc_interface_open(&quiet, &quiet, 0);
}

#ifdef XENOPS_POLICY_OBJECTS
# define XENOPS_HAS_POLICIES 1

static int xenops_policy_size(xc_interface *xch, uint32_t *leaves, uint32_t *msrs)
{
    return xc_cpu_policy_get_size(xch, leaves, msrs);
}

static int serialised(xc_interface *xch, int of_domain, uint32_t number, xen_cpuid_leaf_t *leaves,
                      uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    xc_cpu_policy_t *policy = xc_cpu_policy_init();
    int failed, error;

    if ( !policy )
        return -1;
    failed = (of_domain ? xc_cpu_policy_get_domain(xch, number, policy)
                        : xc_cpu_policy_get_system(xch, number, policy)) ||
             xc_cpu_policy_serialise(xch, policy, leaves, nr_leaves, msrs, nr_msrs);
    error = errno;
    xc_cpu_policy_destroy(policy);
    errno = error;
    return failed ? -1 : 0;
}

static int xenops_policy(xc_interface *xch, uint32_t index, xen_cpuid_leaf_t *leaves,
                         uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    return serialised(xch, 0, index, leaves, nr_leaves, msrs, nr_msrs);
}

static int xenops_domain_policy(xc_interface *xch, uint32_t domid, xen_cpuid_leaf_t *leaves,
                                uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    return serialised(xch, 1, domid, leaves, nr_leaves, msrs, nr_msrs);
}
#elif defined(XENOPS_POLICY_ARRAYS)
# define XENOPS_HAS_POLICIES 1

static int xenops_policy_size(xc_interface *xch, uint32_t *leaves, uint32_t *msrs)
{
    return xc_get_cpu_policy_size(xch, leaves, msrs);
}

static int xenops_policy(xc_interface *xch, uint32_t index, xen_cpuid_leaf_t *leaves,
                         uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    return xc_get_system_cpu_policy(xch, index, nr_leaves, leaves, nr_msrs, msrs);
}

static int xenops_domain_policy(xc_interface *xch, uint32_t domid, xen_cpuid_leaf_t *leaves,
                                uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    return xc_get_domain_cpu_policy(xch, domid, nr_leaves, leaves, nr_msrs, msrs);
}
#else
# define XENOPS_HAS_POLICIES 0

/* The header has no such types either. */
typedef struct { uint32_t leaf, subleaf, a, b, c, d; } xen_cpuid_leaf_t;
typedef struct { uint32_t idx, flags; uint64_t val; } xen_msr_entry_t;

static int xenops_policy_size(xc_interface *xch, uint32_t *leaves, uint32_t *msrs)
{
    (void)xch; (void)leaves; (void)msrs;
    errno = ENOSYS;
    return -1;
}

static int xenops_policy(xc_interface *xch, uint32_t index, xen_cpuid_leaf_t *leaves,
                         uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    (void)index; (void)leaves; (void)msrs;
    return xenops_policy_size(xch, nr_leaves, nr_msrs);
}

static int xenops_domain_policy(xc_interface *xch, uint32_t domid, xen_cpuid_leaf_t *leaves,
                                uint32_t *nr_leaves, xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    return xenops_policy(xch, domid, leaves, nr_leaves, msrs, nr_msrs);
}
#endif

/* XenServer's libxc is known by a function that upstream's has not. Never called: only asked for,
 * when the module is loaded, so that a module built without it sees it as well. */
extern int xc_cpu_featuresets_are_compatible() __attribute__((weak));

static int xenops_has_compatibility_bits(void)
{
    return xc_cpu_featuresets_are_compatible != 0;
}

/* XenServer's level of two featuresets. Looked up when it is called: no header has to declare it,
 * and a module built without it calls it where the library has it. 0, or -1 where it has not. */
typedef void combine(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t length);

static int xenops_combine(const uint32_t *left, const uint32_t *right, uint32_t *out, size_t length)
{
    combine *function = (combine *)dlsym(RTLD_DEFAULT, "xc_combine_cpu_featuresets");

    if ( !function )
        return -1;
    function(left, right, out, length);
    return 0;
}

/* The microcode's revision, as Xen reads it from the CPU: since 4.18, looked up in the same way.
 * Four words: the CPU that is asked (in), its signature, platform flags, revision (out). */
typedef int get_revision(xc_interface *xch, uint32_t *words);

static int xenops_microcode(xc_interface *xch, uint32_t *revision)
{
    get_revision *function = (get_revision *)dlsym(RTLD_DEFAULT, "xc_get_ucode_revision");
    uint32_t words[16] = { 0 };

    if ( !function )
    {
        errno = ENOSYS;
        return -1;
    }
    if ( function(xch, words) )
        return -1;
    *revision = words[3];
    return 0;
}
