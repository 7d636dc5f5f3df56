/* ops.c - the registry: rows of ops.def joined with their implementations,
 * and the checks that every operator shares. */
#include "autotm/op.h"

#include "ref/elem.h"
#include "shape.h"

#include <inttypes.h>
#include <string.h>

#define OP(name, since, in_min, in_max, out_min, out_max, flags)               \
    extern const struct atm_op_impl atm_op_impl_##name;
#include "ops.def"
#undef OP

static const struct atm_op ops[] = {
#define OP(name, since, in_min, in_max, out_min, out_max, flags)               \
    {#name,   "",     since,                                                   \
     in_min,  in_max, out_min,                                                 \
     out_max, flags,  &atm_op_impl_##name},
#include "ops.def"
#undef OP
};

uint32_t atm_op_count(void)
{
    return sizeof(ops) / sizeof(ops[0]);
}

const struct atm_op *atm_op_at(uint32_t index)
{
    return index < atm_op_count() ? &ops[index] : NULL;
}

const struct atm_op *atm_op_find(const char *domain, const char *name)
{
    uint32_t lo = 0, hi = atm_op_count();

    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = strcmp(name, ops[mid].name);

        if (order == 0)
            return strcmp(domain, ops[mid].domain) == 0 ? &ops[mid] : NULL;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

/* Inputs that belong to fused additions stand behind the operator's own. */
static uint32_t own_inputs(const struct atm_call *call)
{
    uint32_t n = call->n_in, i;

    for (i = 0; i < call->node->n_post; i++)
        if (call->node->post[i].kind == ATM_POST_ADD && n > 0)
            n--;
    return n;
}

static enum atm_status check_arity(const struct atm_call *call)
{
    const struct atm_op *op = call->node->op;
    uint32_t i;

    if (call->n_in < op->in_min || call->n_in > op->in_max)
        return atm_fail(ATM_FORMAT,
                        "%s has %" PRIu32 " inputs, it takes %" PRIu32
                        " to %" PRIu32,
                        op->name, call->n_in, op->in_min, op->in_max);
    if (call->n_out < op->out_min || call->n_out > op->out_max)
        return atm_fail(ATM_FORMAT,
                        "%s has %" PRIu32 " outputs, it gives %" PRIu32
                        " to %" PRIu32,
                        op->name, call->n_out, op->out_min, op->out_max);
    for (i = 0; i < call->n_in; i++)
        if (!call->in[i].present &&
            (i < op->in_min || op->in_max == UINT32_MAX))
            return atm_fail(ATM_FORMAT,
                            "%s: input %" PRIu32 " may not be omitted",
                            op->name, i);
    for (i = 0; i < op->out_min; i++)
        if (!call->out[i].present)
            return atm_fail(ATM_FORMAT,
                            "%s: output %" PRIu32 " may not be omitted",
                            op->name, i);
    return ATM_OK;
}

/* Beyond any machine, and far from the end of int64: rules and kernels may
 * add pads to it or double it. An empty tensor could hide such a dimension. */
#define DIMENSION_MAX ((int64_t)1 << 48)

static enum atm_status check_inputs(const struct atm_call *call)
{
    enum atm_status st;
    uint64_t bytes;
    uint32_t i, d;

    for (i = 0; i < call->n_in; i++) {
        const struct atm_view *v = &call->in[i];

        if (!v->present)
            continue;
        st = atm_shape_bytes(&v->shape, v->dtype, &bytes);
        for (d = 0; !st && d < v->shape.rank; d++)
            if (v->shape.dim[d] > DIMENSION_MAX)
                st = atm_fail(ATM_FORMAT, "dimension %" PRIu32 " is %" PRId64,
                              d, v->shape.dim[d]);
        if (st)
            return atm_fail_in(st, "%s: input %" PRIu32, call->node->op->name,
                               i);
    }
    return ATM_OK;
}

static const char *kind_name(enum atm_attr_kind kind)
{
    static const char *const names[] = {"int",    "float",   "string", "ints",
                                        "floats", "strings", "tensor"};

    return (unsigned)kind < 7 ? names[kind] : "?";
}

static bool in_opset(const struct atm_attr_def *d, int opset)
{
    return (!d->since || opset >= d->since) && (!d->until || opset <= d->until);
}

static enum atm_status check_attr(const struct atm_node *node, uint32_t index)
{
    const struct atm_attr *a = &node->attr[index];
    const struct atm_attr_def *d = node->op->impl->attrs;
    uint32_t i;

    for (i = 0; i < index; i++)
        if (strcmp(a->name, node->attr[i].name) == 0)
            return atm_fail(ATM_FORMAT, "%s: attribute %s is given twice",
                            node->op->name, a->name);
    while (d && d->name && strcmp(d->name, a->name) != 0)
        d++;
    if (!d || !d->name || !in_opset(d, node->opset))
        return atm_fail(ATM_FORMAT, "%s has no attribute %s at opset %d",
                        node->op->name, a->name, node->opset);
    if (a->kind != d->kind)
        return atm_fail(
            ATM_FORMAT, "%s: attribute %s is of kind %s, it must be %s",
            node->op->name, a->name, kind_name(a->kind), kind_name(d->kind));
    return ATM_OK;
}

static enum atm_status check_attrs(const struct atm_node *node)
{
    const struct atm_attr_def *d;
    enum atm_status st;
    uint32_t i;

    for (i = 0; i < node->n_attr; i++) {
        st = check_attr(node, i);
        if (st)
            return st;
    }
    for (d = node->op->impl->attrs; d && d->name; d++)
        if (d->required && in_opset(d, node->opset) &&
            !atm_node_attr(node, d->name))
            return atm_fail(ATM_FORMAT, "%s: attribute %s is missing",
                            node->op->name, d->name);
    return ATM_OK;
}

static enum atm_status check_posts(const struct atm_call *call, uint32_t own)
{
    const struct atm_node *node = call->node;
    const struct atm_view *y = &call->out[0];
    uint32_t i;

    if (node->n_post > ATM_POSTS_MAX)
        return atm_fail(ATM_FORMAT, "%" PRIu32 " posts, at most %d",
                        node->n_post, ATM_POSTS_MAX);
    for (i = 0; i < node->n_post; i++) {
        const struct atm_post *p = &node->post[i];

        if (y->dtype != ATM_F32)
            return atm_fail(ATM_UNSUPPORTED, "posts need a float result");
        if (p->kind != ATM_POST_ADD)
            continue;
        if (p->input < own || p->input >= call->n_in ||
            !call->in[p->input].present)
            return atm_fail(ATM_FORMAT,
                            "post %" PRIu32 " adds input %" PRIu32
                            ", which is none of its",
                            i, p->input);
        if (call->in[p->input].dtype != y->dtype ||
            !atm_shape_equal(&call->in[p->input].shape, &y->shape))
            return atm_fail(
                ATM_FORMAT,
                "post %" PRIu32 " adds a tensor of another shape or type", i);
    }
    return ATM_OK;
}

static bool any_bound(const struct atm_view *v, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (v[i].present && v[i].shape.bound)
            return true;
    return false;
}

/* The operator's rule; from bounds of the inputs it makes bounds of the
 * outputs. */
static enum atm_status infer_bound(struct atm_call *call)
{
    const struct atm_op *op = call->node->op;
    bool bound = any_bound(call->in, call->n_in);
    enum atm_status st;
    uint32_t i;

    if (bound && !(op->flags & (ATM_OP_DYNAMIC | ATM_OP_ELEMENTWISE |
                                ATM_OP_INPLACE2)))
        return atm_fail(ATM_UNSUPPORTED, "the shape of an input depends on "
                                         "data; that is not implemented here");
    st = op->impl->infer(call);
    for (i = 0; !st && i < call->n_out; i++)
        if (bound && call->out[i].present)
            call->out[i].shape.bound = !(op->flags & ATM_OP_SHAPE);
    return st;
}

enum atm_status atm_op_infer(struct atm_call *call)
{
    const struct atm_node *node = call->node;
    const struct atm_op *op = node->op;
    uint32_t n_in = call->n_in, own = own_inputs(call), i;
    enum atm_status st;
    uint64_t bytes;

    if (node->opset < op->since)
        return atm_fail(ATM_UNSUPPORTED,
                        "%s of opset %d; it is implemented from opset %d on",
                        op->name, node->opset, op->since);
    call->n_in = own;
    st = check_arity(call);
    if (!st)
        st = check_inputs(call);
    if (!st)
        st = check_attrs(node);
    if (!st) {
        st = infer_bound(call);
        if (st)
            atm_fail_in(st, "%s", op->name);
    }
    call->n_in = n_in;
    if (st)
        return st;
    for (i = 0; i < call->n_out; i++) {
        if (!call->out[i].present)
            continue;
        if (call->out[i].dtype == ATM_DTYPE_NONE)
            return atm_fail(ATM_INTERNAL, "%s: output %" PRIu32 " has no type",
                            op->name, i);
        st = atm_shape_bytes(&call->out[i].shape, call->out[i].dtype, &bytes);
        if (st)
            return atm_fail_in(st, "%s: output %" PRIu32, op->name, i);
    }
    return check_posts(call, own);
}

static void run_post(const struct atm_call *call, const struct atm_post *p)
{
    float *y = call->out[0].data;
    const float *add;
    int64_t i, n = atm_view_count(&call->out[0]);

    switch (p->kind) {
    case ATM_POST_ADD:
        add = call->in[p->input].data;
        for (i = 0; i < n; i++)
            y[i] += add[i];
        break;
    case ATM_POST_RELU:
        for (i = 0; i < n; i++)
            y[i] = y[i] < 0 ? 0 : y[i];
        break;
    case ATM_POST_CLIP:
        for (i = 0; i < n; i++) {
            y[i] = y[i] < p->lo ? p->lo : y[i];
            y[i] = y[i] > p->hi ? p->hi : y[i];
        }
        break;
    }
}

/* True shapes of all views: those of inputs lie behind their elements, those
 * of outputs follow by inference over data. An output's bound is kept in the
 * place of its extent meanwhile. */
static enum atm_status resolve(struct atm_call *call)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; !st && i < call->n_in; i++)
        if (call->in[i].present)
            st = atm_extent_read(&call->in[i].shape, call->in[i].dtype,
                                 call->in[i].data);
    for (i = 0; !st && i < call->n_out; i++) {
        struct atm_view *y = &call->out[i];

        y->extent = NULL;
        if (!y->present || !y->shape.bound)
            continue;
        y->extent = atm_extent_at(&y->shape, y->dtype, y->data);
        memcpy(y->extent, y->shape.dim, y->shape.rank * sizeof(*y->extent));
    }
    return st ? st : atm_op_infer(call);
}

/* The result may be smaller than its room: zeros, then the extent. */
static enum atm_status settle(const struct atm_call *call)
{
    enum atm_status st = ATM_OK;
    uint64_t bytes;
    uint32_t i, d;

    for (i = 0; !st && i < call->n_out; i++) {
        struct atm_view *y = &call->out[i];

        if (!y->present || !y->extent)
            continue;
        st = atm_shape_bytes(&y->shape, y->dtype, &bytes);
        for (d = 0; !st && d < y->shape.rank; d++)
            if (y->shape.bound || y->shape.dim[d] > y->extent[d])
                st = atm_fail(ATM_INTERNAL,
                              "output %" PRIu32 " is beyond its "
                              "bound",
                              i);
        if (st)
            break;
        memset((char *)y->data + bytes, 0,
               (size_t)((char *)y->extent - (char *)y->data) - bytes);
        memset(y->extent, 0, ATM_EXTENT_BYTES);
        memcpy(y->extent, y->shape.dim, y->shape.rank * sizeof(*y->extent));
    }
    return st;
}

/* The kernel writes no more than the room of the bound: that is checked before
 * it runs, by the shapes that inference gives. */
static enum atm_status check_room(const struct atm_call *call)
{
    uint32_t i, d;

    for (i = 0; i < call->n_out; i++) {
        const struct atm_view *y = &call->out[i];

        for (d = 0; y->present && y->extent && d < y->shape.rank; d++)
            if (y->shape.dim[d] > y->extent[d])
                return atm_fail(ATM_FORMAT,
                                "output %" PRIu32 " has %" PRId64
                                " elements in dimension %" PRIu32
                                ", at most %" PRId64 " were expected",
                                i, y->shape.dim[d], d, y->extent[d]);
    }
    return ATM_OK;
}

static enum atm_status run_bound(const struct atm_call *call)
{
    struct atm_call own = *call;
    enum atm_status st = resolve(&own);

    if (!st)
        st = check_room(&own);
    if (!st)
        st = call->node->op->impl->run(&own);
    return st ? st : settle(&own);
}

enum atm_status atm_op_run_reference(const struct atm_call *call)
{
    struct atm_call own = *call;
    enum atm_status st;
    uint32_t i;

    own.n_in = own_inputs(call);
    if (any_bound(own.in, own.n_in) || any_bound(own.out, own.n_out))
        st = run_bound(&own);
    else
        st = call->node->op->impl->run(&own);
    if (st)
        return atm_fail_in(st, "%s", call->node->op->name);
    for (i = 0; i < call->node->n_post; i++)
        run_post(call, &call->node->post[i]);
    return ATM_OK;
}
