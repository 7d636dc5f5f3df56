/* async_search.h - starts and waits that hide moves. */
#ifndef ATM_SOLVER_ASYNC_SEARCH_H
#define ATM_SOLVER_ASYNC_SEARCH_H

#include "async_moves.h"

/* Searches for better starts and waits until nothing is gained or the clock
 * has played `events` more events; returns the seconds. */
double atm__moves_improve(struct atm__moves *m, uint64_t events);

/* Back to between kernels: all moves, or those of one run. */
void atm__moves_reset(struct atm__moves *m);
void atm__moves_unmove(struct atm__moves *m, uint32_t run);

/* One run's moves as `from` (all runs) has them; false: no room for them, and
 * nothing is changed. */
bool atm__moves_adopt(struct atm__moves *m, const struct atm__run *from,
                      uint32_t run);

#endif
