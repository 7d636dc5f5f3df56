/* file.h - reading whole small files, and writing that is all or nothing. */
#ifndef ATM_CORE_FILE_H
#define ATM_CORE_FILE_H

#include "autotm/types.h"

/* Reads a whole regular file of at most `max` bytes; *data has a NUL behind
 * its end; free with atm_free. */
enum atm_status atm_file_read(const char *path, uint64_t max, char **data,
                              size_t *bytes);

/* A file under a temporary name beside its target: atm_file_commit renames it
 * into place, atm_file_abort removes it. Without `force` an existing target
 * is refused (INVAL). Path "-" is stdout. A device or a pipe is written to,
 * never replaced. */
struct atm_file {
    int fd;
    char *path; /* null: stdout */
    char *temp; /* null: nothing to rename */
    bool force;
};
enum atm_status atm_file_create(const char *path, bool force,
                                struct atm_file *f);
enum atm_status atm_file_write(struct atm_file *f, const void *p,
                               size_t bytes);
enum atm_status atm_file_commit(struct atm_file *f); /* aborts on failure */
void atm_file_abort(struct atm_file *f);             /* accepts a zeroed one */

/* create + write + commit */
enum atm_status atm_file_put(const char *path, const char *text, bool force);

#endif
