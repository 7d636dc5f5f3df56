/* lower.c - graph to program: walks the nodes, takes the first offer for each,
 * brings operands into the wanted form. */
#include "lower.h"

#include "affinity.h"
#include "arena.h"
#include "checked.h"
#include "kernels/kernels.h"
#include "kernels/library.h"

#include <inttypes.h>
#include <string.h>

int atm_default_threads(void)
{
    return atm__cores();
}

/* ---- what implementations ask ------------------------------------------ */

struct atm__use atm__use_of(const struct atm__lower *l, uint32_t value,
                            const struct atm_layout *layout)
{
    struct atm__use u = {.value = value, .touched = UINT64_MAX};
    uint32_t i;

    if (value == ATM_NONE)
        return u;
    u.seen = u.shape = l->g->value[value].shape;
    u.layout = *layout;
    for (i = 0; i < ATM_RANK_MAX; i++)
        u.perm[i] = (uint8_t)i;
    return u;
}

struct atm__use atm__use_plain(const struct atm__lower *l, uint32_t value)
{
    struct atm_layout plain = {0};

    if (value != ATM_NONE)
        plain = atm_layout_plain(l->g->value[value].shape.rank);
    return atm__use_of(l, value, &plain);
}

bool atm__lower_is_constant(const struct atm__lower *l, uint32_t value)
{
    return l->g->value[l->root[value]].constant != ATM_NONE;
}

struct atm_layout atm__lower_layout(const struct atm__lower *l, uint32_t value)
{
    const struct atm__form *f = l->form[value];
    uint32_t rank = l->g->value[value].shape.rank;

    return f ? f->operand.layout : atm_layout_plain(rank);
}

bool atm__lower_dies(const struct atm__lower *l, uint32_t value)
{
    const struct atm_node *n = &l->g->node[l->node];
    uint32_t root = l->root[value], i, same = 0;

    for (i = 0; i < l->g->n_inputs; i++)
        if (l->g->input[i] == root)
            return false;
    for (i = 0; i < n->n_in; i++)
        same += n->in[i] != ATM_NONE && l->root[n->in[i]] == root;
    return same == 1 && l->g->value[root].constant == ATM_NONE &&
           l->last[root] == l->node;
}

/* One loop over memory, outermost first: `n` steps of dimension `dim`. */
struct loop {
    uint32_t dim;
    int64_t n;
};

/* The loops of a layout without those of one step, neighbours of the same
 * dimension joined: equal lists mean equal bytes. Returns their number. */
static uint32_t loops_of(const struct atm_layout *l, const struct atm_shape *s,
                         struct loop out[ATM_RANK_MAX + ATM_BLOCKS_MAX])
{
    uint32_t i, n = 0;

    for (i = 0; i < s->rank + l->n_blocks; i++) {
        struct loop next;
        uint32_t b;

        if (i < s->rank) {
            int64_t block = 1;

            next.dim = l->order[i];
            for (b = 0; b < l->n_blocks; b++)
                block *= l->dim[b] == next.dim ? l->block[b] : 1;
            next.n = (s->dim[next.dim] + block - 1) / block;
        } else {
            next = (struct loop){l->dim[i - s->rank], l->block[i - s->rank]};
        }
        if (next.n == 1)
            continue;
        if (n > 0 && out[n - 1].dim == next.dim)
            out[n - 1].n *= next.n;
        else
            out[n++] = next;
    }
    return n;
}

bool atm__layout_same(const struct atm_layout *a, const struct atm_layout *b,
                      const struct atm_shape *s)
{
    struct loop x[ATM_RANK_MAX + ATM_BLOCKS_MAX];
    struct loop y[ATM_RANK_MAX + ATM_BLOCKS_MAX];
    uint32_t i, n = loops_of(a, s, x);

    if (n != loops_of(b, s, y))
        return false;
    for (i = 0; i < n; i++)
        if (x[i].dim != y[i].dim || x[i].n != y[i].n)
            return false;
    return true;
}

/* ---- tensors and kernels ------------------------------------------------ */

/* The value's name for its first tensor, else name#id; more # where the model
 * itself uses that name. */
static const char *tensor_name(struct atm__lower *l, uint32_t value,
                               uint32_t id)
{
    const char *name = l->g->value[value].name;
    uint32_t i = 0;

    if (!l->named[value]) {
        l->named[value] = true;
        return atm_arena_strdup(l->p->arena, name);
    }
    name = atm_arena_printf(l->p->arena, "%s#%" PRIu32, name, id);
    while (name && l->hashes && i < l->g->n_values)
        if (strcmp(l->g->value[i++].name, name) == 0) {
            name = atm_arena_printf(l->p->arena, "%s#", name);
            i = 0;
        }
    return name;
}

enum atm_status atm__lower_tensor(struct atm__lower *l, uint32_t value,
                                  const struct atm_shape *shape,
                                  const struct atm_layout *layout,
                                  enum atm_tensor_class cls, uint32_t *id)
{
    struct atm_program *p = l->p;
    struct atm_tensor *t;
    enum atm_status st;

    t = atm_arena_grow(p->arena, p->tensor, &l->cap_tensors, p->n_tensors + 1,
                       sizeof(*t));
    if (!t)
        return ATM_NOMEM;
    p->tensor = t;
    t += p->n_tensors;
    *t = (struct atm_tensor){
        .value = value,
        .dtype = l->g->value[value].dtype,
        .shape = *shape,
        .layout = *layout,
        .cls = cls,
        .arg = cls == ATM_CLASS_WEIGHT,
        .producer = ATM_NONE,
    };
    t->name = tensor_name(l, value, p->n_tensors);
    if (!t->name)
        return ATM_NOMEM;
    st = atm_layout_bytes(layout, shape, t->dtype, &t->bytes);
    if (st)
        return atm_fail_in(st, "value %s", l->g->value[value].name);
    if (t->bytes == 0)
        t->bytes = 1;
    /* far from overflow in every later sum */
    if (!atm_round_up(t->bytes, ATM_ALIGN, &t->bytes) ||
        !atm_add_u64(l->total_bytes, t->bytes, &l->total_bytes) ||
        l->total_bytes > INT64_MAX / 4)
        return atm_fail(ATM_UNSUPPORTED, "value %s: the program's tensors are "
                        "too large", t->name);
    *id = p->n_tensors++;
    return ATM_OK;
}

/* The whole of a tensor, as an operand. */
static struct atm_operand operand_of(const struct atm_program *p, uint32_t id)
{
    const struct atm_tensor *t = &p->tensor[id];

    return (struct atm_operand){.tensor = id, .touched = t->bytes,
                                .dtype = t->dtype, .shape = t->shape,
                                .layout = t->layout};
}

static enum atm_status add_form(struct atm__lower *l, uint32_t value,
                                const struct atm_operand *operand)
{
    struct atm__form *f = atm_arena_alloc(l->p->arena, sizeof(*f));
    struct atm__form **end = &l->form[value];

    if (!f)
        return ATM_NOMEM;
    f->operand = *operand;
    while (*end)
        end = &(*end)->next;
    *end = f;
    return ATM_OK;
}

static enum atm_status add_kernel(struct atm__lower *l,
                                  const struct atm_kernel *kernel,
                                  uint64_t flavour)
{
    struct atm_program *p = l->p;
    uint32_t i, cap = l->cap_kernels;
    struct atm_kernel *k;
    uint64_t *f;

    f = atm_arena_grow(p->arena, l->flavour, &cap, p->n_kernels + 1,
                       sizeof(*f));
    k = atm_arena_grow(p->arena, p->kernel, &l->cap_kernels,
                       p->n_kernels + 1, sizeof(*k));
    if (!k || !f)
        return ATM_NOMEM;
    p->kernel = k;
    l->flavour = f;
    l->flavour[p->n_kernels] = flavour;
    k += p->n_kernels;
    *k = *kernel;
    if (!k->name || !k->impl)
        return ATM_NOMEM;
    if (!atm_round_up(k->scratch_bytes, ATM_ALIGN, &k->scratch_bytes))
        return atm_fail(ATM_UNSUPPORTED, "kernel %s: too much scratch",
                        k->name);
    for (i = 0; i < k->n_out; i++)
        if (k->out[i].tensor != ATM_NONE)
            p->tensor[k->out[i].tensor].producer = p->n_kernels;
    p->n_kernels++;
    return ATM_OK;
}

/* A kernel that lowering makes itself: one operand in, one out. */
static enum atm_status add_transfer(struct atm__lower *l, const char *verb,
                                    const struct atm_operand *in,
                                    const struct atm_operand *out,
                                    const char *impl, uint64_t scratch_bytes,
                                    const void *detail)
{
    struct atm_arena *arena = l->p->arena;
    struct atm_kernel k = {.kind = ATM_KERNEL_RUN, .impl = impl, .n_in = 1,
                           .n_out = 1, .scratch_bytes = scratch_bytes,
                           .detail = detail};

    k.name = atm_arena_printf(arena, "%s:%s", verb,
                              l->p->tensor[out->tensor].name);
    k.in = atm_arena_memdup(arena, in, sizeof(*in));
    k.out = atm_arena_memdup(arena, out, sizeof(*out));
    if (!k.in || !k.out)
        return ATM_NOMEM;
    return add_kernel(l, &k, 0);
}

/* A new tensor of `value` with the wanted layout, filled from `from`, which
 * sees the same elements in another layout. */
static enum atm_status reorder(struct atm__lower *l, uint32_t value,
                               const struct atm_operand *from,
                               const struct atm_layout *layout,
                               struct atm_operand *to)
{
    const void *detail;
    const char *impl;
    uint64_t scratch;
    uint32_t id;
    enum atm_status st;

    st = atm__lower_tensor(l, value, &from->shape, layout,
                           ATM_CLASS_ACTIVATION, &id);
    if (st)
        return st;
    *to = operand_of(l->p, id);
    st = atm__dnnl_reorder(l->dnnl, l->p->arena, from, to, &detail, &impl,
                           &scratch);
    if (st)
        return st;
    return add_transfer(l, "reorder", from, to, impl, scratch, detail);
}

/* ---- finding and making forms ------------------------------------------- */

/* An existing form of the value whose bytes are those of `layout`. */
static bool find_form(const struct atm__lower *l, uint32_t value,
                      const struct atm_layout *layout, struct atm_operand *op)
{
    const struct atm_shape *shape = &l->g->value[value].shape;
    const struct atm__form *f;

    for (f = l->form[value]; f; f = f->next)
        if (atm__layout_same(&f->operand.layout, layout, shape)) {
            *op = f->operand;
            op->layout = *layout;
            return true;
        }
    return false;
}

/* The value in `layout`, from its forms, from those of what it views, or by a
 * new reorder. */
static enum atm_status get_form(struct atm__lower *l, uint32_t value,
                                const struct atm_layout *layout,
                                struct atm_operand *op)
{
    const struct atm_shape *shape = &l->g->value[value].shape;
    struct atm_layout plain = atm_layout_plain(shape->rank);
    uint32_t root = l->root[value];
    struct atm_operand from;
    enum atm_status st;

    if (find_form(l, value, layout, op))
        return ATM_OK;
    if (root != value && !find_form(l, value, &plain, &from)) {
        struct atm_layout below =
            atm_layout_plain(l->g->value[root].shape.rank);

        st = get_form(l, root, &below, &from);
        if (st)
            return st;
        from.shape = *shape;
        from.layout = plain;
        st = add_form(l, value, &from);
        if (st || find_form(l, value, layout, op))
            return st;
    } else if (root == value) {
        if (!l->form[value])
            return atm_fail(ATM_INTERNAL, "value %s is never produced",
                            l->g->value[value].name);
        from = l->form[value]->operand;
    }
    st = reorder(l, value, &from, layout, op);
    return st ? st : add_form(l, value, op);
}

/* The row-major operand `op` seen with other dimensions. */
static void see_as(struct atm_operand *op, const struct atm__use *use)
{
    uint32_t i;

    op->shape = use->shape;
    for (i = 0; i < use->seen.rank; i++)
        op->layout.order[use->perm[i]] = (uint8_t)i;
}

static bool is_identity(const struct atm__lower *l, const struct atm__use *u)
{
    uint32_t i;

    for (i = 0; i < u->seen.rank; i++)
        if (u->perm[i] != i)
            return false;
    return atm_shape_equal(&u->seen, &l->g->value[u->value].shape);
}

enum atm_status atm__lower_operand(struct atm__lower *l,
                                   const struct atm__use *use,
                                   struct atm_operand *op)
{
    struct atm_layout plain;
    struct atm_operand from;
    uint64_t bytes;
    enum atm_status st;

    if (use->value == ATM_NONE) {
        *op = (struct atm_operand){.tensor = ATM_NONE};
        return ATM_OK;
    }
    if (atm__lower_is_constant(l, use->value)) {
        st = atm__lower_weight(l, use, op);
    } else if (is_identity(l, use)) {
        st = get_form(l, use->value, &use->layout, op);
    } else {
        plain = atm_layout_plain(l->g->value[use->value].shape.rank);
        st = get_form(l, use->value, &plain, &from);
        if (st)
            return st;
        from.layout = atm_layout_plain(use->seen.rank);
        see_as(&from, use);
        if (atm__layout_same(&from.layout, &use->layout, &use->shape)) {
            *op = from;
            op->layout = use->layout;
        } else {
            st = reorder(l, use->value, &from, &use->layout, op);
        }
    }
    if (!st)
        st = atm_layout_bytes(&op->layout, &op->shape, op->dtype, &bytes);
    if (!st)
        op->touched = use->touched < bytes ? use->touched : bytes;
    return st;
}

/* ---- one node ------------------------------------------------------------ */

/* Drops the pairs that cannot share one place. An implementation that needs
 * one has asked atm__lower_dies before. */
static enum atm_status keep_legal_pairs(const struct atm__lower *l,
                                        struct atm_kernel *k)
{
    uint32_t i, j, n = 0;

    for (i = 0; i < k->n_pairs; i++) {
        struct atm_pair q = k->pair[i];
        const struct atm_operand *in = &k->in[q.in], *out = &k->out[q.out];
        bool legal = in->tensor != ATM_NONE && out->tensor != ATM_NONE;

        if (legal) {
            const struct atm_tensor *a = &l->p->tensor[in->tensor];
            const struct atm_tensor *b = &l->p->tensor[out->tensor];

            legal = !a->arg && in->offset == 0 && a->bytes == b->bytes &&
                    in->touched == out->touched;
        }
        for (j = 0; j < k->n_in && legal; j++)
            legal = j == q.in || k->in[j].tensor != in->tensor ||
                    (k->in[j].offset == in->offset &&
                     atm_layout_equal(&k->in[j].layout, &in->layout,
                                      in->shape.rank));
        if (legal)
            k->pair[n++] = q;
        else if (q.must)
            return atm_fail(ATM_INTERNAL, "an in-place operand is in use");
    }
    k->n_pairs = n;
    return ATM_OK;
}

/* Only the reference kernels know extents. */
static bool has_extent(const struct atm_graph *g, const struct atm_node *n)
{
    uint32_t i;

    for (i = 0; i < n->n_in; i++)
        if (n->in[i] != ATM_NONE && g->value[n->in[i]].shape.bound)
            return true;
    for (i = 0; i < n->n_out; i++)
        if (n->out[i] != ATM_NONE && g->value[n->out[i]].shape.bound)
            return true;
    return false;
}

static enum atm_status ask(struct atm__lower *l, const struct atm_node *n,
                           struct atm__offer *o)
{
    const struct atm__kernel_impl *const *impl = atm__kernel_impls;
    enum atm_status st;

    for (; *impl; impl++) {
        memset(o, 0, sizeof(*o));
        o->also = ATM_NONE;
        if (!(*impl)->offer)
            continue;
        if ((!l->dnnl || has_extent(l->g, n)) &&
            *impl != &atm__impl_reference)
            continue;
        st = (*impl)->offer(l, n, o);
        if (st || o->by)
            return st;
    }
    return atm_fail(ATM_INTERNAL, "no kernel");
}

static enum atm_status make_out(struct atm__lower *l,
                                const struct atm__use *use,
                                struct atm_operand *op)
{
    uint32_t id, v = use->value;
    bool shown = false;
    uint32_t i;
    enum atm_status st;

    if (v == ATM_NONE) {
        *op = (struct atm_operand){.tensor = ATM_NONE};
        return ATM_OK;
    }
    for (i = 0; i < l->g->n_outputs; i++)
        shown |= l->root[l->g->output[i]] == v;
    st = atm__lower_tensor(l, v, &l->g->value[v].shape, &use->layout,
                           l->readers[v] || shown ? ATM_CLASS_ACTIVATION
                                                  : ATM_CLASS_SCRATCH, &id);
    if (st)
        return st;
    *op = operand_of(l->p, id);
    st = atm_layout_bytes(&op->layout, &op->shape, op->dtype, &op->touched);
    return st ? st : add_form(l, v, op);
}

/* The value as a row-major tensor that lives to the end. Called when its root
 * has just been produced. */
static enum atm_status show_output(struct atm__lower *l, uint32_t index)
{
    uint32_t v = l->g->output[index], root = l->root[v], id, i;
    const struct atm_shape *shape = &l->g->value[v].shape;
    struct atm__use use = atm__use_plain(l, v);
    struct atm_operand *to = &l->p->output[index];
    bool input = false;
    enum atm_status st;

    st = atm__lower_operand(l, &use, to);
    if (st)
        return st;
    for (i = 0; i < l->g->n_inputs; i++)
        input |= l->g->input[i] == root;
    if (input || atm__lower_is_constant(l, v)) {
        struct atm_operand from = *to;

        st = atm__lower_tensor(l, v, shape, &use.layout, ATM_CLASS_OUTPUT,
                               &id);
        if (st)
            return st;
        *to = operand_of(l->p, id);
        to->touched = from.touched;
        st = add_transfer(l, "copy", &from, to, "copy", 0,
                          atm__copy_detail());
        if (st)
            return st;
    }
    l->p->tensor[to->tensor].cls = ATM_CLASS_OUTPUT;
    l->p->tensor[to->tensor].out = true;
    return ATM_OK;
}

static enum atm_status show_outputs_of(struct atm__lower *l, uint32_t root)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < l->g->n_outputs && !st; i++)
        if (l->root[l->g->output[i]] == root)
            st = show_output(l, i);
    return st;
}

static enum atm_status lower_node(struct atm__lower *l,
                                  const struct atm_node *n)
{
    struct atm_arena *arena = l->p->arena;
    struct atm__offer o;
    struct atm_kernel k = {.kind = ATM_KERNEL_RUN, .node = n};
    enum atm_status st;
    uint32_t i;

    st = ask(l, n, &o);
    if (st)
        return st;
    k.name = n->name[0] ? n->name
                        : atm_arena_printf(arena, "%s_%" PRIu32, n->op->name,
                                           l->node);
    k.impl = o.impl;
    k.n_in = o.n_in;
    k.n_out = o.n_out;
    k.in = atm_arena_array(arena, o.n_in, sizeof(*k.in));
    k.out = atm_arena_array(arena, o.n_out, sizeof(*k.out));
    k.n_pairs = o.n_pairs;
    k.pair = atm_arena_memdup(arena, o.pair, sizeof(o.pair));
    k.scratch_bytes = o.scratch_bytes;
    k.detail = o.detail;
    if (!k.in || !k.out || !k.pair)
        return ATM_NOMEM;
    for (i = 0; i < o.n_in && !st; i++)
        st = atm__lower_operand(l, &o.in[i], &k.in[i]);
    for (i = 0; i < o.n_out && !st; i++)
        st = make_out(l, &o.out[i], &k.out[i]);
    if (st)
        return st;
    st = keep_legal_pairs(l, &k);
    if (st)
        return st;
    if (o.also != ATM_NONE)
        l->done[o.also] = true;
    st = add_kernel(l, &k, o.flavour);
    for (i = 0; i < o.n_out && !st; i++)
        if (o.out[i].value != ATM_NONE)
            st = show_outputs_of(l, o.out[i].value);
    return st;
}

/* ---- the whole graph ---------------------------------------------------- */

/* A view of a tensor whose extent lies behind it has the same extent. */
static bool is_view(const struct atm_graph *g, const struct atm_node *n)
{
    uint32_t i;

    if (!(n->op->flags & ATM_OP_VIEW) || n->n_in == 0 || n->n_out == 0 ||
        n->in[0] == ATM_NONE || n->out[0] == ATM_NONE)
        return false;
    for (i = 1; i < n->n_out; i++)
        if (n->out[i] != ATM_NONE)
            return false;
    return !g->value[n->in[0]].shape.bound ||
           atm_shape_equal(&g->value[n->in[0]].shape,
                           &g->value[n->out[0]].shape);
}

/* Roots, readers and last uses of all values. */
static enum atm_status survey(struct atm__lower *l)
{
    const struct atm_graph *g = l->g;
    struct atm_arena *a = l->p->arena;
    uint32_t i, j;

    l->form = atm_arena_array(a, g->n_values, sizeof(*l->form));
    l->root = atm_arena_array(a, g->n_values, sizeof(*l->root));
    l->readers = atm_arena_array(a, g->n_values, sizeof(*l->readers));
    l->reader = atm_arena_array(a, g->n_values, sizeof(*l->reader));
    l->last = atm_arena_array(a, g->n_values, sizeof(*l->last));
    l->named = atm_arena_array(a, g->n_values, sizeof(*l->named));
    l->done = atm_arena_array(a, g->n_nodes, sizeof(*l->done));
    if (!l->form || !l->root || !l->readers || !l->reader || !l->last ||
        !l->named || !l->done)
        return ATM_NOMEM;
    for (i = 0; i < g->n_values; i++) {
        l->root[i] = i;
        l->hashes |= strchr(g->value[i].name, '#') != NULL;
    }
    for (i = 0; i < g->n_nodes; i++) {
        const struct atm_node *n = &g->node[i];

        if (is_view(g, n)) {
            l->root[n->out[0]] = l->root[n->in[0]];
            l->done[i] = true;
            l->readers[n->in[0]]++;
            l->reader[n->in[0]] = i;
            continue;
        }
        for (j = 0; j < n->n_in; j++)
            if (n->in[j] != ATM_NONE) {
                l->readers[n->in[j]]++;
                l->reader[n->in[j]] = i;
                l->last[l->root[n->in[j]]] = i;
            }
    }
    for (i = 0; i < g->n_outputs; i++)
        l->last[l->root[g->output[i]]] = g->n_nodes;
    return ATM_OK;
}

/* Kernel 0 and the feeds. */
static enum atm_status lower_front(struct atm__lower *l)
{
    const struct atm_graph *g = l->g;
    struct atm_program *p = l->p;
    struct atm_kernel load = {.kind = ATM_KERNEL_LOAD, .name = "load",
                              .impl = "load"};
    enum atm_status st;
    uint32_t i, id;

    p->n_inputs = g->n_inputs;
    p->input = atm_arena_array(p->arena, g->n_inputs, sizeof(*p->input));
    p->n_outputs = g->n_outputs;
    p->output = atm_arena_array(p->arena, g->n_outputs, sizeof(*p->output));
    if (!p->input || !p->output)
        return ATM_NOMEM;
    st = add_kernel(l, &load, 0);
    for (i = 0; i < g->n_inputs && !st; i++) {
        struct atm_kernel feed = {.kind = ATM_KERNEL_FEED, .impl = "feed",
                                  .n_out = 1};
        const struct atm_value *v = &g->value[g->input[i]];
        struct atm_layout plain = atm_layout_plain(v->shape.rank);
        struct atm_operand op;

        st = atm__lower_tensor(l, g->input[i], &v->shape, &plain,
                               ATM_CLASS_INPUT, &id);
        if (st)
            return st;
        p->input[i] = id;
        op = operand_of(p, id);
        st = atm_shape_bytes(&op.shape, op.dtype, &op.touched);
        if (!st)
            st = add_form(l, g->input[i], &op);
        if (st)
            return st;
        feed.name = atm_arena_printf(p->arena, "feed:%s", v->name);
        feed.out = atm_arena_memdup(p->arena, &op, sizeof(op));
        if (!feed.out)
            return ATM_NOMEM;
        st = add_kernel(l, &feed, 0);
    }
    return st;
}

static enum atm_status lower_graph(struct atm__lower *l)
{
    const struct atm_graph *g = l->g;
    enum atm_status st;
    uint32_t i;

    st = survey(l);
    if (!st)
        st = lower_front(l);
    for (i = 0; i < g->n_outputs && !st; i++) {
        uint32_t root = l->root[g->output[i]], j;
        bool input = g->value[root].constant != ATM_NONE;

        for (j = 0; j < g->n_inputs; j++)
            input |= g->input[j] == root;
        if (input)
            st = show_output(l, i);
    }
    for (i = 0; i < g->n_nodes && !st; i++) {
        if (l->done[i])
            continue;
        l->node = i;
        st = lower_node(l, &g->node[i]);
        if (st)
            return atm_fail_in(st, "node %s (%s)", g->node[i].name,
                               g->node[i].op->name);
    }
    if (!st)
        st = atm__lower_staging(l);
    return st ? st : atm__lower_hash(l);
}

enum atm_status atm_lower(const struct atm_graph *g,
                          const struct atm_lower_options *options,
                          struct atm_program **program)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__lower l = {.g = g};
    enum atm_status st;

    *program = NULL;
    if (!arena)
        return ATM_NOMEM;
    l.p = atm_arena_alloc(arena, sizeof(*l.p));
    if (!l.p) {
        st = ATM_NOMEM;
        goto err_arena;
    }
    l.p->arena = arena;
    l.p->graph = g;
    l.p->no_pack = options->no_pack;
    l.p->threads = options->threads > 0 ? options->threads
                                        : atm_default_threads();
    if (!options->reference_only) {
        st = atm__dnnl_open(arena, l.p->threads, &l.dnnl);
        if (st)
            goto err_arena;
    }
    st = lower_graph(&l);
    if (!st)
        st = atm_program_check(l.p);
    atm__dnnl_close(l.dnnl);
    if (st)
        goto err_arena;
    *program = l.p;
    return ATM_OK;

err_arena:
    atm_arena_delete(arena);
    return st;
}
