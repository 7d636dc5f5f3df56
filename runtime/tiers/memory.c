/* memory.c - anonymous memory, on a node or anywhere, and guarded copies. */
#include "tiers/memory.h"

#include "arena.h"
#include "checked.h"
#include "copy.h"
#include "fault.h"
#include "free_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <numaif.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES ((uint64_t)4096)
#define HUGE_BYTES ((uint64_t)2 << 20)
#define QUERY_PAGES 512    /* asked for in one call */
#define SAMPLE_PAGES 65536 /* of a pool: 256 MiB are seen page by page */

/* ---- copies ------------------------------------------------------------- */

static enum atm_status copy(struct atm_tier *t, void *dst, const void *src,
                            uint64_t len, int threads)
{
    const unsigned char *failed = atm__copy(dst, src, len, threads);

    if (!failed)
        return ATM_OK;
    if (failed < t->base || failed >= t->base + t->map_bytes)
        return atm_fail(ATM_IO,
                        "tier \"%.100s\": the memory on the other "
                        "side of a copy failed",
                        t->spec);
    return atm_fail(ATM_IO,
                    "tier \"%.100s\": memory failed at offset %" PRIu64
                    " (poisoned, or its file was cut)",
                    t->spec, (uint64_t)(failed - t->base));
}

void *atm__memory_map(struct atm_tier *t, uint64_t off, uint64_t len)
{
    if (!(t->info.caps & ATM_TIER_ADDRESSABLE) ||
        atm__range_check(t->spec, t->bytes, off, len))
        return NULL;
    return t->base + off;
}

enum atm_status atm__memory_read(struct atm_tier *t, void *dst, uint64_t off,
                                 uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    return st ? st : copy(t, dst, t->base + off, len, t->info.read_par);
}

enum atm_status atm__memory_write(struct atm_tier *t, const void *src,
                                  uint64_t off, uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    return st ? st : copy(t, t->base + off, src, len, t->info.write_par);
}

void atm__memory_info(const char *kind, double dram_read_bw,
                      double dram_write_bw, struct atm_tier_info *info)
{
    int threads = omp_get_num_procs();

    *info = (struct atm_tier_info){.size = UINT64_MAX,
                                   .map_align = ATM_ALIGN,
                                   .move_align = ATM_ALIGN,
                                   .caps = ATM_TIER_ADDRESSABLE,
                                   .clock = ATM_CLOCK_REAL,
                                   .read_bw = dram_read_bw,
                                   .write_bw = dram_write_bw,
                                   .read_par = threads,
                                   .write_par = threads};
    (void)snprintf(info->kind, sizeof(info->kind), "%s", kind);
}

/* ---- nodes --------------------------------------------------------------- */

enum atm_status atm__node_check(const char *spec, int node, uint64_t *bytes,
                                uint64_t *free_bytes)
{
    char list[128] = "";
    long long size, left;
    size_t at = 0;
    int i;

    if (numa_available() < 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": this kernel has no NUMA", spec);
    if (node >= 0 && node <= numa_max_node() &&
        numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)node)) {
        size = numa_node_size64(node, &left);
        if (size > 0) {
            *bytes = (uint64_t)size;
            *free_bytes = left > 0 ? (uint64_t)left : 0;
            return ATM_OK;
        }
        return atm_fail(ATM_INVAL, "tier \"%.100s\": node %d has no memory",
                        spec, node);
    }
    for (i = 0; i <= numa_max_node() && at < sizeof(list) - 8; i++)
        if (numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)i))
            at += (size_t)snprintf(list + at, sizeof(list) - at, " %d", i);
    return atm_fail(ATM_INVAL, "tier \"%.100s\": no node %d; there are:%s",
                    spec, node, list);
}

/* Asks where pages are: a node that is full gives pages of another one
 * without a word. */
static bool count_elsewhere(const struct atm_tier *t, int node, uint64_t *asked,
                            uint64_t *elsewhere)
{
    uint64_t pages = t->map_bytes / PAGE_BYTES, at, n, i;
    uint64_t step = PAGE_BYTES * ((pages + SAMPLE_PAGES - 1) / SAMPLE_PAGES);
    void *page[QUERY_PAGES];
    int status[QUERY_PAGES];

    *asked = *elsewhere = 0;
    for (at = 0; at < t->map_bytes; at += n * step) {
        for (n = 0; n < QUERY_PAGES && at + n * step < t->map_bytes; n++)
            page[n] = t->base + at + n * step;
        if (move_pages(0, n, page, NULL, status, 0) != 0)
            return false;
        *asked += n;
        for (i = 0; i < n; i++) /* < 0: not there at all */
            *elsewhere += status[i] != node;
    }
    return true;
}

/* PREFERRED, not BIND: a full node under BIND is the OOM killer's business,
 * a spill is ours. */
static enum atm_status place(struct atm_tier *t, int node)
{
    unsigned long mask[16] = {0};
    const unsigned bits = 8 * sizeof(mask[0]);

    if ((unsigned)node >= bits * 16)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": node %d is beyond "
                        "%u",
                        t->spec, node, bits * 16);
    mask[(unsigned)node / bits] |= 1ul << (unsigned)node % bits;
    if (mbind(t->base, t->map_bytes, MPOL_PREFERRED, mask, bits * 16 + 1, 0))
        return atm_fail(ATM_IO,
                        "tier \"%.100s\": memory cannot be bound to "
                        "node %d: %s",
                        t->spec, node, strerror(errno));
    return ATM_OK;
}

static enum atm_status verify(struct atm_tier *t, int node)
{
    uint64_t asked, elsewhere;

    if (!count_elsewhere(t, node, &asked, &elsewhere))
        return atm_fail(ATM_IO,
                        "tier \"%.100s\": where its pages are cannot "
                        "be asked: %s",
                        t->spec, strerror(errno));
    if (elsewhere == 0)
        return ATM_OK;
    return atm_fail(ATM_CAPACITY,
                    "tier \"%.100s\": node %d is full: %" PRIu64 " of %" PRIu64
                    " pages landed elsewhere; use less",
                    t->spec, node, elsewhere, asked);
}

/* ---- pools --------------------------------------------------------------- */

enum atm_status atm__huge_check(const char *spec, uint64_t huge,
                                struct atm_tier_info *info)
{
    char path[96];
    int n = 0;
    FILE *f;

    if (huge == 0)
        return ATM_OK;
    if (huge < PAGE_BYTES || huge & (huge - 1))
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": huge must be the size of "
                        "a page, like 2M or 1G",
                        spec);
    (void)snprintf(path, sizeof(path),
                   "/sys/kernel/mm/hugepages/hugepages-%" PRIu64
                   "kB/free_hugepages",
                   huge >> 10);
    f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%d", &n) != 1)
            n = 0;
        (void)fclose(f);
    }
    if (n == 0)
        (void)snprintf(info->note, sizeof(info->note),
                       "no pages of %" PRIu64 " KiB are reserved: transparent "
                       "huge pages",
                       huge >> 10);
    return ATM_OK;
}

/* Touches every page now: neither faults nor missing memory later. */
static bool populate(unsigned char *base, uint64_t bytes)
{
    uint64_t i;

#ifdef MADV_POPULATE_WRITE
    if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0)
        return true;
    if (errno != EINVAL)
        return false;
#endif
    for (i = 0; i < bytes; i += PAGE_BYTES) /* before Linux 5.14 */
        ((volatile unsigned char *)base)[i] = 0;
    return true;
}

/* A mapping of reserved huge pages; false: there are not enough. */
static bool map_huge(struct atm_tier *t, uint64_t huge)
{
    unsigned shift = (unsigned)__builtin_ctzll(huge);
    uint64_t len;
    void *at;

    if (!atm_round_up(t->bytes ? t->bytes : 1, huge, &len) || len > SIZE_MAX)
        return false;
    at = mmap(NULL, len, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
                  (int)(shift << MAP_HUGE_SHIFT),
              -1, 0);
    if (at == MAP_FAILED)
        return false;
    t->map = t->base = at;
    t->map_bytes = len;
    return true;
}

/* Pages of the usual size at an address that huge ones may come to back. */
static enum atm_status map_plain(struct atm_tier *t)
{
    unsigned char *at;
    uint64_t len, map;

    if (!atm_round_up(t->bytes ? t->bytes : 1, PAGE_BYTES, &len) ||
        !atm_add_u64(len, HUGE_BYTES, &map) || map > SIZE_MAX)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64 " bytes are too many",
                        t->spec, t->bytes);
    at = mmap(NULL, map, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
              -1, 0);
    if (at == MAP_FAILED)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": no %" PRIu64 " bytes of memory: %s",
                        t->spec, t->bytes, strerror(errno));
    /* cut what lies before and behind the aligned range */
    t->base = at + (-(uintptr_t)at & (HUGE_BYTES - 1));
    if (t->base > at)
        (void)munmap(at, (size_t)(t->base - at));
    if (at + map > t->base + len)
        (void)munmap(t->base + len, (size_t)(at + map - (t->base + len)));
    t->map = t->base;
    t->map_bytes = len;
    (void)madvise(t->base, len, MADV_HUGEPAGE); /* slower without, not wrong */
    return ATM_OK;
}

/* Memory that is not there is found by the OOM killer, not by mmap: free
 * memory is asked for first. */
static enum atm_status enough(const char *spec, uint64_t bytes, int node)
{
    uint64_t have = atm_memory_available(), all, free_bytes;
    enum atm_status st;

    if (node != ATM__ANY_NODE) {
        st = atm__node_check(spec, node, &all, &free_bytes);
        if (st)
            return st;
        have = free_bytes < have ? free_bytes : have;
    }
    if (bytes <= have)
        return ATM_OK;
    return atm_fail(ATM_CAPACITY,
                    "tier \"%.100s\": %" PRIu64 " bytes are needed, %" PRIu64
                    " are free%s; use less",
                    spec, bytes, have,
                    node != ATM__ANY_NODE ? " on its node" : "");
}

enum atm_status atm__memory_new(const char *spec,
                                const struct atm_tier_info *info,
                                uint64_t bytes, struct atm_tier **tier)
{
    enum atm_status st = atm__size_check(spec, info->size, bytes);
    struct atm_tier *t;

    *tier = NULL;
    if (st)
        return st;
    t = atm_alloc_array(1, sizeof(*t));
    if (!t)
        return ATM_NOMEM;
    t->info = *info;
    t->bytes = bytes;
    t->fd = -1;
    (void)snprintf(t->spec, sizeof(t->spec), "%.100s", spec);
    (void)pthread_mutex_init(&t->lock, NULL);
    atm__fault_catch();
    *tier = t;
    return ATM_OK;
}

enum atm_status atm__memory_open(const char *spec,
                                 const struct atm_tier_info *info,
                                 uint64_t bytes, int node, uint64_t huge,
                                 struct atm_tier **tier)
{
    enum atm_status st = atm__memory_new(spec, info, bytes, tier);
    struct atm_tier *t = *tier;

    if (!st)
        st = enough(spec, bytes, node);
    if (!st && !(huge && map_huge(t, huge)))
        st = map_plain(t);
    if (!st && node != ATM__ANY_NODE)
        st = place(t, node);
    if (!st && !populate(t->base, t->map_bytes))
        st = atm_fail(ATM_CAPACITY,
                      "tier \"%.100s\": no %" PRIu64 " bytes of memory: %s",
                      spec, bytes, strerror(errno));
    if (!st && node != ATM__ANY_NODE)
        st = verify(t, node);
    if (!st)
        return ATM_OK;
    if (t)
        atm__memory_close(t);
    *tier = NULL;
    return st;
}

void atm__memory_close(struct atm_tier *t)
{
    if (t->map)
        (void)munmap(t->map, t->map_bytes);
    if (t->fd >= 0)
        (void)close(t->fd);
    (void)pthread_mutex_destroy(&t->lock);
    atm_free(t->durable);
    atm_free(t);
}
