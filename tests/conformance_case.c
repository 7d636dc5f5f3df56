/* conformance_case.c - runs one test of the official suite.
 *
 * The program is run first without any of session, schedule and planner: each
 * tensor in a buffer of its own. That result is compared with the suite's
 * expected outputs. Every placement must then give the same bytes.
 */
#include "conformance.h"

#include "autotm/frontend.h"
#include "autotm/op.h"
#include "autotm/planner.h"
#include "autotm/runtime.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAYS_MAX 32

double conformance_relative;

struct arrays {
    uint32_t n;
    const char *name[ARRAYS_MAX]; /* of inputs */
    struct atm_array a[ARRAYS_MAX];
};

static void clear(struct arrays *x)
{
    while (x->n > 0)
        atm_array_clear(&x->a[--x->n]);
}

static bool is_initialiser(const Onnx__GraphProto *g, const char *name)
{
    size_t i;

    for (i = 0; i < g->n_initializer; i++)
        if (strcmp(g->initializer[i]->name, name) == 0)
            return true;
    return false;
}

/* NumPy, which wrote the data, has no bfloat16 and calls it uint16. */
static void as_declared(const Onnx__TypeProto__Tensor *type,
                        struct atm_array *a)
{
    if (a->dtype == ATM_U16 &&
        type->elem_type == atm_dtype_to_onnx(ATM_BF16))
        a->dtype = ATM_BF16;
}

/* input_I.pb is the I-th graph input that is no initialiser. */
static enum atm_status read_inputs(const char *dir, const Onnx__GraphProto *g,
                                   struct arrays *x)
{
    char path[512];
    enum atm_status st;
    size_t i;

    for (i = 0; i < g->n_input; i++) {
        if (is_initialiser(g, g->input[i]->name))
            continue;
        if (x->n == ARRAYS_MAX)
            return atm_fail(ATM_UNSUPPORTED, "more than %d inputs",
                            ARRAYS_MAX);
        if (g->input[i]->type->value_case !=
            ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return atm_fail(ATM_UNSUPPORTED, "input %s is no tensor",
                            g->input[i]->name);
        (void)snprintf(path, sizeof(path),
                       "%s/test_data_set_0/input_%" PRIu32 ".pb", dir, x->n);
        st = atm_array_read(path, ATM_DTYPE_NONE, NULL, &x->a[x->n]);
        if (st)
            return st;
        as_declared(g->input[i]->type->tensor_type, &x->a[x->n]);
        x->name[x->n++] = g->input[i]->name;
    }
    return ATM_OK;
}

/* Which inputs are bound: none, then ever more of those that may decide a
 * shape, until the front end knows all shapes. */
static bool bound_at(int attempt, uint32_t i, const struct atm_array *a)
{
    bool small = a->shape.rank <= 1;
    bool integer = a->dtype == ATM_I64 || a->dtype == ATM_I32;

    switch (attempt) {
    case 0: return false;
    case 1: return small && integer;
    case 2: return small && i > 0;
    default: return true;
    }
}

static enum atm_status import(const char *dir, const struct arrays *x,
                              bool ignore_declared, int *n_bound,
                              struct atm_graph **g)
{
    struct atm_bind_value bind[ARRAYS_MAX];
    struct atm_bind_shape shape[ARRAYS_MAX];
    struct atm_import_options o = {.value = bind,
                                   .shape = shape,
                                   .ignore_declared = ignore_declared};
    char path[512], unsupported[1024] = "";
    enum atm_status st = ATM_UNSUPPORTED;
    int attempt;
    uint32_t i;

    (void)snprintf(path, sizeof(path), "%s/model.onnx", dir);
    for (i = 0; conformance_relative != 0 && i < x->n; i++)
        shape[o.n_shapes++] = (struct atm_bind_shape){
            .input = x->name[i], .shape = x->a[i].shape};
    for (attempt = 0; st == ATM_UNSUPPORTED && attempt < 4; attempt++) {
        o.n_values = 0;
        for (i = 0; i < x->n; i++)
            if (bound_at(attempt, i, &x->a[i]))
                bind[o.n_values++] = (struct atm_bind_value){
                    .input = x->name[i], .array = &x->a[i]};
        st = atm_onnx_import(path, &o, NULL, g);
        if (st == ATM_UNSUPPORTED)
            (void)snprintf(unsupported, sizeof(unsupported), "%s",
                           atm_errmsg());
    }
    *n_bound = (int)o.n_values;
    if (st && *unsupported) /* however a try to bind fails */
        return atm_fail(ATM_UNSUPPORTED, "%s", unsupported);
    return st ? st : atm_graph_fuse(*g);
}

/* ---- comparison with the expected outputs ------------------------------ */

static double half(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent == 31 ? (fraction ? NAN : INFINITY)
               : exponent ? ldexp(1024 + fraction, exponent - 25)
                          : ldexp(fraction, -24);

    return h >> 15 ? -x : x;
}

/* Element i as a number; false for types that are compared exactly. */
static bool number(const struct atm_array *a, int64_t i, double *x)
{
    uint32_t bits;
    float f;

    switch (a->dtype) {
    case ATM_F32: *x = ((const float *)a->data)[i]; return true;
    case ATM_F64: *x = ((const double *)a->data)[i]; return true;
    case ATM_F16: *x = half(((const uint16_t *)a->data)[i]); return true;
    case ATM_BF16:
        bits = (uint32_t)((const uint16_t *)a->data)[i] << 16;
        memcpy(&f, &bits, sizeof(f));
        *x = f;
        return true;
    default: return false;
    }
}

/* The largest of the expected values. */
static double largest(const struct atm_array *want)
{
    double most = 0, x;
    int64_t n = 0, i;

    if (atm_shape_count(&want->shape, &n))
        return 0;
    for (i = 0; i < n && number(want, i, &x); i++)
        most = fmax(most, fabs(x));
    return most;
}

/* ONNX's own runner allows 1e-7. The transforms of the suite are NumPy's fast
 * ones in float: where a sum cancels to zero they leave rounding errors of its
 * terms, up to 1.5e-6 beside values of 54. */
static double absolute_tolerance(const Onnx__GraphProto *g,
                                 const struct atm_array *want)
{
    if (conformance_relative != 0)
        return conformance_relative * largest(want);
    if (g->n_node != 1 || strcmp(g->node[0]->op_type, "DFT") != 0 ||
        want->dtype != ATM_F32)
        return 1e-7;
    return fmax(1e-7, largest(want) * 0x1p-24);
}

/* The tolerances of ONNX's own runner; integers must be equal. bfloat16 has
 * steps of 2^-7, and the suite cuts off where ONNX says to round. */
static enum atm_status compare(uint32_t out, const struct atm_array *want,
                               const struct atm_array *got, double atol)
{
    double rtol = want->dtype == ATM_BF16      ? 0x1p-7
                  : conformance_relative != 0 ? 0
                                              : 1e-3;
    char a[128], b[128];
    int64_t n, i;

    if (want->dtype != got->dtype || !atm_shape_equal(&want->shape,
                                                      &got->shape))
        return atm_fail(ATM_MISMATCH,
                        "output %" PRIu32 ": %s %s, expected %s %s", out,
                        atm_dtype_name(got->dtype),
                        atm_shape_str(&got->shape, a, sizeof(a)),
                        atm_dtype_name(want->dtype),
                        atm_shape_str(&want->shape, b, sizeof(b)));
    if (memcmp(want->data, got->data, (size_t)want->bytes) == 0)
        return ATM_OK;
    if (atm_shape_count(&want->shape, &n))
        return ATM_FORMAT;
    for (i = 0; i < n; i++) {
        double x, y;

        if (!number(want, i, &x) || !number(got, i, &y))
            return atm_fail(ATM_MISMATCH, "output %" PRIu32 ": %s values "
                            "differ", out, atm_dtype_name(want->dtype));
        if (!(x == y || (isnan(x) && isnan(y)) ||
              fabs(x - y) <= atol + rtol * fabs(x)))
            return atm_fail(ATM_MISMATCH, "output %" PRIu32 ": element %"
                            PRId64 " is %.9g, expected %.9g", out, i, y, x);
    }
    return ATM_OK;
}

/* Does a model draw numbers? Those of the suite then give zeros and ones. */
static bool is_random(const Onnx__GraphProto *g)
{
    size_t i;

    for (i = 0; i < g->n_node; i++) {
        const struct atm_op *op = atm_op_find("", g->node[i]->op_type);

        if (op && op->flags & ATM_OP_RANDOM)
            return true;
    }
    return false;
}

/* Type, shape and range of what was drawn. */
static enum atm_status compare_random(uint32_t out,
                                      const struct atm_array *want,
                                      const struct atm_array *got)
{
    int64_t n = 0, i;
    double x;

    if (want->dtype != got->dtype ||
        !atm_shape_equal(&want->shape, &got->shape) ||
        atm_shape_count(&got->shape, &n))
        return atm_fail(ATM_MISMATCH, "output %" PRIu32 " has another type or "
                        "shape than expected", out);
    for (i = 0; i < n; i++)
        if (!number(got, i, &x) || (x != 0 && x != 1))
            return atm_fail(ATM_MISMATCH, "output %" PRIu32 ": element %"
                            PRId64 " is neither 0 nor 1", out, i);
    return ATM_OK;
}

static enum atm_status compare_all(const char *dir, const Onnx__GraphProto *g,
                                   const struct arrays *got)
{
    struct atm_array want = {0}, shown;
    enum atm_status st = ATM_OK;
    char path[512];
    uint32_t i;

    for (i = 0; !st && i < got->n; i++) {
        (void)snprintf(path, sizeof(path),
                       "%s/test_data_set_0/output_%" PRIu32 ".pb", dir, i);
        st = atm_array_read(path, ATM_DTYPE_NONE, NULL, &want);
        if (want.dtype == ATM_U16 && got->a[i].dtype == ATM_BF16)
            want.dtype = ATM_BF16; /* as in as_declared */
        shown = got->a[i]; /* its bytes stay as they are */
        if (!st)
            st = atm_array_settle(&shown);
        if (!st && is_random(g))
            st = compare_random(i, &want, &shown);
        else if (!st)
            st = compare(i, &want, &shown, absolute_tolerance(g, &want));
        atm_array_clear(&want);
    }
    return st;
}

/* Arrays for the graph's outputs. */
static enum atm_status make_outputs(const struct atm_graph *g,
                                    struct arrays *y)
{
    for (y->n = 0; y->n < g->n_outputs; y->n++) {
        const struct atm_value *v = &g->value[g->output[y->n]];
        struct atm_array *a = &y->a[y->n];
        enum atm_status st;

        if (y->n == ARRAYS_MAX)
            return atm_fail(ATM_UNSUPPORTED, "more than %d outputs",
                            ARRAYS_MAX);
        *a = (struct atm_array){.dtype = v->dtype, .shape = v->shape};
        st = atm_shape_bytes(&v->shape, v->dtype, &a->bytes);
        if (st)
            return st;
        a->data = atm_alloc((size_t)a->bytes);
        if (!a->data)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

/* The data for graph input i. */
static const struct atm_array *input_of(const struct atm_graph *g, uint32_t i,
                                        const struct arrays *x)
{
    uint32_t k = 0;

    while (strcmp(x->name[k], g->value[g->input[i]].name) != 0)
        k++;
    return &x->a[k];
}

/* A few tests of the suite contradict their own models. */
static enum atm_status check_inputs(const struct atm_graph *g,
                                    const struct arrays *x)
{
    uint32_t i;

    for (i = 0; i < g->n_inputs; i++) {
        const struct atm_value *v = &g->value[g->input[i]];
        const struct atm_array *a = input_of(g, i, x);

        if (a->dtype != v->dtype || !atm_shape_equal(&a->shape, &v->shape))
            return atm_fail(ATM_UNSUPPORTED, "the test's data for input %s "
                            "are not what its model declares", v->name);
    }
    return ATM_OK;
}

/* ---- each tensor in a buffer of its own --------------------------------- */

static void *buffer(uint64_t bytes)
{
    void *p = aligned_alloc(ATM_ALIGN, bytes ? (size_t)bytes : ATM_ALIGN);

    if (p) /* not a number, if read as floats before it is written */
        memset(p, 0xff, (size_t)bytes);
    return p;
}

static enum atm_status put(void *user, uint64_t off, const void *src,
                           uint64_t bytes)
{
    memcpy((char *)user + off, src, (size_t)bytes);
    return ATM_OK;
}

static enum atm_status run_kernel(struct atm_exec *e,
                                  const struct atm_program *p, uint32_t k,
                                  void **base)
{
    const struct atm_kernel *kn = &p->kernel[k];
    void **at = calloc(kn->n_in + kn->n_out + 1, sizeof(*at));
    void *scratch = kn->scratch_bytes ? buffer(kn->scratch_bytes) : NULL;
    enum atm_status st = ATM_NOMEM;
    uint32_t i;

    for (i = 0; at && i < kn->n_in; i++)
        if (kn->in[i].tensor != ATM_NONE)
            at[i] = base[kn->in[i].tensor];
    for (i = 0; at && i < kn->n_out; i++)
        if (kn->out[i].tensor != ATM_NONE)
            at[kn->n_in + i] = base[kn->out[i].tensor];
    if (at && (scratch || !kn->scratch_bytes))
        st = atm_exec_run(e, k, at, at + kn->n_in, scratch);
    free(scratch);
    free(at);
    return st;
}

/* Must pairs share their buffer; `owned` says who frees it. */
static void share_pairs(const struct atm_program *p, void **base, bool *owned)
{
    uint32_t k, i;

    for (k = 0; k < p->n_kernels; k++)
        for (i = 0; i < p->kernel[k].n_pairs; i++) {
            const struct atm_pair *pair = &p->kernel[k].pair[i];
            uint32_t out = p->kernel[k].out[pair->out].tensor;

            if (!pair->must)
                continue;
            free(base[out]);
            base[out] = base[p->kernel[k].in[pair->in].tensor];
            owned[out] = false;
        }
}

static enum atm_status run_buffers(struct atm_exec *e,
                                   const struct atm_program *p, void **base,
                                   const struct arrays *x, struct arrays *y)
{
    void *staging = buffer(p->kernel[0].scratch_bytes);
    enum atm_status st = staging ? ATM_OK : ATM_NOMEM;
    uint32_t i;

    for (i = 0; !st && i < p->n_loads; i++)
        st = atm_exec_load(e, i, staging, put, base[p->load[i].tensor]);
    free(staging);
    for (i = 0; !st && i < p->n_kernels; i++) {
        const struct atm_kernel *k = &p->kernel[i];

        if (k->kind == ATM_KERNEL_FEED) {
            const struct atm_array *a = input_of(p->graph, i - 1, x);

            memcpy(base[k->out[0].tensor], a->data, (size_t)a->bytes);
        } else if (k->kind == ATM_KERNEL_RUN) {
            st = run_kernel(e, p, i, base);
        }
    }
    for (i = 0; !st && i < p->n_outputs; i++)
        st = atm_exec_read_output(e, i, base[p->output[i].tensor],
                                  y->a[i].data);
    return st;
}

static enum atm_status run_alone(const struct atm_program *p,
                                 const struct arrays *x, struct arrays *y)
{
    void **base = calloc(p->n_tensors + 1, sizeof(*base));
    bool *owned = calloc(p->n_tensors + 1, sizeof(*owned));
    struct atm_exec *e = NULL;
    enum atm_status st = base && owned ? ATM_OK : ATM_NOMEM;
    uint32_t i;

    for (i = 0; !st && i < p->n_tensors; i++) {
        base[i] = buffer(p->tensor[i].bytes);
        owned[i] = true;
        if (!base[i])
            st = ATM_NOMEM;
    }
    if (!st) {
        share_pairs(p, base, owned);
        st = atm_exec_open(p, &e);
    }
    if (!st) {
        st = run_buffers(e, p, base, x, y);
        atm_exec_close(&e);
    }
    for (i = 0; base && owned && i < p->n_tensors; i++)
        if (owned[i])
            free(base[i]);
    free(owned);
    free(base);
    return st;
}

/* ---- planned placements ------------------------------------------------- */

enum budget { PEAK, HALF_WAY, SMALLEST };

/* Times come from tables: what is tested is where bytes lie, not speed. */
static const struct setting {
    const char *name, *planner, *slow;
    enum budget budget;
} settings[] = {
    {"all-fast", "all-fast", "emu:profile=optane6,clock=table", PEAK},
    {"all-slow", "all-slow", "emu:profile=optane6,clock=table", PEAK},
    {"random", "random", "emu:profile=optane6,clock=table", HALF_WAY},
    {"smallest budget, move-only", "sync", "emu:profile=nvme4,clock=table",
     SMALLEST},
};
#define SETTINGS (sizeof(settings) / sizeof(*settings))

static uint64_t budget_of(const struct setting *s, const struct atm_problem *p)
{
    uint32_t kernel;
    uint64_t least = atm_problem_min_budget(p, &kernel);

    switch (s->budget) {
    case SMALLEST: return least;
    case HALF_WAY: return least + (p->peak_bytes - least) / 2;
    default: return p->peak_bytes;
    }
}

static enum atm_status plan(const struct atm_program *p,
                            const struct setting *set,
                            struct atm_profile **profile,
                            struct atm_schedule **schedule)
{
    const double dram = 1e10, kernel_s = 1e-6;
    const char *const spec[2] = {"dram", set->slow};
    const struct atm_tier_ops *ops;
    struct atm_tier_info info[2];
    struct atm_problem *problem = NULL;
    struct atm_placement *placement = NULL;
    struct atm_plan_options o;
    enum atm_status st = ATM_OK;
    int i;

    for (i = 0; !st && i < 2; i++)
        st = atm_tier_probe(spec[i], dram, dram, &info[i], &ops);
    if (!st)
        st = atm_profile_new(p, info, spec, kernel_s, profile);
    if (!st)
        st = atm_profile_check(*profile, p);
    if (!st)
        st = atm_problem_from_program(p, *profile, info[1].size, &problem);
    if (st)
        return st;
    atm_plan_options_init(&o);
    o.planner = set->planner;
    o.budget_bytes = budget_of(set, problem);
    st = atm_plan(problem, &o, &placement);
    if (!st)
        st = atm_schedule_build(p, *profile, problem, placement, &o, schedule);
    if (!st)
        st = atm_schedule_check(*schedule, p);
    atm_placement_delete(&placement);
    atm_problem_delete(&problem);
    return st;
}

/* Two iterations, so that the state at the end of one must serve the next. */
static enum atm_status run_session(const struct atm_program *p,
                                   const struct atm_profile *profile,
                                   const struct atm_schedule *schedule,
                                   const struct arrays *x, struct arrays *y)
{
    struct atm_session_options o = {.verify = true, .profile = profile};
    struct atm_session *s;
    struct atm_run_report report;
    enum atm_status st;
    uint32_t i;

    st = atm_session_open(p, schedule, &o, &s);
    if (st)
        return st;
    for (i = 0; !st && i < p->n_inputs; i++)
        st = atm_session_set_input(s, i, input_of(p->graph, i, x)->data);
    for (i = 0; !st && i < 2; i++)
        st = atm_session_run(s, &report);
    for (i = 0; !st && i < p->n_outputs; i++)
        st = atm_session_output(s, i, y->a[i].data);
    atm_session_close(&s);
    return st;
}

static enum atm_status same_bytes(const struct arrays *a,
                                  const struct arrays *b)
{
    uint32_t i;

    for (i = 0; i < a->n; i++)
        if (memcmp(a->a[i].data, b->a[i].data, (size_t)a->a[i].bytes) != 0)
            return atm_fail(ATM_MISMATCH, "output %" PRIu32
                            " has other bytes than all-fast", i);
    return ATM_OK;
}

static enum atm_status run_setting(const struct atm_program *p,
                                   const struct setting *set,
                                   const struct arrays *x,
                                   const struct arrays *expected)
{
    struct atm_profile *profile = NULL;
    struct atm_schedule *schedule = NULL;
    struct arrays y = {0};
    enum atm_status st;

    st = plan(p, set, &profile, &schedule);
    if (!st)
        st = make_outputs(p->graph, &y);
    if (!st)
        st = run_session(p, profile, schedule, x, &y);
    if (!st)
        st = same_bytes(expected, &y);
    clear(&y);
    atm_schedule_delete(&schedule);
    atm_profile_delete(&profile);
    return st ? atm_fail_in(st, "%s", set->name) : ATM_OK;
}

/* ---- one test ----------------------------------------------------------- */

/* Lowers and runs alone: the bytes that all placements must give. */
static enum atm_status lower_and_run(const struct atm_graph *g,
                                     const struct arrays *x,
                                     struct atm_program **p, struct arrays *y)
{
    const struct atm_lower_options one_thread = {.threads = 1};
    enum atm_status st = atm_lower(g, &one_thread, p);

    if (!st)
        st = atm_program_check(*p);
    if (!st)
        st = check_inputs(g, x);
    if (!st)
        st = make_outputs(g, y);
    if (!st)
        st = run_alone(*p, x, y);
    return st;
}

/* The same model, its declared shapes forgotten: the same bytes. */
static enum atm_status run_undeclared(const char *dir, const struct arrays *x,
                                      const struct arrays *expected)
{
    struct atm_graph *g = NULL;
    struct atm_program *p = NULL;
    struct arrays y = {0};
    enum atm_status st;
    int bound;

    st = import(dir, x, true, &bound, &g);
    if (!st)
        st = lower_and_run(g, x, &p, &y);
    if (!st)
        st = same_bytes(expected, &y);
    clear(&y);
    atm_program_delete(&p);
    atm_graph_delete(&g);
    return st ? atm_fail_in(st, "without declared shapes") : ATM_OK;
}

void conformance_case(const char *dir, const Onnx__ModelProto *model,
                      struct finding *f)
{
    struct arrays x = {0}, y = {0};
    struct atm_graph *g = NULL;
    struct atm_program *p = NULL;
    enum atm_status st;
    size_t i;

    f->n_bound = 0;
    st = read_inputs(dir, model->graph, &x);
    if (!st)
        st = import(dir, &x, false, &f->n_bound, &g);
    if (!st)
        st = lower_and_run(g, &x, &p, &y);
    f->verdict = st == ATM_UNSUPPORTED ? UNSUPPORTED : WRONG;
    if (!st)
        st = compare_all(dir, model->graph, &y);
    for (i = 0; !st && i < SETTINGS; i++)
        st = run_setting(p, &settings[i], &x, &y);
    if (!st)
        st = run_undeclared(dir, &x, &y);
    if (!st)
        f->verdict = is_random(model->graph) ? RANDOM : PASSED;
    (void)snprintf(f->reason, sizeof(f->reason), "%s", st ? atm_errmsg() : "");
    clear(&y);
    atm_program_delete(&p);
    atm_graph_delete(&g);
    clear(&x);
}
