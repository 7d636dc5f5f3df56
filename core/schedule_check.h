/* schedule_check.h - what the two halves of the schedule checker share: the
 * form (schedule_check.c) and the play (schedule_play.c). */
#ifndef ATM_CORE_SCHEDULE_CHECK_H
#define ATM_CORE_SCHEDULE_CHECK_H

#include "autotm/schedule.h"

struct atm__check {
    const struct atm_schedule *s;
    const struct atm_program *p;
    struct atm_arena *arena;
    uint32_t n_res, n_steps;
    bool *prologue; /* per residence: does it stand in the prologue? */
};

#define ATM__CHECK_TEXT 192
#define ATM__CHECK_FAIL(...) atm_fail(ATM_FORMAT, "schedule: " __VA_ARGS__)

/* "step 3 (run "conv1")": where the reader must look. Ids must be in range. */
const char *atm__check_step_str(const struct atm__check *c, uint32_t t,
                                char buf[ATM__CHECK_TEXT]);
/* ""x" in tier 0 (dram) at offset 64, steps 3..9" */
const char *atm__check_res_str(const struct atm__check *c, uint32_t r,
                               char buf[ATM__CHECK_TEXT]);
uint64_t atm__check_res_bytes(const struct atm__check *c, uint32_t r);

/* Plays two iterations; the form must have been found right. */
enum atm_status atm__schedule_play(const struct atm__check *c);

#endif
