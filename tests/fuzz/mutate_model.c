/* mutate_model.c - libFuzzer's mutators for the targets whose input is an ONNX
 * model. */
#include "fuzz.h"

#include "onnx.pb-c.h"

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
