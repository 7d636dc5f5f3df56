/* lower_load.c - the load section: weights, their slices, the staging; and the
 * program's peak, which the staging must not raise. */
#include "lower.h"

#include "arena.h"
#include "checked.h"

#include <inttypes.h>
#include <string.h>

#define SLICE_BYTES (UINT64_C(1) << 20)

/* ---- weights ------------------------------------------------------------ */

/* The dimensions of the packed tensor run in the order of memory, so that its
 * rows are contiguous: operand dimension layout.order[i] is tensor dimension
 * i. */
static void canonical(const struct atm__use *use, struct atm_shape *shape,
                      struct atm_layout *layout, uint8_t *perm)
{
    uint8_t place[ATM_RANK_MAX] = {0};
    uint32_t i;

    *layout = use->layout;
    *shape = use->shape;
    for (i = 0; i < use->shape.rank; i++) {
        uint8_t d = use->layout.order[i];

        place[d] = (uint8_t)i;
        shape->dim[i] = use->shape.dim[d];
        perm[i] = use->perm[d];
        layout->order[i] = (uint8_t)i;
    }
    for (i = 0; i < layout->n_blocks; i++)
        layout->dim[i] = place[use->layout.dim[i]];
}

static bool plain_copy(const struct atm_layout *layout,
                       const struct atm_shape *shape, const uint8_t *perm)
{
    struct atm_layout plain = atm_layout_plain(shape->rank);
    uint32_t i;

    for (i = 0; i < shape->rank; i++)
        if (perm[i] != i)
            return false;
    return atm__layout_same(layout, &plain, shape);
}

enum atm_status atm__lower_weight(struct atm__lower *l,
                                  const struct atm__use *use,
                                  struct atm_operand *op)
{
    struct atm_program *p = l->p;
    uint32_t value = l->root[use->value], i, id;
    struct atm_load load = {.value = value, .shape = use->seen}, *list;
    struct atm_layout layout;
    struct atm_shape shape;
    enum atm_status st;

    canonical(use, &shape, &layout, load.perm);
    load.pack = !plain_copy(&layout, &shape, load.perm);
    if (!load.pack)
        layout = atm_layout_plain(shape.rank);
    *op = (struct atm_operand){.dtype = l->g->value[value].dtype,
                               .shape = use->shape, .layout = use->layout};
    for (i = 0; i < p->n_loads; i++) {
        const struct atm_load *o = &p->load[i];
        const struct atm_tensor *t = &p->tensor[o->tensor];

        if (o->value == value && o->pack == load.pack &&
            (!load.pack ||
             (atm_shape_equal(&o->shape, &load.shape) &&
              atm_shape_equal(&t->shape, &shape) &&
              memcmp(o->perm, load.perm, shape.rank) == 0 &&
              atm_layout_equal(&t->layout, &layout, shape.rank)))) {
            op->tensor = o->tensor;
            return ATM_OK;
        }
    }
    st = atm__lower_tensor(l, value, &shape, &layout, ATM_CLASS_WEIGHT, &id);
    if (st)
        return st;
    list = atm_arena_grow(p->arena, p->load, &l->cap_loads, p->n_loads + 1,
                          sizeof(*list));
    if (!list)
        return ATM_NOMEM;
    p->load = list;
    load.tensor = op->tensor = id;
    p->load[p->n_loads++] = load;
    return ATM_OK;
}

/* ---- the peak, by differences ------------------------------------------- */

/* Bytes that must chains and deaths free and take, per kernel, summed up in
 * one pass. */
static enum atm_status find_peak(const struct atm_program *p, uint64_t *peak)
{
    uint32_t n = p->n_kernels, i, j, k;
    uint32_t *last = atm_alloc_array(p->n_tensors, sizeof(*last));
    bool *follows = atm_alloc_array(p->n_tensors, sizeof(*follows));
    uint64_t *born = atm_alloc_array(n + 1, sizeof(*born));
    uint64_t *dead = atm_alloc_array(n + 1, sizeof(*dead));
    uint64_t live = 0, shared, need;
    enum atm_status st = ATM_OK;

    *peak = 0;
    if (!last || !follows || !born || !dead) {
        st = ATM_NOMEM;
        goto out;
    }
    for (k = 0; k < n; k++) {
        const struct atm_kernel *q = &p->kernel[k];

        for (i = 0; i < q->n_in; i++)
            if (q->in[i].tensor != ATM_NONE)
                last[q->in[i].tensor] = k;
        for (i = 0; i < q->n_out; i++)
            if (q->out[i].tensor != ATM_NONE)
                last[q->out[i].tensor] = k;
        /* what is overwritten dies one kernel earlier than it is read, and
         * its successor is born here: the sum counts the storage once */
        for (j = 0; j < q->n_pairs; j++)
            if (q->pair[j].must)
                follows[q->out[q->pair[j].out].tensor] = true;
    }
    for (i = 0; i < p->n_tensors; i++) {
        const struct atm_tensor *t = &p->tensor[i];

        born[t->arg ? 0 : t->producer] += t->bytes;
        if (!t->arg && !t->out)
            dead[last[i] + 1] += t->bytes;
        if (follows[i])
            born[t->producer] -= t->bytes;
    }
    for (k = 0; k < n; k++) {
        const struct atm_kernel *q = &p->kernel[k];

        live += born[k] - dead[k];
        /* a must pair's input left its bytes to the output */
        for (j = 0; k > 0 && j < p->kernel[k - 1].n_pairs; j++) {
            const struct atm_kernel *b = &p->kernel[k - 1];

            if (b->pair[j].must)
                live += p->tensor[b->in[b->pair[j].in].tensor].bytes;
        }
        shared = 0;
        for (j = 0; j < q->n_pairs; j++) {
            uint32_t a = q->in[q->pair[j].in].tensor;

            /* lowering offers at most one pair that can share an operand */
            if (!q->pair[j].must && !p->tensor[a].out && last[a] == k) {
                shared += p->tensor[a].bytes;
                break;
            }
        }
        need = live - shared + q->scratch_bytes;
        if (need > *peak)
            *peak = need;
    }
out:
    atm_free(last);
    atm_free(follows);
    atm_free(born);
    atm_free(dead);
    return st;
}

/* ---- slices ------------------------------------------------------------- */

/* Rows of the packed tensor that are laid out together, and source and packed
 * bytes of one such group. */
static enum atm_status group_of(const struct atm_program *p,
                                const struct atm_load *load, int64_t *rows,
                                uint64_t *source, uint64_t *packed)
{
    const struct atm_tensor *t = &p->tensor[load->tensor];
    struct atm_shape one = t->shape;
    uint64_t each;
    uint32_t i;
    enum atm_status st;

    *rows = 1;
    for (i = 0; i < t->layout.n_blocks; i++)
        if (t->layout.dim[i] == 0)
            *rows *= t->layout.block[i];
    one.dim[0] = 1;
    st = atm_shape_bytes(&one, t->dtype, &each);
    if (!st)
        st = atm_layout_bytes(&t->layout, &one, t->dtype, packed);
    if (!st && (!atm_mul_u64(each, (uint64_t)*rows, source) ||
                !atm_round_up(*source, ATM_ALIGN, source)))
        st = atm_fail(ATM_UNSUPPORTED, "tensor %s: its rows are too large",
                      t->name);
    return st;
}

/* Slices of about `want` bytes, at least one group of rows. */
static enum atm_status slice(const struct atm_program *p,
                             struct atm_load *load, uint64_t want)
{
    const struct atm_tensor *t = &p->tensor[load->tensor];
    uint64_t source, packed, groups, all;
    int64_t rows;
    enum atm_status st;

    if (!load->pack) { /* bytes as they are: rows do not matter */
        load->slice_rows = 1;
        load->slice_bytes = want < t->bytes ? want : t->bytes;
        return ATM_OK;
    }
    st = group_of(p, load, &rows, &source, &packed);
    if (st)
        return st;
    groups = want / (source + packed);
    all = (uint64_t)((t->shape.dim[0] + rows - 1) / rows);
    groups = groups > all ? all : groups;
    groups = groups < 1 ? 1 : groups;
    load->slice_rows = (int64_t)groups * rows;
    load->slice_bytes = groups * (source + packed);
    return ATM_OK;
}

enum atm_status atm__lower_staging(struct atm__lower *l)
{
    struct atm_program *p = l->p;
    uint64_t args = 0, want = SLICE_BYTES, staging = 0;
    enum atm_status st;
    uint32_t i;

    st = find_peak(p, &p->peak_bytes);
    if (st)
        return st;
    for (i = 0; i < p->n_tensors; i++)
        args += p->tensor[i].arg ? p->tensor[i].bytes : 0;
    if (want > p->peak_bytes - args)
        want = p->peak_bytes - args;
    want = want / ATM_ALIGN * ATM_ALIGN;
    if (want < ATM_ALIGN)
        want = ATM_ALIGN;
    for (i = 0; i < p->n_loads && !st; i++) {
        st = slice(p, &p->load[i], want);
        if (p->load[i].slice_bytes > staging)
            staging = p->load[i].slice_bytes;
    }
    if (!st && !atm_round_up(staging, ATM_ALIGN,
                             &p->kernel[0].scratch_bytes))
        st = atm_fail(ATM_UNSUPPORTED, "staging is too large");
    return st ? st : find_peak(p, &p->peak_bytes);
}
