/* model.c - storages, the graphs of their legal paths, kernels over storages.
 *
 * The rules (numbers of docs/formulation.md):
 *   (R1) a station is slow, fetched to, or kept to;  (R2) leaving dirty while
 *   something is needed later costs evict;  (R3) args begin valid, or are
 *   resident;  (R4) a circle ends in the state in which it began;  (R5) a
 *   give: leaves without a write after a station where a may pair could take
 *   its place;  (R6) each write makes dirty or, in slow memory, valid;
 *   (R8) the slow place: from the first touch to the last.
 */
#include "model.h"

#include "arena.h"

#include <math.h>
#include <string.h>

/* Where the value is after a station. */
enum at {
    AT_NEW,           /* nothing exists yet */
    AT_SLOW,          /* slow copy valid */
    AT_CLEAN,         /* fast, slow copy valid */
    AT_DIRTY,         /* fast, no valid slow copy */
    AT_CLEAN_GIVES,   /* as CLEAN, and leaves at once */
    AT_DIRTY_GIVES,   /* as DIRTY, and dies at once */
    AT_LOST,          /* nowhere; nobody reads it any more */
    AT_N
};
/* The slow place, tracked where the slow pool is limited. */
enum place { PLACE_NONE, PLACE_OPEN, PLACE_DONE, PLACE_N };
/* How a circle crosses the boundary of the iteration. */
enum round { ROUND_SLOW, ROUND_CLEAN, ROUND_DIRTY, ROUND_N };

#define STATES (AT_N * PLACE_N * ROUND_N * 2)
struct state {
    enum at at;
    enum place place;
    enum round round;
    bool left;       /* has left fast memory since the boundary */
};

static unsigned code(struct state s)
{
    return (((unsigned)s.at * PLACE_N + s.place) * ROUND_N + s.round) * 2 +
           s.left;
}

struct builder {
    const struct atm__model *m;
    const struct atm_storage *s;
    const uint8_t *optional, *gives; /* per station */
    uint32_t rest_optional;          /* first station of the optional tail */
    bool tracked;                    /* slow place */
    struct atm_arena *arena;
    struct atm__path_graph *g;
    uint32_t cap;
    uint32_t node[2][STATES];        /* of this layer and the next */
    struct state state[2][STATES];
    uint32_t n_state[2];
    bool failed;
};

static void add_arc(struct builder *b, const struct atm__arc *arc)
{
    struct atm__arc *bigger =
        atm_arena_grow(b->arena, b->g->arc, &b->cap, b->g->n_arcs + 1,
                       sizeof(*arc));

    if (!bigger) {
        b->failed = true;
        return;
    }
    b->g->arc = bigger;
    b->g->arc[b->g->n_arcs++] = *arc;
}

/* Arc into a state of the next layer. */
static void to_state(struct builder *b, struct atm__arc arc, struct state to)
{
    uint32_t *node = &b->node[1][code(to)];

    if (*node == ATM_NONE) {
        *node = b->g->n_nodes++;
        b->state[1][b->n_state[1]++] = to;
    }
    arc.to = *node;
    add_arc(b, &arc);
}

/* Arcs into a fast station: written there or not, place still needed or not,
 * about to give or not. */
static void to_fast(struct builder *b, struct atm__arc arc, struct state to,
                    bool dirty, uint32_t touched)
{
    uint32_t i = arc.station, k = b->s->kernel[i], open;
    bool done[2] = {to.place != PLACE_OPEN, true};

    arc.fast = true;
    dirty |= b->s->made[i] != 0;
    for (open = 0; open < 2; open++) {
        struct atm__arc a = arc;
        struct state next = to;

        if (open && (done[0] || !b->tracked || !touched))
            continue; /* an open place closes right after a touch only */
        if (b->tracked && to.place == PLACE_OPEN) {
            next.place = open ? PLACE_DONE : PLACE_OPEN;
            a.to_phase = open ? touched : 3 * k + 2;
        }
        next.at = dirty ? AT_DIRTY : AT_CLEAN;
        to_state(b, a, next);
        if (!b->gives[i])
            continue;
        a.give = true;
        next.at = dirty ? AT_DIRTY_GIVES : AT_CLEAN_GIVES;
        to_state(b, a, next);
    }
}

/* Leaves fast memory (or is not there): the state in slow memory, seconds of
 * the eviction; false: it has no copy there, or may not move. */
static bool leave(const struct builder *b, struct state from, uint32_t i,
                  struct state *to, double *seconds)
{
    *to = from;
    *seconds = 0;
    to->at = AT_SLOW;
    if (from.at == AT_SLOW)
        return true;
    if (from.place == PLACE_DONE || b->m->static_only)
        return false;
    if (from.at == AT_DIRTY)
        *seconds = b->s->evict_s;
    else if (from.at != AT_CLEAN_GIVES &&
             (from.at != AT_CLEAN || (i > 0 && b->gives[i - 1])))
        return false;
    to->left = from.round != ROUND_SLOW;
    if (b->tracked)
        to->place = PLACE_OPEN;
    return true;
}

/* All arcs from state `from` (after station i-1) over station i. */
static void over_station(struct builder *b, struct state from, uint32_t i)
{
    const struct atm_storage *s = b->s;
    uint32_t k = s->kernel[i], before = i ? s->kernel[i - 1] : 0;
    uint32_t place0 = i ? 3 * before + 2 : 0;
    struct atm__arc arc = {.from = b->node[0][code(from)], .station = i};
    struct atm__arc a;
    struct state to;
    double seconds;

    if (from.at == AT_NEW) {
        to = from;
        to_fast(b, arc, to, true, 0);
        to.at = AT_SLOW;
        if (b->tracked) {
            to.place = PLACE_OPEN;
            arc.from_phase = 3 * k + 1;
            arc.to_phase = 3 * k + 2;
        }
        to_state(b, arc, to);
        return;
    }
    if (from.at != AT_LOST && leave(b, from, i, &to, &seconds)) {
        a = arc;
        a.seconds = seconds;
        if (b->tracked) {
            a.from_phase = place0;
            a.to_phase = 3 * k + 2;
        }
        to_state(b, a, to);
        a.seconds += s->fetch_s;
        a.fetch = true;
        if (!b->m->static_only)
            to_fast(b, a, to, false, 3 * k + 1);
    }
    if (i >= b->rest_optional && !s->circle && !s->out && i > 0 &&
        !((from.at == AT_CLEAN || from.at == AT_DIRTY) && b->gives[i - 1])) {
        a = arc;
        a.lost = true;
        to = from;
        to.at = AT_LOST;
        to.place = PLACE_DONE;
        to_state(b, a, to);
    }
    if (from.at == AT_CLEAN || from.at == AT_DIRTY) {
        a = arc;
        a.keep = true;
        a.from_kernel = i ? before + 1 : 0;
        a.to_kernel = k;
        if (b->tracked && from.place == PLACE_OPEN)
            a.from_phase = place0;
        to_fast(b, a, from, from.at == AT_DIRTY, 0);
    }
}

/* The arc from `from` (after the last station) to the end, if there is one. */
static void over_end(struct builder *b, struct state from, uint32_t end)
{
    const struct atm_storage *s = b->s;
    uint32_t n = b->m->p->n_kernels, m = s->n_stations;
    uint32_t k = s->kernel[m - 1];
    struct atm__arc arc = {.from = b->node[0][code(from)],
                           .to = end,
                           .station = ATM_NONE};
    bool fast = from.at == AT_CLEAN || from.at == AT_DIRTY;
    struct state to;

    if (s->arg)
        arc.to_phase = 3 * n;
    if (s->circle && from.round != ROUND_SLOW) {
        if (!from.left || from.at != (from.round == ROUND_CLEAN ? AT_CLEAN
                                                                : AT_DIRTY))
            return;
        arc.keep = true;
        arc.from_kernel = k + 1;
        arc.to_kernel = n;
        add_arc(b, &arc);
        return;
    }
    if (!s->circle && !s->out) {
        if (!(fast && b->gives[m - 1])) /* giving is as good */
            add_arc(b, &arc);
        return;
    }
    if (s->out && fast) {
        struct atm__arc a = arc;

        a.keep = true;
        a.from_kernel = k + 1;
        a.to_kernel = n;
        add_arc(b, &a);
    }
    if (from.at == AT_LOST || !leave(b, from, m, &to, &arc.seconds))
        return;
    if (b->tracked) {
        arc.from_phase = 3 * k + 2;
        arc.to_phase = 3 * n;
    }
    add_arc(b, &arc);
}

static void swap_layers(struct builder *b)
{
    uint32_t i;

    for (i = 0; i < b->n_state[0]; i++)
        b->node[0][code(b->state[0][i])] = ATM_NONE;
    for (i = 0; i < b->n_state[1]; i++) {
        unsigned c = code(b->state[1][i]);

        b->node[0][c] = b->node[1][c];
        b->node[1][c] = ATM_NONE;
        b->state[0][i] = b->state[1][i];
    }
    b->n_state[0] = b->n_state[1];
    b->n_state[1] = 0;
}

/* First states: nothing, a valid slow copy, or three ways over the boundary. */
static void first_states(struct builder *b)
{
    struct state s = {.at = b->s->arg ? AT_SLOW : AT_NEW};

    b->g->n_nodes = 1;
    b->node[0][code(s)] = 0;
    b->state[0][b->n_state[0]++] = s;
    if (!b->s->circle || b->m->static_only)
        return;
    /* the same first node: which round it is shows in the first arc */
    s.round = ROUND_CLEAN;
    s.at = AT_CLEAN;
    b->node[0][code(s)] = 0;
    b->state[0][b->n_state[0]++] = s;
    s.round = ROUND_DIRTY;
    s.at = AT_DIRTY;
    b->node[0][code(s)] = 0;
    b->state[0][b->n_state[0]++] = s;
}

/* In a round that crosses in fast memory, the state before station 0 is kept:
 * leaving before it would be leaving in the gap that is kept. */
static bool may_start(const struct builder *b, struct state s, uint32_t i)
{
    (void)b;
    return i > 0 || s.round == ROUND_SLOW;
}

static void drop_dead_ends(struct atm__path_graph *g, uint8_t *alive)
{
    uint32_t i, n = 0;

    memset(alive, 0, g->n_nodes);
    alive[g->n_nodes - 1] = 1;
    for (i = g->n_arcs; i-- > 0;)
        alive[g->arc[i].from] |= alive[g->arc[i].to];
    for (i = 0; i < g->n_arcs; i++)
        if (alive[g->arc[i].to])
            g->arc[n++] = g->arc[i];
    g->n_arcs = n;
}

static enum atm_status build_graph(struct builder *b)
{
    const struct atm_storage *s = b->s;
    uint32_t i, j, end, n = b->m->p->n_kernels;
    struct atm__arc whole = {.station = ATM_NONE, .to_phase =
                             s->arg ? 3 * n : 0};
    uint8_t *alive;

    b->n_state[0] = b->n_state[1] = 0;
    first_states(b);
    for (i = 0; i < s->n_stations && s->fixed != ATM_FIXED_FAST; i++) {
        for (j = 0; j < b->n_state[0]; j++)
            if (may_start(b, b->state[0][j], i)) {
                over_station(b, b->state[0][j], i);
            } else { /* only kept */
                struct atm__arc a = {.station = 0, .keep = true,
                                     .to_kernel = s->kernel[0]};

                to_fast(b, a, b->state[0][j],
                        b->state[0][j].at == AT_DIRTY, 0);
            }
        swap_layers(b);
    }
    end = b->g->n_nodes++;
    for (j = 0; j < b->n_state[0] && s->n_stations &&
                s->fixed != ATM_FIXED_FAST; j++)
        over_end(b, b->state[0][j], end);
    whole.to = end;
    if (s->n_stations == 0 && s->fixed != ATM_FIXED_FAST)
        add_arc(b, &whole);
    whole.resident = true;
    whole.to_kernel = n;
    whole.to_phase = 0;
    if (s->arg && s->fixed != ATM_FIXED_SLOW)
        add_arc(b, &whole);
    for (j = 0; j < b->n_state[0]; j++)
        b->node[0][code(b->state[0][j])] = ATM_NONE;
    alive = b->failed ? NULL : atm_arena_array(b->arena, b->g->n_nodes, 1);
    if (!alive)
        return ATM_NOMEM;
    drop_dead_ends(b->g, alive);
    return ATM_OK;
}

/* Orders arcs by `from`: the resident arc comes last but leaves node 0. */
static void sort_arcs(struct atm__path_graph *g)
{
    uint32_t i, j;

    for (i = 1; i < g->n_arcs; i++) {
        struct atm__arc a = g->arc[i];

        for (j = i; j > 0 && g->arc[j - 1].from > a.from; j--)
            g->arc[j] = g->arc[j - 1];
        g->arc[j] = a;
    }
}

static uint32_t use_of(struct atm__model *m, struct atm__kernel *k,
                       uint32_t kernel, uint32_t tensor, uint32_t position)
{
    uint32_t s = m->st.of[tensor], i, lo = 0, hi;

    for (i = 0; i < k->n; i++)
        if (k->use[i].storage == s)
            return i;
    k->use[k->n].storage = s;
    k->use[k->n].position = position;
    hi = m->st.s[s].n_stations;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (m->st.s[s].kernel[mid] < kernel)
            lo = mid + 1;
        else
            hi = mid;
    }
    k->use[k->n].station = lo;
    return k->n++;
}

static uint32_t use_index(const struct atm__model *m, uint32_t k,
                          uint32_t tensor)
{
    return atm__use_index(m, k, m->st.of[tensor]);
}

/* The numbering of operands in certificates: the kernel's own list, then what
 * only variants name, without those that no variant uses. */
static enum atm_status build_kernel(struct atm__model *m, uint32_t i)
{
    const struct atm_problem_kernel *k = &m->p->kernel[i];
    struct atm__kernel *to = &m->kernel[i];
    uint32_t v, j, q, cap = k->n_in + k->n_out, n = 0;
    uint32_t *seen;

    for (v = 0; v < k->n_variants; v++)
        cap += k->variant[v].t.n;
    to->use = atm_arena_array(m->arena, cap, sizeof(*to->use));
    to->bit = atm_arena_array(m->arena, k->n_variants, sizeof(*to->bit));
    to->all = atm_arena_array(m->arena, k->n_variants, sizeof(*to->all));
    seen = atm_arena_array(m->arena, cap, sizeof(*seen));
    if (!to->use || !to->bit || !to->all || !seen)
        return ATM_NOMEM;
    for (j = 0; j < k->n_in + k->n_out; j++) {
        bool used = false;

        for (v = 0; v < k->n_variants && !used; v++)
            for (q = 0; q < k->variant[v].t.n; q++)
                used |= k->variant[v].operand[q] == k->operand[j];
        if (used) {
            (void)use_of(m, to, i, k->operand[j], n);
            seen[n++] = k->operand[j];
        }
    }
    for (v = 0; v < k->n_variants; v++) {
        const struct atm_variant *w = &k->variant[v];

        to->bit[v] = atm_arena_array(m->arena, w->t.n, sizeof(**to->bit));
        if (!to->bit[v])
            return ATM_NOMEM;
        for (j = 0; j < w->t.n; j++) {
            for (q = 0; q < n && seen[q] != w->operand[j]; q++)
                ;
            if (q == n)
                seen[n++] = w->operand[j];
            to->bit[v][j] = use_of(m, to, i, w->operand[j], q);
            if (to->n > 64)
                return atm_fail(ATM_UNSUPPORTED,
                                "kernel %u: more than 64 operands", i);
            to->all[v] |= UINT64_C(1) << to->bit[v][j];
        }
    }
    to->n_positions = n;
    to->operand = seen;
    for (j = 0; j < k->n_pairs; j++) {
        uint32_t a = use_index(m, i, k->operand[k->pair[j].in]);
        uint32_t b = use_index(m, i, k->operand[k->n_in + k->pair[j].out]);

        if (k->pair[j].must)
            to->must |= UINT64_C(1) << a | UINT64_C(1) << b;
    }
    for (j = 0; j < k->n_pairs; j++) {
        uint32_t a = use_index(m, i, k->operand[k->pair[j].in]);
        uint32_t b = use_index(m, i, k->operand[k->n_in + k->pair[j].out]);

        if (k->pair[j].must || a == to->n || b == to->n ||
            (to->must >> a & 1) || (to->must >> b & 1))
            continue;
        to->shares = true;
        to->use[a].n_pairs_in++;
    }
    return ATM_OK;
}

static enum atm_status build_graphs(struct atm__model *m)
{
    struct builder *b = atm_arena_alloc(m->arena, sizeof(*b));
    uint8_t **optional = atm_arena_array(m->arena, m->st.n,
                                         sizeof(*optional));
    uint8_t **gives = atm_arena_array(m->arena, m->st.n, sizeof(*gives));
    enum atm_status st = ATM_OK;
    uint32_t i, j, v;

    if (!b || !optional || !gives)
        return ATM_NOMEM;
    for (i = 0; i < m->st.n; i++) {
        optional[i] = atm_arena_array(m->arena, m->st.s[i].n_stations, 1);
        gives[i] = atm_arena_array(m->arena, m->st.s[i].n_stations, 1);
        if (!optional[i] || !gives[i])
            return ATM_NOMEM;
    }
    for (i = 0; i < m->p->n_kernels; i++)
        for (j = 0; j < m->kernel[i].n; j++) {
            const struct atm__use *u = &m->kernel[i].use[j];

            gives[u->storage][u->station] = u->n_pairs_in > 0;
            for (v = 0; v < m->p->kernel[i].n_variants; v++)
                if (!(m->kernel[i].all[v] >> j & 1))
                    optional[u->storage][u->station] = 1;
        }
    memset(b->node, 0xff, sizeof(b->node));
    for (i = 0; i < m->st.n && !st; i++) {
        b->m = m;
        b->s = &m->st.s[i];
        b->arena = m->arena;
        b->g = &m->graph[i];
        b->cap = 0;
        b->optional = optional[i];
        b->gives = gives[i];
        b->tracked = m->slow_limited && !b->s->arg;
        b->rest_optional = b->s->n_stations;
        while (b->rest_optional > 0 && optional[i][b->rest_optional - 1])
            b->rest_optional--;
        st = build_graph(b);
        sort_arcs(b->g);
        m->arc_of[i + 1] = m->arc_of[i] + b->g->n_arcs;
    }
    return st;
}

enum atm_status atm__model_new(const struct atm_problem *p, uint64_t budget,
                               bool static_only, struct atm__model **model)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__model *m = arena ? atm_arena_alloc(arena, sizeof(*m)) : NULL;
    enum atm_status st;
    uint32_t i;

    *model = NULL;
    if (!m) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    m->p = p;
    m->arena = arena;
    m->budget = budget;
    m->static_only = static_only;
    m->slow_limited = p->slow_bytes != UINT64_MAX;
    st = atm__problem_storages(p, arena, &m->st);
    if (st)
        goto err_delete;
    for (i = 0; i < m->st.n; i++)
        m->total_bytes += m->st.s[i].bytes;
    m->kernel = atm_arena_array(arena, p->n_kernels, sizeof(*m->kernel));
    m->graph = atm_arena_array(arena, m->st.n, sizeof(*m->graph));
    m->arc_of = atm_arena_array(arena, m->st.n + 1, sizeof(*m->arc_of));
    if (!m->kernel || !m->graph || !m->arc_of) {
        st = ATM_NOMEM;
        goto err_delete;
    }
    for (i = 0; i < p->n_kernels && !st; i++)
        st = build_kernel(m, i);
    if (!st)
        st = build_graphs(m);
    if (st)
        goto err_delete;
    *model = m;
    return ATM_OK;

err_delete:
    atm_arena_delete(arena);
    return st;
}

void atm__model_delete(struct atm__model **model)
{
    if (*model)
        atm_arena_delete((*model)->arena);
    *model = NULL;
}

double atm__shortest(const struct atm__path_graph *g, const double *cost,
                     uint32_t *path, uint32_t *n_path)
{
    enum { SMALL = 256 };
    double few[SMALL], *dist = few;
    uint32_t few_arc[SMALL], *arc = few_arc, i, at, n = 0;
    double best;

    if (g->n_nodes > SMALL) {
        dist = atm_alloc_array(g->n_nodes, sizeof(*dist));
        arc = atm_alloc_array(g->n_nodes, sizeof(*arc));
    }
    if (!dist || !arc) {
        if (n_path)
            *n_path = 0;
        best = INFINITY;
        goto out;
    }
    for (i = 0; i < g->n_nodes; i++) {
        dist[i] = INFINITY;
        arc[i] = ATM_NONE;
    }
    dist[0] = 0;
    for (i = 0; i < g->n_arcs; i++) {
        const struct atm__arc *a = &g->arc[i];
        double d = dist[a->from] + cost[i];

        if (d < dist[a->to]) {
            dist[a->to] = d;
            arc[a->to] = i;
        }
    }
    best = dist[g->n_nodes - 1];
    if (n_path) {
        *n_path = 0;
        for (at = g->n_nodes - 1; best < INFINITY && at != 0;
             at = g->arc[arc[at]].from)
            n++;
        *n_path = n;
        for (at = g->n_nodes - 1; n > 0; at = g->arc[arc[at]].from)
            path[--n] = arc[at];
    }
out:
    if (g->n_nodes > SMALL) {
        atm_free(dist);
        atm_free(arc);
    }
    return best;
}

uint32_t atm__use_index(const struct atm__model *m, uint32_t k,
                        uint32_t storage)
{
    uint32_t j;

    for (j = 0; j < m->kernel[k].n && m->kernel[k].use[j].storage != storage;
         j++)
        ;
    return j;
}

double atm__kernel_seconds(const struct atm__model *m, uint32_t k, uint32_t v,
                           uint64_t slow)
{
    const struct atm_table *t = &m->p->kernel[k].variant[v].t;
    const uint32_t *bit = m->kernel[k].bit[v];
    uint64_t mask = 0;
    uint32_t j;

    for (j = 0; j < t->n; j++)
        mask |= (slow >> bit[j] & 1) << j;
    return atm_table_at(t, mask);
}
