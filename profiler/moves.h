/* moves.h - measured moves of real slow tiers. */
#ifndef ATM_PROFILER_MOVES_H
#define ATM_PROFILER_MOVES_H

#include "store.h"

/* Fills bandwidths and latency of a tier that is not emulated from the store,
 * measuring (about a second) what it lacks; STALE if that is not allowed. */
enum atm_status atm__moves_know(struct atm_store *store, const char *spec,
                                int threads, bool may_measure,
                                struct atm_tier_info *info);

#endif
