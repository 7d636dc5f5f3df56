/* tf_idf_vectorizer.c - TfIdfVectorizer over integers: how often each n-gram
 * of a pool stands in a row, at any of the allowed distances. */
#include "ref/elem.h"

#include <inttypes.h>

struct grams {
    const struct atm_attr *pool, *counts, *indexes, *weights;
    int64_t shortest, longest, skips, columns;
    bool once, weighted; /* IDF: presence only; IDF and TFIDF: times weight */
};

/* Where the n-grams of length `n` begin in the pool, or where it ends. */
static int64_t first_of(const struct grams *g, size_t n)
{
    return n <= g->counts->n ? g->counts->ints[n - 1] : (int64_t)g->pool->n;
}

/* The lists fit together: as many coordinates as n-grams, all positive. */
static enum atm_status check_lists(struct grams *g)
{
    uint64_t grams = 0;
    size_t i;

    for (i = 1; i <= g->counts->n; i++) {
        int64_t from = first_of(g, i), to = first_of(g, i + 1);

        if (from < 0 || to < from || (uint64_t)to > g->pool->n)
            return atm_fail(ATM_FORMAT, "ngram_counts %zu is %" PRId64, i - 1,
                            from);
        grams += (uint64_t)(to - from) / i;
    }
    if (grams > g->indexes->n)
        return atm_fail(ATM_FORMAT,
                        "%" PRIu64 " n-grams, ngram_indexes for %zu", grams,
                        g->indexes->n);
    for (i = 0; i < g->indexes->n; i++) {
        int64_t x = g->indexes->ints[i];

        if (x < 0 || x >= INT32_MAX)
            return atm_fail(ATM_FORMAT, "ngram_indexes %zu is %" PRId64, i, x);
        g->columns = x >= g->columns ? x + 1 : g->columns;
    }
    if (g->weights && g->weights->n != g->indexes->n)
        return atm_fail(ATM_FORMAT, "%zu weights for ngram_indexes of %zu",
                        g->weights->n, g->indexes->n);
    return ATM_OK;
}

static enum atm_status read_node(const struct atm_node *n, struct grams *g)
{
    const char *mode = atm_node_string(n, "mode", "");

    *g = (struct grams){.pool = atm_node_attr(n, "pool_int64s"),
                        .counts = atm_node_attr(n, "ngram_counts"),
                        .indexes = atm_node_attr(n, "ngram_indexes"),
                        .weights = atm_node_attr(n, "weights"),
                        .shortest = atm_node_int(n, "min_gram_length", 1),
                        .longest = atm_node_int(n, "max_gram_length", 1),
                        .skips = atm_node_int(n, "max_skip_count", 0)};
    g->once = strcmp(mode, "IDF") == 0;
    g->weighted = g->weights && strcmp(mode, "TF") != 0;
    if (!g->once && strcmp(mode, "TF") != 0 && strcmp(mode, "TFIDF") != 0)
        return atm_fail(ATM_FORMAT, "attribute mode is unknown");
    if (!g->pool)
        return atm_fail(ATM_FORMAT, "attribute pool_int64s is missing");
    if (g->shortest < 1 || g->longest < g->shortest || g->skips < 0 ||
        g->skips > INT32_MAX || g->longest > INT32_MAX)
        return atm_fail(ATM_FORMAT,
                        "n-grams of %" PRId64 " to %" PRId64 " with %" PRId64
                        " skips make no sense",
                        g->shortest, g->longest, g->skips);
    return check_lists(g);
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    struct grams g;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = read_node(call->node, &g);
    if (st)
        return st;
    if (y.rank > 2)
        return atm_fail(ATM_FORMAT, "the input has rank %" PRIu32, y.rank);
    y.rank += y.rank == 0;
    y.dim[y.rank - 1] = g.columns;
    atm_set_out(call, 0, ATM_F32, &y);
    return ATM_OK;
}

/* How often the n-gram at `gram` stands in the row, its items `step` apart. */
static int64_t occurrences(const struct atm_view *x, int64_t row,
                           int64_t length, const int64_t *gram, int64_t n,
                           int64_t step)
{
    int64_t found = 0, at, i;

    for (at = 0; at + step * (n - 1) < length; at++) {
        for (i = 0; i < n; i++)
            if (atm__get_i(x, row + at + step * i) != gram[i])
                break;
        found += i == n;
    }
    return found;
}

static void count_row(const struct grams *g, const struct atm_view *x,
                      int64_t row, int64_t length, float *y)
{
    size_t n, id = 0;
    int64_t at, step, found;

    for (n = 1; n <= g->counts->n; n++)
        for (at = first_of(g, n); at + (int64_t)n <= first_of(g, n + 1);
             at += (int64_t)n, id++) {
            float *to = &y[g->indexes->ints[id]];
            float weight = g->weighted ? g->weights->floats[id] : 1;

            if ((int64_t)n < g->shortest || (int64_t)n > g->longest)
                continue;
            found = 0;
            /* single items are the same at every distance, and long steps
             * reach beyond the row */
            for (step = 1; step <= (n == 1 ? 1 : g->skips + 1); step++) {
                if (n > 1 && step >= length)
                    break;
                found += occurrences(x, row, length, g->pool->ints + at,
                                     (int64_t)n, step);
            }
            if (!g->once)
                *to += weight * (float)found;
            else if (found > 0)
                *to = weight;
        }
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0];
    float *y = call->out[0].data;
    int64_t count = atm_view_count(x), length, row, i;
    struct grams g;
    enum atm_status st = read_node(call->node, &g);

    if (st)
        return st;
    length = x->shape.rank ? x->shape.dim[x->shape.rank - 1] : 1;
    for (i = 0; i < atm_view_count(&call->out[0]); i++)
        y[i] = 0;
    for (row = 0; row < count; row += length, y += g.columns)
        count_row(&g, x, row, length, y);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "max_gram_length", .kind = ATM_ATTR_INT, .required = true},
    {.name = "max_skip_count", .kind = ATM_ATTR_INT, .required = true},
    {.name = "min_gram_length", .kind = ATM_ATTR_INT, .required = true},
    {.name = "mode", .kind = ATM_ATTR_STRING, .required = true},
    {.name = "ngram_counts", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "ngram_indexes", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "pool_int64s", .kind = ATM_ATTR_INTS},
    {.name = "weights", .kind = ATM_ATTR_FLOATS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_TfIdfVectorizer = {
    .attrs = attrs, .infer = infer, .run = run};
