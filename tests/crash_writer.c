/* crash_writer.c - what a crash leaves of what was flushed.
 *
 *     crash_writer write SPEC ACKS   records without end: each is written and
 *                                    flushed, then its number goes to ACKS
 *     crash_writer check SPEC ACKS   all acknowledged records are whole
 *
 * SPEC is a durable tier with a name. A record's bytes follow from its number,
 * so a torn one shows. The tier is filled in a ring: of an overwritten slot
 * either the old record or the new one may be there.
 */
#include "autotm/tier.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 4096, SLOTS = 512 };

static void make(uint64_t number, unsigned char *r)
{
    uint64_t i, v;

    for (i = 0; i < RECORD; i += sizeof(v)) {
        v = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
        memcpy(r + i, &v, sizeof(v));
    }
}

static int fail(void)
{
    fprintf(stderr, "crash_writer: %s\n", atm_errmsg());
    return 1;
}

static int run_on(const struct atm_tier_ops *ops, struct atm_tier *tier,
                  FILE *acks)
{
    unsigned char r[RECORD];
    uint64_t n;

    for (n = 0;; n++) {
        uint64_t off = n % SLOTS * RECORD;

        make(n, r);
        if (ops->write(tier, r, off, RECORD) || ops->flush(tier, off, RECORD))
            return fail();
        fprintf(acks, "%" PRIu64 "\n", n);
        if (fflush(acks) != 0 || fsync(fileno(acks)) != 0)
            return 1;
    }
}

static int check(const struct atm_tier_ops *ops, struct atm_tier *tier,
                 FILE *acks)
{
    uint64_t last = UINT64_MAX, n, at, missing = 0, checked = 0;
    unsigned char want[RECORD], got[RECORD];

    while (fscanf(acks, "%" SCNu64, &n) == 1)
        last = n;
    if (last == UINT64_MAX) {
        fprintf(stderr, "crash_writer: nothing was acknowledged\n");
        return 1;
    }
    n = last + 1 > SLOTS ? last + 1 - SLOTS : 0;
    for (; n <= last; n++) {
        at = n % SLOTS * RECORD;
        if (ops->read(tier, got, at, RECORD))
            return fail();
        make(n, want);
        checked++;
        if (memcmp(got, want, RECORD) == 0)
            continue;
        /* the next one, begun and not acknowledged, may be in its place */
        if (n + SLOTS != last + 1)
            missing++;
    }
    printf("crash: %" PRIu64 " records acknowledged, the last %" PRIu64
           " checked, %" PRIu64 " missing or torn\n",
           last + 1, checked, missing);
    return missing != 0;
}

int main(int argc, char **argv)
{
    const struct atm_tier_ops *ops;
    struct atm_tier_info info;
    struct atm_tier *tier;
    bool writes = argc == 4 && strcmp(argv[1], "write") == 0;
    FILE *acks;
    int rc;

    if (argc != 4)
        return 2;
    acks = fopen(argv[3], writes ? "w" : "r");
    if (!acks)
        return 2;
    if (atm_tier_probe(argv[2], 1e9, 1e9, &info, &ops) ||
        ops->open(argv[2], &info, (uint64_t)RECORD * SLOTS, &tier))
        return fail();
    rc = writes ? run_on(ops, tier, acks) : check(ops, tier, acks);
    ops->close(tier);
    (void)fclose(acks);
    return rc;
}
