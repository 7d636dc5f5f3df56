/* reduce.h - the reductions: which elements fold into one. */
#ifndef ATM_CORE_REF_REDUCE_H
#define ATM_CORE_REF_REDUCE_H

#include "ref/elem.h"

/* axes: an attribute until opset 17 and an input since 18 (ReduceSum: 12 and
 * 13). */
#define ATM__REDUCE_ATTRS(axes_until, noop_since)                              \
    {.name = "axes", .kind = ATM_ATTR_INTS, .until = axes_until},              \
        {.name = "keepdims", .kind = ATM_ATTR_INT},                            \
        {.name = "noop_with_empty_axes",                                       \
         .kind = ATM_ATTR_INT,                                                 \
         .since = noop_since},                                                 \
    {                                                                          \
        .name = NULL                                                           \
    }

/* How elements fold: result = end(join(map(x0), map(x1), ...), n). Null map
 * and end change nothing. Integers use the _i functions where there is a
 * join_i, else they too are folded in double. `empty` is the fold of no
 * element; `has_empty` false: that is refused. */
struct atm__reducer {
    double (*map)(double x);
    double (*join)(double a, double b);
    double (*end)(double a, double n);
    int64_t (*map_i)(int64_t x);
    int64_t (*join_i)(int64_t a, int64_t b);
    double empty;
    bool has_empty;
};

enum atm_status atm__reduce_infer(struct atm_call *call, uint32_t types,
                                  bool has_empty);
enum atm_status atm__reduce_run(const struct atm_call *call,
                                const struct atm__reducer *r);

#endif
