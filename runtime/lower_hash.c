/* lower_hash.c - the identity of kernels and programs. A kernel's signature
 * holds all that decides its time and its bits: two kernels of one signature
 * share a primitive and a measurement. */
#include "lower.h"

#include "hash.h"
#include "kernels/library.h"

#include <string.h>

static void put_shape(struct atm_hasher *h, const struct atm_shape *s)
{
    uint32_t i;

    atm_hasher_u64(h, s->rank);
    for (i = 0; i < s->rank; i++)
        atm_hasher_u64(h, (uint64_t)s->dim[i]);
}

static void put_layout(struct atm_hasher *h, const struct atm_layout *l,
                       uint32_t rank)
{
    uint32_t i;

    atm_hasher_bytes(h, l->order, rank);
    atm_hasher_u64(h, l->n_blocks);
    for (i = 0; i < l->n_blocks; i++) {
        atm_hasher_u64(h, l->dim[i]);
        atm_hasher_u64(h, l->block[i]);
    }
}

static void put_operand(struct atm_hasher *h, const struct atm_operand *o)
{
    atm_hasher_u64(h, o->tensor != ATM_NONE);
    if (o->tensor == ATM_NONE)
        return;
    atm_hasher_u64(h, o->dtype);
    put_shape(h, &o->shape);
    put_layout(h, &o->layout, o->shape.rank);
    atm_hasher_u64(h, o->touched);
}

static void put_constant(struct atm_hasher *h, const struct atm_graph *g,
                         uint32_t id)
{
    const struct atm_constant *c = &g->constant[id];

    atm_hasher_u64(h, c->kind);
    atm_hasher_u64(h, c->bytes);
    switch (c->kind) {
    case ATM_CONST_FILE:
        atm_hasher_str(h, g->file[c->file]);
        atm_hasher_u64(h, c->offset);
        break;
    case ATM_CONST_INLINE:
        atm_hasher_bytes(h, c->data, (size_t)c->bytes);
        break;
    case ATM_CONST_GENERATED:
        atm_hasher_u64(h, c->seed);
        atm_hasher_f64(h, c->mean);
        atm_hasher_f64(h, c->stddev);
        break;
    case ATM_CONST_ROW_SCALE:
        put_constant(h, g, c->source);
        break;
    }
}

static void put_attr(struct atm_hasher *h, const struct atm_graph *g,
                     const struct atm_attr *a)
{
    size_t i;

    atm_hasher_str(h, a->name);
    atm_hasher_u64(h, a->kind);
    switch (a->kind) {
    case ATM_ATTR_INT:
        atm_hasher_u64(h, (uint64_t)a->i);
        break;
    case ATM_ATTR_FLOAT:
        atm_hasher_f64(h, (double)a->f);
        break;
    case ATM_ATTR_STRING:
        atm_hasher_str(h, a->s);
        break;
    case ATM_ATTR_INTS:
        atm_hasher_bytes(h, a->ints, a->n * sizeof(*a->ints));
        break;
    case ATM_ATTR_FLOATS:
        atm_hasher_bytes(h, a->floats, a->n * sizeof(*a->floats));
        break;
    case ATM_ATTR_STRINGS:
        for (i = 0; i < a->n; i++)
            atm_hasher_str(h, a->strings[i]);
        break;
    case ATM_ATTR_TENSOR:
        put_shape(h, &g->value[a->value].shape);
        put_constant(h, g, g->value[a->value].constant);
        break;
    }
}

/* Attributes by name, whatever their order in the model. */
static void put_node(struct atm_hasher *h, const struct atm_graph *g,
                     const struct atm_node *n)
{
    const char *after = "";
    uint32_t i, done;

    atm_hasher_str(h, n->op->name);
    atm_hasher_u64(h, (uint64_t)n->opset);
    for (done = 0; done < n->n_attr; done++) {
        const struct atm_attr *next = NULL;

        for (i = 0; i < n->n_attr; i++)
            if ((done == 0 || strcmp(n->attr[i].name, after) > 0) &&
                (!next || strcmp(n->attr[i].name, next->name) < 0))
                next = &n->attr[i];
        if (!next)
            break; /* a name twice: the checker refuses it */
        put_attr(h, g, next);
        after = next->name;
    }
    for (i = 0; i < n->n_post; i++) {
        atm_hasher_u64(h, n->post[i].kind);
        atm_hasher_f64(h, (double)n->post[i].lo);
        atm_hasher_f64(h, (double)n->post[i].hi);
    }
}

static enum atm_status sign(const struct atm_program *p, struct atm_kernel *k,
                            uint64_t flavour)
{
    struct atm_hasher *h;
    enum atm_status st;
    uint32_t i;

    st = atm_hasher_new(&h);
    if (st)
        return st;
    atm_hasher_u64(h, k->kind);
    atm_hasher_str(h, k->impl);
    if (k->node)
        put_node(h, p->graph, k->node);
    atm_hasher_u64(h, flavour);
    atm_hasher_u64(h, k->n_in);
    for (i = 0; i < k->n_in; i++)
        put_operand(h, &k->in[i]);
    atm_hasher_u64(h, k->n_out);
    for (i = 0; i < k->n_out; i++)
        put_operand(h, &k->out[i]);
    atm_hasher_u64(h, k->n_pairs);
    for (i = 0; i < k->n_pairs; i++) {
        atm_hasher_u64(h, k->pair[i].in);
        atm_hasher_u64(h, k->pair[i].out);
        atm_hasher_u64(h, k->pair[i].must);
    }
    atm_hasher_u64(h, k->scratch_bytes);
    atm_hasher_u64(h, (uint64_t)p->threads);
    atm__dnnl_identity(h);
    k->signature = atm_hasher_end(h);
    atm_hasher_delete(&h);
    return ATM_OK;
}

static void put_place(struct atm_hasher *h, const struct atm_operand *o)
{
    put_operand(h, o);
    atm_hasher_u64(h, o->tensor);
    atm_hasher_u64(h, o->offset);
}

static void put_program(struct atm_hasher *h, const struct atm_program *p)
{
    uint32_t i, j;

    atm_hasher_hash(h, p->graph->model_hash);
    for (i = 0; i < p->n_tensors; i++) {
        const struct atm_tensor *t = &p->tensor[i];

        atm_hasher_str(h, t->name);
        atm_hasher_u64(h, t->bytes);
        atm_hasher_u64(h, t->cls);
        atm_hasher_u64(h, t->out);
    }
    for (i = 0; i < p->n_kernels; i++) {
        const struct atm_kernel *k = &p->kernel[i];

        atm_hasher_str(h, k->name);
        atm_hasher_hash(h, k->signature);
        for (j = 0; j < k->n_in; j++)
            put_place(h, &k->in[j]);
        for (j = 0; j < k->n_out; j++)
            put_place(h, &k->out[j]);
    }
    for (i = 0; i < p->n_loads; i++) {
        const struct atm_load *o = &p->load[i];

        atm_hasher_u64(h, o->tensor);
        atm_hasher_str(h, p->graph->value[o->value].name);
        put_shape(h, &o->shape);
        atm_hasher_bytes(h, o->perm, o->shape.rank);
        atm_hasher_u64(h, o->slice_bytes);
    }
    for (i = 0; i < p->n_outputs; i++)
        put_place(h, &p->output[i]);
    atm_hasher_u64(h, p->peak_bytes);
}

enum atm_status atm__lower_hash(struct atm__lower *l)
{
    struct atm_hasher *h;
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < l->p->n_kernels && !st; i++)
        st = sign(l->p, &l->p->kernel[i], l->flavour[i]);
    if (!st)
        st = atm_hasher_new(&h);
    if (st)
        return st;
    put_program(h, l->p);
    l->p->hash = atm_hasher_end(h);
    atm_hasher_delete(&h);
    return ATM_OK;
}
