/* exec_load.h - one constant into its tensor, slice by slice. */
#ifndef ATM_RUNTIME_EXEC_LOAD_H
#define ATM_RUNTIME_EXEC_LOAD_H

#include "autotm/runtime.h"

enum atm_status atm__load_run(const struct atm_program *p,
                              const struct atm_load *load, void *staging,
                              atm_put_fn *put, void *user);

#endif
