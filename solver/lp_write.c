/* lp_write.c - the whole integer program of a problem as a CPLEX-LP file: a
 * second opinion for any other solver.
 *
 * All memory rows are there, save those that others imply, or only those that
 * the linear program needed. The constant of the
 * objective stands on a column fixed at 1, since readers differ in what they
 * make of a bare constant. */
#include "lp.h"

#include "arena.h"
#include "file.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define TERMS_A_LINE 6

struct writer {
    struct atm__ilp *p;
    struct atm_file file;
    enum atm_status st;
    char text[4096];
    size_t n;
    uint32_t terms; /* on this line */
    double scale;   /* of the objective: a power of ten */
};

static void flush(struct writer *w)
{
    if (!w->st)
        w->st = atm_file_write(&w->file, w->text, w->n);
    w->n = 0;
}

static void say(struct writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct writer *w, const char *fmt, ...)
{
    va_list ap;

    if (w->n > sizeof(w->text) - 256)
        flush(w);
    va_start(ap, fmt);
    w->n += (size_t)vsnprintf(w->text + w->n, 256, fmt, ap);
    va_end(ap);
}

/* Names that say what a column is; unique by its number. */
static void name(struct writer *w, uint32_t c)
{
    static const char letter[] = {
        [PATH] = 'q',    [ENTRY] = 'e', [UNREAD] = 'w',
        [PRODUCT] = 'p', [MOST] = 'z',  [SHARE] = 'h'};
    const struct column *q = &w->p->col[c];
    uint32_t owner =
        q->kind == PATH ? w->p->m->st.s[q->owner].tensor[0] : q->owner;

    say(w, "%c_%s%" PRIu32 "_%" PRIu32, letter[q->kind],
        q->kind == PATH ? "t" : "k", owner, c);
}

static void term(struct writer *w, double v, uint32_t c)
{
    if (w->terms++ % TERMS_A_LINE == 0 && w->terms > 1)
        say(w, "\n  ");
    say(w, " %c %.15g ", v < 0 ? '-' : '+', fabs(v));
    name(w, c);
}

static void objective(struct writer *w)
{
    uint32_t c;

    say(w, "Minimize\n time:");
    w->terms = 0;
    for (c = 1; c <= w->p->n_col; c++) {
        double v = atm__ilp_cost(w->p, c) * w->scale;

        if (v != 0)
            term(w, v, c);
    }
    say(w, "\n   + %.15g constant\nSubject To\n", w->p->constant * w->scale);
}

static void rows(struct writer *w)
{
    static const char *const sign[] = {
        [ROW_EQUAL] = "=", [ROW_LEAST] = ">=", [ROW_MOST] = "<="};
    struct lp_row row;
    int i, j, n;

    for (i = 1; (n = atm__ilp_row(w->p, i, &row)) >= 0 && !w->st; i++) {
        if (n == 0)
            continue;
        say(w, " r%d:", i);
        w->terms = 0;
        for (j = 1; j <= n; j++)
            term(w, w->p->val[j], (uint32_t)w->p->ind[j]);
        say(w, " %s %.15g\n", sign[row.kind], row.b);
    }
}

static void bounds(struct writer *w)
{
    uint32_t c;

    say(w, "Bounds\n constant = 1\n");
    for (c = 1; c <= w->p->n_col; c++)
        if (w->p->col[c].kind != MOST && !atm__ilp_is_whole(w->p, c)) {
            say(w, " 0 <= ");
            name(w, c);
            say(w, " <= 1\n");
        }
    say(w, "Binaries\n");
    for (c = 1; c <= w->p->n_col; c++)
        if (atm__ilp_is_whole(w->p, c)) {
            say(w, " ");
            name(w, c);
            say(w, "\n");
        }
    say(w, "End\n");
}

static enum atm_status write(struct atm__ilp *p, const char *path, bool force)
{
    struct writer w = {.p = p};
    bool estimate = false;
    uint32_t k;

    w.scale = pow(10, round(log10(p->cost_scale)));
    w.st = atm_file_create(path, force, &w.file);
    if (w.st)
        return w.st;
    for (k = 0; k < p->m->p->n_kernels; k++)
        estimate |= atm__lp_is_estimate(p->m, k);
    say(&w, "\\ budget %" PRIu64 " bytes; time in seconds times %g%s\n",
        p->m->budget, w.scale,
        estimate ? "; a kernel with many operands only bounded from below"
                 : "");
    objective(&w);
    rows(&w);
    bounds(&w);
    flush(&w);
    if (w.st) {
        atm_file_abort(&w.file);
        return w.st;
    }
    return atm_file_commit(&w.file);
}

enum atm_status atm_problem_write_lp(const struct atm_problem *p,
                                     uint64_t budget, enum atm_lp_rows rows,
                                     const char *path, bool force)
{
    struct atm__model *m = NULL;
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    enum atm_status st = atm__model_new(p, budget, false, &m);

    if (!st)
        st = atm__ilp_new(m, &ilp);
    if (!st && rows == ATM_LP_FINAL_ROWS)
        st = atm__ilp_solve(ilp, NULL, true, &lp);
    if (!st)
        st = atm__ilp_complete(ilp, rows == ATM_LP_ALL_ROWS);
    if (!st)
        st = write(ilp, path, force);
    if (ilp)
        atm__ilp_delete(&ilp);
    if (m)
        atm__model_delete(&m);
    return st;
}
