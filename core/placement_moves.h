/* placement_moves.h - the asynchronous half of the checker of answers: do the
 * moves fit the residences, what do they hold in flight, how long does an
 * iteration take. Shared inside core. */
#ifndef ATM_CORE_PLACEMENT_MOVES_H
#define ATM_CORE_PLACEMENT_MOVES_H

#include "autotm/problem.h"

struct atm_arena;

/* A stay in fast memory, as the decisions alone give it. */
struct atm__stay {
    uint32_t first, last; /* stations; first > last: over the boundary */
    uint32_t write;       /* last kernel that wrote it, if `written` */
    bool fetched, written;
    uint32_t begin, end;       /* phases of its box; stretched on return */
    int64_t at, until, waited; /* unrolled first and last; wait of its write */
    uint32_t write_move, fetch_move; /* ATM_NONE: none */
};

/* A kernel that uses the storage in slow memory, after so many stays. */
struct atm__slow_use {
    uint32_t kernel, stays;
};

struct atm__mover {
    uint32_t head; /* the storage's first tensor */
    bool circle, arg, in_slow;
    uint32_t slow_begin; /* phase; moved forward on return */
    uint32_t n_stays, cap_stays, n_uses, cap_uses;
    struct atm__stay *stay; /* in the order in which they end */
    struct atm__slow_use *use;
};

/* `of` names a tensor's storage; `mover` is by tensor, those of heads count;
 * `kernel_s` by kernel. The moves must be those that the stays need. */
enum atm_status atm__moves_check(const struct atm_problem *p,
                                 const struct atm_placement *a,
                                 const uint32_t *of, struct atm__mover *mover,
                                 struct atm_arena *arena);

/* Seconds of one iteration, by the moves that atm__moves_check matched. */
enum atm_status atm__moves_play(const struct atm_problem *p,
                                const struct atm_placement *a,
                                const uint32_t *of,
                                const struct atm__mover *mover,
                                const double *kernel_s, struct atm_arena *arena,
                                double *seconds);

#endif
