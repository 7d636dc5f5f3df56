/* solver_libraries.c - what the solver is linked with. */
#include "autotm/planner.h"

#include <glpk.h>
#include <stdio.h>

const char *atm_solver_libraries(void)
{
    static _Thread_local char text[64];

    (void)snprintf(text, sizeof(text), "GLPK %s\n", glp_version());
    return text;
}
