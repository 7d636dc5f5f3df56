/* fuzz_plan.c - plan, problem and answer files. A plan that the checkers take
 * is run: its outputs must be those of everything in fast memory, byte for
 * byte. A problem that is taken is planned, and its plan checked. */
#include "fuzz.h"

#include "../wire.h"
#include "autotm/explain.h"
#include "autotm/frontend.h"
#include "pipe.h"

#include <stdio.h>
#include <stdlib.h>

static struct pipe fixed;
static uint64_t right;
static struct atm_problem *problem; /* of `fixed`, to read answers by */

/* x -> MatMul w -> Add b -> Relu -> MatMul w -> Add x -> y */
static void fixed_model(struct wire *m)
{
    static float w[32 * 32], b[32];
    struct wire g = {0}, t = {0};
    int i;

    for (i = 0; i < 32 * 32; i++)
        w[i] = (float)(i * 7 % 13 - 6) / 32;
    for (i = 0; i < 32; i++)
        b[i] = (float)i / 32;
    wire_str(&g, 2, "fixed");
    wire_node(&g, "a", "MatMul", "x,w", "p", NULL);
    wire_node(&g, "b", "Add", "p,b", "q", NULL);
    wire_node(&g, "c", "Relu", "q", "r", NULL);
    wire_node(&g, "d", "MatMul", "r,w", "s", NULL);
    wire_node(&g, "e", "Add", "s,x", "y", NULL);
    wire_int(&t, 1, 32);
    wire_int(&t, 1, 32);
    wire_int(&t, 2, 1);
    wire_str(&t, 8, "w");
    wire_bytes(&t, 9, w, sizeof(w));
    wire_msg(&g, 5, &t);
    wire_tensor(&g, 5, "b", 1, 32, b, sizeof(b));
    wire_value(&g, 11, "x", 1, "4,32");
    wire_value(&g, 12, "y", 1, "4,32");
    wire_model(m, &g, 13);
}

/* One file a datum, plan after plan: the seeds. */
static void write_seeds(const char *folder)
{
    static const char *const planner[] = {
        "sync", "async", "static", "all-fast", "random", "lru", "all-slow"};
    uint64_t least, peak = fixed.program->peak_bytes;
    uint32_t kernel, i, k, n = 0;
    char path[512], *json[3];

    least = atm_problem_min_budget(fixed.problem, &kernel);
    for (i = 0; i < 14; i++) {
        if (pipe_plan(&fixed, planner[i % 7],
                      least + (i < 7 ? 0 : (peak - least) / 2)))
            continue;
        FUZZ_PROMISE(!atm_schedule_to_json(fixed.schedule, &json[0]));
        FUZZ_PROMISE(!atm_problem_to_json(fixed.problem, &json[1]));
        FUZZ_PROMISE(!atm_placement_to_json(fixed.problem, fixed.placement,
                                            NULL, &json[2]));
        for (k = 0; k < 3; k++) {
            FILE *f;

            (void)snprintf(path, sizeof(path), "%s/seed-%02u", folder, n++);
            f = fopen(path, "w");
            FUZZ_PROMISE(f && fputs(json[k], f) >= 0 && fclose(f) == 0);
            atm_string_free(json[k]);
        }
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct wire m;
    struct atm_graph *g;
    struct atm_import_options o = {0};
    char *json;

    fixed_model(&m);
    FUZZ_PROMISE(
        !atm_onnx_import(fuzz_file("model.onnx", m.b, m.n), &o, NULL, &g));
    FUZZ_PROMISE(!pipe_lower(&fixed, g, true));
    FUZZ_PROMISE(!pipe_plan(&fixed, "all-fast", UINT64_C(1) << 40));
    FUZZ_PROMISE(!pipe_run(&fixed, fixed.schedule, &right));
    FUZZ_PROMISE(!atm_problem_to_json(fixed.problem, &json));
    FUZZ_PROMISE(!atm_problem_read(fuzz_file("plan.json", json, strlen(json)),
                                   &problem));
    atm_string_free(json);
    if (*argc == 3 && strcmp((*argv)[1], "--seeds") == 0) {
        write_seeds((*argv)[2]);
        exit(0);
    }
    return 0;
}

static void try_schedule(struct atm_schedule *s)
{
    struct atm_schedule *again;
    char *json;
    uint64_t sum;

    FUZZ_PROMISE(!atm_schedule_to_json(s, &json));
    FUZZ_PROMISE(
        !atm_schedule_read(fuzz_file("plan.json", json, strlen(json)), &again));
    atm_string_free(json);
    atm_schedule_delete(&again);
    if (atm_schedule_check(s, fixed.program) == ATM_OK &&
        s->tier[0].pool_bytes + s->tier[1].pool_bytes < 1u << 20 &&
        !pipe_run(&fixed, s, &sum))
        FUZZ_PROMISE(sum == right);
}

static void try_problem(struct atm_problem *p, size_t bytes)
{
    static const char *const planner[] = {"greedy", "random", "lru", "static",
                                          "sync"};
    struct atm_plan_options o;
    struct atm_placement *a;
    uint32_t kernel;

    if (atm_problem_check(p) || p->n_kernels > 12 || p->n_tensors > 24)
        return;
    atm_plan_options_init(&o);
    o.planner = planner[bytes % 5];
    o.budget_bytes = atm_problem_min_budget(p, &kernel);
    if (bytes & 64)
        o.budget_bytes += (p->peak_bytes - o.budget_bytes) / 2;
    if (atm_plan(p, &o, &a))
        return;
    FUZZ_PROMISE(!atm_placement_check(p, a));
    atm_placement_delete(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *path = fuzz_file("plan.json", data, bytes);
    struct atm_placement *a = NULL;
    struct atm_schedule *s = NULL;
    struct atm_problem *p = NULL;

    if (atm_schedule_read(path, &s) == ATM_OK)
        try_schedule(s);
    else if (atm_problem_read(path, &p) == ATM_OK)
        try_problem(p, bytes);
    else if (atm_placement_read(path, problem, &a) == ATM_OK)
        (void)atm_placement_check(problem, a);
    else
        return 0;
    atm_schedule_delete(&s);
    atm_problem_delete(&p);
    atm_placement_delete(&a);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t cap,
                               unsigned seed)
{
    return fuzz_json(data, bytes, cap, seed, NULL, 0);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_bytes,
                                 const uint8_t *b, size_t b_bytes, uint8_t *out,
                                 size_t cap, unsigned seed)
{
    size_t n = a_bytes < cap ? a_bytes : cap;

    memcpy(out, a, n);
    return fuzz_json(out, n, cap, seed, b, b_bytes);
}
