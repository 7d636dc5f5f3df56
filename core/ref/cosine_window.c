/* cosine_window.c - Hann, Hamming and Blackman windows: a sum of cosines. */
#include "ref/cosine_window.h"

#include <math.h>

const struct atm_attr_def atm__cosine_window_attrs[] = {
    {.name = "output_datatype", .kind = ATM_ATTR_INT},
    {.name = "periodic", .kind = ATM_ATTR_INT},
    {.name = NULL}};

enum atm_status atm__cosine_window_infer(struct atm_call *call)
{
    int64_t code = atm_node_int(call->node, "output_datatype", 1);
    enum atm_dtype type = ATM_DTYPE_NONE;
    struct atm_shape y = {.rank = 1};
    enum atm_status st;
    uint32_t n;

    if (code > 0 && code <= 64)
        type = atm_dtype_from_onnx((int)code);
    if (!atm_type_in(type, ATM_TYPES_NUMBER))
        return atm_fail(ATM_UNSUPPORTED,
                        "attribute output_datatype is no numeric type");
    st = atm_need_ints(call, 0, "size", 1, y.dim, &n);
    if (!st && (n != 1 || y.dim[0] < 0))
        st = atm_fail(ATM_FORMAT, "input 0 (size) is no count");
    if (!st)
        atm_set_out(call, 0, type, &y);
    return st;
}

enum atm_status atm__cosine_window_run(const struct atm_call *call,
                                       const double a[3])
{
    int64_t n = atm_view_count(&call->out[0]), i;
    bool periodic = atm_node_int(call->node, "periodic", 1) != 0;
    double step = 2 * M_PI / (double)(periodic || n == 1 ? n : n - 1);

    for (i = 0; i < n; i++)
        atm__put_f(&call->out[0], i,
                   a[0] - a[1] * cos((double)i * step) +
                       a[2] * cos(2 * (double)i * step));
    return ATM_OK;
}
