/* loss.c - what the two losses over class labels share:
 * -weight[label] log p[label], summed, averaged by weight, or one by one. */
#include "ref/loss.h"

#include <inttypes.h>
#include <math.h>

const struct atm_attr_def atm__loss_attrs[] = {
    {.name = "ignore_index", .kind = ATM_ATTR_INT},
    {.name = "reduction", .kind = ATM_ATTR_STRING},
    {.name = NULL}};

static bool reduces(const struct atm_node *n)
{
    return strcmp(atm_node_string(n, "reduction", "mean"), "none") != 0;
}

enum atm_status atm__loss_infer(struct atm_call *call)
{
    const char *how = atm_node_string(call->node, "reduction", "mean");
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape labels = *x, y = {.rank = 0};
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = atm_need_rank(call, 0, 2);
    if (st)
        return st;
    if (reduces(call->node) && strcmp(how, "mean") != 0 &&
        strcmp(how, "sum") != 0)
        return atm_fail(ATM_FORMAT, "attribute reduction is unknown");
    for (i = 2; i < x->rank; i++)
        labels.dim[i - 1] = x->dim[i];
    labels.rank--;
    if (!atm_shape_equal(&labels, &call->in[1].shape))
        return atm_fail(ATM_FORMAT, "the labels do not fit the scores");
    if (atm_has_in(call, 2) &&
        (call->in[2].dtype != call->in[0].dtype ||
         call->in[2].shape.rank != 1 || call->in[2].shape.dim[0] != x->dim[1]))
        return atm_fail(ATM_FORMAT, "input 2 (weights) needs one element of "
                                    "the scores' type a class");
    atm_set_out(call, 0, call->in[0].dtype, reduces(call->node) ? &y : &labels);
    atm_set_out(call, 1, call->in[0].dtype, x);
    return ATM_OK;
}

/* log(sum(exp)) of the scores of one position. */
static double log_sum(const struct atm_view *x, int64_t at, int64_t n,
                      int64_t step)
{
    double max = -INFINITY, sum = 0;
    int64_t k;

    for (k = 0; k < n; k++)
        max = fmax(max, atm__get_f(x, at + k * step));
    for (k = 0; k < n; k++)
        sum += exp(atm__get_f(x, at + k * step) - max);
    return max + log(sum);
}

enum atm_status atm__loss_run(const struct atm_call *call, bool softmax)
{
    const char *how = atm_node_string(call->node, "reduction", "mean");
    const struct atm_attr *ignore = atm_node_attr(call->node, "ignore_index");
    const struct atm_view *x = &call->in[0], *labels = &call->in[1];
    int64_t classes = x->shape.dim[1], n = atm_view_count(labels), i, k;
    int64_t inner = atm_dims_product(&x->shape, 2, x->shape.rank);
    double total = 0, weights = 0;

    for (i = 0; i < n; i++) {
        int64_t label = atm__get_i(labels, i);
        int64_t at = i / inner * classes * inner + i % inner;
        double norm = softmax ? log_sum(x, at, classes, inner) : 0;
        double weight = 0, loss = 0;

        for (k = 0; atm_has_out(call, 1) && k < classes; k++)
            atm__put_f(&call->out[1], at + k * inner,
                       atm__get_f(x, at + k * inner) - norm);
        if (!ignore || label != ignore->i) {
            if (label < 0 || label >= classes)
                return atm_fail(ATM_FORMAT,
                                "label %" PRId64 " is none of %" PRId64
                                " classes",
                                label, classes);
            weight = atm_has_in(call, 2) ? atm__get_f(&call->in[2], label) : 1;
            loss = -weight * (atm__get_f(x, at + label * inner) - norm);
        }
        total += loss;
        weights += weight;
        if (!reduces(call->node))
            atm__put_f(&call->out[0], i, loss);
    }
    if (reduces(call->node))
        atm__put_f(&call->out[0], 0,
                   strcmp(how, "sum") == 0 ? total : total / weights);
    return ATM_OK;
}
