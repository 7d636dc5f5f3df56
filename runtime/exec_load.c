/* exec_load.c - reads, permutes and packs constants. A slice is some rows of
 * the packed tensor; staging holds the rows as read, then as packed. */
#include "exec_load.h"

#include <string.h>

/* One loop over the packed slice in the order of memory. */
struct loop {
    int64_t n;      /* steps */
    int64_t step;   /* elements of its dimension that a step passes */
    int64_t stride; /* elements of the source that a step passes */
    size_t bytes;   /* of the packed tensor that a step passes */
    uint32_t dim;
};

struct pack {
    uint32_t n_loops;
    struct loop loop[ATM_RANK_MAX + ATM_BLOCKS_MAX];
    int64_t dim[ATM_RANK_MAX]; /* of the slice, without padding */
    size_t each;               /* bytes of an element */
};

/* The loops of a layout in canonical order over `shape`, whose dimension d
 * has source stride stride[d]. */
static void make_loops(struct pack *k, const struct atm_layout *l,
                       const struct atm_shape *shape, const int64_t *stride)
{
    int64_t block[ATM_RANK_MAX];
    size_t bytes = k->each;
    uint32_t i, j;

    for (i = 0; i < shape->rank; i++) {
        k->dim[i] = shape->dim[i];
        block[i] = 1;
    }
    for (i = 0; i < l->n_blocks; i++)
        block[l->dim[i]] *= l->block[i];
    k->n_loops = 0;
    for (i = 0; i < shape->rank; i++)
        k->loop[k->n_loops++] = (struct loop){
            (shape->dim[i] + block[i] - 1) / block[i], block[i],
            stride[i] * block[i], 0, i};
    for (i = 0; i < l->n_blocks; i++) {
        int64_t step = 1;

        for (j = i + 1; j < l->n_blocks; j++)
            step *= l->dim[j] == l->dim[i] ? l->block[j] : 1;
        k->loop[k->n_loops++] = (struct loop){l->block[i], step,
                                              stride[l->dim[i]] * step,
                                              0, l->dim[i]};
    }
    for (i = k->n_loops; i-- > 0; bytes *= (size_t)k->loop[i].n)
        k->loop[i].bytes = bytes;
}

/* The innermost loop: `n` elements, those beyond the dimension's end zero. */
static char *pack_row(const struct pack *k, const struct loop *loop,
                      int64_t at, const char *src, char *dst)
{
    int64_t left = k->dim[loop->dim] - at, i;
    int64_t n = left <= 0 ? 0 : (left + loop->step - 1) / loop->step;

    if (n > loop->n)
        n = loop->n;
    if (k->each == sizeof(float)) {
        const float *s = (const float *)(const void *)src;
        float *d = (float *)(void *)dst;

        for (i = 0; i < n; i++)
            d[i] = s[i * loop->stride];
    } else {
        for (i = 0; i < n; i++)
            memcpy(dst + (size_t)i * k->each,
                   src + (size_t)(i * loop->stride) * k->each, k->each);
    }
    memset(dst + (size_t)n * k->each, 0, (size_t)(loop->n - n) * k->each);
    return dst + (size_t)loop->n * k->each;
}

/* `at` is the index reached in each dimension; padding becomes zero. */
static char *pack(const struct pack *k, uint32_t depth, int64_t *at,
                  const char *src, char *dst)
{
    const struct loop *loop = &k->loop[depth];
    int64_t i, before = at[loop->dim];

    if (depth + 1 == k->n_loops)
        return pack_row(k, loop, before, src, dst);
    for (i = 0; i < loop->n && at[loop->dim] < k->dim[loop->dim]; i++) {
        dst = pack(k, depth + 1, at,
                   src + (size_t)(i * loop->stride) * k->each, dst);
        at[loop->dim] += loop->step;
    }
    memset(dst, 0, (size_t)(loop->n - i) * loop->bytes);
    dst += (size_t)(loop->n - i) * loop->bytes;
    at[loop->dim] = before;
    return dst;
}

/* Reads packed rows [row, row + rows) of the source: for a permuted source one
 * run for each index of the dimensions before it. */
static enum atm_status read_rows(const struct atm_program *p,
                                 const struct atm_load *load, size_t each,
                                 int64_t row, int64_t rows, char *dst)
{
    const struct atm_shape *s = &load->shape;
    uint64_t inner = each, runs = 1, run, r, skip;
    enum atm_status st = ATM_OK;
    uint32_t d;

    for (d = 0; d < s->rank; d++) {
        if (d < load->perm[0])
            runs *= (uint64_t)s->dim[d];
        if (d > load->perm[0])
            inner *= (uint64_t)s->dim[d];
    }
    run = inner * (uint64_t)rows;
    skip = inner * (uint64_t)s->dim[load->perm[0]];
    for (r = 0; r < runs && !st; r++)
        st = atm_constant_read(p->graph, load->value,
                               r * skip + inner * (uint64_t)row, run,
                               dst + r * run);
    return st;
}

static enum atm_status load_packed(const struct atm_program *p,
                                   const struct atm_load *load, char *staging,
                                   atm_put_fn *put, void *user)
{
    const struct atm_tensor *t = &p->tensor[load->tensor];
    size_t each = atm_dtype_bytes(t->dtype);
    int64_t row, rows, d;
    uint64_t off = 0;
    enum atm_status st = ATM_OK;

    for (row = 0; row < t->shape.dim[0] && !st; row += rows) {
        struct atm_shape part = t->shape, source = load->shape;
        int64_t at[ATM_RANK_MAX] = {0}, source_stride[ATM_RANK_MAX];
        int64_t stride[ATM_RANK_MAX], s = 1;
        struct pack k = {.each = each};
        uint64_t bytes;
        char *packed;

        rows = t->shape.dim[0] - row;
        if (rows > load->slice_rows)
            rows = load->slice_rows;
        st = read_rows(p, load, each, row, rows, staging);
        if (st)
            return st;
        part.dim[0] = source.dim[load->perm[0]] = rows;
        for (d = (int64_t)source.rank - 1; d >= 0; d--) {
            source_stride[d] = s;
            s *= source.dim[d];
        }
        for (d = 0; d < (int64_t)part.rank; d++)
            stride[d] = source_stride[load->perm[d]];
        st = atm_layout_bytes(&t->layout, &part, t->dtype, &bytes);
        if (st)
            return st;
        make_loops(&k, &t->layout, &part, stride);
        /* behind the rows as read, on the next cache line */
        packed = staging + ((uint64_t)s * each + ATM_ALIGN - 1) / ATM_ALIGN *
                               ATM_ALIGN;
        (void)pack(&k, 0, at, staging, packed);
        st = put(user, off, packed, bytes);
        off += bytes;
    }
    return st;
}

static enum atm_status load_as_is(const struct atm_program *p,
                                  const struct atm_load *load, void *staging,
                                  atm_put_fn *put, void *user)
{
    const struct atm_value *v = &p->graph->value[load->value];
    uint64_t all = p->graph->constant[v->constant].bytes, off, n;
    enum atm_status st = ATM_OK;

    for (off = 0; off < all && !st; off += n) {
        n = all - off < load->slice_bytes ? all - off : load->slice_bytes;
        st = atm_constant_read(p->graph, load->value, off, n, staging);
        if (!st)
            st = put(user, off, staging, n);
    }
    return st;
}

enum atm_status atm__load_run(const struct atm_program *p,
                              const struct atm_load *load, void *staging,
                              atm_put_fn *put, void *user)
{
    enum atm_status st;

    st = load->pack ? load_packed(p, load, staging, put, user)
                    : load_as_is(p, load, staging, put, user);
    return st ? atm_fail_in(st, "weight %s", p->tensor[load->tensor].name)
              : ATM_OK;
}
