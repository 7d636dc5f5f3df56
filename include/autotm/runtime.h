/* runtime.h - lowering, kernel execution, and sessions that obey schedules. */
#ifndef AUTOTM_RUNTIME_H
#define AUTOTM_RUNTIME_H

#include "autotm/program.h"
#include "autotm/schedule.h"

struct atm_lower_options {
    int threads;         /* 0: cores of the affinity mask */
    bool reference_only; /* tests: every kernel is ref: */
    bool no_pack;        /* constant matrices stay as the file has them, and a
                            session reads weights of a file tier from there */
};
/* Graph -> program: layouts, implementations, pairs, scratch, load section.
 * The program borrows the graph. Checked by atm_program_check. */
enum atm_status atm_lower(const struct atm_graph *g,
                          const struct atm_lower_options *options,
                          struct atm_program **program);
int atm_default_threads(void);

/* Instances of a program's kernels: primitives created once, re-pointed at
 * each call. Not thread-safe; uses `program->threads` OpenMP threads. Where
 * these fill the cores of the affinity mask, each (the caller too) is pinned
 * to one until the executor is closed. */
struct atm_exec;
enum atm_status atm_exec_open(const struct atm_program *p,
                              struct atm_exec **exec);
void atm_exec_close(struct atm_exec **exec);
/* in[i], out[i]: addresses of the kernel's operands (tensor base; the exec
 * adds operand offsets), null for omitted ones. scratch: 64-byte aligned. */
enum atm_status atm_exec_run(struct atm_exec *exec, uint32_t kernel,
                             void *const *in, void *const *out, void *scratch);
/* Runs load `l`: reads, scales, packs slice after slice through `staging`
 * (kernel 0's scratch) and hands each packed slice to `put`. */
typedef enum atm_status atm_put_fn(void *user, uint64_t off, const void *src,
                                   uint64_t bytes);
enum atm_status atm_exec_load(struct atm_exec *exec, uint32_t load,
                              void *staging, atm_put_fn *put, void *user);
/* Row-major copy of a graph output from its tensor's bytes at `src`. */
enum atm_status atm_exec_read_output(struct atm_exec *exec, uint32_t output,
                                     const void *src, void *dst);

/* ---- sessions ---------------------------------------------------------- */
enum atm_fault_kind {
    ATM_FAULT_NONE,
    ATM_FAULT_FLIP, /* one bit */
    ATM_FAULT_SKIP, /* never copied */
    ATM_FAULT_LATE, /* beside kernels: not copied when its wait is over */
};

struct atm_session_options {
    bool verify;          /* poison every range at the end of its residence,
                             hash moved tensors */
    const struct atm_profile *profile; /* clock=table; and bandwidths of
                             emulated tiers (else calibrated at open) */
    enum atm_fault_kind fault; /* test hook of the move engine: */
    uint32_t fault_move;       /* hits the n-th move of each iteration */
    uint64_t seed;
};

struct atm_step_time { double seconds, fast_seconds; };

struct atm_run_report {
    double seconds;       /* of this iteration; simulated if virtual */
    double wall_seconds;
    uint64_t moved_bytes;
    uint32_t late_moves;  /* clock=wall: moves that took over 5 % and 50 us
                             longer than modelled: the machine was busy */
    uint32_t n_steps;
    const struct atm_step_time *step; /* owned by the session */
};

struct atm_session;
/* Checks schedule against program, opens one pool a tier, runs the load
 * section, does the prologue. No allocation after this. */
enum atm_status atm_session_open(const struct atm_program *p,
                                 const struct atm_schedule *s,
                                 const struct atm_session_options *o,
                                 struct atm_session **session);
void atm_session_close(struct atm_session **session);
/* Borrows `data` (row-major, the input's dtype and shape) until the next call
 * for the same input; copied in at each iteration's feed. */
enum atm_status atm_session_set_input(struct atm_session *s, uint32_t input,
                                      const void *data);
/* One iteration. */
enum atm_status atm_session_run(struct atm_session *s,
                                struct atm_run_report *report);
/* Row-major copy of output i of the last iteration into dst, with its extent
 * where its shape is a bound one. */
enum atm_status atm_session_output(struct atm_session *s, uint32_t output,
                                   void *dst);
/* Peak of the fast pool actually reserved, bytes. */
uint64_t atm_session_pool_bytes(const struct atm_session *s, uint32_t tier);
/* Bytes of weights that are read from the model's own files as they lie. */
uint64_t atm_session_lent_bytes(const struct atm_session *s);

/* A line a third-party library: name, version. */
const char *atm_runtime_libraries(void);

#endif
