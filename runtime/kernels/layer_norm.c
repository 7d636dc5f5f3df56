/* layer_norm.c - LayerNormalization with a scale, and perhaps a bias, for each
 * normalised element; sums in double, as in the reference kernel. */
#include "dnnl_util.h"

#include "arena.h"
#include "shape.h"

#include <math.h>
#include <string.h>

static const struct atm__detail detail = {&atm__impl_layer_norm};

/* The last dimensions from attribute axis on. */
static enum atm_status first_axis(const struct atm_node *n,
                                  const struct atm_shape *x, uint32_t *axis)
{
    return atm_axis(atm_node_int(n, "axis", -1), x->rank, axis);
}

static bool fits(const struct atm__lower *l, const struct atm_node *n)
{
    const struct atm_shape *x = &l->g->value[n->in[0]].shape;
    uint32_t axis, i;
    int64_t count;

    if (!atm__dnnl_f32(l, n) || first_axis(n, x, &axis))
        return false;
    for (i = 1; i < n->n_in; i++)
        if (n->in[i] != ATM_NONE &&
            (atm_shape_count(&l->g->value[n->in[i]].shape, &count) ||
             count != atm_dims_product(x, axis, x->rank)))
            return false;
    return true;
}

static enum atm_status layer_norm_offer(const struct atm__lower *l,
                                        const struct atm_node *n,
                                        struct atm__offer *o)
{
    enum atm_status st;
    uint32_t i;

    if (strcmp(n->op->name, "LayerNormalization") != 0 || !fits(l, n))
        return ATM_OK;
    st = atm__dnnl_room(l->p->arena,
                        n->n_in > 2 && n->in[2] != ATM_NONE ? 3 : 2, o);
    if (st)
        return st;
    for (i = 0; i < o->n_in; i++)
        o->in[i] = atm__use_plain(l, n->in[i]);
    o->out[0] = atm__use_plain(l, n->out[0]);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    o->by = &atm__impl_layer_norm;
    o->impl = "own:layer_norm";
    o->detail = &detail;
    return ATM_OK;
}

struct layer_norm {
    int64_t outer, inner;
    double epsilon;
    bool bias;
};

static enum atm_status layer_norm_open(const struct atm_program *p,
                                       const struct atm_kernel *k,
                                       struct atm__dnnl *dnnl,
                                       struct atm_arena *arena, void **state)
{
    const struct atm_shape *x = &k->in[0].shape;
    struct layer_norm *s = atm_arena_alloc(arena, sizeof(*s));
    enum atm_status st;
    uint32_t axis;

    (void)p;
    (void)dnnl;
    if (!s)
        return ATM_NOMEM;
    *state = s;
    st = first_axis(k->node, x, &axis);
    if (st)
        return st;
    s->outer = atm_dims_product(x, 0, axis);
    s->inner = atm_dims_product(x, axis, x->rank);
    s->epsilon = (double)atm_node_float(k->node, "epsilon", 1e-5f);
    s->bias = k->n_in > 2;
    return ATM_OK;
}

static void normalise(const struct layer_norm *s, float *y, const float *x,
                      const float *scale, const float *bias)
{
    double sum = 0, squares = 0, mean, inverse;
    int64_t i;

#pragma omp simd reduction(+ : sum)
    for (i = 0; i < s->inner; i++)
        sum += (double)x[i];
    mean = sum / (double)s->inner;
#pragma omp simd reduction(+ : squares)
    for (i = 0; i < s->inner; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    inverse = 1 / sqrt(squares / (double)s->inner + s->epsilon);
#pragma omp simd
    for (i = 0; i < s->inner; i++)
        y[i] = (float)(((double)x[i] - mean) * inverse * (double)scale[i]);
    if (!bias)
        return;
#pragma omp simd
    for (i = 0; i < s->inner; i++)
        y[i] += bias[i];
}

static enum atm_status layer_norm_run(void *state, void *const *in,
                                      void *const *out, void *scratch)
{
    const struct layer_norm *s = state;
    const float *x = in[0], *bias = s->bias ? in[2] : NULL;
    float *y = out[0];
    int64_t o;

    (void)scratch;
#pragma omp parallel for schedule(static) if (s->outer > 4)
    for (o = 0; o < s->outer; o++)
        normalise(s, y + o * s->inner, x + o * s->inner, in[1], bias);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_layer_norm = {.name = "layer_norm",
                                                      .offer = layer_norm_offer,
                                                      .open = layer_norm_open,
                                                      .run = layer_norm_run};
