/* schedule.h - the plan that a session obeys: where each tensor lies, when,
 * and the ordered steps of one iteration of a cycle.
 *
 * A residence holds one tensor's bytes at [offset, offset + bytes) of a tier
 * during steps first..last inclusive (first > last: over the boundary; a
 * resident tensor: 0..n_steps-1). At a RUN step each operand is used where it
 * has a residence that covers the step; of several, the one in the lowest
 * tier index. A MOVE step copies from one residence to another of the same
 * tensor; both cover the step. The in and out of an in-place pair may share
 * one place: in's residence ends, and out's begins, at that RUN step.
 */
#ifndef AUTOTM_SCHEDULE_H
#define AUTOTM_SCHEDULE_H

#include "autotm/problem.h"

#define ATM_TIERS_MAX 4

struct atm_residence {
    uint32_t tensor;         /* ATM_NONE: scratch of `kernel` */
    uint32_t kernel;
    uint32_t tier;
    uint64_t offset;
    uint32_t first_step, last_step;
};

enum atm_step_kind {
    ATM_STEP_RUN, ATM_STEP_MOVE, ATM_STEP_START, ATM_STEP_WAIT
};

struct atm_step {
    enum atm_step_kind kind;
    uint32_t kernel;         /* RUN */
    uint32_t tensor;         /* MOVE, START, WAIT */
    uint32_t from, to;       /* residence ids; START, WAIT alike */
    double predicted_s;
};

struct atm_schedule_tier {
    const char *name;        /* kind */
    const char *spec;        /* as the user gave it, canonical */
    uint64_t pool_bytes;     /* what the session opens, exactly */
    double read_bw, write_bw; /* bytes/s that an emulated tier plays, wherever
                                 the plan runs; 0: as its spec says */
};

struct atm_schedule {
    struct atm_arena *arena;
    struct atm_hash model_hash, program_hash, profile_hash, tiers_hash;
    const char *model_name;
    uint32_t n_tiers;
    struct atm_schedule_tier tier[ATM_TIERS_MAX]; /* 0 fast */
    int threads;
    uint32_t n_tensors, n_kernels;
    const char **tensor_name; /* for readers of the file */
    uint64_t *tensor_bytes;
    const char **kernel_name;
    uint32_t n_residences;
    struct atm_residence *residence;
    uint32_t n_steps;
    struct atm_step *step;
    /* Prologue: residences that hold their args when step 0 begins. */
    uint32_t n_prologue;
    uint32_t *prologue;       /* residence ids */
    const char *planner, *options;
    enum atm_plan_status status;
    bool emulated;
    uint64_t peak_bytes, budget_bytes, fast_peak_bytes, slow_peak_bytes;
    uint64_t moved_bytes;
    double predicted_s, all_fast_s, all_slow_s; /* NaN: forbidden */
    double lower_bound_s, gap, uncertified_bound_s;
    struct atm_certificate certificate;
};

void atm_schedule_delete(struct atm_schedule **schedule);

/* The checker (shares no code with what it checks): see design, section 3.
 * `program` gives operands, pairs, carries and bytes. Each way to be wrong has
 * its own sentence, naming step, tensor, kernel and tier. FORMAT. */
enum atm_status atm_schedule_check(const struct atm_schedule *s,
                                   const struct atm_program *program);

/* Published JSON form (docs/schedule.schema.json): sorted keys, no times of
 * day, byte-identical for identical input. Free with atm_string_free. */
enum atm_status atm_schedule_to_json(const struct atm_schedule *s,
                                     char **json);
/* Reads and checks the form (not against a program). */
enum atm_status atm_schedule_read(const char *path, struct atm_schedule **s);

/* STALE if model or program differ; *warning is set to a sentence in the
 * schedule's arena, or null, when only profile or tiers differ (pass null
 * for an unknown profile). */
enum atm_status atm_schedule_match(struct atm_schedule *s,
                                   const struct atm_program *program,
                                   const struct atm_profile *profile,
                                   const char **warning);
#endif
