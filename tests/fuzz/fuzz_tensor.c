/* fuzz_tensor.c - tensor files: .npy, TensorProto and raw bytes; what is read
 * is written and read again. */
#include "fuzz.h"

#include "autotm/frontend.h"
#include "onnx.pb-c.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"t.npy", "t.pb", "t.raw"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct atm_shape shape = {2, {2, 3}};
    struct atm_array a, again;
    const char *path;

    if (bytes == 0)
        return 0;
    path = fuzz_file(names[data[0] % 3], data + 1, bytes - 1);
    if (atm_array_read(path, ATM_F32, data[0] & 8 ? NULL : &shape, &a))
        return 0;
    if (a.bytes < 65536 && a.dtype != ATM_BF16) { /* NumPy has no such type */
        path = fuzz_file("t.npy", "", 0);
        FUZZ_PROMISE(!atm_array_write_npy(path, &a, true));
        FUZZ_PROMISE(!atm_array_read(path, a.dtype, &a.shape, &again));
        FUZZ_PROMISE(
            again.bytes == a.bytes &&
            (a.bytes == 0 || memcmp(again.data, a.data, (size_t)a.bytes) == 0));
        atm_array_clear(&again);
    }
    atm_array_clear(&a);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t cap,
                               unsigned seed)
{
    if (bytes < 2 || data[0] % 3 != 1)
        return LLVMFuzzerMutate(data, bytes, cap);
    return 1 + fuzz_proto(&onnx__tensor_proto__descriptor, data + 1, bytes - 1,
                          cap - 1, seed, NULL, 0);
}
