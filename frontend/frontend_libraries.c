/* frontend_libraries.c - what the front end is linked with. */
#include "autotm/frontend.h"

#include <protobuf-c/protobuf-c.h>
#include <stdio.h>

const char *atm_frontend_libraries(void)
{
    static _Thread_local char text[64];

    (void)snprintf(text, sizeof(text), "protobuf-c %s\n", protobuf_c_version());
    return text;
}
