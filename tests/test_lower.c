/* test_lower.c - lowering as a whole: a residual network in both modes, views,
 * outputs, in-place pairs, weights and their slices, identities; the program
 * checker against planted faults. */
#include "graph_build.h"
#include "program_run.h"

#include "arena.h"
#include "rng.h"

#include <jansson.h>
#include <math.h>

static const struct atm_lower_options fast = {.threads = 2};
static const struct atm_lower_options reference = {.threads = 2,
                                                   .reference_only = true};

/* ---- graphs ------------------------------------------------------------- */

static struct atm_graph *new_graph(void)
{
    struct atm_graph *g;

    ATM_ASSERT_OK(atm_graph_new(&g));
    return g;
}

static uint32_t input(struct atm_graph *g, int64_t n, int64_t c, int64_t h,
                      int64_t w)
{
    struct atm_shape s = {4, {n, c, h, w}};
    uint32_t v;

    ATM_ASSERT_OK(atm_graph_add_value(g, NULL, ATM_F32, &s, &v));
    ATM_ASSERT_OK(atm_graph_add_input(g, v));
    return v;
}

/* A convolution with padding that keeps the size; `residual` ATM_NONE: none;
 * a Relu is fused. */
static uint32_t conv(struct atm_graph *g, uint32_t x, int64_t out, int64_t k,
                     uint32_t residual)
{
    struct atm_shape w = {4, {out, g->value[x].shape.dim[1], k, k}};
    struct atm_shape b = {1, {out}};
    int64_t pads[4] = {k / 2, k / 2, k / 2, k / 2};
    struct atm_attr attr = {.name = "pads", .kind = ATM_ATTR_INTS, .n = 4,
                            .ints = pads};
    struct atm_post post[2] = {{.kind = ATM_POST_ADD, .input = 3},
                               {.kind = ATM_POST_RELU}};
    bool adds = residual != ATM_NONE;
    uint32_t in[4] = {x, graph_constant(g, &w, 0, 0.1),
                      graph_constant(g, &b, 0, 0.1), residual};

    return graph_node(g, "Conv", 13, adds ? 4 : 3, in, 1, &attr,
                      adds ? 2 : 1, adds ? post : post + 1);
}

static uint32_t unary(struct atm_graph *g, const char *op, uint32_t x)
{
    return graph_node(g, op, 13, 1, &x, 0, NULL, 0, NULL);
}

static uint32_t gemm(struct atm_graph *g, uint32_t x, int64_t out)
{
    struct atm_shape w = {2, {g->value[x].shape.dim[1], out}};
    struct atm_shape b = {1, {out}};
    uint32_t in[3] = {x, graph_constant(g, &w, 0, 0.1),
                      graph_constant(g, &b, 0, 0.1)};

    return graph_node(g, "Gemm", 13, 3, in, 0, NULL, 0, NULL);
}

/* Stem, two residual blocks of ragged width (the second reads its input
 * twice), global pool, classifier. */
static struct atm_graph *residual_net(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 2, 3, 13, 13), a, b;

    a = conv(g, x, 24, 3, ATM_NONE);
    b = conv(g, a, 24, 3, ATM_NONE);
    a = conv(g, b, 24, 1, a);
    b = conv(g, a, 40, 1, ATM_NONE);
    a = conv(g, a, 40, 3, b);
    a = unary(g, "GlobalAveragePool", a);
    a = unary(g, "Flatten", a);
    a = gemm(g, a, 10);
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    ATM_ASSERT_OK(atm_graph_check(g));
    return g;
}

static struct atm_program *lower(const struct atm_graph *g,
                                 const struct atm_lower_options *o)
{
    struct atm_program *p;

    ATM_ASSERT_OK(atm_lower(g, o, &p));
    return p;
}

/* Runs with seeded inputs; output `i` is copied to a new array. */
static float *run(const struct atm_program *p, uint32_t i, int64_t *n)
{
    struct program_run r;
    float *y, *x;
    uint32_t j;

    program_run_open(&r, p, 64, 0xff);
    for (j = 0; j < p->n_inputs; j++) {
        ATM_ASSERT_OK(atm_shape_count(&p->tensor[p->input[j]].shape, n));
        x = malloc((size_t)*n * sizeof(*x));
        CU_ASSERT_PTR_NOT_NULL_FATAL(x);
        atm_rng_normal(j, 0, (uint64_t)*n, x);
        program_run_feed(&r, j, x, (size_t)*n * sizeof(*x));
        free(x);
    }
    program_run_once(&r);
    ATM_ASSERT_OK(atm_shape_count(&p->output[i].shape, n));
    y = malloc((size_t)*n * sizeof(*y));
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    program_run_output(&r, i, y);
    program_run_close(&r);
    return y;
}

static void check_equal(const float *a, const float *b, int64_t n)
{
    double far = 0, largest = 0;
    int64_t i;

    for (i = 0; i < n; i++) {
        CU_ASSERT_FATAL(isfinite(a[i]) && isfinite(b[i]));
        far = fmax(far, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    CU_ASSERT(largest > 0);
    CU_ASSERT(far <= 1e-5 * largest);
}

/* Lowers both ways and compares every output. */
static void check_modes(const struct atm_graph *g)
{
    struct atm_program *p = lower(g, &fast), *q = lower(g, &reference);
    uint32_t i;
    int64_t n;

    for (i = 0; i < p->n_outputs; i++) {
        float *a = run(p, i, &n), *b = run(q, i, &n);

        check_equal(a, b, n);
        free(a);
        free(b);
    }
    atm_program_delete(&p);
    atm_program_delete(&q);
}

static uint32_t count_pairs(const struct atm_program *p, bool must)
{
    uint32_t k, i, n = 0;

    for (k = 0; k < p->n_kernels; k++)
        for (i = 0; i < p->kernel[k].n_pairs; i++)
            n += p->kernel[k].pair[i].must == must;
    return n;
}

static uint32_t count_impl(const struct atm_program *p, const char *part)
{
    uint32_t k, n = 0;

    for (k = 0; k < p->n_kernels; k++)
        n += strstr(p->kernel[k].impl, part) != NULL;
    return n;
}

/* ---- tests -------------------------------------------------------------- */

static void test_residual_net(void)
{
    struct atm_graph *g = residual_net();
    struct atm_program *p = lower(g, &fast);

    CU_ASSERT_EQUAL(count_impl(p, "ref:"), 0);
    /* both residuals die at their sum */
    CU_ASSERT_EQUAL(count_pairs(p, true), 2);
    /* load, feed, five convolutions, pool, classifier; at most one reorder:
     * 40 channels do not fill blocks of 16 */
    CU_ASSERT(p->n_kernels <= 2 + 5 + 1 + 1 + 1);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* A residual that somebody still needs is added from its own memory. */
static void test_residual_lives(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 1, 16, 9, 9), a = conv(g, x, 32, 3, ATM_NONE);
    uint32_t b = conv(g, a, 32, 1, a), in[2];
    struct atm_program *p;

    in[0] = a;
    in[1] = b;
    b = graph_node(g, "Add", 13, 2, in, 0, NULL, 0, NULL);
    ATM_ASSERT_OK(atm_graph_add_output(g, b));
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(count_pairs(p, true), 0);
    CU_ASSERT_EQUAL(count_pairs(p, false), 1);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* The convolution's own input cannot be its residual's storage. */
static void test_residual_is_source(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 1, 16, 9, 9), a = conv(g, x, 16, 3, ATM_NONE);
    struct atm_program *p;

    ATM_ASSERT_OK(atm_graph_add_output(g, conv(g, a, 16, 3, a)));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(count_pairs(p, true), 0);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* Flattening costs nothing but, for a blocked image, one reorder. */
static void test_views(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 1, 3, 8, 8), a = conv(g, x, 32, 3, ATM_NONE);
    struct atm_program *p;

    ATM_ASSERT_OK(atm_graph_add_output(g, gemm(g, unary(g, "Flatten", a), 7)));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(p->n_kernels, 5); /* load, feed, conv, reorder, gemm */
    CU_ASSERT_EQUAL(count_impl(p, "ref:"), 0);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);

    /* the image flattened and shown: one reorder, then it is only seen */
    g = new_graph();
    x = input(g, 2, 3, 8, 8);
    a = unary(g, "Identity", unary(g, "Flatten", conv(g, x, 20, 3, ATM_NONE)));
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(p->n_kernels, 4); /* load, feed, conv, reorder */
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* Reference kernels of one element at a time work on blocked bytes: HardSigmoid
 * (f(0) is not 0) only if no block is padded. */
static void test_elementwise(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 1, 3, 8, 8);
    struct atm_program *p;

    x = unary(g, "Softsign", conv(g, x, 21, 3, ATM_NONE));
    x = conv(g, x, 32, 3, ATM_NONE);
    x = conv(g, unary(g, "HardSigmoid", x), 32, 3, ATM_NONE);
    ATM_ASSERT_OK(atm_graph_add_output(g, x));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(count_impl(p, "ref:"), 2);
    CU_ASSERT_EQUAL(p->n_kernels, 2 + 5 + 1); /* the output is reordered */
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* Outputs that are an input, a view of one, a constant, and one value twice. */
static void test_outputs(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 2, 3, 4, 5), r = unary(g, "Relu", x), i;
    struct atm_shape s = {2, {3, 5}};
    struct atm_program *p;

    ATM_ASSERT_OK(atm_graph_add_output(g, x));
    ATM_ASSERT_OK(atm_graph_add_output(g, unary(g, "Flatten", x)));
    ATM_ASSERT_OK(atm_graph_add_output(g, graph_constant(g, &s, 0, 1)));
    ATM_ASSERT_OK(atm_graph_add_output(g, r));
    ATM_ASSERT_OK(atm_graph_add_output(g, r));
    ATM_ASSERT_OK(atm_graph_add_output(g, unary(g, "Flatten", r)));
    ATM_ASSERT_OK(atm_graph_check(g));
    p = lower(g, &fast);
    CU_ASSERT_EQUAL(count_impl(p, "copy"), 3);
    for (i = 0; i < p->n_outputs; i++) {
        const struct atm_tensor *t = &p->tensor[p->output[i].tensor];

        CU_ASSERT(t->out && t->cls == ATM_CLASS_OUTPUT);
    }
    CU_ASSERT_EQUAL(p->output[3].tensor, p->output[4].tensor);
    CU_ASSERT_EQUAL(p->output[3].tensor, p->output[5].tensor);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* One constant in two packings, one shared, one that nobody reads. */
static void test_weights(void)
{
    struct atm_graph *g = new_graph();
    uint32_t x = input(g, 1, 16, 6, 6), y = input(g, 1, 1, 16, 16);
    struct atm_shape w = {4, {16, 16, 1, 1}};
    uint32_t in[2] = {x, graph_constant(g, &w, 0, 0.2)}, weights = 0, i;
    struct atm_shape flat = {2, {16, 16}};
    struct atm_program *p;

    (void)graph_constant(g, &flat, 0, 1);
    in[0] = graph_node(g, "Conv", 13, 2, in, 0, NULL, 0, NULL);
    ATM_ASSERT_OK(atm_graph_add_output(
        g, graph_node(g, "Conv", 13, 2, in, 0, NULL, 0, NULL)));
    in[0] = y;
    in[1] = graph_node(g, "Flatten", 13, 1, &in[1], 0, NULL, 0, NULL);
    ATM_ASSERT_OK(atm_graph_add_output(
        g, graph_node(g, "MatMul", 13, 2, in, 0, NULL, 0, NULL)));
    p = lower(g, &fast);
    for (i = 0; i < p->n_tensors; i++)
        weights += p->tensor[i].cls == ATM_CLASS_WEIGHT;
    CU_ASSERT_EQUAL(weights, 2);
    CU_ASSERT_EQUAL(p->n_loads, 2);
    atm_program_delete(&p);
    check_modes(g);
    atm_graph_delete(&g);
}

/* Staging is about a MiB, and never the reason for the peak if it can be
 * smaller. */
static void test_staging(void)
{
    struct atm_graph *g = new_graph();
    struct atm_shape s = {4, {1, 600, 1, 1}};
    uint32_t x, i;
    struct atm_program *p;
    uint64_t args = 0;

    ATM_ASSERT_OK(atm_graph_add_value(g, "x", ATM_F32, &s, &x));
    ATM_ASSERT_OK(atm_graph_add_input(g, x));
    x = gemm(g, unary(g, "Flatten", x), 1000);
    ATM_ASSERT_OK(atm_graph_add_output(g, x));
    p = lower(g, &fast);
    for (i = 0; i < p->n_tensors; i++)
        args += p->tensor[i].arg ? p->tensor[i].bytes : 0;
    CU_ASSERT(args > 2000000);
    /* the graph's own tensors are 6,4 kB: no slice of a MiB fits below them,
     * one group of rows is what remains */
    CU_ASSERT(p->kernel[0].scratch_bytes < 1000000);
    CU_ASSERT(p->peak_bytes >= args + p->kernel[0].scratch_bytes);
    atm_program_delete(&p);
    atm_graph_delete(&g);
}

/* Every slice size gives the same tensor, and it is the layout's definition. */
struct bytes {
    char *to;
    uint64_t end;
};

static enum atm_status collect(void *user, uint64_t off, const void *src,
                               uint64_t n)
{
    struct bytes *b = user;

    CU_ASSERT_EQUAL(off, b->end); /* slices come in order, without gaps */
    memcpy(b->to + off, src, (size_t)n);
    b->end = off + n;
    return ATM_OK;
}

static void check_load(const struct atm_program *p, const struct atm_load *l,
                       const float *packed)
{
    const struct atm_tensor *t = &p->tensor[l->tensor];
    uint64_t cells = t->bytes / sizeof(float), i, filled = 0;
    int64_t index[ATM_RANK_MAX] = {0}, n, k;
    bool *seen = calloc(cells, sizeof(*seen));
    float *source;
    uint32_t d;

    ATM_ASSERT_OK(atm_shape_count(&l->shape, &n));
    source = malloc((size_t)n * sizeof(*source));
    CU_ASSERT_FATAL(source && seen);
    ATM_ASSERT_OK(atm_constant_read(p->graph, l->value, 0,
                                    (uint64_t)n * sizeof(*source), source));
    for (k = 0; k < n; k++) {
        int64_t there[ATM_RANK_MAX], left = k;

        for (d = l->shape.rank; d-- > 0;) {
            index[d] = left % l->shape.dim[d];
            left /= l->shape.dim[d];
        }
        for (d = 0; d < t->shape.rank; d++)
            there[d] = index[l->perm[d]];
        i = atm_layout_offset(&t->layout, &t->shape, there);
        CU_ASSERT_FATAL(i < cells && !seen[i]);
        seen[i] = true;
        CU_ASSERT(packed[i] == source[k]);
    }
    ATM_ASSERT_OK(atm_layout_bytes(&t->layout, &t->shape, t->dtype, &filled));
    for (i = 0; i < filled / sizeof(float); i++)
        CU_ASSERT(seen[i] || packed[i] == 0);
    free(source);
    free(seen);
}

static void test_loads(void)
{
    struct atm_graph *g = residual_net();
    struct atm_program *p = lower(g, &fast);
    struct atm_exec *e;
    uint32_t i;

    ATM_ASSERT_OK(atm_exec_open(p, &e));
    for (i = 0; i < p->n_loads; i++) {
        const struct atm_tensor *t = &p->tensor[p->load[i].tensor];
        /* exactly as much as was said, so that ASan sees more */
        char *staging = aligned_alloc(ATM_ALIGN,
                                      (p->load[i].slice_bytes + 63) / 64 * 64);
        float *packed = malloc((size_t)t->bytes);
        struct bytes b = {(char *)packed, 0};

        CU_ASSERT_FATAL(staging && packed);
        memset(packed, 0xff, (size_t)t->bytes);
        ATM_ASSERT_OK(atm_exec_load(e, i, staging, collect, &b));
        check_load(p, &p->load[i], packed);
        free(staging);
        free(packed);
    }
    atm_exec_close(&e);
    atm_program_delete(&p);
    atm_graph_delete(&g);
}

static void test_identity(void)
{
    struct atm_graph *g = residual_net(), *h = residual_net();
    struct atm_lower_options one = {.threads = 1};
    struct atm_program *p = lower(g, &fast), *q = lower(h, &fast);
    struct atm_program *r = lower(g, &one), *s = lower(g, &reference);
    char *a, *b;
    json_t *json;

    CU_ASSERT(atm_hash_equal(p->hash, q->hash));
    CU_ASSERT(!atm_hash_equal(p->hash, r->hash));
    CU_ASSERT(!atm_hash_equal(p->hash, s->hash));
    ATM_ASSERT_OK(atm_program_to_json(p, &a));
    ATM_ASSERT_OK(atm_program_to_json(q, &b));
    CU_ASSERT_STRING_EQUAL(a, b);
    json = json_loads(a, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "kernels")),
                    p->n_kernels);
    json_decref(json);
    atm_string_free(a);
    atm_string_free(b);
    atm_program_delete(&p);
    atm_program_delete(&q);
    atm_program_delete(&r);
    atm_program_delete(&s);
    atm_graph_delete(&g);
    atm_graph_delete(&h);
}

static void test_operands(void)
{
    struct atm_graph *g = residual_net();
    struct atm_program *p = lower(g, &fast);
    uint64_t reads[8], writes[8];
    uint32_t id[8], n, n_in, k;

    for (k = 0; k < p->n_kernels; k++)
        if (p->kernel[k].n_pairs)
            break;
    CU_ASSERT_FATAL(k < p->n_kernels);
    n = atm_kernel_operands(p, k, 8, id, reads, writes, &n_in);
    CU_ASSERT_EQUAL(n, 5); /* source, weights, bias, residual; result */
    CU_ASSERT_EQUAL(n_in, 4);
    CU_ASSERT_EQUAL(id[4], p->kernel[k].out[0].tensor);
    CU_ASSERT(reads[0] > 0 && writes[0] == 0);
    CU_ASSERT(reads[4] == 0 && writes[4] > 0);
    atm_program_delete(&p);
    atm_graph_delete(&g);
}

static void test_no_allocation(void)
{
    struct atm_graph *g = residual_net();
    struct atm_program *p = lower(g, &fast);
    struct program_run r;
    uint64_t calls;

    program_run_open(&r, p, 0, 0);
    calls = atm_alloc_calls();
    program_run_once(&r);
    CU_ASSERT_EQUAL(atm_alloc_calls(), calls);
    program_run_close(&r);
    atm_program_delete(&p);
    atm_graph_delete(&g);
}

/* ---- allocation failures ------------------------------------------------ */

static long fail_at = -1, calls_seen;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return ++calls_seen == fail_at ? NULL : realloc(p, bytes);
}

static void test_out_of_memory(void)
{
    struct atm_graph *g = residual_net();
    struct atm_program *p;
    struct atm_exec *e;
    enum atm_status st;

    atm_set_allocator(failing, NULL);
    for (fail_at = 1;; fail_at++) {
        calls_seen = 0;
        st = atm_lower(g, &fast, &p);
        if (!st)
            st = atm_exec_open(p, &e);
        if (st) {
            CU_ASSERT_EQUAL(st, ATM_NOMEM);
            CU_ASSERT(strstr(atm_errmsg(), "memory") != NULL);
        } else {
            atm_exec_close(&e);
        }
        atm_program_delete(&p);
        if (calls_seen < fail_at)
            break;
    }
    CU_ASSERT(fail_at > 10);
    atm_set_allocator(NULL, NULL);
    atm_graph_delete(&g);
}

/* ---- the checker -------------------------------------------------------- */

/* Faults planted into the residual net's program; each is found and named. */
static void plant(int fault, struct atm_program *p)
{
    struct atm_kernel *last = &p->kernel[p->n_kernels - 1], *must = p->kernel;

    while (must->n_pairs == 0)
        must++;
    switch (fault) {
    case 0: p->tensor[1].bytes -= ATM_ALIGN; break;
    case 1: p->tensor[2].name = p->tensor[1].name; break;
    case 2: p->tensor[p->input[0]].cls = ATM_CLASS_WEIGHT; break;
    case 3: last->in[0].tensor = p->n_tensors; break;
    case 4: last->in[0].offset = p->tensor[last->in[0].tensor].bytes; break;
    case 5: last->in[0].layout.order[0] = 1; break;
    case 6: p->kernel[2].in[0] = last->out[0]; break;
    case 7: last->out[0] = p->kernel[2].out[0]; break;
    case 8: must->pair[0].out = 7; break;
    case 9: p->tensor[must->in[must->pair[0].in].tensor].out = true; break;
    case 10: /* the last kernel reads what the pair overwrote */
        last->in[0].tensor = must->in[must->pair[0].in].tensor;
        break;
    case 11: p->kernel[0].scratch_bytes += 1; break;
    case 12: p->kernel[1].kind = ATM_KERNEL_RUN; break;
    case 13: p->n_loads--; break;
    case 14: p->load[1].tensor = p->load[0].tensor; break;
    case 15: p->load[0].perm[0] = p->load[0].perm[1]; break;
    case 16: p->load[0].slice_bytes = p->kernel[0].scratch_bytes + 64; break;
    case 17: p->tensor[p->output[0].tensor].out = false; break;
    case 18: p->output[0].shape.dim[0]--; break;
    case 19: p->peak_bytes -= ATM_ALIGN; break;
    case 20: last->in[0].touched = UINT64_MAX; break;
    }
}

static void test_checker(void)
{
    static const char *const sentences[] = {
        "bytes for a content", "two tensors are called", "a producer",
        "tensor", "bytes at", "order of dimensions", "before it is written",
        "a second time", "names no operands", "cannot overwrite",
        "has overwritten", "scratch of", "not the kind", "nothing loads it",
        "into an arg once", "permuted wrongly", "in staging of", "is not it",
        "is not it", "its peak is", "touches"};
    struct atm_graph *g = residual_net();
    int i;

    for (i = 0; i < (int)(sizeof(sentences) / sizeof(*sentences)); i++) {
        struct atm_program *p = lower(g, &fast);

        plant(i, p);
        ATM_ASSERT_FAILS(atm_program_check(p), ATM_FORMAT, sentences[i]);
        atm_program_delete(&p);
    }
    atm_graph_delete(&g);
}

static const struct atm_test tests[] = {
    {"a residual net is the same in both modes", test_residual_net},
    {"a residual that lives on is not overwritten", test_residual_lives},
    {"a residual that is the source is not overwritten",
     test_residual_is_source},
    {"views cost nothing", test_views},
    {"unary functions work on blocked bytes", test_elementwise},
    {"outputs of every origin", test_outputs},
    {"weights are loaded once for each packing", test_weights},
    {"staging stays small", test_staging},
    {"slices make the layout's bytes", test_loads},
    {"hash and dump identify a program", test_identity},
    {"operands are distinct tensors", test_operands},
    {"running allocates nothing", test_no_allocation},
    {"memory may run out at any call", test_out_of_memory},
    {"the checker finds planted faults", test_checker},
    {NULL, NULL}};
ATM_TEST_MAIN("lower", tests)
