/* values.c - option texts to values. Strict: what is not wholly understood is
 * refused, with the option's name. */
#include "cli.h"

#include "arena.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
#define X(id, name, letter, arg, verbs, help) name,
#include "options.def"
#undef X
};

/* Decimal digits only: no sign, no blanks, no hex. */
static bool digits(const char *text, uint64_t *value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

/* A plain decimal number, and what follows it. */
static bool number(const char *text, long double *value, const char **rest)
{
    size_t n = strspn(text, "0123456789.");
    char copy[64], *end;

    if (n == 0 || n >= sizeof(copy))
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    *value = strtold(copy, &end);
    *rest = text + n;
    return *end == '\0' && isfinite(*value);
}

enum atm_status cli_count(const struct cli *c, enum option_id id, uint64_t dflt,
                          uint64_t least, uint64_t most, uint64_t *value)
{
    const char *text = cli_text(c, id);

    *value = dflt;
    if (!text)
        return ATM_OK;
    if (!digits(text, value) || *value < least || *value > most)
        return atm_fail(ATM_INVAL,
                        "--%s %s: a number from %" PRIu64 " to %" PRIu64,
                        names[id], text, least, most);
    return ATM_OK;
}

enum atm_status cli_real(const struct cli *c, enum option_id id, double dflt,
                         double *value)
{
    const char *text = cli_text(c, id), *rest;
    long double v;

    *value = dflt;
    if (!text)
        return ATM_OK;
    if (!number(text, &v, &rest) || (*rest && strcmp(rest, "%") != 0))
        return atm_fail(ATM_INVAL, "--%s %s: a number such as 0.01 or 1%%",
                        names[id], text);
    *value = (double)(*rest ? v / 100 : v);
    return ATM_OK;
}

/* Bytes to a power of 1024: "", K, M, G, T, each also as KiB and KB. */
static bool unit(const char *text, long double *scale)
{
    static const char letters[] = "KMGT";
    const char *at = *text ? strchr(letters, *text & ~0x20) : NULL;

    *scale = 1;
    if (*text && at) {
        *scale = (long double)(UINT64_C(1) << 10 * (at - letters + 1));
        text++;
        if (*text == 'i')
            text++;
    }
    return *text == '\0' || strcasecmp(text, "b") == 0;
}

enum atm_status cli_budget(const char *text, uint64_t peak, uint64_t *bytes)
{
    long double v, w, scale, result;
    const char *rest;

    if (!number(text, &v, &rest))
        goto err_text;
    if (strcmp(rest, "%") == 0) {
        result = peak * v / 100;
    } else if (*rest == ':') {
        if (!number(rest + 1, &w, &rest) || *rest || v + w <= 0)
            goto err_text;
        result = peak * w / (v + w);
    } else {
        if (!unit(rest, &scale))
            goto err_text;
        result = v * scale;
    }
    if (result >= 0x1p53L) /* exact in every JSON reader */
        goto err_text;
    *bytes = (uint64_t)result;
    return ATM_OK;

err_text:
    return atm_fail(ATM_INVAL,
                    "--fast %s: bytes such as 512M, a part of the "
                    "peak such as 30%%, or a ratio slow:fast such as 2:1",
                    text);
}

enum atm_status cli_pair(const char *text, const char *what, char **name,
                         struct atm_arena *a, const char **value)
{
    const char *equals = strchr(text, '=');

    if (!equals || equals == text || !equals[1])
        return atm_fail(ATM_INVAL, "--%s %s: NAME=VALUE is wanted", what, text);
    *name = atm_arena_strndup(a, text, (size_t)(equals - text));
    *value = equals + 1;
    return *name ? ATM_OK : ATM_NOMEM;
}

enum atm_status cli_shape(const char *text, char **name, struct atm_arena *a,
                          struct atm_shape *shape)
{
    const char *at = strrchr(text, '=');
    char *end;

    shape->rank = 0;
    if (!at || at == text)
        goto err_text;
    *name = atm_arena_strndup(a, text, (size_t)(at - text));
    if (!*name)
        return ATM_NOMEM;
    for (at++; *at; at = *end ? end + 1 : end) {
        if (*at < '0' || *at > '9' || shape->rank == ATM_RANK_MAX)
            goto err_text;
        errno = 0;
        shape->dim[shape->rank++] = strtoll(at, &end, 10);
        if (errno || (*end && (*end != ',' || !end[1])))
            goto err_text;
    }
    return ATM_OK;

err_text:
    return atm_fail(ATM_INVAL,
                    "--shape %s: INPUT=1,3,224,224 is wanted, at "
                    "most %d dimensions",
                    text, ATM_RANK_MAX);
}

/* The shape of a list of n numbers. */
static enum atm_status list_shape(const struct atm_model_input *input,
                                  const struct atm_shape *shape, int64_t n,
                                  struct atm_shape *to)
{
    int64_t count;
    uint32_t i;

    *to = (struct atm_shape){1, {n}};
    if (shape)
        *to = *shape;
    else if (input->shaped && input->rank != 1 && input->rank <= ATM_RANK_MAX)
        to->rank = input->rank;
    for (i = 0; !shape && to->rank != 1 && i < to->rank; i++)
        to->dim[i] = input->dim[i] < 0 ? 0 : input->dim[i];
    if (atm_shape_count(to, &count) || count != n)
        return atm_fail(ATM_INVAL,
                        "--value %s: %" PRId64 " numbers do not fill its "
                        "shape; give --shape %s=...",
                        input->name, n, input->name);
    return ATM_OK;
}

static enum atm_dtype dtype_of(const char *name)
{
    int t;

    for (t = 1; t < ATM_DTYPE_COUNT; t++)
        if (strcmp(atm_dtype_name((enum atm_dtype)t), name) == 0)
            return (enum atm_dtype)t;
    return ATM_DTYPE_NONE;
}

enum atm_status cli_list(const char *text, const struct atm_model_input *input,
                         const struct atm_shape *shape, struct atm_array *a)
{
    enum atm_dtype dtype = dtype_of(input->dtype);
    size_t each = atm_dtype_bytes(dtype), n = 0;
    const char *at;
    char *end;

    if (dtype == ATM_DTYPE_NONE || dtype == ATM_F32 || dtype == ATM_F64 ||
        dtype == ATM_F16 || dtype == ATM_BF16)
        return atm_fail(ATM_INVAL,
                        "--value %s: it is of type %s; only integers and bool "
                        "are taken so, use --input",
                        input->name, input->dtype);
    *a = (struct atm_array){.dtype = dtype};
    a->data = atm_alloc((strlen(text) + 1) * each);
    if (!a->data)
        return ATM_NOMEM;
    for (at = text; *at; at = *end ? end + 1 : end, n++) {
        int64_t v;

        errno = 0;
        v = strtoll(at, &end, 10);
        if (errno || end == at || *at == ' ' || *at == '+' ||
            (*end && (*end != ',' || !end[1]))) {
            atm_array_clear(a);
            return atm_fail(ATM_INVAL, "--value %s=%s: integers such as 1,3,4",
                            input->name, text);
        }
        memcpy((char *)a->data + n * each, &v, each); /* little endian */
    }
    a->bytes = n * each;
    if (list_shape(input, shape, (int64_t)n, &a->shape)) {
        atm_array_clear(a);
        return ATM_INVAL;
    }
    return ATM_OK;
}

#define WORD_MAX 32

/* Levenshtein distance of two short words. */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[WORD_MAX + 1], i, j, n = (uint32_t)strlen(b);

    if (n > WORD_MAX || strlen(a) > WORD_MAX)
        return UINT32_MAX;
    for (j = 0; j <= n; j++)
        row[j] = j;
    for (i = 1; a[i - 1]; i++) {
        uint32_t diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= n; j++) {
            uint32_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *text, const char *(*at)(uint32_t))
{
    const char *best = NULL, *word;
    uint32_t least = 3, i; /* three slips are another word */

    for (i = 0; (word = at(i)); i++) {
        uint32_t d = distance(text, word);

        if (d < least && d < strlen(word)) {
            least = d;
            best = word;
        }
    }
    return best;
}
