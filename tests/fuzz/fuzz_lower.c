/* fuzz_lower.c - models through lowering, planning, both plan checkers and, if
 * small, a run in which every byte's lifetime is verified. What is accepted
 * must be runnable, and the outputs must not depend on the plan. */
#include "fuzz.h"

#include "autotm/frontend.h"
#include "pipe.h"

#define RUN_BYTES 32768
#define KERNELS_MAX 12

static void run(struct pipe *p, uint64_t plan_sum)
{
    uint64_t sum;

    if (pipe_plan(p, "all-fast", UINT64_C(1) << 40) ||
        pipe_run(p, p->schedule, &sum))
        return; /* out of memory */
    FUZZ_PROMISE(sum == plan_sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const planner[] = {"greedy", "random", "all-slow",
                                          "static", "sync",   "first-touch",
                                          "lru",    "belady", "async"};
    const char *path = fuzz_file("model.onnx", data, bytes);
    struct atm_graph *g;
    uint64_t least, budget, sum;
    struct pipe p;
    uint32_t k;

    if (atm_onnx_import(path, NULL, NULL, &g))
        return 0;
    if (pipe_lower(&p, g, true) || p.program->n_kernels > KERNELS_MAX)
        goto close;
    least = atm_problem_min_budget(p.problem, &k);
    budget = least + (p.program->peak_bytes - least) / 2;
    if (p.program->peak_bytes < least ||
        pipe_plan(&p, planner[bytes % 9], budget))
        goto close;
    if (p.program->peak_bytes <= RUN_BYTES && !pipe_run(&p, p.schedule, &sum))
        run(&p, sum);
close:
    pipe_close(&p);
    return 0;
}
