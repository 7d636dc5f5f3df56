/* problem_check.c - the checker of the planning problem: every rule that a
 * planner may rely on. Recomputes the peak where it is not given. */
#include "autotm/problem.h"

#include "arena.h"
#include "checked.h"
#include "problem_storage.h"

#include <inttypes.h>
#include <math.h>

/* Sums of sizes and addresses stay far from overflow. */
#define BYTES_MAX (UINT64_C(1) << 56)
#define OPERANDS_MAX 64

struct check {
    struct atm_problem *p;
    uint32_t *mark;           /* per tensor: kernel list that saw it last */
    uint32_t round;
    uint32_t *first, *last;   /* stations; ATM_NONE: none */
    uint32_t *n_made;         /* producers so far */
    uint32_t *next, *prev;    /* must pairs */
    uint32_t *old_of;         /* carry: of new */
    uint8_t *carried;         /* is an old */
};

static bool is_time(double s)
{
    return isfinite(s) && s >= 0;
}

static enum atm_status check_head(const struct atm_problem *p)
{
    const struct atm_problem_async *a = &p->async;

    if (p->n_kernels == 0)
        return atm_fail(ATM_FORMAT, "problem: no kernels");
    if (!(isfinite(p->read_bw) && p->read_bw > 0) ||
        !(isfinite(p->write_bw) && p->write_bw > 0))
        return atm_fail(ATM_FORMAT,
                        "problem: read_bw and write_bw must be positive");
    if (!is_time(p->move_latency_s))
        return atm_fail(ATM_FORMAT, "problem: move_latency is negative");
    if (p->align == 0 || p->align > BYTES_MAX)
        return atm_fail(ATM_FORMAT, "problem: align is out of range");
    if (p->slow_bytes != UINT64_MAX && p->slow_bytes > BYTES_MAX)
        return atm_fail(ATM_FORMAT, "problem: slow_bytes is out of range");
    if (!p->has_async)
        return ATM_OK;
    if (!(a->read_bw > 0 && a->write_bw > 0 && a->mixed_read_bw > 0 &&
          a->mixed_write_bw > 0) ||
        !(a->copy_slowdown >= 1 && a->kernel_slowdown >= 1) ||
        !isfinite(a->read_bw + a->write_bw + a->mixed_read_bw +
                  a->mixed_write_bw + a->copy_slowdown + a->kernel_slowdown))
        return atm_fail(ATM_FORMAT, "problem: async: a bandwidth is not "
                                    "positive or a slowdown is below 1");
    return ATM_OK;
}

static enum atm_status check_tensor(const struct atm_problem *p, uint32_t i,
                                    uint64_t *sum)
{
    const struct atm_problem_tensor *t = &p->tensor[i];

    if (t->bytes > BYTES_MAX || !atm_add_u64(*sum, t->bytes, sum) ||
        *sum > BYTES_MAX)
        return atm_fail(ATM_FORMAT, "tensor %" PRIu32 ": size is out of range",
                        i);
    if (!is_time(t->fetch_s) || !is_time(t->evict_s))
        return atm_fail(ATM_FORMAT,
                        "tensor %" PRIu32 ": fetch or evict is no time", i);
    if (t->fixed == ATM_FIXED_NO)
        return ATM_OK;
    if (!t->arg)
        return atm_fail(ATM_FORMAT, "tensor %" PRIu32 ": fixed, but no arg",
                        i);
    if (t->fixed_offset > BYTES_MAX || t->fixed_offset % p->align != 0)
        return atm_fail(ATM_FORMAT,
                        "tensor %" PRIu32 ": fixed offset is unaligned or out "
                        "of range", i);
    return ATM_OK;
}

static enum atm_status check_table(const struct atm_table *t, uint32_t k)
{
    bool any = false;
    uint64_t m;
    uint32_t j;

    if (!t->list) {
        any = is_time(t->base);
        for (j = 0; j < t->n && any; j++)
            any = isfinite(t->slow[j]) && is_time(t->latency[j]);
        return any ? ATM_OK
                   : atm_fail(ATM_FORMAT, "kernel %" PRIu32 ": t is no time",
                              k);
    }
    if (t->n > 30)
        return atm_fail(ATM_UNSUPPORTED,
                        "kernel %" PRIu32 ": t lists 2^%" PRIu32 " entries",
                        k, t->n);
    for (m = 0; m < UINT64_C(1) << t->n; m++) {
        if (!isfinite(t->list[m]))
            return atm_fail(ATM_FORMAT, "kernel %" PRIu32 ": t is no time",
                            k);
        any |= t->list[m] >= 0;
    }
    return any ? ATM_OK
               : atm_fail(ATM_FORMAT, "kernel %" PRIu32
                                      ": no entry of t is allowed", k);
}

/* Operands in range, none twice; marks them with a new round. */
static enum atm_status check_list(struct check *c, uint32_t k,
                                  const uint32_t *operand, uint32_t n)
{
    uint32_t j;

    if (n > OPERANDS_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "kernel %" PRIu32 ": %" PRIu32
                        " operands; at most %d are planned", k, n,
                        OPERANDS_MAX);
    c->round++;
    for (j = 0; j < n; j++) {
        if (operand[j] >= c->p->n_tensors)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": no tensor %" PRIu32, k,
                            operand[j]);
        if (c->mark[operand[j]] == c->round)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": tensor %" PRIu32
                            " is an operand twice", k, operand[j]);
        c->mark[operand[j]] = c->round;
    }
    return ATM_OK;
}

static void note_station(struct check *c, uint32_t t, uint32_t k)
{
    if (c->first[t] == ATM_NONE)
        c->first[t] = k;
    c->last[t] = k;
}

static enum atm_status check_variant(struct check *c, uint32_t i,
                                     const struct atm_variant *v)
{
    const struct atm_problem_kernel *k = &c->p->kernel[i];
    enum atm_status st;
    uint32_t j;

    st = check_list(c, i, v->operand, v->n_in + v->n_out);
    if (st)
        return st;
    if (v->t.n != v->n_in + v->n_out)
        return atm_fail(ATM_FORMAT, "kernel %" PRIu32
                                    ": t is for another number of operands",
                        i);
    if (v->scratch_bytes > BYTES_MAX)
        return atm_fail(ATM_FORMAT,
                        "kernel %" PRIu32 ": scratch is out of range", i);
    for (j = 0; j < v->t.n; j++)
        note_station(c, v->operand[j], i);
    /* the same set of outs: as many, and each among the kernel's own */
    c->round++;
    for (j = 0; j < k->n_out; j++)
        c->mark[k->operand[k->n_in + j]] = c->round;
    for (j = v->n_in; j < v->t.n; j++)
        if (c->mark[v->operand[j]] != c->round)
            break;
    if (j < v->t.n || v->n_out != k->n_out)
        return atm_fail(ATM_FORMAT,
                        "kernel %" PRIu32 ": a variant has other outs", i);
    return check_table(&v->t, i);
}

static enum atm_status check_kernel(struct check *c, uint32_t i)
{
    const struct atm_problem_kernel *k = &c->p->kernel[i];
    enum atm_status st;
    uint32_t v, j;

    st = check_list(c, i, k->operand, k->n_in + k->n_out);
    if (st)
        return st;
    if (k->n_variants == 0)
        return atm_fail(ATM_FORMAT, "kernel %" PRIu32 ": no variants", i);
    for (v = 0; v < k->n_variants; v++) {
        st = check_variant(c, i, &k->variant[v]);
        if (st)
            return st;
    }
    for (j = 0; j < k->n_out; j++) {
        uint32_t t = k->operand[k->n_in + j];

        if (c->p->tensor[t].arg)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": arg %" PRIu32
                            " is produced", i, t);
        if (c->n_made[t] == 0 && c->first[t] != i)
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32
                            ": used before it is produced", t);
        if (c->n_made[t] > 0 && c->p->tensor[t].n_producers == 0)
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32
                            ": several producers are not declared", t);
        if (c->p->tensor[t].n_producers > 0 &&
            (c->n_made[t] >= c->p->tensor[t].n_producers ||
             c->p->tensor[t].producer[c->n_made[t]].kernel != i))
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32 ": producers are not the "
                            "kernels that have it in outs", t);
        c->n_made[t]++;
    }
    return ATM_OK;
}

static enum atm_status check_made(const struct check *c)
{
    uint32_t i, j;

    for (i = 0; i < c->p->n_tensors; i++) {
        const struct atm_problem_tensor *t = &c->p->tensor[i];
        uint64_t sum = 0;

        if (!t->arg && c->n_made[i] == 0)
            return atm_fail(ATM_FORMAT, "tensor %" PRIu32
                                        ": never produced", i);
        if (c->n_made[i] < t->n_producers)
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32 ": producers are not the "
                            "kernels that have it in outs", i);
        for (j = 0; j < t->n_producers; j++)
            if (!atm_add_u64(sum, t->producer[j].bytes, &sum) ||
                sum > t->bytes)
                return atm_fail(ATM_FORMAT,
                                "tensor %" PRIu32
                                ": producers write more than its size", i);
    }
    return ATM_OK;
}

static bool uses(const struct atm_variant *v, uint32_t t)
{
    uint32_t j;

    for (j = 0; j < v->t.n; j++)
        if (v->operand[j] == t)
            return true;
    return false;
}

static enum atm_status check_must(struct check *c, uint32_t i, uint32_t in,
                                  uint32_t out)
{
    const struct atm_problem_tensor *a = &c->p->tensor[in];
    const struct atm_problem_tensor *b = &c->p->tensor[out];
    uint32_t v;

    if (c->next[in] != ATM_NONE || c->prev[out] != ATM_NONE)
        return atm_fail(ATM_FORMAT,
                        "kernel %" PRIu32 ": an operand in two must pairs",
                        i);
    if (c->last[in] != i || a->out)
        return atm_fail(ATM_FORMAT,
                        "kernel %" PRIu32 ": must pair: tensor %" PRIu32
                        " is needed later", i, in);
    if (a->fetch_s != b->fetch_s || a->evict_s != b->evict_s)
        return atm_fail(ATM_FORMAT,
                        "kernel %" PRIu32 ": must pair: move costs differ",
                        i);
    for (v = 0; v < c->p->kernel[i].n_variants; v++)
        if (!uses(&c->p->kernel[i].variant[v], in) ||
            !uses(&c->p->kernel[i].variant[v], out))
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": must pair: not an operand "
                            "of every variant", i);
    c->next[in] = out;
    c->prev[out] = in;
    return ATM_OK;
}

static enum atm_status check_pairs(struct check *c, uint32_t i)
{
    const struct atm_problem_kernel *k = &c->p->kernel[i];
    enum atm_status st;
    uint32_t j;

    for (j = 0; j < k->n_pairs; j++) {
        const struct atm_problem_pair *q = &k->pair[j];
        uint32_t in, out;

        if (q->in >= k->n_in || q->out >= k->n_out)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": inplace names no operand",
                            i);
        in = k->operand[q->in];
        out = k->operand[k->n_in + q->out];
        if (c->p->tensor[in].bytes != c->p->tensor[out].bytes)
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": in-place sizes differ", i);
        if (c->first[out] != i || (q->must && c->n_made[out] != 1))
            return atm_fail(ATM_FORMAT,
                            "kernel %" PRIu32 ": inplace: tensor %" PRIu32
                            " is not first produced here", i, out);
        st = q->must ? check_must(c, i, in, out) : ATM_OK;
        if (st)
            return st;
    }
    return ATM_OK;
}

static enum atm_status check_carries(struct check *c)
{
    struct atm_problem *p = c->p;
    uint32_t i;

    if (p->n_carries && !p->cyclic)
        return atm_fail(ATM_FORMAT, "problem: carry without cyclic");
    for (i = 0; i < p->n_carries; i++) {
        uint32_t nw = p->carry[i].next, old = p->carry[i].prev;

        if (nw >= p->n_tensors || old >= p->n_tensors)
            return atm_fail(ATM_FORMAT,
                            "carry %" PRIu32 ": names no tensor", i);
        if (!p->tensor[old].arg || c->prev[nw] != old ||
            c->next[nw] != ATM_NONE)
            return atm_fail(ATM_FORMAT,
                            "carry %" PRIu32 ": no must pair of tensor %"
                            PRIu32 " with its arg", i, nw);
        if (c->carried[old] || c->old_of[nw] != ATM_NONE)
            return atm_fail(ATM_FORMAT, "carry %" PRIu32 ": given twice", i);
        c->carried[old] = 1;
        c->old_of[nw] = old;
    }
    for (i = 0; i < p->n_tensors; i++) {
        if (c->prev[i] != ATM_NONE || !p->tensor[i].arg || !p->cyclic ||
            c->next[i] == ATM_NONE)
            continue;
        if (!c->carried[i])
            return atm_fail(ATM_FORMAT,
                            "tensor %" PRIu32
                            ": an arg is overwritten and not carried", i);
    }
    return ATM_OK;
}

/* All in fast memory: live tensors, args throughout, pairs once where nothing
 * needs `in` later, plus the largest scratch. And what is held there. */
static enum atm_status peak(struct atm_problem *p,
                            struct atm_arena *arena)
{
    struct atm_storages all;
    int64_t *use = atm_arena_array(arena, (size_t)p->n_kernels + 1,
                                   sizeof(*use));
    uint32_t *gave = atm_arena_array(arena, p->n_tensors, sizeof(*gave));
    enum atm_status st;
    int64_t live = 0, most = 0;
    uint32_t i, j;

    if (!use || !gave)
        return ATM_NOMEM;
    st = atm__problem_storages(p, arena, &all);
    if (st)
        return st;
    for (i = 0; i < p->n_tensors; i++)
        p->tensor[i].held = all.s[all.of[i]].fixed == ATM_FIXED_FAST;
    for (i = 0; i < all.n; i++) {
        const struct atm_storage *s = &all.s[i];

        use[s->arg ? 0 : s->kernel[0]] += (int64_t)s->bytes;
        use[s->arg || s->out ? p->n_kernels
                             : s->kernel[s->n_stations - 1] + 1] -=
            (int64_t)s->bytes;
    }
    for (i = 0; i < p->n_kernels; i++) {
        const struct atm_problem_kernel *k = &p->kernel[i];
        int64_t here, scratch = 0;

        live += use[i];
        here = live;
        for (j = 0; j < k->n_variants; j++)
            if ((int64_t)k->variant[j].scratch_bytes > scratch)
                scratch = (int64_t)k->variant[j].scratch_bytes;
        for (j = 0; j < k->n_pairs; j++) {
            uint32_t a = k->operand[k->pair[j].in];
            uint32_t b = k->operand[k->n_in + k->pair[j].out];
            const struct atm_storage *s = &all.s[all.of[a]];

            if (k->pair[j].must || s->arg || s->out ||
                s->kernel[s->n_stations - 1] != i || gave[a] == i + 1 ||
                gave[b] == i + 1)
                continue;
            gave[a] = gave[b] = i + 1;
            here -= (int64_t)s->bytes;
        }
        most = here + scratch > most ? here + scratch : most;
    }
    p->peak_bytes = (uint64_t)most;
    return ATM_OK;
}

static enum atm_status check_all(struct check *c)
{
    struct atm_problem *p = c->p;
    enum atm_status st = check_head(p);
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < p->n_tensors && !st; i++) {
        c->first[i] = c->last[i] = c->next[i] = c->prev[i] = ATM_NONE;
        c->old_of[i] = ATM_NONE;
        st = check_tensor(p, i, &sum);
    }
    for (i = 0; i < p->n_kernels && !st; i++)
        st = check_kernel(c, i);
    if (!st)
        st = check_made(c);
    for (i = 0; i < p->n_kernels && !st; i++)
        st = check_pairs(c, i);
    return st ? st : check_carries(c);
}

enum atm_status atm_problem_check(struct atm_problem *p)
{
    struct atm_arena *arena = atm_arena_new();
    struct check c = {.p = p};
    enum atm_status st = ATM_NOMEM;
    size_t n = p->n_tensors;

    if (!arena)
        return ATM_NOMEM;
    c.mark = atm_arena_array(arena, n, sizeof(*c.mark));
    c.first = atm_arena_array(arena, n, sizeof(*c.first));
    c.last = atm_arena_array(arena, n, sizeof(*c.last));
    c.n_made = atm_arena_array(arena, n, sizeof(*c.n_made));
    c.next = atm_arena_array(arena, n, sizeof(*c.next));
    c.prev = atm_arena_array(arena, n, sizeof(*c.prev));
    c.old_of = atm_arena_array(arena, n, sizeof(*c.old_of));
    c.carried = atm_arena_array(arena, n, 1);
    if (c.mark && c.first && c.last && c.n_made && c.next &&
        c.prev && c.old_of && c.carried) {
        st = check_all(&c);
        if (!st && p->peak_bytes == 0)
            st = peak(p, arena);
    }
    atm_arena_delete(arena);
    return st;
}
