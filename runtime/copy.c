/* copy.c - non-temporal copies by run-time dispatch, and a read stream. */
#include "copy.h"

#include "fault.h"

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* One thread copies 10-17 GB/s; more are worth their wake-up only for what
 * takes far longer than one: on a busy machine a join waits for a time slice,
 * and 4 MiB on two threads were seen at a tenth of the speed. */
#define BYTES_PER_THREAD ((size_t)4 << 20)

/* dst is 64-byte aligned, bytes a multiple of 64; each line is written whole,
 * so that no store buffer is flushed half full. */
typedef void lines_fn(unsigned char *dst, const unsigned char *src,
                      size_t bytes);

__attribute__((target("avx512f"))) static void
lines_avx512(unsigned char *dst, const unsigned char *src, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i += 64)
        _mm512_stream_si512((void *)(dst + i),
                            _mm512_loadu_si512((const void *)(src + i)));
}

__attribute__((target("avx2"))) static void
lines_avx2(unsigned char *dst, const unsigned char *src, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i += 64) {
        __m256i a = _mm256_loadu_si256((const void *)(src + i));
        __m256i b = _mm256_loadu_si256((const void *)(src + i + 32));

        _mm256_stream_si256((void *)(dst + i), a);
        _mm256_stream_si256((void *)(dst + i + 32), b);
    }
}

static void lines_sse2(unsigned char *dst, const unsigned char *src,
                       size_t bytes)
{
    size_t i, j;

    for (i = 0; i < bytes; i += 64)
        for (j = 0; j < 64; j += 16)
            _mm_stream_si128((void *)(dst + i + j),
                             _mm_loadu_si128((const void *)(src + i + j)));
}

static lines_fn *lines(void)
{
    if (__builtin_cpu_supports("avx512f"))
        return lines_avx512;
    return __builtin_cpu_supports("avx2") ? lines_avx2 : lines_sse2;
}

/* Parts of whole lines; the last one takes the rest. */
static size_t part_bytes(size_t bytes, int parts)
{
    return bytes / (size_t)parts / 64 * 64;
}

static int parts_of(size_t bytes, int threads)
{
    size_t most = bytes / BYTES_PER_THREAD;

    if (threads < 1 || most < 2)
        return 1;
    return (size_t)threads < most ? threads : (int)most;
}

/* One part under a guard; null, or the address that failed. */
static const void *copy_part(lines_fn *fn, unsigned char *dst,
                             const unsigned char *src, size_t bytes)
{
    struct atm__guard g = {.outer = atm__guard};

    atm__guard = &g;
    if (sigsetjmp(g.back, 0) == 0) {
        fn(dst, src, bytes);
        _mm_sfence();
    }
    atm__guard = g.outer;
    return g.address;
}

static void lines_plain(unsigned char *dst, const unsigned char *src,
                        size_t bytes)
{
    memcpy(dst, src, bytes);
}

const void *atm__copy(void *dst, const void *src, size_t bytes, int threads)
{
    unsigned char *d = dst;
    const unsigned char *s = src;
    size_t head = -(uintptr_t)d & 63, body, part, tail;
    const void *failed = NULL;
    int i, parts;

    if (bytes < 4096) /* may be used at once: let it be in the cache */
        return copy_part(lines_plain, d, s, bytes);
    body = (bytes - head) / 64 * 64;
    tail = bytes - head - body;
    parts = parts_of(body, threads);
    part = part_bytes(body, parts);
#pragma omp parallel for num_threads(parts) schedule(static, 1) if (parts > 1)
    for (i = 0; i < parts; i++) {
        size_t from = head + (size_t)i * part;
        const void *f = copy_part(lines(), d + from, s + from,
                                  i == parts - 1 ? body - (from - head) : part);

        if (f) {
#pragma omp atomic write
            failed = f;
        }
    }
    if (!failed)
        failed = copy_part(lines_plain, d, s, head);
    if (!failed)
        failed = copy_part(lines_plain, d + head + body, s + head + body, tail);
    return failed;
}

static uint64_t read_part(const unsigned char *p, size_t bytes)
{
    __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
    uint64_t sum[2];
    size_t i;

    for (i = 0; i < bytes; i += 64) {
        a = _mm_add_epi64(a, _mm_load_si128((const void *)(p + i)));
        b = _mm_add_epi64(b, _mm_load_si128((const void *)(p + i + 16)));
        c = _mm_add_epi64(c, _mm_load_si128((const void *)(p + i + 32)));
        d = _mm_add_epi64(d, _mm_load_si128((const void *)(p + i + 48)));
    }
    a = _mm_add_epi64(_mm_add_epi64(a, b), _mm_add_epi64(c, d));
    _mm_storeu_si128((void *)sum, a);
    return sum[0] + sum[1];
}

unsigned long long atm__read(const void *p, size_t bytes, int threads)
{
    int i, parts = parts_of(bytes, threads);
    size_t part = part_bytes(bytes, parts);
    unsigned long long sum = 0;

#pragma omp parallel for num_threads(parts) schedule(static, 1)               \
    reduction(+ : sum) if (parts > 1)
    for (i = 0; i < parts; i++)
        sum += read_part((const unsigned char *)p + (size_t)i * part,
                         i == parts - 1 ? bytes - (size_t)i * part : part);
    return sum;
}
