/* plan_tool.c - plans a problem file and prints the answer as JSON: what
 * check_plans.py drives. Planner `least` prints the smallest feasible budget
 * and the peak.
 * usage: plan_tool PROBLEM PLANNER BYTES [SEED] */
#include "autotm/graph.h"
#include "autotm/planner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum atm_status least(struct atm_problem *p)
{
    enum atm_status st = atm_problem_check(p);
    uint32_t k;

    if (!st)
        (void)printf("%" PRIu64 " %" PRIu64 "\n", atm_problem_min_budget(p, &k),
                     p->peak_bytes);
    return st;
}

int main(int argc, char **argv)
{
    struct atm_plan_options o;
    struct atm_placement *a = NULL;
    struct atm_problem *p = NULL;
    enum atm_status st;
    char *json = NULL;

    if (argc < 4)
        return 2;
    atm_plan_options_init(&o);
    o.planner = argv[2];
    o.budget_bytes = strtoull(argv[3], NULL, 10);
    o.seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    st = atm_problem_read(argv[1], &p);
    if (!st && strcmp(o.planner, "least") == 0)
        st = least(p);
    else if (!st)
        st = atm_plan(p, &o, &a);
    if (!st && a)
        st = atm_placement_to_json(p, a, NULL, &json);
    if (json)
        (void)fputs(json, stdout);
    if (st)
        (void)fprintf(stderr, "%s\n", atm_errmsg());
    atm_string_free(json);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
    return atm_status_exit_code(st);
}
