/* library.h - what the rest of the runtime may know of oneDNN: that there is
 * a library to open, and reorders to ask for. */
#ifndef ATM_RUNTIME_LIBRARY_H
#define ATM_RUNTIME_LIBRARY_H

#include "autotm/program.h"

struct atm_arena;
struct atm_hasher;
struct atm__dnnl;

/* Engine and stream for `threads` threads, in the arena. Sets the number of
 * OpenMP threads of the process: oneDNN partitions work by it. */
enum atm_status atm__dnnl_open(struct atm_arena *arena, int threads,
                               struct atm__dnnl **dnnl);
void atm__dnnl_close(struct atm__dnnl *dnnl); /* accepts null */

/* A kernel that fills `to` from `from`: the same elements, other layouts. */
enum atm_status atm__dnnl_reorder(struct atm__dnnl *dnnl,
                                  struct atm_arena *arena,
                                  const struct atm_operand *from,
                                  const struct atm_operand *to,
                                  const void **detail, const char **impl,
                                  uint64_t *scratch_bytes);

/* Major, minor, patch. */
void atm__dnnl_version(int version[3]);
/* Version and instruction set: part of every signature. */
void atm__dnnl_identity(struct atm_hasher *h);

#endif
