/* fit.c - addresses for a plan: where the packing misses the budget, a search
 * for the best plan that can be packed.
 *
 * Best first over limits per kernel: a plan that cannot be packed has
 * children with a lower limit at a kernel under a box that ends above the
 * budget, by one byte (least change) or by the measured excess (surest).
 * If that does not end soon, kernels under such boxes go to their own least
 * needs, at last all of them: then each holds nothing but its own operands,
 * and one-kernel residences stack without loss.
 */
#include "search.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NODES_SMALL 96
#define NODES_ROUGH 16 /* where no gap is asked for */
#define ROUNDS_LARGE 8
#define LOSS_FINE 0.0005 /* of the objective */
#define FALLBACK_ROUNDS 16
#define SCALE_ROUNDS 6
#define SCALE_MORE 0.998

struct node {
    struct atm__plan *plan; /* with its limits; null: taken */
    double seconds;
};

struct fit {
    struct atm__search *s;
    struct node node[NODES_SMALL];
    uint32_t n_nodes, most, rounds; /* at most NODES_SMALL of both */
    uint64_t *limit, *total, fixed;
    uint64_t *top;          /* per kernel: end of its highest box */
};

static enum atm_status place(const struct atm__search *s,
                             const struct atm__plan *a,
                             struct atm_placement **out)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_decisions d;
    enum atm_status st;
    uint32_t i, j;

    if (!arena)
        return ATM_NOMEM;
    st = atm__decisions_new(s->p, &s->m->st, arena, &d);
    for (i = 0; i < s->m->st.n && !st; i++) {
        const struct atm_storage *x = &s->m->st.s[i];

        d.path[i].resident = a->resident[i];
        for (j = 0; j < x->n_stations && !a->resident[i]; j++) {
            d.path[i].fast[j] = a->spot[i][j].fast;
            if (j < x->n_gaps)
                d.path[i].kept[j] = a->spot[i][j].keep;
        }
    }
    if (!st) {
        memcpy(d.variant, a->variant, s->p->n_kernels * sizeof(*d.variant));
        st = atm__share(&d, arena);
    }
    if (!st)
        st = atm__decide(&d, s->o->budget_bytes, out);
    atm_arena_delete(arena);
    return st;
}

static bool fits(const struct atm__search *s, const struct atm_placement *a)
{
    return a->packing.height <= s->o->budget_bytes &&
           (s->p->slow_bytes == UINT64_MAX ||
            a->slow_peak_bytes <= s->p->slow_bytes);
}

static bool has_node(const struct fit *f, const uint64_t *limit)
{
    uint32_t i;

    for (i = 0; i < f->n_nodes; i++)
        if (f->node[i].plan &&
            memcmp(f->node[i].plan->limit, limit,
                   f->s->p->n_kernels * sizeof(*limit)) == 0)
            return true;
    return false;
}

/* A child: the best plan under f->limit. */
static enum atm_status add_node(struct fit *f, const struct atm__plan *from)
{
    struct atm__search *s = f->s;
    struct node *n = &f->node[f->n_nodes];
    enum atm_status st;

    if (f->n_nodes == f->most || has_node(f, f->limit))
        return ATM_OK;
    st = atm__search_again(s, from, f->limit);
    if (st || s->best_s == INFINITY)
        return st;
    st = atm__plan_new(s->m, &n->plan);
    if (st)
        return st;
    atm__plan_copy(n->plan, s->best);
    n->seconds = s->best_s;
    f->n_nodes++;
    return ATM_OK;
}

/* Ends of the highest boxes, and what each kernel holds. */
static void survey(struct fit *f, const struct atm_placement *a,
                   const struct atm__plan *plan)
{
    uint32_t i, k, n = f->s->p->n_kernels;

    for (k = 0; k < n; k++) {
        f->top[k] = 0;
        f->total[k] = atm__plan_held(plan, k);
    }
    for (i = 0; i < a->n_boxes; i++) {
        const struct atm_box *b = &a->box[i];
        uint32_t len = (b->last + n - b->first) % n + 1;

        for (k = b->first; len > 0 && b->tier == 0;
             len--, k = (k + 1) % n)
            if (b->offset + b->bytes > f->top[k])
                f->top[k] = b->offset + b->bytes;
    }
}

/* Sets f->limit: those of `from`, lower by the excess under each box that
 * ends above the budget (to the least need, if `least`). */
static bool cut_all(struct fit *f, const struct atm__plan *from, bool least)
{
    uint64_t budget = f->s->o->budget_bytes;
    uint32_t k, n = f->s->p->n_kernels;
    bool lowered = false;

    memcpy(f->limit, from->limit, n * sizeof(*f->limit));
    for (k = 0; k < n; k++) {
        uint64_t excess = f->top[k] > budget ? f->top[k] - budget : 0;
        uint64_t need = atm__problem_need(f->s->p, k) + f->fixed;
        uint64_t to = least || f->limit[k] < need + excess
                          ? need
                          : f->limit[k] - excess;

        if (excess && to < f->limit[k]) {
            lowered |= f->total[k] > to;
            f->limit[k] = to;
        }
    }
    return lowered;
}

/* The fullest kernel, of those not in `done`, under a box that is too high. */
static uint32_t fullest(const struct fit *f, const uint8_t *done)
{
    uint32_t k, best = ATM_NONE;

    for (k = 0; k < f->s->p->n_kernels; k++)
        if (f->top[k] > f->s->o->budget_bytes && !done[k] &&
            f->total[k] > atm__problem_need(f->s->p, k) + f->fixed &&
            (best == ATM_NONE || f->total[k] > f->total[best]))
            best = k;
    return best;
}

/* Sets f->limit: one byte less at the fullest kernel under each box that ends
 * too high; false: none can have less. */
static bool nudge(struct fit *f, const struct atm__plan *plan,
                  const struct atm_placement *a)
{
    uint64_t budget = f->s->o->budget_bytes;
    uint32_t i, k, n = f->s->p->n_kernels;
    bool lowered = false;

    memcpy(f->limit, plan->limit, n * sizeof(*f->limit));
    for (i = 0; i < a->n_boxes; i++) {
        const struct atm_box *b = &a->box[i];
        uint32_t len = (b->last + n - b->first) % n + 1, at = ATM_NONE;

        if (b->tier != 0 || b->offset + b->bytes <= budget)
            continue;
        for (k = b->first; len > 0; len--, k = (k + 1) % n)
            if (f->total[k] > atm__problem_need(f->s->p, k) + f->fixed &&
                (at == ATM_NONE || f->total[k] > f->total[at]))
                at = k;
        if (at != ATM_NONE && f->total[at] - 1 < f->limit[at]) {
            f->limit[at] = f->total[at] - 1;
            lowered = true;
        }
    }
    return lowered;
}

static enum atm_status expand(struct fit *f, const struct atm__plan *plan,
                              const struct atm_placement *a)
{
    uint32_t n = f->s->p->n_kernels, i, k;
    uint8_t *done = atm_alloc_array(n, 1);
    enum atm_status st = done ? ATM_OK : ATM_NOMEM;

    if (st)
        return st;
    survey(f, a, plan);
    if (cut_all(f, plan, false))
        st = add_node(f, plan);
    for (i = 0; i < n && !st; i++) {
        k = fullest(f, done);
        if (k == ATM_NONE)
            break;
        done[k] = 1;
        memcpy(f->limit, plan->limit, n * sizeof(*f->limit));
        f->limit[k] = f->total[k] - 1;
        st = add_node(f, plan);
    }
    atm_free(done);
    return st;
}

/* ---- small problems: exclusions ---- */

/* Boxes in fast memory as the packer sees them; shared pairs are one. */
struct group {
    struct atm_pack_box pack;
    uint32_t box;            /* of the placement; those joined follow `next` */
};

static uint32_t groups(const struct atm__search *s,
                       const struct atm_placement *a, struct group *g,
                       uint32_t *next)
{
    uint32_t i, j, q, n = 0, end = 3 * s->p->n_kernels;

    for (i = 0; i < a->n_boxes; i++) {
        const struct atm_box *b = &a->box[i];
        bool over = b->first_phase > b->last_phase;

        next[i] = ATM_NONE;
        if (b->tier != 0)
            continue;
        g[n].box = i;
        g[n++].pack = (struct atm_pack_box){
            .bytes = b->bytes, .align = s->p->align, .lower = b->first_phase,
            .upper = over ? end : b->last_phase + 1,
            .upper2 = over ? b->last_phase + 1 : 0,
            .fixed = b->tensor != ATM_NONE &&
                     s->p->tensor[b->tensor].fixed == ATM_FIXED_FAST,
            .offset = b->offset};
    }
    for (q = 0; q < a->n_shared; q++) {
        const struct atm_problem_kernel *k =
            &s->p->kernel[a->shared[q].kernel];
        const struct atm_problem_pair *pair = &k->pair[a->shared[q].pair];
        uint32_t in = s->m->st.of[k->operand[pair->in]];
        uint32_t out = s->m->st.of[k->operand[k->n_in + pair->out]];
        uint32_t from = ATM_NONE, to = ATM_NONE, at;

        for (j = 0; j < n; j++)
            for (at = g[j].box; at != ATM_NONE; at = next[at]) {
                const struct atm_box *b = &a->box[at];

                if (b->tensor == ATM_NONE)
                    continue;
                if (s->m->st.of[b->tensor] == in &&
                    b->last == a->shared[q].kernel)
                    from = j;
                if (s->m->st.of[b->tensor] == out &&
                    b->first == a->shared[q].kernel)
                    to = j;
            }
        if (from == ATM_NONE || to == ATM_NONE || from == to)
            continue;
        if (g[from].pack.upper2)
            g[from].pack.upper2 = g[to].pack.upper;
        else
            g[from].pack.upper = g[to].pack.upper;
        g[from].pack.upper2 = g[from].pack.upper2 ? g[from].pack.upper2
                                                  : g[to].pack.upper2;
        for (at = g[from].box; next[at] != ATM_NONE; at = next[at])
            ;
        next[at] = g[to].box;
        g[to] = g[--n];
    }
    return n;
}

static enum atm_status height_of(const struct atm__search *s,
                                 const struct group *g, uint32_t n,
                                 uint32_t without,
                                 struct atm_pack_box *pack, uint64_t *height)
{
    uint64_t bound;
    uint32_t i, k = 0;

    for (i = 0; i < n; i++)
        if (i != without)
            pack[k++] = g[i].pack;
    return atm_pack(pack, k, s->o->budget_bytes, height, &bound);
}

/* A least set of boxes that cannot be packed together is taken out of the
 * program; false: it is not the fast pool that lacks. */
static enum atm_status exclude(struct fit *f, const struct atm_placement *a,
                               bool *did)
{
    struct atm__search *s = f->s;
    struct atm_arena *arena = atm_arena_new();
    struct group *g;
    struct atm_pack_box *pack;
    struct atm_box *box;
    uint32_t *next, n, i, n_box = 0, at;
    uint64_t height = 0;
    enum atm_status st = ATM_NOMEM;

    *did = false;
    if (!arena)
        return ATM_NOMEM;
    g = atm_arena_array(arena, a->n_boxes, sizeof(*g));
    pack = atm_arena_array(arena, a->n_boxes, sizeof(*pack));
    box = atm_arena_array(arena, a->n_boxes, sizeof(*box));
    next = atm_arena_array(arena, a->n_boxes, sizeof(*next));
    if (!g || !pack || !box || !next)
        goto err_delete;
    n = groups(s, a, g, next);
    st = height_of(s, g, n, ATM_NONE, pack, &height);
    if (st || height <= s->o->budget_bytes)
        goto err_delete;
    for (i = 0; i < n && !st;) {
        st = height_of(s, g, n, i, pack, &height);
        if (!st && height > s->o->budget_bytes)
            g[i] = g[--n];
        else
            i++;
    }
    for (i = 0; i < n && !st; i++)
        for (at = g[i].box; at != ATM_NONE; at = next[at])
            if (a->box[at].tensor != ATM_NONE ||
                s->p->kernel[a->box[at].kernel].n_variants > 1)
                box[n_box++] = a->box[at];
    if (!st && n_box > 0) {
        st = atm__ilp_exclude(s->ilp, box, n_box);
        *did = !st;
    }

err_delete:
    atm_arena_delete(arena);
    return st;
}

/* Plans in the order of their objectives, without those of which a part has
 * been found to have no addresses. */
static enum atm_status by_exclusion(struct fit *f, struct atm_placement **out)
{
    struct atm__search *s = f->s;
    enum atm_status st = ATM_OK;
    bool did = true;
    uint32_t k;

    atm__plan_copy(s->best, f->node[0].plan);
    for (k = 0; k < s->p->n_kernels; k++)
        f->limit[k] = s->o->budget_bytes;
    while (f->rounds < f->most && did) {
        f->rounds++;
        st = place(s, s->best, out);
        if (st || fits(s, *out))
            return st;
        did = false;
        if (s->ilp)
            st = exclude(f, *out, &did);
        atm_placement_delete(out);
        if (st || !did)
            break;
        atm__plan_copy(s->spare, s->best);
        st = atm__search_again(s, s->spare, f->limit);
        if (st || s->best_s == INFINITY)
            break;
    }
    return st == ATM_INTERNAL ? ATM_OK : st;
}

static uint32_t cheapest(const struct fit *f)
{
    uint32_t i, best = ATM_NONE;

    for (i = 0; i < f->n_nodes; i++)
        if (f->node[i].plan &&
            (best == ATM_NONE || f->node[i].seconds < f->node[best].seconds))
            best = i;
    return best;
}

/* Best first; *out stays null where it does not end. */
static enum atm_status best_first(struct fit *f, struct atm_placement **out)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    while (!st && f->rounds < f->most) {
        struct atm__plan *plan;

        i = cheapest(f);
        if (i == ATM_NONE)
            break;
        plan = f->node[i].plan;
        f->node[i].plan = NULL;
        f->rounds++;
        st = place(f->s, plan, out);
        if (!st && !fits(f->s, *out)) {
            st = expand(f, plan, *out);
            atm_placement_delete(out);
        }
        atm__plan_delete(&plan);
        if (*out)
            break;
    }
    return st;
}

/* Large: a chain of cuts by the excess (`by_excess`) or of nudges, from the
 * plan of node 0; ends when it fits, or costs `worth` or more. */
static enum atm_status chain(struct fit *f, bool by_excess, double worth,
                             struct atm_placement **out)
{
    struct atm__search *s = f->s;
    enum atm_status st;
    uint32_t i;

    atm__plan_copy(s->best, f->node[0].plan);
    for (i = 0;; i++) {
        f->rounds++;
        st = place(s, s->best, out);
        if (st || fits(s, *out))
            return st;
        survey(f, *out, s->best);
        if (by_excess)
            (void)cut_all(f, s->best, false);
        else if (!nudge(f, s->best, *out))
            i = ROUNDS_LARGE;
        atm_placement_delete(out);
        if (i >= ROUNDS_LARGE)
            return ATM_OK;
        atm__plan_copy(s->spare, s->best);
        st = atm__search_again(s, s->spare, f->limit);
        if (st || s->best_s >= worth)
            return st;
    }
}

static bool stopped(const struct atm__search *s)
{
    return s->m->stop && s->m->stop(s->m->stop_user);
}

/* Cuts by the excess are sure; where they cost much, nudges may cost less. */
static enum atm_status chains(struct fit *f, struct atm_placement **out)
{
    struct atm_placement *other = NULL;
    double first = f->node[0].seconds;
    enum atm_status st;

    st = chain(f, true, INFINITY, out);
    if (st || (*out && ((*out)->objective <= first * (1 + LOSS_FINE) ||
                        stopped(f->s))))
        return st;
    st = chain(f, false, *out ? (*out)->objective : INFINITY, &other);
    if (!st && other && (!*out || other->objective < (*out)->objective)) {
        atm_placement_delete(out);
        *out = other;
        other = NULL;
    }
    atm_placement_delete(&other);
    return st;
}

/* Large, where cuts under the boxes do not end: all limits lower by what the
 * packing loses, and a little more each time. */
static enum atm_status scale_down(struct fit *f, struct atm_placement **out)
{
    struct atm__search *s = f->s;
    double budget = (double)s->o->budget_bytes, share = 1;
    enum atm_status st = ATM_OK;
    uint32_t i, k;

    atm__plan_copy(s->best, f->node[0].plan);
    for (i = 0; i < SCALE_ROUNDS && !st; i++) {
        f->rounds++;
        st = place(s, s->best, out);
        if (st || fits(s, *out))
            return st;
        share *= SCALE_MORE *
                 fmin(1, budget / (double)(*out)->packing.height);
        atm_placement_delete(out);
        for (k = 0; k < s->p->n_kernels; k++) {
            uint64_t need = atm__problem_need(s->p, k) + f->fixed;
            uint64_t limit = (uint64_t)(share * budget);

            f->limit[k] = limit > need ? limit : need;
        }
        atm__plan_copy(s->spare, s->best);
        st = atm__search_again(s, s->spare, f->limit);
        if (s->best_s == INFINITY)
            break;
    }
    return st;
}

static enum atm_status fall_back(struct fit *f, struct atm_placement **out)
{
    struct atm__search *s = f->s;
    enum atm_status st = ATM_OK;
    uint32_t i, k, n = s->p->n_kernels;

    for (k = 0; k < n; k++)
        f->limit[k] = s->o->budget_bytes;
    for (i = 0; i < FALLBACK_ROUNDS && !st; i++) {
        f->rounds++;
        if (i + 1 == FALLBACK_ROUNDS)
            for (k = 0; k < n; k++)
                f->limit[k] = atm__problem_need(s->p, k) + f->fixed;
        atm__plan_copy(s->spare, s->best);
        st = atm__search_again(s, s->spare, f->limit);
        if (!st && s->best_s == INFINITY)
            break;
        if (!st)
            st = place(s, s->best, out);
        if (st || fits(s, *out))
            return st;
        survey(f, *out, s->best);
        atm_placement_delete(out);
        (void)cut_all(f, s->best, true);
    }
    return st ? st
              : atm_fail(ATM_INFEASIBLE,
                         "no plan was found that can be packed into %" PRIu64
                         " bytes of fast%s memory; a larger budget may do",
                         s->o->budget_bytes,
                         s->m->slow_limited ? " and the given slow" : "");
}

enum atm_status atm__fit(struct atm__search *s, struct atm_placement **out)
{
    size_t n = s->p->n_kernels;
    struct fit *f = atm_alloc_array(1, sizeof(*f));
    enum atm_status st = ATM_NOMEM;
    bool small, fallback;
    uint32_t i;

    *out = NULL;
    if (!f)
        return ATM_NOMEM;
    f->s = s;
    f->limit = atm_alloc_array(n, sizeof(*f->limit));
    f->total = atm_alloc_array(n, sizeof(*f->total));
    f->top = atm_alloc_array(n, sizeof(*f->top));
    if (!f->limit || !f->total || !f->top)
        goto err_free;
    for (i = 0; i < s->m->st.n; i++)
        if (s->m->st.s[i].fixed == ATM_FIXED_FAST)
            f->fixed += s->m->st.s[i].bytes;
    st = atm__plan_new(s->m, &f->node[0].plan);
    if (st)
        goto err_free;
    atm__plan_copy(f->node[0].plan, s->best);
    f->node[0].seconds = s->best_s;
    f->n_nodes = 1;
    f->most = s->o->gap_target < 1 ? NODES_SMALL : NODES_ROUGH;
    small = n <= ATM__SMALL;
    st = small ? by_exclusion(f, out) : chains(f, out);
    if (!st && !*out && small) {
        f->rounds = 0;
        st = best_first(f, out);
    }
    if (!st && !*out && !small)
        st = scale_down(f, out);
    fallback = !st && !*out;
    if (fallback)
        st = fall_back(f, out);
    if (!st) {
        (*out)->packing.rounds = f->rounds;
        (*out)->packing.fallback = fallback;
    }
    for (i = 0; i < f->n_nodes; i++)
        atm__plan_delete(&f->node[i].plan);

err_free:
    atm_free(f->limit);
    atm_free(f->total);
    atm_free(f->top);
    atm_free(f);
    return st;
}
