/* pack_state.h - the state of the exact search for addresses. */
#ifndef ATM_SOLVER_PACK_STATE_H
#define ATM_SOLVER_PACK_STATE_H

#include "autotm/planner.h"

struct atm_arena;
struct atm__pack_limit;

struct old { /* a lowest offset, or from n on a section's height, before */
    uint32_t item;
    uint64_t off;
};

struct wall {
    uint64_t low, high;
};

struct item {
    uint32_t box;
    uint32_t lo[2], hi[2]; /* sections [lo, hi), perhaps two runs */
    uint64_t bytes, align;
    double key;    /* of the rule; greater is first */
    uint32_t twin; /* the first item of the same life, bytes and alignment */
    bool placed;
};

struct exact {
    const struct atm_pack_box *box;
    struct atm_arena *arena;
    uint64_t capacity, work, stop, next_look;
    const struct atm__pack_limit *limit;
    uint64_t nodes, stop_nodes; /* of this try */
    bool gave_up, no_memory, fullest_first;
    uint32_t n, n_sections;
    struct item *item;               /* by first section */
    uint64_t *off, *bytes;           /* of each item: apart, for speed */
    uint64_t *low;                   /* per section: bound on its height */
    double *total;                   /* per section: bytes of all */
    uint32_t *first_member, *member; /* of each section */
    uint32_t *first_open;            /* of these: those before are placed */
    uint32_t n_placed, *placed;      /* in the order of placement */
    uint32_t *first_near, *near;     /* neighbours of each item */
    uint32_t *first_wall;            /* fixed boxes that an item meets */
    struct wall *wall;
    uint32_t n_dirty, first_dirty, *dirty; /* a ring of n_sections */
    uint8_t *is_dirty;
    struct old *trail;
    uint32_t n_trail, cap_trail;
};

/* Fills the lists of x->box[0..n); x->arena owns them. NOMEM. */
enum atm_status atm__exact_set_up(struct exact *x, uint32_t n);

#endif
