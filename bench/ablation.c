/* ablation.c - what each part of the planner buys.
 *
 *     ablation PROBLEM.json[.gz] ROUNDS LIMIT BUDGET%...
 *
 * Plans the problem at each budget (of its peak) with all parts and with each
 * part left out, in turns, to a gap of 0.1 %. A row a part: certified gap, the
 * objective over that of the whole planner, and the least CPU seconds of the
 * rounds, packing and checks included; "over LIMIT" where it was stopped.
 */
#include "autotm/autotm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct {
    unsigned part;
    const char *name;
} parts[] = {
    {0, "whole"},
    {ATM_PART_FIT, "entries that cannot fit kept"},
    {ATM_PART_LAZY, "all memory rows at once"},
    {ATM_PART_COVERS, "no covers"},
    {ATM_PART_SWEEPS, "no sweeps at falling prices"},
    {ATM_PART_DESCENT, "no descent"},
    {ATM_PART_NEIGHBOURS, "no neighbourhood search"},
    {ATM_PART_TREE, "no tree of prices"},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

struct result {
    double gap, objective, cpu_s;
    bool stopped;
};

static double cpu_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double ends_at;

static bool is_late(void *user, double elapsed, double best, double bound)
{
    (void)user;
    (void)elapsed;
    (void)best;
    (void)bound;
    return cpu_seconds() > ends_at;
}

static enum atm_status measure(const struct atm_problem *p, uint64_t budget,
                               unsigned without, double limit_s,
                               struct result *r)
{
    struct atm_plan_options o;
    struct atm_placement *a = NULL;
    double began = cpu_seconds(), spent;
    enum atm_status st;

    atm_plan_options_init(&o);
    o.budget_bytes = budget;
    o.without = without;
    o.progress = is_late;
    ends_at = began + limit_s;
    st = atm_plan(p, &o, &a);
    if (st)
        return st;
    spent = cpu_seconds() - began;
    r->stopped = spent > limit_s;
    r->cpu_s = fmin(r->cpu_s, spent);
    r->gap = a->gap;
    r->objective = a->objective;
    atm_placement_delete(&a);
    return ATM_OK;
}

static void print(int percent, const char *name, const struct result *r,
                  const struct result *whole, double limit_s)
{
    printf("%3d %%  %-30s %9.4f %%  %8.5f", percent, name, 100 * r->gap,
           r->objective / whole->objective);
    if (r->stopped)
        printf("  over %g s\n", limit_s);
    else
        printf("  %8.2f s\n", r->cpu_s);
}

int main(int argc, char **argv)
{
    struct atm_problem *p = NULL;
    struct result r[PARTS];
    int rounds, i, j, k, rc = 1;
    double limit_s;

    if (argc < 5) {
        fprintf(stderr, "usage: ablation PROBLEM ROUNDS LIMIT BUDGET%%...\n");
        return 2;
    }
    rounds = atoi(argv[2]);
    limit_s = atof(argv[3]);
    if (atm_problem_read(argv[1], &p))
        goto out;
    printf("%s, %u kernels\nbudget left out %36s objective  CPU seconds\n",
           argv[1], p->n_kernels, "gap");
    for (i = 4; i < argc; i++) {
        int percent = atoi(argv[i]);
        uint64_t budget = p->peak_bytes / 100 * (uint64_t)percent;

        for (j = 0; j < PARTS; j++)
            r[j].cpu_s = INFINITY;
        for (k = 0; k < rounds; k++)
            for (j = 0; j < PARTS; j++)
                if (measure(p, budget, parts[j].part, limit_s, &r[j]))
                    goto out;
        for (j = 0; j < PARTS; j++)
            print(percent, parts[j].name, &r[j], &r[0], limit_s);
        (void)fflush(stdout);
    }
    rc = 0;
out:
    if (rc)
        fprintf(stderr, "ablation: %s\n", atm_errmsg());
    atm_problem_delete(&p);
    return rc;
}
