/* failing_memory.h - an allocator that fails after so many allocations:
 * atm_set_allocator(failing, NULL). */
#ifndef ATM_TEST_FAILING_MEMORY_H
#define ATM_TEST_FAILING_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

static unsigned long left; /* allocations that succeed */

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    if (left == 0)
        return NULL;
    left--;
    return realloc(p, bytes);
}

#endif
