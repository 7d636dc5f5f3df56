/* problem.h - the planning problem: all that a planner sees.
 *
 * This is the datum of docs/formulation.md and of the problem file (format
 * version 1). Two tiers: bit i of a mask set = operand i is slow. A value
 * never changes; only its copies do.
 */
#ifndef AUTOTM_PROBLEM_H
#define AUTOTM_PROBLEM_H

#include "autotm/profile.h"

enum atm_fixed { ATM_FIXED_NO, ATM_FIXED_FAST, ATM_FIXED_SLOW };

struct atm_problem_producer {
    uint32_t kernel;
    uint64_t bytes;
};

struct atm_problem_tensor {
    const char *name;       /* for people; not in the file; may be null */
    const char *kind;       /* may be null */
    uint64_t bytes;
    bool arg, out;
    double fetch_s, evict_s; /* move costs, always filled */
    bool fetch_given, evict_given;
    enum atm_fixed fixed;
    uint64_t fixed_offset;
    bool held;              /* its storage is fixed in fast memory: also what
                               must pairs and carries make of a fixed arg.
                               Filled by atm_problem_check */
    uint32_t n_producers;   /* 0: not declared */
    struct atm_problem_producer *producer;
};

/* Kernel time over masks: a list, or the modelled form. */
struct atm_table {
    uint32_t n;             /* operands */
    double *list;           /* 2^n seconds, < 0: not allowed; null: modelled */
    double base;
    double *slow, *latency; /* slow[i] < 0: not allowed */
    bool sum;               /* combine: false max, true sum */
};

struct atm_variant {
    const char *name;
    uint32_t n_in, n_out;
    uint32_t *operand;      /* tensor ids, ins then outs */
    struct atm_table t;
    uint64_t scratch_bytes;
};

struct atm_problem_pair {
    uint32_t in, out;       /* positions in the kernel's own ins and outs */
    bool must;
};

struct atm_problem_kernel {
    const char *name;
    uint32_t n_in, n_out;   /* the kernel's own lists */
    uint32_t *operand;
    uint32_t n_variants;    /* >= 1; a kernel without variants has one */
    bool has_variants;      /* written as variants in the file */
    struct atm_variant *variant;
    uint32_t n_pairs;
    struct atm_problem_pair *pair;
    double slowdown;        /* its own kernel_slowdown; < 1: not given */
};

struct atm_problem_async {
    double read_bw, write_bw, mixed_read_bw, mixed_write_bw;
    double copy_slowdown, kernel_slowdown;
};

struct atm_budget_row {
    uint64_t bytes;
    double fraction, best, lower_bound, gap; /* NaN: absent or null */
};

struct atm_problem {
    struct atm_arena *arena;
    const char *name;
    bool cyclic;
    double read_bw, write_bw, move_latency_s;
    uint64_t align;
    uint64_t slow_bytes;    /* UINT64_MAX: no limit */
    uint32_t n_tensors;
    struct atm_problem_tensor *tensor;
    uint32_t n_kernels;
    struct atm_problem_kernel *kernel;
    uint32_t n_carries;
    struct atm_carry *carry;
    bool has_async;
    struct atm_problem_async async;
    uint64_t peak_bytes;
    uint32_t n_budgets;
    struct atm_budget_row *budget;
};

void atm_problem_delete(struct atm_problem **problem);

/* program + profile -> problem (cyclic, align 64). Kernel and tensor ids are
 * the program's. Kernel 0 (LOAD) has no operands and the staging as scratch. */
enum atm_status atm_problem_from_program(const struct atm_program *program,
                                         const struct atm_profile *profile,
                                         uint64_t slow_bytes,
                                         struct atm_problem **problem);

/* The file, plain or gzip. Reads every rule of the format; unknown keys and
 * duplicate keys are errors that name the place. */
enum atm_status atm_problem_read(const char *path, struct atm_problem **p);
/* JSON text; free with atm_string_free. Byte-identical for identical input. */
enum atm_status atm_problem_to_json(const struct atm_problem *p, char **json);

/* The checker of the datum; also recomputes peak_bytes where it is 0. */
enum atm_status atm_problem_check(struct atm_problem *p);

/* Seconds of variant v of kernel k at `mask` over its operands; < 0: no. */
double atm_table_at(const struct atm_table *t, uint64_t mask);

/* Smallest feasible budget and the kernel that sets it. */
uint64_t atm_problem_min_budget(const struct atm_problem *p, uint32_t *kernel);

/* ---- the answer ------------------------------------------------------- */

enum atm_plan_status {
    ATM_PLAN_OPTIMAL, ATM_PLAN_FEASIBLE, ATM_PLAN_INFEASIBLE
};

struct atm_box {            /* a residence in a pool */
    uint32_t tensor;        /* of a must chain: its first; ATM_NONE: scratch */
    uint32_t kernel;        /* whose scratch it is, if tensor is ATM_NONE */
    uint32_t tier;          /* 0 fast, 1 slow */
    uint64_t offset, bytes;
    uint32_t first, last;   /* kernels, inclusive; first > last: over the
                               boundary */
    uint32_t first_phase, last_phase; /* 3k F(k), 3k+1 K(k), 3k+2 E(k) */
};

struct atm_price { uint32_t at; double value; };
struct atm_price_operand { uint32_t kernel, operand; double value; };
struct atm_price_pair { uint32_t kernel, pair; double alpha, beta; };
struct atm_price_knapsack {
    uint32_t kernel;
    double nu;
    int64_t b;
    uint32_t n;
    uint32_t *tensor;
    int64_t *a;
};

enum atm_split {
    ATM_SPLIT_NONE,     /* a leaf: prices */
    ATM_SPLIT_STATION,  /* tensor fast at its station `index` */
    ATM_SPLIT_GAP,      /* tensor kept in its gap `index` */
    ATM_SPLIT_VARIANT,  /* kernel runs its variant `index` */
    ATM_SPLIT_RESIDENT  /* tensor (of a chain the first) resident */
};

/* Prices: a lower bound for any values (planning-problem, section 5).
 * Values are rounded to 17 digits on writing; the bound is recomputed from
 * the rounded ones. A tree: each node splits the plans in two, each leaf has
 * prices for its own; the bound is the least leaf's. */
struct atm_certificate {
    uint64_t budget;         /* the root's counts */
    bool weighted;           /* asynchronous (at the root): kernel, read and */
    double weights[3];       /* write costs count so much; >= 0, of sum 1 */
    enum atm_split split;
    uint32_t split_at, split_index; /* tensor or kernel; index */
    struct atm_certificate *yes, *no; /* null in a leaf */
    uint32_t n_memory, n_slow_memory, n_operand, n_pair, n_knapsack;
    struct atm_price *memory, *slow_memory;
    struct atm_price_operand *operand;
    struct atm_price_pair *pair;
    struct atm_price_knapsack *knapsack;
};

struct atm_shared_pair { uint32_t kernel, pair; };

/* Of an asynchronous plan (planning problem, section 3): enqueued when kernel
 * start_after has ended (-1: N-1 of the iteration before), over before kernel
 * wait_before starts (cyclic and wait_before <= start_after: of the next
 * iteration). */
struct atm_placement_move {
    uint32_t tensor;         /* of a must chain: its first */
    bool to_fast;
    int32_t start_after;
    uint32_t wait_before;
};

struct atm_placement {
    struct atm_arena *arena;
    uint64_t budget_bytes;
    enum atm_plan_status status;
    double objective;         /* seconds of one iteration */
    double lower_bound;       /* certified; <= objective */
    double uncertified_bound; /* NaN: none better than lower_bound */
    double gap;               /* (objective - lower_bound)/objective */
    uint64_t fast_peak_bytes; /* height of the packing: the pool */
    uint64_t slow_peak_bytes;
    uint64_t moved_bytes;     /* both directions, one iteration */
    uint8_t *resident;        /* per tensor */
    uint8_t **fast_at_use;    /* per tensor, per station */
    uint8_t **kept_after;     /* per tensor, per gap */
    uint32_t *n_stations, *n_gaps;
    uint32_t *variant;        /* per kernel */
    uint32_t n_shared;        /* may pairs that share: kernel, pair */
    struct atm_shared_pair *shared;
    bool asynchronous;        /* judged by section 3, with moves */
    uint32_t n_moves;
    struct atm_placement_move *move;
    double hidden_share;      /* (sync's plan under the same clock - objective)
                                 / its move time; above 1 where kernels are
                                 faster too; NaN: it moves nothing */
    uint32_t n_boxes;
    struct atm_box *box;
    struct atm_certificate certificate;
    double still_bound;       /* planner static: of plans without moves, by */
    struct atm_certificate *still_certificate; /* prices; null: another */
    struct {
        uint32_t rounds;
        bool fallback;
        uint64_t height, live_peak;
    } packing;
    uint32_t smallest_kernel;     /* INFEASIBLE: who sets the smallest budget */
    uint64_t smallest_budget;     /* always filled */
    /* Work, not results: not written to plans. */
    double solve_seconds;
};

void atm_placement_delete(struct atm_placement **placement);
/* The answer as JSON (section 4 of the planning problem), with `extra` keys
 * put first: a JSON object text or null. */
enum atm_status atm_placement_to_json(const struct atm_problem *p,
                                      const struct atm_placement *a,
                                      const char *extra, char **json);
enum atm_status atm_certificate_to_json(const struct atm_certificate *c,
                                        char **json);

#endif
