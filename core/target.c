/* target.c - hardware descriptions: read strictly, made a tier's spec. */
#include "autotm/target.h"

#include "file.h"
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (UINT64_C(1) << 20)
#define POINTS_MAX 64
#define THREADS_MAX 4096
#define BW_MIN 1e3
#define BW_MAX 1e15

static enum atm_status bandwidth_ok(const struct atm__place *at, double bw)
{
    return bw >= BW_MIN && bw <= BW_MAX
               ? ATM_OK
               : atm__json_fail(at, "%g bytes/s: must be %g to %g", bw, BW_MIN,
                                BW_MAX);
}

/* [[threads, bytes/s], ...], threads ascending: linear between two points, in
 * proportion below the first, level above the last. */
static enum atm_status curve(const struct atm__place *file, const json_t *root,
                             const char *key, int threads, double *bw)
{
    const struct atm__place list = {file, key, 0};
    const json_t *points = json_object_get(root, key);
    enum atm_status st = atm__json_array(&list, points, POINTS_MAX, false);
    double x0 = 0, y0 = 0, y1;
    size_t i;

    if (!st && json_array_size(points) == 0)
        st = atm__json_fail(&list, "has no point");
    *bw = 0;
    for (i = 0; !st && i < json_array_size(points); i++) {
        const struct atm__place at = {&list, NULL, i};
        const json_t *point = json_array_get(points, i);
        uint64_t x1 = 0;

        st = atm__json_array(&at, point, 2, true);
        if (!st)
            st = atm__json_at_u64(&at, point, 0, THREADS_MAX, &x1);
        if (!st)
            st = atm__json_at_real(&at, point, 1, &y1);
        if (!st && (double)x1 <= x0)
            st = atm__json_fail(&at,
                                "%" PRIu64 " threads: must be more than "
                                "the %g before",
                                x1, x0);
        if (!st)
            st = bandwidth_ok(&at, y1);
        if (st)
            return st;
        if (threads >= (int)x1)
            *bw = y1;
        else if (threads > x0)
            *bw = y0 + (y1 - y0) * (threads - x0) / ((double)x1 - x0);
        x0 = (double)x1;
        y0 = y1;
    }
    return st;
}

/* Optional: bytes/s of a direction while both are active. */
static enum atm_status mixed(const struct atm__place *file, const json_t *root,
                             const char *key, double alone, double *part)
{
    const struct atm__place at = {file, key, 0};
    enum atm_status st;
    double bw;

    if (!json_object_get(root, key))
        return ATM_OK;
    st = atm__json_real(file, root, key, false, &bw);
    if (!st)
        st = bandwidth_ok(&at, bw);
    if (!st)
        *part = bw < alone ? bw / alone : 1;
    return st;
}

static enum atm_status text(const struct atm__place *file, const json_t *root,
                            const char *key, char *to, size_t cap)
{
    const struct atm__place at = {file, key, 0};
    const json_t *v = json_object_get(root, key);
    size_t n = json_string_length(v);

    if (!json_is_string(v) || n == 0 || n >= cap)
        return atm__json_fail(&at, "must be a text of 1 to %zu bytes", cap - 1);
    (void)snprintf(to, cap, "%s", json_string_value(v));
    return ATM_OK;
}

static enum atm_status read_name(const struct atm__place *file,
                                 const json_t *root, struct atm_target *t)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const struct atm__place at = {file, "name", 0};
    enum atm_status st = text(file, root, "name", t->name, sizeof(t->name));

    if (!st && t->name[strspn(t->name, letters)])
        st = atm__json_fail(&at, "must be of letters, digits and '-'");
    return st ? st : text(file, root, "about", t->about, sizeof(t->about));
}

/* Whence each number is: for readers, but it must be there. */
static enum atm_status check_sources(const struct atm__place *file,
                                     const json_t *root)
{
    const struct atm__place at = {file, "sources", 0};
    const json_t *list = json_object_get(root, "sources");
    enum atm_status st = atm__json_array(&at, list, POINTS_MAX, false);

    return st || json_array_size(list) > 0
               ? st
               : atm__json_fail(&at, "must say where the numbers are from");
}

static enum atm_status read_root(const struct atm__place *file,
                                 const json_t *root, int threads,
                                 struct atm_target *t)
{
    static const char *const keys[] = {"format",
                                       "version",
                                       "name",
                                       "about",
                                       "sources",
                                       "addressable",
                                       "latency_seconds",
                                       "read_bw",
                                       "write_bw",
                                       "?mixed_read_bw",
                                       "?mixed_write_bw",
                                       "?size",
                                       NULL};
    char format[32], size[32] = "";
    const struct atm__place format_at = {file, "format", 0};
    double latency = 0, read = 0, write = 0;
    uint64_t version = 0, bytes = 0;
    bool addressable = false;
    enum atm_status st = atm__json_object(file, root, keys);

    if (!st)
        st = text(file, root, "format", format, sizeof(format));
    if (!st)
        st = atm__json_u64(file, root, "version", 1, &version);
    if (!st && (strcmp(format, "autotm-target") != 0 || version != 1))
        st = atm__json_fail(&format_at, "must be autotm-target, version 1");
    if (!st)
        st = read_name(file, root, t);
    if (!st)
        st = check_sources(file, root);
    if (!st)
        st = atm__json_bool(file, root, "addressable", &addressable);
    if (!st)
        st = atm__json_real(file, root, "latency_seconds", false, &latency);
    if (!st && !(latency >= 0 && latency <= 1))
        st = atm__json_fail(file, "latency_seconds: must be 0 to 1");
    if (!st)
        st = atm__json_u64(file, root, "size", ATM_JSON_MAX_INT, &bytes);
    if (!st)
        st = curve(file, root, "read_bw", threads, &read);
    if (!st)
        st = curve(file, root, "write_bw", threads, &write);
    if (!st)
        st = mixed(file, root, "mixed_read_bw", read, &t->overlap.mixed_read);
    if (!st)
        st =
            mixed(file, root, "mixed_write_bw", write, &t->overlap.mixed_write);
    if (st)
        return st;
    if (bytes > 0)
        (void)snprintf(size, sizeof(size), ",size=%" PRIu64, bytes);
    (void)snprintf(t->spec, sizeof(t->spec),
                   "emu:target=%s%s,rd=%.0f,wr=%.0f,lat=%.0f%s", t->name,
                   addressable ? "" : ",profile=nvme4", read, write,
                   latency * 1e9, size);
    return ATM_OK;
}

enum atm_status atm_target_read(const char *path, int threads,
                                struct atm_target *target)
{
    const struct atm__place file = {NULL, path, 0};
    struct atm_target t = {.overlap = atm_overlap_model()};
    json_t *root = NULL;
    enum atm_status st;
    size_t bytes;
    char *data;

    st = atm_file_read(path, FILE_MAX, &data, &bytes);
    if (st)
        return st;
    st = atm__json_parse(path, data, bytes, &root);
    if (!st)
        st = read_root(&file, root, threads, &t);
    if (!st)
        *target = t;
    json_decref(root);
    atm_free(data);
    return st;
}
