/* einsum.c - Einsum: sums of products over named dimensions. Each letter is a
 * dimension; an ellipsis stands for dimensions that broadcast. */
#include "ref/elem.h"

#include <assert.h>
#include <inttypes.h>

#define OPERANDS_MAX 16
#define LETTERS 52
#define LABELS (LETTERS + ATM_RANK_MAX) /* letters, then the ellipsis's own */

/* What the equation says of one operand, or of the result. */
struct term {
    uint32_t rank;
    uint8_t label[ATM_RANK_MAX];
};

struct equation {
    uint32_t n_in;
    struct term in[OPERANDS_MAX], out;
    uint32_t n_dots;       /* dimensions under the ellipsis */
    int64_t dim[LABELS];   /* of each label; -1: not used */
    uint32_t seen[LABELS]; /* times, over all operands */
};

static int label_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= 'A' && c <= 'Z' ? 26 + c - 'A' : -1;
}

/* One term up to `end`; `dots` dimensions stand under its ellipsis. */
static enum atm_status parse_term(const char *s, const char *end,
                                  uint32_t all_dots, uint32_t dots,
                                  struct term *t, bool *has_dots)
{
    uint32_t i;

    t->rank = 0;
    *has_dots = false;
    for (; s < end; s++) {
        int label = label_of(*s);

        if (*s == ' ')
            continue;
        if (end - s >= 3 && strncmp(s, "...", 3) == 0 && !*has_dots) {
            *has_dots = true;
            s += 2;
            for (i = 0; i < dots && t->rank < ATM_RANK_MAX; i++)
                t->label[t->rank++] = (uint8_t)(LETTERS + all_dots - dots + i);
            if (i < dots)
                break;
            continue;
        }
        if (label < 0 || t->rank == ATM_RANK_MAX)
            break;
        t->label[t->rank++] = (uint8_t)label;
    }
    return s == end ? ATM_OK
                    : atm_fail(ATM_FORMAT,
                               "attribute equation: a term is no "
                               "list of at most %d letters",
                               ATM_RANK_MAX);
}

/* Letters of a term, without ellipsis and spaces. */
static uint32_t letters(const char *s, const char *end)
{
    uint32_t n = 0;

    for (; s < end; s++)
        n += label_of(*s) >= 0;
    return n;
}

static const char *term_end(const char *s, const char *stop)
{
    while (s < stop && *s != ',')
        s++;
    return s;
}

/* Numpy's rule where no result is named: the ellipsis, then the letters that
 * stand once, sorted. */
static enum atm_status implicit(struct equation *e)
{
    static const char order[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t i;

    for (i = 0; i < e->n_dots; i++)
        e->out.label[e->out.rank++] = (uint8_t)(LETTERS + i);
    for (i = 0; order[i]; i++) {
        int label = label_of(order[i]);

        if (e->seen[label] != 1)
            continue;
        if (e->out.rank == ATM_RANK_MAX)
            return atm_fail(ATM_UNSUPPORTED,
                            "the result has more than %d dimensions",
                            ATM_RANK_MAX);
        e->out.label[e->out.rank++] = (uint8_t)label;
    }
    return ATM_OK;
}

static enum atm_status add_dims(struct equation *e, uint32_t in,
                                const struct atm_shape *x)
{
    const struct term *t = &e->in[in];
    uint32_t i;

    if (t->rank != x->rank)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " has rank %" PRIu32 ", the equation "
                        "names %" PRIu32 " dimensions",
                        in, x->rank, t->rank);
    for (i = 0; i < t->rank; i++) {
        int64_t *dim = &e->dim[t->label[i]];

        if (*dim >= 0 && *dim != x->dim[i] && *dim != 1 && x->dim[i] != 1)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " of input %" PRIu32
                            " is %" PRId64 ", elsewhere %" PRId64,
                            i, in, x->dim[i], *dim);
        if (*dim < 0 || *dim == 1)
            *dim = x->dim[i];
        e->seen[t->label[i]]++;
    }
    return ATM_OK;
}

static enum atm_status check_result(const struct equation *e)
{
    uint64_t seen = 0;
    uint32_t i;

    for (i = 0; i < e->out.rank; i++) {
        uint8_t label = e->out.label[i];

        if (e->seen[label] == 0 || seen >> label & 1)
            return atm_fail(ATM_FORMAT, "attribute equation: a letter of the "
                                        "result is in no input, or twice "
                                        "in the result");
        seen |= UINT64_C(1) << label;
    }
    return ATM_OK;
}

static enum atm_status parse(const struct atm_call *call, struct equation *e)
{
    const char *s = atm_node_string(call->node, "equation", "");
    const char *arrow = strstr(s, "->"), *stop = arrow ? arrow : strchr(s, 0);
    const char *at, *end;
    enum atm_status st = ATM_OK;
    bool dots;
    uint32_t i;

    static_assert(LABELS <= 64, "a set of labels is 64 bits");
    memset(e, 0, sizeof(*e));
    memset(e->dim, 0xff, sizeof(e->dim));
    e->n_in = call->n_in;
    if (call->n_in > OPERANDS_MAX)
        return atm_fail(ATM_UNSUPPORTED, "more than %d inputs", OPERANDS_MAX);
    for (i = 0, at = s; i < call->n_in; i++, at = end + 1) {
        uint32_t n = letters(at, term_end(at, stop));

        if (i > 0 && at > stop)
            break;
        end = term_end(at, stop);
        if (call->in[i].shape.rank > n + e->n_dots)
            e->n_dots = call->in[i].shape.rank - n;
    }
    if (i < call->n_in || at != stop + 1)
        return atm_fail(ATM_FORMAT,
                        "attribute equation has not one term for "
                        "each of %" PRIu32 " inputs",
                        call->n_in);
    for (i = 0, at = s; !st && i < call->n_in; i++, at = end + 1) {
        const struct atm_shape *x = &call->in[i].shape;
        uint32_t n;

        end = term_end(at, stop);
        n = letters(at, end);
        st = parse_term(at, end, e->n_dots, x->rank > n ? x->rank - n : 0,
                        &e->in[i], &dots);
        if (!st)
            st = add_dims(e, i, x);
    }
    if (!st && !arrow)
        st = implicit(e);
    else if (!st)
        st = parse_term(arrow + 2, strchr(arrow, 0), e->n_dots, e->n_dots,
                        &e->out, &dots);
    return st ? st : check_result(e);
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 0};
    struct equation e;
    enum atm_status st;
    uint32_t i;

    st = atm_need_same_type(call, ATM_TYPES_NUMBER);
    if (!st)
        st = parse(call, &e);
    if (st)
        return st;
    for (y.rank = e.out.rank, i = 0; i < y.rank; i++)
        y.dim[i] = e.dim[e.out.label[i]];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* Steps of each operand along each label, and the walk over some labels. */
struct steps {
    const struct equation *e;
    uint32_t n; /* labels that are walked */
    uint8_t label[LABELS];
    int64_t index[LABELS];
    int64_t step[OPERANDS_MAX][LABELS];
};

/* Moves `at` of each operand to the next element; false after the last. */
static bool next(struct steps *s, int64_t *at)
{
    uint32_t d = s->n, k;

    while (d-- > 0) {
        uint8_t l = s->label[d];
        bool more = ++s->index[d] < s->e->dim[l];

        for (k = 0; k < s->e->n_in; k++)
            at[k] += more ? s->step[k][l] : -(s->e->dim[l] - 1) * s->step[k][l];
        if (more)
            return true;
        s->index[d] = 0;
    }
    return false;
}

static void set_steps(const struct atm_call *call, struct steps *s)
{
    int64_t stride[ATM_RANK_MAX];
    uint32_t k, i;

    for (k = 0; k < s->e->n_in; k++) {
        const struct atm_shape *x = &call->in[k].shape;

        atm__strides(x, stride);
        for (i = 0; i < x->rank; i++) /* a letter twice: the diagonal */
            if (x->dim[i] != 1)
                s->step[k][s->e->in[k].label[i]] += stride[i];
    }
}

static void add_product(const struct atm_call *call, const int64_t *at,
                        double *sum, uint64_t *whole)
{
    double f = 1;
    uint64_t i = 1;
    uint32_t k;

    for (k = 0; k < call->n_in; k++) {
        if (atm__is_float(call->in[0].dtype))
            f *= atm__get_f(&call->in[k], at[k]);
        else
            i *= (uint64_t)atm__get_i(&call->in[k], at[k]);
    }
    *sum += f;
    *whole += i;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t at[OPERANDS_MAX] = {0}, n = atm_view_count(&call->out[0]), i;
    const struct atm_view *y = &call->out[0];
    struct steps outer = {.n = 0}, inner;
    struct equation e;
    uint64_t kept = 0;
    bool empty = false;
    enum atm_status st = parse(call, &e);
    uint8_t l;

    if (st)
        return st;
    outer.e = &e;
    set_steps(call, &outer);
    inner = outer;
    for (outer.n = 0; outer.n < e.out.rank; outer.n++) {
        outer.label[outer.n] = e.out.label[outer.n];
        kept |= UINT64_C(1) << e.out.label[outer.n];
    }
    for (l = 0; l < LABELS; l++)
        if (e.seen[l] > 0 && !(kept >> l & 1)) {
            inner.label[inner.n++] = l;
            empty |= e.dim[l] == 0;
        }
    for (i = 0; i < n; i++) {
        double sum = 0;
        uint64_t whole = 0;

        if (!empty) /* the walk over all summed labels ends where it began */
            do
                add_product(call, at, &sum, &whole);
            while (next(&inner, at));
        if (atm__is_float(y->dtype))
            atm__put_f(y, i, sum);
        else
            atm__put_i(y, i, (int64_t)whole);
        (void)next(&outer, at);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "equation", .kind = ATM_ATTR_STRING, .required = true},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Einsum = {
    .attrs = attrs, .infer = infer, .run = run};
