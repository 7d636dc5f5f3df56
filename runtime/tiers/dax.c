/* dax.c - mapping and flushing of persistent memory. */
#include "tiers/dax.h"

#include <errno.h>
#include <libpmem.h>
#include <string.h>
#include <sys/mman.h>

bool atm__dax_map(struct atm_tier *t, uint64_t map_bytes, int flags)
{
    void *at = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, flags, t->fd, 0);

    if (at == MAP_FAILED)
        return false;
    t->map = at;
    t->map_bytes = map_bytes;
    t->base = (unsigned char *)at + ATM__DAX_POOL_AT;
#ifdef MADV_POPULATE_WRITE
    /* faults now, not under a kernel; refused by a device, which has none */
    (void)madvise(at, map_bytes, MADV_POPULATE_WRITE);
#endif
    return true;
}

void atm__dax_info(const char *kind, double dram_read_bw, double dram_write_bw,
                   struct atm_tier_info *info)
{
    atm__memory_info(kind, dram_read_bw, dram_write_bw, info);
    info->map_align = ATM__DAX_POOL_AT;
    info->caps |= ATM_TIER_DURABLE | ATM_TIER_CPU_FLUSH;
    if (info->write_par > ATM__DAX_WRITERS)
        info->write_par = ATM__DAX_WRITERS;
}

enum atm_status atm__dax_flush(struct atm_tier *t, uint64_t off, uint64_t len)
{
    enum atm_status st = atm__range_check(t->spec, t->bytes, off, len);

    if (st)
        return st;
    if (!(t->info.caps & ATM_TIER_CACHED))
        pmem_persist(t->base + off, len);
    else if (pmem_msync(t->base + off, len) != 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": flushing: %s", t->spec,
                        strerror(errno));
    return ATM_OK;
}
