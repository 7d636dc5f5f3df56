/* scatter.h - what an element that arrives does to the one that is there. */
#ifndef ATM_CORE_REF_SCATTER_H
#define ATM_CORE_REF_SCATTER_H

#include "ref/elem.h"

enum atm__scatter {
    ATM__SCATTER_SET,
    ATM__SCATTER_ADD,
    ATM__SCATTER_MUL,
    ATM__SCATTER_MAX,
    ATM__SCATTER_MIN
};

/* From attribute `reduction`; another word is a FORMAT error. */
enum atm_status atm__scatter_of(const struct atm_node *node,
                                enum atm__scatter *how);
void atm__scatter_one(enum atm__scatter how, const struct atm_view *y,
                      int64_t to, const struct atm_view *x, int64_t from);

#endif
