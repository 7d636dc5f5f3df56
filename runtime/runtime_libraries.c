/* runtime_libraries.c - what the runtime is linked with. */
#include "autotm/runtime.h"

#include "kernels/library.h"

#include <libpmem.h>
#include <numa.h>
#include <stdio.h>

const char *atm_runtime_libraries(void)
{
    static _Thread_local char text[128];
    int v[3];

    atm__dnnl_version(v);
    (void)snprintf(text, sizeof(text),
                   "oneDNN %d.%d.%d\nlibnuma API %d\nlibpmem API %d.%d\n",
                   v[0], v[1], v[2], LIBNUMA_API_VERSION,
                   PMEM_MAJOR_VERSION, PMEM_MINOR_VERSION);
    return text;
}
