/* names.h - a table from names to ids; borrows the names. */
#ifndef ATM_FRONTEND_NAMES_H
#define ATM_FRONTEND_NAMES_H

#include "autotm/types.h"

struct atm__names {
    uint32_t n, cap; /* cap: a power of two, or 0 */
    struct atm__name {
        const char *name; /* null: free */
        uint32_t id;
    } * slot;
};

/* ATM_NONE if there is none. */
uint32_t atm__names_find(const struct atm__names *t, const char *name);
/* The name must not be in the table. */
enum atm_status atm__names_add(struct atm__names *t, const char *name,
                               uint32_t id);
void atm__names_clear(struct atm__names *t);

#endif
