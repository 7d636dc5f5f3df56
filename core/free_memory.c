/* free_memory.c - MemAvailable, and the limits of memory cgroups. */
#include "free_memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 4608

/* The number in the first line of `path` that begins with `key` ("": the
 * first line). "max" of a cgroup is no number: no limit. */
static bool read_number(const char *path, const char *key, uint64_t *value)
{
    size_t n = strlen(key);
    char line[256];
    bool found = false;
    FILE *f = fopen(path, "re");

    while (f && !found && fgets(line, sizeof(line), f))
        found = strncmp(line, key, n) == 0 &&
                sscanf(line + n, " %" SCNu64, value) == 1;
    if (f)
        (void)fclose(f);
    return found;
}

struct files { /* of one version of cgroups */
    const char *mount, *limit, *usage, *cache;
};
static const struct files versions[] = {
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_inactive_file"},
    {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
};

/* What the group `at`, a folder, leaves; UINT64_MAX: no limit. */
static uint64_t group_leaves(const struct files *v, const char *at)
{
    uint64_t limit, usage, cache = 0;
    char path[PATH_BYTES + 64];

    (void)snprintf(path, sizeof(path), "%s/%s", at, v->limit);
    if (!read_number(path, "", &limit))
        return UINT64_MAX;
    (void)snprintf(path, sizeof(path), "%s/%s", at, v->usage);
    if (!read_number(path, "", &usage))
        return UINT64_MAX;
    (void)snprintf(path, sizeof(path), "%s/memory.stat", at);
    (void)read_number(path, v->cache, &cache);
    usage -= cache < usage ? cache : usage;
    return limit > usage ? limit - usage : 0;
}

/* The group and those above it, up to the mount: each has a limit. */
static uint64_t groups_leave(const struct files *v, const char *root,
                             const char *group)
{
    uint64_t least = UINT64_MAX, leaves;
    char at[PATH_BYTES];
    size_t top;

    if ((size_t)snprintf(at, sizeof(at), "%s%s%s", root, v->mount, group) >=
        sizeof(at))
        return UINT64_MAX;
    top = strlen(root) + strlen(v->mount);
    for (;;) {
        char *slash;

        leaves = group_leaves(v, at);
        least = leaves < least ? leaves : least;
        slash = strrchr(at, '/');
        if (strlen(at) <= top || !slash || (size_t)(slash - at) < top)
            return least;
        *slash = '\0';
    }
}

/* Is "memory" one of the comma-separated controllers [from, to)? */
static bool has_memory(const char *from, const char *to)
{
    for (; from < to; from += strcspn(from, ",:") + 1)
        if (strcspn(from, ",:") == 6 && strncmp(from, "memory", 6) == 0)
            return true;
    return false;
}

/* Lines "ID:CONTROLLERS:/GROUP"; version 2 has the line "0::/GROUP". Inside a
 * container the group may not exist under the mount: what can be seen there is
 * the mount itself. */
static uint64_t cgroups_leave(const char *root)
{
    uint64_t least = UINT64_MAX, leaves;
    char line[4096], path[PATH_BYTES];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        bool two;

        if (!group)
            continue;
        two = group == controllers + 1;
        if (!two && !has_memory(controllers + 1, group))
            continue;
        group[strcspn(group, "\n")] = '\0';
        if (strcmp(group + 1, "/") == 0)
            group[1] = '\0';
        leaves = groups_leave(&versions[two], root, group + 1);
        least = leaves < least ? leaves : least;
    }
    if (f)
        (void)fclose(f);
    return least;
}

uint64_t atm__memory_available_at(const char *root)
{
    uint64_t kib, cgroups = cgroups_leave(root);
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/proc/meminfo", root);
    if (!read_number(path, "MemAvailable:", &kib) || kib > UINT64_MAX / 1024)
        return cgroups;
    return kib * 1024 < cgroups ? kib * 1024 : cgroups;
}

uint64_t atm_memory_available(void)
{
    return atm__memory_available_at("");
}
