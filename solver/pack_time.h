/* pack_time.h - what of a pool is taken when: placed boxes over time. */
#ifndef ATM_SOLVER_PACK_TIME_H
#define ATM_SOLVER_PACK_TIME_H

#include "autotm/planner.h"

struct atm_arena;
struct atm__timeline;

/* For the lives of box[0..n), which are borrowed; the arena owns it. NOMEM. */
enum atm_status atm__timeline_new(struct atm_arena *arena,
                                  const struct atm_pack_box *box, uint32_t n,
                                  struct atm__timeline **out);
void atm__timeline_clear(struct atm__timeline *t);

/* Box `id` lies at `off`. NOMEM. */
enum atm_status atm__timeline_add(struct atm__timeline *t, uint32_t id,
                                  uint64_t off);

/* It lay at `off`. */
void atm__timeline_remove(struct atm__timeline *t, uint32_t id, uint64_t off);

/* Lists what meets box `id`, in no order, some of it twice; the list is good
 * until the next call. `work` grows by the entries looked at. NOMEM. */
enum atm_status atm__timeline_near(struct atm__timeline *t, uint32_t id,
                                   const uint32_t **near, uint32_t *n,
                                   uint64_t *work);

/* The lowest place that is free for box `id` all its life, or with `tightest`
 * the smallest gap that holds it, and above all others where none does; `work`
 * grows by the entries looked at. NOMEM. */
enum atm_status atm__timeline_fit(struct atm__timeline *t, uint32_t id,
                                  bool tightest, uint64_t *off, uint64_t *work);

#endif
