/* on_use.c - fetch on use, evict by score.
 *
 * Each kernel takes the entry with the least in slow memory that fits; what is
 * fast there stays until room is needed or nothing needs it any more. A
 * storage of a cyclic problem that is still there at the end stays over the
 * boundary if it is also there at its first use of the next iteration: passes
 * are repeated until the set that stays is the one that was assumed. */
#include "on_use.h"

#include <string.h>

#define PASSES 64

struct on_use {
    struct atm_baseline *b;
    atm_score_fn *score;
    uint64_t room;      /* fast bytes without fixed residents */
    uint64_t held;      /* bytes of what is in fast memory */
    uint32_t n_in, *in; /* storages in fast memory */
    uint8_t *is_in;
    uint8_t *dirty;
    uint8_t *round;   /* stays over the boundary */
    uint8_t *arrives; /* is still there at its first station */
    bool first_pass;
    uint32_t *at; /* next station of each storage */
};

static bool stops(const struct on_use *u, uint32_t id, uint32_t k)
{
    const struct atm_storage *s = &u->b->st.s[id];

    return u->at[id] < s->n_stations && s->kernel[u->at[id]] == k;
}

/* A station whose variant does not use the storage is only passed. */
static bool uses(const struct on_use *u, uint32_t id, uint32_t k)
{
    return stops(u, id, k) && atm__uses(&u->b->d, k, id);
}

static bool is_fixed(const struct on_use *u, uint32_t id)
{
    return u->b->st.s[id].fixed == ATM_FIXED_FAST;
}

static void put_in(struct on_use *u, uint32_t id)
{
    if (u->is_in[id])
        return;
    u->is_in[id] = 1;
    u->in[u->n_in++] = id;
    u->held += u->b->st.s[id].bytes;
}

static void take_out(struct on_use *u, uint32_t index)
{
    uint32_t id = u->in[index];

    u->is_in[id] = u->dirty[id] = 0;
    u->held -= u->b->st.s[id].bytes;
    u->in[index] = u->in[--u->n_in];
}

/* What leaving now would mean for a storage between two stations. */
static struct atm_held look(const struct on_use *u, uint32_t id)
{
    const struct atm_storage *s = &u->b->st.s[id];
    uint32_t at = u->at[id], n = u->b->p->n_kernels;
    struct atm_held h = {.bytes = s->bytes, .next = UINT32_MAX};

    h.last = at ? s->kernel[at - 1] : 0;
    if (at < s->n_stations)
        h.next = s->kernel[at];
    else if (s->circle)
        h.next = n + s->kernel[0];
    else if (s->out)
        h.next = n;
    if (h.next != UINT32_MAX)
        h.cost_s = (u->dirty[id] ? s->evict_s : 0) +
                   (s->out && h.next == n ? 0 : s->fetch_s);
    return h;
}

/* Makes room for `need` bytes by what kernel k does not use. */
static void make_room(struct on_use *u, uint32_t k, uint64_t need)
{
    while (u->held + need > u->room) {
        double best_score = 0, score;
        uint32_t best = ATM_NONE, i;

        for (i = 0; i < u->n_in; i++) {
            struct atm_held h = look(u, u->in[i]);

            if (uses(u, u->in[i], k))
                continue;
            score = u->score(&h);
            if (best == ATM_NONE || score > best_score ||
                (score == best_score && u->in[i] < u->in[best])) {
                best = i;
                best_score = score;
            }
        }
        if (best == ATM_NONE)
            return;
        take_out(u, best);
    }
}

/* Is the storage of no use any more after its station at kernel k? */
static bool done(const struct on_use *u, uint32_t id)
{
    const struct atm_storage *s = &u->b->st.s[id];

    return u->at[id] == s->n_stations &&
           (s->circle ? !u->round[id] && !u->first_pass : !s->out);
}

/* Kernel k's storages, each once, with whether they are fast there. */
static uint32_t operands(const struct on_use *u, uint32_t k, uint32_t *list)
{
    const struct atm_problem_kernel *pk = &u->b->p->kernel[k];
    const struct atm_variant *v = &pk->variant[u->b->d.variant[k]];
    uint32_t n = 0, i, j;

    for (j = 0; j < v->t.n; j++) {
        uint32_t id = u->b->st.of[v->operand[j]];

        for (i = 0; i < n && list[i] != id; i++)
            ;
        if (i == n && !is_fixed(u, id))
            list[n++] = id;
    }
    return n;
}

/* Decides the gaps before kernel k's stations and what is in fast memory at
 * k. A kernel whose operands fit only because pairs share keeps none of them
 * from before or for later: then the rules let them share. */
static void step(struct on_use *u, uint32_t k)
{
    struct atm_baseline *b = u->b;
    uint32_t op[64], n = operands(u, k, op), i;
    uint64_t need = b->p->kernel[k].variant[b->d.variant[k]].scratch_bytes;
    uint64_t all = need;
    bool tight;

    for (i = 0; i < n; i++) {
        uint64_t bytes = b->st.s[op[i]].bytes;

        if (!b->d.path[op[i]].fast[u->at[op[i]]])
            continue;
        all += bytes;
        need += u->is_in[op[i]] ? 0 : bytes;
    }
    tight = all > u->room;
    for (i = 0; i < u->n_in;) { /* what the entry has in slow memory leaves */
        uint32_t id = u->in[i];

        if (uses(u, id, k) && (tight || !b->d.path[id].fast[u->at[id]]))
            take_out(u, i);
        else
            i++;
    }
    make_room(u, k, tight ? all : need);
    for (i = 0; i < u->n_in; i++)
        if (stops(u, u->in[i], k)) {
            uint32_t id = u->in[i], at = u->at[id];

            b->d.path[id].fast[at] = 1;
            if (at)
                b->d.path[id].kept[at - 1] = 1;
            else
                u->arrives[id] = 1;
        }
    for (i = 0; i < n; i++)
        if (b->d.path[op[i]].fast[u->at[op[i]]]) {
            put_in(u, op[i]);
            if (b->st.s[op[i]].made[u->at[op[i]]])
                u->dirty[op[i]] = 1;
        }
    for (i = 0; i < n && tight; i++)
        if (u->is_in[op[i]]) {
            uint32_t j = 0;

            while (u->in[j] != op[i])
                j++;
            take_out(u, j);
        }
}

static void advance(struct on_use *u, const uint32_t *at_kernel, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        u->at[at_kernel[i]]++;
    for (i = 0; i < u->n_in;)
        if (done(u, u->in[i]))
            take_out(u, i);
        else
            i++;
}

/* One iteration with what `round` says at its begin. */
static void iterate(struct on_use *u, const uint32_t *first,
                    const uint32_t *list)
{
    struct atm_baseline *b = u->b;
    uint32_t i, k;

    u->n_in = 0;
    u->held = 0;
    memset(u->is_in, 0, b->st.n);
    memset(u->dirty, 0, b->st.n);
    memset(u->arrives, 0, b->st.n);
    memset(u->at, 0, b->st.n * sizeof(*u->at));
    for (i = 0; i < b->st.n; i++) {
        memset(b->d.path[i].kept, 0, b->st.s[i].n_gaps);
        if (u->round[i])
            put_in(u, i);
    }
    for (k = 0; k < b->p->n_kernels; k++) {
        /* of what the variant does not use, only what is kept is fast */
        for (i = first[k]; i < first[k + 1]; i++)
            if (!atm__uses(&b->d, k, list[i]))
                b->d.path[list[i]].fast[u->at[list[i]]] = 0;
        step(u, k);
        advance(u, &list[first[k]], first[k + 1] - first[k]);
    }
}

/* Sets the gaps to the end and round; true: what stayed is what was assumed. */
static bool close_round(struct on_use *u)
{
    struct atm_baseline *b = u->b;
    bool same = true;
    uint32_t i;

    for (i = 0; i < b->st.n; i++) {
        const struct atm_storage *s = &b->st.s[i];
        struct atm_path *path = &b->d.path[i];
        uint32_t m = s->n_stations;
        bool stays;

        if (is_fixed(u, i) || !m || s->n_gaps < m)
            continue;
        if (!s->circle) {
            path->kept[m - 1] = u->is_in[i] && path->fast[m - 1];
            continue;
        }
        stays = u->is_in[i] && path->fast[m - 1] && path->fast[0] &&
                s->fixed != ATM_FIXED_SLOW;
        stays = stays && (u->arrives[i] || u->first_pass);
        if (stays != (u->round[i] != 0)) {
            u->round[i] = stays;
            same = false;
        }
        path->kept[m - 1] = u->round[i];
        if (u->round[i] && s->arg && memchr(path->kept, 0, m) == NULL)
            path->resident = true;
    }
    return same;
}

static enum atm_status stations_of(const struct atm_baseline *b,
                                   uint32_t **first, uint32_t **list)
{
    uint32_t n = b->p->n_kernels, all = 0, i, j, *fill;

    for (i = 0; i < b->st.n; i++)
        all += b->st.s[i].n_stations;
    *first = atm_arena_array(b->arena, (size_t)n + 2, sizeof(**first));
    *list = atm_arena_array(b->arena, all, sizeof(**list));
    if (!*first || !*list)
        return ATM_NOMEM;
    fill = *first + 1; /* ends as the list of begins, one further */
    for (i = 0; i < b->st.n; i++)
        for (j = 0; j < b->st.s[i].n_stations; j++)
            fill[b->st.s[i].kernel[j] + 1]++;
    for (i = 1; i <= n; i++)
        fill[i] += fill[i - 1];
    for (i = 0; i < b->st.n; i++)
        for (j = 0; j < b->st.s[i].n_stations; j++)
            (*list)[fill[b->st.s[i].kernel[j]]++] = i;
    return ATM_OK;
}

/* Bytes that the decisions may fill without fixed residents; never so few that
 * a kernel has no entry. */
static uint64_t room_of(const struct atm_baseline *b, uint64_t fill)
{
    uint64_t least = 0, need;
    uint32_t i;

    for (i = 0; i < b->st.n; i++)
        if (b->st.s[i].fixed == ATM_FIXED_FAST)
            fill -= b->st.s[i].bytes < fill ? b->st.s[i].bytes : fill;
    for (i = 0; i < b->p->n_kernels; i++) {
        need = atm__problem_need(b->p, i);
        least = need > least ? need : least;
    }
    return fill > least ? fill : least;
}

struct policy {
    atm_score_fn *score;
};

static enum atm_status decide(struct atm_baseline *b, uint64_t fill,
                              const void *user)
{
    const struct policy *policy = user;
    struct on_use u = {.b = b,
                       .score = policy->score,
                       .room = room_of(b, fill),
                       .first_pass = true};
    enum atm_status st = atm__choose(b, u.room, atm__more_fast);
    uint32_t *first, *list, i;

    if (!st)
        st = stations_of(b, &first, &list);
    if (st)
        return st;
    u.in = atm_arena_array(b->arena, b->st.n, sizeof(*u.in));
    u.is_in = atm_arena_array(b->arena, b->st.n, 1);
    u.dirty = atm_arena_array(b->arena, b->st.n, 1);
    u.round = atm_arena_array(b->arena, b->st.n, 1);
    u.arrives = atm_arena_array(b->arena, b->st.n, 1);
    u.at = atm_arena_array(b->arena, b->st.n, sizeof(*u.at));
    if (!u.in || !u.is_in || !u.dirty || !u.round || !u.arrives || !u.at)
        return ATM_NOMEM;
    for (i = 0; i <= PASSES; i++) {
        if (i == PASSES)
            memset(u.round, 0, b->st.n);
        iterate(&u, first, list);
        if (close_round(&u))
            break;
        u.first_pass = false;
    }
    return ATM_OK;
}

enum atm_status atm__plan_on_use(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 atm_score_fn *score,
                                 struct atm_placement **placement)
{
    struct policy policy = {score};

    return atm__baseline_plan(p, o, decide, &policy, placement);
}
