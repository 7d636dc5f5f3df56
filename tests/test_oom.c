/* test_oom.c - every failed allocation of load, plan and run, on twenty models:
 * the n-th fails once, or it and all after it. Each time the oracle is the
 * same: a status and a sentence, or success with nothing missing; and as many
 * live blocks as before.
 *
 * malloc and its kin are replaced for the whole process, so that GLPK, jansson,
 * protobuf-c and the C library fail as well. Spared are libgomp, which ends the
 * process, and oneDNN: version 2.6 uses what its allocator could not give
 * (dnnl_engine_create reads through null), and what it throws C cannot catch.
 * Of GLPK's own blocks a few stay when a failure ends glp_simplex: they are
 * counted apart. A sanitizer has a malloc of its own: then only our allocator
 * entry point fails, and leaks are the sanitizer's to find. */
#include "arena.h"
#include "atm_test.h"
#include "autotm/frontend.h"
#include "fuzz/pipe.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool armed, onward;
    uint64_t n, at;     /* calls so far; the first one to fail */
    int64_t live, glpk; /* blocks */
} inject;

static bool fails(void)
{
    if (!inject.armed)
        return false;
    inject.n++;
    return inject.n == inject.at || (inject.onward && inject.n > inject.at);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void *ours(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        inject.live -= p != NULL;
        free(p);
        return NULL;
    }
    if (fails())
        return NULL;
    inject.live += p == NULL;
    return realloc(p, bytes);
}

static void inject_init(void)
{
    atm_set_allocator(ours, NULL);
}
#else
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *p);

/* Where libraries lie, and what is special about them. */
enum trait { FAILS, SPARED, GLPK };
static struct {
    uintptr_t from, to;
    enum trait trait;
} range[32];
static int n_ranges;

static int note(struct dl_phdr_info *info, size_t size, void *user)
{
    const char *name = info->dlpi_name;
    enum trait trait = strstr(name, "libgomp") || strstr(name, "libstdc++") ||
                               strstr(name, "libdnnl")
                           ? SPARED
                       : strstr(name, "libglpk") ? GLPK
                                                 : FAILS;
    int i;

    (void)size, (void)user;
    for (i = 0; i < info->dlpi_phnum && trait != FAILS; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && n_ranges < 32) {
            range[n_ranges].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            range[n_ranges].to =
                range[n_ranges].from + info->dlpi_phdr[i].p_memsz;
            range[n_ranges++].trait = trait;
        }
    return 0;
}

static void inject_init(void)
{
    (void)dl_iterate_phdr(note, NULL);
}

static enum trait trait_of(void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    int i;

    for (i = 0; i < n_ranges; i++)
        if (at >= range[i].from && at < range[i].to)
            return range[i].trait;
    return FAILS;
}

/* GLPK counts its own: it frees what it took, and nobody else does. */
static void count(const void *p, int64_t by, void *caller)
{
    __atomic_fetch_add(trait_of(caller) == GLPK ? &inject.glpk : &inject.live,
                       p ? by : 0, __ATOMIC_RELAXED);
}

#define CALLER __builtin_return_address(0)
#define REFUSED                                                                \
    (inject.armed && trait_of(CALLER) != SPARED && fails() &&                  \
     (errno = ENOMEM, true))

void *malloc(size_t bytes)
{
    void *p = REFUSED ? NULL : __libc_malloc(bytes);

    count(p, 1, CALLER);
    return p;
}

void *calloc(size_t n, size_t each)
{
    void *p = REFUSED ? NULL : __libc_calloc(n, each);

    count(p, 1, CALLER);
    return p;
}

void *realloc(void *p, size_t bytes)
{
    void *q = REFUSED ? NULL : __libc_realloc(p, bytes);

    if (!p)
        count(q, 1, CALLER);
    return q;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    void *p = REFUSED ? NULL : __libc_memalign(align, bytes);

    count(p, 1, CALLER);
    return p;
}

void *memalign(size_t align, size_t bytes);
void *memalign(size_t align, size_t bytes)
{
    void *p = REFUSED ? NULL : __libc_memalign(align, bytes);

    count(p, 1, CALLER);
    return p;
}

int posix_memalign(void **p, size_t align, size_t bytes)
{
    void *q = REFUSED ? NULL : __libc_memalign(align, bytes);

    count(q, 1, CALLER);
    if (q)
        *p = q;
    return q ? 0 : ENOMEM;
}

void free(void *p)
{
    count(p, -1, CALLER);
    __libc_free(p);
}
#endif

/* ---- what is done under injection --------------------------------------- */

struct subject {
    const char *path;
    struct pipe pipe; /* of a run without faults */
    uint64_t sum;     /* of its outputs */
};

static enum atm_status load(struct subject *s)
{
    struct atm_graph *g;
    enum atm_status st = atm_onnx_import(s->path, NULL, NULL, &g);

    if (!st)
        st = atm_graph_check(g);
    if (!st)
        st = atm_graph_fuse(g);
    atm_graph_delete(&g);
    return st;
}

static enum atm_status plan(struct subject *s)
{
    struct pipe p = {.graph = s->pipe.graph};
    enum atm_status st = pipe_lower(&p, p.graph, false);
    uint32_t kernel;
    char *json;

    if (!st)
        st = pipe_plan(&p, "sync",
                       (atm_problem_min_budget(p.problem, &kernel) +
                        p.program->peak_bytes) /
                           2);
    if (!st)
        st = atm_schedule_to_json(p.schedule, &json);
    if (!st)
        atm_string_free(json);
    p.graph = NULL; /* the subject's */
    pipe_close(&p);
    return st;
}

static enum atm_status run(struct subject *s)
{
    uint64_t sum;
    enum atm_status st = pipe_run(&s->pipe, s->pipe.schedule, &sum);

    if (!st)
        CU_ASSERT_EQUAL(sum, s->sum);
    return st;
}

/* Every allocation of `step`; their number. */
static uint64_t each_allocation(struct subject *s,
                                enum atm_status (*step)(struct subject *),
                                bool onward)
{
    enum atm_status st;
    uint64_t at;
    int64_t live;

    for (at = 1;; at++) {
        live = inject.live;
        inject.n = 0;
        inject.at = at;
        inject.onward = onward;
        (void)atm_fail(ATM_OK, "-");
        inject.armed = true;
        st = step(s);
        inject.armed = false;
        if (inject.live != live)
            printf("%s: allocation %lu: %ld blocks stay\n", s->path, at,
                   (long)(inject.live - live));
        CU_ASSERT_EQUAL(inject.live, live);
        if (inject.n < at)
            break;
        if (st == ATM_INTERNAL || (st && strcmp(atm_errmsg(), "-") == 0))
            printf("%s: allocation %lu: %s: %s\n", s->path, at,
                   atm_status_text(st), atm_errmsg());
        CU_ASSERT_NOT_EQUAL(st, ATM_INTERNAL);
        CU_ASSERT_FALSE(st && strcmp(atm_errmsg(), "-") == 0);
    }
    ATM_ASSERT_OK(st);
    return at - 1;
}

static const char *const models[] = {
    "relu",
    "add",
    "matmul_2d",
    "gemm_all_attributes",
    "softmax_axis_1",
    "leakyrelu",
    "maxpool_2d_default",
    "averagepool_2d_default",
    "batchnorm_example",
    "concat_2d_axis_0",
    "gather_0",
    "transpose_default",
    "reduce_sum_default_axes_keepdims_example",
    "prelu_broadcast",
    "split_equal_parts_2d",
    "convtranspose",
    "basic_conv_with_padding",
    "conv_with_strides_padding",
    "where_example",
    "clip",
    "instancenorm_example",
    "layer_normalization_2d_axis0",
};
#define N_MODELS (sizeof(models) / sizeof(models[0]))

static void every_allocation(void)
{
    static enum atm_status (*const step[])(struct subject *) = {load, plan,
                                                                run};
    uint64_t points[3] = {0};
    uint32_t done = 0, i, k;
    char path[256];

    for (i = 0; i < N_MODELS; i++) {
        struct subject s = {.path = path};
        struct atm_graph *g;
        uint32_t kernel;

        (void)snprintf(path, sizeof(path), "%s/test_%s/model.onnx", ATM_SUITE,
                       models[i]);
        if (atm_onnx_import(path, NULL, NULL, &g)) {
            printf("%s: %s\n", models[i], atm_errmsg());
            continue;
        }
        ATM_ASSERT_OK(pipe_lower(&s.pipe, g, false));
        ATM_ASSERT_OK(
            pipe_plan(&s.pipe, "sync",
                      (atm_problem_min_budget(s.pipe.problem, &kernel) +
                       s.pipe.program->peak_bytes) /
                          2));
        for (k = 0; k < 2; k++) /* twice: libraries keep what they have */
            ATM_ASSERT_OK(pipe_run(&s.pipe, s.pipe.schedule, &s.sum));
        for (k = 0; k < 3; k++) {
            ATM_ASSERT_OK(step[k](&s));
            points[k] += each_allocation(&s, step[k], false);
            points[k] += each_allocation(&s, step[k], true);
        }
        pipe_close(&s.pipe);
        done++;
    }
    printf("blocks that GLPK did not give back: %ld\n", (long)inject.glpk);
    printf("%u models; failed allocations: load %lu, plan %lu, run %lu\n", done,
           points[0], points[1], points[2]);
    CU_ASSERT(done >= 20);
}

static const struct atm_test tests[] = {
    {"every allocation of load, plan and run fails", every_allocation},
    {NULL, NULL},
};

int main(void)
{
    if (access(ATM_SUITE, R_OK) != 0) {
        printf("skipped: no package libonnx-testdata\n");
        return 77;
    }
    inject_init();
    return atm_test_main("oom", tests, NULL);
}
