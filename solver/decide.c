/* decide.c - from decisions to a placement: each storage is walked along its
 * stations, which gives its moves and its boxes; boxes are packed.
 *
 * Phases: F(k) = 3k fetches, K(k) = 3k + 1 the kernel, E(k) = 3k + 2
 * evictions after it. */
#include "decide.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct phases {
    uint32_t first, last; /* inclusive; first > last: over the boundary */
};

/* What one storage does in one iteration. */
struct walk {
    bool resident, in_slow;
    uint32_t fetches, evicts, n_boxes;
    struct phases *box;   /* in fast memory */
    struct phases slow;
    uint8_t *valid;       /* per station: the slow copy is valid before it */
    uint8_t *left;        /* per station: it leaves fast memory after it */
};

enum atm_status atm__decisions_new(const struct atm_problem *p,
                                   const struct atm_storages *st,
                                   struct atm_arena *arena,
                                   struct atm_decisions *d)
{
    uint32_t i;

    *d = (struct atm_decisions){.p = p, .st = st};
    d->path = atm_arena_array(arena, st->n, sizeof(*d->path));
    d->variant = atm_arena_array(arena, p->n_kernels, sizeof(*d->variant));
    if (!d->path || !d->variant)
        return ATM_NOMEM;
    for (i = 0; i < st->n; i++) {
        d->path[i].fast = atm_arena_array(arena, st->s[i].n_stations, 1);
        d->path[i].kept = atm_arena_array(arena, st->s[i].n_gaps, 1);
        if (!d->path[i].fast || !d->path[i].kept)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

enum atm_status atm__decisions_of(const struct atm_problem *p,
                                  const struct atm_storages *st,
                                  const struct atm_placement *a,
                                  struct atm_arena *arena,
                                  struct atm_decisions *d)
{
    enum atm_status status = atm__decisions_new(p, st, arena, d);
    uint32_t i;

    for (i = 0; i < p->n_tensors && !status; i++) {
        struct atm_path *path = &d->path[st->of[i]];

        path->resident = a->resident[i];
        memcpy(path->fast + st->first[i], a->fast_at_use[i],
               a->n_stations[i]);
        memcpy(path->kept + st->first[i], a->kept_after[i], a->n_gaps[i]);
    }
    memcpy(d->variant, a->variant, p->n_kernels * sizeof(*d->variant));
    d->n_shared = a->n_shared;
    d->shared = a->shared;
    return status;
}

static const struct atm_variant *chosen(const struct atm_decisions *d,
                                        uint32_t k)
{
    return &d->p->kernel[k].variant[d->variant[k]];
}

bool atm__uses(const struct atm_decisions *d, uint32_t k, uint32_t s)
{
    const struct atm_variant *v = chosen(d, k);
    uint32_t j;

    for (j = 0; j < v->t.n; j++)
        if (d->st->of[v->operand[j]] == s)
            return true;
    return false;
}

static uint32_t station_at(const struct atm_storage *s, uint32_t k)
{
    uint32_t lo = 0, hi = s->n_stations;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (s->kernel[mid] < k)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool fast_at(const struct atm_decisions *d, uint32_t s, uint32_t k)
{
    return d->path[s].resident ||
           d->path[s].fast[station_at(&d->st->s[s], k)];
}

uint64_t atm__mask(const struct atm_decisions *d, uint32_t k)
{
    const struct atm_variant *v = chosen(d, k);
    uint64_t mask = 0;
    uint32_t j;

    for (j = 0; j < v->t.n; j++)
        if (!fast_at(d, d->st->of[v->operand[j]], k))
            mask |= UINT64_C(1) << j;
    return mask;
}

static enum atm_status bad(const struct atm_storage *s, const char *what)
{
    return atm_fail(ATM_INVAL, "tensor %" PRIu32 ": %s", s->tensor[0], what);
}

static bool all_ones(const uint8_t *v, uint32_t n)
{
    while (n && v[n - 1])
        n--;
    return n == 0;
}

static enum atm_status check_path(const struct atm_storage *s,
                                  const struct atm_path *path,
                                  const struct walk *w)
{
    uint32_t i, m = s->n_stations;

    if (path->resident && !s->arg)
        return bad(s, "resident, but no arg");
    if (s->fixed == ATM_FIXED_FAST && !path->resident)
        return bad(s, "fixed in fast memory, but not resident");
    if (s->fixed == ATM_FIXED_SLOW && w->resident)
        return bad(s, "fixed in slow memory, but resident");
    for (i = 0; i < s->n_gaps && !path->resident; i++)
        if (path->kept[i] &&
            (!path->fast[i] ||
             ((i + 1 < m || s->circle) && !path->fast[(i + 1) % m])))
            return bad(s, "kept in a gap without being fast at both ends");
    return ATM_OK;
}

static void touch_slow(struct walk *w, uint32_t phase)
{
    if (!w->in_slow)
        w->slow.first = phase;
    w->in_slow = true;
    w->slow.last = phase;
}

static enum atm_status walk_stations(const struct atm_decisions *d,
                                     uint32_t id, struct walk *w)
{
    const struct atm_storage *s = &d->st->s[id];
    const struct atm_path *path = &d->path[id];
    uint32_t m = s->n_stations, start = 0, last_used = 0, n, i, k, begin = 0;
    bool valid = s->arg, exists = s->arg, before = false;

    for (i = 0; s->circle && i < m; i++)
        if (!path->kept[i])
            start = i + 1; /* a circle is walked from behind a gap */
    for (n = 0; n < m; n++)
        if (atm__uses(d, s->kernel[(start + n) % m], id))
            last_used = n;
    for (n = 0; n < m; n++) {
        bool used, after;

        i = (start + n) % m;
        k = s->kernel[i];
        used = atm__uses(d, k, id);
        after = i < s->n_gaps && path->kept[i];
        w->valid[i] = valid;
        if (path->fast[i] && !before) {
            if (!used)
                return bad(s, "fetched for a variant that does not use it");
            begin = 3 * k + 1;
            if (exists && !valid)
                return bad(s, "fetched without a slow copy");
            if (exists) {
                w->fetches++;
                begin = 3 * k;
                touch_slow(w, 3 * k);
            }
        }
        if (!path->fast[i] && used) {
            if (exists && !valid)
                return bad(s, "read in slow memory without a slow copy");
            touch_slow(w, 3 * k + 1);
        }
        if (s->made[i] && (path->fast[i] || used)) {
            valid = !path->fast[i];
            exists = true;
        }
        if (path->fast[i] && !after) {
            uint32_t end = 3 * k + 1;

            w->left[i] = 1;
            if (!valid && (s->circle || s->out || n < last_used)) {
                w->evicts++;
                valid = true;
                touch_slow(w, ++end);
            }
            w->box[w->n_boxes++] = (struct phases){begin, end};
        } else if (path->fast[i] && i + 1 == m && !s->circle) {
            w->box[w->n_boxes++] =
                (struct phases){begin, 3 * d->p->n_kernels - 1};
        }
        before = after;
    }
    return ATM_OK;
}

static enum atm_status walk(const struct atm_decisions *d, uint32_t id,
                            struct walk *w)
{
    const struct atm_storage *s = &d->st->s[id];
    const struct atm_path *path = &d->path[id];
    uint32_t end = 3 * d->p->n_kernels - 1;
    enum atm_status st;

    w->resident = path->resident ||
                  (s->circle && s->n_stations &&
                   all_ones(path->kept, s->n_gaps));
    st = check_path(s, path, w);
    if (st)
        return st;
    if (w->resident) {
        w->box[w->n_boxes++] = (struct phases){0, end};
        return ATM_OK;
    }
    st = walk_stations(d, id, w);
    if (s->arg) {
        w->in_slow = true;
        w->slow = (struct phases){0, end};
    } else if (s->out && s->n_gaps && !path->kept[s->n_gaps - 1]) {
        w->slow.last = end;
    }
    return st;
}

static enum atm_status walk_all(const struct atm_decisions *d,
                                struct atm_arena *arena, struct walk **walks)
{
    struct walk *w = atm_arena_array(arena, d->st->n, sizeof(*w));
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; w && i < d->st->n && !st; i++) {
        size_t m = d->st->s[i].n_stations;

        w[i].box = atm_arena_array(arena, m + 1, sizeof(*w[i].box));
        w[i].valid = atm_arena_array(arena, m, 1);
        w[i].left = atm_arena_array(arena, m, 1);
        if (!w[i].box || !w[i].valid || !w[i].left)
            return ATM_NOMEM;
        st = walk(d, i, &w[i]);
    }
    *walks = w;
    return w ? st : ATM_NOMEM;
}

/* The box of a storage that ends (or with `begins` starts) at kernel k. */
static uint32_t box_at(const struct walk *w, uint32_t k, bool begins)
{
    uint32_t i;

    for (i = 0; i < w->n_boxes; i++)
        if ((begins ? w->box[i].first : w->box[i].last) / 3 == k)
            break;
    return i;
}

/* Is storage s read after kernel k, or needed at the end? */
static bool needed_after(const struct atm_decisions *d, uint32_t id,
                         uint32_t k)
{
    const struct atm_storage *s = &d->st->s[id];
    uint32_t i;

    if (s->circle || s->out)
        return true;
    for (i = station_at(s, k) + 1; i < s->n_stations; i++)
        if (atm__uses(d, s->kernel[i], id))
            return true;
    return false;
}

static bool variant_has(const struct atm_variant *v, uint32_t tensor)
{
    uint32_t j;

    for (j = 0; j < v->t.n; j++)
        if (v->operand[j] == tensor)
            return true;
    return false;
}

static bool may_share(const struct atm_decisions *d, const struct walk *w,
                      uint32_t k, uint32_t a, uint32_t b)
{
    uint32_t sa = d->st->of[a], sb = d->st->of[b];
    uint32_t at = station_at(&d->st->s[sa], k);

    return variant_has(chosen(d, k), a) && variant_has(chosen(d, k), b) &&
           fast_at(d, sa, k) && fast_at(d, sb, k) && !w[sa].resident &&
           !w[sb].resident && w[sa].left[at] &&
           (w[sa].valid[at] || !needed_after(d, sa, k));
}

/* `wrap` holds, per storage, the phase in which the group that its present box
 * belongs to begins at the end of the iteration before: one place cannot serve
 * both ends of a chain that meets itself. */
static enum atm_status share_kernel(struct atm_decisions *d,
                                    struct atm_arena *arena,
                                    const struct walk *w, uint32_t *wrap,
                                    uint32_t k)
{
    const struct atm_problem_kernel *pk = &d->p->kernel[k];
    uint64_t taken_in = 0, taken_out = 0;
    struct atm_shared_pair *grown;
    uint32_t i, pass;

    for (pass = 0; pass < 2; pass++) /* must pairs take their operands first */
        for (i = 0; i < pk->n_pairs; i++) {
            const struct atm_problem_pair *pair = &pk->pair[i];
            uint32_t a = pk->operand[pair->in];
            uint32_t b = pk->operand[pk->n_in + pair->out];
            uint32_t sa = d->st->of[a], sb = d->st->of[b], from, to;
            const struct phases *in, *out;

            if (pair->must == pass || taken_in >> pair->in & 1 ||
                taken_out >> pair->out & 1)
                continue;
            if (!pair->must) {
                if (!may_share(d, w, k, a, b))
                    continue;
                from = box_at(&w[sa], k, false);
                to = box_at(&w[sb], k, true);
                if (from == w[sa].n_boxes || to == w[sb].n_boxes)
                    continue;
                in = &w[sa].box[from];
                out = &w[sb].box[to];
                if (in->first > in->last)
                    wrap[sa] = in->first;
                else if (in->first % 3 == 0) /* fetched: begins no group */
                    wrap[sa] = UINT32_MAX;
                if (out->last >= wrap[sa] || out->first > out->last)
                    continue;
                wrap[sb] = wrap[sa];
                grown = atm_arena_grow(arena, d->shared, &d->cap_shared,
                                       d->n_shared + 1, sizeof(*grown));
                if (!grown)
                    return ATM_NOMEM;
                d->shared = grown;
                d->shared[d->n_shared++] = (struct atm_shared_pair){k, i};
            }
            taken_in |= UINT64_C(1) << pair->in;
            taken_out |= UINT64_C(1) << pair->out;
        }
    return ATM_OK;
}

enum atm_status atm__share(struct atm_decisions *d, struct atm_arena *arena)
{
    struct atm_arena *tmp = atm_arena_new();
    enum atm_status st = ATM_NOMEM;
    struct walk *w;
    uint32_t *wrap, i;

    if (!tmp)
        return ATM_NOMEM;
    d->n_shared = 0;
    wrap = atm_arena_array(tmp, d->st->n, sizeof(*wrap));
    if (!wrap)
        goto err_delete_tmp;
    memset(wrap, 0xff, d->st->n * sizeof(*wrap));
    st = walk_all(d, tmp, &w);
    for (i = 0; i < d->p->n_kernels && !st; i++)
        st = share_kernel(d, arena, w, wrap, i);

err_delete_tmp:
    atm_arena_delete(tmp);
    return st;
}

static void spread(uint64_t *diff, struct phases b, uint64_t bytes, uint32_t n)
{
    diff[b.first] += bytes;
    if (b.first > b.last) {
        diff[0] += bytes;
        diff[n] -= bytes;
    }
    diff[b.last + 1] -= bytes;
}

static enum atm_status tally_walks(const struct atm_decisions *d,
                                   const struct walk *w,
                                   struct atm_arena *tmp, struct atm_tally *t)
{
    uint32_t n = 3 * d->p->n_kernels, i, j;
    uint64_t *fast = atm_arena_array(tmp, (size_t)n + 1, sizeof(*fast));
    uint64_t *slow = atm_arena_array(tmp, (size_t)n + 1, sizeof(*slow));
    double s;

    if (!fast || !slow)
        return ATM_NOMEM;
    t->seconds = 0;
    t->moved_bytes = t->fast_peak = t->slow_peak = 0;
    for (i = 0; i < d->st->n; i++) {
        const struct atm_storage *g = &d->st->s[i];

        t->seconds += w[i].fetches * g->fetch_s + w[i].evicts * g->evict_s;
        t->moved_bytes += (w[i].fetches + w[i].evicts) * g->bytes;
        for (j = 0; j < w[i].n_boxes; j++)
            spread(fast, w[i].box[j], g->bytes, n);
        if (w[i].in_slow)
            spread(slow, w[i].slow, g->bytes, n);
    }
    for (i = 1; i < n; i++) {
        fast[i] += fast[i - 1];
        slow[i] += slow[i - 1];
    }
    for (i = 0; i < d->n_shared; i++) {
        const struct atm_problem_kernel *k =
            &d->p->kernel[d->shared[i].kernel];
        uint32_t a = k->operand[k->pair[d->shared[i].pair].in];

        fast[3 * d->shared[i].kernel + 1] -= d->p->tensor[a].bytes;
    }
    for (i = 0; i < n; i++)
        t->slow_peak = slow[i] > t->slow_peak ? slow[i] : t->slow_peak;
    for (i = 0; i < d->p->n_kernels; i++) {
        uint64_t here = fast[3 * i + 1] + chosen(d, i)->scratch_bytes;

        s = atm_table_at(&chosen(d, i)->t, atm__mask(d, i));
        if (s < 0)
            return atm_fail(ATM_INVAL, "kernel %" PRIu32 ": its operands lie "
                            "in places that are not allowed", i);
        t->seconds += s;
        t->fast_peak = here > t->fast_peak ? here : t->fast_peak;
        if (t->fast_at)
            t->fast_at[i] = here;
    }
    return ATM_OK;
}

enum atm_status atm__tally(const struct atm_decisions *d, struct atm_tally *t)
{
    struct atm_arena *tmp = atm_arena_new();
    enum atm_status st;
    struct walk *w;

    if (!tmp)
        return ATM_NOMEM;
    st = walk_all(d, tmp, &w);
    if (!st)
        st = tally_walks(d, w, tmp, t);
    atm_arena_delete(tmp);
    return st;
}

static enum atm_status add_box(struct atm_placement *a, uint32_t *cap,
                               const struct atm_box *b)
{
    struct atm_box *grown = atm_arena_grow(a->arena, a->box, cap,
                                           a->n_boxes + 1, sizeof(*grown));

    if (!grown)
        return ATM_NOMEM;
    a->box = grown;
    a->box[a->n_boxes] = *b;
    a->box[a->n_boxes].first = b->first_phase / 3;
    a->box[a->n_boxes++].last = b->last_phase / 3;
    return ATM_OK;
}

/* Boxes in the order: storages (fast ones, then the slow one), scratch. */
static enum atm_status make_boxes(const struct atm_decisions *d,
                                  const struct walk *w,
                                  struct atm_placement *a)
{
    enum atm_status st = ATM_OK;
    uint32_t cap = 0, i, j;

    for (i = 0; i < d->st->n; i++) {
        struct atm_box b = {.tensor = d->st->s[i].tensor[0],
                            .kernel = ATM_NONE,
                            .bytes = d->st->s[i].bytes};

        for (j = 0; j < w[i].n_boxes && !st; j++) {
            b.first_phase = w[i].box[j].first;
            b.last_phase = w[i].box[j].last;
            st = add_box(a, &cap, &b);
        }
        b.tier = 1;
        b.first_phase = w[i].slow.first;
        b.last_phase = w[i].slow.last;
        if (w[i].in_slow && !st)
            st = add_box(a, &cap, &b);
    }
    for (i = 0; i < d->p->n_kernels && !st; i++) {
        struct atm_box b = {.tensor = ATM_NONE, .kernel = i,
                            .bytes = chosen(d, i)->scratch_bytes,
                            .first_phase = 3 * i + 1,
                            .last_phase = 3 * i + 1};

        if (b.bytes)
            st = add_box(a, &cap, &b);
    }
    return st;
}

/* The packing box of each box of the tier; shared pairs become one. */
static uint32_t merge_boxes(const struct atm_decisions *d,
                            const struct atm_placement *a, uint32_t tier,
                            struct atm_pack_box *pack, uint32_t *of)
{
    uint32_t end = 3 * d->p->n_kernels, n = 0, i;

    for (i = 0; i < a->n_boxes; i++) {
        const struct atm_box *b = &a->box[i];
        const struct atm_problem_tensor *t =
            b->tensor == ATM_NONE ? NULL : &d->p->tensor[b->tensor];
        bool over = b->first_phase > b->last_phase;

        of[i] = ATM_NONE;
        if (b->tier != tier)
            continue;
        of[i] = n;
        pack[n++] = (struct atm_pack_box){
            .bytes = b->bytes, .align = d->p->align, .lower = b->first_phase,
            .upper = over ? end : b->last_phase + 1,
            .upper2 = over ? b->last_phase + 1 : 0,
            .fixed = t && t->fixed == (tier ? ATM_FIXED_SLOW
                                            : ATM_FIXED_FAST),
            .offset = t ? t->fixed_offset : 0};
    }
    return n;
}

static void join_shared(const struct atm_decisions *d,
                        const struct atm_placement *a,
                        const uint32_t *first_box, struct atm_pack_box *pack,
                        uint32_t *of)
{
    uint32_t i, j;

    /* ascending kernels: in's box already belongs to its group */
    for (i = 0; i < d->n_shared; i++) {
        uint32_t k = d->shared[i].kernel, from, to;
        const struct atm_problem_kernel *pk = &d->p->kernel[k];
        const struct atm_problem_pair *pair = &pk->pair[d->shared[i].pair];
        struct atm_pack_box *in, *out;

        from = first_box[d->st->of[pk->operand[pair->in]]];
        to = first_box[d->st->of[pk->operand[pk->n_in + pair->out]]];
        while (a->box[from].last != k)
            from++;
        while (a->box[to].first != k)
            to++;
        in = &pack[of[from]];
        out = &pack[of[to]];
        if (in->lower2 < in->upper2)
            in->upper2 = out->upper;
        else
            in->upper = out->upper;
        j = of[to];
        *out = (struct atm_pack_box){0};
        for (; to < a->n_boxes && of[to] == j; to++)
            of[to] = of[from];
    }
}

static enum atm_status pack_tier(const struct atm_decisions *d,
                                 struct atm_placement *a, uint32_t tier,
                                 uint64_t capacity, uint64_t *height)
{
    struct atm_arena *tmp = atm_arena_new();
    struct atm_pack_box *pack;
    enum atm_status st = ATM_NOMEM;
    uint32_t *of, *first_box, n, i;
    uint64_t bound;

    if (!tmp)
        return ATM_NOMEM;
    pack = atm_arena_array(tmp, a->n_boxes, sizeof(*pack));
    of = atm_arena_array(tmp, a->n_boxes, sizeof(*of));
    first_box = atm_arena_array(tmp, d->st->n, sizeof(*first_box));
    if (!pack || !of || !first_box)
        goto err_delete_tmp;
    for (i = a->n_boxes; i-- > 0;)
        if (a->box[i].tensor != ATM_NONE)
            first_box[d->st->of[a->box[i].tensor]] = i;
    n = merge_boxes(d, a, tier, pack, of);
    if (tier == 0)
        join_shared(d, a, first_box, pack, of);
    st = atm_pack(pack, n, capacity, height, &bound);
    for (i = 0; i < a->n_boxes && !st; i++)
        if (of[i] != ATM_NONE)
            a->box[i].offset = pack[of[i]].offset;

err_delete_tmp:
    atm_arena_delete(tmp);
    return st;
}

enum atm_status atm__place(const struct atm_decisions *d,
                           struct atm_placement *a, uint64_t slow_bytes)
{
    enum atm_status st =
        pack_tier(d, a, 0, a->budget_bytes, &a->packing.height);

    a->fast_peak_bytes = a->packing.height;
    return st ? st : pack_tier(d, a, 1, slow_bytes, &a->slow_peak_bytes);
}

static enum atm_status copy_decisions(const struct atm_decisions *d,
                                      struct atm_placement *a)
{
    uint32_t n = d->p->n_tensors, i;

    a->resident = atm_arena_array(a->arena, n, 1);
    a->fast_at_use = atm_arena_array(a->arena, n, sizeof(*a->fast_at_use));
    a->kept_after = atm_arena_array(a->arena, n, sizeof(*a->kept_after));
    a->n_stations = atm_arena_memdup(a->arena, d->st->n_stations, n * 4ul);
    a->n_gaps = atm_arena_memdup(a->arena, d->st->n_gaps, n * 4ul);
    a->variant = atm_arena_memdup(a->arena, d->variant,
                                  d->p->n_kernels * sizeof(*a->variant));
    a->n_shared = d->n_shared;
    a->shared = atm_arena_memdup(a->arena, d->shared,
                                 d->n_shared * sizeof(*a->shared));
    if (!a->resident || !a->fast_at_use || !a->kept_after || !a->n_stations ||
        !a->n_gaps || !a->variant || !a->shared)
        return ATM_NOMEM;
    for (i = 0; i < n; i++) {
        const struct atm_path *path = &d->path[d->st->of[i]];
        uint32_t at = d->st->first[i];

        a->resident[i] = path->resident;
        a->fast_at_use[i] = atm_arena_memdup(a->arena, path->fast + at,
                                             a->n_stations[i]);
        a->kept_after[i] = atm_arena_memdup(a->arena, path->kept + at,
                                            a->n_gaps[i]);
        if (!a->fast_at_use[i] || !a->kept_after[i])
            return ATM_NOMEM;
        if (path->resident) {
            memset(a->fast_at_use[i], 1, a->n_stations[i]);
            memset(a->kept_after[i], 1, a->n_gaps[i]);
        }
    }
    return ATM_OK;
}

static enum atm_status decide(const struct atm_decisions *d,
                              struct atm_arena *tmp, struct atm_placement *a)
{
    struct atm_tally t = {0};
    enum atm_status st;
    struct walk *w;

    st = walk_all(d, tmp, &w);
    if (!st)
        st = tally_walks(d, w, tmp, &t);
    if (!st)
        st = copy_decisions(d, a);
    if (!st)
        st = make_boxes(d, w, a);
    /* without a limit a slow pool 2 % above its bound is as good as any */
    if (!st)
        st = atm__place(d, a, d->p->slow_bytes != UINT64_MAX
                                  ? d->p->slow_bytes
                                  : t.slow_peak + t.slow_peak / 50);
    if (st)
        return st;
    a->objective = t.seconds;
    a->gap = a->objective > 0 ? 1 : 0;
    a->packing.live_peak = t.fast_peak;
    a->moved_bytes = t.moved_bytes;
    return ATM_OK;
}

enum atm_status atm__decide(const struct atm_decisions *d, uint64_t budget,
                            struct atm_placement **placement)
{
    struct atm_arena *arena = atm_arena_new(), *tmp = atm_arena_new();
    struct atm_placement *a = NULL;
    enum atm_status st = ATM_NOMEM;

    *placement = NULL;
    if (!arena || !tmp)
        goto err_delete_arenas;
    a = atm_arena_array(arena, 1, sizeof(*a));
    if (!a)
        goto err_delete_arenas;
    a->arena = arena;
    a->budget_bytes = budget;
    a->status = ATM_PLAN_FEASIBLE;
    a->uncertified_bound = NAN;
    a->certificate.budget = budget;
    a->packing.rounds = 1;
    a->smallest_budget = atm_problem_min_budget(d->p, &a->smallest_kernel);
    st = decide(d, tmp, a);
    if (st)
        goto err_delete_arenas;
    atm_arena_delete(tmp);
    *placement = a;
    return ATM_OK;

err_delete_arenas:
    atm_arena_delete(tmp);
    atm_arena_delete(arena);
    return st;
}
