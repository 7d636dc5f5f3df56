/* fuzz.c - files in memory, random numbers. */
#include "fuzz.h"

#include "autotm/status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/dev/shm/autotm-fuzz-XXXXXX";
static int folder_fd = -1;
static uint64_t state;

static void remove_folder(void)
{
    static const char *const names[] = {
        "model.onnx",     "plan.json",    "t.npy",    "t.pb",
        "t.raw",          "p.db",         "p.db-wal", "p.db-shm",
        "p.db.corrupt-1", "p.db-journal", "data.bin"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlinkat(folder_fd, names[i], 0);
    (void)rmdir(folder);
}

const char *fuzz_file(const char *name, const void *data, size_t bytes)
{
    static char path[128];
    int fd;

    if (folder_fd < 0) {
        if (!mkdtemp(folder))
            abort();
        folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        (void)atexit(remove_folder);
    }
    /* truncated last: an old file's pages are used again */
    fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes ||
        ftruncate(fd, (off_t)bytes))
        abort();
    (void)close(fd);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void fuzz_broken(const char *promise)
{
    (void)fprintf(stderr, "broken: %s (%s)\n", promise, atm_errmsg());
    abort();
}

void fuzz_seed(unsigned seed)
{
    state = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

uint32_t fuzz_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (uint32_t)((state >> 32) % n) : 0;
}

int64_t fuzz_number(void)
{
    static const int64_t edge[] = {0,
                                   1,
                                   -1,
                                   2,
                                   3,
                                   -2,
                                   4,
                                   7,
                                   8,
                                   16,
                                   64,
                                   100,
                                   127,
                                   128,
                                   255,
                                   256,
                                   1000,
                                   4096,
                                   65535,
                                   65536,
                                   INT32_MAX,
                                   INT32_MIN,
                                   UINT32_MAX,
                                   INT64_C(1) << 32,
                                   INT64_C(1) << 40,
                                   INT64_C(1) << 53,
                                   INT64_C(1) << 62,
                                   INT64_MAX,
                                   INT64_MIN};
    uint32_t n = sizeof(edge) / sizeof(edge[0]);

    return fuzz_below(3) ? edge[fuzz_below(n)] : fuzz_below(32);
}
