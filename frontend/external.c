/* external.c - tensors whose bytes lie in a file beside the model.
 *
 * The location comes from an untrusted file, and path checks before opening
 * have failed others several times (links, races). So the kernel resolves it:
 * openat2 with RESOLVE_BENEATH never leaves the model's directory, and what is
 * read later is the descriptor that was checked. */
#include "import.h"

#include "arena.h"
#include "hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EDGE (64u * 1024)

/* Digits only: no sign, no blank, no overflow. */
static bool decimal(const char *s, uint64_t *v)
{
    *v = 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' ||
            __builtin_mul_overflow(*v, UINT64_C(10), v) ||
            __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
            return false;
    }
    return true;
}

struct entry {
    const char *location, *offset, *length;
};

static enum atm_status read_keys(const Onnx__TensorProto *t, struct entry *e)
{
    size_t i;

    memset(e, 0, sizeof(*e));
    for (i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *p = t->external_data[i];
        const char *key = p->key ? p->key : "";
        const char **at = strcmp(key, "location") == 0 ? &e->location
                          : strcmp(key, "offset") == 0 ? &e->offset
                          : strcmp(key, "length") == 0 ? &e->length
                                                       : NULL;

        if (!at)
            continue;
        if (*at)
            return atm_fail(ATM_FORMAT, "external data: %s is given twice",
                            key);
        *at = p->value ? p->value : "";
    }
    if (!e->location || !*e->location)
        return atm_fail(ATM_FORMAT, "external data without a location");
    return ATM_OK;
}

/* Length and both ends of the file: reading gigabytes at each load to notice
 * other weights would cost more than it is worth. */
static enum atm_status hash_edges(struct atm__importer *im, int fd,
                                  const char *path, uint64_t size)
{
    uint64_t n = size < EDGE ? size : EDGE;
    enum atm_status st;
    void *buf = atm_alloc(EDGE);

    if (!buf)
        return ATM_NOMEM;
    atm_hasher_u64(im->hash, size);
    st = atm__pread(fd, path, 0, n, buf);
    if (!st) {
        atm_hasher_bytes(im->hash, buf, (size_t)n);
        st = atm__pread(fd, path, size - n, n, buf);
    }
    if (!st)
        atm_hasher_bytes(im->hash, buf, (size_t)n);
    atm_free(buf);
    return st;
}

static int open_in(const char *dir, const char *name, uint64_t resolve)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = resolve | RESOLVE_NO_MAGICLINKS};
    int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, error;

    if (at < 0)
        return -1;
    fd = (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
    error = errno;
    (void)close(at);
    errno = error;
    return fd;
}

/* The layout of a download cache: model and data are links beside each other
 * into one directory of blobs. A link that leads to a file beside the real
 * model is as good as one that stays. */
static int open_beside(struct atm__importer *im, const char *dir,
                       const char *location)
{
    const char *model = im->g->file[im->file], *slash = strrchr(model, '/');
    char *link = atm_arena_printf(im->g->arena, "%s/%s", dir, location);
    char *real = link ? realpath(link, NULL) : NULL;
    int fd = -1;

    if (real && slash &&
        strncmp(real, model, (size_t)(slash - model) + 1) == 0 &&
        !strchr(real + (slash - model) + 1, '/')) {
        char *name = real + (slash - model) + 1;

        name[-1] = '\0';
        fd = open_in(*real ? real : "/", name,
                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    }
    free(real);
    return fd;
}

static enum atm_status open_beneath(struct atm__importer *im,
                                    const char *location, const char **path,
                                    int *fd)
{
    const char *slash = strrchr(im->path, '/');
    size_t n = slash == im->path ? 1 : slash ? (size_t)(slash - im->path) : 1;
    char *dir = atm_arena_strndup(im->g->arena, slash ? im->path : ".", n);
    char *real = dir ? realpath(dir, NULL) : NULL;
    int error;

    *path = dir ? atm_arena_printf(im->g->arena, "%s/%s", real ? real : dir,
                                   location)
                : NULL;
    free(real);
    if (!*path)
        return ATM_NOMEM;
    *fd = open_in(dir, location, RESOLVE_BENEATH);
    error = errno;
    if (*fd < 0 && error == EXDEV && !strstr(location, ".."))
        *fd = open_beside(im, dir, location);
    if (*fd >= 0)
        return ATM_OK;
    if (error == EXDEV || error == ELOOP)
        return atm_fail(ATM_FORMAT,
                        "external data: location \"%s\" leads out "
                        "of the model's directory",
                        location);
    return atm_fail(ATM_IO, "external data: %s: %s", location, strerror(error));
}

static enum atm_status add_file(struct atm__importer *im, const char *location,
                                uint32_t *file)
{
    enum atm_status st;
    const char *path;
    struct stat sb;
    int fd = -1;

    st = open_beneath(im, location, &path, &fd);
    if (st)
        return st;
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        (void)close(fd);
        return atm_fail(ATM_FORMAT, "external data: %s is not a regular file",
                        location);
    }
    st = atm_graph_add_file(im->g, path, fd, file);
    if (!st && sb.st_nlink > 1 && !im->g->hard_linked)
        im->g->hard_linked = path;
    if (!st)
        st = hash_edges(im, fd, path, (uint64_t)sb.st_size);
    return st ? st : atm__names_add(&im->externals, location, *file);
}

enum atm_status atm__external_open(struct atm__importer *im,
                                   const Onnx__TensorProto *t, uint64_t bytes,
                                   uint32_t *file, uint64_t *offset)
{
    uint64_t length = bytes;
    enum atm_status st;
    struct entry e;
    struct stat sb;

    *offset = 0;
    st = read_keys(t, &e);
    if (st)
        return st;
    if (e.offset && !decimal(e.offset, offset))
        return atm_fail(ATM_FORMAT, "external data: offset \"%s\" is no number",
                        e.offset);
    if (e.length && !decimal(e.length, &length))
        return atm_fail(ATM_FORMAT, "external data: length \"%s\" is no number",
                        e.length);
    if (length != bytes)
        return atm_fail(ATM_FORMAT,
                        "external data: length %" PRIu64 ", shape "
                        "and type need %" PRIu64 " bytes",
                        length, bytes);
    *file = atm__names_find(&im->externals, e.location);
    if (*file == ATM_NONE) {
        st = add_file(im, e.location, file);
        if (st)
            return st;
    }
    if (fstat(im->g->file_fd[*file], &sb) != 0)
        return atm_fail(ATM_IO, "%s: %s", e.location, strerror(errno));
    if (bytes > (uint64_t)sb.st_size || *offset > (uint64_t)sb.st_size - bytes)
        return atm_fail(ATM_FORMAT,
                        "external data: %s has %jd bytes; %" PRIu64
                        " at offset %" PRIu64 " are beyond its end",
                        e.location, (intmax_t)sb.st_size, bytes, *offset);
    return ATM_OK;
}
