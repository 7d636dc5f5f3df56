/* problem_storage.c - from tensors and must pairs to storages. */
#include "problem_storage.h"

#include "arena.h"

/* Calls `seen` once for each (tensor, kernel) station, kernels ascending. */
struct stations {
    uint32_t *n, *at;     /* per tensor: count, begin in `kernel` */
    uint32_t *kernel;
    uint8_t *made;
};

static void visit(const struct atm_problem *p, struct stations *st,
                  uint32_t *mark, bool fill)
{
    uint32_t i, v, j;

    for (i = 0; i < p->n_tensors; i++) {
        mark[i] = 0;
        st->n[i] = 0;
    }
    for (i = 0; i < p->n_kernels; i++)
        for (v = 0; v < p->kernel[i].n_variants; v++) {
            const struct atm_variant *w = &p->kernel[i].variant[v];

            for (j = 0; j < w->t.n; j++) {
                uint32_t t = w->operand[j];

                if (mark[t] != i + 1) {
                    mark[t] = i + 1;
                    if (fill)
                        st->kernel[st->at[t] + st->n[t]] = i;
                    st->n[t]++;
                }
                if (fill && j >= w->n_in)
                    st->made[st->at[t] + st->n[t] - 1] = 1;
            }
        }
}

static enum atm_status stations_of(const struct atm_problem *p,
                                   struct atm_arena *arena,
                                   struct stations *st)
{
    uint32_t *mark = atm_arena_array(arena, p->n_tensors, sizeof(*mark));
    uint64_t sum = 0;
    uint32_t i;

    st->n = atm_arena_array(arena, p->n_tensors, sizeof(*st->n));
    st->at = atm_arena_array(arena, p->n_tensors, sizeof(*st->at));
    if (!mark || !st->n || !st->at)
        return ATM_NOMEM;
    visit(p, st, mark, false);
    for (i = 0; i < p->n_tensors; i++) {
        st->at[i] = (uint32_t)sum;
        sum += st->n[i];
    }
    if (sum > UINT32_MAX)
        return atm_fail(ATM_UNSUPPORTED, "problem: too many operands");
    st->kernel = atm_arena_array(arena, (size_t)sum, sizeof(*st->kernel));
    st->made = atm_arena_array(arena, (size_t)sum, 1);
    if (!st->kernel || !st->made)
        return ATM_NOMEM;
    visit(p, st, mark, true);
    return ATM_OK;
}

/* Appends the tensor's stations; its first one is the last of the tensor
 * before it in the chain. */
static void append(struct atm_storage *s, const struct stations *st,
                   uint32_t t, struct atm_storages *all)
{
    uint32_t i = s->n_tensors > 0 && s->n_stations > 0, k;

    all->first[t] = s->n_stations - i;
    s->tensor[s->n_tensors++] = t;
    if (i && st->made[st->at[t]])
        s->made[s->n_stations - 1] = 1;
    for (; i < st->n[t]; i++) {
        k = st->at[t] + i;
        s->kernel[s->n_stations] = st->kernel[k];
        s->made[s->n_stations++] = st->made[k];
    }
}

static enum atm_status build(const struct atm_problem *p,
                             struct atm_arena *arena,
                             const struct stations *st, const uint32_t *next,
                             uint32_t head, struct atm_storages *all)
{
    struct atm_storage *s = &all->s[all->n];
    const struct atm_problem_tensor *t = &p->tensor[head];
    uint32_t n = 0, m = 0, u, last = head;

    for (u = head; u != ATM_NONE; u = next[u]) {
        n++;
        m += st->n[u];
        last = u;
    }
    s->tensor = atm_arena_array(arena, n, sizeof(*s->tensor));
    s->kernel = atm_arena_array(arena, m, sizeof(*s->kernel));
    s->made = atm_arena_array(arena, m, 1);
    if (!s->tensor || !s->kernel || !s->made)
        return ATM_NOMEM;
    s->bytes = t->bytes;
    s->fetch_s = t->fetch_s;
    s->evict_s = t->evict_s;
    s->arg = t->arg;
    s->circle = p->cyclic && t->arg;
    s->out = p->tensor[last].out && !s->circle && !(t->arg && n == 1);
    s->fixed = t->fixed;
    for (u = head; u != ATM_NONE; u = next[u]) {
        append(s, st, u, all);
        all->of[u] = all->n;
        all->n_stations[u] = st->n[u];
        all->n_gaps[u] = st->n[u] ? st->n[u] - 1 : 0;
    }
    s->n_gaps = s->n_stations ? s->n_stations - 1 : 0;
    if (s->n_stations && (s->circle || s->out)) {
        all->n_gaps[last]++;
        s->n_gaps++;
    }
    all->n++;
    return ATM_OK;
}

enum atm_status atm__problem_storages(const struct atm_problem *p,
                                      struct atm_arena *arena,
                                      struct atm_storages *all)
{
    uint32_t *next = atm_arena_array(arena, p->n_tensors, sizeof(*next));
    uint8_t *later = atm_arena_array(arena, p->n_tensors, 1);
    struct stations st = {0};
    enum atm_status status;
    uint32_t i, j;

    all->n = 0;
    all->s = atm_arena_array(arena, p->n_tensors, sizeof(*all->s));
    all->of = atm_arena_array(arena, p->n_tensors, sizeof(*all->of));
    all->first = atm_arena_array(arena, p->n_tensors, sizeof(*all->first));
    all->n_stations = atm_arena_array(arena, p->n_tensors, 4);
    all->n_gaps = atm_arena_array(arena, p->n_tensors, 4);
    if (!next || !later || !all->s || !all->of || !all->first ||
        !all->n_stations || !all->n_gaps)
        return ATM_NOMEM;
    status = stations_of(p, arena, &st);
    if (status)
        return status;
    for (i = 0; i < p->n_tensors; i++)
        next[i] = ATM_NONE;
    for (i = 0; i < p->n_kernels; i++) {
        const struct atm_problem_kernel *k = &p->kernel[i];

        for (j = 0; j < k->n_pairs; j++)
            if (k->pair[j].must) {
                uint32_t out = k->operand[k->n_in + k->pair[j].out];

                next[k->operand[k->pair[j].in]] = out;
                later[out] = 1;
            }
    }
    for (i = 0; i < p->n_tensors && !status; i++)
        if (!later[i])
            status = build(p, arena, &st, next, i, all);
    return status;
}
