/*
 * Make an HVM domain with a little memory and no code, and have libxc save it: the stream on
 * standard output is what Xen's own tools write. Run in a dom0; needs neither xenstored nor xl.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <xenctrl.h>
#include <xenguest.h>

#define PAGES 64

static xc_interface *xch;
static uint32_t domid;

/* libxc asks for the domain to be stopped: nothing runs in it, so Xen is told that it has. */
static int suspend(void *data)
{
    (void)data;
    return xc_domain_shutdown(xch, domid, SHUTDOWN_suspend) == 0;
}

/* There is no device model that would write into the domain's memory. */
static int switch_qemu_logdirty(uint32_t dom, unsigned int enable, void *data)
{
    (void)dom, (void)enable, (void)data;
    return 0;
}

static int failed(const char *what)
{
    perror(what);
    if (domid)
        xc_domain_destroy(xch, domid);
    return 1;
}

int main(void)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = 1,
        .max_evtchn_port = 31,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = { .emulation_flags = XEN_X86_EMU_LAPIC },
    };
    struct save_callbacks callbacks = { .suspend = suspend, .switch_qemu_logdirty = switch_qemu_logdirty };
    xen_pfn_t pfns[PAGES];
    unsigned int i, mib = 4;

    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch)
        return failed("xc_interface_open");
    if (xc_domain_create(xch, &domid, &config))
        return failed("xc_domain_create");
    if (xc_domain_max_vcpus(xch, domid, 1))
        return failed("xc_domain_max_vcpus");
    if (xc_shadow_control(xch, domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, &mib, 0))
        perror("xc_shadow_control");
    if (xc_domain_setmaxmem(xch, domid, 4096))
        return failed("xc_domain_setmaxmem");
    for (i = 0; i < PAGES; i++)
        pfns[i] = i;
    if (xc_domain_populate_physmap_exact(xch, domid, PAGES, 0, 0, pfns))
        return failed("xc_domain_populate_physmap_exact");
    if (xc_domain_save(xch, 1, domid, 0, &callbacks, XC_STREAM_PLAIN, -1))
        return failed("xc_domain_save");
    xc_domain_destroy(xch, domid);
    xc_interface_close(xch);
    return 0;
}
