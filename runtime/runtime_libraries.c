/* runtime_libraries.c - what the runtime is linked with. */
#include "autotm/runtime.h"

#include <dnnl.h>
#include <libpmem.h>
#include <numa.h>
#include <stdio.h>

const char *atm_runtime_libraries(void)
{
    static _Thread_local char text[128];
    const dnnl_version_t *v = dnnl_version();

    (void)snprintf(text, sizeof(text),
                   "oneDNN %d.%d.%d\nlibnuma API %d\nlibpmem API %d.%d\n",
                   v->major, v->minor, v->patch, LIBNUMA_API_VERSION,
                   PMEM_MAJOR_VERSION, PMEM_MINOR_VERSION);
    return text;
}
