/* pool_file.h - a file or device that holds a pool: opened, locked, checked to
 * be ours, reserved. file, pmem and devdax share it. */
#ifndef ATM_RUNTIME_TIERS_POOL_FILE_H
#define ATM_RUNTIME_TIERS_POOL_FILE_H

#include "tiers/tier.h"

/* Opens `path`, locks it and makes sure that nobody's data are lost: a folder
 * gets an unnamed file that vanishes with its last user; a file is created, or
 * is empty, or begins with our mark, or `force` is set (INVAL else). *named
 * false: unnamed. */
enum atm_status atm__pool_file_open(const char *spec, const char *path,
                                    bool force, int *fd, bool *named);
/* Reserves [0, bytes) and writes the mark. CAPACITY where the file system has
 * less; a later access can then not fail for want of space. */
enum atm_status atm__pool_file_reserve(const char *spec, int fd,
                                       uint64_t bytes);

/* The first bytes of a pool that has a name; the pool follows at an offset of
 * the kind's choosing. */
#define ATM__MARK "autotm slow tier 1\n"

/* The folder that `path` is or lies in can be written to; IO with the reason.
 * `where` gets that folder. */
enum atm_status atm__folder_check(const char *spec, const char *path,
                                  char where[ATM__PATH_BYTES]);

#endif
