/* file.c - small-file input and atomic output. */
#include "file.h"

#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum atm_status atm_file_read(const char *path, uint64_t max, char **data,
                              size_t *bytes)
{
    enum atm_status st = ATM_IO;
    struct stat sb;
    size_t got = 0;
    char *buf;
    int fd;

    *data = NULL;
    *bytes = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return atm_fail(ATM_IO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        (void)atm_fail(ATM_IO, "%s: not a regular file", path);
        goto err_close;
    }
    if ((uint64_t)sb.st_size > max) {
        st = atm_fail(ATM_FORMAT, "%s: %jd bytes, at most %" PRIu64 " are read",
                      path, (intmax_t)sb.st_size, max);
        goto err_close;
    }
    buf = atm_alloc((size_t)sb.st_size + 1);
    if (!buf) {
        st = ATM_NOMEM;
        goto err_close;
    }
    while (got < (size_t)sb.st_size) {
        ssize_t n = read(fd, buf + got, (size_t)sb.st_size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)atm_fail(ATM_IO, "%s: %s", path, strerror(errno));
            goto err_free;
        }
        if (n == 0)
            break; /* shrunk while being read: take what there is */
        got += (size_t)n;
    }
    (void)close(fd);
    buf[got] = '\0';
    *data = buf;
    *bytes = got;
    return ATM_OK;

err_free:
    atm_free(buf);
err_close:
    (void)close(fd);
    return st;
}

/* A device or a pipe: renaming a file over it would destroy it. */
static enum atm_status open_special(struct atm_file *f)
{
    enum atm_status st;

    f->fd = open(f->path, O_WRONLY | O_CLOEXEC);
    if (f->fd >= 0)
        return ATM_OK;
    st =
        atm_fail(ATM_IO, "%s: cannot be written: %s", f->path, strerror(errno));
    atm_file_abort(f);
    return st;
}

enum atm_status atm_file_create(const char *path, bool force,
                                struct atm_file *f)
{
    size_t n = strlen(path);
    struct stat sb;
    bool exists, special;
    mode_t mask;

    memset(f, 0, sizeof(*f));
    f->fd = -1;
    f->force = force;
    if (strcmp(path, "-") == 0) {
        f->fd = STDOUT_FILENO;
        return ATM_OK;
    }
    exists = stat(path, &sb) == 0;
    special = exists && !S_ISREG(sb.st_mode) && !S_ISDIR(sb.st_mode);
    if (exists && !special && !force)
        return atm_fail(ATM_INVAL, "%s exists; use -f to overwrite it", path);
    f->path = atm_alloc(n + 1);
    if (!f->path)
        return ATM_NOMEM;
    memcpy(f->path, path, n + 1);
    if (special)
        return open_special(f);
    f->temp = atm_alloc(n + 12);
    if (!f->temp) {
        atm_file_abort(f);
        return ATM_NOMEM;
    }
    (void)snprintf(f->temp, n + 12, "%s.tmpXXXXXX", path);
    f->fd = mkstemp(f->temp);
    if (f->fd < 0) {
        enum atm_status st = atm_fail(ATM_IO, "%s: cannot be written: %s", path,
                                      strerror(errno));

        f->temp[0] = '\0';
        atm_file_abort(f);
        return st;
    }
    mask = umask(0);
    (void)umask(mask);
    (void)fchmod(f->fd, 0666 & ~mask);
    return ATM_OK;
}

enum atm_status atm_file_write(struct atm_file *f, const void *p, size_t bytes)
{
    const char *at = p;

    while (bytes > 0) {
        ssize_t n = write(f->fd, at, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return atm_fail(ATM_IO, "%s: %s", f->path ? f->path : "stdout",
                            strerror(errno));
        at += n;
        bytes -= (size_t)n;
    }
    return ATM_OK;
}

enum atm_status atm_file_commit(struct atm_file *f)
{
    enum atm_status st = ATM_OK;
    int fd = f->fd;

    if (!f->path)
        return ATM_OK;
    f->fd = -1;
    if (f->temp && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        st = atm_fail(ATM_IO, "%s: %s", f->path, strerror(errno));
    if (close(fd) != 0 && !st)
        st = atm_fail(ATM_IO, "%s: %s", f->path, strerror(errno));
    /* link() refuses an existing target, rename() replaces it */
    if (!st && f->temp &&
        (f->force ? rename(f->temp, f->path) : link(f->temp, f->path)) != 0)
        st = atm_fail(errno == EEXIST ? ATM_INVAL : ATM_IO, "%s: %s", f->path,
                      strerror(errno));
    if (!st && f->temp && f->force)
        f->temp[0] = '\0';
    atm_file_abort(f);
    return st;
}

void atm_file_abort(struct atm_file *f)
{
    if (f->path && f->fd >= 0)
        (void)close(f->fd);
    if (f->temp && f->temp[0])
        (void)unlink(f->temp);
    atm_free(f->path);
    atm_free(f->temp);
    f->path = f->temp = NULL;
    f->fd = -1;
}

enum atm_status atm_file_put(const char *path, const char *text, bool force)
{
    struct atm_file f;
    enum atm_status st;

    st = atm_file_create(path, force, &f);
    if (st)
        return st;
    st = atm_file_write(&f, text, strlen(text));
    if (st) {
        atm_file_abort(&f);
        return st;
    }
    return atm_file_commit(&f);
}
