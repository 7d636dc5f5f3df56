/* program_check.c - is this a program? Shares nothing with lowering: it knows
 * program.h alone, and computes the peak again from the definition. */
#include "autotm/program.h"

#include "arena.h"
#include "checked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the checker learns about each tensor. */
struct seen {
    uint32_t last;        /* last kernel that touches it */
    uint32_t overwritten; /* kernel whose must pair took its bytes */
    uint32_t next;       /* tensor that follows in the same storage */
    uint32_t root;       /* the storage's first tensor */
    uint32_t shared;     /* kernel at which a may pair shares it */
};

static const char *kernel_name(const struct atm_program *p, uint32_t k)
{
    return p->kernel[k].name;
}

static enum atm_status check_layout(const struct atm_layout *l, uint32_t rank)
{
    bool seen[ATM_RANK_MAX] = {false};
    uint32_t i;

    if (rank > ATM_RANK_MAX || l->n_blocks > ATM_BLOCKS_MAX)
        return atm_fail(ATM_FORMAT, "rank or number of blocks too large");
    for (i = 0; i < rank; i++) {
        if (l->order[i] >= rank || seen[l->order[i]])
            return atm_fail(ATM_FORMAT, "the order of dimensions is none");
        seen[l->order[i]] = true;
    }
    for (i = 0; i < l->n_blocks; i++)
        if (l->dim[i] >= rank || l->block[i] == 0)
            return atm_fail(ATM_FORMAT, "block %" PRIu32 " is of dimension %d, "
                            "size %d", i, l->dim[i], l->block[i]);
    return ATM_OK;
}

/* Bytes of a shape in a layout, both checked. */
static enum atm_status extent(const struct atm_shape *s,
                              const struct atm_layout *l,
                              enum atm_dtype dtype, uint64_t *bytes)
{
    enum atm_status st;

    if (dtype == ATM_DTYPE_NONE || (unsigned)dtype >= ATM_DTYPE_COUNT)
        return atm_fail(ATM_FORMAT, "unknown element type %d", (int)dtype);
    st = check_layout(l, s->rank);
    return st ? st : atm_layout_bytes(l, s, dtype, bytes);
}

static enum atm_status check_tensor(const struct atm_program *p, uint32_t id)
{
    const struct atm_tensor *t = &p->tensor[id];
    bool arg = t->cls == ATM_CLASS_WEIGHT || t->cls == ATM_CLASS_STATE;
    uint64_t bytes;
    enum atm_status st;

    if (!t->name)
        return atm_fail(ATM_FORMAT, "tensor %" PRIu32 " has no name", id);
    if ((unsigned)t->cls > ATM_CLASS_SCRATCH)
        return atm_fail(ATM_FORMAT, "tensor %s: class %d", t->name,
                        (int)t->cls);
    st = extent(&t->shape, &t->layout, t->dtype, &bytes);
    if (st)
        return atm_fail_in(st, "tensor %s", t->name);
    if (t->bytes == 0 || t->bytes % ATM_ALIGN || t->bytes < bytes)
        return atm_fail(ATM_FORMAT, "tensor %s: %" PRIu64 " bytes for a "
                        "content of %" PRIu64, t->name, t->bytes, bytes);
    if (t->value != ATM_NONE && t->value >= p->graph->n_values)
        return atm_fail(ATM_FORMAT, "tensor %s: value %" PRIu32 " of %" PRIu32,
                        t->name, t->value, p->graph->n_values);
    if (t->arg != arg || arg != (t->producer == ATM_NONE))
        return atm_fail(ATM_FORMAT, "tensor %s: a %s %s a producer", t->name,
                        atm_tensor_class_name(t->cls),
                        t->producer == ATM_NONE ? "without" : "with");
    if (!arg && t->producer >= p->n_kernels)
        return atm_fail(ATM_FORMAT, "tensor %s: producer %" PRIu32
                        " of %" PRIu32, t->name, t->producer, p->n_kernels);
    return ATM_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct atm_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static enum atm_status check_tensors(const struct atm_program *p)
{
    const struct atm_tensor **sorted;
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < p->n_tensors && !st; i++)
        st = check_tensor(p, i);
    if (st)
        return st;
    sorted = atm_alloc_array(p->n_tensors, sizeof(const struct atm_tensor *));
    if (!sorted)
        return ATM_NOMEM;
    for (i = 0; i < p->n_tensors; i++)
        sorted[i] = &p->tensor[i];
    qsort(sorted, p->n_tensors, sizeof(*sorted), by_name);
    for (i = 1; i < p->n_tensors && !st; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            st = atm_fail(ATM_FORMAT, "two tensors are called %s",
                          sorted[i]->name);
    atm_free(sorted);
    return st;
}

static enum atm_status check_operand(const struct atm_program *p,
                                     const struct atm_operand *o)
{
    const struct atm_tensor *t;
    uint64_t bytes, end;
    enum atm_status st;

    if (o->tensor >= p->n_tensors)
        return atm_fail(ATM_FORMAT, "tensor %" PRIu32 " of %" PRIu32,
                        o->tensor, p->n_tensors);
    t = &p->tensor[o->tensor];
    st = extent(&o->shape, &o->layout, o->dtype, &bytes);
    if (st)
        return atm_fail_in(st, "tensor %s", t->name);
    if (!atm_add_u64(o->offset, bytes, &end) || end > t->bytes)
        return atm_fail(ATM_FORMAT, "tensor %s: %" PRIu64 " bytes at %" PRIu64
                        " of %" PRIu64, t->name, bytes, o->offset, t->bytes);
    if (o->touched > t->bytes)
        return atm_fail(ATM_FORMAT, "tensor %s: touches %" PRIu64
                        " of %" PRIu64 " bytes", t->name, o->touched,
                        t->bytes);
    return ATM_OK;
}

/* Whether an operand is the whole of its tensor. */
static bool whole(const struct atm_program *p, const struct atm_operand *o)
{
    uint64_t bytes;

    return o->offset == 0 &&
           atm_layout_bytes(&o->layout, &o->shape, o->dtype, &bytes) ==
               ATM_OK &&
           atm_round_up(bytes ? bytes : 1, ATM_ALIGN, &bytes) &&
           bytes == p->tensor[o->tensor].bytes;
}

static enum atm_status check_pairs(const struct atm_program *p, uint32_t id,
                                   struct seen *seen)
{
    const struct atm_kernel *k = &p->kernel[id];
    uint32_t i, c;

    for (i = 0; i < k->n_pairs; i++) {
        const struct atm_pair *q = &k->pair[i];
        const struct atm_tensor *in, *out;
        uint32_t a, b;

        if (q->in >= k->n_in || q->out >= k->n_out ||
            k->in[q->in].tensor == ATM_NONE ||
            k->out[q->out].tensor == ATM_NONE)
            return atm_fail(ATM_FORMAT, "pair %" PRIu32 " names no operands",
                            i);
        a = k->in[q->in].tensor;
        b = k->out[q->out].tensor;
        in = &p->tensor[a];
        out = &p->tensor[b];
        if (in->bytes != out->bytes || !whole(p, &k->in[q->in]) ||
            !whole(p, &k->out[q->out]))
            return atm_fail(ATM_FORMAT, "%s and %s cannot be one place",
                            in->name, out->name);
        if (!q->must)
            continue;
        if (in->out || seen[a].overwritten != ATM_NONE || seen[b].root != b)
            return atm_fail(ATM_FORMAT, "%s cannot overwrite %s", out->name,
                            in->name);
        for (c = 0; c < p->n_carries && p->carry[c].prev != a; c++)
            ;
        if (in->arg && c == p->n_carries)
            return atm_fail(ATM_FORMAT, "%s is overwritten and not carried",
                            in->name);
        seen[a].overwritten = id;
        seen[a].next = b;
        seen[b].root = seen[a].root;
    }
    return ATM_OK;
}

static enum atm_status check_kernel(const struct atm_program *p, uint32_t id,
                                    struct seen *seen)
{
    const struct atm_kernel *k = &p->kernel[id];
    enum atm_status st;
    uint32_t i;

    if (k->scratch_bytes % ATM_ALIGN)
        return atm_fail(ATM_FORMAT, "scratch of %" PRIu64 " bytes",
                        k->scratch_bytes);
    for (i = 0; i < k->n_in; i++) {
        const struct atm_operand *o = &k->in[i];
        const struct atm_tensor *t;

        if (o->tensor == ATM_NONE)
            continue;
        st = check_operand(p, o);
        if (st)
            return st;
        t = &p->tensor[o->tensor];
        if (!t->arg && t->producer >= id)
            return atm_fail(ATM_FORMAT, "reads %s before it is written",
                            t->name);
        if (seen[o->tensor].overwritten != ATM_NONE)
            return atm_fail(ATM_FORMAT, "reads %s, which kernel %s has "
                            "overwritten", t->name,
                            kernel_name(p, seen[o->tensor].overwritten));
        seen[o->tensor].last = id;
    }
    for (i = 0; i < k->n_out; i++) {
        const struct atm_operand *o = &k->out[i];

        if (o->tensor == ATM_NONE)
            continue;
        st = check_operand(p, o);
        if (st)
            return st;
        if (p->tensor[o->tensor].producer != id ||
            seen[o->tensor].last != ATM_NONE)
            return atm_fail(ATM_FORMAT, "writes %s a second time",
                            p->tensor[o->tensor].name);
        seen[o->tensor].last = id;
    }
    return check_pairs(p, id, seen);
}

/* Kernel 0 loads, then one feed a graph input, then kernels that run. */
static enum atm_status check_front(const struct atm_program *p)
{
    uint32_t i, ids = p->graph->n_inputs;

    if (p->n_inputs != ids || p->n_kernels < ids + 1 ||
        p->kernel[0].kind != ATM_KERNEL_LOAD || p->kernel[0].n_in ||
        p->kernel[0].n_out)
        return atm_fail(ATM_FORMAT, "program: it does not begin with the load "
                        "kernel and %" PRIu32 " feeds", ids);
    for (i = 1; i < p->n_kernels; i++) {
        const struct atm_kernel *k = &p->kernel[i];
        bool feed = i <= ids;

        if (k->kind != (feed ? ATM_KERNEL_FEED : ATM_KERNEL_RUN) ||
            (feed && (k->n_in || k->n_out != 1 ||
                      k->out[0].tensor >= p->n_tensors ||
                      k->out[0].tensor != p->input[i - 1] ||
                      p->tensor[p->input[i - 1]].cls != ATM_CLASS_INPUT)))
            return atm_fail(ATM_FORMAT, "kernel %s: not the kind that stands "
                            "at position %" PRIu32, k->name, i);
    }
    return ATM_OK;
}

static enum atm_status check_load(const struct atm_program *p,
                                  const struct atm_load *l, bool *loaded)
{
    const struct atm_tensor *t;
    const struct atm_value *v;
    bool used[ATM_RANK_MAX] = {false};
    uint64_t bytes;
    uint32_t i;

    if (l->tensor >= p->n_tensors || l->value >= p->graph->n_values)
        return atm_fail(ATM_FORMAT, "ids out of range");
    t = &p->tensor[l->tensor];
    v = &p->graph->value[l->value];
    if (!t->arg || loaded[l->tensor] || v->constant == ATM_NONE ||
        v->constant >= p->graph->n_constants)
        return atm_fail(ATM_FORMAT, "%s from %s: not a constant into an arg "
                        "once", t->name, v->name);
    loaded[l->tensor] = true;
    if (atm_shape_bytes(&l->shape, t->dtype, &bytes) != ATM_OK ||
        bytes != p->graph->constant[v->constant].bytes ||
        l->shape.rank != t->shape.rank || v->dtype != t->dtype)
        return atm_fail(ATM_FORMAT, "%s: its shape is not that of constant %s",
                        t->name, v->name);
    for (i = 0; i < l->shape.rank; i++) {
        if (l->perm[i] >= l->shape.rank || used[l->perm[i]] ||
            l->shape.dim[l->perm[i]] != t->shape.dim[i] ||
            (!l->pack && l->perm[i] != i))
            return atm_fail(ATM_FORMAT, "%s: dimension %" PRIu32
                            " is permuted wrongly", t->name, i);
        used[l->perm[i]] = true;
    }
    if (!l->pack && !atm_layout_is_plain(&t->layout, t->shape.rank))
        return atm_fail(ATM_FORMAT, "%s: copied as it is into a blocked layout",
                        t->name);
    if (l->slice_rows <= 0 || l->slice_bytes > p->kernel[0].scratch_bytes)
        return atm_fail(ATM_FORMAT, "%s: slices of %" PRIu64 " bytes in "
                        "staging of %" PRIu64, t->name, l->slice_bytes,
                        p->kernel[0].scratch_bytes);
    return ATM_OK;
}

static enum atm_status check_loads(const struct atm_program *p)
{
    bool *loaded = atm_alloc_array(p->n_tensors, sizeof(*loaded));
    enum atm_status st = ATM_OK;
    uint32_t i;

    if (!loaded)
        return ATM_NOMEM;
    for (i = 0; i < p->n_loads && !st; i++) {
        st = check_load(p, &p->load[i], loaded);
        if (st)
            st = atm_fail_in(st, "load %" PRIu32, i);
    }
    for (i = 0; i < p->n_tensors && !st; i++)
        if (p->tensor[i].arg && !loaded[i])
            st = atm_fail(ATM_FORMAT, "tensor %s: nothing loads it",
                          p->tensor[i].name);
    atm_free(loaded);
    return st;
}

static enum atm_status check_outputs(const struct atm_program *p,
                                     const struct seen *seen)
{
    const struct atm_graph *g = p->graph;
    enum atm_status st;
    uint32_t i;

    if (p->n_outputs != g->n_outputs)
        return atm_fail(ATM_FORMAT, "program: %" PRIu32 " outputs, the graph "
                        "has %" PRIu32, p->n_outputs, g->n_outputs);
    for (i = 0; i < p->n_outputs; i++) {
        const struct atm_operand *o = &p->output[i];
        const struct atm_value *v = &g->value[g->output[i]];

        st = check_operand(p, o);
        if (st)
            return atm_fail_in(st, "output %s", v->name);
        if (!p->tensor[o->tensor].out ||
            seen[o->tensor].overwritten != ATM_NONE || o->dtype != v->dtype ||
            !atm_shape_equal(&o->shape, &v->shape))
            return atm_fail(ATM_FORMAT, "output %s: tensor %s is not it",
                            v->name, p->tensor[o->tensor].name);
    }
    for (i = 0; i < p->n_carries; i++) {
        const struct atm_carry *c = &p->carry[i];

        if (c->next >= p->n_tensors || c->prev >= p->n_tensors ||
            !p->tensor[c->prev].arg || p->tensor[c->next].arg ||
            seen[c->prev].next != c->next)
            return atm_fail(ATM_FORMAT, "carry %" PRIu32 ": its tensors are no "
                            "must pair of a state", i);
    }
    return ATM_OK;
}

/* The peak by its definition: storages (must chains) live from their producer
 * to their last use, args and outputs to the end; may pairs whose input dies
 * share; scratch on top. */
static enum atm_status peak(const struct atm_program *p,
                            struct seen *seen, uint64_t *peak_bytes)
{
    uint64_t *use = atm_alloc_array(p->n_kernels, sizeof(*use));
    uint32_t i, j, k;

    if (!use)
        return ATM_NOMEM;
    *peak_bytes = 0;
    for (k = 0; k < p->n_kernels; k++)
        use[k] = p->kernel[k].scratch_bytes;
    for (i = 0; i < p->n_tensors; i++) {
        const struct atm_tensor *t = &p->tensor[i];
        uint32_t first = t->arg ? 0 : t->producer, last = seen[i].last;

        if (seen[i].root != i)
            continue;
        for (j = i; seen[j].next != ATM_NONE; j = seen[j].next)
            last = seen[seen[j].next].last;
        if (t->arg || p->tensor[j].out)
            last = p->n_kernels - 1;
        for (k = first; k <= last; k++)
            if (!atm_add_u64(use[k], t->bytes, &use[k]))
                use[k] = UINT64_MAX;
    }
    for (k = 0; k < p->n_kernels; k++) {
        const struct atm_kernel *q = &p->kernel[k];

        for (j = 0; j < q->n_pairs; j++) {
            uint32_t a = q->in[q->pair[j].in].tensor;
            uint32_t b = q->out[q->pair[j].out].tensor;

            if (q->pair[j].must || p->tensor[seen[a].root].arg ||
                p->tensor[a].out || seen[a].last != k ||
                seen[a].overwritten != ATM_NONE || seen[a].shared == k ||
                seen[b].shared == k)
                continue;
            seen[a].shared = seen[b].shared = k;
            use[k] -= p->tensor[a].bytes;
        }
        if (use[k] > *peak_bytes)
            *peak_bytes = use[k];
    }
    atm_free(use);
    return ATM_OK;
}

enum atm_status atm_program_check(const struct atm_program *p)
{
    struct seen *seen;
    enum atm_status st;
    uint64_t bytes;
    uint32_t i;

    st = check_tensors(p);
    if (!st)
        st = check_front(p);
    if (st)
        return st;
    seen = atm_alloc_array(p->n_tensors, sizeof(*seen));
    if (!seen)
        return ATM_NOMEM;
    for (i = 0; i < p->n_tensors; i++)
        seen[i] = (struct seen){ATM_NONE, ATM_NONE, ATM_NONE, i, ATM_NONE};
    for (i = 0; i < p->n_kernels && !st; i++) {
        st = check_kernel(p, i, seen);
        if (st)
            st = atm_fail_in(st, "kernel %s", kernel_name(p, i));
    }
    for (i = 0; i < p->n_tensors && !st; i++)
        if (seen[i].last == ATM_NONE)
            st = atm_fail(ATM_FORMAT, "tensor %s: no kernel touches it",
                          p->tensor[i].name);
    if (!st)
        st = check_loads(p);
    if (!st)
        st = check_outputs(p, seen);
    if (!st)
        st = peak(p, seen, &bytes);
    if (!st && bytes != p->peak_bytes)
        st = atm_fail(ATM_FORMAT, "program: its peak is %" PRIu64
                      " bytes, not %" PRIu64, bytes, p->peak_bytes);
    atm_free(seen);
    return st;
}
