/* test_session.c - sessions obey hand-made schedules: same bits wherever
 * tensors lie, faults found, nothing allocated, times that add up. */
#include "arena.h"
#include "atm_test.h"
#include "autotm/op.h"
#include "autotm/runtime.h"
#include "rng.h"
#include "session.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK ATM_ASSERT_OK
#define PART ((uint64_t)128 << 10) /* more than any kernel's operands */
enum { ROWS = 3, IN = 96, HIDDEN = 160, OUT = 10, N_VALUES = 16 };

/* ---- a small network --------------------------------------------------- */

/* x -> MatMul w1 -> Add b1 -> Relu -> MatMul w2 -> y; y2 = Relu(x w1 + b1) */
struct net {
    struct atm_graph *g;
    struct atm_program *p;
    uint32_t x, w1, b1, t, h, a, w2, y;
    float data[2][ROWS * IN]; /* two different inputs */
};

static uint32_t value(struct atm_graph *g, const char *name, int64_t d0,
                      int64_t d1, const float *data)
{
    struct atm_shape s = {d1 ? 2 : 1, {d0, d1}};
    struct atm_constant c = {.kind = ATM_CONST_INLINE, .data = data};
    uint32_t id = 0, constant = 0;

    OK(atm_graph_add_value(g, name, ATM_F32, &s, &id));
    if (data) {
        c.bytes = (uint64_t)(d0 * (d1 ? d1 : 1)) * sizeof(float);
        OK(atm_graph_add_constant(g, &c, &constant));
        g->value[id].constant = constant;
    }
    return id;
}

static void node(struct atm_graph *g, const char *name, const char *op,
                 uint32_t in0, uint32_t in1, uint32_t out)
{
    const uint32_t in[2] = {in0, in1};
    uint32_t id;

    OK(atm_graph_add_node(g, name, atm_op_find("", op), 13,
                          in1 == ATM_NONE ? 1 : 2, in, 1, &out, 0, NULL, &id));
}

static void net_open(struct net *n, bool reference)
{
    static float w1[IN * HIDDEN], w2[HIDDEN * OUT], b1[HIDDEN];
    const struct atm_lower_options o = {.threads = 1,
                                        .reference_only = reference};

    atm_rng_normal(1, 0, IN * HIDDEN, w1);
    atm_rng_normal(2, 0, HIDDEN * OUT, w2);
    atm_rng_normal(3, 0, HIDDEN, b1);
    atm_rng_normal(4, 0, ROWS * IN, n->data[0]);
    atm_rng_normal(5, 0, ROWS * IN, n->data[1]);
    OK(atm_graph_new(&n->g));
    n->x = value(n->g, "x", ROWS, IN, NULL);
    n->w1 = value(n->g, "w1", IN, HIDDEN, w1);
    n->b1 = value(n->g, "b1", HIDDEN, 0, b1);
    n->w2 = value(n->g, "w2", HIDDEN, OUT, w2);
    n->t = value(n->g, "t", ROWS, HIDDEN, NULL);
    n->h = value(n->g, "h", ROWS, HIDDEN, NULL);
    n->a = value(n->g, "a", ROWS, HIDDEN, NULL);
    n->y = value(n->g, "y", ROWS, OUT, NULL);
    node(n->g, "mm1", "MatMul", n->x, n->w1, n->t);
    node(n->g, "add", "Add", n->t, n->b1, n->h);
    node(n->g, "relu", "Relu", n->h, ATM_NONE, n->a);
    node(n->g, "mm2", "MatMul", n->a, n->w2, n->y);
    OK(atm_graph_add_input(n->g, n->x));
    OK(atm_graph_add_output(n->g, n->y));
    OK(atm_graph_add_output(n->g, n->a));
    OK(atm_graph_check(n->g));
    OK(atm_lower(n->g, &o, &n->p));
    OK(atm_program_check(n->p));
    CU_ASSERT_EQUAL_FATAL(n->p->n_inputs, 1);
    CU_ASSERT_EQUAL_FATAL(n->p->n_outputs, 2);
}

static void net_close(struct net *n)
{
    atm_program_delete(&n->p);
    atm_graph_delete(&n->g);
}

struct result {
    float y[ROWS * OUT], a[ROWS * HIDDEN];
};

/* The oracle: the network in double loops over floats, as its reference
 * kernels are defined; used to see that results mean something. */
static void expect(const struct net *n, int which, struct result *r)
{
    const float *w1 = n->g->constant[n->g->value[n->w1].constant].data;
    const float *b1 = n->g->constant[n->g->value[n->b1].constant].data;
    const float *w2 = n->g->constant[n->g->value[n->w2].constant].data;
    int i, j, k;

    for (i = 0; i < ROWS; i++) {
        for (j = 0; j < HIDDEN; j++) {
            double s = b1[j];

            for (k = 0; k < IN; k++)
                s += (double)n->data[which][i * IN + k] * w1[k * HIDDEN + j];
            r->a[i * HIDDEN + j] = s > 0 ? (float)s : 0;
        }
        for (j = 0; j < OUT; j++) {
            double s = 0;

            for (k = 0; k < HIDDEN; k++)
                s += (double)r->a[i * HIDDEN + k] * w2[k * OUT + j];
            r->y[i * OUT + j] = (float)s;
        }
    }
}

static bool close_to(const float *a, const float *b, int n)
{
    int i;

    for (i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-3f))
            return false;
    return true;
}

/* ---- schedules by hand ------------------------------------------------- */

enum mode {
    ALL_FAST, /* every tensor in tier 0 */
    ALL_SLOW, /* every tensor in tier 1 */
    FETCH,    /* home in tier 1; every operand is fetched for its kernel, every
                 result evicted behind it */
    BESIDE,   /* as FETCH, kernels by turns in four parts of the pool */
    MIXED,    /* by turns in each of three tiers */
    FETCH3,   /* as FETCH, homes by turns in two slow tiers */
};

struct plan {
    struct atm_schedule s;
    struct atm_residence residence[200];
    struct atm_step step[200];
    uint32_t prologue[64];
    uint64_t height[3];
};

static uint64_t place(struct plan *q, uint32_t tier, uint64_t bytes)
{
    uint64_t at = q->height[tier];

    q->height[tier] += bytes;
    return at;
}

static uint32_t reside(struct plan *q, uint32_t tensor, uint32_t kernel,
                       uint32_t tier, uint64_t off, uint32_t first,
                       uint32_t last)
{
    q->residence[q->s.n_residences] =
        (struct atm_residence){tensor, kernel, tier, off, first, last};
    return q->s.n_residences++;
}

static void add_move(struct plan *q, const struct atm_program *p,
                     uint32_t tensor, uint32_t from, uint32_t to)
{
    q->step[q->s.n_steps++] = (struct atm_step){
        .kind = ATM_STEP_MOVE, .tensor = tensor, .from = from, .to = to};
    q->s.moved_bytes += p->tensor[tensor].bytes;
}

/* Brings kernel k's operands, runs it, takes its results away. */
static void fetch_and_run(struct plan *q, const struct atm_program *p,
                          uint32_t k, uint64_t base, const uint32_t *home)
{
    const struct atm_kernel *kernel = &p->kernel[k];
    uint32_t tensor[16], n_in, n, i, fast[16], first[16], run;
    uint64_t read[16], written[16];

    n = atm_kernel_operands(p, k, 16, tensor, read, written, &n_in);
    q->height[0] = base;
    for (i = 0; i < n; i++) {
        first[i] = q->s.n_steps;
        fast[i] = reside(q, tensor[i], ATM_NONE, 0,
                         place(q, 0, p->tensor[tensor[i]].bytes), 0, 0);
        if (i < n_in)
            add_move(q, p, tensor[i], home[tensor[i]], fast[i]);
    }
    run = q->s.n_steps;
    q->step[q->s.n_steps++] =
        (struct atm_step){.kind = ATM_STEP_RUN, .kernel = k};
    if (kernel->scratch_bytes)
        (void)reside(q, ATM_NONE, k, 0, 0, run, run);
    for (i = 0; i < n; i++) {
        q->residence[fast[i]].first_step = i < n_in ? first[i] : run;
        q->residence[fast[i]].last_step = i < n_in ? run : q->s.n_steps;
        if (i >= n_in) {
            q->residence[home[tensor[i]]].first_step = q->s.n_steps;
            add_move(q, p, tensor[i], fast[i], home[tensor[i]]);
        }
    }
}

static void plan_make(struct plan *q, const struct atm_program *p,
                      enum mode mode, const char *slow_spec)
{
    uint64_t base = 0, top = 0;
    uint32_t home[64], i, k;

    memset(q, 0, sizeof(*q));
    q->s = (struct atm_schedule){
        .n_tiers = mode >= MIXED ? 3 : 2,
        .n_tensors = p->n_tensors,
        .n_kernels = p->n_kernels,
        .tier = {{.name = "dram", .spec = "dram"},
                 {.name = "emu", .spec = slow_spec},
                 {.name = "emu", .spec = "emu:rd=1G,wr=1G"}},
        .residence = q->residence,
        .step = q->step,
        .prologue = q->prologue,
        .model_name = "net",
        .planner = "hand",
        .options = "",
        .threads = 1};
    q->s.tensor_bytes = malloc(p->n_tensors * sizeof(uint64_t));
    CU_ASSERT_PTR_NOT_NULL_FATAL(q->s.tensor_bytes);
    for (k = 0; k < p->n_kernels; k++)
        if (p->kernel[k].scratch_bytes > base)
            base = p->kernel[k].scratch_bytes;
    q->height[0] = base; /* scratch of all kernels lies at 0 */
    for (i = 0; i < p->n_tensors; i++) {
        uint32_t tier = mode == ALL_FAST ? 0
                        : mode == MIXED  ? i % 3
                        : mode == FETCH3 ? 1 + i % 2
                                         : 1;
        const struct atm_tensor *t = &p->tensor[i];

        q->s.tensor_bytes[i] = t->bytes;
        home[i] = reside(q, i, ATM_NONE, tier, place(q, tier, t->bytes), 0, 0);
        if (t->arg)
            q->prologue[q->s.n_prologue++] = home[i];
        else
            q->residence[home[i]].first_step = t->producer;
    }
    top = q->height[0];
    for (k = 0; k < p->n_kernels; k++) {
        if (mode == FETCH || mode == BESIDE) {
            fetch_and_run(q, p, k, base + (mode == BESIDE) * (k % 4) * PART,
                          home);
        } else {
            q->step[q->s.n_steps++] =
                (struct atm_step){.kind = ATM_STEP_RUN, .kernel = k};
            if (p->kernel[k].scratch_bytes)
                (void)reside(q, ATM_NONE, k, 0, 0, k, k);
        }
        top = q->height[0] > top ? q->height[0] : top;
    }
    for (i = 0; i < p->n_tensors; i++)
        q->residence[home[i]].last_step = q->s.n_steps - 1;
    q->s.tier[0].pool_bytes = q->s.budget_bytes = top;
    q->s.fast_peak_bytes = top;
    q->s.tier[1].pool_bytes = q->s.slow_peak_bytes = q->height[1];
    q->s.tier[2].pool_bytes = q->height[2];
    OK(atm_schedule_check(&q->s, p));
}

static void plan_free(struct plan *q)
{
    free(q->s.tensor_bytes);
}

#define SLOW "emu:rd=4G,wr=2G,lat=500"

static enum atm_status run_net(const struct net *n, const struct plan *q,
                               const struct atm_session_options *o,
                               struct result r[2])
{
    struct atm_session *s;
    enum atm_status st;
    int i;

    st = atm_session_open(n->p, &q->s, o, &s);
    for (i = 0; !st && i < 2; i++) {
        OK(atm_session_set_input(s, 0, n->data[i]));
        st = atm_session_run(s, NULL);
        if (st)
            break;
        OK(atm_session_output(s, 0, r[i].y));
        OK(atm_session_output(s, 1, r[i].a));
    }
    atm_session_close(&s);
    CU_ASSERT_PTR_NULL(s);
    return st;
}

/* ---- tests ------------------------------------------------------------- */

static void same_bits(bool reference)
{
    static const enum mode modes[] = {ALL_SLOW, FETCH, MIXED, FETCH3};
    const struct atm_session_options verify = {.verify = true};
    struct result want[2], got[2], exact;
    struct net n;
    struct plan q;
    size_t i;
    int v;

    net_open(&n, reference);
    plan_make(&q, n.p, ALL_FAST, SLOW);
    OK(run_net(&n, &q, NULL, want));
    plan_free(&q);
    for (v = 0; v < 2; v++) {
        expect(&n, v, &exact);
        CU_ASSERT_TRUE(close_to(want[v].y, exact.y, ROWS * OUT));
        CU_ASSERT_TRUE(close_to(want[v].a, exact.a, ROWS * HIDDEN));
    }
    CU_ASSERT_NOT_EQUAL(memcmp(&want[0], &want[1], sizeof(want[0])), 0);
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        for (v = 0; v < 2; v++) {
            plan_make(&q, n.p, modes[i], SLOW);
            memset(got, 0, sizeof(got));
            OK(run_net(&n, &q, v ? &verify : NULL, got));
            CU_ASSERT_EQUAL(memcmp(got, want, sizeof(got)), 0);
            plan_free(&q);
        }
    /* move-only: everything is fetched, or it is refused at open */
    plan_make(&q, n.p, FETCH, "emu:profile=nvme4");
    OK(run_net(&n, &q, &verify, got));
    CU_ASSERT_EQUAL(memcmp(got, want, sizeof(got)), 0);
    plan_free(&q);
    plan_make(&q, n.p, ALL_SLOW, "emu:profile=nvme4");
    ATM_ASSERT_FAILS(run_net(&n, &q, NULL, got), ATM_FORMAT, "no addresses");
    plan_free(&q);
    net_close(&n);
}

static void same_bits_reference(void)
{
    same_bits(true);
}
static void same_bits_fast_kernels(void)
{
    same_bits(false);
}

static void faults_on(const char *slow_spec)
{
    struct atm_session_options o = {.verify = true};
    struct result r[2], want[2];
    struct net n;
    struct plan q;
    uint32_t m, moves = 0;

    net_open(&n, true);
    plan_make(&q, n.p, FETCH, slow_spec);
    for (m = 0; m < q.s.n_steps; m++)
        moves += q.step[m].kind == ATM_STEP_MOVE;
    CU_ASSERT_TRUE_FATAL(moves > 10);
    for (m = 0; m < moves; m++) {
        o.fault_move = m;
        o.seed = m * 1000;
        o.fault = ATM_FAULT_FLIP;
        ATM_ASSERT_FAILS(run_net(&n, &q, &o, r), ATM_MISMATCH, "step ");
        o.fault = ATM_FAULT_SKIP;
        ATM_ASSERT_FAILS(run_net(&n, &q, &o, r), ATM_MISMATCH,
                         "did not arrive in");
    }
    o.fault_move = moves;
    ATM_ASSERT_FAILS(run_net(&n, &q, &o, r), ATM_INVAL, "the schedule has");
    /* without hashes a skipped fetch is seen in what comes out */
    OK(run_net(&n, &q, NULL, want));
    o = (struct atm_session_options){.fault = ATM_FAULT_SKIP};
    OK(run_net(&n, &q, &o, r));
    CU_ASSERT_NOT_EQUAL(memcmp(r, want, sizeof(r)), 0);
    plan_free(&q);
    net_close(&n);
}

static void faults(void)
{
    faults_on(SLOW);
    faults_on("emu:profile=nvme4");
}

/* ---- moves beside kernels ---------------------------------------------- */

static void insert_step(struct plan *q, uint32_t at, struct atm_step step)
{
    uint32_t r;

    memmove(&q->step[at + 1], &q->step[at],
            (q->s.n_steps - at) * sizeof(*q->step));
    q->step[at] = step;
    q->s.n_steps++;
    for (r = 0; r < q->s.n_residences; r++) {
        q->residence[r].first_step += q->residence[r].first_step >= at;
        q->residence[r].last_step += q->residence[r].last_step >= at;
    }
}

/* Starts one step earlier what starts at step t; false: not allowed. */
static bool earlier(struct plan *q, const struct atm_program *p, uint32_t t)
{
    struct plan old = *q;
    struct atm_step x = q->step[t];
    uint32_t r;

    if (t < 2) /* args are there at step 0 */
        return false;
    q->step[t] = q->step[t - 1];
    q->step[t - 1] = x;
    for (r = 0; r < q->s.n_residences; r++) {
        struct atm_residence *y = &q->residence[r];
        /* what begins with the move follows it; the rest stays with its step */
        bool own = r == x.to;

        if (y->first_step == t)
            y->first_step -= own;
        else if (y->first_step == t - 1)
            y->first_step++;
        if (y->last_step == t - 1)
            y->last_step++;
    }
    if (!atm_schedule_check(&q->s, p))
        return true;
    *q = old;
    return false;
}

/* Each move of BESIDE in its two ends, kernels between them where the
 * checker allows it; moves so many of them. */
static uint32_t make_beside(struct plan *q, const struct atm_program *p,
                            const char *slow_spec)
{
    uint32_t t, apart = 0, at, r;

    plan_make(q, p, BESIDE, slow_spec);
    for (t = 0; t < q->s.n_steps; t++) {
        struct atm_step x = q->step[t];

        if (x.kind != ATM_STEP_MOVE)
            continue;
        q->step[t].kind = ATM_STEP_START;
        x.kind = ATM_STEP_WAIT;
        insert_step(q, t + 1, x);
        for (r = 0; r < q->s.n_residences; r++) /* the wait is the last now */
            q->residence[r].last_step += q->residence[r].last_step == t;
        for (at = t; at + 8 > t && earlier(q, p, at); at--)
            ;
        apart += at < t;
        t++;
    }
    OK(atm_schedule_check(&q->s, p));
    return apart;
}

static void beside_on(const char *slow_spec)
{
    struct atm_session_options o = {.verify = true};
    struct result want[2], got[2];
    struct net n;
    struct plan q;
    uint32_t m, moves = 0;
    enum atm_status st;

    net_open(&n, true);
    plan_make(&q, n.p, ALL_FAST, slow_spec);
    OK(run_net(&n, &q, NULL, want));
    plan_free(&q);
    CU_ASSERT(make_beside(&q, n.p, slow_spec) > 1);
    for (m = 0; m < q.s.n_steps; m++)
        moves += q.step[m].kind == ATM_STEP_START;
    for (m = 0; m < 20; m++) { /* other moments in each */
        o.seed = m;
        o.verify = m % 2;
        memset(got, 0, sizeof(got));
        OK(run_net(&n, &q, &o, got));
        CU_ASSERT_EQUAL(memcmp(got, want, sizeof(got)), 0);
    }
    o.verify = true;
    for (m = 0; m < moves; m++) {
        o.fault_move = m;
        o.fault = ATM_FAULT_FLIP;
        ATM_ASSERT_FAILS(run_net(&n, &q, &o, got), ATM_MISMATCH, "step ");
        o.fault = ATM_FAULT_SKIP;
        ATM_ASSERT_FAILS(run_net(&n, &q, &o, got), ATM_MISMATCH,
                         "did not arrive in");
        if (m == moves - 1)
            break; /* the output is read where the last kernel left it */
        /* no hash sees a wait that is not there; poison does */
        o.fault = ATM_FAULT_LATE;
        memset(got, 0, sizeof(got));
        st = run_net(&n, &q, &o, got);
        CU_ASSERT(st == ATM_MISMATCH || memcmp(got, want, sizeof(got)) != 0);
    }
    plan_free(&q);
    net_close(&n);
}

static void beside_virtual(void)
{
    beside_on(SLOW);
}

static void beside_threads(void)
{
    beside_on("dram");
}

static void late_between(void)
{
    const struct atm_session_options o = {.fault = ATM_FAULT_LATE};
    struct result r[2];
    struct net n;
    struct plan q;

    net_open(&n, true);
    plan_make(&q, n.p, FETCH, SLOW);
    ATM_ASSERT_FAILS(run_net(&n, &q, &o, r), ATM_INVAL,
                     "no kernel runs beside");
    plan_free(&q);
    net_close(&n);
}

/* A tier around another one: its n-th transfer from now on fails, or comes
 * late. */
static struct {
    const struct atm_tier_ops *inner;
    struct atm_tier_ops ops;
    uint32_t calls, fail_at, late_us;
} around;

static enum atm_status
pass(enum atm_status (*transfer)(struct atm_tier *, void *, uint64_t, uint64_t),
     struct atm_tier *t, void *m, uint64_t off, uint64_t len)
{
    if (around.late_us)
        (void)usleep(around.late_us);
    if (around.calls++ == around.fail_at)
        return atm_fail(ATM_IO, "tier \"around\": at offset %llu: a stuck head",
                        (unsigned long long)off);
    return transfer(t, m, off, len);
}

static enum atm_status around_read(struct atm_tier *t, void *dst, uint64_t off,
                                   uint64_t len)
{
    return pass(around.inner->read, t, dst, off, len);
}

static enum atm_status inner_write(struct atm_tier *t, void *src, uint64_t off,
                                   uint64_t len)
{
    return around.inner->write(t, src, off, len);
}

static enum atm_status around_write(struct atm_tier *t, const void *src,
                                    uint64_t off, uint64_t len)
{
    return pass(inner_write, t, (void *)(uintptr_t)src, off, len);
}

static struct atm_session *wrapped(const struct net *n, const struct plan *q,
                                   uint32_t fail_at, uint32_t late_us)
{
    struct atm_session *s;

    OK(atm_session_open(n->p, &q->s, NULL, &s));
    around.inner = s->store[1].ops;
    around.ops = *around.inner;
    around.ops.read = around_read;
    around.ops.write = around_write;
    around.calls = 0;
    around.fail_at = fail_at;
    around.late_us = late_us;
    s->store[1].ops = &around.ops;
    OK(atm_session_set_input(s, 0, n->data[0]));
    return s;
}

/* Every transfer of an iteration fails once: an error that says which tensor,
 * which tier and where. Late ones change nothing. A drive whose file is cut
 * while the session runs says the same. */
static void failing_tier(void)
{
    static const char *const spec[] = {"emu:profile=nvme4", "file:.",
                                       "file:.,engine=threads"};
    struct atm_session *s;
    struct result want[2], got;
    struct net n;
    struct plan q;
    uint32_t m, calls;
    size_t i;

    net_open(&n, true);
    for (i = 0; i < 3; i++) {
        plan_make(&q, n.p, FETCH, spec[i]);
        OK(run_net(&n, &q, NULL, want));
        s = wrapped(&n, &q, UINT32_MAX, 100);
        OK(atm_session_run(s, NULL));
        OK(atm_session_output(s, 0, got.y));
        OK(atm_session_output(s, 1, got.a));
        CU_ASSERT_EQUAL(memcmp(&got, &want[0], sizeof(got)), 0);
        calls = around.calls;
        atm_session_close(&s);
        CU_ASSERT_TRUE_FATAL(calls > 10);
        for (m = 0; m < calls - 2; m++) { /* the last two: the outputs */
            s = wrapped(&n, &q, m, 0);
            ATM_ASSERT_FAILS(atm_session_run(s, NULL), ATM_IO,
                             "tier \"around\": at offset");
            CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), "step "));
            CU_ASSERT_TRUE(strstr(atm_errmsg(), "moving \"") ||
                           strstr(atm_errmsg(), "input \""));
            atm_session_close(&s);
        }
        plan_free(&q);
    }
    plan_make(&q, n.p, FETCH, "file:session.pool");
    s = wrapped(&n, &q, UINT32_MAX, 0);
    CU_ASSERT_EQUAL(truncate("session.pool", 0), 0);
    ATM_ASSERT_FAILS(atm_session_run(s, NULL), ATM_IO,
                     "\"file:session.pool\": reading at offset");
    CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), "moving \""));
    atm_session_close(&s);
    CU_ASSERT_EQUAL(unlink("session.pool"), 0);
    plan_free(&q);
    net_close(&n);
}

/* Under a kernel there is nobody to return to: the process ends, and says
 * which tensor it was. */
static void failing_under_kernel(void)
{
    const struct atm_session_options o = {0};
    struct result r[2];
    char said[512] = "";
    struct net n;
    struct plan q;
    int fd, status;
    pid_t child;

    net_open(&n, true);
    plan_make(&q, n.p, ALL_SLOW, "pmem:session.pool,sync=degrade");
    OK(run_net(&n, &q, &o, r));
    fd = open("session.said", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        struct atm_session *s;

        (void)dup2(fd, STDERR_FILENO);
        if (atm_session_open(n.p, &q.s, &o, &s) ||
            atm_session_set_input(s, 0, n.data[0]) ||
            truncate("session.pool", 2 << 20) != 0)
            _exit(3);
        s->step[1].feed.bytes = 0; /* past the feed, whose copy is guarded */
        _exit(atm_session_run(s, NULL) ? 4 : 5);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) || /* or as ASan, TSan end it */
                   WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 66);
    CU_ASSERT_TRUE(pread(fd, said, sizeof(said) - 1, 0) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "memory failed under a kernel: step "));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "in pmem:session.pool"));
    (void)close(fd);
    (void)unlink("session.said");
    CU_ASSERT_EQUAL(unlink("session.pool"), 0);
    plan_free(&q);
    net_close(&n);
}

/* All of a range is what no kernel can use: a NaN in each float. */
static bool poisoned(const struct atm_session *s, const struct atm_residence *r,
                     uint64_t bytes)
{
    const unsigned char *at = s->store[r->tier].base + r->offset;
    uint64_t i;
    float f;

    for (i = 0; i < bytes; i += sizeof(f)) {
        memcpy(&f, at + i, sizeof(f));
        if (!isnan(f))
            return false;
    }
    return true;
}

/* After an iteration of verify mode, whatever ended before its last step is
 * gone, and what lives on is not. */
static void poison_where_dead(void)
{
    const struct atm_session_options o = {.verify = true};
    struct atm_session *s;
    uint32_t i, dead = 0;
    struct net n;
    struct plan q;

    net_open(&n, true);
    plan_make(&q, n.p, FETCH, SLOW);
    OK(atm_session_open(n.p, &q.s, &o, &s));
    OK(atm_session_set_input(s, 0, n.data[0]));
    OK(atm_session_run(s, NULL));
    for (i = 0; i < q.s.n_residences; i++) {
        const struct atm_residence *r = &q.residence[i];
        uint64_t bytes = r->tensor == ATM_NONE
                             ? n.p->kernel[r->kernel].scratch_bytes
                             : n.p->tensor[r->tensor].bytes;
        uint32_t j;

        if (r->last_step == q.s.n_steps - 1) {
            CU_ASSERT_FALSE(poisoned(s, r, 64));
            continue;
        }
        /* its place may since have had, and kept, another tensor */
        for (j = 0; j < q.s.n_residences; j++) {
            const struct atm_residence *x = &q.residence[j];

            if (x->tier == r->tier && x->last_step == q.s.n_steps - 1 &&
                x->offset < r->offset + bytes &&
                r->offset < x->offset + n.p->tensor[x->tensor].bytes)
                break;
        }
        if (j < q.s.n_residences)
            continue;
        CU_ASSERT_TRUE(poisoned(s, r, bytes));
        dead++;
    }
    CU_ASSERT_TRUE(dead > 3);
    printf("%u dead ranges ", dead);
    atm_session_close(&s);
    plan_free(&q);
    net_close(&n);
}

static void nothing_allocated(void)
{
    static const enum mode modes[] = {ALL_FAST, ALL_SLOW, FETCH, BESIDE};
    struct atm_session_options o = {.verify = false};
    struct atm_run_report report;
    struct atm_session *s;
    float y[ROWS * OUT];
    struct net n;
    struct plan q;
    uint64_t calls;
    size_t i;
    int v;

    net_open(&n, false);
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        for (v = 0; v < 2; v++) {
            o.verify = v;
            if (modes[i] == BESIDE)
                (void)make_beside(&q, n.p, SLOW);
            else
                plan_make(&q, n.p, modes[i], SLOW);
            OK(atm_session_open(n.p, &q.s, &o, &s));
            calls = atm_alloc_calls();
            OK(atm_session_set_input(s, 0, n.data[0]));
            OK(atm_session_run(s, &report));
            OK(atm_session_run(s, &report));
            OK(atm_session_output(s, 0, y));
            CU_ASSERT_EQUAL(atm_alloc_calls(), calls);
            CU_ASSERT_EQUAL(report.moved_bytes, q.s.moved_bytes);
            CU_ASSERT_EQUAL(report.n_steps, q.s.n_steps);
            CU_ASSERT_EQUAL(atm_session_pool_bytes(s, 0),
                            q.s.tier[0].pool_bytes);
            CU_ASSERT_EQUAL(atm_session_pool_bytes(s, 1),
                            q.s.tier[1].pool_bytes);
            atm_session_close(&s);
            plan_free(&q);
        }
    net_close(&n);
}

/* clock=table: the sum by hand, to the last bit. */
static void table_clock(void)
{
    static const char *const spec[2] = {"dram",
                                        "emu:rd=4G,wr=2G,lat=500,clock=table"};
    struct atm_tier_info tier[2];
    const struct atm_tier_ops *ops;
    struct atm_session_options o = {0};
    struct atm_run_report report;
    struct atm_session *s;
    struct atm_profile *profile;
    double sum, rd = 4e9, wr = 2e9, lat = 500 * 1e-9;
    struct net n;
    struct plan q;
    uint32_t k, t, i;
    int mode;

    net_open(&n, true);
    OK(atm_tier_probe(spec[0], 2e10, 1e10, &tier[0], &ops));
    OK(atm_tier_probe(spec[1], 2e10, 1e10, &tier[1], &ops));
    OK(atm_profile_new(n.p, tier, spec, 1e-6, &profile));
    for (k = 0; k < n.p->n_kernels; k++) /* a time of its own each */
        if (n.p->kernel[k].kind == ATM_KERNEL_RUN)
            profile->kernel[k].fast.seconds = 1e-6 * k;
    o.profile = profile;
    for (mode = ALL_FAST; mode <= FETCH; mode++) {
        plan_make(&q, n.p, (enum mode)mode, spec[1]);
        for (sum = 0, t = 0; t < q.s.n_steps; t++) {
            const struct atm_step *st = &q.step[t];
            double slow = 0, latency = 0, fast;

            k = st->kernel;
            if (st->kind == ATM_STEP_MOVE) {
                bool out = q.residence[st->to].tier == 1;

                sum += (double)n.p->tensor[st->tensor].bytes / (out ? wr : rd) +
                       lat;
                continue;
            }
            fast = profile->kernel[k].fast.seconds;
            for (i = 0; mode == ALL_SLOW && fast > 0 && i < n.p->kernel[k].n_in;
                 i++) {
                slow += (double)n.p->kernel[k].in[i].touched / rd;
                latency += lat;
            }
            if (mode == ALL_SLOW && fast > 0) {
                slow += (double)n.p->kernel[k].out[0].touched / wr;
                latency += lat;
            }
            sum += (fast > slow ? fast : slow) + latency;
        }
        OK(atm_session_open(n.p, &q.s, &o, &s));
        OK(atm_session_set_input(s, 0, n.data[0]));
        for (i = 0; i < 3; i++) {
            OK(atm_session_run(s, &report));
            CU_ASSERT_EQUAL(report.seconds, sum);
        }
        CU_ASSERT_TRUE(report.seconds > 0);
        atm_session_close(&s);
        plan_free(&q);
    }
    /* the table must be there */
    plan_make(&q, n.p, ALL_FAST, spec[1]);
    ATM_ASSERT_FAILS(atm_session_open(n.p, &q.s, NULL, &s), ATM_INVAL,
                     "needs the profile");
    plan_free(&q);
    atm_profile_delete(&profile);
    net_close(&n);
}

/* Virtual time has the modelled moves in it to the bit, and kernels as they
 * were measured; wall time is never less than what is modelled. */
static void other_clocks(void)
{
    struct atm_run_report report;
    struct atm_session *s;
    double moves = 0;
    struct net n;
    struct plan q;
    uint32_t t;

    net_open(&n, true);
    plan_make(&q, n.p, FETCH, SLOW);
    OK(atm_session_open(n.p, &q.s, NULL, &s));
    OK(atm_session_set_input(s, 0, n.data[0]));
    OK(atm_session_run(s, &report));
    for (t = 0; t < q.s.n_steps; t++) {
        uint64_t bytes = q.step[t].kind == ATM_STEP_MOVE
                             ? n.p->tensor[q.step[t].tensor].bytes
                             : 0;
        bool out = bytes && q.residence[q.step[t].to].tier == 1;

        if (bytes)
            CU_ASSERT_EQUAL(report.step[t].seconds,
                            (double)bytes / (out ? 2e9 : 4e9) + 500 * 1e-9);
        if (!bytes && n.p->kernel[q.step[t].kernel].kind == ATM_KERNEL_RUN)
            CU_ASSERT_TRUE(report.step[t].seconds > 0);
        moves += bytes ? report.step[t].seconds : 0;
    }
    CU_ASSERT_TRUE(report.seconds > moves && moves > 0);
    atm_session_close(&s);
    plan_free(&q);

    plan_make(&q, n.p, ALL_SLOW, "emu:rd=50M,wr=50M,lat=0,clock=wall");
    OK(atm_session_open(n.p, &q.s, NULL, &s));
    OK(atm_session_set_input(s, 0, n.data[0]));
    OK(atm_session_run(s, &report));
    CU_ASSERT_TRUE(report.wall_seconds >= report.seconds);
    CU_ASSERT_TRUE(report.seconds >= 4.0 * IN * HIDDEN / 50e6);
    CU_ASSERT_EQUAL(report.late_moves, 0); /* there are none */
    atm_session_close(&s);
    plan_free(&q);
    plan_make(&q, n.p, FETCH, "emu:rd=200M,wr=200M,lat=0,clock=wall");
    OK(atm_session_open(n.p, &q.s, NULL, &s));
    OK(atm_session_set_input(s, 0, n.data[0]));
    OK(atm_session_run(s, &report));
    CU_ASSERT_TRUE(report.seconds >= (double)q.s.moved_bytes / 200e6);
    atm_session_close(&s);
    plan_free(&q);
    net_close(&n);
}

static void misuse(void)
{
    struct atm_session_options o = {.verify = true};
    struct atm_session *s;
    float y[ROWS * OUT];
    struct net n;
    struct plan q;

    net_open(&n, true);
    plan_make(&q, n.p, FETCH, SLOW);
    OK(atm_session_open(n.p, &q.s, &o, &s));
    ATM_ASSERT_FAILS(atm_session_run(s, NULL), ATM_INVAL,
                     "input \"x\" is not set");
    ATM_ASSERT_FAILS(atm_session_output(s, 0, y), ATM_INVAL, "nothing has run");
    ATM_ASSERT_FAILS(atm_session_output(s, 2, y), ATM_INVAL, "output 2");
    ATM_ASSERT_FAILS(atm_session_set_input(s, 1, y), ATM_INVAL, "input 1");
    atm_session_close(&s);
    atm_session_close(&s);
    /* a schedule without one of its moves never opens */
    q.step[1] = q.step[2];
    ATM_ASSERT_FAILS(atm_session_open(n.p, &q.s, &o, &s), ATM_FORMAT,
                     "schedule: ");
    CU_ASSERT_PTR_NULL(s);
    plan_free(&q);
    plan_make(&q, n.p, ALL_SLOW, "emu:size=64");
    ATM_ASSERT_FAILS(atm_session_open(n.p, &q.s, &o, &s), ATM_CAPACITY,
                     "its size is 64");
    plan_free(&q);
    plan_make(&q, n.p, ALL_SLOW, "tape:");
    ATM_ASSERT_FAILS(atm_session_open(n.p, &q.s, &o, &s), ATM_INVAL, "no kind");
    plan_free(&q);
    net_close(&n);
}

/* The n-th allocation of an open fails, for every n. */
static uint64_t fail_at, calls;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return ++calls == fail_at ? NULL : realloc(p, bytes);
}

static void no_memory(void)
{
    const struct atm_session_options o = {.verify = true};
    struct atm_session *s;
    enum atm_status st = ATM_NOMEM;
    struct net n;
    struct plan q;

    net_open(&n, false);
    plan_make(&q, n.p, FETCH, SLOW);
    for (fail_at = 1; st && fail_at < 10000; fail_at++) {
        calls = 0;
        atm_set_allocator(failing, NULL);
        st = atm_session_open(n.p, &q.s, &o, &s);
        CU_ASSERT_TRUE(st == ATM_OK || st == ATM_NOMEM);
        CU_ASSERT_EQUAL(st == ATM_OK, s != NULL);
        atm_session_close(&s);
        atm_set_allocator(NULL, NULL);
    }
    CU_ASSERT_EQUAL(st, ATM_OK);
    CU_ASSERT_TRUE(fail_at > 5);
    plan_free(&q);
    net_close(&n);
}

static const struct atm_test tests[] = {
    {"same bits wherever tensors lie: reference kernels", same_bits_reference},
    {"same bits wherever tensors lie: fast kernels", same_bits_fast_kernels},
    {"a flipped byte and a skipped move are found, in every move", faults},
    {"moves beside kernels, simulated: same bits, no wait too few",
     beside_virtual},
    {"moves beside kernels, by threads", beside_threads},
    {"a late move stands beside a kernel", late_between},
    {"a tier that fails is an error with tensor, tier and offset",
     failing_tier},
    {"memory that fails under a kernel is named", failing_under_kernel},
    {"poison is where nothing lives", poison_where_dead},
    {"an iteration allocates nothing", nothing_allocated},
    {"clock=table adds up to the bit", table_clock},
    {"clock=virtual and clock=wall", other_clocks},
    {"misuse is refused", misuse},
    {"out of memory at open is an error and no leak", no_memory},
    {NULL, NULL}};
ATM_TEST_MAIN("session", tests)
