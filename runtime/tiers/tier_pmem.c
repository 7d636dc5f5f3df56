/* tier_pmem.c - persistent memory under a file system with DAX. Only MAP_SYNC
 * promises that a flushed cache line is enough; without it the file is one in
 * the page cache, taken only where the user says so. */
#include "tiers/dax.h"
#include "tiers/pool_file.h"

#include "checked.h"

#include <errno.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct options {
    char path[ATM__PATH_BYTES], sync[32];
    uint64_t size;
    double force;
};

/* The mount that `path`, absolute, lies under: its folder, kind and whether
 * it says dax. */
static bool find_mount(const char *path, char *folder, char *kind, bool *dax)
{
    FILE *f = setmntent("/proc/self/mounts", "r");
    struct mntent room, *m;
    size_t best = 0;
    char text[4096];

    while (f && (m = getmntent_r(f, &room, text, sizeof(text)))) {
        size_t n = strlen(m->mnt_dir);

        if (strncmp(path, m->mnt_dir, n) != 0 || n < best ||
            (n > 1 && path[n] && path[n] != '/'))
            continue;
        best = n;
        (void)snprintf(folder, ATM__PATH_BYTES, "%s", m->mnt_dir);
        (void)snprintf(kind, 32, "%s", m->mnt_type);
        *dax = hasmntopt(m, "dax") != NULL || hasmntopt(m, "dax=always");
    }
    if (f)
        (void)endmntent(f);
    return best > 0;
}

/* The first mount with dax; false: there is none. */
static bool first_dax(char *folder)
{
    FILE *f = setmntent("/proc/self/mounts", "r");
    struct mntent room, *m;
    bool found = false;
    char text[4096];

    while (f && !found && (m = getmntent_r(f, &room, text, sizeof(text)))) {
        found = hasmntopt(m, "dax") || hasmntopt(m, "dax=always");
        (void)snprintf(folder, ATM__PATH_BYTES, "%s", m->mnt_dir);
    }
    if (f)
        (void)endmntent(f);
    return found;
}

static enum atm_status parse(const char *spec, struct options *o)
{
    const struct atm__key keys[] = {{"", ATM__KEY_PATH, o->path},
                                    {"size", ATM__KEY_SIZE, &o->size},
                                    {"sync", ATM__KEY_WORD, o->sync},
                                    {"force", ATM__KEY_REAL, &o->force},
                                    {NULL, ATM__KEY_SIZE, NULL}};
    enum atm_status st;

    *o = (struct options){.sync = "require", .size = UINT64_MAX};
    st = atm__spec_parse(spec, keys);
    if (st)
        return st;
    if (strcmp(o->sync, "require") != 0 && strcmp(o->sync, "degrade") != 0)
        return atm_fail(ATM_INVAL,
                        "tier \"%.100s\": sync is require or "
                        "degrade",
                        spec);
    if (!o->path[0] && !first_dax(o->path))
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": no file system is mounted with dax; "
                        "name a path",
                        spec);
    return ATM_OK;
}

static enum atm_status pmem_probe(const char *spec, double dram_read_bw,
                                  double dram_write_bw,
                                  struct atm_tier_info *info)
{
    char folder[ATM__PATH_BYTES], mount[ATM__PATH_BYTES] = "", kind[32] = "";
    struct options o;
    enum atm_status st = parse(spec, &o);
    bool dax = false, degrade;
    char *real;

    if (!st)
        st = atm__folder_check(spec, o.path, folder);
    if (st)
        return st;
    real = realpath(folder, NULL);
    if (real)
        (void)find_mount(real, mount, kind, &dax);
    free(real);
    degrade = strcmp(o.sync, "degrade") == 0;
    if (!dax && !degrade)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": %s is %s without dax; add "
                        "sync=degrade, or better use file:",
                        spec, mount, kind);
    atm__dax_info("pmem", dram_read_bw, dram_write_bw, info);
    info->size = o.size;
    if (!dax) {
        info->caps |= ATM_TIER_CACHED;
        info->caps &= ~(uint32_t)ATM_TIER_CPU_FLUSH;
        (void)snprintf(info->note, sizeof(info->note),
                       "degraded: %.60s is %s without dax, so through the page "
                       "cache, flushed by msync",
                       mount, kind);
    }
    return ATM_OK;
}

/* MAP_SYNC, or what the user allowed in its place. */
static enum atm_status map_file(struct atm_tier *t, const struct options *o,
                                uint64_t bytes)
{
    if (atm__dax_map(t, bytes, MAP_SHARED_VALIDATE | MAP_SYNC)) {
        t->info.caps &= ~(uint32_t)ATM_TIER_CACHED;
        return ATM_OK;
    }
    if (strcmp(o->sync, "degrade") != 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": MAP_SYNC is refused (%s), a flushed "
                        "cache line is not durable; add sync=degrade",
                        t->spec, strerror(errno));
    t->info.caps |= ATM_TIER_CACHED;
    if (atm__dax_map(t, bytes, MAP_SHARED))
        return ATM_OK;
    return atm_fail(ATM_IO, "tier \"%.100s\": cannot be mapped: %s", t->spec,
                    strerror(errno));
}

static enum atm_status pmem_tier_open(const char *spec,
                                      const struct atm_tier_info *info,
                                      uint64_t bytes, struct atm_tier **tier)
{
    struct options o;
    struct atm_tier *t = NULL;
    enum atm_status st = parse(spec, &o);
    uint64_t all;
    bool named;

    *tier = NULL;
    if (!st)
        st = atm__memory_new(spec, info, bytes, &t);
    if (st)
        return st;
    if (!atm_round_up(bytes ? bytes : 1, 4096, &all) ||
        !atm_add_u64(all, ATM__DAX_POOL_AT, &all))
        all = UINT64_MAX;
    st = atm__pool_file_open(spec, o.path, o.force > 0, &t->fd, &named);
    if (!st)
        st = atm__pool_file_reserve(spec, t->fd, all);
    if (!st)
        st = map_file(t, &o, all);
    if (st) {
        atm__memory_close(t);
        return st;
    }
    *tier = t;
    return ATM_OK;
}

const struct atm_tier_ops atm__tier_pmem = {.kind = "pmem",
                                            .help = atm__help_pmem,
                                            .probe = pmem_probe,
                                            .open = pmem_tier_open,
                                            .flush = atm__dax_flush,
                                            ATM__MEMORY_OPS};
