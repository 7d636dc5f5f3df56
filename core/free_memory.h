/* free_memory.h - how much memory this process could still take. */
#ifndef ATM_CORE_FREE_MEMORY_H
#define ATM_CORE_FREE_MEMORY_H

#include <stdint.h>

/* The least of what the kernel estimates for the machine and of what each
 * memory cgroup above this process (version 1 or 2) leaves; page cache that
 * can be dropped counts as free. UINT64_MAX: unknown. Asked before memory is
 * taken, because memory that is not there is found by the OOM killer, not by
 * mmap. */
uint64_t atm_memory_available(void);

/* The same over the files of another root than "/": tests. */
uint64_t atm__memory_available_at(const char *root);

#endif
