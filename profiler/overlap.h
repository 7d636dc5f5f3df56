/* overlap.h - what copies and kernels cost each other on a real slow tier. */
#ifndef ATM_PROFILER_OVERLAP_H
#define ATM_PROFILER_OVERLAP_H

#include "job.h"

/* From the store; *known: it was there, and profile->overlap is measured. */
enum atm_status atm__overlap_know(struct job *j, bool *known);
/* Measures it beside the program in `b`, a few seconds, and stores it. */
enum atm_status atm__overlap_measure(struct job *j, struct atm__bench *b);

#endif
