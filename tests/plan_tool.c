/* plan_tool.c - plans a problem file and prints the answer as JSON: what
 * check_plans.py drives.
 * usage: plan_tool PROBLEM PLANNER BYTES [SEED] */
#include "planner_rows.h"

#include "autotm/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum atm_status (*plan)(const struct atm_problem *p,
                            const struct atm_plan_options *o,
                            struct atm_placement **placement);
} rows[] = {
#define PLANNER(symbol, name, help) {name, atm__plan_##symbol},
#include "planners.def"
#undef PLANNER
};

int main(int argc, char **argv)
{
    struct atm_plan_options o = {0};
    struct atm_placement *a = NULL;
    struct atm_problem *p = NULL;
    enum atm_status st;
    char *json = NULL;
    size_t i;

    if (argc < 4)
        return 2;
    o.planner = argv[2];
    o.budget_bytes = strtoull(argv[3], NULL, 10);
    o.seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, argv[2]) == 0)
            break;
    if (i == sizeof(rows) / sizeof(rows[0]))
        return 2;
    st = atm_problem_read(argv[1], &p);
    if (!st)
        st = rows[i].plan(p, &o, &a);
    if (!st)
        st = atm_placement_check(p, a);
    if (!st)
        st = atm_placement_to_json(p, a, NULL, &json);
    if (!st)
        (void)fputs(json, stdout);
    else
        (void)fprintf(stderr, "%s\n", atm_errmsg());
    atm_string_free(json);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
    return atm_status_exit_code(st);
}
