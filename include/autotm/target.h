/* target.h - descriptions of hardware that is not there, to plan for it.
 *
 * A JSON file (docs/formats.md, "Targets"; examples in targets/) gives the slow
 * tier's bandwidths by threads, its latency and its size. It becomes an
 * emulated tier: kernels are timed here with everything fast, and what slow
 * operands and moves add is the model of core/clock.c with these figures.
 */
#ifndef AUTOTM_TARGET_H
#define AUTOTM_TARGET_H

#include "autotm/profile.h"

struct atm_target {
    char name[32];   /* letters, digits and '-' */
    char about[160]; /* for people */
    char spec[256];  /* "emu:target=NAME,...": the slow tier at these threads */
    struct atm_overlap overlap; /* of both directions as described, else as
                                   atm_overlap_model */
};

/* FORMAT, naming the file and the key, if the description is not one. */
enum atm_status atm_target_read(const char *path, int threads,
                                struct atm_target *target);

#endif
