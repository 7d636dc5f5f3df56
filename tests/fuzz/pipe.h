/* pipe.h - a graph through lowering, planning and a session, with times that
 * nobody measured: fast, and the same on every machine. */
#ifndef ATM_FUZZ_PIPE_H
#define ATM_FUZZ_PIPE_H

#include "autotm/planner.h"
#include "autotm/profile.h"
#include "autotm/runtime.h"

struct pipe {
    struct atm_graph *graph; /* owned */
    struct atm_program *program;
    struct atm_profile *profile;
    struct atm_problem *problem;
    struct atm_placement *placement;
    struct atm_schedule *schedule;
};

/* Takes the graph. Up to the problem; one thread. */
enum atm_status pipe_lower(struct pipe *p, struct atm_graph *graph,
                           bool reference_only);
/* A schedule; replaces the one that was there. */
enum atm_status pipe_plan(struct pipe *p, const char *planner, uint64_t budget);
void pipe_close(struct pipe *p);

/* Runs two iterations of the schedule in verify mode on seeded inputs; *sum
 * is of all the outputs' bytes. */
enum atm_status pipe_run(const struct pipe *p, const struct atm_schedule *s,
                         uint64_t *sum);

#endif
