/* store_rows.h - inside the store, for its two files. */
#ifndef ATM_PROFILER_STORE_ROWS_H
#define ATM_PROFILER_STORE_ROWS_H

#include "store.h"

#include <sqlite3.h>

sqlite3 *atm__store_db(struct atm_store *s);
/* The last failure of the database, as a status and a sentence. */
enum atm_status atm__store_db_fail(const struct atm_store *s);
void atm__store_blob(struct atm_hash h, unsigned char blob[16]);
int64_t atm__store_machine_id(const struct atm_store *s);

#endif
