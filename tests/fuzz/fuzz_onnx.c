/* fuzz_onnx.c - any bytes as a model: pre-scan, import, inference, folding,
 * fusion, and the checker after each. */
#include "fuzz.h"

#include "autotm/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *path = fuzz_file("model.onnx", data, bytes);
    struct atm_model_info info;
    struct atm_graph *g;

    if (atm_onnx_import(path, NULL, &info, &g))
        return 0;
    FUZZ_PROMISE(!atm_graph_check(g));
    if (!atm_graph_fuse(g))
        FUZZ_PROMISE(!atm_graph_check(g));
    atm_graph_delete(&g);
    return 0;
}
