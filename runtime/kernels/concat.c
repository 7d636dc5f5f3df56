/* concat.c - Concat by copying: along any dimension row-major, of any type;
 * along channels also in the blocked layout, where every part fills its
 * blocks. */
#include "dnnl_util.h"

#include "arena.h"
#include "shape.h"

#include <string.h>

#define CHUNK_BYTES (64u * 1024) /* of the output, one thread's turn */

static const struct atm__detail detail = {&atm__impl_concat};

/* All parts blocked: some part is not row-major anyway, and each fills its
 * blocks. */
static bool can_block(const struct atm__lower *l, const struct atm_node *n,
                      uint32_t axis)
{
    bool any = false;
    uint32_t i;

    if (axis != 1 || !atm__dnnl_f32(l, n))
        return false;
    for (i = 0; i < n->n_in; i++) {
        const struct atm_shape *s = &l->g->value[n->in[i]].shape;
        struct atm_layout now = atm__lower_layout(l, n->in[i]);

        any |= !atm_layout_is_plain(&now, s->rank);
        if (s->dim[1] % l->dnnl->block)
            return false;
    }
    return any;
}

static enum atm_status concat_offer(const struct atm__lower *l,
                                    const struct atm_node *n,
                                    struct atm__offer *o)
{
    struct atm_arena *arena = l->p->arena;
    struct atm_layout layout;
    uint32_t i, axis, rank;
    enum atm_status st;

    if (strcmp(n->op->name, "Concat") != 0)
        return ATM_OK;
    rank = l->g->value[n->out[0]].shape.rank;
    st = atm_axis(atm_node_int(n, "axis", 1), rank, &axis);
    if (st)
        return st;
    layout = can_block(l, n, axis) ? atm__dnnl_blocked(l->dnnl, rank)
                                   : atm_layout_plain(rank);
    o->n_in = n->n_in;
    o->n_out = 1;
    o->in = atm_arena_array(arena, n->n_in, sizeof(*o->in));
    o->out = atm_arena_array(arena, 1, sizeof(*o->out));
    if (!o->in || !o->out)
        return ATM_NOMEM;
    for (i = 0; i < n->n_in; i++)
        o->in[i] = atm__use_of(l, n->in[i], &layout);
    o->out[0] = atm__use_of(l, n->out[0], &layout);
    o->by = &atm__impl_concat;
    o->impl = "own:concat";
    o->detail = &detail;
    return ATM_OK;
}

struct concat {
    uint32_t n;
    int64_t outer;
    size_t row;   /* bytes of the output behind one outer index */
    size_t *part; /* of each input */
};

static enum atm_status concat_open(const struct atm_program *p,
                                   const struct atm_kernel *k,
                                   struct atm__dnnl *dnnl,
                                   struct atm_arena *arena, void **state)
{
    struct concat *c = atm_arena_alloc(arena, sizeof(*c));
    const struct atm_shape *y = &k->out[0].shape;
    uint32_t i, axis;
    enum atm_status st;

    (void)p;
    (void)dnnl;
    if (!c)
        return ATM_NOMEM;
    *state = c;
    st = atm_axis(atm_node_int(k->node, "axis", 1), y->rank, &axis);
    c->part = atm_arena_array(arena, k->n_in, sizeof(*c->part));
    if (st || !c->part)
        return st ? st : ATM_NOMEM;
    c->n = k->n_in;
    c->outer = atm_dims_product(y, 0, axis);
    for (i = 0; i < c->n; i++) {
        /* blocks are full: the same count of elements in both layouts */
        c->part[i] = (size_t)atm_dims_product(&k->in[i].shape, axis, y->rank) *
                     atm_dtype_bytes(k->in[i].dtype);
        c->row += c->part[i];
    }
    return ATM_OK;
}

/* Bytes [from, to) of the output. */
static void copy_range(const struct concat *c, void *const *in, char *out,
                       size_t from, size_t to)
{
    size_t outer = from / c->row, at = outer * c->row, n;
    uint32_t i = 0;

    while (from < to) {
        if (at + c->part[i] > from) {
            n = at + c->part[i] < to ? at + c->part[i] - from : to - from;
            memcpy(out + from,
                   (const char *)in[i] + outer * c->part[i] + (from - at), n);
            from += n;
        }
        at += c->part[i];
        if (++i == c->n) {
            i = 0;
            outer++;
        }
    }
}

static enum atm_status concat_run(void *state, void *const *in,
                                  void *const *out, void *scratch)
{
    const struct concat *c = state;
    size_t all = (size_t)c->outer * c->row, chunks = all / CHUNK_BYTES + 1, i;

    (void)scratch;
    if (all == 0)
        return ATM_OK;
#pragma omp parallel for schedule(static) if (chunks > 2)
    for (i = 0; i < chunks; i++)
        copy_range(c, in, out[0], i * CHUNK_BYTES,
                   i + 1 < chunks ? (i + 1) * CHUNK_BYTES : all);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_concat = {.name = "concat",
                                                  .offer = concat_offer,
                                                  .open = concat_open,
                                                  .run = concat_run};
