/* fault.h - memory that fails under a copy or a kernel.
 *
 * A page that is poisoned, or a mapped file that was cut, is told by SIGBUS in
 * whoever touches it. Inside a guard that becomes a return value; outside (a
 * kernel that runs on a tier in place) a sentence that names the place is
 * written to stderr and the signal does what it would have done.
 */
#ifndef ATM_RUNTIME_FAULT_H
#define ATM_RUNTIME_FAULT_H

#include <setjmp.h>
#include <stddef.h>

struct atm__guard {
    sigjmp_buf back;
    const void *volatile address; /* that failed */
    struct atm__guard *outer;
};

/* Of the thread: where a SIGBUS goes. To use: put the guard's address here
 * (its `outer` the one before), `if (sigsetjmp(g.back, 0)) failed`, touch the
 * memory, put `outer` back on both ways. */
extern _Thread_local struct atm__guard *atm__guard;

/* Installs the handler once; one that was there before is called for what is
 * not ours. */
void atm__fault_catch(void);

/* Says in `text` what lies at an address that failed outside a guard, as
 * "tensor "x" in pmem:..., offset 4096"; called inside a signal handler on
 * the thread that touched it. False: not known. */
typedef int atm__fault_name_fn(const void *user, const void *address,
                               char *text, size_t cap);
/* One at a time in a process, the newest. */
void atm__fault_name(atm__fault_name_fn *fn, const void *user);
void atm__fault_forget(const void *user);

#endif
