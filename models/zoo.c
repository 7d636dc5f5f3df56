/* zoo.c - the table of networks that the project can write itself. */
#include "autotm/zoo.h"

#include "builder.h"

#include <string.h>

static const struct atm_zoo_network networks[] = {
#define X(name, help) {#name, help, atm_zoo_##name},
#include "zoo.def"
#undef X
};

const struct atm_zoo_network *atm_zoo_at(uint32_t index)
{
    return index < sizeof(networks) / sizeof(*networks) ? &networks[index]
                                                        : NULL;
}

const struct atm_zoo_network *atm_zoo_find(const char *name)
{
    uint32_t i;

    for (i = 0; atm_zoo_at(i); i++)
        if (strcmp(networks[i].name, name) == 0)
            return &networks[i];
    return NULL;
}
