/* status.h - result codes and the sentence that explains the last failure.
 *
 * Every fallible function returns `enum atm_status`: ATM_OK (0) or one of the
 * codes below. The code says what kind of failure it is (and decides the exit
 * code of the command line); the sentence says subject, cause and next step.
 * The sentence is thread-local and stays valid until the next failure on the
 * same thread. Outputs of a failed call are null or untouched.
 */
#ifndef AUTOTM_STATUS_H
#define AUTOTM_STATUS_H

#include <stdarg.h>
#include <stddef.h>

/* name, exit code of the command line, short text */
#define ATM_STATUS_LIST(X)                                                     \
    X(OK, 0, "ok")                                                             \
    X(INTERNAL, 1, "internal error")                                           \
    X(INVAL, 2, "invalid argument")                                            \
    X(FORMAT, 3, "malformed input")                                            \
    X(UNSUPPORTED, 4, "not supported")                                         \
    X(INFEASIBLE, 5, "infeasible")                                             \
    X(STALE, 6, "does not match")                                              \
    X(MISMATCH, 7, "verification failed")                                      \
    X(IO, 8, "input/output error")                                             \
    X(NOMEM, 8, "out of memory")                                               \
    X(CAPACITY, 8, "not enough space in a tier")                               \
    X(INTERRUPTED, 130, "interrupted")

enum atm_status {
#define X(name, code, text) ATM_##name,
    ATM_STATUS_LIST(X)
#undef X
};

/* Stores the sentence (printf style, truncated at 1,023 bytes) and returns
 * `status`, so that a failure is one statement: `return atm_fail(...)`. */
enum atm_status atm_fail(enum atm_status status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts `fmt...` and ": " before the sentence of the last failure: callers add
 * the file or node that the callee did not know. Returns `status`. */
enum atm_status atm_fail_in(enum atm_status status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The sentence of the last failure on this thread; never null. */
const char *atm_errmsg(void);

const char *atm_status_text(enum atm_status status);
int atm_status_exit_code(enum atm_status status);

/* The one allocator entry point: every byte that autotm's own code takes from
 * the heap passes here, so that tests can count, and fail the n-th call.
 * Null restores the C library. Call it before any other function. */
typedef void *atm_realloc_fn(void *user, void *ptr, size_t bytes);
void atm_set_allocator(atm_realloc_fn *fn, void *user);

#endif
