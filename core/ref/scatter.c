/* scatter.c - what an element that arrives does to the one that is there. */
#include "ref/scatter.h"

enum atm_status atm__scatter_of(const struct atm_node *node,
                                enum atm__scatter *how)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *s = atm_node_string(node, "reduction", "none");
    int i, known = node->opset < 18 ? 3 : 5;

    for (i = 0; i < known && strcmp(s, names[i]) != 0; i++)
        ;
    *how = (enum atm__scatter)i;
    return i < known ? ATM_OK
                     : atm_fail(ATM_FORMAT, "attribute reduction is %s", s);
}

static double join_f(enum atm__scatter how, double a, double b)
{
    switch (how) {
    case ATM__SCATTER_ADD:
        return a + b;
    case ATM__SCATTER_MUL:
        return a * b;
    case ATM__SCATTER_MAX: /* NaN wins */
        return b > a || b != b ? b : a;
    case ATM__SCATTER_MIN:
        return b < a || b != b ? b : a;
    default:
        return b;
    }
}

static uint64_t join_i(enum atm__scatter how, uint64_t a, uint64_t b,
                       bool is_unsigned)
{
    bool less = is_unsigned ? b < a : (int64_t)b < (int64_t)a;

    switch (how) {
    case ATM__SCATTER_ADD:
        return a + b;
    case ATM__SCATTER_MUL:
        return a * b;
    case ATM__SCATTER_MAX:
        return less ? a : b;
    case ATM__SCATTER_MIN:
        return less ? b : a;
    default:
        return b;
    }
}

void atm__scatter_one(enum atm__scatter how, const struct atm_view *y,
                      int64_t to, const struct atm_view *x, int64_t from)
{
    if (how == ATM__SCATTER_SET)
        atm__move(y, to, x, from);
    else if (atm__is_float(y->dtype))
        atm__put_f(y, to, join_f(how, atm__get_f(y, to), atm__get_f(x, from)));
    else
        atm__put_i(y, to,
                   (int64_t)join_i(how, (uint64_t)atm__get_i(y, to),
                                   (uint64_t)atm__get_i(x, from),
                                   y->dtype == ATM_U64));
}
