/* fuzz.h - what the libFuzzer targets share: input as files, and mutators that
 * know the form of their input. */
#ifndef ATM_FUZZ_H
#define ATM_FUZZ_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's interface. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t cap,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_bytes,
                                 const uint8_t *b, size_t b_bytes, uint8_t *out,
                                 size_t cap, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t cap);

/* Path, in a private folder in memory that is removed at exit, of a file of
 * that name with these bytes. */
const char *fuzz_file(const char *name, const void *data, size_t bytes);

/* Aborts, so that the input is kept: a promise of the library is broken. */
#define FUZZ_PROMISE(cond)                                                     \
    do {                                                                       \
        if (!(cond))                                                           \
            fuzz_broken(#cond);                                                \
    } while (0)
void fuzz_broken(const char *promise) __attribute__((noreturn));

/* Mutates a protobuf message by its descriptor: fields are set to values that
 * matter, removed, repeated, swapped, copied from elsewhere in the message,
 * or, in the crossover, from `other` (may be null). Bytes that are no message
 * are mutated as bytes. */
size_t fuzz_proto(const ProtobufCMessageDescriptor *root, uint8_t *data,
                  size_t bytes, size_t cap, unsigned seed, const uint8_t *other,
                  size_t other_bytes);
/* The same of a JSON text. */
size_t fuzz_json(uint8_t *data, size_t bytes, size_t cap, unsigned seed,
                 const uint8_t *other, size_t other_bytes);

/* Pseudorandom numbers of one mutation. */
void fuzz_seed(unsigned seed);
uint32_t fuzz_below(uint32_t n); /* 0 where n is 0 */
int64_t fuzz_number(void);       /* one that breaks things */

#endif
