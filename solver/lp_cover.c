/* lp_cover.c - lifted cover cuts of the fast rows (C12; Balas 1975), which
 * certificates can prove. Covers by three greedy orders, made minimal. */
#include "lp.h"

#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define CUTS_A_ROUND 60

/* May storages a and b be a may pair of kernel k? */
static bool may_pair(const struct atm__model *m, uint32_t k, uint32_t a,
                     uint32_t b)
{
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    uint32_t i;

    for (i = 0; i < pk->n_pairs; i++) {
        uint32_t in = m->st.of[pk->operand[pk->pair[i].in]];
        uint32_t out = m->st.of[pk->operand[pk->n_in + pk->pair[i].out]];

        if (!pk->pair[i].must && ((in == a && out == b) ||
                                  (in == b && out == a)))
            return true;
    }
    return false;
}

static uint64_t capacity_for_cover(const struct atm__model *m, uint32_t k)
{
    uint64_t scratch = UINT64_MAX, v;

    for (v = 0; v < m->p->kernel[k].n_variants; v++)
        if (m->p->kernel[k].variant[v].scratch_bytes < scratch)
            scratch = m->p->kernel[k].variant[v].scratch_bytes;
    return m->budget > scratch ? m->budget - scratch : 0;
}

/* Can storage s be in fast memory at kernel k at all? */
static bool can_cover(const struct atm__ilp *p, uint32_t s, uint32_t k)
{
    const struct atm_storage *st = &p->m->st.s[s];

    return st->n_stations &&
           (st->arg || (k >= st->kernel[0] &&
                        (st->out || k <= st->kernel[st->n_stations - 1])));
}

static double cover_key(const struct atm__ilp *p, uint32_t s, int way)
{
    double miss = 1 - p->dense[s], size = (double)p->m->st.s[s].bytes;

    return way == 0 ? miss / size : way == 1 ? miss : -size;
}

struct key {
    const struct atm__ilp *p;
    int way;
};

static int by_key(const void *a, const void *b, void *arg)
{
    const struct key *key = arg;
    uint32_t s = *(const uint32_t *)a, t = *(const uint32_t *)b;
    double x = cover_key(key->p, s, key->way);
    double y = cover_key(key->p, t, key->way);

    return x < y ? -1 : x > y ? 1 : s < t ? -1 : s > t;
}

/* A minimal cover of kernel k in sorted[0..n); returns its size or 0. */
static uint32_t find_cover(struct atm__ilp *p, uint32_t k, uint32_t n, int way,
                           uint32_t *cover)
{
    const struct atm__model *m = p->m;
    uint64_t sum = 0, capacity = capacity_for_cover(m, k);
    uint32_t i, j, c = 0, kept = 0;

    qsort_r(p->sorted, n, sizeof(*p->sorted), by_key,
            &(struct key){p, way});
    for (i = 0; i < n && sum <= capacity && c < 64; i++) {
        for (j = 0; j < c && !may_pair(m, k, cover[j], p->sorted[i]); j++)
            ;
        if (j < c)
            continue;
        cover[c++] = p->sorted[i];
        sum += m->st.s[p->sorted[i]].bytes;
    }
    if (sum <= capacity)
        return 0;
    /* drop what is not needed, least in the point first: kept in the order
     * of the key, so from behind */
    for (i = c; i-- > 0;)
        if (sum - m->st.s[cover[i]].bytes > capacity) {
            sum -= m->st.s[cover[i]].bytes;
            cover[i] = ATM_NONE;
        }
    for (i = 0; i < c; i++)
        if (cover[i] != ATM_NONE)
            cover[kept++] = cover[i];
    return kept;
}

struct cut {
    struct lazy lazy;
    double violation;
};

/* The lifted inequality of a cover; violation in *v. */
static bool lift(struct atm__ilp *p, uint32_t k, uint32_t *cover, uint32_t n,
                 struct atm_arena *arena, struct cut *cut)
{
    const struct atm__model *m = p->m;
    uint32_t i, j, s, t;
    uint64_t sum;
    double lhs = 0;

    for (i = 1; i < n; i++) /* by size, the largest first */
        for (j = i; j > 0 && m->st.s[cover[j]].bytes >
                                 m->st.s[cover[j - 1]].bytes; j--) {
            t = cover[j];
            cover[j] = cover[j - 1];
            cover[j - 1] = t;
        }
    cut->lazy = (struct lazy){.kind = COVER, .at = k, .b = (int64_t)n - 1};
    cut->lazy.storage = atm_arena_array(arena, m->st.n, 4);
    cut->lazy.a = atm_arena_array(arena, m->st.n, sizeof(int64_t));
    if (!cut->lazy.storage || !cut->lazy.a)
        return false;
    for (s = 0; s < m->st.n; s++) {
        int64_t a = 0;

        for (i = 0; i < n && cover[i] != s; i++)
            ;
        if (i < n) {
            a = 1;
        } else if (can_cover(p, s, k)) {
            for (i = 0, sum = 0; i < n; i++) {
                sum += m->st.s[cover[i]].bytes;
                if (m->st.s[s].bytes >= sum)
                    a = (int64_t)i + 1;
            }
            for (i = 0; i < cut->lazy.n && a; i++)
                if (may_pair(m, k, cut->lazy.storage[i], s))
                    a = 0;
            for (i = 0; i < n && a; i++)
                if (may_pair(m, k, cover[i], s))
                    a = 0;
        }
        if (!a)
            continue;
        cut->lazy.storage[cut->lazy.n] = s;
        cut->lazy.a[cut->lazy.n++] = a;
        lhs += (double)a * p->dense[s];
    }
    cut->violation = lhs - (double)(n - 1);
    return cut->violation > 1e-3;
}

uint32_t atm__lp_separate(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    struct cut *found = atm_arena_array(p->arena, CUTS_A_ROUND, sizeof(*found));
    uint32_t k, c, i, j, n, n_found = 0, cover[64];
    int way;

    atm__lp_measure(p);
    for (k = 0; k < m->p->n_kernels && found; k++) {
        struct lazy l = {.kind = FAST_ROW, .at = k};
        bool fractional = false;

        if (p->use[k] * p->byte_scale < 0.97 * atm__lp_row_limit(p, &l))
            continue;
        memset(p->dense, 0, m->st.n * sizeof(*p->dense));
        for (c = 1; c < p->col_of[m->st.n]; c++)
            if (p->x[c] > 1e-6 && atm__lp_covers(p, c, k))
                p->dense[p->col[c].owner] += p->x[c];
        for (i = n = 0; i < m->st.n; i++)
            if (p->dense[i] > 1e-6 && m->st.s[i].bytes) {
                fractional |= p->dense[i] < 1 - 1e-6;
                p->sorted[n++] = i;
            }
        for (way = 0; way < 3 && fractional; way++) {
            struct cut cut;
            uint32_t size = find_cover(p, k, n, way, cover);
            bool known = false;

            if (!size || !lift(p, k, cover, size, p->arena, &cut))
                continue;
            for (i = 0; i < n_found && !known; i++)
                known = found[i].lazy.n == cut.lazy.n &&
                        found[i].lazy.b == cut.lazy.b &&
                        memcmp(found[i].lazy.storage, cut.lazy.storage,
                               cut.lazy.n * 4) == 0;
            if (known)
                continue;
            for (i = n_found; i > 0 &&
                              found[i - 1].violation < cut.violation; i--)
                if (i < CUTS_A_ROUND)
                    found[i] = found[i - 1];
            if (i < CUTS_A_ROUND) {
                found[i] = cut;
                n_found += n_found < CUTS_A_ROUND;
            }
        }
    }
    for (j = 0; j < n_found; j++)
        atm__lp_add_lazy(p, found[j].lazy);
    return n_found;
}
