/* clock.h - the time of day of measurements, and what disturbs them. */
#ifndef ATM_CORE_CLOCK_H
#define ATM_CORE_CLOCK_H

#include <stdint.h>

/* Seconds of a clock that only goes forward. */
double atm_now_s(void);

/* What was timed while these rise tells about the machine's other work: how
 * often the scheduler took a core from a thread of this process (cheap, for
 * single kernels); seconds that its threads waited for a core; seconds that the
 * hypervisor took from this machine's cores (in ticks of 10 ms, 0 where there
 * is none). */
long atm_preemptions(void);
double atm_waited_s(void);
double atm_stolen_s(void);

/* Part of a sample's time that may be lost so before it is taken again. */
#define ATM_LOST_PART 0.02

/* Longer from call to call, up to an eighth of a second: lets the other work
 * get done. `*times`: of the caller, 0 at first. */
void atm_back_off(uint32_t *times);

#endif
