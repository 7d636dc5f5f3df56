/* memory.h - tiers that memory stands for: one mapping, guarded copies. dram,
 * numa, emu, pmem and devdax differ in where the mapping comes from. */
#ifndef ATM_RUNTIME_TIERS_MEMORY_H
#define ATM_RUNTIME_TIERS_MEMORY_H

#include "tiers/tier.h"

#include <pthread.h>

struct atm_tier {
    struct atm_tier_info info;
    char spec[104];
    unsigned char *base; /* of the pool */
    uint64_t bytes;      /* of the pool, as asked for */
    void *map;           /* what is unmapped */
    uint64_t map_bytes;
    int fd; /* file or device, locked; -1: none */
    /* emu */
    pthread_mutex_t lock;   /* of free_ns */
    int64_t free_ns[2];     /* device clock of reads, writes */
    unsigned char *durable; /* lossy: what a crash leaves; else null */
};

#define ATM__ANY_NODE (-1)

/* Anonymous memory with a 2-MiB-aligned base, every page there before it
 * returns. `node`: all of it on that NUMA node, which is verified. `huge`:
 * pages of so many bytes, 0: transparent ones; where they cannot be had,
 * transparent ones. CAPACITY when bytes are above info->size or cannot be had
 * within the limits of the machine, its cgroups and the node. */
enum atm_status atm__memory_open(const char *spec,
                                 const struct atm_tier_info *info,
                                 uint64_t bytes, int node, uint64_t huge,
                                 struct atm_tier **tier);
/* The struct alone, for kinds that map something else. */
enum atm_status atm__memory_new(const char *spec,
                                const struct atm_tier_info *info,
                                uint64_t bytes, struct atm_tier **tier);
void atm__memory_close(struct atm_tier *t);

/* What the probes of all but emu begin with: of any size, at DRAM's speed, on
 * all cores. */
void atm__memory_info(const char *kind, double dram_read_bw,
                      double dram_write_bw, struct atm_tier_info *info);

/* The operations that they share. */
#define ATM__MEMORY_OPS                                                        \
    .map = atm__memory_map, .read = atm__memory_read,                          \
    .write = atm__memory_write, .close = atm__memory_close
void *atm__memory_map(struct atm_tier *t, uint64_t off, uint64_t len);
enum atm_status atm__memory_read(struct atm_tier *t, void *dst, uint64_t off,
                                 uint64_t len);
enum atm_status atm__memory_write(struct atm_tier *t, const void *src,
                                  uint64_t off, uint64_t len);

/* Bytes that can be taken on a NUMA node, and all that it has; INVAL with the
 * nodes that there are. */
enum atm_status atm__node_check(const char *spec, int node, uint64_t *bytes,
                                uint64_t *free_bytes);
/* Pages of `huge` bytes (0: no wish) are a power of two (INVAL), and reserved
 * (else info->note says so). */
enum atm_status atm__huge_check(const char *spec, uint64_t huge,
                                struct atm_tier_info *info);

/* emu:lossy=1 loses what was not flushed. */
void atm__emu_crash(struct atm_tier *t);

#endif
