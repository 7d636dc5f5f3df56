/* test_schedule.c - the schedule checker: a schedule that is right passes,
 * every way to be wrong is found and named, and what passes after random
 * damage is right on a machine that knows the bytes. */
#include "atm_test.h"
#include "rng.h"
#include "schedule_fixture.h"

#include <stdlib.h>

/* ---- every way to be wrong --------------------------------------------- */

static void no_fetch(struct fixture *f)
{
    remove_step(f, 5);
    f->s.moved_bytes -= 1024;
}
static void late_fetch(struct fixture *f)
{
    struct atm_step run = f->step[6];

    f->step[6] = f->step[5];
    f->step[5] = run;
}
static void no_evict(struct fixture *f)
{
    remove_step(f, 3);
    f->s.moved_bytes -= 256;
}
static void fetch_from_nothing(struct fixture *f)
{
    f->residence[R_X1].first_step = 2;
    f->residence[R_X].first_step = 1;
    f->step[3].from = R_X1;
    f->step[3].to = R_X;
}
static void no_room_in_time(struct fixture *f)
{
    f->residence[R_W21].last_step = 4;
}
static void overwrites_live(struct fixture *f)
{
    f->residence[R_X1].offset = 1024;
}
static void overwrites_partly(struct fixture *f)
{
    f->residence[R_C].offset = 704;
}
static void overwrites_scratch(struct fixture *f)
{
    f->residence[R_SCRATCH].offset = 1088;
}
static void pool_overflow(struct fixture *f)
{
    f->s.tier[0].pool_bytes = 2112;
}
static void slow_pool_overflow(struct fixture *f)
{
    f->s.tier[1].pool_bytes = 1216;
}
static void offset_wraps(struct fixture *f)
{
    f->residence[R_Y].offset = UINT64_MAX - 63;
}
static void over_budget(struct fixture *f)
{
    f->s.budget_bytes = 2112;
}
static void misaligned(struct fixture *f)
{
    f->residence[R_Y].offset = 928;
}
static void drops_weight(struct fixture *f)
{
    f->residence[R_W1].last_step = 7;
}
static void drops_state(struct fixture *f)
{
    f->residence[R_S2].last_step = 7;
}
static void state_elsewhere(struct fixture *f)
{
    f->residence[R_S].offset = 2176; /* pair in two places */
    f->s.tier[0].pool_bytes = f->s.budget_bytes = f->s.fast_peak_bytes = 2304;
}
static void state_not_brought_home(struct fixture *f)
{
    /* updated at 512, but the next iteration looks for it at 1344 */
    f->s.n_residences = N_RES + 1;
    f->residence[N_RES] = f->residence[R_S];
    f->residence[N_RES].tier = 1;
    f->residence[N_RES].offset = 1280;
    f->residence[N_RES].last_step = 0;
    f->s.tier[1].pool_bytes = f->s.slow_peak_bytes = 1408;
    f->prologue[1] = N_RES;
    f->residence[R_S].first_step = 1;
    insert_step(
        f, 1,
        (struct atm_step){
            .kind = ATM_STEP_MOVE, .tensor = S, .from = N_RES, .to = R_S});
    f->residence[N_RES].last_step = 1;
    f->residence[R_S].first_step = 1;
    f->s.moved_bytes += 128;
}
static void extra_at_end(struct fixture *f)
{
    /* w2 stays fast over the boundary; the prologue does not know */
    f->residence[R_W2].first_step = 5;
    f->residence[R_W2].offset = 1408;
    f->residence[R_W2].last_step = 0;
    f->s.tier[0].pool_bytes = f->s.budget_bytes = f->s.fast_peak_bytes = 2432;
}
static void not_loaded(struct fixture *f)
{
    f->s.n_prologue = 2;
}
static void loaded_late(struct fixture *f)
{
    f->prologue[2] = R_W2;
}
static void loads_activation(struct fixture *f)
{
    f->prologue[2] = R_X1;
}
static void loads_twice(struct fixture *f)
{
    f->prologue[1] = R_W1;
}
static void staging_on_weight(struct fixture *f)
{
    /* the load kernel comes after a weight's place has been left: at its step
     * nothing overlaps, during the prologue everything is there */
    insert_step(
        f, 0,
        (struct atm_step){
            .kind = ATM_STEP_MOVE, .tensor = W2, .from = R_W21, .to = N_RES});
    f->residence[R_W1].first_step = f->residence[R_W21].first_step = 0;
    f->residence[R_S].first_step = 0;
    fix_residence(f, N_RES, W2, 0, 1152, 9, 0);
    f->s.n_residences = N_RES + 1;
    f->residence[R_STAGING].offset = 1152;
    f->s.moved_bytes += 1024;
    f->prologue[3] = N_RES;
    f->s.n_prologue = 4;
}
static void kernel_missing(struct fixture *f)
{
    remove_step(f, 4);
}
static void kernel_twice(struct fixture *f)
{
    insert_step(f, 5, f->step[4]);
}
static void last_kernel_missing(struct fixture *f)
{
    remove_step(f, 8);
}
static void wrong_order(struct fixture *f)
{
    f->step[7].kernel = ADD;
    f->step[8].kernel = UPDATE;
}
static void not_a_pair(struct fixture *f)
{
    f->kernel[RELU].n_pairs = 0;
}
static void pair_overlaps_longer(struct fixture *f)
{
    f->residence[R_A].last_step = 5;
}
static void pair_overlaps_partly(struct fixture *f)
{
    f->residence[R_B].offset = 832;
    f->residence[R_X].last_step = 3;
    f->residence[R_X].offset = 1408;
}
static void stale_input(struct fixture *f)
{
    /* conv finds in slow memory the x of the iteration before */
    f->residence[R_X1].last_step = 2;
    f->residence[R_X].last_step = 1;
    f->step[3] = (struct atm_step){
        .kind = ATM_STEP_MOVE, .tensor = W2, .from = R_W21, .to = N_RES};
    fix_residence(f, N_RES, W2, 0, 1152, 3, 3);
    f->s.n_residences = N_RES + 1;
    f->s.moved_bytes += 1024 - 256;
}
static void no_scratch(struct fixture *f)
{
    f->residence[R_SCRATCH] = f->residence[N_RES - 1];
    f->s.n_residences = N_RES - 1;
    f->step[8].kernel = ADD;
}
static void scratch_elsewhen(struct fixture *f)
{
    f->residence[R_SCRATCH].last_step = 3;
}
static void scratch_slow(struct fixture *f)
{
    f->residence[R_SCRATCH].tier = 1;
    f->s.tier[1].pool_bytes = f->s.slow_peak_bytes = 4096;
    f->residence[R_SCRATCH].offset = 2048;
}
static void scratch_for_none(struct fixture *f)
{
    f->residence[R_SCRATCH].kernel = GEMM;
}
static void output_gone(struct fixture *f)
{
    insert_step(
        f, 9,
        (struct atm_step){
            .kind = ATM_STEP_MOVE, .tensor = W2, .from = R_W21, .to = N_RES});
    fix_residence(f, N_RES, W2, 0, 1152, 9, 9);
    f->s.n_residences = N_RES + 1;
    f->residence[R_W1].last_step = f->residence[R_W21].last_step = 9;
    f->residence[R_S2].last_step = 9;
    f->s.moved_bytes += 1024;
}
static void two_in_a_tier(struct fixture *f)
{
    fix_residence(f, N_RES, C, 0, 1408, 7, 8);
    f->s.n_residences = N_RES + 1;
}
static void to_itself(struct fixture *f)
{
    f->step[5].to = R_W21;
}
static void wrong_tensor(struct fixture *f)
{
    f->step[5].to = R_C;
}
static void no_such_residence(struct fixture *f)
{
    f->step[5].to = N_RES;
}
static void no_such_tier(struct fixture *f)
{
    f->residence[R_C].tier = 2;
}
static void no_such_step(struct fixture *f)
{
    f->residence[R_C].last_step = N_STEPS;
}
static void no_such_kernel(struct fixture *f)
{
    f->step[4].kernel = 99;
}
static void no_such_tensor(struct fixture *f)
{
    f->residence[R_C].tensor = N_TENSORS;
}
static void other_bytes(struct fixture *f)
{
    f->tensor_bytes[A] = 320;
}
static void wrong_moved(struct fixture *f)
{
    f->s.moved_bytes = 1024;
}
static void wrong_peak(struct fixture *f)
{
    f->s.fast_peak_bytes = 2048;
}
static void bad_time(struct fixture *f)
{
    f->step[2].predicted_s = NAN;
}
static void read_before_wait(struct fixture *f)
{
    struct atm_step wait;

    make_async(f);
    wait = f->step[6];
    f->step[6] = f->step[7];
    f->step[7] = wait;
    f->residence[R_W2].last_step = 7;
}
static void never_waited(struct fixture *f)
{
    make_async(f);
    remove_step(f, 6);
}
static void never_started(struct fixture *f)
{
    make_async(f);
    remove_step(f, 4);
    f->s.moved_bytes -= 1024;
}
static void source_reused(struct fixture *f)
{
    f->step[3].kind = ATM_STEP_START; /* c comes to where x was */
}
static void started_twice(struct fixture *f)
{
    make_async(f);
    insert_step(f, 5, f->step[4]);
    f->s.moved_bytes += 1024;
}
static void source_overwritten(struct fixture *f)
{
    /* x leaves for slow memory and a second copy comes back on top of it */
    f->step[3].kind = ATM_STEP_START;
    insert_step(f, 4, f->step[3]);
    f->step[4] = (struct atm_step){
        .kind = ATM_STEP_MOVE, .tensor = X, .from = R_X1, .to = R_X};
    f->residence[R_X].last_step = 5;
    insert_step(f, 5, f->step[3]);
    f->step[5].kind = ATM_STEP_WAIT;
    f->residence[R_X].last_step = 5;
    f->s.moved_bytes += 256;
}
static void output_in_flight(struct fixture *f)
{
    insert_step(
        f, 9,
        (struct atm_step){
            .kind = ATM_STEP_START, .tensor = Y, .from = R_Y, .to = N_RES});
    fix_residence(f, N_RES, Y, 1, 256, 9, 9);
    f->residence[R_Y].last_step = f->residence[R_C].last_step = 9;
    f->residence[R_W1].last_step = f->residence[R_S2].last_step = 9;
    f->residence[R_W21].last_step = 9;
    f->residence[R_W21].offset = 512;
    f->s.tier[1].pool_bytes = f->s.slow_peak_bytes = 1536;
    f->s.n_residences = N_RES + 1;
    f->s.moved_bytes += 256;
}

static const struct {
    void (*plant)(struct fixture *f);
    const char *says[2];
} faults[] = {
    {no_fetch,
     {"(run \"gemm\") reads \"w2\" in tier 0 (dram)", "nothing has written"}},
    {late_fetch, {"step 5 (run \"gemm\") reads \"w2\"", "nothing has written"}},
    {no_evict,
     {"(run \"add\") reads \"x\" in tier 1 (emu)", "nothing has written"}},
    {fetch_from_nothing,
     {"step 3 (move \"x\") copies \"x\" in tier 1", "nothing"}},
    {no_room_in_time, {"step 5 (move \"w2\"): its source", "does not cover"}},
    {overwrites_live,
     {"step 3 (move \"x\"): \"x\" in tier 1 (emu) at offset 1024",
      "overlaps \"w2\""}},
    {overwrites_partly, {"step 6 (run \"gemm\")", "overlaps \"b\" in tier 0"}},
    {overwrites_scratch, {"step 2 (run \"conv\")", "scratch of \"conv\""}},
    {pool_overflow, {"\"w2\" in tier 0 (dram)", "pass the end of the pool"}},
    {slow_pool_overflow,
     {"\"w2\" in tier 1 (emu)", "pass the end of the pool"}},
    {offset_wraps, {"\"y\" in tier 0", "pass the end of the pool"}},
    {over_budget, {"the pool of tier 0 (dram)", "the budget is 2112"}},
    {misaligned, {"\"y\" in tier 0 (dram) at offset 928", "no multiple of 64"}},
    {drops_weight, {"the end state is not the begin state", "fills \"w1\""}},
    {drops_state, {"the end state is not the begin state", "fills \"s\""}},
    {state_elsewhere,
     {"step 7 (run \"update\") updates in place", "two places"}},
    {state_not_brought_home,
     {"the end state is not the begin state", "fills \"s\" in tier 1"}},
    {extra_at_end,
     {"the end state is not the begin state", "leaves \"w2\" in tier 0"}},
    {not_loaded,
     {"\"w2\", read by kernel \"gemm\"", "no residence that it loads"}},
    {loaded_late, {"prologue", "does not live at step 0"}},
    {loads_activation, {"prologue", "no weight or state"}},
    {loads_twice, {"prologue", "stands twice"}},
    {staging_on_weight, {"the staging, scratch of \"load\"", "lies on \"w2\""}},
    {kernel_missing, {"step 5 (run \"gemm\")", "kernel \"relu\" is left out"}},
    {kernel_twice, {"step 5 (run \"relu\")", "a second time"}},
    {last_kernel_missing, {"kernel \"add\" is never run", ""}},
    {wrong_order,
     {"step 7 (run \"add\")",
      "kernel \"update\" is left out or comes too late"}},
    {not_a_pair, {"step 4 (run \"relu\"): \"b\" in tier 0", "overlaps \"a\""}},
    {pair_overlaps_longer,
     {"step 4 (run \"relu\"): \"b\" in tier 0", "overlaps \"a\""}},
    {pair_overlaps_partly,
     {"step 4 (run \"relu\"): \"b\" in tier 0", "overlaps \"a\""}},
    {stale_input,
     {"step 2 (run \"conv\") reads \"x\" in tier 1", "in this iteration"}},
    {no_scratch,
     {"step 2 (run \"conv\")", "192 bytes of scratch and has none"}},
    {scratch_elsewhen,
     {"scratch of \"conv\"", "at the step of its kernel alone"}},
    {scratch_slow,
     {"scratch of \"conv\" in tier 1 (emu)", "scratch lives in tier 0"}},
    {scratch_for_none, {"residence 7", "kernel \"gemm\" has no scratch"}},
    {output_gone, {"the output \"y\" has no residence", "last step"}},
    {two_in_a_tier,
     {"\"c\" in tier 0", "while residence 11 of the tensor lives"}},
    {to_itself, {"step 5 (move \"w2\")", "to itself"}},
    {wrong_tensor, {"step 5 (move \"w2\")", "holds another tensor"}},
    {no_such_residence, {"step 5 (move \"w2\")", "no residence 13"}},
    {no_such_tier, {"residence 11", "tier 2"}},
    {no_such_step, {"residence 11", "steps 6..9"}},
    {no_such_kernel, {"step 4", "no kernel 99"}},
    {no_such_tensor, {"residence 11", "no such tensor"}},
    {other_bytes, {"tensor \"a\" has 320 bytes", "in the program 256"}},
    {wrong_moved, {"it moves 1280 bytes", "says 1024"}},
    {wrong_peak, {"\"w2\" in tier 0", "above the stated peak"}},
    {bad_time, {"step 2", "predicted time"}},
    {read_before_wait,
     {"step 6 (run \"gemm\") reads \"w2\"",
      "started at step 4, is waited for"}},
    {never_waited, {"reads \"w2\"", "is waited for"}},
    {never_started, {"(wait \"w2\")", "no such move was started"}},
    {source_reused, {"(start \"x\")", "ends while a started move from it"}},
    {started_twice,
     {"step 5 (start \"w2\") writes", "while a started move to it"}},
    {source_overwritten,
     {"(move \"x\") copies \"x\" in tier 1", "is waited for"}},
    {output_in_flight,
     {"the move to \"y\" in tier 1", "the value ends with it"}},
};

static void planted_faults(void)
{
    struct fixture f;
    size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fixture_init(&f);
        faults[i].plant(&f);
        ATM_ASSERT_FAILS(atm_schedule_check(&f.s, &f.p), ATM_FORMAT,
                         faults[i].says[0]);
        CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), faults[i].says[1]));
        if (!strstr(atm_errmsg(), faults[i].says[1]))
            fprintf(stderr, "\nfault %zu: %s\n", i, atm_errmsg());
    }
}

/* ---- right ones -------------------------------------------------------- */

static void hand_made(void)
{
    struct fixture f;

    fixture_init(&f);
    ATM_ASSERT_OK(atm_schedule_check(&f.s, &f.p));
    make_async(&f);
    ATM_ASSERT_OK(atm_schedule_check(&f.s, &f.p));

    /* w2 is fetched behind its last use, for the next iteration's */
    fixture_init(&f);
    remove_step(&f, 5);
    insert_step(
        &f, 7,
        (struct atm_step){
            .kind = ATM_STEP_MOVE, .tensor = W2, .from = R_W21, .to = R_W2});
    f.residence[R_W2] = (struct atm_residence){W2, ATM_NONE, 0, 1408, 7, 5};
    f.prologue[3] = R_W2;
    f.s.n_prologue = 4;
    f.s.tier[0].pool_bytes = f.s.budget_bytes = f.s.fast_peak_bytes = 2432;
    ATM_ASSERT_OK(atm_schedule_check(&f.s, &f.p));

    /* the state is at home in slow memory, fetched and brought back */
    fixture_init(&f);
    insert_step(
        &f, 1,
        (struct atm_step){
            .kind = ATM_STEP_MOVE, .tensor = S, .from = N_RES, .to = R_S});
    insert_step(&f, 10,
                (struct atm_step){.kind = ATM_STEP_MOVE,
                                  .tensor = S2,
                                  .from = R_S2,
                                  .to = N_RES + 1});
    f.residence[R_S].first_step = 1;
    f.residence[R_S2].last_step = f.residence[R_Y].last_step = 10;
    f.residence[R_W1].last_step = f.residence[R_W21].last_step = 10;
    fix_residence(&f, N_RES, S, 1, 1280, 0, 1);
    fix_residence(&f, N_RES + 1, S2, 1, 1280, 10, 10);
    f.s.n_residences = N_RES + 2;
    f.s.tier[1].pool_bytes = f.s.slow_peak_bytes = 1408;
    f.prologue[1] = N_RES;
    f.s.moved_bytes += 256;
    ATM_ASSERT_OK(atm_schedule_check(&f.s, &f.p));
}

/* The start of a move may lie in one iteration, its wait in the next. */
static void over_the_boundary(void)
{
    struct fixture f;
    struct atm_step start;

    fixture_init(&f);
    f.step[5].kind = ATM_STEP_WAIT;
    start = f.step[5];
    start.kind = ATM_STEP_START;
    insert_step(&f, 9, start);
    f.residence[R_W1].last_step = f.residence[R_S2].last_step = 9;
    f.residence[R_W21].last_step = f.residence[R_Y].last_step = 9;
    f.residence[R_W2].offset = 1408;
    f.residence[R_W2].first_step = 9;
    f.residence[R_W2].last_step = 6;
    f.prologue[3] = R_W2;
    f.s.n_prologue = 4;
    f.s.tier[0].pool_bytes = f.s.budget_bytes = f.s.fast_peak_bytes = 2432;
    ATM_ASSERT_OK(atm_schedule_check(&f.s, &f.p));
    /* only the second iteration reads what is still on its way */
    start = f.step[5];
    f.step[5] = f.step[6];
    f.step[6] = start;
    f.residence[R_C].first_step = 5;
    ATM_ASSERT_FAILS(atm_schedule_check(&f.s, &f.p), ATM_FORMAT,
                     "started at step 9, is waited for");
}

/* ---- the machine that knows the bytes ---------------------------------- */

/* Each 64-byte cell of each pool is tagged with what it holds: tensor, value's
 * iteration, cell of the tensor. It runs five iterations and knows nothing of
 * residences being free or taken; a started move copies at its start or at
 * its wait, as `early` says. Returns false at the first wrong read. */
enum { CELLS = 64, ITERATIONS = 5 };
struct cell {
    uint32_t tensor, iteration, index;
};
struct machine {
    const struct fixture *f;
    struct cell pool[2][CELLS];
    bool flying[ROOM];
};

static const struct atm_residence *lies(const struct fixture *f,
                                        uint32_t tensor, uint32_t step)
{
    const struct atm_residence *best = NULL;
    uint32_t r;

    for (r = 0; r < f->s.n_residences; r++) {
        const struct atm_residence *x = &f->residence[r];
        bool on = x->first_step <= x->last_step
                      ? x->first_step <= step && step <= x->last_step
                      : step >= x->first_step || step <= x->last_step;

        if (x->tensor == tensor && on && (!best || x->tier < best->tier))
            best = x;
    }
    return best;
}

/* Weights keep the value of iteration 0; s is made by s' of the one before. */
static struct cell value_of(uint32_t tensor, uint32_t iteration, uint32_t i)
{
    if (tensor == W1 || tensor == W2)
        iteration = 0;
    if (tensor == S)
        return iteration == 0 ? (struct cell){S, 0, i}
                              : (struct cell){S2, iteration - 1, i};
    return (struct cell){tensor, iteration, i};
}

static bool access_cells(struct machine *m, const struct atm_residence *x,
                         uint32_t tensor, uint32_t iteration, bool write)
{
    uint32_t i, n = (uint32_t)(m->f->tensor[tensor].bytes / 64);

    for (i = 0; i < n; i++) {
        struct cell *c = &m->pool[x->tier][x->offset / 64 + i];
        struct cell want = value_of(tensor, iteration, i);

        if (write)
            *c = want;
        else if (memcmp(c, &want, sizeof(want)) != 0)
            return false;
    }
    return true;
}

static void copy_cells(struct machine *m, const struct atm_step *st)
{
    const struct atm_residence *a = &m->f->residence[st->from];
    const struct atm_residence *b = &m->f->residence[st->to];

    memmove(&m->pool[b->tier][b->offset / 64],
            &m->pool[a->tier][a->offset / 64],
            m->f->tensor[st->tensor].bytes / 64 * sizeof(struct cell));
}

static void poison(struct machine *m, const struct atm_residence *x,
                   uint64_t bytes)
{
    memset(&m->pool[x->tier][x->offset / 64], 0xff,
           bytes / 64 * sizeof(struct cell));
}

static bool run_cells(struct machine *m, uint32_t step, uint32_t it)
{
    const struct fixture *f = m->f;
    const struct atm_kernel *k = &f->kernel[f->step[step].kernel];
    uint32_t i, r;

    /* scratch is written first, then inputs read, then outputs written */
    for (r = 0; k->scratch_bytes && r < f->s.n_residences; r++)
        if (f->residence[r].tensor == ATM_NONE &&
            f->residence[r].kernel == f->step[step].kernel)
            poison(m, &f->residence[r], k->scratch_bytes);
    for (i = 0; i < k->n_in; i++)
        if (k->in[i].tensor != ATM_NONE &&
            !(lies(f, k->in[i].tensor, step) &&
              access_cells(m, lies(f, k->in[i].tensor, step), k->in[i].tensor,
                           it, false)))
            return false;
    for (i = 0; i < k->n_out; i++) {
        if (!lies(f, k->out[i].tensor, step))
            return false;
        (void)access_cells(m, lies(f, k->out[i].tensor, step), k->out[i].tensor,
                           it, true);
    }
    return true;
}

static bool runs_right(const struct fixture *f, bool early)
{
    static struct machine m;
    uint32_t i, it, t;

    memset(&m, 0xff, sizeof(m));
    memset(m.flying, 0, sizeof(m.flying));
    m.f = f;
    for (i = 0; i < f->s.n_prologue; i++) {
        const struct atm_residence *x = &f->residence[f->prologue[i]];

        (void)access_cells(&m, x, x->tensor, 0, true);
    }
    for (it = 0; it < ITERATIONS; it++) {
        for (t = 0; t < f->s.n_steps; t++) {
            const struct atm_step *st = &f->step[t];

            if (st->kind == ATM_STEP_RUN) {
                if (!run_cells(&m, t, it))
                    return false;
                continue;
            }
            if (st->kind == ATM_STEP_MOVE ||
                (st->kind == ATM_STEP_START && early) ||
                (st->kind == ATM_STEP_WAIT && !early && m.flying[st->to]))
                copy_cells(&m, st);
            else if (st->kind == ATM_STEP_START)
                poison(&m, &f->residence[st->to], f->tensor[st->tensor].bytes);
            if (st->kind != ATM_STEP_MOVE)
                m.flying[st->to] = st->kind == ATM_STEP_START;
        }
        if (!lies(f, Y, f->s.n_steps - 1) ||
            !access_cells(&m, lies(f, Y, f->s.n_steps - 1), Y, it, false))
            return false;
    }
    return true;
}

/* One random change of one field. */
static void damage(struct fixture *f, uint64_t seed, uint64_t i)
{
    uint64_t v = atm_rng_u64(seed, 4 * i), w = atm_rng_u64(seed, 4 * i + 1);
    struct atm_residence *r = &f->residence[v % f->s.n_residences];
    struct atm_step *st = &f->step[v % f->s.n_steps], swap;
    uint32_t other = (uint32_t)(w % f->s.n_steps);

    switch (atm_rng_u64(seed, 4 * i + 2) % 8) {
    case 0:
        r->offset = w % 40 * 64;
        break;
    case 1:
        r->first_step = other;
        break;
    case 2:
        r->last_step = other;
        break;
    case 3:
        r->tier = w & 1;
        break;
    case 4:
        swap = *st;
        *st = f->step[other];
        f->step[other] = swap;
        break;
    case 5:
        if (f->s.n_steps + 1 < ROOM)
            insert_step(f, other, *st);
        break;
    case 6:
        if (st->kind != ATM_STEP_RUN) {
            st->from = (uint32_t)(w % f->s.n_residences);
            st->tensor = f->residence[st->from].tensor;
        }
        break;
    default:
        if (st->kind != ATM_STEP_RUN) {
            st->to = (uint32_t)(w % f->s.n_residences);
            st->kind = (enum atm_step_kind)(1 + w / 64 % 3);
        }
    }
}

/* What is said about the whole is made true, so that the play is judged. */
static void make_totals_true(struct fixture *f)
{
    uint32_t i;

    f->s.moved_bytes = 0;
    for (i = 0; i < f->s.n_steps; i++)
        if ((f->step[i].kind == ATM_STEP_MOVE ||
             f->step[i].kind == ATM_STEP_START) &&
            f->step[i].tensor < N_TENSORS)
            f->s.moved_bytes += f->tensor_bytes[f->step[i].tensor];
    f->s.tier[0].pool_bytes = f->s.tier[1].pool_bytes = CELLS * 64;
    f->s.budget_bytes = f->s.fast_peak_bytes = CELLS * 64;
    f->s.slow_peak_bytes = CELLS * 64;
}

static void accepted_runs_right(void)
{
    enum { ROUNDS = 60000 };
    struct fixture f;
    uint32_t accepted = 0, wrong = 0;
    uint64_t i, j;

    for (i = 0; i < ROUNDS; i++) {
        fixture_init(&f);
        if (i & 1)
            make_async(&f);
        for (j = 0; j <= atm_rng_u64(77, i) % 4; j++)
            damage(&f, i + 1000, j);
        make_totals_true(&f);
        if (atm_schedule_check(&f.s, &f.p))
            continue;
        accepted++;
        wrong += !runs_right(&f, true) || !runs_right(&f, false);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(accepted > ROUNDS / 50); /* the judge judged something */
    CU_ASSERT_TRUE(accepted < ROUNDS / 2);
    fixture_init(&f);
    CU_ASSERT_TRUE(runs_right(&f, true));
    f.residence[R_X1].offset = 256; /* on w2: the judge is no yes-man */
    CU_ASSERT_FALSE(runs_right(&f, true));
    printf("%u of %u accepted ", accepted, (unsigned)ROUNDS);
}

static const struct atm_test tests[] = {
    {"right schedules pass: sync, async, over the boundary, carried",
     hand_made},
    {"a move may run over the boundary", over_the_boundary},
    {"every planted fault is found and named", planted_faults},
    {"what is accepted runs right, byte by byte", accepted_runs_right},
    {NULL, NULL}};
ATM_TEST_MAIN("schedule", tests)
