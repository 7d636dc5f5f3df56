/* fuzz_store.c - profile databases: opened, checked, read and written to, or
 * refused, or put aside. Whole pages change as well as bytes. */
#include "fuzz.h"

#include "profiler/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct atm__vector vector = {{1, 2}, "emu:rd=8G", 1};

static void use(struct atm_store *s)
{
    double seconds[8];
    uint32_t n, sweeps, i;

    if (atm__store_samples(s, &vector, seconds, 8, &n, &sweeps) == ATM_OK)
        for (i = 0; i < n && i < 8; i++)
            FUZZ_PROMISE(isfinite(seconds[i]) && seconds[i] > 0);
    if (atm__store_begin(s))
        return;
    if (atm__store_add(s, &vector, 1, 1, 0.5) == ATM_OK)
        (void)atm__store_commit(s);
    atm__store_rollback(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *path = fuzz_file("p.db", data, bytes), *warning;
    struct atm_store *s;
    char beside[160];
    int i;
    static const char *const more[] = {"-wal", "-shm", ".corrupt-1"};

    if (atm_store_open(path, &s, &warning) == ATM_OK)
        use(s);
    atm_store_close(&s);
    for (i = 0; i < 3; i++) {
        (void)snprintf(beside, sizeof(beside), "%s%s", path, more[i]);
        (void)unlink(beside);
    }
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *warning;
    struct atm_store *s;

    if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
        return 0;
    /* the second argument is the file to make */
    FUZZ_PROMISE(!atm_store_open((*argv)[2], &s, &warning));
    use(s);
    FUZZ_PROMISE(!atm__store_begin(s));
    FUZZ_PROMISE(!atm__store_add(s, &vector, 2, 1, 0.25));
    FUZZ_PROMISE(!atm__store_commit(s));
    atm_store_close(&s);
    exit(0);
}

/* Most of a database is empty space: edits go where bytes are not zero. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t cap,
                               unsigned seed)
{
    uint32_t edits, tries;
    size_t at = 0, n;

    fuzz_seed(seed);
    if (bytes < 64 || fuzz_below(16) == 0)
        return LLVMFuzzerMutate(data, bytes, cap);
    for (edits = 1 + fuzz_below(4); edits > 0; edits--) {
        for (tries = 0; tries < 32; tries++) {
            at = fuzz_below((uint32_t)bytes);
            if (data[at])
                break;
        }
        n = bytes - at < 8 ? bytes - at : 8;
        if (fuzz_below(3) == 0)
            data[at] = (uint8_t)fuzz_number();
        else
            (void)LLVMFuzzerMutate(data + at, n, n);
    }
    return bytes;
}
