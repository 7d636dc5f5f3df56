/* affinity.h - a core of its own for each OpenMP thread. */
#ifndef ATM_RUNTIME_AFFINITY_H
#define ATM_RUNTIME_AFFINITY_H

#include <stdbool.h>

/* Cores that this process might use when it was first asked. */
int atm__cores(void);

/* Where `threads` threads fill all the cores, each gets one: left alone, the
 * scheduler wakes a worker on the core of the thread that it works for, and
 * the two share it for milliseconds (ResNet-50 at two threads: 21 to 40 ms).
 * True: done, and to be undone by atm__cores_release. Calls nest. */
bool atm__cores_pin(int threads);
void atm__cores_release(int threads);

/* The calling thread may use all of the cores, whoever made it. */
void atm__cores_all(void);

#endif
