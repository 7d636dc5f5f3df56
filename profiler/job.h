/* job.h - one call of the profiler: what there is to know, and how far it is.
 */
#ifndef ATM_PROFILER_JOB_H
#define ATM_PROFILER_JOB_H

#include "bench.h"
#include "store.h"

#define SAMPLES_MIN 5

/* A vector to know: a group of equal kernels with a set of slow operands. */
struct entry {
    uint32_t kernel; /* the group's first */
    uint64_t mask;
    uint32_t next; /* sweep number of its next samples */
    uint32_t have; /* sweeps that count */
    double least;  /* seconds of the fastest sample; 0: there is none */
    bool reused;   /* nothing was measured for it in this call */
    bool stale; /* its old samples are to go: option fresh, or they are off */
    bool got;   /* the sweep under way has a sample of it */
};

struct job {
    struct atm_arena *arena;
    const struct atm_program *p;
    struct atm_store *store;
    const struct atm_profiler_options *o;
    struct atm_profile *profile;
    uint32_t samples;
    bool masks;          /* the slow tier is real memory */
    bool overlap_known;  /* or modelled, where the slow tier is emulated */
    uint32_t *group;     /* per kernel: first kernel of equal signature */
    uint32_t *first, *n; /* per group's first kernel: its entries */
    uint32_t n_entries, cap_entries;
    struct entry *entry;
    double *seconds; /* per kernel, of the sweep under way */
    uint32_t *timed; /* per kernel: entry timed in it, or ATM_NONE */
    uint32_t sweeps; /* so far */
    double sweep_s;  /* the last one took */
    double waited_s; /* for quiet ones */
    bool noisy;      /* the last one lost many samples */
    struct atm_profile_plan plan;
    uint32_t done;
    double start_s, told_s;
};

struct atm__vector atm__vector_of(const struct job *j, const struct entry *e);
/* Median and quartiles of what the store has of it. */
enum atm_status atm__read_time(struct job *j, const struct entry *e,
                               struct atm_time *t);
double atm__quantile(const double *sorted, uint32_t n, double q);

/* ---- sweep.c ---- */
/* Tells the caller; INTERRUPTED if it has enough. */
enum atm_status atm__tell(struct job *j);
bool atm__known(const struct job *j, const struct entry *e);
/* To be measured afresh; the old samples go with the first new one. */
void atm__make_stale(struct entry *e);
/* Measures what lacks samples, the whole program or kernel by kernel. */
enum atm_status atm__measure_whole(struct job *j, struct atm_exec *exec);
enum atm_status atm__measure_alone(struct job *j, struct atm_exec *exec);

#endif
