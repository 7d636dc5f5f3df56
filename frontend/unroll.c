/* unroll.c - Loop and Scan: the nodes of each iteration, one after the other,
 * while inference goes on. */
#include "expand.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ITERATIONS_MAX 1024
#define SCANS_MAX 16

static enum atm_status constant_int(const struct atm__site *at, int64_t value,
                                    uint32_t rank, uint32_t *id)
{
    return atm__site_constant(at, ATM_I64, rank, 1, &value, id);
}

/* Values that the iterations give one by one and that are stacked. */
struct stack {
    uint32_t n, cap;
    uint32_t *id;
};

static enum atm_status push(const struct atm__site *at, struct stack *s,
                            uint32_t id)
{
    uint32_t *grown = atm_arena_grow(at->im->g->arena, s->id, &s->cap, s->n + 1,
                                     sizeof(*grown));

    if (!grown)
        return ATM_NOMEM;
    s->id = grown;
    s->id[s->n++] = id;
    return ATM_OK;
}

/* Concat of the values to `out`, each with a new dimension `axis`; the last one
 * first if `reverse`. */
static enum atm_status join(const struct atm__site *at, struct stack *s,
                            int64_t axis, bool reverse, uint32_t out)
{
    const struct atm_attr attr = {
        .name = "axis", .kind = ATM_ATTR_INT, .i = axis};
    enum atm_status st = ATM_OK;
    uint32_t i, in[2];

    if (out == ATM_NONE)
        return ATM_OK;
    if (s->n == 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "no iteration is run, so \"%s\" has no shape",
                        at->im->g->value[out].name);
    st = constant_int(at, axis, 1, &in[1]);
    for (i = 0; !st && i < s->n; i++) {
        in[0] = s->id[i];
        if (!at->im->g->value[in[0]].shape_known)
            return ATM_OK;
        st = atm__site_new(at, "Unsqueeze", 2, in, NULL, &s->id[i]);
    }
    for (i = 0; !st && reverse && i < s->n / 2; i++) {
        uint32_t other = s->id[s->n - 1 - i];

        s->id[s->n - 1 - i] = s->id[i];
        s->id[i] = other;
    }
    return st ? st : atm__site_add(at, "Concat", s->n, s->id, out, &attr);
}

/* A loop while it is unrolled. The body's inputs are `lead` values, the carried
 * ones, and what is scanned; its outputs `first` values, the carried ones, and
 * what is stacked. */
struct loop {
    const struct atm__site *at;
    const Onnx__GraphProto *body;
    uint32_t n_carried, n_scans, n_in, lead, first;
    uint32_t *in, *out; /* of the body, in the current iteration */
    struct stack *scan;
};

static enum atm_status prepare(struct loop *l, size_t inputs)
{
    const struct atm__site *at = l->at;
    struct atm_arena *arena = at->im->g->arena;
    enum atm_status st = atm__site_graph(at, "body", &l->body);
    size_t own = (size_t)l->first + l->n_carried;

    if (st)
        return st;
    if (l->body->n_input != inputs || l->body->n_output < own ||
        at->node->n_output > l->body->n_output - l->first)
        return atm_fail(ATM_FORMAT, "its body has another number of inputs or "
                                    "outputs than the node needs");
    l->n_in = (uint32_t)inputs;
    l->n_scans = (uint32_t)(l->body->n_output - own);
    l->in = atm_arena_array(arena, inputs, sizeof(*l->in));
    l->out = atm_arena_array(arena, l->body->n_output, sizeof(*l->out));
    l->scan = atm_arena_array(arena, l->n_scans, sizeof(*l->scan));
    return l->in && l->out && l->scan ? ATM_OK : ATM_NOMEM;
}

/* Adds the nodes of one iteration; what it carries becomes the next one's. */
static enum atm_status iterate(struct loop *l, int64_t number)
{
    enum atm_status st;
    uint32_t i;
    char what[24];

    (void)snprintf(what, sizeof(what), "%" PRId64, number);
    st = atm__site_body(l->at, what, l->body, l->n_in, l->in,
                        l->first + l->n_carried + l->n_scans, l->out);
    for (i = 0; !st && i < l->n_carried; i++)
        l->in[l->lead + i] = l->out[l->first + i];
    for (i = 0; !st && i < l->n_scans; i++)
        st = push(l->at, &l->scan[i], l->out[l->first + l->n_carried + i]);
    return st;
}

static enum atm_status too_long(void)
{
    return atm_fail(ATM_UNSUPPORTED,
                    "more than %d iterations; no more are unrolled",
                    ITERATIONS_MAX);
}

/* ---- Loop ---------------------------------------------------------------- */

/* A scalar, or one element where the body declares a list. */
static uint32_t declared_rank(const Onnx__ValueInfoProto *v)
{
    return v->type &&
                   v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
                   v->type->tensor_type->shape &&
                   v->type->tensor_type->shape->n_dim == 1
               ? 1
               : 0;
}

/* Trip count and first condition of a Loop. */
static enum atm_status loop_bounds(const struct atm__site *at, int64_t *trips,
                                   int64_t *more)
{
    enum atm_status st;
    uint32_t id;

    *trips = INT64_MAX;
    *more = 1;
    st = atm__site_input(at, 0, &id);
    if (!st && id != ATM_NONE && !atm__site_known(at, id, trips))
        st = atm_fail(ATM_UNSUPPORTED, "its trip count is not known when the "
                                       "model is loaded; bind the inputs that "
                                       "it comes from (--value)");
    if (!st)
        st = atm__site_input(at, 1, &id);
    if (!st && id != ATM_NONE && !atm__site_known(at, id, more))
        st = atm_fail(ATM_UNSUPPORTED, "its condition is not known when the "
                                       "model is loaded; bind the inputs that "
                                       "it comes from (--value)");
    return st;
}

/* One iteration; `more` tells whether there is another. */
static enum atm_status loop_once(struct loop *l, int64_t number, int64_t *more)
{
    const bool go_on = true;
    enum atm_status st;

    if (number == ITERATIONS_MAX)
        return too_long();
    st = constant_int(l->at, number, declared_rank(l->body->input[0]),
                      &l->in[0]);
    if (!st)
        st = atm__site_constant(l->at, ATM_BOOL,
                                declared_rank(l->body->input[1]), 1, &go_on,
                                &l->in[1]);
    if (!st)
        st = iterate(l, number);
    if (!st && !*l->at->im->unsupported &&
        !atm__site_known(l->at, l->out[0], more))
        st = atm_fail(ATM_UNSUPPORTED,
                      "whether iteration %" PRId64 " is the last depends "
                      "on what the model computes",
                      number);
    return st;
}

enum atm_status atm__expand_loop(const struct atm__site *at)
{
    size_t carried = at->node->n_input < 2 ? 0 : at->node->n_input - 2;
    struct loop l = {
        .at = at, .n_carried = (uint32_t)carried, .lead = 2, .first = 1};
    int64_t trips, more, number;
    enum atm_status st;
    uint32_t i;

    st = prepare(&l, carried + 2);
    if (!st)
        st = loop_bounds(at, &trips, &more);
    for (i = 0; !st && i < l.n_carried; i++)
        st = atm__site_input(at, i + 2, &l.in[2 + i]);
    for (number = 0; !st && more && number < trips; number++) {
        st = loop_once(&l, number, &more);
        if (!st && *at->im->unsupported)
            return ATM_OK; /* the same again in each iteration */
    }
    for (i = 0; !st && i < l.n_carried; i++)
        st = atm__site_copy_out(at, i, l.in[2 + i]);
    for (i = 0; !st && i < l.n_scans; i++)
        st = join(at, &l.scan[i], 0, false,
                  atm__site_output(at, l.n_carried + i));
    return st;
}

/* ---- Scan ---------------------------------------------------------------- */

struct scan {
    struct loop l;
    uint32_t n, id[SCANS_MAX]; /* what is scanned */
    int64_t axis[SCANS_MAX], length;
    const char *directions; /* attribute's name */
};

/* Element i of a list attribute of a Scan, 0 by default. */
static int64_t list_int(const struct atm__site *at, const char *name,
                        uint32_t i)
{
    const Onnx__AttributeProto *a = atm__site_attr(at, name);

    return a && i < a->n_ints ? a->ints[i] : 0;
}

/* Element `i` of the value along an axis. */
static enum atm_status slice(const struct atm__site *at, uint32_t from,
                             int64_t axis, int64_t i, uint32_t *to)
{
    const struct atm_attr attr = {
        .name = "axis", .kind = ATM_ATTR_INT, .i = axis};
    uint32_t in[2] = {from};
    enum atm_status st = constant_int(at, i, 0, &in[1]);

    return st ? st : atm__site_new(at, "Gather", 2, in, &attr, to);
}

/* Iterations of a Scan: the length of what it scans. */
static enum atm_status scan_length(struct scan *s)
{
    uint32_t i;

    s->length = -1;
    for (i = 0; i < s->n; i++) {
        const struct atm_shape *x = &s->l.at->im->g->value[s->id[i]].shape;
        int64_t d = list_int(s->l.at, "scan_input_axes", i);

        d += d < 0 ? x->rank : 0;
        if (d < 0 || d >= x->rank)
            return atm_fail(ATM_FORMAT,
                            "scan input %" PRIu32 " has no axis "
                            "%" PRId64,
                            i, d);
        if (s->length >= 0 && x->dim[d] != s->length)
            return atm_fail(ATM_FORMAT, "its scan inputs differ in length");
        s->length = x->dim[d];
        s->axis[i] = d;
    }
    return s->length > ITERATIONS_MAX ? too_long() : ATM_OK;
}

/* All iterations, from the carried values in l.in; `number` is the first. */
static enum atm_status scan_all(struct scan *s, int64_t number)
{
    enum atm_status st = scan_length(s);
    int64_t t;
    uint32_t i;

    for (t = 0; !st && t < s->length && !*s->l.at->im->unsupported; t++) {
        for (i = 0; !st && i < s->n; i++) {
            bool back = list_int(s->l.at, s->directions, i) != 0;

            st = slice(s->l.at, s->id[i], s->axis[i],
                       back ? s->length - 1 - t : t,
                       &s->l.in[s->l.n_carried + i]);
        }
        if (!st)
            st = iterate(&s->l, number + t);
    }
    return st;
}

/* Of opset 8: all inputs have a first dimension more, the batch, whose elements
 * are scanned one by one. */
static enum atm_status scan_batch(struct scan *s, const uint32_t *carried)
{
    const struct atm__site *at = s->l.at;
    const struct atm_shape *x = &at->im->g->value[s->id[0]].shape;
    uint32_t whole[SCANS_MAX], n = s->l.n_carried + s->l.n_scans, i, id;
    struct stack *all = atm_arena_array(at->im->g->arena, n, sizeof(*all));
    int64_t batch = x->rank ? x->dim[0] : 0, b;
    enum atm_status st = ATM_OK;

    if (!all)
        return ATM_NOMEM;
    memcpy(whole, s->id, sizeof(whole));
    for (b = 0; !st && b < batch; b++) {
        for (i = 0; !st && i < s->l.n_carried; i++)
            st = slice(at, carried[i], 0, b, &s->l.in[i]);
        for (i = 0; !st && i < s->n; i++)
            st = slice(at, whole[i], 0, b, &s->id[i]);
        if (!st)
            st = scan_all(s, b * ITERATIONS_MAX);
        if (!st && *at->im->unsupported)
            return ATM_OK;
        for (i = 0; !st && i < s->l.n_carried; i++)
            st = push(at, &all[i], s->l.in[i]);
        for (; !st && i < n; i++) {
            struct stack *steps = &s->l.scan[i - s->l.n_carried];

            st = atm__value_new(at->im, NULL, &id);
            if (!st)
                st = join(at, steps, 0, false, id);
            steps->n = 0;
            if (!st)
                st = push(at, &all[i], id);
        }
    }
    for (i = 0; !st && i < n; i++)
        st = join(at, &all[i], 0, false, atm__site_output(at, i));
    return st;
}

/* Counts and names of the inputs: opset 8 has the lengths before the others.
 * `*known`: whether their shapes are. */
static enum atm_status scan_inputs(struct scan *s, bool batched, bool *known)
{
    const struct atm__site *at = s->l.at;
    const Onnx__AttributeProto *a = atm__site_attr(at, "num_scan_inputs");
    size_t first = batched ? 1 : 0, n_in = at->node->n_input;
    size_t n = a && a->i > 0 ? (size_t)a->i : 0, i;
    enum atm_status st;

    *known = true;
    if (n < 1 || n_in < first || n > n_in - first)
        return atm_fail(ATM_FORMAT, "num_scan_inputs is %zu", n);
    if (n > SCANS_MAX)
        return atm_fail(ATM_UNSUPPORTED, "%zu scan inputs; at most %d", n,
                        SCANS_MAX);
    if (batched && *at->node->input[0])
        return atm_fail(ATM_UNSUPPORTED, "sequences of different length");
    s->n = (uint32_t)n;
    s->l.n_carried = (uint32_t)(n_in - first - n);
    st = prepare(&s->l, n_in - first);
    for (i = 0; !st && i < n_in - first; i++) {
        uint32_t *id =
            i < s->l.n_carried ? &s->l.in[i] : &s->id[i - s->l.n_carried];

        st = atm__site_input(at, first + i, id);
        if (!st && *id == ATM_NONE && (batched || i >= s->l.n_carried))
            st = atm_fail(ATM_FORMAT, "a scan input is omitted");
        if (!st && *id != ATM_NONE)
            *known = *known && at->im->g->value[*id].shape_known;
    }
    return st;
}

enum atm_status atm__expand_scan(const struct atm__site *at)
{
    bool batched = at->scope->opset < 9, known;
    struct scan s = {.l = {.at = at},
                     .directions =
                         batched ? "directions" : "scan_input_directions"};
    enum atm_status st = scan_inputs(&s, batched, &known);
    uint32_t i, *carried;

    if (st || !known)
        return st;
    if (batched) {
        carried = atm_arena_memdup(at->im->g->arena, s.l.in,
                                   s.l.n_carried * sizeof(*carried));
        return carried ? scan_batch(&s, carried) : ATM_NOMEM;
    }
    st = scan_all(&s, 0);
    if (st || *at->im->unsupported)
        return st;
    for (i = 0; !st && i < s.l.n_carried; i++)
        st = atm__site_copy_out(at, i, s.l.in[i]);
    for (i = 0; !st && i < s.l.n_scans; i++)
        st = join(at, &s.l.scan[i], list_int(at, "scan_output_axes", i),
                  list_int(at, "scan_output_directions", i) != 0,
                  atm__site_output(at, s.l.n_carried + i));
    return st;
}
