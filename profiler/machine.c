/* machine.c - what makes two machines different to a stopwatch. */
#include "store.h"

#include "hash.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The text behind "key :" in the first line of a /proc file that has it. */
static void proc_field(const char *path, const char *key, char *out, size_t cap)
{
    size_t n = strlen(key);
    char line[4096];
    FILE *f = fopen(path, "re");

    out[0] = '\0';
    if (!f)
        return;
    while (fgets(line, sizeof(line), f)) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, key, n) != 0 || !colon)
            continue;
        colon += strspn(colon, ": \t");
        (void)snprintf(out, cap, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    (void)fclose(f);
}

enum atm_status atm__machine_fingerprint(struct atm_hash *hash,
                                         char description[256])
{
    static const int sizes[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE,
                                _SC_LEVEL3_CACHE_SIZE, _SC_NPROCESSORS_CONF};
    char model[128], flags[4096];
    struct atm_hasher *h;
    enum atm_status st;
    size_t i;

    proc_field("/proc/cpuinfo", "model name", model, sizeof(model));
    proc_field("/proc/cpuinfo", "flags", flags, sizeof(flags));
    st = atm_hasher_new(&h);
    if (st)
        return st;
    atm_hasher_str(h, model);
    atm_hasher_str(h, flags);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        atm_hasher_u64(h, (uint64_t)sysconf(sizes[i]));
    *hash = atm_hasher_end(h);
    atm_hasher_delete(&h);
    (void)snprintf(description, 256, "%s, %ld cores",
                   model[0] ? model : "unknown CPU",
                   sysconf(_SC_NPROCESSORS_CONF));
    return ATM_OK;
}
