/* test_tier_faults.c - memory and drives that fail, each as it really does:
 * poisoned pages, full nodes, full file systems, no MAP_SYNC. It poisons pages
 * of the machine and fills its file systems, so it runs in the virtual machine
 * of tests/vm alone, which says what there is in its environment:
 *
 *     FAULT_NODE    a node without cores, FAULT_EMPTY one without memory
 *     FAULT_PMEM    a folder with DAX, FAULT_NOSYNC one without MAP_SYNC
 *     FAULT_SMALL   a folder of a tmpfs of 12 MiB
 *     FAULT_DAX     a DAX device
 */
#include "atm_test.h"
#include "autotm/tier.h"
#include "fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

enum { POOL = 8 << 20 };

static const char *place(const char *name)
{
    const char *v = getenv(name);

    return v && v[0] ? v : NULL;
}

static struct atm_tier *opened(const char *spec,
                               const struct atm_tier_ops **ops)
{
    struct atm_tier_info info;
    struct atm_tier *tier;

    ATM_ASSERT_OK(atm_tier_probe(spec, 2e10, 1e10, &info, ops));
    ATM_ASSERT_OK((*ops)->open(spec, &info, POOL, &tier));
    return tier;
}

/* A page fails under a copy: an error that names the offset; what lies before
 * it is still there. In a kernel: killed by SIGBUS, not wrong. */
static void poisoned(const char *spec)
{
    const uint64_t at = 4 << 20;
    const struct atm_tier_ops *ops;
    struct atm_tier *tier = opened(spec, &ops);
    unsigned char *m = malloc(POOL);
    volatile unsigned char *base;
    int status;
    pid_t child;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(m, 7, POOL);
    ATM_ASSERT_OK(ops->write(tier, m, 0, POOL));
    base = ops->map(tier, 0, POOL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(base);
    CU_ASSERT_EQUAL_FATAL(
        madvise((void *)(uintptr_t)(base + at), 4096, MADV_HWPOISON), 0);
    ATM_ASSERT_FAILS(ops->read(tier, m, 0, POOL), ATM_IO,
                     "memory failed at offset 4194304");
    ATM_ASSERT_FAILS(ops->read(tier, m, at, 64), ATM_IO,
                     "memory failed at offset 4194304");
    ATM_ASSERT_OK(ops->read(tier, m, 0, 2 << 20));
    CU_ASSERT_EQUAL(m[(2 << 20) - 1], 7);
    child = fork();
    if (child == 0)
        _exit(base[at]);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    ops->close(tier);
    free(m);
    printf("%s ", spec);
}

/* Linux tells the poisoning of a DAX page at once, to whoever asked for it,
 * and lets the page be read again: so the asking is what is guarded. */
static void poisoned_dax(const char *spec)
{
    const uint64_t at = 4 << 20;
    const struct atm_tier_ops *ops;
    struct atm_tier *tier = opened(spec, &ops);
    unsigned char *base = ops->map(tier, 0, POOL);
    struct atm__guard g = {.outer = atm__guard};
    uintptr_t off;

    CU_ASSERT_PTR_NOT_NULL_FATAL(base);
    memset(base, 7, POOL);
    atm__guard = &g;
    if (sigsetjmp(g.back, 0) == 0)
        (void)madvise(base + at, 4096, MADV_HWPOISON);
    atm__guard = g.outer;
    CU_ASSERT_PTR_NOT_NULL(g.address);
    off = (uintptr_t)g.address - (uintptr_t)base;
    CU_ASSERT_EQUAL(off, at);
    ops->close(tier);
    printf("%s ", spec);
}

static void poison(void)
{
    char spec[300];

    poisoned("dram");
    if (place("FAULT_SMALL")) {
        (void)snprintf(spec, sizeof(spec), "pmem:%s,sync=degrade",
                       place("FAULT_SMALL"));
        poisoned(spec);
    }
    if (place("FAULT_NODE")) {
        (void)snprintf(spec, sizeof(spec), "numa:node=%s", place("FAULT_NODE"));
        poisoned(spec);
    }
    if (place("FAULT_PMEM")) {
        (void)snprintf(spec, sizeof(spec), "pmem:%s", place("FAULT_PMEM"));
        poisoned_dax(spec);
    }
    if (place("FAULT_DAX")) {
        (void)snprintf(spec, sizeof(spec), "devdax:%s", place("FAULT_DAX"));
        poisoned_dax(spec);
    }
}

/* Refused with a reason, neither killed nor placed elsewhere in silence. */
static void full_node(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    char spec[64];

    if (!place("FAULT_NODE"))
        return;
    (void)snprintf(spec, sizeof(spec), "numa:node=%s", place("FAULT_NODE"));
    ATM_ASSERT_OK(atm_tier_probe(spec, 2e10, 1e10, &info, &ops));
    CU_ASSERT_TRUE(info.size < UINT64_C(1) << 40);
    ATM_ASSERT_FAILS(ops->open(spec, &info, info.size + 1, &tier), ATM_CAPACITY,
                     "its size is");
    ATM_ASSERT_FAILS(ops->open(spec, &info, info.size, &tier), ATM_CAPACITY,
                     "free on its node");
}

/* What the kernel keeps for itself is free by its own account: the last pages
 * come from another node, in silence. */
static void spilled(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    char text[300] = "", *at;
    uint64_t bytes;
    FILE *f;

    if (!place("FAULT_NODE"))
        return;
    (void)snprintf(text, sizeof(text),
                   "/sys/devices/system/node/node%s/meminfo",
                   place("FAULT_NODE"));
    f = fopen(text, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while ((at = fgets(text, sizeof(text), f)) && !strstr(text, "MemFree:"))
        ;
    (void)fclose(f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    bytes = strtoull(strstr(text, "MemFree:") + 8, NULL, 10) << 10;
    (void)snprintf(text, sizeof(text), "numa:node=%s", place("FAULT_NODE"));
    ATM_ASSERT_OK(atm_tier_probe(text, 2e10, 1e10, &info, &ops));
    ATM_ASSERT_FAILS(ops->open(text, &info, bytes - (256 << 10), &tier),
                     ATM_CAPACITY, "pages landed elsewhere");
}

static void empty_node(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    char spec[64];

    if (!place("FAULT_EMPTY"))
        return;
    (void)snprintf(spec, sizeof(spec), "numa:node=%s", place("FAULT_EMPTY"));
    ATM_ASSERT_FAILS(atm_tier_probe(spec, 1, 1, &info, &ops), ATM_INVAL,
                     "node");
}

static void full_file_system(void)
{
    static const char *const kind[] = {"file", "pmem"};
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    char spec[300];
    int i;

    for (i = 0; place("FAULT_SMALL") && i < 2; i++) {
        (void)snprintf(spec, sizeof(spec), "%s:%s%s", kind[i],
                       place("FAULT_SMALL"), i ? ",sync=degrade" : "");
        ATM_ASSERT_OK(atm_tier_probe(spec, 1e9, 1e9, &info, &ops));
        ATM_ASSERT_FAILS(ops->open(spec, &info, 64 << 20, &tier), ATM_CAPACITY,
                         "free on its file system");
    }
}

/* A file that is cut under its mapping. */
static void cut(void)
{
    const uint64_t at = 4 << 20;
    const struct atm_tier_ops *ops;
    struct atm_tier *tier;
    char path[200], spec[300];
    unsigned char *m = malloc(POOL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    if (place("FAULT_PMEM")) {
        (void)snprintf(path, sizeof(path), "%s/cut.pool", place("FAULT_PMEM"));
        (void)snprintf(spec, sizeof(spec), "pmem:%s", path);
        tier = opened(spec, &ops);
        memset(m, 7, POOL);
        ATM_ASSERT_OK(ops->write(tier, m, 0, POOL));
        CU_ASSERT_EQUAL(truncate(path, (2 << 20) + (off_t)at), 0);
        ATM_ASSERT_OK(ops->read(tier, m, 0, at));
        ATM_ASSERT_FAILS(ops->read(tier, m, 0, POOL), ATM_IO,
                         "memory failed at offset 4194304");
        ATM_ASSERT_FAILS(ops->write(tier, m, at, 64), ATM_IO,
                         "memory failed at offset 4194304");
        ops->close(tier);
        (void)unlink(path);
    }
    free(m);
}

/* Somebody's data on a device are kept. */
static void foreign_device(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    char spec[300];
    int fd;
    char *at;

    if (!place("FAULT_DAX"))
        return;
    fd = open(place("FAULT_DAX"), O_RDWR);
    CU_ASSERT_FATAL(fd >= 0);
    at = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CU_ASSERT_FATAL(at != MAP_FAILED);
    memcpy(at, "a diary, not a pool", 19);
    (void)munmap(at, 2 << 20);
    (void)close(fd);
    (void)snprintf(spec, sizeof(spec), "devdax:%s", place("FAULT_DAX"));
    ATM_ASSERT_OK(atm_tier_probe(spec, 1e9, 1e9, &info, &ops));
    ATM_ASSERT_FAILS(ops->open(spec, &info, POOL, &tier), ATM_INVAL,
                     "holds something else; add force=1");
    (void)strcat(spec, ",force=1");
    tier = opened(spec, &ops);
    ops->close(tier);
}

/* A mount that says dax and refuses MAP_SYNC: only by the user's word. */
static void no_map_sync(void)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    char spec[300];

    if (!place("FAULT_NOSYNC"))
        return;
    (void)snprintf(spec, sizeof(spec), "pmem:%s", place("FAULT_NOSYNC"));
    ATM_ASSERT_OK(atm_tier_probe(spec, 1e9, 1e9, &info, &ops));
    ATM_ASSERT_FAILS(ops->open(spec, &info, POOL, &tier), ATM_UNSUPPORTED,
                     "MAP_SYNC is refused");
    (void)snprintf(spec, sizeof(spec), "pmem:%s,sync=degrade",
                   place("FAULT_NOSYNC"));
    tier = opened(spec, &ops);
    ops->close(tier);
}

static const struct atm_test tests[] = {
    {"a poisoned page is an error under a copy, SIGBUS under a kernel", poison},
    {"a full node is refused", full_node},
    {"pages that land on another node are found", spilled},
    {"a node without memory is refused", empty_node},
    {"a DAX file that is cut is an error with its place", cut},
    {"a device with foreign data is kept", foreign_device},
    {"a full file system is refused", full_file_system},
    {"DAX without MAP_SYNC only where allowed", no_map_sync},
    {NULL, NULL}};

int main(void)
{
    if (!getenv("FAULT_NODE")) {
        fprintf(stderr, "skipped: tests/vm/run.sh runs this in a virtual "
                        "machine\n");
        return 77;
    }
    return atm_test_main("tier faults", tests, NULL);
}
