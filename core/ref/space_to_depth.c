/* space_to_depth.c - SpaceToDepth: blocks of pixels become channels. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    int64_t b = atm_node_int(call->node, "blocksize", 0);
    const char *mode = atm_node_string(call->node, "mode", "DCR");
    struct atm_shape y = call->in[0].shape;
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (st)
        return st;
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return atm_fail(ATM_FORMAT, "attribute mode is neither DCR nor CRD");
    if (y.rank != 4 || b < 1 || b > 32768 || y.dim[2] % b != 0 ||
        y.dim[3] % b != 0)
        return atm_fail(ATM_FORMAT, "attribute blocksize does not divide the "
                                    "rows and columns of an image");
    if (y.dim[1] > INT64_MAX / (b * b))
        return atm_fail(ATM_FORMAT, "the result is too large");
    y.dim[1] *= b * b;
    y.dim[2] /= b;
    y.dim[3] /= b;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t b = atm_node_int(call->node, "blocksize", 1), at = 0;
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    bool crd = strcmp(atm_node_string(call->node, "mode", "DCR"), "CRD") == 0;
    const int64_t *xd = x->shape.dim;
    struct atm__walk w;

    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w)) {
        const int64_t *i = w.index;
        int64_t block = crd ? i[1] % (b * b) : i[1] / xd[1];
        int64_t c = crd ? i[1] / (b * b) : i[1] % xd[1];

        atm__move(y, at++, x,
                  ((i[0] * xd[1] + c) * xd[2] + i[2] * b + block / b) * xd[3] +
                      i[3] * b + block % b);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "blocksize", .kind = ATM_ATTR_INT, .required = true},
    {.name = "mode", .kind = ATM_ATTR_STRING, .since = 28},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_SpaceToDepth = {
    .attrs = attrs, .infer = infer, .run = run};
