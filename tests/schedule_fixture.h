/* schedule_fixture.h - a small program and a schedule for it, made by hand:
 * resident weight, fetched weight, evicted input, carried state, in-place
 * pairs, scratch, output. Every field may be changed by a test.
 *
 *   step 0 run load      tier 0   0: w1 ................ (all steps)
 *        1 run feed:x           512: s (..7), s' (7..)
 *        2 run conv             640: staging (0), x (1..3), c (6..8)
 *        3 move x 0->1          896: a (2..4), b (4..6), y (8)
 *        4 run relu            1152: scratch (2), w2 (5..6)
 *        5 move w2 1->0
 *        6 run gemm      tier 1   0: x (3..8)
 *        7 run update           256: w2 ................ (all steps)
 *        8 run add
 */
#ifndef SCHEDULE_FIXTURE_H
#define SCHEDULE_FIXTURE_H

#include "autotm/schedule.h"

#include <math.h>
#include <string.h>

enum { X, W1, A, B, W2, C, S, S2, Y, N_TENSORS };
enum { LOAD, FEED, CONV, RELU, GEMM, UPDATE, ADD, N_KERNELS };
enum {
    R_W1,
    R_S,
    R_S2,
    R_STAGING,
    R_X,
    R_A,
    R_B,
    R_SCRATCH,
    R_X1,
    R_W21,
    R_W2,
    R_C,
    R_Y,
    N_RES
};
enum { N_STEPS = 9, ROOM = 24 };

struct fixture {
    struct atm_tensor tensor[N_TENSORS];
    struct atm_operand in[N_KERNELS][3], out[N_KERNELS][1], output;
    struct atm_pair pair[N_KERNELS][1];
    struct atm_kernel kernel[N_KERNELS];
    struct atm_carry carry;
    struct atm_program p;
    const char *tensor_name[N_TENSORS], *kernel_name[N_KERNELS];
    uint64_t tensor_bytes[N_TENSORS];
    struct atm_residence residence[ROOM];
    struct atm_step step[ROOM];
    uint32_t prologue[ROOM];
    struct atm_schedule s;
};

static void fix_kernel(struct fixture *f, uint32_t k, const char *name,
                       uint32_t in0, uint32_t in1, uint32_t out)
{
    struct atm_kernel *n = &f->kernel[k];

    n->kind = k == LOAD   ? ATM_KERNEL_LOAD
              : k == FEED ? ATM_KERNEL_FEED
                          : ATM_KERNEL_RUN;
    n->name = f->kernel_name[k] = name;
    n->in = f->in[k];
    n->out = f->out[k];
    n->pair = f->pair[k];
    n->in[0].tensor = in0;
    n->in[1].tensor = in1;
    n->in[2].tensor = ATM_NONE; /* an omitted optional operand */
    n->n_in = in0 == ATM_NONE ? 0 : in1 == ATM_NONE ? 1 : 3;
    n->out[0].tensor = out;
    n->n_out = out != ATM_NONE;
    if (out != ATM_NONE)
        f->tensor[out].producer = k;
}

static void fix_program(struct fixture *f)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } t[N_TENSORS] = {{"x", 256}, {"w1", 512},  {"a", 256},
                      {"b", 256}, {"w2", 1024}, {"c", 256},
                      {"s", 128}, {"s'", 128},  {"y", 256}};
    uint32_t i;

    for (i = 0; i < N_TENSORS; i++) {
        f->tensor[i].name = f->tensor_name[i] = t[i].name;
        f->tensor[i].bytes = f->tensor_bytes[i] = t[i].bytes;
        f->tensor[i].arg = i == W1 || i == W2 || i == S;
        f->tensor[i].out = i == Y;
        f->tensor[i].producer = ATM_NONE;
    }
    fix_kernel(f, LOAD, "load", ATM_NONE, ATM_NONE, ATM_NONE);
    fix_kernel(f, FEED, "feed:x", ATM_NONE, ATM_NONE, X);
    fix_kernel(f, CONV, "conv", X, W1, A);
    fix_kernel(f, RELU, "relu", A, ATM_NONE, B);
    fix_kernel(f, GEMM, "gemm", B, W2, C);
    fix_kernel(f, UPDATE, "update", S, C, S2);
    fix_kernel(f, ADD, "add", C, X, Y);
    f->kernel[LOAD].scratch_bytes = 128;
    f->kernel[CONV].scratch_bytes = 192;
    f->kernel[RELU].n_pairs = 1; /* (0, 0), may */
    f->kernel[UPDATE].n_pairs = 1;
    f->pair[UPDATE][0].must = true;
    f->carry = (struct atm_carry){.next = S2, .prev = S};
    f->output.tensor = Y;
    f->p = (struct atm_program){.n_tensors = N_TENSORS,
                                .tensor = f->tensor,
                                .n_kernels = N_KERNELS,
                                .kernel = f->kernel,
                                .n_carries = 1,
                                .carry = &f->carry,
                                .n_outputs = 1,
                                .output = &f->output,
                                .threads = 1};
}

static void fix_residence(struct fixture *f, uint32_t r, uint32_t tensor,
                          uint32_t tier, uint64_t offset, uint32_t first,
                          uint32_t last)
{
    f->residence[r] =
        (struct atm_residence){tensor, ATM_NONE, tier, offset, first, last};
}

static void fixture_init(struct fixture *f)
{
    static const struct atm_step steps[N_STEPS] = {
        {.kind = ATM_STEP_RUN, .kernel = LOAD},
        {.kind = ATM_STEP_RUN, .kernel = FEED},
        {.kind = ATM_STEP_RUN, .kernel = CONV, .predicted_s = 1e-3},
        {.kind = ATM_STEP_MOVE,
         .tensor = X,
         .from = R_X,
         .to = R_X1,
         .predicted_s = 1.0 / 3},
        {.kind = ATM_STEP_RUN, .kernel = RELU},
        {.kind = ATM_STEP_MOVE, .tensor = W2, .from = R_W21, .to = R_W2},
        {.kind = ATM_STEP_RUN, .kernel = GEMM},
        {.kind = ATM_STEP_RUN, .kernel = UPDATE},
        {.kind = ATM_STEP_RUN, .kernel = ADD},
    };

    memset(f, 0, sizeof(*f));
    fix_program(f);
    memcpy(f->step, steps, sizeof(steps));
    fix_residence(f, R_W1, W1, 0, 0, 0, 8);
    fix_residence(f, R_S, S, 0, 512, 0, 7);
    fix_residence(f, R_S2, S2, 0, 512, 7, 8);
    fix_residence(f, R_STAGING, ATM_NONE, 0, 640, 0, 0);
    f->residence[R_STAGING].kernel = LOAD;
    fix_residence(f, R_X, X, 0, 640, 1, 3);
    fix_residence(f, R_A, A, 0, 896, 2, 4);
    fix_residence(f, R_B, B, 0, 896, 4, 6);
    fix_residence(f, R_SCRATCH, ATM_NONE, 0, 1152, 2, 2);
    f->residence[R_SCRATCH].kernel = CONV;
    fix_residence(f, R_X1, X, 1, 0, 3, 8);
    fix_residence(f, R_W21, W2, 1, 256, 0, 8);
    fix_residence(f, R_W2, W2, 0, 1152, 5, 6);
    fix_residence(f, R_C, C, 0, 640, 6, 8);
    fix_residence(f, R_Y, Y, 0, 896, 8, 8);
    f->prologue[0] = R_W1;
    f->prologue[1] = R_S;
    f->prologue[2] = R_W21;
    f->s =
        (struct atm_schedule){.model_hash = {1, 2},
                              .program_hash = {3, 4},
                              .profile_hash = {5, 6},
                              .tiers_hash = {7, UINT64_MAX},
                              .model_name = "hand \"made\"",
                              .n_tiers = 2,
                              .tier = {{"dram", "dram", 2176, 0, 0},
                                       {"emu", "emu:size=1G", 1280, 5e9, 2e9}},
                              .threads = 1,
                              .n_tensors = N_TENSORS,
                              .n_kernels = N_KERNELS,
                              .tensor_name = f->tensor_name,
                              .tensor_bytes = f->tensor_bytes,
                              .kernel_name = f->kernel_name,
                              .n_residences = N_RES,
                              .residence = f->residence,
                              .n_steps = N_STEPS,
                              .step = f->step,
                              .n_prologue = 3,
                              .prologue = f->prologue,
                              .planner = "hand",
                              .options = "",
                              .status = ATM_PLAN_FEASIBLE,
                              .emulated = true,
                              .peak_bytes = 3000,
                              .budget_bytes = 2176,
                              .fast_peak_bytes = 2176,
                              .slow_peak_bytes = 1280,
                              .moved_bytes = 1280,
                              .predicted_s = 0.1,
                              .all_fast_s = 0.05,
                              .all_slow_s = NAN,
                              .lower_bound_s = 0.0999999999,
                              .gap = 1e-9,
                              .uncertified_bound_s = NAN};
}

/* Puts a step before step `at`; residences keep their other steps. */
static inline void insert_step(struct fixture *f, uint32_t at,
                               struct atm_step step)
{
    uint32_t r;

    memmove(&f->step[at + 1], &f->step[at],
            (f->s.n_steps - at) * sizeof(f->step[0]));
    f->step[at] = step;
    f->s.n_steps++;
    for (r = 0; r < f->s.n_residences; r++) {
        f->residence[r].first_step += f->residence[r].first_step >= at;
        f->residence[r].last_step += f->residence[r].last_step >= at;
    }
}

static inline void remove_step(struct fixture *f, uint32_t at)
{
    uint32_t r;

    f->s.n_steps--;
    memmove(&f->step[at], &f->step[at + 1],
            (f->s.n_steps - at) * sizeof(f->step[0]));
    for (r = 0; r < f->s.n_residences; r++) {
        f->residence[r].first_step -=
            f->residence[r].first_step > at ||
            f->residence[r].first_step == f->s.n_steps;
        f->residence[r].last_step -= f->residence[r].last_step > at ||
                                     f->residence[r].last_step == f->s.n_steps;
    }
}

/* w2 is fetched beside relu: started at step 4, waited for at step 6. */
static inline void make_async(struct fixture *f)
{
    f->step[5].kind = ATM_STEP_WAIT;
    insert_step(f, 4, f->step[5]);
    f->step[4].kind = ATM_STEP_START;
    f->residence[R_W2].first_step = 4;
}

#endif
