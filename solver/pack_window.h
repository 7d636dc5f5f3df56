/* pack_window.h - a packing lowered a window at a time. */
#ifndef ATM_SOLVER_PACK_WINDOW_H
#define ATM_SOLVER_PACK_WINDOW_H

#include "packer.h"

/* From the best places on: lowers them in steps, to `target` at best, with so
 * much work. The result is in p->off and is no higher. NOMEM. */
enum atm_status atm__pack_windows(struct packer *p, uint64_t target,
                                  uint64_t work);

#endif
