/* show.c - data on stdout: aligned lines, tables, JSON. */
#include "cli.h"

#include "arena.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

char *cli_bytes(uint64_t bytes, char buf[64])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    uint32_t u = 0;

    while (v >= 1024 && u < 4) {
        v /= 1024;
        u++;
    }
    if (bytes == UINT64_MAX)
        (void)snprintf(buf, 64, "as needed");
    else
        (void)snprintf(buf, 64, "%.*f %s", u ? 1 : 0, v, units[u]);
    return buf;
}

char *cli_bytes_exact(uint64_t bytes, char buf[64])
{
    char text[64];

    (void)snprintf(buf, 64, "%.24s (%" PRIu64 " B)", cli_bytes(bytes, text),
                   bytes);
    return buf;
}

char *cli_seconds(double s, char buf[64])
{
    if (!isfinite(s))
        (void)snprintf(buf, 64, "-");
    else
        (void)snprintf(buf, 64, "%.3f ms", 1e3 * s);
    return buf;
}

void cli_line(const char *key, const char *fmt, ...)
{
    va_list ap;

    printf("%-22s ", key);
    va_start(ap, fmt);
    cli_print(stdout, fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

enum atm_status cli_table(const char *const *head, uint32_t columns,
                          const char *const *cell, uint32_t rows)
{
    struct libscols_table *t;
    uint32_t r, i;
    int bad = 0;

    (void)fflush(stdout);
    t = scols_new_table();
    if (!t)
        return atm_fail(ATM_NOMEM, "out of memory: a table");
    for (i = 0; i < columns; i++) {
        size_t n = strlen(head[i]);
        bool right = n > 0 && head[i][n - 1] == '>';
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)(n - right), head[i]);
        bad |= !scols_table_new_column(t, name, 0, right ? SCOLS_FL_RIGHT : 0);
    }
    for (r = 0; r < rows && !bad; r++) {
        struct libscols_line *line = scols_table_new_line(t, NULL);

        for (i = 0; line && i < columns; i++)
            bad |= scols_line_set_data(line, i, cell[r * columns + i]);
        bad |= !line;
    }
    if (!bad && rows > 0)
        bad = scols_print_table(t);
    scols_unref_table(t);
    return bad ? atm_fail(ATM_NOMEM, "out of memory: a table") : ATM_OK;
}

enum atm_status cli_print_json(json_t *root)
{
    int bad;

    if (!root)
        return atm_fail(ATM_NOMEM, "out of memory: JSON, or a name that is no "
                                   "UTF-8");
    bad = json_dumpf(root, stdout,
                     JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(root);
    if (bad || putchar('\n') == EOF)
        return atm_fail(ATM_IO, "stdout: the result could not be written");
    return ATM_OK;
}

json_t *cli_json_real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

json_t *cli_json_hash(struct atm_hash h)
{
    char text[ATM_HASH_STR];

    return json_string(atm_hash_str(h, text));
}
