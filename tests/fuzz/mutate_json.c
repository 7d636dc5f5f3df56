/* mutate_json.c - one to three random edits of a JSON text: values replaced by
 * edges or by other values of the text, elements removed, doubled, swapped. */
#include "fuzz.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 20000

struct nodes {
    uint32_t n;
    json_t *node[NODES_MAX]; /* borrowed */
};

static void collect(struct nodes *l, json_t *v, int depth)
{
    const char *key;
    json_t *child;
    size_t i;

    if (l->n == NODES_MAX || depth > 50)
        return;
    l->node[l->n++] = v;
    if (json_is_array(v))
        json_array_foreach(v, i, child) collect(l, child, depth + 1);
    else
        json_object_foreach(v, key, child) collect(l, child, depth + 1);
}

/* A value to put in place of `old`; mostly of the same kind. */
static json_t *make(const struct nodes *donors, const json_t *old)
{
    static const double edge[] = {0, -1, 1e-9, 0.5, 1e300, 5e-324};
    uint32_t tries;

    if (fuzz_below(3) == 0)
        for (tries = 0; tries < 8; tries++) {
            json_t *d = donors->node[fuzz_below(donors->n)];

            if (json_typeof(d) == json_typeof(old))
                return json_deep_copy(d);
        }
    if (json_is_integer(old) && fuzz_below(8)) {
        json_int_t i = json_integer_value(old);

        return json_integer(
            fuzz_below(2) ? fuzz_number()
                          : (json_int_t)((uint64_t)i + fuzz_below(129) - 64));
    }
    if (json_is_real(old) && fuzz_below(8))
        return json_real(fuzz_below(2) ? edge[fuzz_below(6)]
                                       : 2 * json_real_value(old));
    if (json_is_boolean(old) && fuzz_below(8))
        return json_boolean(!json_is_true(old));
    switch (fuzz_below(6)) {
    case 0:
        return json_integer(fuzz_number());
    case 1:
        return json_real(edge[fuzz_below(6)]);
    case 2:
        return json_string("");
    case 3:
        return json_null();
    case 4:
        return json_array();
    default:
        return json_deep_copy(donors->node[fuzz_below(donors->n)]);
    }
}

static void change_array(const struct nodes *donors, json_t *a)
{
    size_t n = json_array_size(a), i = fuzz_below((uint32_t)n);
    size_t k = fuzz_below((uint32_t)n);

    if (n == 0) {
        (void)json_array_append_new(a, json_integer(fuzz_number()));
        return;
    }
    switch (fuzz_below(5)) {
    case 0:
        (void)json_array_remove(a, i);
        break;
    case 1:
        (void)json_array_insert_new(a, k, json_deep_copy(json_array_get(a, i)));
        break;
    case 2: {
        json_t *held = json_deep_copy(json_array_get(a, i));

        (void)json_array_set_new(a, i, json_deep_copy(json_array_get(a, k)));
        (void)json_array_set_new(a, k, held);
        break;
    }
    default:
        (void)json_array_set_new(a, i, make(donors, json_array_get(a, i)));
    }
}

static void change_object(const struct nodes *donors, json_t *o)
{
    size_t n = json_object_size(o), i = fuzz_below((uint32_t)n);
    void *at = json_object_iter(o);
    char key[256];

    for (; at && i > 0; i--)
        at = json_object_iter_next(o, at);
    if (!at)
        return;
    strncpy(key, json_object_iter_key(at), sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    if (fuzz_below(20) == 0)
        (void)json_object_del(o, key);
    else if (fuzz_below(20) == 0)
        (void)json_object_set_new(o, "unknown", json_integer(1));
    else
        (void)json_object_set_new(o, key,
                                  make(donors, json_object_iter_value(at)));
}

size_t fuzz_json(uint8_t *data, size_t bytes, size_t cap, unsigned seed,
                 const uint8_t *other, size_t other_bytes)
{
    static struct nodes all, donors;
    json_t *root = NULL, *more = NULL;
    uint32_t edits;
    char *text;
    size_t n;

    fuzz_seed(seed);
    if (fuzz_below(16))
        root = json_loadb((const char *)data, bytes, 0, NULL);
    if (!root)
        return LLVMFuzzerMutate(data, bytes, cap);
    if (other)
        more = json_loadb((const char *)other, other_bytes, 0, NULL);
    for (edits = 1 + fuzz_below(3); edits > 0; edits--) {
        json_t *v;

        all.n = donors.n = 0;
        collect(&all, root, 0);
        collect(&donors, more ? more : root, 0);
        do
            v = all.node[fuzz_below(all.n)];
        while (!json_is_array(v) && !json_is_object(v));
        if (json_is_array(v))
            change_array(&donors, v);
        else
            change_object(&donors, v);
    }
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    json_decref(more);
    n = text ? strlen(text) : 0;
    if (n > 0 && n <= cap)
        memcpy(data, text, n);
    free(text);
    return n > 0 && n <= cap ? n : LLVMFuzzerMutate(data, bytes, cap);
}
