/* test_planner.c - planners against the optimum: random tiny problems by brute
 * force, the listed optimum of each tiny file, the four large problems. */
#include "atm_test.h"
#include "brute.h"

#include "autotm/graph.h"
#include "autotm/planner.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define RANDOM_PROBLEMS 2000

/* ---- random problems, as text in the file format ---- */

static uint64_t state;

static unsigned draw(unsigned n)
{
    state = state * UINT64_C(6364136223846793005) +
            UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % n;
}

static bool chance(unsigned percent)
{
    return draw(100) < percent;
}

struct maker {
    char tensors[4096], kernels[16384], carry[256];
    unsigned n_t, size[16];
    char fetch[16][24];     /* key, or nothing */
    bool arg[16], out[16], open[16]; /* open: may still be read */
    int used[16];           /* last kernel, -1: none */
    unsigned carried;       /* tensors that are a carry's new */
    bool cyclic;
};

static void tensor(struct maker *m, unsigned size, bool arg, bool out,
                   const char *more, int like)
{
    size_t n = strlen(m->tensors);
    char fetch[24] = "";

    m->size[m->n_t] = size;
    m->arg[m->n_t] = arg;
    m->open[m->n_t] = !out || chance(50);
    m->used[m->n_t] = -1;
    m->out[m->n_t] = out;
    /* the two of a must pair move at the same cost */
    if (like >= 0)
        memcpy(fetch, m->fetch[like], sizeof(fetch));
    else if (chance(15))
        (void)snprintf(fetch, sizeof(fetch), ",\"fetch\":%u.%u",
                       draw(3), draw(10));
    (void)snprintf(m->tensors + n, sizeof(m->tensors) - n,
                   "%s{\"size\":%u,\"arg\":%d,\"out\":%d%s%s}", n ? "," : "",
                   size, arg, out, more, fetch);
    memcpy(m->fetch[m->n_t++], fetch, sizeof(fetch));
}

/* Times grow with the slow operands, with noise; some are not allowed. */
static void table(char *to, size_t cap, unsigned n, unsigned outs)
{
    size_t at = 0;
    double cost[8], base = 1 + draw(30) / 10.0;

    for (unsigned j = 0; j < n; j++)
        cost[j] = draw(j >= n - outs ? 40 : 20) / 10.0;
    if (chance(25)) {
        at += (size_t)snprintf(to, cap, "{\"base\":%.2f,\"slow\":[", base);
        for (unsigned j = 0; j < n; j++)
            at += (size_t)snprintf(to + at, cap - at, chance(12) ? "%snull"
                                                                 : "%s%.2f",
                                   j ? "," : "", cost[j]);
        (void)snprintf(to + at, cap - at, "],\"combine\":\"%s\"}",
                       chance(50) ? "max" : "sum");
        return;
    }
    for (unsigned mask = 0; mask < 1u << n; mask++) {
        double t = base;

        for (unsigned j = 0; j < n; j++)
            t += mask >> j & 1 ? cost[j] : 0;
        t += draw(60) / 100.0;
        at += (size_t)snprintf(to + at, cap - at, "%s", mask ? "," : "[");
        if (mask && chance(12))
            at += (size_t)snprintf(to + at, cap - at, "null");
        else
            at += (size_t)snprintf(to + at, cap - at, "%.2f", t);
    }
    (void)snprintf(to + at, cap - at, "]");
}

static void kernel(struct maker *m, unsigned k, unsigned features)
{
    unsigned ins[3], n_in = 0, outs = 1, out, i, j;
    char t[2048], list[64] = "", pairs[64] = "";
    size_t n = strlen(m->kernels), at = 0;
    bool must = false;

    for (i = draw(3); i > 0; i--) {
        unsigned c = m->n_t ? draw(m->n_t) : 0;

        for (j = 0; j < n_in && ins[j] != c; j++)
            ;
        if (m->n_t && j == n_in && m->open[c]) {
            ins[n_in++] = c;
            m->used[c] = (int)k;
        }
    }
    out = m->n_t;
    if (n_in && (features & 1) && chance(40)) {
        bool carry = m->arg[ins[0]] && m->cyclic;

        must = (carry || !m->arg[ins[0]]) && (features & 2) &&
               !m->out[ins[0]] && !(m->carried >> ins[0] & 1);
        if (must && carry && m->carry[0])
            must = false;
        (void)snprintf(pairs, sizeof(pairs), ",\"inplace\":[[0,0,\"%s\"]]",
                       must ? "must" : "may");
        if (must)
            m->open[ins[0]] = false;
        m->carried |= must && carry ? 1u << out : 0;
        if (must && carry)
            (void)snprintf(m->carry, sizeof(m->carry), "[[%u,%u]]", out,
                           ins[0]);
        tensor(m, m->size[ins[0]], false, false, "", (int)ins[0]);
    } else {
        tensor(m, 1 + draw(9), false, chance(15), "", -1);
    }
    m->used[out] = (int)k;
    for (i = 0; i < n_in; i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%u",
                               i ? "," : "", ins[i]);
    n += (size_t)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                          "%s{\"name\":\"k\",\"ins\":[%s],\"outs\":[%u]%s",
                          n ? "," : "", list, out, pairs);
    if ((features & 4) && chance(50)) {
        table(t, sizeof(t), n_in + outs, outs);
        n += (size_t)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                              ",\"variants\":[{\"t\":%s,\"scratch\":%u}", t,
                              draw(6));
        if (n_in > 1 && !pairs[0]) { /* one that reads less */
            table(t, sizeof(t), outs + 1, outs);
            n += (size_t)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                                  ",{\"ins\":[%u],\"t\":%s}", ins[0], t);
        }
        table(t, sizeof(t), n_in + outs, outs);
        (void)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                       ",{\"t\":%s,\"scratch\":%u}]}", t, draw(6));
        return;
    }
    table(t, sizeof(t), n_in + outs, outs);
    (void)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                   ",\"t\":%s,\"scratch\":%u}", t,
                   chance(30) ? draw(6) : 0);
}

/* Two kernels write one tensor, slice by slice; a third reads it. */
static void concat(struct maker *m, unsigned k)
{
    unsigned c = m->n_t, i;
    char more[64], t[512];
    size_t n = strlen(m->kernels);

    (void)snprintf(more, sizeof(more), ",\"producers\":[[%u,2],[%u,3]]", k,
                   k + 1);
    tensor(m, 5 + draw(4), false, chance(20), more, -1);
    m->used[c] = (int)k + 1;
    for (i = 0; i < 2; i++) {
        table(t, sizeof(t), 1, 1);
        n += (size_t)snprintf(m->kernels + n, sizeof(m->kernels) - n,
                              "%s{\"name\":\"part\",\"ins\":[],\"outs\":[%u],"
                              "\"t\":%s}", n ? "," : "", c, t);
    }
}

static struct atm_problem *make(uint64_t seed)
{
    static struct maker m;
    char temp[] = "planner-XXXXXX";
    struct atm_problem *p;
    unsigned i, n, features;
    bool slow;
    FILE *f;
    int fd;

    state = seed * 2654435761u + 1;
    (void)draw(1);
    memset(&m, 0, sizeof(m));
    features = draw(8);
    m.cyclic = chance(60);
    for (i = draw(3); i > 0; i--)
        tensor(&m, 1 + draw(9), true, false,
               m.n_t == 0 && chance(9)
                   ? ",\"fixed\":{\"tier\":\"slow\",\"offset\":0}"
                   : "", -1);
    n = 2 + draw(3);
    slow = chance(20);
    for (i = 0; i < n; i++)
        if (i + 2 < n && chance(12)) {
            concat(&m, i);
            i++;
        } else {
            kernel(&m, i, features);
        }
    fd = mkstemp(temp);
    f = fd >= 0 ? fdopen(fd, "w") : NULL;
    CU_ASSERT_FATAL(f != NULL);
    fprintf(f, "{\"format\":\"autotm-problem\",\"version\":1,\"name\":\"r%"
               PRIu64 "\",\"cyclic\":%d,\"read_bw\":%u,\"write_bw\":%u,"
               "\"move_latency\":%s,", seed, m.cyclic, 2 + draw(8),
            2 + draw(8), chance(30) ? "0.1" : "0");
    if (slow)
        fprintf(f, "\"slow_bytes\":%u,", 6 + draw(20));
    if (m.carry[0])
        fprintf(f, "\"carry\":%s,", m.carry);
    fprintf(f, "\"tensors\":[%s],\"kernels\":[%s]}", m.tensors, m.kernels);
    CU_ASSERT_FATAL(fclose(f) == 0);
    ATM_ASSERT_OK(atm_problem_read(temp, &p));
    (void)unlink(temp);
    return p;
}

static void plan_options(struct atm_plan_options *o, const char *planner,
                         uint64_t budget, double gap)
{
    atm_plan_options_init(o);
    o->planner = planner;
    o->budget_bytes = budget;
    o->gap_target = gap;
}

/* One problem, one budget; returns 1 if a plan was compared. */
static unsigned compare(const struct atm_problem *p, uint64_t budget,
                        unsigned *repacked, unsigned *unproved)
{
    struct atm_plan_options o;
    struct atm_placement *a, *b;
    double best = brute_optimum(p, budget), bound;
    enum atm_status st;

    if (isnan(best))
        return 0;
    plan_options(&o, "sync", budget, 0);
    st = atm_plan(p, &o, &a);
    if (best == INFINITY) {
        if (st != ATM_INFEASIBLE)
            fprintf(stderr, "%s, %" PRIu64 ": no plan expected\n", p->name,
                    budget);
        CU_ASSERT_EQUAL(st, ATM_INFEASIBLE);
        atm_placement_delete(&a);
        return 1;
    }
    if (st == ATM_INFEASIBLE && p->slow_bytes != UINT64_MAX) {
        *repacked += 1; /* the slow pool may fit in bytes, not in places */
        return 1;
    }
    if (st)
        fprintf(stderr, "%s, %" PRIu64 ": %s\n", p->name, budget,
                atm_errmsg());
    CU_ASSERT_EQUAL_FATAL(st, ATM_OK);
    if (a->packing.rounds > 1)
        *repacked += 1;
    if ((a->packing.rounds == 1 && fabs(a->objective - best) > 1e-6) ||
        a->objective < best - 1e-6 || a->lower_bound > best + 1e-9) {
        fprintf(stderr, "%s, %" PRIu64 ": %.9g, bound %.9g, optimum %.9g\n",
                p->name, budget, a->objective, a->lower_bound, best);
        CU_FAIL("not the optimum, or a bound above it");
    }
    ATM_ASSERT_OK(atm_certificate_bound(p, &a->certificate, &bound));
    CU_ASSERT(a->lower_bound <= bound + 1e-12);
    if (a->lower_bound < best - 1e-6) {
        fprintf(stderr, "%s, %" PRIu64 ": bound %.9g, optimum %.9g\n", p->name,
                budget, a->lower_bound, best);
        *unproved += 1;
    }
    plan_options(&o, "static", budget, 0);
    st = atm_plan(p, &o, &b);
    CU_ASSERT(st == ATM_OK || st == ATM_INFEASIBLE);
    if (!st) {
        CU_ASSERT(b->objective >= best - 1e-6);
        CU_ASSERT(b->lower_bound <= best + 1e-9);
        CU_ASSERT_EQUAL(b->moved_bytes, 0);
        atm_placement_delete(&b);
    }
    atm_placement_delete(&a);
    return 1;
}

static void test_random(void)
{
    unsigned compared = 0, repacked = 0, unproved = 0;

    for (uint64_t seed = 1; seed <= RANDOM_PROBLEMS; seed++) {
        struct atm_problem *p = make(seed);
        uint32_t k;
        uint64_t least = atm_problem_min_budget(p, &k);

        const uint64_t budget[] = {0, least, (least + p->peak_bytes) / 2};

        for (k = 0; k < 3; k++)
            if (k == 0 || budget[k] != budget[k - 1])
                compared += compare(p, budget[k], &repacked, &unproved);
        atm_problem_delete(&p);
    }
    fprintf(stderr, " %u plans compared, %u changed by packing, %u optima "
                    "not proved ",
            compared, repacked, unproved);
    CU_ASSERT(compared >= 3000);
    CU_ASSERT(repacked * 10 < compared);
    CU_ASSERT_EQUAL(unproved, 0);
}

/* ---- files ---- */

/* Where no addresses reach the listed optimum: the best that can be packed. */
static const struct {
    const char *file;
    uint64_t bytes;
    double best;
} packed[] = {
    {"align-1.json", 37, 8},
    {"null-move-only-1.json", 33, 13.13},
    {"null-move-only-1.json", 41, 10.73},
};

static void check_tiny(const char *name, struct atm_problem *p)
{
    uint32_t i, j;

    for (i = 0; i < p->n_budgets; i++) {
        struct atm_plan_options o;
        struct atm_placement *a;
        double best = p->budget[i].best;
        enum atm_status st;

        plan_options(&o, "sync", p->budget[i].bytes, 0);
        st = atm_plan(p, &o, &a);
        if (isnan(best)) {
            CU_ASSERT_EQUAL(st, ATM_INFEASIBLE);
            continue;
        }
        if (st)
            fprintf(stderr, "%s: %s\n", name, atm_errmsg());
        CU_ASSERT_EQUAL_FATAL(st, ATM_OK);
        CU_ASSERT(a->lower_bound <= best + 1e-9);
        for (j = 0; j < sizeof(packed) / sizeof(packed[0]); j++)
            if (strcmp(name, packed[j].file) == 0 &&
                p->budget[i].bytes == packed[j].bytes)
                best = packed[j].best;
        if (fabs(a->objective - best) > 1e-6) {
            fprintf(stderr, "%s, %" PRIu64 ": %.9g, listed %.9g\n", name,
                    p->budget[i].bytes, a->objective, best);
            CU_FAIL("not the listed optimum");
        }
        atm_placement_delete(&a);
    }
}

static void test_tiny(void)
{
    struct dirent *e;
    unsigned n = 0;
    DIR *d = opendir(ATM_TEST_DATA "/problems/tiny");

    CU_ASSERT_FATAL(d != NULL);
    while ((e = readdir(d)) != NULL) {
        char path[512];
        struct atm_problem *p;

        if (!strstr(e->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s",
                       ATM_TEST_DATA, e->d_name);
        ATM_ASSERT_OK(atm_problem_read(path, &p));
        /* the optimum of those with `async` is that of another planner */
        if (!p->has_async)
            check_tiny(e->d_name, p);
        n += !p->has_async;
        atm_problem_delete(&p);
    }
    (void)closedir(d);
    CU_ASSERT(n >= 65);
}

static void test_large(void)
{
    static const char *const name[] = {"resnet50", "bert24", "resnet200",
                                       "vgg416"};

    for (size_t m = 0; m < sizeof(name) / sizeof(name[0]); m++) {
        char path[512];
        struct atm_problem *p;

        (void)snprintf(path, sizeof(path), "%s/problems/%s.json.gz",
                       ATM_TEST_DATA, name[m]);
        ATM_ASSERT_OK(atm_problem_read(path, &p));
        for (uint32_t i = 0; i < p->n_budgets; i++) {
            struct atm_plan_options o;
            struct atm_placement *a;

            /* two budgets a network keep the test short */
            if (p->budget[i].fraction < 0.05 ||
                (p->budget[i].fraction > 0.06 &&
                 p->budget[i].fraction < 0.34) ||
                p->budget[i].fraction > 0.4)
                continue;
            plan_options(&o, "sync", p->budget[i].bytes, 0.001);
            ATM_ASSERT_OK(atm_plan(p, &o, &a));
            fprintf(stderr, "\n    %s %4.0f %%: %.6f s, gap %.4f %%, rounds "
                            "%" PRIu32 ", %.1f s ",
                    name[m], 100 * p->budget[i].fraction, a->objective,
                    100 * a->gap, a->packing.rounds, a->solve_seconds);
            CU_ASSERT(a->gap <= 0.01);
            CU_ASSERT(a->lower_bound <= p->budget[i].best * (1 + 1e-9));
            CU_ASSERT(a->packing.height <= o.budget_bytes);
            atm_placement_delete(&a);
        }
        atm_problem_delete(&p);
    }
}

/* The same input gives the same bytes; every planner has a name. */
static void test_repeats(void)
{
    struct atm_problem *p;
    char *text[2];

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/resnet50.json.gz", &p));
    for (int i = 0; i < 2; i++) {
        struct atm_plan_options o;
        struct atm_placement *a;

        plan_options(&o, "sync", p->budget[5].bytes, 0.001);
        ATM_ASSERT_OK(atm_plan(p, &o, &a));
        ATM_ASSERT_OK(atm_placement_to_json(p, a, NULL, &text[i]));
        atm_placement_delete(&a);
    }
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    atm_string_free(text[0]);
    atm_string_free(text[1]);
    atm_problem_delete(&p);
}

static void test_errors(void)
{
    struct atm_problem *p;
    struct atm_plan_options o;
    struct atm_placement *a;

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/tiny/hand-may.json", &p));
    plan_options(&o, "sync", 2, 0.001);
    ATM_ASSERT_FAILS(atm_plan(p, &o, &a), ATM_INFEASIBLE,
                     "smallest feasible one, 3 bytes, which kernel 0");
    CU_ASSERT_PTR_NULL(a);
    plan_options(&o, "best", 8, 0.001);
    ATM_ASSERT_FAILS(atm_plan(p, &o, &a), ATM_INVAL, "'best'");
    atm_problem_delete(&p);
}

/* ---- each allocation in turn fails ---- */

static unsigned long left;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    if (left == 0)
        return NULL;
    left--;
    return realloc(p, bytes);
}

static void test_no_memory(void)
{
    struct atm_problem *p;
    struct atm_plan_options o;
    struct atm_placement *a;
    enum atm_status st = ATM_NOMEM;
    unsigned long n;

    ATM_ASSERT_OK(atm_problem_read(
        ATM_TEST_DATA "/problems/tiny/mix-all-1.json", &p));
    plan_options(&o, "sync", 12, 0);
    for (n = 0; st != ATM_OK && n < 100000; n++) {
        left = n;
        atm_set_allocator(failing, NULL);
        st = atm_plan(p, &o, &a);
        atm_set_allocator(NULL, NULL);
        if (st) {
            CU_ASSERT_EQUAL(st, ATM_NOMEM);
            CU_ASSERT_PTR_NULL(a);
        }
    }
    ATM_ASSERT_OK(st);
    CU_ASSERT(n > 20);
    CU_ASSERT_DOUBLE_EQUAL(a->objective, 17.64, 1e-9);
    atm_placement_delete(&a);
    atm_problem_delete(&p);
}

static const struct atm_test tests[] = {
    {"random tiny problems: the optimum by brute force", test_random},
    {"tiny files: the listed optimum", test_tiny},
    {"a plan repeats byte for byte", test_repeats},
    {"too small a budget, no such planner", test_errors},
    {"no memory: refused, nothing lost", test_no_memory},
    {"large problems: certified gap", test_large},
    {NULL, NULL},
};
ATM_TEST_MAIN("planner", tests)
