/* test_ops.c - reference kernels against ONNX's own reference evaluator.
 *
 * data/op_cases*.json, written by gen_op_cases.py, hold nodes with inputs and
 * expected outputs; each is inferred and run here. A registry row without a
 * case fails the suite. An argument names another file of the same form, and
 * then only that file is replayed. */
#include "arena.h"
#include "atm_test.h"
#include "autotm/op.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define SLOTS 16

/* One case while it runs; everything lies in the graph's arena. */
struct run {
    struct atm_graph *graph;
    struct atm_node node;
    uint32_t in_id[SLOTS], out_id[SLOTS];
    struct atm_view in[SLOTS], out[SLOTS], want[SLOTS];
    struct atm_call call;
};

static double number_of(const json_t *j)
{
    const char *s = json_string_value(j);

    if (!s)
        return json_number_value(j);
    return strcmp(s, "nan") == 0 ? NAN : s[0] == '-' ? -INFINITY : INFINITY;
}

/* float16 without the project's own conversion: only exact values occur */
static uint16_t half_bits(double x)
{
    int e, sign = signbit(x) ? 0x8000 : 0;
    double m = frexp(fabs(x), &e);

    if (isnan(x))
        return 0x7e00;
    if (isinf(x))
        return (uint16_t)(sign | 0x7c00);
    if (x == 0)
        return (uint16_t)sign;
    if (e < -13)
        return (uint16_t)(sign | (int)ldexp(fabs(x), 24));
    return (uint16_t)(sign | (e + 14) << 10 | ((int)ldexp(m, 11) & 1023));
}

static double half_value(uint16_t h)
{
    int e = h >> 10 & 31, f = h & 1023;
    double x = e == 31 ? (f ? NAN : INFINITY)
               : e     ? ldexp(1024 + f, e - 25)
                       : ldexp(f, -24);

    return h >> 15 ? -x : x;
}

static void put(struct atm_view *v, size_t i, const json_t *j)
{
    double x = number_of(j);
    int64_t n = json_is_integer(j) ? json_integer_value(j) : (int64_t)0;

    switch (v->dtype) {
    case ATM_F32:
        ((float *)v->data)[i] = (float)x;
        break;
    case ATM_F64:
        ((double *)v->data)[i] = x;
        break;
    case ATM_F16:
        ((uint16_t *)v->data)[i] = half_bits(x);
        break;
    case ATM_I64:
    case ATM_U64:
        ((int64_t *)v->data)[i] = n;
        break;
    case ATM_I32:
    case ATM_U32:
        ((int32_t *)v->data)[i] = (int32_t)n;
        break;
    case ATM_I16:
    case ATM_U16:
        ((int16_t *)v->data)[i] = (int16_t)n;
        break;
    default:
        ((int8_t *)v->data)[i] = (int8_t)n;
        break;
    }
}

static double get(const struct atm_view *v, size_t i, int64_t *n)
{
    *n = 0;
    switch (v->dtype) {
    case ATM_F32:
        return (double)((const float *)v->data)[i];
    case ATM_F64:
        return ((const double *)v->data)[i];
    case ATM_F16:
        return half_value(((const uint16_t *)v->data)[i]);
    case ATM_I64:
    case ATM_U64:
        *n = ((const int64_t *)v->data)[i];
        break;
    case ATM_I32:
    case ATM_U32:
        *n = ((const int32_t *)v->data)[i];
        break;
    case ATM_I16:
    case ATM_U16:
        *n = ((const int16_t *)v->data)[i];
        break;
    default:
        *n = ((const int8_t *)v->data)[i];
        break;
    }
    return 0;
}

static enum atm_dtype dtype_of(const char *name)
{
    int t;

    for (t = 1; t < ATM_DTYPE_COUNT; t++)
        if (strcmp(atm_dtype_name((enum atm_dtype)t), name) == 0)
            return (enum atm_dtype)t;
    return ATM_DTYPE_NONE;
}

static uint64_t view_bytes(const struct atm_view *v)
{
    uint64_t bytes = 0;

    CU_ASSERT_EQUAL_FATAL(atm_shape_bytes(&v->shape, v->dtype, &bytes), ATM_OK);
    return bytes;
}

static void read_tensor(struct atm_arena *arena, const json_t *j,
                        struct atm_view *v)
{
    const json_t *shape = json_object_get(j, "s");
    const json_t *values = json_object_get(j, "v");
    size_t i;

    memset(v, 0, sizeof(*v));
    if (!json_is_object(j))
        return;
    v->present = true;
    v->dtype = dtype_of(json_string_value(json_object_get(j, "t")));
    CU_ASSERT_NOT_EQUAL_FATAL(v->dtype, ATM_DTYPE_NONE);
    v->shape.rank = (uint32_t)json_array_size(shape);
    for (i = 0; i < v->shape.rank; i++)
        v->shape.dim[i] = json_integer_value(json_array_get(shape, i));
    if (!values)
        return; /* a fault case: the value is not known */
    v->data = atm_arena_alloc(arena, view_bytes(v));
    CU_ASSERT_PTR_NOT_NULL_FATAL(v->data);
    CU_ASSERT_EQUAL_FATAL(json_array_size(values) * atm_dtype_bytes(v->dtype),
                          view_bytes(v));
    for (i = 0; i < json_array_size(values); i++)
        put(v, i, json_array_get(values, i));
}

static void read_attr(struct run *r, const char *name, const json_t *j,
                      struct atm_attr *a)
{
    const char *kind = json_object_iter_key(json_object_iter((json_t *)j));
    const json_t *v = json_object_get(j, kind);
    struct atm_arena *arena = r->graph->arena;
    size_t i;

    a->name = name;
    a->n = json_array_size(v);
    if (strcmp(kind, "i") == 0) {
        a->kind = ATM_ATTR_INT;
        a->i = json_integer_value(v);
    } else if (strcmp(kind, "f") == 0) {
        a->kind = ATM_ATTR_FLOAT;
        a->f = (float)number_of(v);
    } else if (strcmp(kind, "s") == 0) {
        a->kind = ATM_ATTR_STRING;
        a->s = json_string_value(v);
    } else if (strcmp(kind, "is") == 0) {
        int64_t *ints = atm_arena_array(arena, a->n, sizeof(*ints));

        for (i = 0; i < a->n; i++)
            ints[i] = json_integer_value(json_array_get(v, i));
        a->kind = ATM_ATTR_INTS;
        a->ints = ints;
    } else if (strcmp(kind, "fs") == 0) {
        float *floats = atm_arena_array(arena, a->n, sizeof(*floats));

        for (i = 0; i < a->n; i++)
            floats[i] = (float)number_of(json_array_get(v, i));
        a->kind = ATM_ATTR_FLOATS;
        a->floats = floats;
    } else if (strcmp(kind, "ss") == 0) {
        const char **strings = atm_arena_array(arena, a->n, sizeof(*strings));

        for (i = 0; i < a->n; i++)
            strings[i] = json_string_value(json_array_get(v, i));
        a->kind = ATM_ATTR_STRINGS;
        a->strings = strings;
    } else {
        struct atm_constant c = {.kind = ATM_CONST_INLINE};
        struct atm_view t;

        CU_ASSERT_STRING_EQUAL_FATAL(kind, "t");
        read_tensor(arena, v, &t);
        c.data = t.data;
        c.bytes = view_bytes(&t);
        a->kind = ATM_ATTR_TENSOR;
        ATM_ASSERT_OK(
            atm_graph_add_value(r->graph, NULL, t.dtype, &t.shape, &a->value));
        ATM_ASSERT_OK(atm_graph_add_constant(
            r->graph, &c, &r->graph->value[a->value].constant));
    }
}

static void read_case(const json_t *c, struct run *r)
{
    const json_t *in = json_object_get(c, "in");
    const json_t *out = json_object_get(c, "out");
    json_t *attrs = json_object_get(c, "attrs"), *value;
    struct atm_node *n = &r->node;
    const char *key;
    uint32_t i;

    memset(r, 0, sizeof(*r));
    ATM_ASSERT_OK(atm_graph_new(&r->graph));
    n->name = "";
    n->op = atm_op_find("", json_string_value(json_object_get(c, "op")));
    CU_ASSERT_PTR_NOT_NULL_FATAL(n->op);
    n->opset = (int)json_integer_value(json_object_get(c, "opset"));
    n->in = r->in_id;
    n->out = r->out_id;
    n->n_in = (uint32_t)json_array_size(in);
    n->n_out = (uint32_t)json_array_size(out);
    CU_ASSERT_FATAL(n->n_in <= SLOTS && n->n_out <= SLOTS);
    n->attr = atm_arena_array(r->graph->arena, json_object_size(attrs),
                              sizeof(*n->attr));
    json_object_foreach(attrs, key, value)
        read_attr(r, key, value, &n->attr[n->n_attr++]);
    for (i = 0; i < n->n_in; i++)
        read_tensor(r->graph->arena, json_array_get(in, i), &r->in[i]);
    for (i = 0; i < n->n_out; i++) {
        read_tensor(r->graph->arena, json_array_get(out, i), &r->want[i]);
        r->out[i].present = r->want[i].present;
    }
    r->call = (struct atm_call){.node = n,
                                .graph = r->graph,
                                .n_in = n->n_in,
                                .n_out = n->n_out,
                                .in = r->in,
                                .out = r->out};
}

/* Equal integers; floats within the suite's own tolerance or better. */
static bool close_to(const struct atm_view *got, const struct atm_view *want)
{
    uint64_t n = view_bytes(want) / atm_dtype_bytes(want->dtype), i;
    double rtol = want->dtype == ATM_F16 ? 2e-3 : 1e-3;
    int64_t gi, wi;

    for (i = 0; i < n; i++) {
        double g = get(got, i, &gi), w = get(want, i, &wi);
        bool same = gi == wi && (g == w || (isnan(g) && isnan(w)) ||
                                 fabs(g - w) <= 1e-6 + rtol * fabs(w));

        if (!same) {
            fprintf(stderr, "\n  element %d: %.9g %lld, wanted %.9g %lld\n",
                    (int)i, g, (long long)gi, w, (long long)wi);
            return false;
        }
    }
    return true;
}

/* An operator that says that it may overwrite an input must give the same
 * bytes when it does. */
static void check_in_place(struct run *r, uint32_t in)
{
    struct atm_view kept = r->out[0];
    uint64_t bytes = view_bytes(&kept);

    if (in >= r->call.n_in || !r->in[in].present ||
        r->in[in].dtype != kept.dtype ||
        !atm_shape_equal(&r->in[in].shape, &kept.shape))
        return;
    r->out[0].data = r->in[in].data;
    ATM_ASSERT_OK(atm_op_run_reference(&r->call));
    CU_ASSERT_EQUAL(memcmp(r->out[0].data, kept.data, bytes), 0);
}

static bool replay(const json_t *c)
{
    uint32_t i, flags;
    struct run r;
    bool ok = true;

    read_case(c, &r);
    flags = r.node.op->flags;
    ok = atm_op_infer(&r.call) == ATM_OK;
    if (!ok)
        fprintf(stderr, "\n  %s", atm_errmsg());
    for (i = 0; ok && i < r.node.n_out; i++) {
        if (!r.want[i].present)
            continue;
        ok = r.out[i].dtype == r.want[i].dtype &&
             (r.out[i].shape.bound || /* known when it has run */
              atm_shape_equal(&r.out[i].shape, &r.want[i].shape));
        if (!ok) {
            char got[99], want[99];

            fprintf(stderr, "\n  output %d is %s of %s, wanted %s of %s",
                    (int)i, atm_shape_str(&r.out[i].shape, got, sizeof(got)),
                    atm_dtype_name(r.out[i].dtype),
                    atm_shape_str(&r.want[i].shape, want, sizeof(want)),
                    atm_dtype_name(r.want[i].dtype));
            break;
        }
        r.out[i].data = atm_arena_alloc(r.graph->arena, view_bytes(&r.out[i]));
    }
    if (ok && r.node.op->impl->scratch_bytes)
        r.call.scratch = atm_arena_alloc(
            r.graph->arena, r.node.op->impl->scratch_bytes(&r.call));
    if (ok) {
        ok = atm_op_run_reference(&r.call) == ATM_OK;
        if (!ok)
            fprintf(stderr, "\n  %s", atm_errmsg());
    }
    for (i = 0; ok && i < r.node.n_out; i++)
        ok = !r.want[i].present ||
             (atm_shape_equal(&r.out[i].shape, &r.want[i].shape) &&
              close_to(&r.out[i], &r.want[i]));
    if (ok && flags & ATM_OP_INPLACE2)
        check_in_place(&r, 1); /* spoils in[1] */
    else if (ok && flags & ATM_OP_INPLACE)
        check_in_place(&r, 0);
    atm_graph_delete(&r.graph);
    return ok;
}

/* ---- mutations ---------------------------------------------------------- */

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % n;
}

static int64_t odd_int(void)
{
    static const int64_t odd[] = {0,
                                  -1,
                                  1,
                                  2,
                                  3,
                                  -2,
                                  5,
                                  7,
                                  12,
                                  13,
                                  64,
                                  -9,
                                  255,
                                  1 << 16,
                                  INT32_MAX,
                                  INT32_MIN,
                                  (int64_t)1 << 31,
                                  (int64_t)1 << 40,
                                  (int64_t)1 << 62,
                                  INT64_MAX,
                                  INT64_MIN,
                                  -INT64_MAX,
                                  INT64_MIN + 1};

    return odd[random_below(sizeof(odd) / sizeof(odd[0]))];
}

/* A new buffer of exactly the view's size, in the arena (whose red zones find
 * an overrun); null if that is more than a test should touch. */
static void give_data(struct run *r, struct atm_view *v)
{
    uint64_t bytes, i;

    v->data = NULL;
    if (!v->present || atm_shape_bytes(&v->shape, v->dtype, &bytes) ||
        bytes > 1 << 16)
        return;
    v->data = atm_arena_alloc(r->graph->arena, bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v->data);
    for (i = 0; i < bytes; i++)
        ((uint8_t *)v->data)[i] =
            random_below(3) ? 0 : (uint8_t)random_below(256);
}

static void mutate(struct run *r)
{
    struct atm_node *n = &r->node;
    struct atm_view *v = &r->in[random_below(n->n_in + 1)];
    struct atm_attr *a = n->n_attr ? &n->attr[random_below(n->n_attr)] : NULL;

    switch (random_below(8)) {
    case 0:
        n->opset = 1 + (int)random_below(20);
        break;
    case 1:
    case 2:
        if (a && a->kind == ATM_ATTR_INT)
            a->i = odd_int();
        else if (a && a->kind == ATM_ATTR_INTS && a->n)
            ((int64_t *)a->ints)[random_below(a->n)] = odd_int();
        else if (a && a->kind == ATM_ATTR_FLOAT)
            a->f = (float)odd_int();
        break;
    case 3:
        if (a && a->kind == ATM_ATTR_INTS && a->n)
            a->n--;
        break;
    case 4:
        if (v->shape.rank)
            v->shape.dim[random_below(v->shape.rank)] =
                random_below(2) ? (int64_t)random_below(6)
                                : odd_int() & INT64_MAX;
        give_data(r, v);
        break;
    case 5:
        v->shape.rank = (uint32_t)random_below(ATM_RANK_MAX + 1);
        while (v->shape.rank && v->shape.dim[v->shape.rank - 1] == 0)
            v->shape.rank--;
        give_data(r, v);
        break;
    case 6:
        if (v->data && v->dtype == ATM_I64 && view_bytes(v))
            ((int64_t *)v->data)[random_below(view_bytes(v) / 8)] = odd_int();
        else if (v->data && v->dtype == ATM_F32 && view_bytes(v))
            ((float *)v->data)[random_below(view_bytes(v) / 4)] =
                random_below(2) ? NAN : (float)odd_int();
        break;
    default:
        v->dtype = (enum atm_dtype)(1 + random_below(ATM_DTYPE_COUNT - 1));
        give_data(r, v);
        break;
    }
}

static const char *only_path; /* replayed in place of the project's files */

/* All cases in one array. */
static json_t *load_cases(void)
{
    static const char *const paths[] = {
        ATM_TEST_DATA "/op_cases.json", ATM_TEST_DATA "/op_cases_special.json",
        ATM_TEST_DATA "/op_cases_new.json"};
    json_t *all = json_array();
    json_error_t error;
    size_t i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    for (i = 0; i < (only_path ? 1 : sizeof(paths) / sizeof(*paths)); i++) {
        const char *path = only_path ? only_path : paths[i];
        json_t *cases = json_load_file(path, 0, &error);

        if (!cases)
            fprintf(stderr, "%s: %s\n", path, error.text);
        CU_ASSERT_PTR_NOT_NULL_FATAL(cases);
        CU_ASSERT_EQUAL_FATAL(json_array_extend(all, cases), 0);
        json_decref(cases);
    }
    return all;
}

/* Nodes that are a little wrong are refused or run: nothing else happens.
 * Meant for a build with sanitizers. */
static void test_mutations(void)
{
    json_t *cases = load_cases(), *c;
    size_t i, ran = 0, refused = 0;
    int round;

    CU_ASSERT_FATAL(json_array_size(cases) > 0);
    json_array_foreach(cases, i, c) for (round = 0; round < 300; round++)
    {
        uint32_t k, times = 1 + (uint32_t)random_below(3);
        enum atm_status st;
        bool ready = true;
        struct run r;

        read_case(c, &r);
        for (k = 0; k < times; k++)
            mutate(&r);
        st = atm_op_infer(&r.call);
        CU_ASSERT(!st || st == ATM_FORMAT || st == ATM_UNSUPPORTED);
        for (k = 0; k < r.node.n_in; k++)
            ready = ready && (!r.in[k].present || r.in[k].data);
        for (k = 0; !st && k < r.node.n_out; k++) {
            give_data(&r, &r.out[k]);
            ready = ready && (!r.out[k].present || r.out[k].data);
        }
        if (!st && ready && r.node.op->impl->scratch_bytes)
            r.call.scratch = atm_arena_alloc(
                r.graph->arena, r.node.op->impl->scratch_bytes(&r.call));
        if (!st && ready)
            st = atm_op_run_reference(&r.call);
        ran += !st && ready;
        refused += st != ATM_OK;
        CU_ASSERT(!st || st == ATM_FORMAT || st == ATM_UNSUPPORTED);
        atm_graph_delete(&r.graph);
    }
    CU_ASSERT(ran > 1000 && refused > 1000);
    json_decref(cases);
}

static void test_cases(void)
{
    unsigned char *seen = calloc(atm_op_count(), 1);
    json_t *cases = load_cases(), *c;
    size_t i, failed = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    json_array_foreach(cases, i, c)
    {
        const char *op = json_string_value(json_object_get(c, "op"));
        uint32_t k;

        for (k = 0; k < atm_op_count(); k++)
            seen[k] |= strcmp(op, atm_op_at(k)->name) == 0;
        if (!atm_op_find("", op) || replay(c))
            continue;
        failed++;
        fprintf(stderr, "\n  case %s (%s)\n",
                json_string_value(json_object_get(c, "name")), op);
    }
    CU_ASSERT_EQUAL(failed, 0);
    for (i = 0; i < atm_op_count(); i++) {
        if (!seen[i])
            fprintf(stderr, "\n  %s has no case\n",
                    atm_op_at((uint32_t)i)->name);
        CU_ASSERT(seen[i]);
    }
    json_decref(cases);
    free(seen);
}

/* Nodes that inference must refuse: data/op_faults.json, written by hand. */
static void test_faults(void)
{
    json_t *cases, *c;
    size_t i;

    cases = json_load_file(ATM_TEST_DATA "/op_faults.json", 0, NULL);
    CU_ASSERT_FATAL(json_array_size(cases) > 0);
    json_array_foreach(cases, i, c)
    {
        const char *says = json_string_value(json_object_get(c, "says"));
        bool format = json_is_true(json_object_get(c, "format"));
        struct run r;

        read_case(c, &r);
        ATM_ASSERT_FAILS(atm_op_infer(&r.call),
                         format ? ATM_FORMAT : ATM_UNSUPPORTED, says);
        atm_graph_delete(&r.graph);
    }
    json_decref(cases);
}

/* Duplicates cannot be said in JSON. */
static void test_duplicate_attribute(void)
{
    struct atm_attr attr[] = {{.name = "axis", .kind = ATM_ATTR_INT, .i = 1},
                              {.name = "axis", .kind = ATM_ATTR_INT, .i = 1}};
    struct atm_node node = {.name = "",
                            .op = atm_op_find("", "Flatten"),
                            .opset = 13,
                            .n_in = 1,
                            .n_out = 1,
                            .n_attr = 2,
                            .attr = attr};
    struct atm_view in = {
        .present = true, .dtype = ATM_F32, .shape = {2, {3, 4}}};
    struct atm_view out = {.present = true};
    struct atm_call call = {
        .node = &node, .n_in = 1, .n_out = 1, .in = &in, .out = &out};

    ATM_ASSERT_FAILS(atm_op_infer(&call), ATM_FORMAT,
                     "attribute axis is given twice");
}

/* Indices come from data: each is checked while running. */
static void test_bad_index(void)
{
    static const char *const ops[] = {"Gather", "GatherElements", NULL};
    static const int64_t bad[] = {3, -4, INT64_MAX, INT64_MIN};
    float data[3] = {1, 2, 3}, result = 0;
    int64_t index;
    uint32_t i, k;

    for (i = 0; ops[i]; i++) {
        struct atm_node node = {.name = "",
                                .op = atm_op_find("", ops[i]),
                                .opset = 13,
                                .n_in = 2,
                                .n_out = 1};
        struct atm_view in[2] = {{true, ATM_F32, {1, {3}}, data},
                                 {true, ATM_I64, {1, {1}}, &index}};
        struct atm_view out = {.present = true};
        struct atm_call call = {
            .node = &node, .n_in = 2, .n_out = 1, .in = in, .out = &out};

        index = -3;
        ATM_ASSERT_OK(atm_op_infer(&call));
        out.data = &result;
        ATM_ASSERT_OK(atm_op_run_reference(&call));
        CU_ASSERT_EQUAL(result, 1);
        for (k = 0; k < 4; k++) {
            index = bad[k];
            ATM_ASSERT_FAILS(atm_op_run_reference(&call), ATM_FORMAT,
                             "is outside a dimension of 3");
        }
    }
}

/* What fusion hangs behind a node: applied in order, inputs checked. */
static void test_posts(void)
{
    float x[4] = {1, -2, 3, -4}, w[1] = {2}, add[4] = {-3, 1, 1, 10}, y[4];
    struct atm_node node = {
        .name = "",
        .op = atm_op_find("", "Conv"),
        .opset = 13,
        .n_in = 3,
        .n_out = 1,
        .n_post = 2,
        .post = {{ATM_POST_ADD, 0, 0, 2}, {ATM_POST_CLIP, 0, 5, 0}}};
    struct atm_view in[3] = {{true, ATM_F32, {3, {1, 1, 4}}, x},
                             {true, ATM_F32, {3, {1, 1, 1}}, w},
                             {true, ATM_F32, {3, {1, 1, 4}}, add}};
    struct atm_view out = {.present = true};
    struct atm_call call = {
        .node = &node, .n_in = 3, .n_out = 1, .in = in, .out = &out};

    ATM_ASSERT_OK(atm_op_infer(&call));
    out.data = y;
    ATM_ASSERT_OK(atm_op_run_reference(&call));
    CU_ASSERT(y[0] == 0 && y[1] == 0 && y[2] == 5 && y[3] == 2);
    node.post[1].kind = ATM_POST_RELU;
    ATM_ASSERT_OK(atm_op_run_reference(&call));
    CU_ASSERT(y[0] == 0 && y[1] == 0 && y[2] == 7 && y[3] == 2);
    node.post[0].input = 1;
    ATM_ASSERT_FAILS(atm_op_infer(&call), ATM_FORMAT, "none of its");
    node.post[0].input = 2;
    in[2].shape.dim[2] = 3;
    ATM_ASSERT_FAILS(atm_op_infer(&call), ATM_FORMAT, "another shape");
}

/* Moments of many draws, and that a seed repeats its own. */
static void test_random(void)
{
    enum { N = 100000 };
    static float y[2][N];
    static const struct {
        const char *op;
        double mean, variance;
    } of[] = {{"RandomUniform", 0.5, 1.0 / 12}, {"RandomNormal", 0, 1}};
    int64_t dim[1] = {N};
    size_t k;
    int i, round;

    for (k = 0; k < 2; k++) {
        struct atm_attr attr[] = {
            {.name = "shape", .kind = ATM_ATTR_INTS, .n = 1, .ints = dim},
            {.name = "seed", .kind = ATM_ATTR_FLOAT, .f = 7}};
        uint32_t id = 5;
        struct atm_node node = {.name = "",
                                .op = atm_op_find("", of[k].op),
                                .opset = 13,
                                .n_out = 1,
                                .out = &id,
                                .n_attr = 2,
                                .attr = attr};
        struct atm_view out = {.present = true};
        struct atm_call call = {.node = &node, .n_out = 1, .out = &out};
        double sum = 0, squares = 0, mean;

        ATM_ASSERT_OK(atm_op_infer(&call));
        for (round = 0; round < 2; round++, id++) {
            out.data = y[round];
            ATM_ASSERT_OK(atm_op_run_reference(&call));
        }
        CU_ASSERT_EQUAL(memcmp(y[0], y[1], sizeof(y[0])), 0);
        for (i = 0; i < N; i++) {
            sum += (double)y[0][i];
            squares += (double)y[0][i] * (double)y[0][i];
        }
        mean = sum / N; /* within five of its own deviations */
        CU_ASSERT(fabs(mean - of[k].mean) < 5 * sqrt(of[k].variance / N));
        CU_ASSERT(fabs(squares / N - mean * mean - of[k].variance) <
                  5 * of[k].variance * sqrt(2.0 / N));
        node.n_attr = 1; /* without a seed the output's number is one */
        ATM_ASSERT_OK(atm_op_run_reference(&call));
        CU_ASSERT_NOT_EQUAL(memcmp(y[0], y[1], sizeof(y[0])), 0);
    }
}

static void test_registry(void)
{
    uint32_t i;

    for (i = 0; i < atm_op_count(); i++) {
        const struct atm_op *op = atm_op_at(i);

        CU_ASSERT_PTR_EQUAL(atm_op_find("", op->name), op);
        CU_ASSERT_PTR_EQUAL(atm_op_find("ai.onnx", op->name), op);
        CU_ASSERT(op->in_min <= op->in_max && op->out_max >= 1);
        CU_ASSERT(op->impl->infer && op->impl->run);
    }
    CU_ASSERT_PTR_NULL(atm_op_at(i));
    CU_ASSERT_PTR_NULL(atm_op_find("", "NoSuchOperator"));
    CU_ASSERT_PTR_NULL(atm_op_find("com.microsoft", "Conv"));
}

static const struct atm_test tests[] = {
    {"the registry finds every row", test_registry},
    {"malformed nodes are refused by name", test_faults},
    {"an attribute given twice is refused", test_duplicate_attribute},
    {"indices out of range are refused", test_bad_index},
    {"posts apply in order", test_posts},
    {"draws have the moments of their distributions", test_random},
    {"every operator agrees with ONNX's reference", test_cases},
    {"mutated nodes are refused or run", test_mutations},
    {NULL, NULL}};

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;

    if (only && strstr(only, ".json")) {
        only_path = only;
        only = "reference";
    }
    return atm_test_main("ops", tests, only);
}
