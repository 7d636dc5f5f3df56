/* col2im.c - Col2Im: blocks of an image, added up where they overlap. */
#include "ref/elem.h"

#include <inttypes.h>

struct blocks {
    uint32_t rank;
    int64_t image[ATM_RANK_MAX], block[ATM_RANK_MAX], count[ATM_RANK_MAX];
    int64_t stride[ATM_RANK_MAX], dilation[ATM_RANK_MAX];
    int64_t pads[2 * ATM_RANK_MAX];
    int64_t per_block, n_blocks;
};

/* An attribute with n elements, each `otherwise` if it is absent. */
static enum atm_status list(const struct atm_node *node, const char *name,
                            uint32_t n, int64_t otherwise, int64_t *to)
{
    enum atm_status st;
    uint32_t have, i;

    st = atm_attr_ints(node, name, n, to, &have);
    if (!st && have != 0 && have != n)
        st = atm_fail(ATM_FORMAT, "attribute %s has %" PRIu32 " elements", name,
                      have);
    for (i = 0; !st && i < n; i++) {
        if (have == 0)
            to[i] = otherwise;
        if (to[i] < otherwise || to[i] > INT32_MAX)
            st = atm_fail(ATM_FORMAT, "attribute %s: %" PRId64, name, to[i]);
    }
    return st;
}

static enum atm_status describe(const struct atm_call *call, struct blocks *b)
{
    enum atm_status st;
    uint32_t n, i;

    memset(b, 0, sizeof(*b));
    st = atm_need_ints(call, 1, "image_shape", ATM_RANK_MAX - 2, b->image,
                       &b->rank);
    if (!st)
        st = atm_need_ints(call, 2, "block_shape", ATM_RANK_MAX - 2, b->block,
                           &n);
    if (!st && (b->rank < 1 || n != b->rank))
        st = atm_fail(ATM_FORMAT, "image_shape and block_shape differ in rank");
    if (!st)
        st = list(call->node, "strides", b->rank, 1, b->stride);
    if (!st)
        st = list(call->node, "dilations", b->rank, 1, b->dilation);
    if (!st)
        st = list(call->node, "pads", 2 * b->rank, 0, b->pads);
    b->per_block = b->n_blocks = 1;
    for (i = 0; !st && i < b->rank; i++) {
        int64_t room;

        if (b->image[i] < 1 || b->image[i] > INT32_MAX || b->block[i] < 1 ||
            b->block[i] > INT16_MAX)
            return atm_fail(ATM_FORMAT, "an image or block has no extent");
        room = b->image[i] + b->pads[i] + b->pads[i + b->rank] -
               b->dilation[i] * (b->block[i] - 1) - 1;
        b->count[i] = room < 0 ? 0 : room / b->stride[i] + 1;
        if (b->count[i] > (INT64_MAX >> 1) / b->n_blocks ||
            b->block[i] > (INT64_MAX >> 1) / b->per_block)
            return atm_fail(ATM_FORMAT, "the image is too large");
        b->per_block *= b->block[i];
        b->n_blocks *= b->count[i];
        if (b->n_blocks == 0)
            return atm_fail(ATM_FORMAT, "a block is larger than the image");
    }
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape y = {.rank = 2};
    enum atm_status st;
    struct blocks b;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_NUMBER);
    if (!st)
        st = describe(call, &b);
    if (!st && (x->rank != 3 || x->dim[1] % b.per_block != 0 ||
                x->dim[2] != b.n_blocks))
        st = atm_fail(ATM_FORMAT,
                      "the input is not %" PRId64 " blocks of %" PRId64
                      " elements a channel",
                      b.n_blocks, b.per_block);
    if (st)
        return st;
    y.dim[0] = x->dim[0];
    y.dim[1] = x->dim[1] / b.per_block;
    for (i = 0; i < b.rank; i++)
        y.dim[y.rank++] = b.image[i];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* The element of a block that lies on position `to` of the image, if the
 * block does: its row in the input, else -1. */
static int64_t row_of(const struct blocks *b, const int64_t *to,
                      const int64_t *which)
{
    int64_t row = 0;
    uint32_t i;

    for (i = 0; i < b->rank; i++) {
        int64_t k = to[i] + b->pads[i] - which[i] * b->stride[i];

        if (k < 0 || k % b->dilation[i] != 0 ||
            k / b->dilation[i] >= b->block[i])
            return -1;
        row = row * b->block[i] + k / b->dilation[i];
    }
    return row;
}

/* Each element of the image gathers what the blocks have for it. */
static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct atm_shape grid = {.rank = 0};
    struct atm__walk w, in;
    enum atm_status st;
    struct blocks b;
    int64_t at, block, row;

    st = describe(call, &b);
    if (st)
        return st;
    grid.rank = b.rank;
    memcpy(grid.dim, b.count, sizeof(b.count[0]) * b.rank);
    atm__walk_begin(&w, &y->shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        int64_t channel = w.index[0] * y->shape.dim[1] + w.index[1];
        uint64_t whole = 0;
        double sum = 0;

        atm__walk_begin(&in, &grid);
        for (block = 0; in.left > 0; atm__walk_next(&in), block++) {
            row = row_of(&b, w.index + 2, in.index);
            if (row < 0)
                continue;
            row = (channel * b.per_block + row) * b.n_blocks + block;
            sum += atm__get_f(x, row);
            whole += (uint64_t)atm__get_i(x, row);
        }
        if (atm__is_float(y->dtype))
            atm__put_f(y, at, sum);
        else
            atm__put_i(y, at, (int64_t)whole);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "dilations", .kind = ATM_ATTR_INTS},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Col2Im = {
    .attrs = attrs, .infer = infer, .run = run};
