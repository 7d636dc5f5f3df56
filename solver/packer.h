/* packer.h - what the parts of the packer share: boxes, who meets whom, the
 * places found. */
#ifndef ATM_SOLVER_PACKER_H
#define ATM_SOLVER_PACKER_H

#include "autotm/planner.h"

#include "pack_exact.h"

struct atm_arena;
struct atm__timeline;

struct interval {
    uint32_t lower, upper, box;
};

struct span { /* [low, high) of the pool that is taken */
    uint64_t low, high;
    uint32_t box;
};

struct packer {
    struct atm_arena *arena;
    struct atm_pack_box *box;
    uint32_t n;
    uint32_t n_intervals;
    struct interval *interval; /* by lower */
    uint64_t *first_edge;      /* n + 1; null: the graph is too large */
    uint32_t *edge;
    uint32_t n_order;          /* boxes to place */
    uint32_t *order;
    int64_t *pos;              /* in the order; -1: fixed, placed before all */
    uint64_t *off, *best_off, *saved_off;
    struct span *span;
    uint32_t n_high, *high; /* boxes that end above the target */
    uint32_t n_saved_high, *saved_high;
    bool best_fit;
    uint64_t floor; /* no pool is lower: fixed boxes, the largest box */
    uint64_t bound, best_height, work;
    struct atm__pack_limit limit;
    double *contention;
    uint32_t *level; /* least first, before the order's own key */
    struct atm__timeline *time;
};

static inline uint64_t atm__box_align(const struct atm_pack_box *b)
{
    return b->align ? b->align : 1;
}

/* Checks the boxes and fills p from p->box[0..n), in p->arena: intervals,
 * bound and contention, edges, order, lists of places. INVAL, NOMEM. */
enum atm_status atm__packer_init(struct packer *p);

#endif
