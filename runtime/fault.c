/* fault.c - the handler of SIGBUS. */
#include "fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Thread_local struct atm__guard *atm__guard;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction before;
static _Atomic(atm__fault_name_fn *) name_fn;
static _Atomic(const void *) name_user;

static void tell(const void *address)
{
    atm__fault_name_fn *fn = atomic_load(&name_fn);
    char what[256], line[320];
    int n;

    if (!fn || !fn(atomic_load(&name_user), address, what, sizeof(what)))
        return;
    n = snprintf(line, sizeof(line),
                 "autotm: memory failed under a kernel: %s\n", what);
    if (n > 0 &&
        write(STDERR_FILENO, line,
              (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
        return; /* nobody listens */
}

static void on_bus(int number, siginfo_t *info, void *context)
{
    struct atm__guard *g = atm__guard;
    uintptr_t page = 4096; /* what fails is a page, or more */

    if (info->si_code == BUS_MCEERR_AO)
        return; /* a page failed that nobody touched yet */
    if (info->si_code == BUS_MCEERR_AR && info->si_addr_lsb > 12)
        page = (uintptr_t)1 << info->si_addr_lsb;
    if (g) {
        g->address = (const void *)((uintptr_t)info->si_addr & ~(page - 1));
        siglongjmp(g->back, 1);
    }
    tell(info->si_addr);
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
}

static void install(void)
{
    struct sigaction a;

    memset(&a, 0, sizeof(a));
    a.sa_sigaction = on_bus;
    /* the jump out of the handler restores no mask */
    a.sa_flags = SA_SIGINFO | SA_NODEFER;
    (void)sigemptyset(&a.sa_mask);
    (void)sigaction(SIGBUS, &a, &before);
}

void atm__fault_catch(void)
{
    (void)pthread_once(&once, install);
}

void atm__fault_name(atm__fault_name_fn *fn, const void *user)
{
    atomic_store(&name_user, user);
    atomic_store(&name_fn, fn);
}

void atm__fault_forget(const void *user)
{
    if (atomic_load(&name_user) == user)
        atm__fault_name(NULL, NULL);
}
