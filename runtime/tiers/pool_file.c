/* pool_file.c - opening, locking and reserving the file of a pool. */
#include "tiers/pool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum atm_status atm__folder_check(const char *spec, const char *path,
                                  char where[ATM__PATH_BYTES])
{
    char *slash;
    struct stat s;

    (void)snprintf(where, ATM__PATH_BYTES, "%s", path);
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) {
        slash = strrchr(where, '/');
        if (!slash)
            (void)snprintf(where, ATM__PATH_BYTES, ".");
        else if (slash == where)
            where[1] = '\0';
        else
            *slash = '\0';
    }
    if (access(where, W_OK | X_OK) != 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": folder %s: %s", spec, where,
                        strerror(errno));
    return ATM_OK;
}

/* O_TMPFILE where the file system has it, else created and unlinked. */
static int open_unnamed(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char path[ATM__PATH_BYTES + 16];

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    (void)snprintf(path, sizeof(path), "%s/.autotmXXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static enum atm_status check_ours(const char *spec, const char *path, int fd)
{
    char mark[sizeof(ATM__MARK)] = "";
    struct stat s;
    ssize_t n;

    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": %s is no file and no "
                        "folder",
                        spec, path);
    if (s.st_size == 0)
        return ATM_OK;
    n = pread(fd, mark, sizeof(mark) - 1, 0);
    if (n < 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": %s: %s", spec, path,
                        strerror(errno));
    if (n == sizeof(mark) - 1 && strcmp(mark, ATM__MARK) == 0)
        return ATM_OK;
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": %s holds something else; add force=1 to "
                    "overwrite it",
                    spec, path);
}

enum atm_status atm__pool_file_open(const char *spec, const char *path,
                                    bool force, int *fd, bool *named)
{
    enum atm_status st = ATM_OK;
    struct stat s;

    *named = !(stat(path, &s) == 0 && S_ISDIR(s.st_mode));
    *fd = *named ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
                 : open_unnamed(path);
    if (*fd < 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": %s: %s", spec, path,
                        strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
        st = atm_fail(ATM_IO,
                      "tier \"%.100s\": %s is in use by another "
                      "process",
                      spec, path);
    if (!st && *named && !force)
        st = check_ours(spec, path, *fd);
    if (st) {
        (void)close(*fd);
        *fd = -1;
    }
    return st;
}

enum atm_status atm__pool_file_reserve(const char *spec, int fd, uint64_t bytes)
{
    uint64_t have = UINT64_MAX;
    struct statvfs v;
    struct stat s;
    int error;

    /* asked first: an attempt would fill the file system for a moment */
    if (fstatvfs(fd, &v) == 0 && fstat(fd, &s) == 0)
        have = (uint64_t)v.f_bavail * v.f_frsize + (uint64_t)s.st_blocks * 512;
    if (bytes > have)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64
                        " bytes are needed, %" PRIu64
                        " are free on its file system",
                        spec, bytes, have);
    error = bytes > INT64_MAX ? EFBIG : posix_fallocate(fd, 0, (off_t)bytes);
    if (error)
        return atm_fail(ATM_CAPACITY,
                        "tier \"%.100s\": %" PRIu64 " bytes are needed, they "
                        "cannot be reserved: %s",
                        spec, bytes, strerror(error));
    if (pwrite(fd, ATM__MARK, sizeof(ATM__MARK) - 1, 0) < 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": %s", spec, strerror(errno));
    return ATM_OK;
}
