/* problem_storage.h - the storages of a planning problem: chains of tensors
 * that must pairs join, with the stations of all of them in order.
 *
 * A station is a kernel that uses the storage; the kernel that joins two
 * tensors of a chain is one station of both. Shared by the checker of the
 * problem (whose peak counts storages) and the planners.
 */
#ifndef ATM_CORE_PROBLEM_STORAGE_H
#define ATM_CORE_PROBLEM_STORAGE_H

#include "autotm/problem.h"

struct atm_arena;

struct atm_storage {
    uint32_t n_tensors, *tensor;  /* in the order of the chain */
    uint64_t bytes;
    double fetch_s, evict_s;
    bool arg;                     /* exists before kernel 0 */
    bool circle;                  /* arg or carried, in a cyclic problem */
    bool out;                     /* must exist after the last kernel */
    enum atm_fixed fixed;
    uint32_t n_stations, *kernel; /* ascending; of a carry: old's, then new's */
    uint8_t *made;                /* per station: the kernel writes here */
    uint32_t n_gaps;              /* stations - 1, + 1 with an end or a round */
};

struct atm_storages {
    uint32_t n;
    struct atm_storage *s;
    uint32_t *of;                 /* per tensor: its storage */
    uint32_t *first;              /* per tensor: its first station there */
    uint32_t *n_stations;         /* per tensor */
    uint32_t *n_gaps;             /* per tensor, as in the answer */
};

/* The problem must have passed atm_problem_check's rules on must pairs. */
enum atm_status atm__problem_storages(const struct atm_problem *p,
                                      struct atm_arena *arena,
                                      struct atm_storages *out);

/* Is (variant, mask) an entry, and which fast bytes does it need at least:
 * operands (pairs that share once) and scratch, without fixed residents. */
bool atm__problem_entry(const struct atm_problem *p, uint32_t kernel,
                        uint32_t variant, uint64_t mask, uint64_t *bytes);

/* Least fast bytes of any entry of the kernel, without fixed residents. */
uint64_t atm__problem_need(const struct atm_problem *p, uint32_t kernel);

#endif
