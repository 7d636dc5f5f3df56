/* clock.h - the time of day of measurements, and what disturbs them. */
#ifndef ATM_CORE_CLOCK_H
#define ATM_CORE_CLOCK_H

/* Seconds of a clock that only goes forward. */
double atm_now_s(void);

/* How often the scheduler took a core from a thread of this process: what was
 * timed while it rises tells about the machine's other work. */
long atm_preemptions(void);

#endif
