/* tier_devdax.c - persistent (or CXL) memory as a character device: mapped in
 * whole alignments, read() and private mappings do not exist. */
#include "tiers/dax.h"
#include "tiers/pool_file.h"

#include "checked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEVICES "/sys/bus/dax/devices"

struct options {
    char path[ATM__PATH_BYTES];
    double force;
    uint64_t device_bytes, align;
};

static bool device_number(const char *path, const char *key, uint64_t *value)
{
    const char *name = strrchr(path, '/');
    char file[ATM__PATH_BYTES + 64];
    bool ok;
    FILE *f;

    (void)snprintf(file, sizeof(file), DEVICES "/%s/%s", name ? name + 1 : path,
                   key);
    f = fopen(file, "re");
    if (!f)
        return false;
    ok = fscanf(f, "%" SCNu64, value) == 1;
    (void)fclose(f);
    return ok;
}

/* The first device that is not given to the kernel as a node. */
static bool first_device(char path[ATM__PATH_BYTES])
{
    DIR *d = opendir(DEVICES);
    struct dirent *e;
    bool found = false;

    while (d && !found && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, ATM__PATH_BYTES, "/dev/%.100s", e->d_name);
        found = access(path, F_OK) == 0;
    }
    if (d)
        (void)closedir(d);
    return found;
}

static enum atm_status parse(const char *spec, struct options *o)
{
    const struct atm__key keys[] = {{"", ATM__KEY_PATH, o->path},
                                    {"force", ATM__KEY_REAL, &o->force},
                                    {NULL, ATM__KEY_SIZE, NULL}};
    enum atm_status st;

    *o = (struct options){.force = 0};
    st = atm__spec_parse(spec, keys);
    if (st)
        return st;
    if (!o->path[0] && !first_device(o->path))
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": this machine has no /dev/dax device",
                        spec);
    if (!device_number(o->path, "size", &o->device_bytes) ||
        !device_number(o->path, "align", &o->align) || o->align == 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": %s is no DAX device (" DEVICES
                        " does not know it)",
                        spec, o->path);
    if (o->device_bytes <= ATM__DAX_POOL_AT || ATM__DAX_POOL_AT % o->align)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": %" PRIu64
                        " bytes in pages of %" PRIu64 " cannot hold a pool",
                        spec, o->device_bytes, o->align);
    if (access(o->path, R_OK | W_OK) != 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": %s: %s", spec, o->path,
                        strerror(errno));
    return ATM_OK;
}

static enum atm_status devdax_probe(const char *spec, double dram_read_bw,
                                    double dram_write_bw,
                                    struct atm_tier_info *info)
{
    struct options o;
    enum atm_status st = parse(spec, &o);

    if (st)
        return st;
    atm__dax_info("devdax", dram_read_bw, dram_write_bw, info);
    info->size = o.device_bytes - ATM__DAX_POOL_AT;
    return ATM_OK;
}

/* Our mark, or nothing at all in the first page. */
static enum atm_status check_ours(const struct atm_tier *t, const char *path)
{
    static const char nothing[4096];
    const char *first = t->map;

    if (memcmp(first, ATM__MARK, sizeof(ATM__MARK) - 1) == 0 ||
        memcmp(first, nothing, sizeof(nothing)) == 0)
        return ATM_OK;
    return atm_fail(ATM_INVAL,
                    "tier \"%.100s\": %s holds something else; add force=1 to "
                    "overwrite it",
                    t->spec, path);
}

static enum atm_status map_device(struct atm_tier *t, const struct options *o)
{
    uint64_t all;

    t->fd = open(o->path, O_RDWR | O_CLOEXEC);
    if (t->fd < 0)
        return atm_fail(ATM_IO, "tier \"%.100s\": %s: %s", t->spec, o->path,
                        strerror(errno));
    if (flock(t->fd, LOCK_EX | LOCK_NB) != 0)
        return atm_fail(ATM_IO,
                        "tier \"%.100s\": %s is in use by another "
                        "process",
                        t->spec, o->path);
    if (!atm_add_u64(t->bytes, ATM__DAX_POOL_AT, &all) ||
        !atm_round_up(all, o->align, &all) || !atm__dax_map(t, all, MAP_SHARED))
        return atm_fail(ATM_IO, "tier \"%.100s\": cannot be mapped: %s",
                        t->spec, strerror(errno));
    return ATM_OK;
}

static enum atm_status devdax_open(const char *spec,
                                   const struct atm_tier_info *info,
                                   uint64_t bytes, struct atm_tier **tier)
{
    struct options o;
    struct atm_tier *t = NULL;
    enum atm_status st = parse(spec, &o);

    *tier = NULL;
    if (!st)
        st = atm__memory_new(spec, info, bytes, &t);
    if (st)
        return st;
    st = map_device(t, &o);
    if (!st && !(o.force > 0))
        st = check_ours(t, o.path);
    if (st) {
        atm__memory_close(t);
        return st;
    }
    memcpy(t->map, ATM__MARK, sizeof(ATM__MARK) - 1);
    *tier = t;
    return ATM_OK;
}

const struct atm_tier_ops atm__tier_devdax = {.kind = "devdax",
                                              .help = atm__help_devdax,
                                              .probe = devdax_probe,
                                              .open = devdax_open,
                                              .flush = atm__dax_flush,
                                              ATM__MEMORY_OPS};
