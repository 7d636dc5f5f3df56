/* copy.h - bulk copies that leave the caches alone. */
#ifndef ATM_RUNTIME_COPY_H
#define ATM_RUNTIME_COPY_H

#include <stddef.h>

/* Copies with non-temporal stores (AVX-512, AVX2 or SSE2, found at run time):
 * what is moved between tiers is not read again soon, and a store that does
 * not first read its line saves a third of the traffic. At most `threads`
 * threads, fewer for small copies. Ends with a store fence. Ranges must not
 * overlap. Null; or, once atm__fault_catch was called, the address of memory
 * that failed under it: then the bytes at dst are undefined. */
const void *atm__copy(void *dst, const void *src, size_t bytes, int threads);

/* Sum of the 64-bit words of [p, p+bytes), bytes a multiple of 64: a pure
 * stream of reads, for calibration. */
unsigned long long atm__read(const void *p, size_t bytes, int threads);

#endif
