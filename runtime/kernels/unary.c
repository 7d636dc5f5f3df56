/* unary.c - functions of one element that oneDNN lacks, in vectors and by all
 * threads. f(0) = 0 in all of them, so that any layout will do: the padding of
 * blocks stays zero. */
#include "dnnl_util.h"

#include "arena.h"

#include <math.h>
#include <string.h>

/* glibc's vector forms (4 units in the last place), which its headers declare
 * for -ffast-math alone; infinities and NaN come out right. */
#if defined __x86_64__ && defined __GLIBC__
#if __GLIBC_PREREQ(2, 35)
#pragma omp declare simd notinbranch
extern float erff(float x);
#pragma omp declare simd notinbranch
extern float erfcf(float x);
#pragma omp declare simd notinbranch
extern float expf(float x);
#endif
#endif

#define CHUNK 4096 /* elements, one thread's turn */

typedef void function(float *y, const float *x, size_t n);

#define FUNCTION(name, of_v)                                                   \
    static void name(float *y, const float *x, size_t n)                       \
    {                                                                          \
        size_t i;                                                              \
                                                                               \
        _Pragma("omp simd") for (i = 0; i < n; i++)                            \
        {                                                                      \
            const float v = x[i];                                              \
                                                                               \
            y[i] = of_v;                                                       \
        }                                                                      \
    }
FUNCTION(square, v *v)
FUNCTION(cube, v *v *v)
FUNCTION(erf_of, erff(v))
FUNCTION(gelu, 0.5f * v * erfcf(v * -0.70710678f))
/* v / 2 (1 + tanh(u)) = v / (1 + exp(-2 u)), without cancellation */
FUNCTION(gelu_tanh, v / (1 + expf(v * (-1.5957691f - 0.071354816f * v * v))))
#undef FUNCTION

struct detail {
    struct atm__detail base;
    const char *op, *approximate; /* of the node */
    float exponent;               /* of Pow */
    function *f;
};

#define BY                                                                     \
    {                                                                          \
        &atm__impl_unary                                                       \
    }
static const struct detail details[] = {
    {BY, "Pow", "", 2, square},         {BY, "Pow", "", 3, cube},
    {BY, "Erf", "", 0, erf_of},         {BY, "Gelu", "none", 0, gelu},
    {BY, "Gelu", "tanh", 0, gelu_tanh},
};

/* One constant as exponent, or none. */
static bool exponent_is(const struct atm__lower *l, const struct atm_node *n,
                        float wanted)
{
    const struct atm_value *v;
    int64_t count;
    float x;

    if (wanted == 0)
        return true;
    v = &l->g->value[n->in[1]];
    return v->constant != ATM_NONE && !atm_shape_count(&v->shape, &count) &&
           count == 1 && v->shape.rank <= l->g->value[n->in[0]].shape.rank &&
           !atm_constant_read(l->g, n->in[1], 0, sizeof(x), &x) && x == wanted;
}

static enum atm_status unary_offer(const struct atm__lower *l,
                                   const struct atm_node *n,
                                   struct atm__offer *o)
{
    const char *approximate = strcmp(n->op->name, "Gelu") == 0
                                  ? atm_node_string(n, "approximate", "none")
                                  : "";
    struct atm_layout now;
    enum atm_status st;
    size_t i;

    for (i = 0; i < sizeof(details) / sizeof(*details); i++)
        if (strcmp(n->op->name, details[i].op) == 0 &&
            strcmp(approximate, details[i].approximate) == 0 &&
            atm__dnnl_f32(l, n) && exponent_is(l, n, details[i].exponent))
            break;
    if (i == sizeof(details) / sizeof(*details))
        return ATM_OK;
    st = atm__dnnl_room(l->p->arena, 1, o);
    if (st)
        return st;
    now = atm__lower_layout(l, n->in[0]);
    o->in[0] = atm__use_of(l, n->in[0], &now);
    o->out[0] = atm__use_of(l, n->out[0], &now);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    o->by = &atm__impl_unary;
    o->impl = "own:unary";
    o->flavour = i; /* the exponent is no attribute */
    o->detail = &details[i];
    return ATM_OK;
}

struct unary {
    function *f;
    size_t n;
};

static enum atm_status unary_open(const struct atm_program *p,
                                  const struct atm_kernel *k,
                                  struct atm__dnnl *dnnl,
                                  struct atm_arena *arena, void **state)
{
    const struct detail *d = k->detail;
    struct unary *u = atm_arena_alloc(arena, sizeof(*u));
    uint64_t bytes;
    enum atm_status st;

    (void)p;
    (void)dnnl;
    if (!u)
        return ATM_NOMEM;
    st = atm_layout_bytes(&k->in[0].layout, &k->in[0].shape, ATM_F32, &bytes);
    *u = (struct unary){d->f, (size_t)bytes / sizeof(float)};
    *state = u;
    return st;
}

static enum atm_status unary_run(void *state, void *const *in, void *const *out,
                                 void *scratch)
{
    const struct unary *u = state;
    const float *x = in[0];
    float *y = out[0];
    size_t i;

    (void)scratch;
#pragma omp parallel for schedule(static) if (u->n > 2 * CHUNK)
    for (i = 0; i < u->n; i += CHUNK)
        u->f(y + i, x + i, u->n - i < CHUNK ? u->n - i : CHUNK);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_unary = {.name = "unary",
                                                 .offer = unary_offer,
                                                 .open = unary_open,
                                                 .run = unary_run};
