/*
 * Make domains with libxc and leave them there, paused: one for each argument. Run in a dom0; needs
 * neither xenstored nor xl.
 *
 *   make_domains "pv" "hvm nested" "pvh fs=1fc9cbf5-..." "hvm xend=1:-:ecx:xxx..." "pvh run=GUEST"
 *
 * For each it prints the domain's id and what xc_cpuid_apply_policy() returned. GUEST is a file of
 * machine code for a domain of its own: it is started, and what it leaves in its memory is printed
 * once it has stopped (see guest.S).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#define XC_WANT_COMPAT_MAP_FOREIGN_API
#include <xenctrl.h>
#include <xenguest.h>
#include <xen/hvm/save.h>

#define PAGES 16
#define PAGE 4096
#define WORDS 64
#define CODE_PFN 1   /* the guest's code, and at its end how many leaves, and whether it is done */
#define TABLE_PFN 2  /* pairs of leaf and subleaf */
#define RESULT_PFN 3 /* EAX, EBX, ECX, EDX of each */

static xc_interface *xch;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

struct wishes {
    int hvm, pvh, nested, restore, itsc, pae, any_featureset, any_xend;
    uint32_t featureset[WORDS];
    unsigned int words;
    struct xc_xend_cpuid xend[2];
    const char *guest;
};

/* The words of a featureset, in hex, joined by dashes. */
static void featureset(struct wishes *w, char *text)
{
    w->any_featureset = 1;
    while ( *text && w->words < WORDS )
    {
        w->featureset[w->words++] = strtoul(text, &text, 16);
        text += *text == '-';
    }
}

/* LEAF:SUBLEAF:REGISTER:CHARACTERS, subleaf - for none. */
static void xend(struct wishes *w, char *text)
{
    static const char *const names[] = { "eax", "ebx", "ecx", "edx" };
    char *subleaf, *name, *characters;
    unsigned int i;

    w->any_xend = 1;
    w->xend[0].leaf = strtoul(text, &subleaf, 16);
    w->xend[0].subleaf = subleaf[1] == '-' ? ~0u : strtoul(subleaf + 1, NULL, 16);
    name = strchr(subleaf + 1, ':') + 1;
    characters = strchr(name, ':') + 1;
    for ( i = 0; i < 4; i++ )
        if ( !strncmp(name, names[i], 3) )
            w->xend[0].policy[i] = characters;
    w->xend[1].leaf = XEN_CPUID_INPUT_UNUSED;
}

static void parse(struct wishes *w, char *text)
{
    char *word;

    memset(w, 0, sizeof(*w));
    w->pae = 1;
    for ( word = strtok(text, " "); word; word = strtok(NULL, " ") )
    {
        w->pvh |= !strcmp(word, "pvh");
        w->hvm |= !strcmp(word, "hvm") || !strcmp(word, "pvh");
        w->nested |= !strcmp(word, "nested");
        w->restore |= !strcmp(word, "restore");
        w->itsc |= !strcmp(word, "itsc");
        w->pae &= strcmp(word, "nopae") != 0;
        if ( !strncmp(word, "fs=", 3) )
            featureset(w, word + 3);
        if ( !strncmp(word, "xend=", 5) )
            xend(w, word + 5);
        if ( !strncmp(word, "run=", 4) )
            w->guest = word + 4;
    }
}

static uint32_t create(const struct wishes *w)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = 31,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    uint32_t domid = 0;

    if ( w->hvm )
    {
        config.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        config.flags |= w->nested ? XEN_DOMCTL_CDF_nested_virt : 0;
        config.arch.emulation_flags =
            w->pvh ? XEN_X86_EMU_LAPIC : XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    }
    if ( xc_domain_create(xch, &domid, &config) )
        fail("xc_domain_create");
    if ( xc_domain_max_vcpus(xch, domid, 1) )
        fail("xc_domain_max_vcpus");
    return domid;
}

static void *page_of(uint32_t domid, unsigned long pfn)
{
    void *page = xc_map_foreign_range(xch, domid, PAGE, PROT_READ | PROT_WRITE, pfn);

    if ( !page )
        fail("xc_map_foreign_range");
    return page;
}

/* The first vCPU in flat 32-bit mode without paging, at the guest's code. */
static void set_context(uint32_t domid)
{
    struct {
        struct hvm_save_descriptor header_d;
        HVM_SAVE_TYPE(HEADER) header;
        struct hvm_save_descriptor cpu_d;
        HVM_SAVE_TYPE(CPU) cpu;
        struct hvm_save_descriptor end_d;
        HVM_SAVE_TYPE(END) end;
    } context;
    int size = xc_domain_hvm_getcontext(xch, domid, NULL, 0);
    uint8_t *now = size > 0 ? calloc(1, size) : NULL;

    if ( !now || xc_domain_hvm_getcontext(xch, domid, now, size) < 0 )
        fail("xc_domain_hvm_getcontext");
    memset(&context, 0, sizeof(context));
    memcpy(&context, now, sizeof(context.header_d) + sizeof(context.header));
    free(now);
    context.cpu_d.typecode = HVM_SAVE_CODE(CPU);
    context.cpu_d.length = HVM_SAVE_LENGTH(CPU);
    context.cpu.cs_limit = context.cpu.ds_limit = context.cpu.es_limit = context.cpu.ss_limit = ~0u;
    context.cpu.cs_arbytes = 0xc9b;
    context.cpu.ds_arbytes = context.cpu.es_arbytes = context.cpu.ss_arbytes = 0xc93;
    context.cpu.tr_limit = 0x67;
    context.cpu.tr_arbytes = 0x8b;
    context.cpu.cr0 = 0x11;
    context.cpu.rip = CODE_PFN * PAGE;
    context.cpu.dr6 = 0xffff0ff0u;
    context.cpu.dr7 = 0x400;
    context.end_d.typecode = HVM_SAVE_CODE(END);
    context.end_d.length = HVM_SAVE_LENGTH(END);
    if ( xc_domain_hvm_setcontext(xch, domid, (uint8_t *)&context, sizeof(context)) )
        fail("xc_domain_hvm_setcontext");
}

static void run(uint32_t domid, const char *path)
{
    xen_pfn_t pfns[PAGES];
    unsigned int i, mib = 4, waits = 0;
    uint32_t *table, *result, *state;
    uint8_t *code;
    FILE *file = fopen(path, "rb");

    for ( i = 0; i < PAGES; i++ )
        pfns[i] = i;
    if ( xc_shadow_control(xch, domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, &mib, 0) )
        perror("xc_shadow_control");
    if ( xc_domain_setmaxmem(xch, domid, 4096) ||
         xc_domain_populate_physmap_exact(xch, domid, PAGES, 0, 0, pfns) )
        fail("xc_domain_populate_physmap_exact");
    code = page_of(domid, CODE_PFN);
    table = page_of(domid, TABLE_PFN);
    result = page_of(domid, RESULT_PFN);
    if ( !file || !fread(code, 1, PAGE - 8, file) )
        fail(path);
    state = (uint32_t *)(code + PAGE - 8);
    for ( i = 0; i < 250 && scanf("%x %x", &table[2 * i], &table[2 * i + 1]) == 2; i++ )
        ;
    state[1] = i;
    set_context(domid);
    if ( xc_domain_unpause(xch, domid) )
        fail("xc_domain_unpause");
    while ( !*(volatile uint32_t *)state && waits++ < 3000 )
        usleep(10000);
    if ( !state[0] )
        fprintf(stderr, "the guest has not come to its end\n");
    for ( i = 0; i < state[1]; i++ )
        printf("%x %x %08x %08x %08x %08x\n", table[2 * i], table[2 * i + 1], result[4 * i],
               result[4 * i + 1], result[4 * i + 2], result[4 * i + 3]);
}

int main(int argc, char **argv)
{
    int i;

    xch = xc_interface_open(NULL, NULL, 0);
    if ( !xch )
        fail("xc_interface_open");
    for ( i = 1; i < argc; i++ )
    {
        struct wishes w;
        uint32_t domid;
        int rc;

        parse(&w, argv[i]);
        domid = create(&w);
        rc = xc_cpuid_apply_policy(xch, domid, w.restore, w.any_featureset ? w.featureset : NULL,
                                   w.words, w.pae, w.itsc, w.nested, w.any_xend ? w.xend : NULL,
                                   NULL);
        printf("%u %d\n", domid, rc);
        if ( w.guest )
            run(domid, w.guest);
    }
    xc_interface_close(xch);
    return 0;
}
