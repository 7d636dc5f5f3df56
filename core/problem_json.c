/* problem_json.c - the problem file, format version 1: strict reading (plain
 * or gzip) and writing that is byte-identical for identical input. */
#include "autotm/problem.h"

#include "arena.h"
#include "file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FILE_BYTES_MAX (UINT64_C(256) << 20)

/* ---- reading ---- */

struct reader {
    struct atm_problem *p;
    char where[64]; /* "kernel 12", "tensor 3", "problem" */
};

static enum atm_status bad(const struct reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static enum atm_status bad(const struct reader *r, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return atm_fail(ATM_FORMAT, "%s: %s", r->where, text);
}

/* `known`: names separated by blanks; those that end in ! must be there.
 * Keys x_* are anybody's. */
static enum atm_status keys(const struct reader *r, const json_t *o,
                            const char *known)
{
    const char *at, *key;
    json_t *v;

    if (!json_is_object(o))
        return bad(r, "not an object");
    for (at = known; *at;) {
        size_t n = strcspn(at, " !");
        char name[32];

        (void)snprintf(name, sizeof(name), "%.*s", (int)n, at);
        if (at[n] == '!' && !json_object_get(o, name))
            return bad(r, "no key '%s'", name);
        at += n + strspn(at + n, " !");
    }
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        size_t n = strlen(key);

        if (strncmp(key, "x_", 2) == 0)
            continue;
        for (at = known; *at;) {
            size_t len = strcspn(at, " !");

            if (len == n && strncmp(at, key, n) == 0)
                break;
            at += len + strspn(at + len, " !");
        }
        if (!*at)
            return bad(r, "unknown key '%.64s'", key);
    }
    return ATM_OK;
}

/* Absent keys leave *out as it is. */
static enum atm_status get_u64(const struct reader *r, const json_t *o,
                               const char *key, uint64_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    if (!v)
        return ATM_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        (uint64_t)json_integer_value(v) > max)
        return bad(r, "%s: no integer in range", key);
    *out = (uint64_t)json_integer_value(v);
    return ATM_OK;
}

static enum atm_status get_bool(const struct reader *r, const json_t *o,
                                const char *key, bool *out)
{
    uint64_t v = *out;
    enum atm_status st = get_u64(r, o, key, 1, &v);

    *out = v != 0;
    return st;
}

static enum atm_status number(const struct reader *r, const json_t *v,
                              const char *key, double *out)
{
    double d = json_number_value(v);

    if (!json_is_number(v) || !isfinite(d) || d < 0)
        return bad(r, "%s: no number in range", key);
    *out = d;
    return ATM_OK;
}

static enum atm_status get_f64(const struct reader *r, const json_t *o,
                               const char *key, double *out)
{
    const json_t *v = json_object_get(o, key);

    return v ? number(r, v, key, out) : ATM_OK;
}

static enum atm_status get_text(const struct reader *r, const json_t *o,
                                const char *key, const char **out)
{
    const json_t *v = json_object_get(o, key);

    if (!v)
        return ATM_OK;
    if (!json_is_string(v))
        return bad(r, "%s: no text", key);
    *out = atm_arena_strdup(r->p->arena, json_string_value(v));
    return *out ? ATM_OK : ATM_NOMEM;
}

/* An array under `key` of exactly `n` elements, or of any number. */
static enum atm_status get_array(const struct reader *r, const json_t *o,
                                 const char *key, const json_t **out,
                                 uint32_t *n)
{
    *out = json_object_get(o, key);
    *n = 0;
    if (!*out)
        return ATM_OK;
    if (!json_is_array(*out) || json_array_size(*out) > UINT32_MAX / 2)
        return bad(r, "%s: no list", key);
    *n = (uint32_t)json_array_size(*out);
    return ATM_OK;
}

static enum atm_status element_u32(const struct reader *r, const json_t *a,
                                   size_t i, const char *key, uint32_t *out)
{
    const json_t *v = json_array_get(a, i);

    if (!json_is_integer(v) || json_integer_value(v) < 0 ||
        json_integer_value(v) > UINT32_MAX / 2)
        return bad(r, "%s: no index", key);
    *out = (uint32_t)json_integer_value(v);
    return ATM_OK;
}

/* Seconds; null is -1: not allowed. */
static enum atm_status seconds(const struct reader *r, const json_t *a,
                               const char *key, bool null_ok, uint32_t n,
                               double **out)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    *out = atm_arena_array(r->p->arena, n, sizeof(**out));
    if (!*out)
        return ATM_NOMEM;
    if (a && (!json_is_array(a) || json_array_size(a) != n))
        return bad(r, "%s: not %" PRIu32 " entries", key, n);
    for (i = 0; i < n && a && !st; i++) {
        const json_t *v = json_array_get(a, i);

        if (null_ok && json_is_null(v))
            (*out)[i] = -1;
        else
            st = number(r, v, key, &(*out)[i]);
    }
    return st;
}

static enum atm_status read_table(const struct reader *r, const json_t *o,
                                  uint32_t n, struct atm_table *t)
{
    const json_t *v = json_object_get(o, "t");
    const char *combine;
    enum atm_status st;

    t->n = n;
    if (json_is_array(v)) {
        if (n > 30)
            return bad(r, "t: a list for %" PRIu32 " operands", n);
        return seconds(r, v, "t", true, UINT32_C(1) << n, &t->list);
    }
    st = keys(r, v, "base! slow! combine! latency");
    if (!st)
        st = get_f64(r, v, "base", &t->base);
    if (!st)
        st = seconds(r, json_object_get(v, "slow"), "slow", true, n,
                     &t->slow);
    if (!st)
        st = seconds(r, json_object_get(v, "latency"), "latency", false, n,
                     &t->latency);
    if (st)
        return st;
    combine = json_string_value(json_object_get(v, "combine"));
    if (!combine || (strcmp(combine, "max") != 0 && strcmp(combine, "sum")))
        return bad(r, "combine: neither \"max\" nor \"sum\"");
    t->sum = strcmp(combine, "sum") == 0;
    return ATM_OK;
}

/* ins and outs of a kernel or variant, each by default those given. */
static enum atm_status read_lists(const struct reader *r, const json_t *o,
                                  const struct atm_problem_kernel *own,
                                  uint32_t *n_in, uint32_t *n_out,
                                  uint32_t **operand)
{
    const json_t *ins, *outs;
    enum atm_status st;
    uint32_t i;

    st = get_array(r, o, "ins", &ins, n_in);
    if (!st)
        st = get_array(r, o, "outs", &outs, n_out);
    if (st)
        return st;
    if (!ins)
        *n_in = own->n_in;
    if (!outs)
        *n_out = own->n_out;
    *operand = atm_arena_array(r->p->arena, (size_t)*n_in + *n_out,
                               sizeof(**operand));
    if (!*operand)
        return ATM_NOMEM;
    for (i = 0; i < *n_in && !st; i++)
        if (ins)
            st = element_u32(r, ins, i, "ins", &(*operand)[i]);
        else
            (*operand)[i] = own->operand[i];
    for (i = 0; i < *n_out && !st; i++)
        if (outs)
            st = element_u32(r, outs, i, "outs", &(*operand)[*n_in + i]);
        else
            (*operand)[*n_in + i] = own->operand[own->n_in + i];
    return st;
}

static enum atm_status read_variant(const struct reader *r, const json_t *o,
                                    const struct atm_problem_kernel *k,
                                    uint64_t scratch, struct atm_variant *v)
{
    enum atm_status st;

    v->scratch_bytes = scratch;
    st = read_lists(r, o, k, &v->n_in, &v->n_out, &v->operand);
    if (!st && k->has_variants)
        st = get_text(r, o, "name", &v->name);
    if (!st)
        st = get_u64(r, o, "scratch", INT64_MAX, &v->scratch_bytes);
    return st ? st : read_table(r, o, v->n_in + v->n_out, &v->t);
}

static enum atm_status read_pairs(const struct reader *r, const json_t *o,
                                  struct atm_problem_kernel *k)
{
    const json_t *list;
    enum atm_status st = get_array(r, o, "inplace", &list, &k->n_pairs);
    uint32_t i;

    k->pair = atm_arena_array(r->p->arena, k->n_pairs, sizeof(*k->pair));
    if (!st && !k->pair)
        return ATM_NOMEM;
    for (i = 0; i < k->n_pairs && !st; i++) {
        const json_t *q = json_array_get(list, i);
        const char *kind = json_string_value(json_array_get(q, 2));

        if (json_array_size(q) != 3 || !kind ||
            (strcmp(kind, "must") != 0 && strcmp(kind, "may") != 0))
            return bad(r, "inplace: not [in, out, \"must\" or \"may\"]");
        k->pair[i].must = strcmp(kind, "must") == 0;
        st = element_u32(r, q, 0, "inplace", &k->pair[i].in);
        if (!st)
            st = element_u32(r, q, 1, "inplace", &k->pair[i].out);
    }
    return st;
}

static enum atm_status read_kernel(const struct reader *r, const json_t *o,
                                   struct atm_problem_kernel *k)
{
    const json_t *list;
    uint64_t scratch = 0;
    enum atm_status st;
    uint32_t i;

    st = keys(r, o, "name! ins! outs! t scratch inplace variants "
                    "kernel_slowdown");
    if (st)
        return st;
    k->has_variants = json_object_get(o, "variants") != NULL;
    if (k->has_variants == (json_object_get(o, "t") != NULL))
        return bad(r, "either t or variants");
    st = get_text(r, o, "name", &k->name);
    if (!st)
        st = read_lists(r, o, k, &k->n_in, &k->n_out, &k->operand);
    if (!st)
        st = get_u64(r, o, "scratch", INT64_MAX, &scratch);
    if (!st)
        st = read_pairs(r, o, k);
    if (!st && json_object_get(o, "kernel_slowdown")) {
        st = get_f64(r, o, "kernel_slowdown", &k->slowdown);
        if (!st && k->slowdown < 1)
            return bad(r, "kernel_slowdown is below 1");
    }
    if (!st)
        st = get_array(r, o, "variants", &list, &k->n_variants);
    if (st)
        return st;
    if (!k->has_variants)
        k->n_variants = 1;
    k->variant = atm_arena_array(r->p->arena, k->n_variants,
                                 sizeof(*k->variant));
    if (!k->variant)
        return ATM_NOMEM;
    if (!k->has_variants)
        return read_variant(r, o, k, scratch, &k->variant[0]);
    for (i = 0; i < k->n_variants && !st; i++) {
        const json_t *v = json_array_get(list, i);

        st = keys(r, v, "t! name ins outs scratch");
        if (!st)
            st = read_variant(r, v, k, scratch, &k->variant[i]);
    }
    return st;
}

static enum atm_status read_producers(const struct reader *r, const json_t *o,
                                      struct atm_problem_tensor *t)
{
    const json_t *list;
    enum atm_status st = get_array(r, o, "producers", &list, &t->n_producers);
    uint32_t i;

    t->producer = atm_arena_array(r->p->arena, t->n_producers,
                                  sizeof(*t->producer));
    if (!st && !t->producer)
        return ATM_NOMEM;
    if (!st && list && t->n_producers == 0)
        return bad(r, "producers: none is named");
    for (i = 0; i < t->n_producers && !st; i++) {
        const json_t *q = json_array_get(list, i);
        const json_t *bytes = json_array_get(q, 1);

        if (json_array_size(q) != 2 || !json_is_integer(bytes) ||
            json_integer_value(bytes) < 0)
            return bad(r, "producers: not [kernel, bytes]");
        t->producer[i].bytes = (uint64_t)json_integer_value(bytes);
        st = element_u32(r, q, 0, "producers", &t->producer[i].kernel);
    }
    return st;
}

static enum atm_status read_fixed(const struct reader *r, const json_t *o,
                                  struct atm_problem_tensor *t)
{
    const json_t *v = json_object_get(o, "fixed");
    const char *tier;
    enum atm_status st;

    if (!v)
        return ATM_OK;
    st = keys(r, v, "tier! offset!");
    if (st)
        return st;
    tier = json_string_value(json_object_get(v, "tier"));
    if (!tier || (strcmp(tier, "fast") != 0 && strcmp(tier, "slow") != 0))
        return bad(r, "fixed: tier is neither \"fast\" nor \"slow\"");
    t->fixed = strcmp(tier, "fast") == 0 ? ATM_FIXED_FAST : ATM_FIXED_SLOW;
    return get_u64(r, v, "offset", INT64_MAX, &t->fixed_offset);
}

static enum atm_status read_tensor(const struct reader *r, const json_t *o,
                                   struct atm_problem_tensor *t)
{
    const struct atm_problem *p = r->p;
    enum atm_status st;

    st = keys(r, o, "size! kind arg out fetch evict fixed producers");
    if (!st)
        st = get_u64(r, o, "size", INT64_MAX, &t->bytes);
    if (!st)
        st = get_text(r, o, "kind", &t->kind);
    if (!st)
        st = get_bool(r, o, "arg", &t->arg);
    if (!st)
        st = get_bool(r, o, "out", &t->out);
    t->fetch_given = json_object_get(o, "fetch") != NULL;
    t->evict_given = json_object_get(o, "evict") != NULL;
    t->fetch_s = p->move_latency_s + (double)t->bytes / p->read_bw;
    t->evict_s = p->move_latency_s + (double)t->bytes / p->write_bw;
    if (!st)
        st = get_f64(r, o, "fetch", &t->fetch_s);
    if (!st)
        st = get_f64(r, o, "evict", &t->evict_s);
    if (!st)
        st = read_fixed(r, o, t);
    return st ? st : read_producers(r, o, t);
}

static enum atm_status read_async(const struct reader *r, const json_t *o)
{
    struct atm_problem_async *a = &r->p->async;
    const json_t *v = json_object_get(o, "async");
    enum atm_status st;

    if (!v)
        return ATM_OK;
    r->p->has_async = true;
    a->copy_slowdown = a->kernel_slowdown = 1;
    st = keys(r, v, "read_bw! write_bw! mixed_read_bw! mixed_write_bw! "
                    "copy_slowdown kernel_slowdown");
    if (!st)
        st = get_f64(r, v, "read_bw", &a->read_bw);
    if (!st)
        st = get_f64(r, v, "write_bw", &a->write_bw);
    if (!st)
        st = get_f64(r, v, "mixed_read_bw", &a->mixed_read_bw);
    if (!st)
        st = get_f64(r, v, "mixed_write_bw", &a->mixed_write_bw);
    if (!st)
        st = get_f64(r, v, "copy_slowdown", &a->copy_slowdown);
    return st ? st : get_f64(r, v, "kernel_slowdown", &a->kernel_slowdown);
}

static enum atm_status read_budgets(struct reader *r, const json_t *o)
{
    const json_t *list;
    enum atm_status st = get_array(r, o, "budgets", &list, &r->p->n_budgets);
    static const char *const name[] = {"fraction", "best", "lower_bound",
                                       "gap"};
    uint32_t i, j;

    r->p->budget = atm_arena_array(r->p->arena, r->p->n_budgets,
                                   sizeof(*r->p->budget));
    if (!st && !r->p->budget)
        return ATM_NOMEM;
    for (i = 0; i < r->p->n_budgets && !st; i++) {
        const json_t *q = json_array_get(list, i);
        struct atm_budget_row *b = &r->p->budget[i];
        double *to[] = {&b->fraction, &b->best, &b->lower_bound, &b->gap};

        (void)snprintf(r->where, sizeof(r->where), "budget %" PRIu32, i);
        st = keys(r, q, "bytes! fraction best lower_bound gap");
        if (!st)
            st = get_u64(r, q, "bytes", INT64_MAX, &b->bytes);
        for (j = 0; j < 4; j++) {
            *to[j] = NAN;
            if (!st && !json_is_null(json_object_get(q, name[j])))
                st = get_f64(r, q, name[j], to[j]);
        }
    }
    return st;
}

static enum atm_status read_carries(const struct reader *r, const json_t *o)
{
    const json_t *list;
    enum atm_status st = get_array(r, o, "carry", &list, &r->p->n_carries);
    uint32_t i;

    r->p->carry = atm_arena_array(r->p->arena, r->p->n_carries,
                                  sizeof(*r->p->carry));
    if (!st && !r->p->carry)
        return ATM_NOMEM;
    for (i = 0; i < r->p->n_carries && !st; i++) {
        const json_t *q = json_array_get(list, i);

        if (json_array_size(q) != 2)
            return bad(r, "carry: not [new, old]");
        st = element_u32(r, q, 0, "carry", &r->p->carry[i].next);
        if (!st)
            st = element_u32(r, q, 1, "carry", &r->p->carry[i].prev);
    }
    return st;
}

static enum atm_status read_head(const struct reader *r, const json_t *o)
{
    struct atm_problem *p = r->p;
    const char *format;
    enum atm_status st;

    p->align = 1;
    p->slow_bytes = UINT64_MAX;
    st = keys(r, o,
              "format! version! name! cyclic! read_bw! write_bw! tensors! "
              "kernels! move_latency align slow_bytes carry async peak "
              "budgets");
    if (st)
        return st;
    format = json_string_value(json_object_get(o, "format"));
    if (!format || strcmp(format, "autotm-problem") != 0)
        return bad(r, "format is not \"autotm-problem\"");
    if (!json_is_integer(json_object_get(o, "version")) ||
        json_integer_value(json_object_get(o, "version")) != 1)
        return bad(r, "version is not 1, the one that is read");
    st = get_text(r, o, "name", &p->name);
    if (!st)
        st = get_bool(r, o, "cyclic", &p->cyclic);
    if (!st)
        st = get_f64(r, o, "read_bw", &p->read_bw);
    if (!st)
        st = get_f64(r, o, "write_bw", &p->write_bw);
    if (!st && !(p->read_bw > 0 && p->write_bw > 0))
        return bad(r, "read_bw and write_bw must be positive");
    if (!st)
        st = get_f64(r, o, "move_latency", &p->move_latency_s);
    if (!st)
        st = get_u64(r, o, "align", INT64_MAX, &p->align);
    if (!st)
        st = get_u64(r, o, "slow_bytes", INT64_MAX, &p->slow_bytes);
    if (!st)
        st = get_u64(r, o, "peak", INT64_MAX, &p->peak_bytes);
    return st ? st : read_async(r, o);
}

static enum atm_status read_problem(struct atm_problem *p, const json_t *o)
{
    struct reader r = {p, "problem"};
    const json_t *list;
    enum atm_status st = read_head(&r, o);
    uint32_t i;

    if (!st)
        st = get_array(&r, o, "tensors", &list, &p->n_tensors);
    if (st)
        return st;
    p->tensor = atm_arena_array(p->arena, p->n_tensors, sizeof(*p->tensor));
    if (!p->tensor)
        return ATM_NOMEM;
    for (i = 0; i < p->n_tensors && !st; i++) {
        (void)snprintf(r.where, sizeof(r.where), "tensor %" PRIu32, i);
        st = read_tensor(&r, json_array_get(list, i), &p->tensor[i]);
    }
    (void)snprintf(r.where, sizeof(r.where), "problem");
    if (!st)
        st = get_array(&r, o, "kernels", &list, &p->n_kernels);
    if (st)
        return st;
    p->kernel = atm_arena_array(p->arena, p->n_kernels, sizeof(*p->kernel));
    if (!p->kernel)
        return ATM_NOMEM;
    for (i = 0; i < p->n_kernels && !st; i++) {
        (void)snprintf(r.where, sizeof(r.where), "kernel %" PRIu32, i);
        st = read_kernel(&r, json_array_get(list, i), &p->kernel[i]);
    }
    (void)snprintf(r.where, sizeof(r.where), "problem");
    if (!st)
        st = read_carries(&r, o);
    return st ? st : read_budgets(&r, o);
}

/* *text is replaced by its unpacked form if it is gzip. */
static enum atm_status unpack(const char *path, char **text, size_t *bytes)
{
    z_stream z = {0};
    size_t cap = *bytes < 65536 ? 65536 : *bytes * 2, used = 0;
    enum atm_status st = ATM_OK;
    char *out = NULL, *bigger;
    int code = Z_OK;

    if (*bytes < 2 || (unsigned char)(*text)[0] != 0x1f ||
        (unsigned char)(*text)[1] != 0x8b)
        return ATM_OK;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return atm_fail(ATM_NOMEM, "%s: zlib: no memory", path);
    z.next_in = (Bytef *)*text;
    z.avail_in = (uInt)*bytes;
    while (!st && code != Z_STREAM_END) {
        if (!out || used == cap) {
            cap *= out ? 2 : 1;
            if (cap > FILE_BYTES_MAX) {
                st = atm_fail(ATM_FORMAT, "%s: more than %" PRIu64
                                          " bytes when unpacked",
                              path, FILE_BYTES_MAX);
                break;
            }
            bigger = atm_realloc(out, cap + 1);
            if (!bigger) {
                st = ATM_NOMEM;
                break;
            }
            out = bigger;
        }
        z.next_out = (Bytef *)out + used;
        z.avail_out = (uInt)(cap - used);
        code = inflate(&z, Z_NO_FLUSH);
        used = cap - z.avail_out;
        if (code != Z_STREAM_END &&
            (code != Z_OK || (z.avail_in == 0 && z.avail_out > 0)))
            st = atm_fail(ATM_FORMAT, "%s: gzip data are damaged or cut short",
                          path);
    }
    (void)inflateEnd(&z);
    if (st) {
        atm_free(out);
        return st;
    }
    atm_free(*text);
    out[used] = '\0';
    *text = out;
    *bytes = used;
    return ATM_OK;
}

enum atm_status atm_problem_read(const char *path, struct atm_problem **out)
{
    struct atm_problem *p = NULL;
    struct atm_arena *arena;
    enum atm_status st;
    json_error_t e;
    json_t *o;
    char *text;
    size_t bytes;

    *out = NULL;
    st = atm_file_read(path, FILE_BYTES_MAX, &text, &bytes);
    if (st)
        return st;
    st = unpack(path, &text, &bytes);
    if (st)
        goto err_free_text;
    o = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &e);
    if (!o) {
        st = atm_fail(ATM_FORMAT, "%s:%d:%d: %s", path, e.line, e.column,
                      e.text);
        goto err_free_text;
    }
    arena = atm_arena_new();
    p = arena ? atm_arena_alloc(arena, sizeof(*p)) : NULL;
    if (!p) {
        atm_arena_delete(arena);
        st = ATM_NOMEM;
        goto err_free_json;
    }
    p->arena = arena;
    st = read_problem(p, o);
    if (!st)
        st = atm_problem_check(p);
    if (st) {
        (void)atm_fail_in(st, "%s", path);
        atm_problem_delete(&p);
    }
    *out = p;
err_free_json:
    json_decref(o);
err_free_text:
    atm_free(text);
    return st;
}

/* ---- writing ---- */

struct text {
    char *at;
    size_t n, cap;
    bool failed;
};

static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    char *bigger;
    size_t cap;
    int n;

    while (!t->failed) {
        va_start(ap, fmt);
        n = vsnprintf(t->at ? t->at + t->n : NULL, t->cap - t->n, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < t->cap - t->n) {
            t->n += (size_t)n;
            return;
        }
        cap = (t->cap ? t->cap * 2 : 4096) + (size_t)n;
        bigger = n < 0 ? NULL : atm_realloc(t->at, cap);
        if (!bigger)
            t->failed = true;
        else
            t->at = bigger;
        t->cap = bigger ? cap : t->cap;
    }
}

/* The shortest decimal that reads back as the same number. */
static void put_f64(struct text *t, double v)
{
    char buf[40];
    int digits;

    for (digits = 15; digits < 17; digits++) {
        (void)snprintf(buf, sizeof(buf), "%.*g", digits, v);
        if (strtod(buf, NULL) == v)
            break;
    }
    put(t, "%.*g", digits, v);
}

static void put_seconds(struct text *t, const char *key, const double *v,
                        uint64_t n)
{
    uint64_t i;

    put(t, ",\"%s\":[", key);
    for (i = 0; i < n; i++) {
        put(t, i ? "," : "");
        if (v[i] < 0)
            put(t, "null");
        else
            put_f64(t, v[i]);
    }
    put(t, "]");
}

static void put_str(struct text *t, const char *key, const char *s)
{
    json_t *v = s ? json_string(s) : NULL;
    char *quoted = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

    if (s && !quoted)
        t->failed = true;
    else if (s)
        put(t, "\"%s\":%s", key, quoted);
    free(quoted);
    json_decref(v);
}

static void put_ids(struct text *t, const char *key, const uint32_t *id,
                    uint32_t n)
{
    uint32_t i;

    put(t, ",\"%s\":[", key);
    for (i = 0; i < n; i++)
        put(t, "%s%" PRIu32, i ? "," : "", id[i]);
    put(t, "]");
}

static void put_number(struct text *t, const char *key, double v)
{
    put(t, ",\"%s\":", key);
    put_f64(t, v);
}

static void put_table(struct text *t, const struct atm_table *a)
{
    if (a->list) {
        put_seconds(t, "t", a->list, UINT64_C(1) << a->n);
        return;
    }
    put(t, ",\"t\":{\"base\":");
    put_f64(t, a->base);
    put_seconds(t, "slow", a->slow, a->n);
    put_seconds(t, "latency", a->latency, a->n);
    put(t, ",\"combine\":\"%s\"}", a->sum ? "sum" : "max");
}

static void put_variant(struct text *t, const struct atm_problem_kernel *k,
                        const struct atm_variant *v)
{
    if (v->scratch_bytes)
        put(t, ",\"scratch\":%" PRIu64, v->scratch_bytes);
    if (k->has_variants) {
        if (v->n_in != k->n_in ||
            memcmp(v->operand, k->operand, v->n_in * 4) != 0)
            put_ids(t, "ins", v->operand, v->n_in);
        if (v->n_out != k->n_out || memcmp(v->operand + v->n_in,
                                           k->operand + k->n_in,
                                           v->n_out * 4) != 0)
            put_ids(t, "outs", v->operand + v->n_in, v->n_out);
    }
    put_table(t, &v->t);
}

static void put_kernel(struct text *t, const struct atm_problem_kernel *k)
{
    uint32_t i;

    put(t, "{");
    put_str(t, "name", k->name ? k->name : "");
    put_ids(t, "ins", k->operand, k->n_in);
    put_ids(t, "outs", k->operand + k->n_in, k->n_out);
    if (k->n_pairs) {
        put(t, ",\"inplace\":[");
        for (i = 0; i < k->n_pairs; i++)
            put(t, "%s[%" PRIu32 ",%" PRIu32 ",\"%s\"]", i ? "," : "",
                k->pair[i].in, k->pair[i].out,
                k->pair[i].must ? "must" : "may");
        put(t, "]");
    }
    if (k->slowdown >= 1)
        put_number(t, "kernel_slowdown", k->slowdown);
    if (!k->has_variants) {
        put_variant(t, k, &k->variant[0]);
    } else {
        put(t, ",\"variants\":[");
        for (i = 0; i < k->n_variants; i++) {
            put(t, i ? ",{" : "{");
            put_str(t, "name", k->variant[i].name ? k->variant[i].name : "");
            put_variant(t, k, &k->variant[i]);
            put(t, "}");
        }
        put(t, "]");
    }
    put(t, "}");
}

static void put_tensor(struct text *t, const struct atm_problem_tensor *e)
{
    uint32_t i;

    put(t, "{\"size\":%" PRIu64, e->bytes);
    if (e->kind) {
        put(t, ",");
        put_str(t, "kind", e->kind);
    }
    if (e->arg)
        put(t, ",\"arg\":1");
    if (e->out)
        put(t, ",\"out\":1");
    if (e->fetch_given)
        put_number(t, "fetch", e->fetch_s);
    if (e->evict_given)
        put_number(t, "evict", e->evict_s);
    if (e->fixed != ATM_FIXED_NO)
        put(t, ",\"fixed\":{\"tier\":\"%s\",\"offset\":%" PRIu64 "}",
            e->fixed == ATM_FIXED_FAST ? "fast" : "slow", e->fixed_offset);
    if (e->n_producers) {
        put(t, ",\"producers\":[");
        for (i = 0; i < e->n_producers; i++)
            put(t, "%s[%" PRIu32 ",%" PRIu64 "]", i ? "," : "",
                e->producer[i].kernel, e->producer[i].bytes);
        put(t, "]");
    }
    put(t, "}");
}

static void put_budget(struct text *t, const struct atm_budget_row *b)
{
    const double v[] = {b->fraction, b->best, b->lower_bound, b->gap};
    static const char *const name[] = {"fraction", "best", "lower_bound",
                                       "gap"};
    uint32_t i;

    put(t, "{\"bytes\":%" PRIu64, b->bytes);
    for (i = 0; i < 4; i++) {
        if (isfinite(v[i]))
            put_number(t, name[i], v[i]);
        else if (i > 0) /* the three are null where there is no plan */
            put(t, ",\"%s\":null", name[i]);
    }
    put(t, "}");
}

static void put_head(struct text *t, const struct atm_problem *p)
{
    uint32_t i;

    put(t, "{\"format\":\"autotm-problem\",\"version\":1,");
    put_str(t, "name", p->name ? p->name : "");
    put(t, ",\"cyclic\":%d", p->cyclic);
    put_number(t, "read_bw", p->read_bw);
    put_number(t, "write_bw", p->write_bw);
    if (p->move_latency_s > 0)
        put_number(t, "move_latency", p->move_latency_s);
    put(t, ",\"align\":%" PRIu64, p->align);
    if (p->slow_bytes != UINT64_MAX)
        put(t, ",\"slow_bytes\":%" PRIu64, p->slow_bytes);
    if (p->has_async) {
        put(t, ",\"async\":{\"read_bw\":");
        put_f64(t, p->async.read_bw);
        put_number(t, "write_bw", p->async.write_bw);
        put_number(t, "mixed_read_bw", p->async.mixed_read_bw);
        put_number(t, "mixed_write_bw", p->async.mixed_write_bw);
        put_number(t, "copy_slowdown", p->async.copy_slowdown);
        put_number(t, "kernel_slowdown", p->async.kernel_slowdown);
        put(t, "}");
    }
    if (p->n_carries) {
        put(t, ",\"carry\":[");
        for (i = 0; i < p->n_carries; i++)
            put(t, "%s[%" PRIu32 ",%" PRIu32 "]", i ? "," : "",
                p->carry[i].next, p->carry[i].prev);
        put(t, "]");
    }
    put(t, ",\"peak\":%" PRIu64, p->peak_bytes);
}

enum atm_status atm_problem_to_json(const struct atm_problem *p, char **json)
{
    struct text t = {0};
    uint32_t i;

    *json = NULL;
    put_head(&t, p);
    put(&t, ",\n\"tensors\":[");
    for (i = 0; i < p->n_tensors; i++) {
        put(&t, i ? ",\n" : "\n");
        put_tensor(&t, &p->tensor[i]);
    }
    put(&t, "],\n\"kernels\":[");
    for (i = 0; i < p->n_kernels; i++) {
        put(&t, i ? ",\n" : "\n");
        put_kernel(&t, &p->kernel[i]);
    }
    put(&t, "]");
    if (p->n_budgets) {
        put(&t, ",\n\"budgets\":[");
        for (i = 0; i < p->n_budgets; i++) {
            put(&t, i ? ",\n" : "\n");
            put_budget(&t, &p->budget[i]);
        }
        put(&t, "]");
    }
    put(&t, "}\n");
    if (t.failed) {
        atm_free(t.at);
        return atm_fail(ATM_NOMEM, "problem: no memory to write it");
    }
    *json = t.at;
    return ATM_OK;
}
