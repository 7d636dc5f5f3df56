/* unique.c - Unique: the distinct elements, or slices along an axis, sorted or
 * in order of appearance; where each stood first, which each input is, and
 * how often each occurs. */
#include "ref/elem.h"

/* Slices: `n` of them, each `outer` runs of `inner` elements. */
struct slices {
    uint32_t axis;
    int64_t outer, n, inner;
};

static enum atm_status slices_of(const struct atm_call *call, struct slices *s)
{
    const struct atm_attr *a = atm_node_attr(call->node, "axis");
    const struct atm_shape *x = &call->in[0].shape;
    enum atm_status st;

    *s = (struct slices){0, 1, atm_view_count(&call->in[0]), 1};
    if (!a)
        return ATM_OK;
    st = atm_axis(a->i, x->rank, &s->axis);
    if (st)
        return st;
    s->outer = atm_dims_product(x, 0, s->axis);
    s->n = x->dim[s->axis];
    s->inner = atm_dims_product(x, s->axis + 1, x->rank);
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape, list = {.rank = 1, .bound = true};
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);
    struct slices s;
    uint32_t i;

    if (!st)
        st = slices_of(call, &s);
    if (st)
        return st;
    if (!atm_node_attr(call->node, "axis"))
        y.rank = 1;
    y.dim[s.axis] = list.dim[0] = s.n;
    y.bound = true;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    for (i = 1; i < 4; i++)
        atm_set_out(call, i, ATM_I64, &list);
    if (atm_has_out(call, 2)) /* one for each input: known */
        call->out[2].shape.bound = false;
    return ATM_OK;
}

/* Three lists: the slices in order, room to sort them, and for each slice the
 * number of its kind. */
static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_attr *a = atm_node_attr(call->node, "axis");
    struct slices s;

    if (a && slices_of(call, &s))
        return 0;
    (void)slices_of(call, &s);
    return 3 * (uint64_t)s.n * sizeof(int64_t);
}

/* Order of two elements; NaN is beyond all numbers, and one NaN like another.
 */
static int order_of(const struct atm_view *x, int64_t a, int64_t b)
{
    if (atm__is_float(x->dtype)) {
        double fa = atm__get_f(x, a), fb = atm__get_f(x, b);

        if (fa != fa || fb != fb)
            return (fa != fa) - (fb != fb);
        return (fa > fb) - (fa < fb);
    }
    if (x->dtype == ATM_U64) {
        uint64_t ua = (uint64_t)atm__get_i(x, a);
        uint64_t ub = (uint64_t)atm__get_i(x, b);

        return (ua > ub) - (ua < ub);
    }
    return (atm__get_i(x, a) > atm__get_i(x, b)) -
           (atm__get_i(x, a) < atm__get_i(x, b));
}

/* Order of two slices, element by element. */
static int compare(const struct atm_view *x, const struct slices *s, int64_t a,
                   int64_t b)
{
    int64_t o, i;

    for (o = 0; o < s->outer; o++)
        for (i = 0; i < s->inner; i++) {
            int order = order_of(x, (o * s->n + a) * s->inner + i,
                                 (o * s->n + b) * s->inner + i);

            if (order)
                return order;
        }
    return 0;
}

/* Stable, so that the first of equal slices stays first. */
static void sort(const struct atm_view *x, const struct slices *s,
                 int64_t *list, int64_t *spare)
{
    int64_t width, at, i;

    for (width = 1; width < s->n; width *= 2) {
        for (at = 0; at < s->n; at += 2 * width) {
            int64_t mid = at + width < s->n ? at + width : s->n;
            int64_t end = mid + width < s->n ? mid + width : s->n;
            int64_t a = at, b = mid;

            for (i = at; i < end; i++)
                spare[i] = a < mid && (b >= end ||
                                       compare(x, s, list[a], list[b]) <= 0)
                               ? list[a++]
                               : list[b++];
        }
        memcpy(list, spare, (size_t)s->n * sizeof(*list));
    }
}

/* kind[i] of each slice in the order of the result, and in first[k] the first
 * slice of kind k; returns how many kinds there are. */
static int64_t number(const struct atm_call *call, const struct slices *s,
                      int64_t *list, int64_t *first, int64_t *kind)
{
    bool sorted = atm_node_int(call->node, "sorted", 1) != 0;
    const struct atm_view *x = &call->in[0];
    int64_t i, kinds = 0;

    for (i = 0; i < s->n; i++)
        list[i] = i;
    sort(x, s, list, first);
    for (i = 0; i < s->n; i++) {
        if (i == 0 || compare(x, s, list[i - 1], list[i]) != 0)
            first[kinds++] = list[i];
        kind[list[i]] = sorted ? kinds - 1 : first[kinds - 1];
    }
    if (sorted)
        return kinds;
    /* a kind is called by its first slice: count those up */
    for (i = kinds = 0; i < s->n; i++) {
        if (kind[i] == i)
            first[kinds++] = i;
        kind[i] = kind[i] == i ? kinds - 1 : kind[kind[i]];
    }
    return kinds;
}

static void put_kind(const struct atm_call *call, const struct slices *s,
                     int64_t kinds, int64_t k, int64_t from)
{
    int64_t o, i;

    for (o = 0; o < s->outer; o++)
        for (i = 0; i < s->inner; i++)
            atm__move(&call->out[0], (o * kinds + k) * s->inner + i,
                      &call->in[0], (o * s->n + from) * s->inner + i);
    if (atm_has_out(call, 1))
        atm__put_i(&call->out[1], k, from);
    if (atm_has_out(call, 3))
        atm__put_i(&call->out[3], k, 0);
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t *list = call->scratch, *first, *kind, kinds, i;
    struct slices s;
    enum atm_status st = slices_of(call, &s);
    uint32_t k;

    if (st)
        return st;
    first = list + s.n;
    kind = first + s.n;
    kinds = number(call, &s, list, first, kind);
    for (i = 0; i < kinds; i++)
        put_kind(call, &s, kinds, i, first[i]);
    for (i = 0; i < s.n; i++) {
        if (atm_has_out(call, 2))
            atm__put_i(&call->out[2], i, kind[i]);
        if (atm_has_out(call, 3))
            atm__put_i(&call->out[3], kind[i],
                       atm__get_i(&call->out[3], kind[i]) + 1);
    }
    for (k = 0; k < 4; k++)
        if (atm_has_out(call, k) && k != 2) {
            call->out[k].shape.dim[k == 0 ? s.axis : 0] = kinds;
            call->out[k].shape.bound = false;
        }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "sorted", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Unique = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
