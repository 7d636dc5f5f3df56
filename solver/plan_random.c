/* plan_random.c - a random legal plan within the budget: what verification
 * compares with, since its moves have nothing to do with any objective.
 *
 * Starts from all-slow and re-draws the paths of a few storages at a time,
 * keeping what stays legal and fits. */
#include "baseline.h"
#include "planner_rows.h"
#include "rng.h"

#include <string.h>

#define BATCHES 512

struct draws {
    uint64_t seed, n;
};

static bool coin(struct draws *r)
{
    return atm_rng_u64(r->seed, r->n++) & 1;
}

/* Any fast stations, any gaps kept between them: moves follow, and a plan
 * without its slow copy cannot arise since what leaves is written first. */
static void draw_path(const struct atm_baseline *b, uint32_t id,
                      struct draws *r)
{
    const struct atm_storage *s = &b->st.s[id];
    struct atm_path *path = &b->d.path[id];
    uint32_t m = s->n_stations, i;

    if (s->fixed == ATM_FIXED_FAST)
        return;
    path->resident = s->arg && s->fixed != ATM_FIXED_SLOW && coin(r) && coin(r);
    memset(path->kept, 0, s->n_gaps);
    for (i = 0; i < m; i++) {
        bool used = atm__uses(&b->d, s->kernel[i], id);
        bool stays = i && path->fast[i - 1] && coin(r);

        path->fast[i] = stays || (used && coin(r));
        if (i)
            path->kept[i - 1] = stays;
    }
    if (s->n_gaps == m && m && path->fast[m - 1]) {
        if (!s->circle)
            path->kept[m - 1] = coin(r);
        else if (m > 1 && path->fast[0] && coin(r))
            path->kept[m - 1] = memchr(path->kept, 0, m - 1) != NULL;
    }
}

static void copy_path(const struct atm_storage *s, struct atm_path *to,
                      const struct atm_path *from)
{
    to->resident = from->resident;
    memcpy(to->fast, from->fast, s->n_stations);
    memcpy(to->kept, from->kept, s->n_gaps);
}

static enum atm_status wander(struct atm_baseline *b, uint64_t budget,
                              uint64_t seed)
{
    struct draws r = {seed, 0};
    struct atm_decisions old;
    enum atm_status st;
    uint64_t slow_limit = UINT64_MAX; /* a slow pool too full may only drain */
    uint32_t batch = b->st.n / 64 + 1, i, j;

    st = atm__decisions_new(b->p, &b->st, b->arena, &old);
    for (i = 0; i < BATCHES && !st && b->st.n; i++) {
        uint64_t at = atm_rng_u64(r.seed, r.n++);
        struct atm_tally t = {0};

        for (j = 0; j < batch; j++) {
            uint32_t s = (uint32_t)((at + j) % b->st.n);

            if (j < b->st.n) {
                copy_path(&b->st.s[s], &old.path[s], &b->d.path[s]);
                draw_path(b, s, &r);
            }
        }
        st = atm__share(&b->d, b->arena);
        if (!st)
            st = atm__tally(&b->d, &t);
        if (st == ATM_NOMEM)
            return st;
        if (!st && t.fast_peak <= budget && t.slow_peak <= slow_limit) {
            slow_limit =
                t.slow_peak > b->p->slow_bytes ? t.slow_peak : b->p->slow_bytes;
            continue;
        }
        for (j = 0; j < batch && j < b->st.n; j++) {
            uint32_t s = (uint32_t)((at + j) % b->st.n);

            copy_path(&b->st.s[s], &b->d.path[s], &old.path[s]);
        }
        st = ATM_OK;
    }
    return st ? st : atm__share(&b->d, b->arena);
}

static enum atm_status draw_plan(struct atm_baseline *b, uint64_t fill,
                                 const void *user)
{
    enum atm_status st = atm__choose_slow(b);

    return st ? st : wander(b, fill, *(const uint64_t *)user);
}

enum atm_status atm__plan_random(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 struct atm_placement **placement)
{
    return atm__baseline_plan(p, o, draw_plan, &o->seed, placement);
}
