/* session.h - a schedule turned into addresses: what a session's files share.
 *
 * Everything an iteration needs is worked out at open, so that the loop over
 * steps only follows pointers: it decides nothing and allocates nothing.
 */
#ifndef ATM_RUNTIME_SESSION_H
#define ATM_RUNTIME_SESSION_H

#include "autotm/runtime.h"
#include "copy_clock.h"
#include "copy_engine.h"
#include "move.h"

struct atm__step {
    /* RUN */
    void **in, **out; /* addresses as atm_exec_run wants them */
    void *scratch;
    struct atm__range feed; /* FEED: where the input goes */
    uint32_t n_slow;        /* operands in emulated tiers */
    double *slow_s, *latency_s;
    double table_s; /* clock=table: the seconds of the step */
    /* MOVE, START, WAIT */
    struct atm__range from, to;
    bool outward;  /* to the greater tier index */
    uint32_t job;  /* of the iteration's moves */
    double move_s; /* modelled */
    uint32_t span; /* START: steps to its WAIT */
};

/* A move, from its START (or MOVE) on. */
struct atm__flight {
    bool started;       /* ever */
    uint32_t step;      /* its START or MOVE */
    uint64_t iteration; /* in which it started */
    uint64_t due;       /* simulated clocks: the step, counted through all
                           iterations, before which it is copied */
    struct atm_hash before; /* verify: of the source */
};

/* Ranges to poison before step t: list[of[t]..of[t + 1]). */
struct atm__poison_list {
    uint32_t *of;
    struct atm__range *list;
};

struct atm_session {
    struct atm_arena *arena;
    const struct atm_program *p;
    const struct atm_schedule *s;
    struct atm_session_options o;
    struct atm_exec *exec;
    uint32_t n_open; /* stores */
    struct atm__store store[ATM_TIERS_MAX];
    enum atm_clock clock;
    struct atm__step *step;
    const void **input; /* borrowed, per graph input */
    uint64_t *input_bytes;
    struct atm__range *output; /* where each graph output ends up */
    struct atm_step_time *time;
    uint64_t iteration;
    uint32_t n_jobs; /* moves of an iteration */
    bool *lent;      /* per prologue entry: read from the model's file */
    uint64_t lent_bytes;
    struct atm__flight *flight; /* per job */
    /* where moves run beside kernels, one of the two: */
    struct atm_copy_clock *overlap; /* simulated clocks */
    struct atm__engine *engine;
    uint32_t n_flying, *flying; /* simulated: jobs that are not copied yet */
    volatile uint32_t at; /* step under way: read in a signal handler */
    /* verify */
    struct atm__poison_list poison;
    void *pattern, *bounce; /* ATM__BOUNCE_BYTES each */
};

/* Fills step, output, poison, input_bytes from program, schedule and stores.
 * FORMAT where a kernel would run on a tier that has no addresses. */
enum atm_status atm__session_bind(struct atm_session *s);

/* session_moves.c: */
bool atm__session_beside(const struct atm_session *s);
/* Opens what moves beside kernels need, if there are any. */
enum atm_status atm__session_moves_open(struct atm_session *s);
/* Whatever is due before step t. */
enum atm_status atm__session_moves_due(struct atm_session *s, uint32_t t);
/* A step that is no RUN. */
enum atm_status atm__session_move(struct atm_session *s, uint32_t t);
/* What lies at an address now: an atm__fault_name_fn. */
int atm__session_name(const void *session, const void *address, char *text,
                      size_t cap);

#endif
