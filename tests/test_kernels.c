/* test_kernels.c - each fast implementation against the reference kernel, over
 * a table of shapes. Each row is a graph of one node (behind convolutions where
 * a blocked input is wanted) lowered twice: with all implementations, and with
 * reference kernels only. The results agree within 1e-5 of the largest value;
 * they are bit-identical when repeated, and at other addresses. CTest runs this
 * file a second time with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "graph_build.h"
#include "program_run.h"

#include "rng.h"

#include <math.h>
#include <stdio.h>

#define INPUTS_MAX 6

/* Inputs: dimensions joined by x; "" is a scalar; prefixes: "c" a constant,
 * "=" a constant number, "p" positive values, "b" passed through a 1x1
 * convolution so that it is blocked and dies at the node. */
struct row {
    const char *op;
    int opset;
    const char *in[INPUTS_MAX];
    const char *attr;  /* name=1 name=0.5 name=1,2 */
    const char *post;  /* letters: a(dd last input) r(elu) c(lip to [0, 1]) */
    const char *impl;  /* prefix of the node's implementation */
};

static const struct row convs[] = {
    {"Conv", 13, {"1x3x17x19", "c16x3x3x3", "c16"},
     "pads=1,1,1,1", "", "dnnl:jit"},
    {"Conv", 13, {"2x3x30x30", "c64x3x7x7"},
     "strides=2,2 pads=3,3,3,3", "r", "dnnl:jit"},
    {"Conv", 13, {"1x1x9x9", "c5x1x3x3", "c5"}, "", "", "dnnl:jit"},
    {"Conv", 13, {"1x4x9x9", "c8x4x3x3", "c8"}, "", "c", "dnnl:jit"},
    {"Conv", 13, {"2x16x14x14", "c32x16x1x1", "c32"}, "", "r", "dnnl:jit"},
    {"Conv", 13, {"1x17x13x11", "c29x17x3x3", "c29"},
     "pads=1,0,2,1", "r", "dnnl:jit"},
    {"Conv", 13, {"1x20x14x14", "c40x20x1x1"}, "strides=2,2", "", "dnnl:jit"},
    {"Conv", 13, {"1x32x12x12", "c16x32x3x3", "c16"},
     "dilations=2,2 pads=2,2,2,2", "r", "dnnl:jit"},
    {"Conv", 13, {"1x32x12x12", "c32x16x3x3", "c32"},
     "group=2 pads=1,1,1,1", "r", "dnnl:jit"},
    {"Conv", 13, {"1x32x12x12", "c64x4x3x3", "c64"},
     "group=8 pads=1,1,1,1", "r", "dnnl:"},
    {"Conv", 13, {"2x24x15x15", "c24x1x3x3", "c24"},
     "group=24 pads=1,1,1,1", "c", "dnnl:jit_dw"},
    {"Conv", 13, {"1x32x15x15", "c32x1x5x5"},
     "group=32 strides=2,2 pads=2,2,2,2", "r", "dnnl:jit_dw"},
    {"Conv", 13, {"1x16x1x40", "c16x16x1x5", "c16"},
     "auto_pad=SAME_UPPER", "", "dnnl:jit"},
    {"Conv", 13, {"2x16x30", "c32x16x3", "c32"}, "pads=1,1", "r", "dnnl:jit"},
    {"Conv", 13, {"1x16x6x7x8", "c16x16x3x3x3", "c16"},
     "pads=1,1,1,1,1,1", "r", "dnnl:jit"},
    {"Conv", 13, {"1x16x12x12", "16x16x3x3", "16"}, "", "", "dnnl:jit"},
    /* many channels over a small image, with AVX-512 channels-last */
    {"Conv", 13, {"2x128x9x9", "c160x128x3x3", "c160"}, "pads=1,1,1,1", "r",
      "dnnl:"},
    {"Conv", 13, {"1x128x9x9", "c128x128x3x3", "c128", "b1x128x7x7"}, "", "ar",
      "dnnl:"},
    {"Conv", 13, {"1x128x9x9", "c131x128x3x3", "c131", "1x131x7x7"}, "", "ar",
      "dnnl:"},
    /* residuals: dying, a graph input, ragged channels */
    {"Conv", 13, {"1x16x12x12", "c32x16x1x1", "c32", "b1x32x12x12"},
     "", "ar", "dnnl:jit"},
    {"Conv", 13, {"1x16x12x12", "c32x16x1x1", "c32", "1x32x12x12"},
     "", "ar", "dnnl:jit"},
    {"Conv", 13, {"1x16x12x12", "c32x16x3x3", "c32", "1x32x12x12"},
     "pads=1,1,1,1", "ac", "dnnl:jit"},
    {"Conv", 13, {"2x12x9x9", "c21x12x3x3", "b2x21x7x7"}, "", "a", "dnnl:jit"},
    {"Conv", 13, {"2x12x9x9", "c21x12x3x3", "2x21x7x7"}, "", "ar", "dnnl:jit"},
    {"Conv", 13, {"1x144x9x5", "c24x144x1x1", "c24", "b1x24x9x5"},
     "", "a", "dnnl:jit_1x1"},
    {"Conv", 13, {"1x144x9x5", "c24x144x1x1", "c24", "1x24x9x5"},
     "", "ac", "dnnl:jit_1x1"},
    {"Conv", 13, {"1x32x9x9", "c64x4x3x3", "c64", "1x64x7x7"},
     "group=8", "ar", "dnnl:"},
    {"Conv", 13, {"1x32x9x9", "c64x4x3x3", "c64", "b1x64x7x7"},
     "group=8", "ar", "dnnl:"},
    {"Conv", 13, {"1x24x9x9", "c24x1x3x3", "c24", "b1x24x9x9"},
     "group=24 pads=1,1,1,1", "ar", "dnnl:jit_dw"},
    {"Conv", 13, {"1x24x9x9", "c24x1x3x3", "c24", "1x24x9x9"},
     "group=24 pads=1,1,1,1", "a", "dnnl:jit_dw"},
    {NULL, 0, {NULL}, NULL, NULL, NULL},
};

static const struct row transposed[] = {
    {"ConvTranspose", 11, {"2x32x9x9", "c32x16x2x2", "c16"},
     "strides=2,2", "", "dnnl:jit"},
    {"ConvTranspose", 11, {"b1x64x8x8", "c64x3x4x4", "c3"},
     "strides=2,2 pads=1,1,1,1", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x17x7x5", "c17x29x3x3"},
     "strides=2,2 pads=1,1,1,1 output_padding=1,1", "", "dnnl:jit"},
    {"ConvTranspose", 11, {"1x16x7x5", "c16x32x2x2", "c32"},
     "strides=3,3 output_padding=2,1", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x3x9x9", "c3x16x3x3", "c16"}, "pads=1,0,2,1", "",
     "dnnl:"},
    {"ConvTranspose", 11, {"1x16x9x9", "c16x16x3x3", "c16"},
     "strides=2,2 auto_pad=SAME_LOWER", "", "dnnl:jit"},
    {"ConvTranspose", 11, {"1x16x9x9", "c16x16x3x3", "c16"},
     "strides=3,2 output_shape=26,18", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x16x9x9", "c16x16x3x3", "c16"}, "dilations=2,2",
     "", "dnnl:"},
    {"ConvTranspose", 11, {"1x32x9x9", "c32x16x4x4", "c32"},
     "group=2 strides=2,2 pads=1,1,1,1", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x32x9x9", "c32x3x4x4", "c12"},
     "group=4 strides=2,2", "", "dnnl:"},
    {"ConvTranspose", 11, {"b2x24x9x9", "c24x1x4x4", "c24"},
     "group=24 strides=2,2 pads=1,1,1,1", "", "dnnl:jit_dw"},
    {"ConvTranspose", 11, {"2x16x20", "c16x32x4", "c32"},
     "strides=2, pads=1,1", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x16x4x5x6", "c16x16x2x2x2", "c16"},
     "strides=2,2,2", "", "dnnl:"},
    {"ConvTranspose", 11, {"1x16x9x9", "16x16x3x3", "16"}, "", "", "dnnl:jit"},
    {NULL, 0, {NULL}, NULL, NULL, NULL},
};

static const struct row pools[] = {
    {"MaxPool", 12, {"b2x32x14x14"},
     "kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "", "dnnl:jit"},
    {"MaxPool", 12, {"b1x19x13x11"},
     "kernel_shape=2,2 strides=2,2 ceil_mode=1", "", "dnnl:jit"},
    {"MaxPool", 12, {"2x5x13x11"},
     "kernel_shape=3,2 strides=1,2", "", "dnnl:jit"},
    {"AveragePool", 11, {"b1x32x14x14"},
     "kernel_shape=2,2 strides=2,2", "", "dnnl:jit"},
    {"AveragePool", 11, {"b1x20x14x14"},
     "kernel_shape=3,3 pads=1,1,1,1", "", "dnnl:jit"},
    {"AveragePool", 11, {"b1x20x14x14"},
     "kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1", "", "dnnl:jit"},
    {"AveragePool", 11, {"b1x20x13x13"},
     "kernel_shape=3,3 strides=2,2 ceil_mode=1", "", "dnnl:jit"},
    {"GlobalAveragePool", 1, {"b2x48x7x7"}, "", "", "dnnl:jit"},
    {"GlobalAveragePool", 1, {"b2x21x7x9"}, "", "", "dnnl:jit"},
    {"GlobalAveragePool", 1, {"2x10x7x9"}, "", "", "dnnl:jit"},
    {"GlobalMaxPool", 1, {"b2x21x7x9"}, "", "", "dnnl:jit"},
    {NULL, 0, {NULL}, NULL, NULL, NULL},
};

static const struct row others[] = {
    {"BatchNormalization", 9, {"b2x32x7x7", "c32", "c32", "c32", "cp32"},
     "", "", "dnnl:bnorm_jit"},
    {"BatchNormalization", 9, {"b1x21x9x5", "c21", "c21", "c21", "cp21"},
     "epsilon=0.001", "", "dnnl:bnorm_jit"},
    {"BatchNormalization", 9, {"2x16x7x7", "c16", "c16", "c16", "cp16"},
     "", "", "dnnl:"},
    {"Relu", 13, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Relu", 13, {"3x5x7"}, "", "", "dnnl:jit"},
    {"LeakyRelu", 6, {"b1x21x9x5"}, "alpha=0.2", "", "dnnl:jit"},
    {"Elu", 6, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Sigmoid", 13, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Tanh", 13, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Sqrt", 13, {"p1x21x9x5"}, "", "", "dnnl:jit"},
    {"Abs", 13, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"HardSwish", 14, {"b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Clip", 6, {"b1x21x9x5"}, "min=-0.1 max=0.3", "", "dnnl:jit"},
    {"Clip", 6, {"5x9"}, "min=0.1", "", "dnnl:jit"},
    {"Add", 13, {"b1x21x9x5", "b1x21x9x5"}, "", "", "dnnl:jit"},
    {"Add", 13, {"b1x32x9x5", "1x32x9x5"}, "", "", "dnnl:jit"},
    {"Add", 13, {"7x9", "7x9"}, "", "", "dnnl:jit"},
    {"Add", 13, {"4x6x10", "c10"}, "", "", "dnnl:jit"},
    {"Add", 13, {"b2x32x5x5", "c32x1x1"}, "", "", "dnnl:jit"},
    {"Mul", 13, {"c1x21x1x1", "b2x21x5x5"}, "", "", "dnnl:jit"},
    {"Mul", 13, {"b2x32x5x5", "b2x32x1x1"}, "", "", "dnnl:jit"},
    {"Mul", 13, {"4x9", "c"}, "", "", "dnnl:jit"},
    {"Gemm", 13, {"5x37", "c37x11", "c11"}, "", "r", "dnnl:"},
    {"Gemm", 13, {"1x64", "c100x64", "c100"}, "transB=1", "", "dnnl:"},
    {"Gemm", 13, {"3x64", "c100x64", "c1x100", "3x100"},
     "transB=1", "ac", "dnnl:"},
    {"Gemm", 13, {"3x64", "c64x10"}, "", "", "dnnl:"},
    {"MatMul", 13, {"2x5x37", "c37x11"}, "", "", "dnnl:"},
    {"MatMul", 13, {"5x37", "37x11"}, "", "", "dnnl:"},
    {"MatMul", 13, {"2x3x5x7", "2x3x7x4"}, "", "", "dnnl:"},
    {"MatMul", 13, {"2x3x5x7", "7x4"}, "", "", "dnnl:"},
    {"Gemm", 13, {"37x5", "11x37", "c11"}, "transA=1 transB=1", "", "dnnl:"},
    {"LRN", 13, {"b1x32x9x9"},
     "size=5 alpha=0.01 beta=0.75 bias=2.0", "", "dnnl:"},
    {"Softmax", 13, {"3x5x19"}, "axis=-1", "", "dnnl:jit"},
    {"Softmax", 11, {"3x5x19"}, "axis=1", "", "dnnl:jit"},
    {"Erf", 13, {"b1x21x9x5"}, "", "", "own:unary"},
    {"Erf", 13, {"3x4999"}, "", "", "own:unary"},
    {"Gelu", 20, {"b1x21x9x5"}, "", "", "own:unary"},
    {"Gelu", 20, {"3x4999"}, "approximate=tanh", "", "own:unary"},
    {"Pow", 13, {"b1x21x9x5", "=2"}, "", "", "own:unary"},
    {"Pow", 13, {"3x4999", "=3"}, "", "", "own:unary"},
    {"LayerNormalization", 17, {"2x7x19", "c19", "c19"}, "", "", "own:layer"},
    {"LayerNormalization", 17, {"b2x21x5x4", "c5x4"}, "axis=2 epsilon=0.1", "",
     "own:layer"},
    {"Concat", 13, {"b2x16x5x5", "b2x32x5x5", "2x48x5x5"},
     "axis=1", "", "own:concat"},
    {"Concat", 13, {"b2x16x5x5", "b2x12x5x5"}, "axis=1", "", "own:concat"},
    {"Concat", 13, {"b3x16x40x40", "b3x32x40x40"}, "axis=1", "", "own:concat"},
    {"Concat", 13, {"2x3x4", "2x3x5", "c2x3x1"}, "axis=2", "", "own:concat"},
    {"Transpose", 13, {"b2x16x5x7"}, "perm=0,2,3,1", "", "dnnl:"},
    {"Transpose", 13, {"3x5x7"}, "", "", "dnnl:"},
    {NULL, 0, {NULL}, NULL, NULL, NULL},
};

/* ---- building ----------------------------------------------------------- */

static void parse_shape(const char *s, struct atm_shape *shape)
{
    char *end;

    *shape = (struct atm_shape){0};
    while (*s) {
        shape->dim[shape->rank++] = strtol(s, &end, 10);
        s = *end ? end + 1 : end;
    }
}

static uint32_t add_input(struct atm_graph *g, const char *text)
{
    bool constant = *text == 'c', blocked = *text == 'b', positive;
    struct atm_shape shape;
    uint32_t v, in[2];

    if (*text == '=') {
        shape = (struct atm_shape){0};
        return graph_constant(g, &shape, strtod(text + 1, NULL), 0);
    }
    text += constant || blocked;
    positive = *text == 'p';
    text += positive;
    parse_shape(text, &shape);
    if (constant)
        return graph_constant(g, &shape, positive ? 1.5 : 0, 0.2);
    ATM_ASSERT_OK(atm_graph_add_value(g, positive ? "positive" : NULL, ATM_F32,
                                      &shape, &v));
    ATM_ASSERT_OK(atm_graph_add_input(g, v));
    if (!blocked)
        return v;
    in[0] = v;
    shape.dim[0] = shape.dim[1];
    shape.dim[2] = shape.dim[3] = 1;
    in[1] = graph_constant(g, &shape, 0, 0.3);
    return graph_node(g, "Conv", 13, 2, in, 0, NULL, 0, NULL);
}

/* "a=1 b=2,3 c=0.5 d=WORD e=2,": e is a list of one */
static uint32_t parse_attrs(char *text, struct atm_attr *attr,
                            int64_t (*ints)[8])
{
    char *save = NULL, *word;
    uint32_t n = 0;

    for (word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save), n++) {
        char *value = strchr(word, '=');
        struct atm_attr *a = &attr[n];

        *value++ = '\0';
        *a = (struct atm_attr){.name = word, .kind = ATM_ATTR_INT};
        if (strchr(value, '.')) {
            a->kind = ATM_ATTR_FLOAT;
            a->f = strtof(value, NULL);
        } else if (*value >= 'A') {
            a->kind = ATM_ATTR_STRING;
            a->s = value;
        } else if (strchr(value, ',')) {
            a->kind = ATM_ATTR_INTS;
            a->ints = ints[n];
            for (; value && value[1]; value = strchr(value, ',')) {
                value += *value == ',';
                ints[n][a->n++] = strtol(value, NULL, 10);
            }
        } else {
            a->i = strtol(value, NULL, 10);
        }
    }
    return n;
}

static struct atm_graph *build(const struct row *r)
{
    uint32_t in[INPUTS_MAX], n_in = 0, n_post = 0, y;
    struct atm_post post[ATM_POSTS_MAX] = {{0}};
    struct atm_attr attr[8];
    int64_t ints[8][8];
    struct atm_graph *g;
    char text[160];
    const char *c;

    ATM_ASSERT_OK(atm_graph_new(&g));
    for (; n_in < INPUTS_MAX && r->in[n_in]; n_in++)
        in[n_in] = add_input(g, r->in[n_in]);
    for (c = r->post; *c; c++, n_post++) {
        post[n_post].kind = *c == 'a'   ? ATM_POST_ADD
                            : *c == 'r' ? ATM_POST_RELU : ATM_POST_CLIP;
        post[n_post].hi = 1;
        post[n_post].input = n_in - 1;
    }
    (void)snprintf(text, sizeof(text), "%s", r->attr);
    y = graph_node(g, r->op, r->opset, n_in, in, parse_attrs(text, attr, ints),
                 attr, n_post, post);
    ATM_ASSERT_OK(atm_graph_add_output(g, y));
    ATM_ASSERT_OK(atm_graph_check(g));
    return g;
}

/* ---- comparing ----------------------------------------------------------- */

static void feed_all(struct program_run *r)
{
    uint32_t i, j;

    for (i = 0; i < r->p->n_inputs; i++) {
        const struct atm_tensor *t = &r->p->tensor[r->p->input[i]];
        int64_t n;
        float *x;

        ATM_ASSERT_OK(atm_shape_count(&t->shape, &n));
        x = malloc((size_t)n * sizeof(*x) + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(x);
        atm_rng_normal(i + 77, 0, (uint64_t)n, x);
        for (j = 0; strcmp(t->name, "positive") == 0 && j < n; j++)
            x[j] = fabsf(x[j]);
        program_run_feed(r, i, x, (size_t)n * sizeof(*x));
        free(x);
    }
}

/* Output 0 after one run; malloc'ed. */
static float *run(const struct atm_program *p, size_t skew, int runs,
                  int64_t *n)
{
    struct program_run r;
    float *y;

    ATM_ASSERT_OK(atm_shape_count(&p->output[0].shape, n));
    y = malloc((size_t)*n * sizeof(*y) + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    program_run_open(&r, p, skew, 0xff); /* unwritten floats are NaN */
    for (; runs > 0; runs--) {
        feed_all(&r);
        program_run_once(&r);
    }
    program_run_output(&r, 0, y);
    program_run_close(&r);
    return y;
}

static double distance(const float *a, const float *b, int64_t n)
{
    double far = 0, largest = 0;
    int64_t i;

    for (i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);

        if (!(d <= far))
            far = d; /* NaN stays */
        if (isnan(d))
            return d;
        if (fabs((double)b[i]) > largest)
            largest = fabs((double)b[i]);
    }
    return largest > 0 ? far / largest : far;
}

/* The implementation of the last node, and whether any is a reference one. */
static bool fast(const struct atm_program *p, const char *prefix,
                 const char **impl)
{
    uint32_t k;

    *impl = "none";
    for (k = 0; k < p->n_kernels; k++)
        if (p->kernel[k].node) {
            *impl = p->kernel[k].impl;
            if (strncmp(*impl, "ref", 3) == 0)
                return false;
        }
    return strncmp(*impl, prefix, strlen(prefix)) == 0;
}

static void check_row(const struct row *r)
{
    struct atm_lower_options options = {.threads = 2};
    struct atm_graph *g = build(r);
    struct atm_program *p, *ref;
    float *want, *got, *again;
    const char *impl;
    double far;
    int64_t n;

    ATM_ASSERT_OK(atm_lower(g, &options, &p));
    options.reference_only = true;
    ATM_ASSERT_OK(atm_lower(g, &options, &ref));
    want = run(ref, 0, 1, &n);
    got = run(p, 64, 1, &n);
    again = run(p, 192, 2, &n);
    far = distance(got, want, n);
    if (!fast(p, r->impl, &impl) || !(far <= 1e-5) ||
        memcmp(got, again, (size_t)n * sizeof(*got)) != 0) {
        fprintf(stderr, "\n%s %s %s %s %s: %s, %g of the largest value, %s\n",
                r->op, r->in[0], r->in[1] ? r->in[1] : "", r->attr, r->post,
                impl, far,
                memcmp(got, again, (size_t)n * sizeof(*got))
                    ? "not repeatable" : "repeatable");
        CU_FAIL("kernel differs");
    }
    free(want);
    free(got);
    free(again);
    atm_program_delete(&ref);
    atm_program_delete(&p);
    atm_graph_delete(&g);
}

static void check_rows(const struct row *r)
{
    for (; r->op; r++)
        check_row(r);
}

static void test_convs(void)
{
    check_rows(convs);
}

static void test_transposed(void)
{
    check_rows(transposed);
}

static void test_pools(void)
{
    check_rows(pools);
}

static void test_others(void)
{
    check_rows(others);
}

static const struct atm_test tests[] = {
    {"convolutions equal the reference", test_convs},
    {"transposed convolutions equal the reference", test_transposed},
    {"pools equal the reference", test_pools},
    {"other kernels equal the reference", test_others},
    {NULL, NULL}};
ATM_TEST_MAIN("kernels", tests)
