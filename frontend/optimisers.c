/* optimisers.c - Adagrad, Adam and Momentum of ai.onnx.preview.training: one
 * step of each tensor, as the formulas of their documentation. */
#include "expand.h"

#include "arena.h"

#include <inttypes.h>
#include <string.h>

/* A step: the constants, and of one tensor its value, gradient and state. */
struct step {
    struct atm__expr e;
    enum atm_dtype dtype;
    uint32_t r, t;       /* learning rate; count, as an integer */
    uint32_t x, g, v[2]; /* come as they are, leave as they will be */
};

static uint32_t binary(struct step *s, const char *op, uint32_t a, uint32_t b)
{
    return atm__expr_node(&s->e, op, NULL, ATM__IN(a, b));
}

static uint32_t number(struct step *s, float x)
{
    return atm__expr_number(&s->e, x, s->dtype);
}

/* a times x */
static uint32_t times(struct step *s, float a, uint32_t x)
{
    return binary(s, "Mul", number(s, a), x);
}

static float real(const struct step *s, const char *name, float dflt)
{
    const Onnx__AttributeProto *a = atm__site_attr(s->e.at, name);

    return a ? a->f : dflt;
}

/* The count as the tensors' type. */
static uint32_t count(struct step *s)
{
    return atm__expr_cast(&s->e, s->t, s->dtype);
}

/* a where the count is positive, else b */
static uint32_t after_first(struct step *s, uint32_t a, uint32_t b)
{
    uint32_t later = binary(s, "Greater", count(s), number(s, 0));

    return atm__expr_node(&s->e, "Where", NULL, ATM__IN(later, a, b));
}

static uint32_t root_plus(struct step *s, uint32_t x, float epsilon)
{
    x = atm__expr_node(&s->e, "Sqrt", NULL, ATM__IN(x));
    return binary(s, "Add", x, number(s, epsilon));
}

static void adagrad(struct step *s)
{
    uint32_t r = times(s, real(s, "decay_factor", 0), count(s));

    r = binary(s, "Div", s->r, binary(s, "Add", number(s, 1), r));
    s->v[0] = binary(s, "Add", s->v[0], binary(s, "Mul", s->g, s->g));
    r = binary(s, "Div", binary(s, "Mul", r, s->g),
               root_plus(s, s->v[0], real(s, "epsilon", 1e-6f)));
    s->x = binary(s, "Sub", s->x, r);
}

/* 1 - base to the power of the count */
static uint32_t rest(struct step *s, float base)
{
    uint32_t power = binary(s, "Pow", number(s, base), count(s));

    return binary(s, "Sub", number(s, 1), power);
}

static void adam(struct step *s)
{
    float alpha = real(s, "alpha", 0.9f), beta = real(s, "beta", 0.999f);
    uint32_t r, squares = binary(s, "Mul", s->g, s->g);

    s->v[0] =
        binary(s, "Add", times(s, alpha, s->v[0]), times(s, 1 - alpha, s->g));
    s->v[1] =
        binary(s, "Add", times(s, beta, s->v[1]), times(s, 1 - beta, squares));
    r = binary(s, "Mul", s->r, root_plus(s, rest(s, beta), 0));
    r = after_first(s, binary(s, "Div", r, rest(s, alpha)), s->r);
    r = binary(s, "Div", binary(s, "Mul", r, s->v[0]),
               root_plus(s, s->v[1], real(s, "epsilon", 1e-6f)));
    s->x = times(s, 1 - real(s, "norm_coefficient_post", 0),
                 binary(s, "Sub", s->x, r));
}

static bool mode_is(const struct atm__site *at, const char *mode)
{
    const Onnx__AttributeProto *a = atm__site_attr(at, "mode");

    return a && a->s.len == strlen(mode) &&
           memcmp(a->s.data, mode, a->s.len) == 0;
}

static void momentum(struct step *s)
{
    bool nesterov = mode_is(s->e.at, "nesterov");
    uint32_t beta = after_first(s, number(s, real(s, "beta", 1)), number(s, 1));
    float alpha = real(s, "alpha", 0);
    uint32_t way;

    s->v[0] = binary(s, "Add", times(s, alpha, s->v[0]),
                     binary(s, "Mul", beta, s->g));
    way = nesterov ? binary(s, "Add", s->g, times(s, alpha, s->v[0])) : s->v[0];
    s->x = binary(s, "Sub", s->x, binary(s, "Mul", s->r, way));
}

/* Inputs: rate, count, then all values, all gradients, and each state of all;
 * outputs: values and states. */
static enum atm_status expand(const struct atm__site *at, uint32_t n_states,
                              void (*formula)(struct step *s))
{
    const struct atm_graph *g = at->im->g;
    size_t n_in = at->node->n_input, kinds = 2 + n_states;
    size_t n = n_in < 2 ? 0 : (n_in - 2) / kinds, i, k;
    uint32_t *id = atm_arena_array(g->arena, n_in, sizeof(*id)), r;
    struct step s = {.e = {.at = at}};

    if (!id)
        return ATM_NOMEM;
    if (n == 0 || (n_in - 2) % kinds != 0 || at->node->n_output != n_in - 2 - n)
        return atm_fail(ATM_FORMAT, "%zu inputs and %zu outputs do not fit",
                        n_in, at->node->n_output);
    for (i = 0; i < n_in; i++) {
        s.e.st = atm__site_input(at, i, &id[i]);
        if (!s.e.st && id[i] == ATM_NONE)
            s.e.st = atm_fail(ATM_FORMAT, "input %zu is omitted", i);
        if (s.e.st || !g->value[id[i]].shape_known)
            return s.e.st;
    }
    s.t = id[1];
    for (i = 0; i < n && !s.e.st; i++) {
        const uint32_t *own = id + 2 + i;

        s.x = own[0];
        s.dtype = g->value[s.x].dtype;
        s.r = atm__expr_cast(&s.e, id[0], s.dtype);
        r = times(&s, real(&s, "norm_coefficient", 0), s.x);
        s.g = binary(&s, "Add", r, own[n]);
        for (k = 0; k < n_states; k++)
            s.v[k] = own[(2 + k) * n];
        formula(&s);
        if (!s.e.st)
            s.e.st = atm__site_copy_out(at, i, s.x);
        for (k = 0; k < n_states && !s.e.st; k++)
            s.e.st = atm__site_copy_out(at, (1 + k) * n + i, s.v[k]);
    }
    return s.e.st;
}

enum atm_status atm__expand_adagrad(const struct atm__site *at)
{
    return expand(at, 1, adagrad);
}

enum atm_status atm__expand_adam(const struct atm__site *at)
{
    return expand(at, 2, adam);
}

enum atm_status atm__expand_momentum(const struct atm__site *at)
{
    if (!mode_is(at, "nesterov") && !mode_is(at, "standard"))
        return atm_fail(ATM_FORMAT, "attribute mode is unknown");
    return expand(at, 1, momentum);
}
