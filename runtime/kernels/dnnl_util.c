/* dnnl_util.c - descriptors, primitives and memories of oneDNN 2.6. */
#include "dnnl_util.h"

#include "arena.h"
#include "hash.h"

#include <omp.h>
#include <string.h>

static enum atm_status fail(dnnl_status_t s, const char *what)
{
    if (s == dnnl_out_of_memory)
        return atm_fail(ATM_NOMEM, "out of memory: oneDNN, %s", what);
    return atm_fail(ATM_INTERNAL, "oneDNN: %s: status %d", what, (int)s);
}

enum atm_status atm__dnnl_open(struct atm_arena *arena, int threads,
                               struct atm__dnnl **dnnl)
{
    struct atm__dnnl *d = atm_arena_alloc(arena, sizeof(*d));
    dnnl_status_t s;

    *dnnl = NULL;
    if (!d)
        return ATM_NOMEM;
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    s = dnnl_engine_create(&d->engine, dnnl_cpu, 0);
    if (s)
        return fail(s, "engine");
    s = dnnl_stream_create(&d->stream, d->engine, dnnl_stream_in_order);
    if (s) {
        (void)dnnl_engine_destroy(d->engine);
        return fail(s, "stream");
    }
    /* the instruction sets are bit masks: AVX-512 contains its core bits */
    d->block = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) ==
                       dnnl_cpu_isa_avx512_core
                   ? 16 : 8;
    *dnnl = d;
    return ATM_OK;
}

void atm__dnnl_close(struct atm__dnnl *dnnl)
{
    if (!dnnl)
        return;
    (void)dnnl_stream_destroy(dnnl->stream);
    (void)dnnl_engine_destroy(dnnl->engine);
}

void atm__dnnl_version(int version[3])
{
    const dnnl_version_t *v = dnnl_version();

    version[0] = v->major;
    version[1] = v->minor;
    version[2] = v->patch;
}

void atm__dnnl_identity(struct atm_hasher *h)
{
    int v[3], i;

    atm__dnnl_version(v);
    for (i = 0; i < 3; i++)
        atm_hasher_u64(h, (uint64_t)v[i]);
    atm_hasher_u64(h, (uint64_t)dnnl_get_effective_cpu_isa());
}

/* ---- memory descriptors ------------------------------------------------- */

bool atm__dnnl_md_any(const struct atm_shape *s, dnnl_memory_desc_t *md)
{
    int64_t n = 1;
    uint32_t i;

    memset(md, 0, sizeof(*md));
    if (s->rank == 0 || s->rank > DNNL_MAX_NDIMS)
        return false;
    md->ndims = (int)s->rank;
    md->data_type = dnnl_f32;
    md->format_kind = dnnl_format_kind_any;
    for (i = 0; i < s->rank; i++) {
        /* the library counts in int here and there */
        if (s->dim[i] <= 0 || s->dim[i] > INT32_MAX / n)
            return false;
        n *= s->dim[i];
        md->dims[i] = md->padded_dims[i] = s->dim[i];
    }
    return true;
}

/* Elements of each dimension in a block. */
static void blocks_of(const dnnl_blocking_desc_t *b, uint32_t rank,
                      int64_t *block)
{
    uint32_t i;

    for (i = 0; i < rank; i++)
        block[i] = 1;
    for (i = 0; i < (uint32_t)b->inner_nblks; i++)
        block[b->inner_idxs[i]] *= b->inner_blks[i];
}

bool atm__dnnl_md(const struct atm_shape *s, const struct atm_layout *l,
                  dnnl_memory_desc_t *md)
{
    dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    int64_t block[ATM_RANK_MAX], stride = 1;
    uint32_t i;

    if (!atm__dnnl_md_any(s, md))
        return false;
    md->format_kind = dnnl_blocked;
    b->inner_nblks = l->n_blocks;
    for (i = 0; i < l->n_blocks; i++) {
        b->inner_blks[i] = l->block[i];
        b->inner_idxs[i] = l->dim[i];
        stride *= l->block[i];
    }
    blocks_of(b, s->rank, block);
    for (i = s->rank; i-- > 0;) {
        uint32_t d = l->order[i];
        int64_t n = (s->dim[d] + block[d] - 1) / block[d];

        md->padded_dims[d] = n * block[d];
        b->strides[d] = stride;
        stride *= n;
    }
    return true;
}

/* Whether dimension `a` lies outside `b`. Where one has a single block their
 * strides are equal, and it is the inner one. */
static bool outside(const dnnl_memory_desc_t *md, const int64_t *block, int a,
                    int b)
{
    const int64_t *stride = md->format_desc.blocking.strides;

    if (stride[a] != stride[b])
        return stride[a] > stride[b];
    return md->padded_dims[a] / block[a] > md->padded_dims[b] / block[b];
}

bool atm__dnnl_md_layout(const dnnl_memory_desc_t *md, struct atm_layout *l)
{
    const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    int64_t block[ATM_RANK_MAX];
    uint32_t i, j, rank = (uint32_t)md->ndims;
    dnnl_memory_desc_t again;
    struct atm_shape s = {.rank = rank};

    memset(l, 0, sizeof(*l));
    if (md->format_kind != dnnl_blocked || md->offset0 || md->extra.flags ||
        rank > ATM_RANK_MAX || b->inner_nblks > ATM_BLOCKS_MAX)
        return false;
    blocks_of(b, rank, block);
    for (i = 0; i < rank; i++) {
        for (j = i; j > 0 && outside(md, block, (int)i, l->order[j - 1]); j--)
            l->order[j] = l->order[j - 1];
        l->order[j] = (uint8_t)i;
        s.dim[i] = md->dims[i];
    }
    l->n_blocks = (uint8_t)b->inner_nblks;
    for (i = 0; i < l->n_blocks; i++) {
        l->dim[i] = (uint8_t)b->inner_idxs[i];
        l->block[i] = (uint16_t)b->inner_blks[i];
    }
    /* dense and expressible if it comes back the same */
    return atm__dnnl_md(&s, l, &again) && dnnl_memory_desc_equal(md, &again);
}

struct atm_layout atm__dnnl_blocked(const struct atm__dnnl *dnnl,
                                    uint32_t rank)
{
    struct atm_layout l = atm_layout_plain(rank);

    l.n_blocks = 1;
    l.dim[0] = 1;
    l.block[0] = dnnl->block;
    return l;
}

/* ---- primitive descriptors ---------------------------------------------- */

static dnnl_status_t add_posts(const struct atm__dnnl_detail *d,
                               dnnl_primitive_attr_t attr)
{
    dnnl_post_ops_t ops;
    dnnl_status_t s;
    uint32_t i;

    s = dnnl_post_ops_create(&ops);
    if (s)
        return s;
    for (i = 0; i < d->n_posts && !s; i++) {
        const struct atm__dnnl_post *p = &d->post[i];

        switch (p->kind) {
        case ATM__DNNL_SUM:
            s = dnnl_post_ops_append_sum(ops, 1.0f);
            break;
        case ATM__DNNL_ADD:
            s = dnnl_post_ops_append_binary(ops, dnnl_binary_add,
                                            &d->arg[p->from].md);
            break;
        case ATM__DNNL_ELTWISE:
            s = dnnl_post_ops_append_eltwise(ops, 1.0f, p->alg, p->alpha,
                                             p->beta);
            break;
        }
    }
    if (!s)
        s = dnnl_primitive_attr_set_post_ops(attr, ops);
    (void)dnnl_post_ops_destroy(ops);
    return s;
}

static dnnl_status_t create_pd(const struct atm__dnnl *dnnl,
                               const struct atm__dnnl_detail *d,
                               dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr;
    dnnl_status_t s;

    s = dnnl_primitive_attr_create(&attr);
    if (s)
        return s;
    s = dnnl_primitive_attr_set_scratchpad_mode(attr,
                                                dnnl_scratchpad_mode_user);
    if (!s && d->n_posts > 0)
        s = add_posts(d, attr);
    if (!s && d->op.kind == dnnl_reorder)
        s = dnnl_reorder_primitive_desc_create(pd, &d->arg[0].md, dnnl->engine,
                                               &d->arg[1].md, dnnl->engine,
                                               attr);
    else if (!s)
        s = dnnl_primitive_desc_create(pd, &d->op, attr, dnnl->engine, NULL);
    (void)dnnl_primitive_attr_destroy(attr);
    return s;
}

bool atm__dnnl_find(const struct atm__dnnl *dnnl,
                    const struct atm__dnnl_detail *d,
                    dnnl_primitive_desc_t *pd, const char **impl)
{
    if (create_pd(dnnl, d, pd))
        return false;
    if (dnnl_primitive_desc_query(*pd, dnnl_query_impl_info_str, 0, impl) ==
            dnnl_success &&
        strncmp(*impl, "ref", 3) != 0 && strncmp(*impl, "simple_n", 8) != 0)
        return true;
    (void)dnnl_primitive_desc_destroy(*pd);
    return false;
}

bool atm__dnnl_chosen(dnnl_primitive_desc_t pd, dnnl_query_t what, int index,
                      dnnl_memory_desc_t *md, struct atm_layout *layout)
{
    const dnnl_memory_desc_t *q = dnnl_primitive_desc_query_md(pd, what,
                                                               index);

    if (!q || !atm__dnnl_md_layout(q, layout))
        return false;
    *md = *q;
    return true;
}

uint32_t atm__dnnl_arg(struct atm__dnnl_detail *d, int arg, bool out,
                       uint32_t at, const dnnl_memory_desc_t *md)
{
    d->arg[d->n_args] = (struct atm__dnnl_arg){arg, out, at, *md};
    return d->n_args++;
}

void atm__dnnl_eltwise(struct atm__dnnl_detail *d, dnnl_alg_kind_t alg,
                       float alpha, float beta)
{
    d->post[d->n_posts++] = (struct atm__dnnl_post){
        .kind = ATM__DNNL_ELTWISE, .alg = alg, .alpha = alpha, .beta = beta};
}

uint32_t atm__own_inputs(const struct atm_node *n)
{
    uint32_t own = n->n_in, i;

    for (i = 0; i < n->n_post; i++)
        own -= n->post[i].kind == ATM_POST_ADD;
    return own;
}

bool atm__residual(const struct atm_node *n, uint32_t *input)
{
    uint32_t i, found = 0;

    *input = ATM_NONE;
    for (i = 0; i < n->n_post; i++)
        if (n->post[i].kind == ATM_POST_ADD) {
            *input = n->in[n->post[i].input];
            found++;
        }
    return found <= 1;
}

void atm__dnnl_posts(struct atm__dnnl_detail *d, const struct atm_node *n,
                     bool in_place, uint32_t at, const dnnl_memory_desc_t *md)
{
    uint32_t i;

    for (i = 0; i < n->n_post; i++) {
        const struct atm_post *p = &n->post[i];
        struct atm__dnnl_post *to = &d->post[d->n_posts];

        switch (p->kind) {
        case ATM_POST_ADD:
            to->kind = in_place ? ATM__DNNL_SUM : ATM__DNNL_ADD;
            if (!in_place)
                to->from = atm__dnnl_arg(
                    d, DNNL_ARG_ATTR_MULTIPLE_POST_OP((int)d->n_posts) |
                           DNNL_ARG_SRC_1, false, at, md);
            d->n_posts++;
            break;
        case ATM_POST_RELU:
            atm__dnnl_eltwise(d, dnnl_eltwise_relu, 0, 0);
            break;
        case ATM_POST_CLIP:
            atm__dnnl_eltwise(d, dnnl_eltwise_clip, p->lo, p->hi);
            break;
        }
    }
}

enum atm_status atm__dnnl_room(struct atm_arena *arena, uint32_t n_in,
                               struct atm__offer *o)
{
    o->in = atm_arena_array(arena, n_in, sizeof(*o->in));
    o->out = atm_arena_array(arena, 1, sizeof(*o->out));
    o->n_in = n_in;
    o->n_out = 1;
    return o->in && o->out ? ATM_OK : ATM_NOMEM;
}

bool atm__dnnl_f32(const struct atm__lower *l, const struct atm_node *n)
{
    uint32_t i;

    for (i = 0; i < n->n_in; i++)
        if (n->in[i] != ATM_NONE && l->g->value[n->in[i]].dtype != ATM_F32)
            return false;
    for (i = 1; i < n->n_out; i++)
        if (n->out[i] != ATM_NONE)
            return false;
    return n->n_out > 0 && n->out[0] != ATM_NONE &&
           l->g->value[n->out[0]].dtype == ATM_F32;
}

enum atm_status atm__dnnl_offer(struct atm_arena *arena,
                                dnnl_primitive_desc_t pd, const char *impl,
                                const struct atm__dnnl_detail *d,
                                struct atm__offer *o)
{
    const dnnl_memory_desc_t *md =
        dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);

    o->by = d->base.by;
    o->impl = atm_arena_printf(arena, "dnnl:%s", impl);
    o->detail = atm_arena_memdup(arena, d, sizeof(*d));
    o->scratch_bytes = md ? dnnl_memory_desc_get_size(md) : 0;
    return o->impl && o->detail ? ATM_OK : ATM_NOMEM;
}

/* ---- primitives --------------------------------------------------------- */

struct instance {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    const struct atm__dnnl_detail *detail;
    int n; /* arguments, the scratchpad last if there is one */
    bool scratch;
    dnnl_exec_arg_t arg[ATM__DNNL_ARGS + 1];
};

static dnnl_status_t add_memory(struct instance *i, int arg,
                                const dnnl_memory_desc_t *md,
                                dnnl_engine_t engine)
{
    dnnl_status_t s = dnnl_memory_create(&i->arg[i->n].memory, md, engine,
                                         DNNL_MEMORY_NONE);

    if (s)
        return s;
    i->arg[i->n++].arg = arg;
    return s;
}

static dnnl_status_t create_all(struct instance *i, struct atm__dnnl *dnnl,
                                const struct atm__dnnl_detail *d)
{
    const dnnl_memory_desc_t *scratch;
    dnnl_primitive_desc_t pd;
    dnnl_status_t s;
    uint32_t a;

    s = create_pd(dnnl, d, &pd);
    if (s)
        return s;
    s = dnnl_primitive_create(&i->primitive, pd);
    scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    for (a = 0; a < d->n_args && !s; a++)
        s = add_memory(i, d->arg[a].arg, &d->arg[a].md, dnnl->engine);
    i->scratch = scratch && dnnl_memory_desc_get_size(scratch) > 0;
    if (!s && i->scratch)
        s = add_memory(i, DNNL_ARG_SCRATCHPAD, scratch, dnnl->engine);
    (void)dnnl_primitive_desc_destroy(pd);
    return s;
}

enum atm_status atm__dnnl_kernel_open(const struct atm_program *p,
                                      const struct atm_kernel *k,
                                      struct atm__dnnl *dnnl,
                                      struct atm_arena *arena, void **state)
{
    struct instance *i = atm_arena_alloc(arena, sizeof(*i));
    dnnl_status_t s;

    (void)p;
    if (!i)
        return ATM_NOMEM;
    i->stream = dnnl->stream;
    i->detail = k->detail;
    s = create_all(i, dnnl, k->detail);
    if (s) {
        atm__dnnl_kernel_close(i);
        return fail(s, k->name);
    }
    *state = i;
    return ATM_OK;
}

enum atm_status atm__dnnl_kernel_run(void *state, void *const *in,
                                     void *const *out, void *scratch)
{
    struct instance *i = state;
    const struct atm__dnnl_detail *d = i->detail;
    dnnl_status_t s = dnnl_success;
    uint32_t a;

    for (a = 0; a < d->n_args && !s; a++) {
        const struct atm__dnnl_arg *x = &d->arg[a];

        s = dnnl_memory_set_data_handle_v2(i->arg[a].memory,
                                           x->out ? out[x->at] : in[x->at],
                                           NULL);
    }
    if (i->scratch && !s)
        s = dnnl_memory_set_data_handle_v2(i->arg[i->n - 1].memory, scratch,
                                           NULL);
    if (!s)
        s = dnnl_primitive_execute(i->primitive, i->stream, i->n, i->arg);
    if (!s)
        s = dnnl_stream_wait(i->stream);
    return s ? fail(s, "execution") : ATM_OK;
}

void atm__dnnl_kernel_close(void *state)
{
    struct instance *i = state;

    while (i->n > 0)
        (void)dnnl_memory_destroy(i->arg[--i->n].memory);
    if (i->primitive)
        (void)dnnl_primitive_destroy(i->primitive);
    i->primitive = NULL;
}

/* ---- reorders ----------------------------------------------------------- */

static const struct atm__kernel_impl impl_reorder = {.name = "reorder",
                                                     ATM__DNNL_KERNEL};

enum atm_status atm__dnnl_reorder(struct atm__dnnl *dnnl,
                                  struct atm_arena *arena,
                                  const struct atm_operand *from,
                                  const struct atm_operand *to,
                                  const void **detail, const char **impl,
                                  uint64_t *scratch_bytes)
{
    struct atm__dnnl_detail d = {.base = {&impl_reorder}, .n_args = 2};
    struct atm__offer o = {0};
    const char *name = NULL;
    dnnl_primitive_desc_t pd;
    dnnl_status_t s;
    enum atm_status st;

    d.op.kind = dnnl_reorder;
    d.arg[0].arg = DNNL_ARG_FROM;
    d.arg[1].arg = DNNL_ARG_TO;
    d.arg[1].out = true;
    if (!dnnl || from->dtype != ATM_F32 ||
        !atm__dnnl_md(&from->shape, &from->layout, &d.arg[0].md) ||
        !atm__dnnl_md(&to->shape, &to->layout, &d.arg[1].md))
        return atm_fail(ATM_INTERNAL, "no reorder for this type or shape");
    s = create_pd(dnnl, &d, &pd);
    if (s)
        return fail(s, "reorder");
    (void)dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    st = atm__dnnl_offer(arena, pd, name ? name : "reorder", &d, &o);
    (void)dnnl_primitive_desc_destroy(pd);
    *detail = o.detail;
    *impl = o.impl;
    *scratch_bytes = o.scratch_bytes;
    return st;
}
