/* certificate_json.c - certificates of lower bounds to and from JSON
 * (formats: planning problem, "The certificate"). Rows are small arrays, as
 * there are thousands of them. */
#include "certificate_json.h"

#include <string.h>

#define DEPTH_MAX 200 /* of trees: more than planners write */

/* A list that lost a row to a lack of memory is worse than none. */
static json_t *whole(json_t *rows, size_t n)
{
    if (json_array_size(rows) == n)
        return rows;
    json_decref(rows);
    return NULL;
}

static json_t *price_rows(const struct atm_price *p, uint32_t n)
{
    json_t *rows = json_array();
    uint32_t i;

    for (i = 0; i < n; i++)
        (void)json_array_append_new(rows,
                                    json_pack("[I, o]", (json_int_t)p[i].at,
                                              atm__json_number(p[i].value)));
    return whole(rows, n);
}

static json_t *operand_rows(const struct atm_certificate *c)
{
    json_t *rows = json_array();
    uint32_t i;

    for (i = 0; i < c->n_operand; i++)
        (void)json_array_append_new(
            rows, json_pack("[I, I, o]", (json_int_t)c->operand[i].kernel,
                            (json_int_t)c->operand[i].operand,
                            atm__json_number(c->operand[i].value)));
    return whole(rows, c->n_operand);
}

static json_t *pair_rows(const struct atm_certificate *c)
{
    json_t *rows = json_array();
    uint32_t i;

    for (i = 0; i < c->n_pair; i++)
        (void)json_array_append_new(
            rows, json_pack("[I, I, o, o]", (json_int_t)c->pair[i].kernel,
                            (json_int_t)c->pair[i].pair,
                            atm__json_number(c->pair[i].alpha),
                            atm__json_number(c->pair[i].beta)));
    return whole(rows, c->n_pair);
}

static json_t *knapsack_rows(const struct atm_certificate *c)
{
    json_t *rows = json_array();
    uint32_t i, j;

    for (i = 0; i < c->n_knapsack; i++) {
        const struct atm_price_knapsack *k = &c->knapsack[i];
        json_t *terms = json_array();

        for (j = 0; j < k->n; j++)
            (void)json_array_append_new(
                terms, json_pack("[I, I]", (json_int_t)k->tensor[j],
                                 (json_int_t)k->a[j]));
        (void)json_array_append_new(
            rows, json_pack("[I, o, I, o]", (json_int_t)k->kernel,
                            atm__json_number(k->nu), (json_int_t)k->b,
                            whole(terms, k->n)));
    }
    return whole(rows, c->n_knapsack);
}

static json_t *prices(const struct atm_certificate *c)
{
    json_t *v = json_pack("{s:o, s:o, s:o, s:o}", "memory",
                          price_rows(c->memory, c->n_memory), "operand",
                          operand_rows(c), "pair", pair_rows(c), "knapsack",
                          knapsack_rows(c));

    /* only problems with a slow capacity price it */
    if (c->n_slow_memory > 0 &&
        json_object_set_new(v, "slow_memory",
                            price_rows(c->slow_memory, c->n_slow_memory))) {
        json_decref(v);
        return NULL;
    }
    return v;
}

static const char *const split_name[] = {
    [ATM_SPLIT_NONE] = "",           [ATM_SPLIT_STATION] = "station",
    [ATM_SPLIT_GAP] = "gap",         [ATM_SPLIT_VARIANT] = "variant",
    [ATM_SPLIT_RESIDENT] = "resident"};

/* A leaf's prices, or a node: its depth is what the planner allows. */
static json_t *node(const struct atm_certificate *c)
{
    json_t *split;

    if (c->split == ATM_SPLIT_NONE)
        return prices(c);
    split = json_pack("[s, I]", split_name[c->split],
                      (json_int_t)c->split_at);
    if (c->split != ATM_SPLIT_RESIDENT)
        (void)json_array_append_new(
            split, json_integer((json_int_t)c->split_index));
    split = whole(split, c->split == ATM_SPLIT_RESIDENT ? 2 : 3);
    return json_pack("{s:o, s:o, s:o}", "split", split, "yes", node(c->yes),
                     "no", node(c->no));
}

json_t *atm__certificate_json(const struct atm_certificate *c)
{
    json_t *v = node(c);

    if (json_object_set_new(v, "budget", json_integer((json_int_t)c->budget)) ||
        (c->weighted &&
         json_object_set_new(
             v, "weights",
             json_pack("[o, o, o]", atm__json_number(c->weights[0]),
                       atm__json_number(c->weights[1]),
                       atm__json_number(c->weights[2]))))) {
        json_decref(v);
        return NULL;
    }
    return v;
}

enum atm_status atm_certificate_to_json(const struct atm_certificate *c,
                                        char **json)
{
    return atm_json_text(atm__certificate_json(c), json);
}

/* Each reader of rows gets the array and fills element i of its table. */
typedef enum atm_status row_fn(const struct atm__place *at, const json_t *row,
                               struct atm_arena *arena, void *to);

static enum atm_status read_price(const struct atm__place *at,
                                  const json_t *row, struct atm_arena *arena,
                                  void *to)
{
    struct atm_price *p = to;
    enum atm_status st = atm__json_array(at, row, 2, true);

    (void)arena;
    if (!st)
        st = atm__json_at_u32(at, row, 0, ATM_NONE - 1, &p->at);
    return st ? st : atm__json_at_real(at, row, 1, &p->value);
}

static enum atm_status read_operand(const struct atm__place *at,
                                    const json_t *row, struct atm_arena *arena,
                                    void *to)
{
    struct atm_price_operand *p = to;
    enum atm_status st = atm__json_array(at, row, 3, true);

    (void)arena;
    if (!st)
        st = atm__json_at_u32(at, row, 0, ATM_NONE - 1, &p->kernel);
    if (!st)
        st = atm__json_at_u32(at, row, 1, ATM_NONE - 1, &p->operand);
    return st ? st : atm__json_at_real(at, row, 2, &p->value);
}

static enum atm_status read_pair(const struct atm__place *at, const json_t *row,
                                 struct atm_arena *arena, void *to)
{
    struct atm_price_pair *p = to;
    enum atm_status st = atm__json_array(at, row, 4, true);

    (void)arena;
    if (!st)
        st = atm__json_at_u32(at, row, 0, ATM_NONE - 1, &p->kernel);
    if (!st)
        st = atm__json_at_u32(at, row, 1, ATM_NONE - 1, &p->pair);
    if (!st)
        st = atm__json_at_real(at, row, 2, &p->alpha);
    return st ? st : atm__json_at_real(at, row, 3, &p->beta);
}

static enum atm_status read_knapsack(const struct atm__place *at,
                                     const json_t *row, struct atm_arena *arena,
                                     void *to)
{
    struct atm_price_knapsack *k = to;
    const struct atm__place list = {at, NULL, 3};
    const json_t *terms = json_array_get(row, 3);
    enum atm_status st = atm__json_array(at, row, 4, true);
    uint64_t v = 0;
    uint32_t i;

    if (!st)
        st = atm__json_at_u32(at, row, 0, ATM_NONE - 1, &k->kernel);
    if (!st)
        st = atm__json_at_real(at, row, 1, &k->nu);
    if (!st)
        st = atm__json_at_u64(at, row, 2, INT64_MAX, &v);
    k->b = (int64_t)v;
    if (!st)
        st = atm__json_array(&list, terms, ATM_NONE - 1, false);
    if (st)
        return st;
    k->n = (uint32_t)json_array_size(terms);
    k->tensor = atm_arena_array(arena, k->n, sizeof(*k->tensor));
    k->a = atm_arena_array(arena, k->n, sizeof(*k->a));
    if (!k->tensor || !k->a)
        return ATM_NOMEM;
    for (i = 0; !st && i < k->n; i++) {
        const struct atm__place here = {&list, NULL, i};
        const json_t *term = json_array_get(terms, i);

        st = atm__json_array(&here, term, 2, true);
        if (!st)
            st = atm__json_at_u32(&here, term, 0, ATM_NONE - 1, &k->tensor[i]);
        if (!st)
            st = atm__json_at_u64(&here, term, 1, INT64_MAX, &v);
        k->a[i] = (int64_t)v;
    }
    return st;
}

/* Reads the array under `key` with `row` into a new table of `each` bytes a
 * row, unless *st has failed; an absent key is an empty table. */
static void *read_rows(enum atm_status *st, const struct atm__place *at,
                       const json_t *obj, const char *key, row_fn *row,
                       struct atm_arena *arena, size_t each, uint32_t *n)
{
    const struct atm__place list = {at, key, 0};
    const json_t *v = json_object_get(obj, key);
    char *table;
    uint32_t i;

    *n = 0;
    if (*st || !v)
        return NULL;
    *st = atm__json_array(&list, v, ATM_NONE - 1, false);
    if (*st)
        return NULL;
    table = atm_arena_array(arena, json_array_size(v), each);
    if (!table) {
        *st = ATM_NOMEM;
        return NULL;
    }
    *n = (uint32_t)json_array_size(v);
    for (i = 0; !*st && i < *n; i++) {
        const struct atm__place here = {&list, NULL, i};

        *st = row(&here, json_array_get(v, i), arena, table + i * each);
    }
    return table;
}

static enum atm_status read_prices(const struct atm__place *at,
                                   const json_t *v, struct atm_arena *arena,
                                   struct atm_certificate *c)
{
    enum atm_status st = ATM_OK;

    c->memory = read_rows(&st, at, v, "memory", read_price, arena,
                          sizeof(*c->memory), &c->n_memory);
    c->slow_memory = read_rows(&st, at, v, "slow_memory", read_price, arena,
                               sizeof(*c->slow_memory), &c->n_slow_memory);
    c->operand = read_rows(&st, at, v, "operand", read_operand, arena,
                           sizeof(*c->operand), &c->n_operand);
    c->pair = read_rows(&st, at, v, "pair", read_pair, arena, sizeof(*c->pair),
                        &c->n_pair);
    c->knapsack = read_rows(&st, at, v, "knapsack", read_knapsack, arena,
                            sizeof(*c->knapsack), &c->n_knapsack);
    return st;
}

static enum atm_status read_split(const struct atm__place *at, const json_t *v,
                                  struct atm_certificate *c)
{
    const struct atm__place here = {at, "split", 0};
    const char *kind = json_string_value(json_array_get(v, 0));
    enum atm_split k;
    enum atm_status st;

    for (k = ATM_SPLIT_RESIDENT; k > ATM_SPLIT_NONE; k--)
        if (kind && strcmp(kind, split_name[k]) == 0)
            break;
    if (k == ATM_SPLIT_NONE)
        return atm__json_fail(&here, "not [\"station\" or \"gap\", tensor, "
                                     "index], [\"variant\", kernel, variant] "
                                     "or [\"resident\", tensor]");
    c->split = k;
    st = atm__json_array(&here, v, k == ATM_SPLIT_RESIDENT ? 2 : 3, true);
    if (!st)
        st = atm__json_at_u32(&here, v, 1, ATM_NONE - 1, &c->split_at);
    if (!st && k != ATM_SPLIT_RESIDENT)
        st = atm__json_at_u32(&here, v, 2, ATM_NONE - 1, &c->split_index);
    return st;
}

static enum atm_status read_node(const struct atm__place *at, const json_t *v,
                                 struct atm_arena *arena, uint32_t depth,
                                 struct atm_certificate *c)
{
    static const char *const leaf[] = {"memory", "?slow_memory", "operand",
                                       "pair", "knapsack", NULL};
    static const char *const root[] = {
        "budget", "memory", "?slow_memory", "operand", "pair", "knapsack",
        "?weights", NULL};
    static const char *const inner[] = {"split", "yes", "no", NULL};
    static const char *const top[] = {"budget", "split", "yes", "no",
                                      "?weights", NULL};
    const json_t *split = json_object_get(v, "split");
    const struct atm__place yes = {at, "yes", 0}, no = {at, "no", 0};
    enum atm_status st;

    if (depth > DEPTH_MAX)
        return atm__json_fail(at, "a tree deeper than %d", DEPTH_MAX);
    st = atm__json_object(at, v, split ? depth ? inner : top
                                       : depth ? leaf : root);
    if (st)
        return st;
    if (!split)
        return read_prices(at, v, arena, c);
    c->yes = atm_arena_alloc(arena, sizeof(*c->yes));
    c->no = atm_arena_alloc(arena, sizeof(*c->no));
    if (!c->yes || !c->no)
        return ATM_NOMEM;
    st = read_split(at, split, c);
    if (!st)
        st = read_node(&yes, json_object_get(v, "yes"), arena, depth + 1,
                       c->yes);
    return st ? st : read_node(&no, json_object_get(v, "no"), arena, depth + 1,
                               c->no);
}

enum atm_status atm__certificate_parse(const struct atm__place *at,
                                       const json_t *v, struct atm_arena *arena,
                                       struct atm_certificate *c)
{
    const struct atm__place row = {at, "weights", 0};
    enum atm_status st = read_node(at, v, arena, 0, c);
    const json_t *weights = json_object_get(v, "weights");
    uint32_t i;

    if (!st)
        st = atm__json_u64(at, v, "budget", ATM_JSON_MAX_INT, &c->budget);
    c->weighted = weights != NULL;
    if (!st && weights)
        st = atm__json_array(&row, weights, 3, true);
    for (i = 0; i < 3 && weights && !st; i++)
        st = atm__json_at_real(&row, weights, i, &c->weights[i]);
    return st;
}
