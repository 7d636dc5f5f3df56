/* affinity.c - pinning the OpenMP team while an executor is open. */
#include "affinity.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#define SETS 4 /* of 1,024 cores */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static cpu_set_t allowed[SETS];
static int n_allowed, depth;

static void look(void)
{
    if (sched_getaffinity(0, sizeof(allowed), allowed) == 0)
        n_allowed = CPU_COUNT_S(sizeof(allowed), allowed);
}

int atm__cores(void)
{
    (void)pthread_once(&once, look);
    return n_allowed > 0 ? n_allowed : 1;
}

/* The calling thread on the i-th core that is allowed. */
static void pin_to(int i)
{
    cpu_set_t one[SETS];
    int core, n = 0;

    for (core = 0; core < SETS * CPU_SETSIZE; core++)
        if (CPU_ISSET_S(core, sizeof(allowed), allowed) && n++ == i)
            break;
    if (core == SETS * CPU_SETSIZE)
        return;
    CPU_ZERO_S(sizeof(one), one);
    CPU_SET_S(core, sizeof(one), one);
    (void)sched_setaffinity(0, sizeof(one), one); /* else as it was */
}

bool atm__cores_pin(int threads)
{
    if (threads < 2 || threads != atm__cores())
        return false;
    if (depth++ > 0)
        return true;
#pragma omp parallel num_threads(threads)
    pin_to(omp_get_thread_num());
    return true;
}

void atm__cores_release(int threads)
{
    if (--depth > 0)
        return;
#pragma omp parallel num_threads(threads)
    (void)sched_setaffinity(0, sizeof(allowed), allowed);
}

void atm__cores_all(void)
{
    (void)pthread_once(&once, look);
    if (n_allowed > 0)
        (void)sched_setaffinity(0, sizeof(allowed), allowed);
}
