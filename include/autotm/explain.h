/* explain.h - why a placement is as it is: what each other choice would cost,
 * exactly, with everything else as it stands. */
#ifndef AUTOTM_EXPLAIN_H
#define AUTOTM_EXPLAIN_H

#include "autotm/schedule.h"

struct atm_arena;

enum atm_choice_kind {
    ATM_CHOICE_PLAN,     /* as the plan has it */
    ATM_CHOICE_BEST,     /* the best in the memory that the others leave */
    ATM_CHOICE_FAST,     /* fast at every station */
    ATM_CHOICE_SLOW,     /* slow at every station */
    ATM_CHOICE_RESIDENT, /* in fast memory all the time (args) */
    ATM_CHOICES
};

struct atm_choice {
    enum atm_choice_kind kind;
    bool legal;              /* false: the rules know no such way */
    double seconds;          /* of the whole iteration */
    double memory_s;         /* bytes times the prices of memory, over its
                                residences: what the space is worth */
    uint64_t lacking_bytes;  /* beyond the budget, at its worst kernel */
    uint32_t lacking_kernel; /* ATM_NONE: it fits */
};

struct atm_explained_station {
    uint32_t kernel;
    bool writes, fast, kept; /* kept in the gap after it */
    bool fetched, evicted;   /* before it; after it */
    double price_s;          /* bytes times the price of memory here */
};

/* A tensor with those it shares one storage with (must pairs, a carry). */
struct atm_explained_tensor {
    uint32_t n_tensors, *tensor;
    uint64_t bytes;
    double fetch_s, evict_s;
    bool resident;
    uint32_t n_stations;
    struct atm_explained_station *station;
    struct atm_choice choice[ATM_CHOICES];
};

#define ATM_EXPLAIN_OPERANDS 10 /* tables beyond are not listed */

struct atm_explained_entry {
    uint32_t variant;
    uint64_t slow;           /* bit i: operand i of the variant */
    double seconds;
    uint64_t bytes;          /* fast memory that it needs by itself */
    bool fits;               /* within the budget */
};

struct atm_occupant {
    uint32_t tensor;         /* the first of its storage */
    uint64_t bytes;
    bool operand;            /* of this kernel; false: kept across it */
};

struct atm_explained_kernel {
    uint32_t variant;
    uint64_t slow;           /* as planned */
    double seconds, price;   /* price: seconds a byte of fast memory here */
    uint64_t held_bytes, scratch_bytes;
    uint32_t n_entries, n_occupants;
    struct atm_explained_entry *entry;
    struct atm_occupant *occupant; /* the largest first */
};

/* The decisions in an answer's file, or behind a schedule, of which a
 * placement made so holds nothing else but budget, objective, certificate
 * (that of a schedule stays the schedule's) and whether moves run beside
 * kernels. FORMAT, or STALE where they belong to another problem. */
enum atm_status atm_placement_read(const char *path,
                                   const struct atm_problem *p,
                                   struct atm_placement **placement);
enum atm_status atm_placement_of_schedule(const struct atm_schedule *s,
                                          const struct atm_problem *p,
                                          struct atm_placement **placement);

/* Of the placement, only its decisions, its budget and its certificate's
 * memory prices are read. Results lie in `arena`. FORMAT where it does not
 * belong to the problem. */
enum atm_status atm_explain_tensor(const struct atm_problem *p,
                                   const struct atm_placement *a,
                                   uint32_t tensor, struct atm_arena *arena,
                                   struct atm_explained_tensor *out);
enum atm_status atm_explain_kernel(const struct atm_problem *p,
                                   const struct atm_placement *a,
                                   uint32_t kernel, struct atm_arena *arena,
                                   struct atm_explained_kernel *out);

#endif
