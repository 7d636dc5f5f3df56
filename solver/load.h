/* load.h - bytes over a limit at each of many moments, in blocks, so that a
 * residence over all of them costs little more than one over a few.
 */
#ifndef ATM_SOLVER_LOAD_H
#define ATM_SOLVER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#define ATM__BLOCK 128u /* moments */

struct atm_arena;

struct atm__load {
    uint32_t n, n_blocks;
    int64_t *at;    /* per moment, less its block's base */
    int64_t *base;  /* per block: added to all of it */
    int64_t *most;  /* per block: largest `at` */
    uint8_t *stale; /* ... not known */
};

/* All at 0, in `arena`; false: out of memory. */
bool atm__load_new(struct atm__load *l, uint32_t n, struct atm_arena *arena);
/* Of the same n. */
void atm__load_copy(struct atm__load *to, const struct atm__load *from);

int64_t atm__load_at(const struct atm__load *l, uint32_t at);
void atm__load_add(struct atm__load *l, uint32_t from, uint32_t to,
                   int64_t bytes);
/* Is any moment of [from, to) above `bytes`? */
bool atm__load_above(struct atm__load *l, uint32_t from, uint32_t to,
                     int64_t bytes);
/* The first moment with the most bytes, if these are above 0; else n. */
uint32_t atm__load_worst(struct atm__load *l);

#endif
