/* bench.c - all-fast placement by liveness, and timed runs on it.
 *
 * Addresses are reused as a packed schedule would, weights lie apart and
 * stream, what a kernel wrote is warm for the next one: the caches are as a
 * run finds them. */
#include "bench.h"

#include "autotm/profiler.h"

#include "arena.h"
#include "checked.h"
#include "clock.h"

#include <emmintrin.h>
#include <string.h>

#define NOWHERE UINT64_MAX
#define SEED UINT64_C(0x70726f66)

/* One storage: the tensors that in-place pairs chain together. */
struct place {
    uint64_t bytes, offset;
    uint32_t first, last;
    bool used, always;
};

struct layout {
    struct atm_arena *arena;
    uint32_t *root;      /* per tensor: union-find over pairs */
    struct place *place; /* per tensor, valid at roots */
    uint64_t scratch_bytes, bytes;
};

struct atm__bench {
    struct atm_arena *arena;
    const struct atm_program *p;
    uint32_t lo, hi;
    struct layout map;
    struct atm_exec *exec; /* borrowed */
    void **input;          /* per graph input in the stretch: its bytes */
    const struct atm_tier_ops *ops[2];
    struct atm_tier *tier[2]; /* slow: null unless masks are measured */
    unsigned char *pool[2];
    unsigned char *scratch;
    void **in, **out; /* room for the widest kernel */
    uint32_t *operand;
    uint64_t *bytes[2];
};

static uint32_t root_of(const struct layout *l, uint32_t t)
{
    while (l->root[t] != t)
        t = l->root[t];
    return t;
}

static void touch(struct layout *l, const struct atm_program *p, uint32_t t,
                  uint32_t k)
{
    const struct atm_tensor *x;
    struct place *at;

    if (t == ATM_NONE)
        return;
    x = &p->tensor[t];
    at = &l->place[t];
    if (!at->used)
        *at = (struct place){x->bytes, NOWHERE, k, k, true, x->arg};
    at->last = k;
}

static void merge(struct layout *l, uint32_t from, uint32_t into)
{
    struct place *a, *b;

    from = root_of(l, from);
    into = root_of(l, into);
    if (from == into)
        return;
    a = &l->place[into];
    b = &l->place[from];
    a->bytes = b->bytes > a->bytes ? b->bytes : a->bytes;
    a->first = b->first < a->first ? b->first : a->first;
    a->last = b->last > a->last ? b->last : a->last;
    a->always |= b->always;
    l->root[from] = into;
}

/* A may pair shares a place where its input ends and its output begins. */
static bool shares(const struct layout *l, const struct atm_program *p,
                   const struct atm_pair *pair, uint32_t k)
{
    uint32_t in = p->kernel[k].in[pair->in].tensor;
    uint32_t out = p->kernel[k].out[pair->out].tensor;
    const struct place *a = &l->place[root_of(l, in)];

    if (pair->must)
        return true;
    return root_of(l, in) != root_of(l, out) && !a->always &&
           !p->tensor[in].out && a->last == k &&
           l->place[root_of(l, out)].first == k &&
           l->place[root_of(l, out)].bytes <= a->bytes;
}

/* Lowest offset where `bytes` fit between the live places, kept in order of
 * offset; inserts the place there. */
static void first_fit(struct layout *l, uint32_t *live, uint32_t *n,
                      uint32_t root)
{
    uint64_t at = 0;
    uint32_t i, j;

    for (i = 0; i < *n; i++) {
        const struct place *q = &l->place[live[i]];

        if (at + l->place[root].bytes <= q->offset)
            break;
        at = q->offset + q->bytes;
    }
    for (j = *n; j > i; j--)
        live[j] = live[j - 1];
    live[i] = root;
    (*n)++;
    l->place[root].offset = at;
    at += l->place[root].bytes;
    l->bytes = at > l->bytes ? at : l->bytes;
}

static void expire(const struct layout *l, uint32_t *live, uint32_t *n,
                   uint32_t k)
{
    uint32_t i, kept = 0;

    for (i = 0; i < *n; i++)
        if (l->place[live[i]].always || l->place[live[i]].last >= k)
            live[kept++] = live[i];
    *n = kept;
}

static enum atm_status layout_init(struct layout *l,
                                   const struct atm_program *p, uint32_t lo,
                                   uint32_t hi)
{
    uint32_t *live = atm_arena_array(l->arena, p->n_tensors, sizeof(*live));
    uint32_t k, i, t, n = 0;

    l->root = atm_arena_array(l->arena, p->n_tensors, sizeof(*l->root));
    l->place = atm_arena_array(l->arena, p->n_tensors, sizeof(*l->place));
    if (!live || !l->root || !l->place)
        return ATM_NOMEM;
    l->scratch_bytes = p->kernel[0].scratch_bytes;
    for (t = 0; t < p->n_tensors; t++)
        l->root[t] = t;
    for (k = lo; k <= hi; k++) {
        const struct atm_kernel *x = &p->kernel[k];

        if (x->scratch_bytes > l->scratch_bytes)
            l->scratch_bytes = x->scratch_bytes;
        for (i = 0; i < x->n_in; i++)
            touch(l, p, x->in[i].tensor, k);
        for (i = 0; i < x->n_out; i++)
            touch(l, p, x->out[i].tensor, k);
    }
    for (k = lo; k <= hi; k++) {
        const struct atm_kernel *x = &p->kernel[k];

        for (i = 0; i < x->n_pairs; i++)
            if (shares(l, p, &x->pair[i], k))
                merge(l, x->out[x->pair[i].out].tensor,
                      x->in[x->pair[i].in].tensor);
    }
    for (t = 0; t < p->n_tensors; t++)
        if (l->place[t].used && l->root[t] == t && l->place[t].always)
            first_fit(l, live, &n, t);
    for (k = lo; k <= hi; k++) {
        expire(l, live, &n, k);
        for (t = 0; t < p->n_tensors; t++)
            if (l->place[t].used && l->root[t] == t && !l->place[t].always &&
                l->place[t].first == k)
                first_fit(l, live, &n, t);
    }
    if (!atm_add_u64(l->bytes, l->scratch_bytes, &l->bytes))
        return atm_fail(ATM_NOMEM, "profile: the program's bytes overflow");
    return ATM_OK;
}

enum atm_status atm__bench_bytes(const struct atm_program *p, uint32_t lo,
                                 uint32_t hi, uint64_t *bytes)
{
    struct layout l = {atm_arena_new(), NULL, NULL, 0, 0};
    enum atm_status st;

    if (!l.arena)
        return ATM_NOMEM;
    st = layout_init(&l, p, lo, hi);
    *bytes = l.bytes;
    atm_arena_delete(l.arena);
    return st;
}

static unsigned char *address(const struct atm__bench *b, uint32_t t,
                              uint32_t tier)
{
    return b->pool[tier] + b->map.place[root_of(&b->map, t)].offset;
}

struct sink {
    unsigned char *to[2];
};

static enum atm_status put(void *user, uint64_t off, const void *src,
                           uint64_t bytes)
{
    const struct sink *s = user;

    memcpy(s->to[0] + off, src, bytes);
    if (s->to[1])
        memcpy(s->to[1] + off, src, bytes);
    return ATM_OK;
}

static enum atm_status load_weights(struct atm__bench *b)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; i < b->p->n_loads && !st; i++) {
        uint32_t t = b->p->load[i].tensor;
        struct sink s = {{NULL, NULL}};

        if (!b->map.place[t].used)
            continue;
        s.to[0] = address(b, t, 0);
        if (b->tier[1])
            s.to[1] = address(b, t, 1);
        st = atm_exec_load(b->exec, i, b->scratch, put, &s);
    }
    return st;
}

/* Seeded values where a tensor enters the stretch: graph inputs as a caller
 * would give them, activations as normal values of their element type (zeros
 * for integers, which are indices inside any table). */
static void fill(const struct atm__bench *b, uint32_t t)
{
    const struct atm_tensor *x = &b->p->tensor[t];
    uint64_t i, n = x->bytes / sizeof(float);
    unsigned char *at = address(b, t, 0);
    uint32_t input;

    for (input = 0; input < b->p->n_inputs; input++)
        if (b->p->input[input] == t) {
            memcpy(at, b->input[input], x->bytes);
            return;
        }
    memset(at, 0, x->bytes);
    for (i = 0; x->dtype == ATM_F32 && i < n; i++) {
        float v = (float)(i * 2654435761u % 4096) / 2048.0f - 1.0f;

        memcpy(at + i * sizeof(v), &v, sizeof(v));
    }
    if (x->shape.bound) /* measured at its largest */
        memcpy(atm_extent_at(&x->shape, x->dtype, at), x->shape.dim,
               x->shape.rank * sizeof(*x->shape.dim));
}

/* The bytes that a caller would hand over at each feed. */
static enum atm_status make_inputs(struct atm__bench *b)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    b->input = atm_arena_array(b->arena, b->p->n_inputs, sizeof(*b->input));
    if (!b->input)
        return ATM_NOMEM;
    for (i = 0; i < b->p->n_inputs && !st; i++) {
        uint32_t t = b->p->input[i];

        if (!b->map.place[t].used)
            continue;
        b->input[i] = atm_arena_alloc(b->arena, b->p->tensor[t].bytes);
        st = b->input[i] ? atm_input_fill(b->p->graph, i, SEED + i, b->input[i])
                         : ATM_NOMEM;
    }
    return st;
}

static enum atm_status open_pools(struct atm__bench *b,
                                  const struct atm_tier_info tier[2],
                                  const char *const spec[2], bool masks)
{
    struct atm_tier_info unused;
    enum atm_status st;
    uint32_t i;

    for (i = 0; i < (masks ? 2u : 1u); i++) {
        st = atm_tier_probe(spec[i], tier[i].read_bw, tier[i].write_bw, &unused,
                            &b->ops[i]);
        if (!st)
            st = b->ops[i]->open(spec[i], &tier[i], b->map.bytes, &b->tier[i]);
        if (st)
            return st;
        b->pool[i] = b->ops[i]->map(b->tier[i], 0, b->map.bytes);
        if (!b->pool[i])
            return atm_fail(ATM_UNSUPPORTED,
                            "tier %s: kernels cannot run on "
                            "it",
                            spec[i]);
    }
    b->scratch = b->pool[0] + b->map.bytes - b->map.scratch_bytes;
    return ATM_OK;
}

static enum atm_status bench_fill(struct atm__bench *b)
{
    enum atm_status st = load_weights(b);
    uint32_t t;

    if (!st)
        st = make_inputs(b);
    for (t = 0; t < b->p->n_tensors && !st; t++) {
        const struct atm_tensor *x = &b->p->tensor[t];

        if (b->map.place[t].used && !x->arg &&
            (x->producer < b->lo || x->producer > b->hi))
            fill(b, t);
    }
    return st;
}

enum atm_status atm__bench_open(const struct atm_program *p, uint32_t lo,
                                uint32_t hi, const struct atm_tier_info tier[2],
                                const char *const spec[2], bool masks,
                                struct atm_exec *exec,
                                struct atm__bench **bench)
{
    struct atm_arena *arena = atm_arena_new();
    enum atm_status st = ATM_NOMEM;
    struct atm__bench *b;
    uint32_t k, widest = 0;

    *bench = NULL;
    b = arena ? atm_arena_alloc(arena, sizeof(*b)) : NULL;
    if (!b) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    b->arena = b->map.arena = arena;
    b->p = p;
    b->exec = exec;
    b->lo = lo;
    b->hi = hi;
    for (k = lo; k <= hi; k++)
        if (p->kernel[k].n_in + p->kernel[k].n_out > widest)
            widest = p->kernel[k].n_in + p->kernel[k].n_out;
    b->in = atm_arena_array(arena, widest, sizeof(*b->in));
    b->out = atm_arena_array(arena, widest, sizeof(*b->out));
    b->operand = atm_arena_array(arena, widest, sizeof(*b->operand));
    b->bytes[0] = atm_arena_array(arena, widest, sizeof(*b->bytes[0]));
    b->bytes[1] = atm_arena_array(arena, widest, sizeof(*b->bytes[1]));
    if (!b->in || !b->out || !b->operand || !b->bytes[0] || !b->bytes[1])
        goto err_bench;
    st = layout_init(&b->map, p, lo, hi);
    if (!st)
        st = open_pools(b, tier, spec, masks);
    if (!st)
        st = bench_fill(b);
    if (st)
        goto err_bench;
    *bench = b;
    return ATM_OK;

err_bench:
    atm__bench_close(&b);
    return st;
}

void atm__bench_close_slow(struct atm__bench *b)
{
    if (b->tier[1])
        b->ops[1]->close(b->tier[1]);
    b->tier[1] = NULL;
    b->pool[1] = NULL;
}

void atm__bench_close(struct atm__bench **bench)
{
    struct atm__bench *b = *bench;

    if (!b)
        return;
    atm__bench_close_slow(b);
    if (b->tier[0])
        b->ops[0]->close(b->tier[0]);
    atm_arena_delete(b->arena);
    *bench = NULL;
}

static uint32_t tier_of(const struct atm__bench *b, uint32_t n, uint64_t mask,
                        uint32_t t)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (b->operand[i] == t)
            return (uint32_t)(mask >> i & 1);
    return 0;
}

static void point(const struct atm__bench *b, const struct atm_operand *list,
                  uint32_t n, uint32_t n_operands, uint64_t mask, void **to)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        to[i] = list[i].tensor == ATM_NONE
                    ? NULL
                    : address(b, list[i].tensor,
                              tier_of(b, n_operands, mask, list[i].tensor));
}

enum atm_status atm__bench_run(struct atm__bench *b, uint32_t k, uint64_t mask,
                               double *seconds)
{
    const struct atm_kernel *x = &b->p->kernel[k];
    uint32_t i, n, n_in;
    enum atm_status st;
    double start;

    *seconds = 0;
    if (x->kind == ATM_KERNEL_LOAD)
        return ATM_OK;
    if (x->kind == ATM_KERNEL_FEED) {
        fill(b, x->out[0].tensor);
        return ATM_OK;
    }
    n = atm_kernel_operands(b->p, k, x->n_in + x->n_out, b->operand,
                            b->bytes[0], b->bytes[1], &n_in);
    for (i = 0; mask && i < n_in; i++) /* weights are there already */
        if (mask >> i & 1 && !b->p->tensor[b->operand[i]].arg)
            memcpy(address(b, b->operand[i], 1), address(b, b->operand[i], 0),
                   b->p->tensor[b->operand[i]].bytes);
    point(b, x->in, x->n_in, n, mask, b->in);
    point(b, x->out, x->n_out, n, mask, b->out);
    start = atm_now_s();
    st = atm_exec_run(b->exec, k, b->in, b->out, b->scratch);
    *seconds = atm_now_s() - start;
    for (i = n_in; mask && i < n; i++)
        if (mask >> i & 1)
            memcpy(address(b, b->operand[i], 0), address(b, b->operand[i], 1),
                   b->p->tensor[b->operand[i]].bytes);
    return st;
}

void atm__bench_skip(const struct atm__bench *b, uint32_t k)
{
    const struct atm_kernel *x = &b->p->kernel[k];
    uint32_t i;

    for (i = 0; i < x->n_out; i++)
        if (x->out[i].tensor != ATM_NONE)
            fill(b, x->out[i].tensor);
}

void atm__bench_refresh(struct atm__bench *b, uint32_t k)
{
    const struct atm_kernel *x = &b->p->kernel[k];
    uint32_t i, tier;
    uint64_t at;

    for (i = 0; i < x->n_in; i++) {
        uint32_t t = x->in[i].tensor;

        if (t == ATM_NONE)
            continue;
        if (!b->p->tensor[t].arg) {
            fill(b, t);
            continue;
        }
        for (tier = 0; tier < 2 && b->tier[tier]; tier++)
            for (at = 0; at < b->p->tensor[t].bytes; at += ATM_ALIGN)
                _mm_clflush(address(b, t, tier) + at);
    }
    _mm_mfence();
}
