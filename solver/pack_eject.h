/* pack_eject.h - a packing below a goal by taking boxes out again. */
#ifndef ATM_SOLVER_PACK_EJECT_H
#define ATM_SOLVER_PACK_EJECT_H

#include "packer.h"

/* Looks for places below `goal`, which is no less than p->bound, until p->work
 * is `stop`: from the best places on, or with `all` from none. They are in
 * p->off, or where none were found the best ones. NOMEM. */
enum atm_status atm__pack_eject(struct packer *p, uint64_t goal, uint64_t rise,
                                bool all, uint64_t stop);

#endif
