/* profile_store.h - the profile store as rows: autotm profile without a
 * model. */
#ifndef ATM_CLI_PROFILE_STORE_H
#define ATM_CLI_PROFILE_STORE_H

#include "cli.h"

/* One of --list, --export, --import, --prune is given. */
bool profile_store_asked(const struct cli *c);
enum atm_status profile_store(struct cli *c);

#endif
