/* fuzz_onnx.c - any bytes as a model: pre-scan, import, inference, folding,
 * fusion, and the checker after each. */
#include "fuzz.h"

#include "autotm/frontend.h"
#include "onnx.pb-c.h"

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

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t cap,
                               unsigned seed)
{
    return fuzz_proto(&onnx__model_proto__descriptor, data, bytes, cap, seed,
                      NULL, 0);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_bytes,
                                 const uint8_t *b, size_t b_bytes, uint8_t *out,
                                 size_t cap, unsigned seed)
{
    size_t n = a_bytes < cap ? a_bytes : cap;

    __builtin_memcpy(out, a, n);
    return fuzz_proto(&onnx__model_proto__descriptor, out, n, cap, seed, b,
                      b_bytes);
}
