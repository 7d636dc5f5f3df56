/* json_text.c - from jansson's values to the project's strings. */
#include "json_text.h"

#include "arena.h"

#include <string.h>

json_t *atm_json_name(const char *s)
{
    json_t *name = json_string(s);
    size_t n = strlen(s), i;
    char *copy;

    if (name)
        return name;
    copy = atm_alloc(n + 1);
    if (!copy)
        return NULL;
    for (i = 0; i <= n; i++)
        copy[i] = (unsigned char)s[i] < 128 ? s[i] : '?';
    name = json_string(copy);
    atm_free(copy);
    return name;
}

struct text {
    char *p;
    size_t n, cap;
};

/* jansson's sink: the text grows on the project's allocator. */
static int put(const char *s, size_t n, void *user)
{
    struct text *t = user;

    if (t->n + n + 1 > t->cap) {
        size_t cap = (t->n + n + 1) * 2;
        char *p = atm_realloc(t->p, cap);

        if (!p)
            return -1;
        t->p = p;
        t->cap = cap;
    }
    memcpy(t->p + t->n, s, n);
    t->n += n;
    t->p[t->n] = '\0';
    return 0;
}

enum atm_status atm_json_text(json_t *root, char **json)
{
    struct text t = {NULL, 0, 0};
    int bad;

    *json = NULL;
    if (!root)
        return atm_fail(ATM_NOMEM, "out of memory: JSON");
    bad = json_dump_callback(root, put, &t,
                             JSON_SORT_KEYS | JSON_INDENT(1) |
                                 JSON_REAL_PRECISION(17)) ||
          put("\n", 1, &t);
    json_decref(root);
    if (bad) {
        atm_free(t.p);
        return atm_fail(ATM_NOMEM, "out of memory: JSON");
    }
    *json = t.p;
    return ATM_OK;
}
