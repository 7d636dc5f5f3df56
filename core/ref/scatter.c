/* scatter.c - what an element that arrives does to the one that is there. */
#include "ref/scatter.h"

enum atm_status atm__scatter_of(const struct atm_node *node,
                                enum atm__scatter *how)
{
    const char *s = atm_node_string(node, "reduction", "none");

    *how = ATM__SCATTER_SET;
    if (strcmp(s, "add") == 0)
        *how = ATM__SCATTER_ADD;
    else if (strcmp(s, "mul") == 0)
        *how = ATM__SCATTER_MUL;
    else if (strcmp(s, "none") != 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "attribute reduction: only none, add and mul are "
                        "implemented");
    return ATM_OK;
}

void atm__scatter_one(enum atm__scatter how, const struct atm_view *y,
                      int64_t to, const struct atm_view *x, int64_t from)
{
    bool add = how == ATM__SCATTER_ADD;

    if (how == ATM__SCATTER_SET) {
        atm__move(y, to, x, from);
    } else if (atm__is_float(y->dtype)) {
        double a = atm__get_f(y, to), b = atm__get_f(x, from);

        atm__put_f(y, to, add ? a + b : a * b);
    } else {
        uint64_t a = (uint64_t)atm__get_i(y, to);
        uint64_t b = (uint64_t)atm__get_i(x, from);

        atm__put_i(y, to, (int64_t)(add ? a + b : a * b));
    }
}
