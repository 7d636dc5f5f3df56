/* schedule.c - the schedule datum: its end, and what it was made for. */
#include "autotm/schedule.h"

#include "arena.h"

void atm_schedule_delete(struct atm_schedule **schedule)
{
    if (!*schedule)
        return;
    atm_arena_delete((*schedule)->arena);
    *schedule = NULL;
}

static enum atm_status stale(const char *what, struct atm_hash plan,
                             struct atm_hash here)
{
    char a[ATM_HASH_STR], b[ATM_HASH_STR];

    return atm_fail(ATM_STALE,
                    "the plan was made for another %s (%s, this one is %s); "
                    "plan again",
                    what, atm_hash_str(plan, a), atm_hash_str(here, b));
}

enum atm_status atm_schedule_match(struct atm_schedule *s,
                                   const struct atm_program *program,
                                   const struct atm_profile *profile,
                                   const char **warning)
{
    *warning = NULL;
    if (!atm_hash_equal(s->model_hash, program->graph->model_hash))
        return stale("model", s->model_hash, program->graph->model_hash);
    if (!atm_hash_equal(s->program_hash, program->hash))
        return stale("program: other kernels, layouts or threads",
                     s->program_hash, program->hash);
    if (!profile)
        return ATM_OK;
    if (!atm_hash_equal(s->tiers_hash, profile->tiers_hash))
        *warning = "the plan was made for tiers with other bandwidths: its "
                   "predicted times are stale";
    else if (!atm_hash_equal(s->profile_hash, profile->hash))
        *warning = "the plan was made from another profile: its predicted "
                   "times are stale";
    return ATM_OK;
}
