/* zoo.h - networks that the project can write itself. */
#ifndef AUTOTM_ZOO_H
#define AUTOTM_ZOO_H

#include "autotm/graph.h"

struct atm_zoo_network {
    const char *name, *help;
    /* Builds the graph at a batch size, with seeded He-initialised weights,
     * ending in logits. */
    enum atm_status (*build)(int64_t batch, uint64_t seed,
                             struct atm_graph **graph);
};
const struct atm_zoo_network *atm_zoo_at(uint32_t index); /* null: end */
const struct atm_zoo_network *atm_zoo_find(const char *name);

#endif
