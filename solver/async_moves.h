/* async_moves.h - when the moves of decided residences start and are waited
 * for, under the event clock, the fast memory they hold in flight, and the
 * order that must hold between copies of one storage. */
#ifndef ATM_SOLVER_ASYNC_MOVES_H
#define ATM_SOLVER_ASYNC_MOVES_H

#include "async_clock.h"
#include "decide.h"

/* A residence in fast memory that moves. Kernels are unrolled: `first` is in
 * 0..N-1, what follows may be of the next iteration (>= N), what comes before
 * of the one before (< 0). */
struct atm__run {
    uint32_t storage, box;      /* of the storage's fast boxes, in order */
    int32_t first, last, write; /* stations; that of its last write */
    bool fetched, written;
    bool slow_first;     /* its write begins the slow place */
    int32_t fetch_from;  /* earliest start of its fetch */
    int32_t write_until; /* latest wait for its write */
    uint32_t after;      /* run whose write its fetch reads; ATM_NONE */
    /* chosen: the fetch is waited for at `first` */
    int32_t fetch_start, write_start, write_wait;
};

struct atm__moves {
    const struct atm_decisions *d;
    uint32_t n_runs;
    struct atm__run *run;
    uint64_t limit; /* of fast bytes, with what is in flight */
    uint64_t *held; /* fast bytes per kernel */
    struct atm__clock clock;
    double serial_s;  /* all moves, one after the other */
    uint32_t *job_of; /* per run: its write's job */
};

/* Each move between two kernels, as synchronous plans have it. The problem has
 * the move costs of its key `async`. All lies in `arena`. */
enum atm_status atm__moves_new(const struct atm_decisions *d, uint64_t limit,
                               struct atm_arena *arena, struct atm__moves *m);

/* Seconds of an iteration as the moves are. */
double atm__moves_seconds(struct atm__moves *m);

/* The moves of the placement; boxes are stretched by the time in flight. The
 * placement is that of the decisions. */
enum atm_status atm__moves_write(struct atm__moves *m, struct atm_placement *a);

#endif
