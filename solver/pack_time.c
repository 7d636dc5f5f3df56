/* pack_time.c - placed boxes over time, for sets whose overlap graph is too
 * large to keep.
 *
 * Time is cut into slices at several levels, each four times as fine as the
 * one before. A life stands at the finest level whose slices are no shorter,
 * so in two slices at most, and a slice lists its lives by address. What a
 * short life meets thus stands in two slices of each level, sorted already:
 * it is merged only as far as the search for a place goes. A long life also
 * meets many short ones, which are gathered and sorted; there are few long
 * lives.
 */
#include "pack_time.h"

#include "arena.h"

#include <string.h>

#define LEVELS 12
#define RUNS (2 * 2 * LEVELS + 1) /* two lives, two slices, one gathered */

struct entry {
    uint64_t low, high; /* addresses */
    uint32_t lower, upper, box;
};

struct slice {
    uint32_t n, cap;
    struct entry *entry;
};

struct level {
    uint32_t length, n;
    struct slice *slice;
};

/* Entries by address, of which those that meet [lower, upper) count. */
struct run {
    const struct entry *at, *end;
    uint32_t lower, upper;
};

struct atm__timeline {
    struct atm_arena *arena;
    const struct atm_pack_box *box;
    uint32_t n_levels; /* the finest is 0 */
    struct level level[LEVELS];
    struct run run[RUNS];
    uint32_t n_runs, n_gathered, cap_gathered, cap_spare;
    struct entry *gathered, *spare;
    uint32_t n_parts, cap_parts, *part; /* ends of the sorted parts of these */
    uint32_t n_near, cap_near, *near;
};

enum atm_status atm__timeline_new(struct atm_arena *arena,
                                  const struct atm_pack_box *box, uint32_t n,
                                  struct atm__timeline **out)
{
    struct atm__timeline *t = atm_arena_array(arena, 1, sizeof(*t));
    uint32_t end = 1, i;
    uint64_t length;

    if (!t)
        return ATM_NOMEM;
    t->arena = arena;
    t->box = box;
    for (i = 0; i < n; i++) {
        end = box[i].upper > end ? box[i].upper : end;
        end = box[i].upper2 > end ? box[i].upper2 : end;
    }
    for (i = 0, length = end; i + 1 < LEVELS && length > end / (n + 1) + 1; i++)
        length = (length + 3) / 4;
    for (i = 0; i < LEVELS && (!i || t->level[i - 1].n > 1); i++, length *= 4) {
        struct level *l = &t->level[t->n_levels++];

        l->length = length < end ? (uint32_t)length : end;
        l->n = (end - 1) / l->length + 1;
        l->slice = atm_arena_array(arena, l->n, sizeof(*l->slice));
        if (!l->slice)
            return ATM_NOMEM;
    }
    *out = t;
    return ATM_OK;
}

void atm__timeline_clear(struct atm__timeline *t)
{
    uint32_t i, j;

    for (i = 0; i < t->n_levels; i++)
        for (j = 0; j < t->level[i].n; j++)
            t->level[i].slice[j].n = 0;
}

/* The first entry at `low` or above. */
static uint32_t find_low(const struct slice *s, uint64_t low)
{
    uint32_t lo = 0, hi = s->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (s->entry[mid].low < low)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static enum atm_status slice_add(struct atm__timeline *t, struct slice *s,
                                 const struct entry *e)
{
    struct entry *grown;
    uint32_t at;

    grown = atm_arena_grow(t->arena, s->entry, &s->cap, s->n + 1, sizeof(*e));
    if (!grown)
        return ATM_NOMEM;
    s->entry = grown;
    at = find_low(s, e->low);
    memmove(&s->entry[at + 1], &s->entry[at], (s->n++ - at) * sizeof(*e));
    s->entry[at] = *e;
    return ATM_OK;
}

static void slice_remove(struct slice *s, const struct entry *e)
{
    uint32_t at = find_low(s, e->low);

    while (s->entry[at].box != e->box || s->entry[at].lower != e->lower)
        at++;
    memmove(&s->entry[at], &s->entry[at + 1], (--s->n - at) * sizeof(*e));
}

/* The level of a life. */
static struct level *level_of(struct atm__timeline *t, const struct entry *e)
{
    struct level *l = t->level;

    while (l->length < e->upper - e->lower)
        l++;
    return l;
}

static enum atm_status add_life(struct atm__timeline *t, struct entry e)
{
    enum atm_status st = ATM_OK;
    struct level *l;
    uint32_t i;

    if (e.lower >= e.upper)
        return ATM_OK;
    l = level_of(t, &e);
    for (i = e.lower / l->length; !st && i <= (e.upper - 1) / l->length; i++)
        st = slice_add(t, &l->slice[i], &e);
    return st;
}

enum atm_status atm__timeline_add(struct atm__timeline *t, uint32_t id,
                                  uint64_t off)
{
    const struct atm_pack_box *b = &t->box[id];
    struct entry e = {off, off + b->bytes, b->lower, b->upper, id};
    enum atm_status st = add_life(t, e);

    e.lower = b->lower2;
    e.upper = b->upper2;
    return st ? st : add_life(t, e);
}

static void remove_life(struct atm__timeline *t, struct entry e)
{
    struct level *l;
    uint32_t i;

    if (e.lower >= e.upper)
        return;
    l = level_of(t, &e);
    for (i = e.lower / l->length; i <= (e.upper - 1) / l->length; i++)
        slice_remove(&l->slice[i], &e);
}

void atm__timeline_remove(struct atm__timeline *t, uint32_t id, uint64_t off)
{
    const struct atm_pack_box *b = &t->box[id];
    struct entry e = {off, off + b->bytes, b->lower, b->upper, id};

    remove_life(t, e);
    e.lower = b->lower2;
    e.upper = b->upper2;
    remove_life(t, e);
}

static bool meets(const struct entry *e, uint32_t lower, uint32_t upper)
{
    return e->lower < upper && lower < e->upper;
}

static enum atm_status gather(struct atm__timeline *t, const struct slice *s,
                              uint32_t lower, uint32_t upper)
{
    struct entry *grown =
        atm_arena_grow(t->arena, t->gathered, &t->cap_gathered,
                       t->n_gathered + s->n, sizeof(*grown));
    uint32_t *part = atm_arena_grow(t->arena, t->part, &t->cap_parts,
                                    t->n_parts + 1, sizeof(*part));
    uint32_t before = t->n_gathered, i;

    if (!grown || !part)
        return ATM_NOMEM;
    t->gathered = grown;
    t->part = part;
    for (i = 0; i < s->n; i++)
        if (meets(&s->entry[i], lower, upper))
            grown[t->n_gathered++] = s->entry[i];
    if (t->n_gathered > before)
        part[t->n_parts++] = t->n_gathered;
    return ATM_OK;
}

/* from[begin..middle) and from[middle..end) as one, to the same place. */
static void merge(const struct entry *from, struct entry *to, uint32_t begin,
                  uint32_t middle, uint32_t end)
{
    uint32_t a = begin, b = middle, i;

    for (i = begin; i < end; i++)
        to[i] = b == end || (a < middle && from[a].low <= from[b].low)
                    ? from[a++]
                    : from[b++];
}

/* The sorted parts, two by two, until there is one: many times faster than a
 * sort that does not know them. */
static enum atm_status merge_gathered(struct atm__timeline *t, uint64_t *work)
{
    struct entry *spare = atm_arena_grow(t->arena, t->spare, &t->cap_spare,
                                         t->n_gathered, sizeof(*spare));
    uint32_t i, n, begin, cap;

    if (!spare)
        return ATM_NOMEM;
    t->spare = spare;
    while (t->n_parts > 1) {
        for (i = n = begin = 0; i < t->n_parts; i += 2, n++) {
            uint32_t last = i + 1 < t->n_parts ? i + 1 : i;

            merge(t->gathered, t->spare, begin, t->part[i], t->part[last]);
            begin = t->part[n] = t->part[last];
        }
        t->n_parts = n;
        spare = t->gathered;
        t->gathered = t->spare;
        t->spare = spare;
        cap = t->cap_gathered;
        t->cap_gathered = t->cap_spare;
        t->cap_spare = cap;
        *work += t->n_gathered;
    }
    return ATM_OK;
}

/* The runs that hold all that meets [lower, upper). */
static enum atm_status add_runs(struct atm__timeline *t, uint32_t lower,
                                uint32_t upper, uint64_t *work)
{
    enum atm_status st = ATM_OK;
    uint32_t i, j;

    for (i = 0; i < t->n_levels && lower < upper; i++) {
        const struct level *l = &t->level[i];
        uint32_t first = lower / l->length, last = (upper - 1) / l->length;

        for (j = first; j <= last && !st; j++) {
            const struct slice *s = &l->slice[j];

            if (last - first > 1) {
                *work += s->n + 1;
                st = s->n ? gather(t, s, lower, upper) : ATM_OK;
            } else if (s->n) {
                t->run[t->n_runs++] =
                    (struct run){s->entry, s->entry + s->n, lower, upper};
            }
        }
    }
    return st;
}

/* On to the next entry that counts; a run at its end leaves. */
static void settle(struct atm__timeline *t, uint32_t i, uint64_t *work)
{
    struct run *r = &t->run[i];
    const struct entry *from = r->at;

    while (r->at < r->end && !meets(r->at, r->lower, r->upper))
        r->at++;
    *work += (uint64_t)(r->at - from) + 1;
    if (r->at == r->end)
        *r = t->run[--t->n_runs];
}

static const struct entry *next_entry(struct atm__timeline *t, uint64_t *work)
{
    const struct entry *e;
    uint32_t i, least = 0;

    if (!t->n_runs)
        return NULL;
    for (i = 1; i < t->n_runs; i++)
        if (t->run[i].at->low < t->run[least].at->low)
            least = i;
    e = t->run[least].at++;
    settle(t, least, work);
    return e;
}

enum atm_status atm__timeline_fit(struct atm__timeline *t, uint32_t id,
                                  bool tightest, uint64_t *off, uint64_t *work)
{
    const struct atm_pack_box *b = &t->box[id];
    uint64_t at = 0, best_gap = UINT64_MAX, align = b->align ? b->align : 1;
    const struct entry *e;
    enum atm_status st;
    uint32_t i;

    t->n_runs = t->n_gathered = t->n_parts = 0;
    st = add_runs(t, b->lower, b->upper, work);
    if (!st)
        st = add_runs(t, b->lower2, b->upper2, work);
    if (!st)
        st = merge_gathered(t, work);
    if (st)
        return st;
    if (t->n_gathered) {
        t->run[t->n_runs++] = (struct run){
            t->gathered, t->gathered + t->n_gathered, 0, UINT32_MAX};
    }
    for (i = t->n_runs; i-- > 0;)
        settle(t, i, work);
    for (e = next_entry(t, work); e; e = next_entry(t, work)) {
        if (e->low >= at && e->low - at >= b->bytes && e->low - at < best_gap) {
            best_gap = e->low - at;
            *off = at;
            if (!tightest)
                return ATM_OK;
        }
        if (e->high > at)
            at = (e->high + align - 1) / align * align;
    }
    if (best_gap == UINT64_MAX)
        *off = at;
    return ATM_OK;
}

static enum atm_status list_life(struct atm__timeline *t, uint32_t lower,
                                 uint32_t upper, uint64_t *work)
{
    uint32_t i, j, k, *grown;

    for (i = 0; i < t->n_levels && lower < upper; i++) {
        const struct level *l = &t->level[i];

        for (j = lower / l->length; j <= (upper - 1) / l->length; j++) {
            const struct slice *s = &l->slice[j];

            *work += s->n + 1;
            grown = atm_arena_grow(t->arena, t->near, &t->cap_near,
                                   t->n_near + s->n, sizeof(*grown));
            if (!grown)
                return ATM_NOMEM;
            t->near = grown;
            for (k = 0; k < s->n; k++) {
                grown[t->n_near] = s->entry[k].box;
                t->n_near += meets(&s->entry[k], lower, upper);
            }
        }
    }
    return ATM_OK;
}

enum atm_status atm__timeline_near(struct atm__timeline *t, uint32_t id,
                                   const uint32_t **near, uint32_t *n,
                                   uint64_t *work)
{
    const struct atm_pack_box *b = &t->box[id];
    enum atm_status st;

    t->n_near = 0;
    st = list_life(t, b->lower, b->upper, work);
    if (!st)
        st = list_life(t, b->lower2, b->upper2, work);
    *near = t->near;
    *n = t->n_near;
    return st;
}
