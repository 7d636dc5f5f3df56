/* plan_two_lm.c - fast memory as a direct-mapped cache of slow memory, as
 * Optane's memory mode: a prediction, since hardware moves the lines.
 *
 * Tensors lie in slow memory as long as they live, packed. A kernel runs as
 * with all operands fast, and before it each line of them that the cache does
 * not hold is read, and the line in its place written if it was changed. */
#include "baseline.h"
#include "planner_rows.h"

#define LINES 16384 /* a cache of fewer, larger lines behaves alike */
#define LINE_MIN 64

struct cache {
    uint64_t line_bytes, n_lines;
    uint64_t *tag; /* per place: the line it holds, + 1; 0: none */
    uint8_t *dirty;
    uint64_t read, written; /* bytes */
};

static void use_line(struct cache *c, uint64_t line, bool write)
{
    uint64_t at;

    if (!c->n_lines) { /* no cache at all */
        c->read += c->line_bytes;
        c->written += write ? c->line_bytes : 0;
        return;
    }
    at = line % c->n_lines;
    if (c->tag[at] != line + 1) {
        c->read += c->line_bytes;
        c->written += c->dirty[at] ? c->line_bytes : 0;
        c->tag[at] = line + 1;
        c->dirty[at] = 0;
    }
    c->dirty[at] |= write;
}

static enum atm_status pack_all(const struct atm_baseline *b,
                                struct atm_pack_box *box)
{
    uint64_t height, bound;
    uint32_t i, n = b->p->n_kernels;

    for (i = 0; i < b->st.n; i++) {
        const struct atm_storage *s = &b->st.s[i];
        bool always = s->arg || s->circle;

        box[i] = (struct atm_pack_box){.bytes = s->bytes, .align = b->p->align};
        if (!s->n_stations)
            continue;
        box[i].lower = always ? 0 : s->kernel[0];
        box[i].upper = always || s->out ? n : s->kernel[s->n_stations - 1] + 1;
    }
    /* any packing will do: the first order's */
    return atm_pack(box, b->st.n, INT64_MAX, &height, &bound);
}

static void iterate(const struct atm_baseline *b,
                    const struct atm_pack_box *box, struct cache *c)
{
    uint32_t k, j;

    for (k = 0; k < b->p->n_kernels; k++) {
        const struct atm_variant *v = &b->p->kernel[k].variant[b->d.variant[k]];

        for (j = 0; j < v->t.n; j++) {
            const struct atm_pack_box *a = &box[b->st.of[v->operand[j]]];
            uint64_t end = a->offset + a->bytes, line;

            for (line = a->offset / c->line_bytes;
                 a->bytes && line * c->line_bytes < end; line++)
                use_line(c, line, j >= v->n_in);
        }
    }
}

static enum atm_status predict(struct atm_baseline *b, uint64_t budget,
                               struct atm_prediction *prediction)
{
    struct cache c = {.line_bytes = budget / LINES};
    struct atm_pack_box *box = atm_arena_array(b->arena, b->st.n, sizeof(*box));
    enum atm_status st;
    uint32_t k;

    if (c.line_bytes < LINE_MIN)
        c.line_bytes = LINE_MIN;
    c.n_lines = budget / c.line_bytes;
    c.tag = atm_arena_array(b->arena, c.n_lines, sizeof(*c.tag));
    c.dirty = atm_arena_array(b->arena, c.n_lines, 1);
    if (!box || !c.tag || !c.dirty)
        return ATM_NOMEM;
    st = pack_all(b, box);
    if (st)
        return st;
    iterate(b, box, &c);
    if (b->p->cyclic) { /* the first one warms the cache */
        c.read = c.written = 0;
        iterate(b, box, &c);
    }
    prediction->moved_bytes = c.read + c.written;
    prediction->seconds =
        (double)c.read / b->p->read_bw + (double)c.written / b->p->write_bw;
    for (k = 0; k < b->p->n_kernels; k++)
        prediction->seconds += atm_table_at(
            &b->p->kernel[k].variant[b->d.variant[k]].t, atm__mask(&b->d, k));
    return ATM_OK;
}

enum atm_status atm__predict_two_lm(const struct atm_problem *p,
                                    const struct atm_plan_options *o,
                                    struct atm_prediction *prediction)
{
    struct atm_baseline b;
    enum atm_status st = atm__baseline_new(p, &b);

    if (st)
        return st;
    st = atm__choose(&b, UINT64_MAX, atm__more_fast);
    if (!st)
        st = predict(&b, o->budget_bytes, prediction);
    atm__baseline_delete(&b);
    return st;
}
