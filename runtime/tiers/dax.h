/* dax.h - what persistent memory on a file system and as a device share. */
#ifndef ATM_RUNTIME_TIERS_DAX_H
#define ATM_RUNTIME_TIERS_DAX_H

#include "tiers/memory.h"

/* The pool begins here, behind the mark: huge pages map whole from there. */
#define ATM__DAX_POOL_AT ((uint64_t)2 << 20)
/* Optane's writes saturate at four threads (Izraelevitz et al. 2019). */
#define ATM__DAX_WRITERS 4

/* Adds a mapping of t->fd to a new tier; `flags` beside MAP_SHARED; false: see
 * errno. */
bool atm__dax_map(struct atm_tier *t, uint64_t map_bytes, int flags);
/* What the probes of both fill in. */
void atm__dax_info(const char *kind, double dram_read_bw, double dram_write_bw,
                   struct atm_tier_info *info);
/* Cache lines of the range to the medium; where the page cache is between,
 * msync. */
enum atm_status atm__dax_flush(struct atm_tier *t, uint64_t off, uint64_t len);

#endif
