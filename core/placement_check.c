/* placement_check.c - the checker of answers: plays the iteration kernel by
 * kernel with the answer's decisions and compares what must follow (boxes,
 * costs, peaks) with what the answer says.
 *
 * It shares no code with the planners: storages, walks and addresses are
 * worked out here a second time, as a machine whose state is, per storage,
 * "in fast memory since phase p" and "the slow copy is valid". A circle (an
 * arg of a cyclic problem) is played twice: whatever the state was at first,
 * the gap in which it is not kept makes it the steady one.
 *
 * Phases: F(k) = 3k, K(k) = 3k + 1, E(k) = 3k + 2. */
#include "autotm/planner.h"

#include "arena.h"
#include "placement_moves.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAIL(...) atm_fail(ATM_FORMAT, "placement: " __VA_ARGS__)
#define TOLERANCE 1e-9 /* of sums of seconds, relative */

struct phases {
    uint32_t first, last;
};

struct station { /* of one tensor at one kernel */
    uint32_t tensor, index;
};

struct storage {
    uint32_t head, tail;
    bool circle, out, arg, resident;
    uint32_t last_used;      /* kernel; of a chain, over all its tensors */
    bool any_used;
    /* the machine */
    bool fast, valid, exists;
    uint32_t begin, write;   /* phase; kernel that wrote it last */
    bool in_slow;
    struct phases slow;
};

struct share {               /* operands that gave or took a place */
    uint32_t kernel, in, out;
};

struct check {
    const struct atm_problem *p;
    const struct atm_placement *a;
    struct atm_arena *arena;
    uint32_t *next, *prev;   /* must pairs, per tensor */
    uint32_t *of;            /* per tensor: its storage, named by its head */
    struct storage *s;       /* per tensor; those of heads count */
    uint32_t *row;           /* per kernel: its stations are row[k]..row[k+1] */
    struct station *station;
    uint32_t *first_box;     /* per storage: its boxes are list[first..] */
    uint32_t *box_list;
    bool *matched;           /* per box */
    struct phases *live;     /* per box: when its bytes are its own */
    uint8_t *valid_before, *left; /* per row entry */
    uint64_t *fast_bytes, *slow_bytes; /* differences, per phase */
    struct atm__mover *mover; /* per tensor; null: synchronous */
    double *kernel_s;
    bool counting;
    double seconds;
    uint64_t moved;
};

static const struct atm_variant *chosen(const struct check *c, uint32_t k)
{
    return &c->p->kernel[k].variant[c->a->variant[k]];
}

static bool reads(const struct atm_variant *v, uint32_t tensor)
{
    uint32_t j;

    for (j = 0; j < v->t.n; j++)
        if (v->operand[j] == tensor)
            return true;
    return false;
}

static bool produced_by(const struct atm_problem_kernel *k, uint32_t tensor)
{
    uint32_t j;

    for (j = 0; j < k->n_out; j++)
        if (k->operand[k->n_in + j] == tensor)
            return true;
    return false;
}

/* ---- set-up ------------------------------------------------------------ */

static enum atm_status link_pairs(struct check *c)
{
    uint32_t n = c->p->n_tensors, i, j;

    c->next = atm_arena_array(c->arena, n, sizeof(*c->next));
    c->prev = atm_arena_array(c->arena, n, sizeof(*c->prev));
    c->of = atm_arena_array(c->arena, n, sizeof(*c->of));
    c->s = atm_arena_array(c->arena, n, sizeof(*c->s));
    if (!c->next || !c->prev || !c->of || !c->s)
        return ATM_NOMEM;
    for (i = 0; i < n; i++)
        c->next[i] = c->prev[i] = ATM_NONE;
    for (i = 0; i < c->p->n_kernels; i++) {
        const struct atm_problem_kernel *k = &c->p->kernel[i];

        for (j = 0; j < k->n_pairs; j++) {
            uint32_t in = k->operand[k->pair[j].in];
            uint32_t out = k->operand[k->n_in + k->pair[j].out];

            if (k->pair[j].must) {
                c->next[in] = out;
                c->prev[out] = in;
            }
        }
    }
    for (i = 0; i < n; i++) {
        uint32_t head = i, tail = i;

        while (c->prev[head] != ATM_NONE)
            head = c->prev[head];
        while (c->next[tail] != ATM_NONE)
            tail = c->next[tail];
        c->of[i] = head;
        c->s[i] = (struct storage){
            .head = head, .tail = tail, .arg = c->p->tensor[head].arg,
            .circle = c->p->cyclic && c->p->tensor[head].arg};
        c->s[i].out = c->p->tensor[tail].out && !c->s[i].circle &&
                      !(c->s[i].arg && head == tail);
    }
    return ATM_OK;
}

/* Stations, kernel by kernel: operands of any variant. */
static enum atm_status list_stations(struct check *c)
{
    uint32_t nk = c->p->n_kernels, n = 0, k, v, j, i;
    uint32_t *count = atm_arena_array(c->arena, c->p->n_tensors,
                                      sizeof(*count));
    size_t total = 0;

    for (k = 0; k < nk; k++)
        for (v = 0; v < c->p->kernel[k].n_variants; v++)
            total += c->p->kernel[k].variant[v].t.n;
    c->row = atm_arena_array(c->arena, (size_t)nk + 1, sizeof(*c->row));
    c->station = atm_arena_array(c->arena, total, sizeof(*c->station));
    c->valid_before = atm_arena_array(c->arena, total, 1);
    c->left = atm_arena_array(c->arena, total, 1);
    if (!count || !c->row || !c->station || !c->valid_before || !c->left)
        return ATM_NOMEM;
    for (k = 0; k < nk; k++) {
        c->row[k] = n;
        for (v = 0; v < c->p->kernel[k].n_variants; v++) {
            const struct atm_variant *w = &c->p->kernel[k].variant[v];

            for (j = 0; j < w->t.n; j++) {
                for (i = c->row[k]; i < n; i++)
                    if (c->station[i].tensor == w->operand[j])
                        break;
                if (i == n) {
                    c->station[n].tensor = w->operand[j];
                    c->station[n++].index = count[w->operand[j]]++;
                }
            }
        }
    }
    c->row[nk] = n;
    for (i = 0; i < c->p->n_tensors; i++) {
        const struct storage *s = &c->s[i];
        uint32_t gaps = count[i] ? count[i] - 1 : 0;

        if (count[i] && s->tail == i && (s->circle || s->out))
            gaps++;
        if (c->a->n_stations[i] != count[i] || c->a->n_gaps[i] != gaps)
            return FAIL("tensor %" PRIu32 " has %" PRIu32 " stations and %"
                        PRIu32 " gaps, the answer %" PRIu32 " and %" PRIu32, i,
                        count[i], gaps, c->a->n_stations[i], c->a->n_gaps[i]);
    }
    return ATM_OK;
}

static enum atm_status note_uses(struct check *c)
{
    uint32_t k, j;

    for (k = 0; k < c->p->n_kernels; k++) {
        if (c->a->variant[k] >= c->p->kernel[k].n_variants)
            return FAIL("kernel %" PRIu32 " has no variant %" PRIu32, k,
                        c->a->variant[k]);
        for (j = 0; j < chosen(c, k)->t.n; j++) {
            struct storage *s = &c->s[c->of[chosen(c, k)->operand[j]]];

            s->last_used = k;
            s->any_used = true;
        }
    }
    return ATM_OK;
}

/* A storage is resident when the answer says so, or kept all round. */
static enum atm_status note_residents(struct check *c)
{
    uint32_t i, j;

    for (i = 0; i < c->p->n_tensors; i++) {
        struct storage *s = &c->s[c->of[i]];
        const struct atm_problem_tensor *t = &c->p->tensor[s->head];

        if (!c->a->resident[i] != !c->a->resident[s->head])
            return FAIL("tensor %" PRIu32 " is resident for a part of its "
                        "storage", s->head);
        if (c->a->resident[i] && !s->arg)
            return FAIL("tensor %" PRIu32 " is resident, but no arg", i);
        if (t->fixed == ATM_FIXED_FAST && !c->a->resident[i])
            return FAIL("tensor %" PRIu32 " is fixed in fast memory", i);
        if (i == s->head)
            s->resident = c->a->resident[i] ||
                          (s->circle && c->a->n_stations[i] > 0);
    }
    for (i = 0; i < c->p->n_tensors; i++) {
        struct storage *s = &c->s[c->of[i]];

        for (j = 0; j < c->a->n_gaps[i] && !c->a->resident[i]; j++)
            s->resident = s->resident && c->a->kept_after[i][j];
    }
    for (i = 0; i < c->p->n_tensors; i++)
        if (c->s[i].head == i && c->s[i].resident &&
            c->p->tensor[i].fixed == ATM_FIXED_SLOW)
            return FAIL("tensor %" PRIu32 " is fixed in slow memory, yet "
                        "resident", i);
    return ATM_OK;
}

static enum atm_status index_boxes(struct check *c)
{
    uint32_t n = c->a->n_boxes, i, *at;

    c->first_box = atm_arena_array(c->arena, (size_t)c->p->n_tensors + 2,
                                   sizeof(*c->first_box));
    c->box_list = atm_arena_array(c->arena, n, sizeof(*c->box_list));
    c->matched = atm_arena_array(c->arena, n, sizeof(*c->matched));
    c->live = atm_arena_array(c->arena, n, sizeof(*c->live));
    if (!c->first_box || !c->box_list || !c->matched || !c->live)
        return ATM_NOMEM;
    at = c->first_box + 1;
    for (i = 0; i < n; i++) {
        const struct atm_box *x = &c->a->box[i];

        if ((x->tensor != ATM_NONE && x->tensor >= c->p->n_tensors) ||
            (x->tensor == ATM_NONE && x->kernel >= c->p->n_kernels) ||
            x->tier > 1 || x->first_phase >= 3 * c->p->n_kernels ||
            x->last_phase >= 3 * c->p->n_kernels ||
            x->first != x->first_phase / 3 || x->last != x->last_phase / 3)
            return FAIL("box %" PRIu32 ": its tensor, kernel, tier or phases "
                        "do not exist", i);
        c->live[i] = (struct phases){x->first_phase, x->last_phase};
        if (x->tensor != ATM_NONE)
            at[c->of[x->tensor] + 1]++;
    }
    for (i = 1; i <= c->p->n_tensors; i++)
        at[i] += at[i - 1];
    /* at[h] is where the boxes of head h begin and, once filled, end: then
     * first_box[h] is where they begin */
    for (i = 0; i < n; i++)
        if (c->a->box[i].tensor != ATM_NONE)
            c->box_list[at[c->of[c->a->box[i].tensor]]++] = i;
    return ATM_OK;
}

/* ---- the machine ------------------------------------------------------- */

static void add_bytes(uint64_t *diff, struct phases x, uint64_t bytes,
                      uint32_t n)
{
    diff[x.first] += bytes;
    diff[x.last + 1] -= bytes;
    if (x.first > x.last) {
        diff[0] += bytes;
        diff[n] -= bytes;
    }
}

/* The answer must have exactly this box. */
static enum atm_status expect(struct check *c, const struct storage *s,
                              uint32_t tier, struct phases x)
{
    uint64_t bytes = c->p->tensor[s->head].bytes;
    uint32_t i;

    add_bytes(tier ? c->slow_bytes : c->fast_bytes, x, bytes,
              3 * c->p->n_kernels);
    for (i = c->first_box[s->head]; i < c->first_box[s->head + 1]; i++) {
        uint32_t id = c->box_list[i];
        const struct atm_box *b = &c->a->box[id];

        if (b->tier != tier || b->first_phase != x.first ||
            b->last_phase != x.last || c->matched[id])
            continue;
        if (b->bytes != bytes)
            return FAIL("box %" PRIu32 " of tensor %" PRIu32 " has %" PRIu64
                        " bytes, not %" PRIu64, id, s->head, b->bytes, bytes);
        c->matched[id] = true;
        return ATM_OK;
    }
    return FAIL("no %s residence of tensor %" PRIu32 " over phases %" PRIu32
                "..%" PRIu32, tier ? "slow" : "fast", s->head, x.first,
                x.last);
}

static void touch(struct storage *s, uint32_t phase)
{
    if (!s->in_slow)
        s->slow.first = phase;
    s->slow.last = phase;
    s->in_slow = true;
}

static void pay(struct check *c, double seconds, uint64_t bytes)
{
    if (!c->counting)
        return;
    c->seconds += seconds;
    c->moved += bytes;
}

/* A stay in fast memory is over: the answer has its box, or, with moves in
 * flight, will be asked for it when those have stretched it. */
static enum atm_status stayed(struct check *c, struct storage *s, uint32_t end,
                              bool written)
{
    struct atm__mover *m = c->mover ? &c->mover[s->head] : NULL;
    struct atm__stay *grown;

    if (!m)
        return expect(c, s, 0, (struct phases){s->begin, end});
    grown = atm_arena_grow(c->arena, m->stay, &m->cap_stays, m->n_stays + 1,
                           sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    m->stay = grown;
    m->stay[m->n_stays++] = (struct atm__stay){
        .first = s->begin / 3, .last = end / 3, .write = s->write,
        .fetched = s->begin % 3 == 0, .written = written, .begin = s->begin,
        .end = end};
    return ATM_OK;
}

static enum atm_status used_slow(struct check *c, const struct storage *s,
                                 uint32_t k)
{
    struct atm__mover *m = c->mover ? &c->mover[s->head] : NULL;
    struct atm__slow_use *grown;

    if (!m || !c->counting)
        return ATM_OK;
    grown = atm_arena_grow(c->arena, m->use, &m->cap_uses, m->n_uses + 1,
                           sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    m->use = grown;
    m->use[m->n_uses++] = (struct atm__slow_use){k, m->n_stays};
    return ATM_OK;
}

/* Leaves fast memory after kernel k. */
static enum atm_status leave(struct check *c, struct storage *s, uint32_t k)
{
    const struct atm_problem_tensor *t = &c->p->tensor[s->head];
    bool needed = s->circle || s->out || (s->any_used && s->last_used > k);
    bool written = needed && !s->valid;
    uint32_t end = 3 * k + 1;

    s->fast = false;
    if (written) {
        pay(c, t->evict_s, t->bytes);
        s->valid = true;
        touch(s, ++end);
    }
    return c->counting ? stayed(c, s, end, written) : ATM_OK;
}

static enum atm_status enter(struct check *c, struct storage *s, uint32_t k)
{
    const struct atm_problem_tensor *t = &c->p->tensor[s->head];

    s->fast = true;
    s->begin = 3 * k + 1;
    if (!s->exists)
        return ATM_OK;
    if (!s->valid)
        return FAIL("tensor %" PRIu32 ": fetched at kernel %" PRIu32
                    " without a slow copy", s->head, k);
    pay(c, t->fetch_s, t->bytes);
    touch(s, --s->begin);
    return ATM_OK;
}

/* The station of storage s at kernel k; rows i and, where a must pair joins
 * two tensors there, j (else i). `in` comes before `out` in the chain. */
static enum atm_status play(struct check *c, uint32_t k, uint32_t i,
                            uint32_t j)
{
    uint32_t in = c->station[i].tensor, out = c->station[j].tensor;
    struct storage *s = &c->s[c->of[in]];
    const struct atm_variant *v = chosen(c, k);
    bool used = reads(v, in) || reads(v, out);
    bool made = produced_by(&c->p->kernel[k], in) ||
                produced_by(&c->p->kernel[k], out);
    bool fast = c->a->fast_at_use[in][c->station[i].index];
    uint32_t gap = c->station[j].index;
    bool kept = gap < c->a->n_gaps[out] && c->a->kept_after[out][gap];
    enum atm_status st = ATM_OK;

    if (fast != c->a->fast_at_use[out][c->station[j].index])
        return FAIL("tensors %" PRIu32 " and %" PRIu32 ": a must pair in two "
                    "places at kernel %" PRIu32, in, out, k);
    if ((s->fast && !fast) || (kept && !fast))
        return FAIL("tensor %" PRIu32 ": kept %s kernel %" PRIu32
                    ", but not fast there", s->head,
                    kept ? "after" : "until", k);
    c->valid_before[i] = c->valid_before[j] = s->valid;
    c->left[i] = c->left[j] = fast && !kept;
    if (fast && !s->fast) {
        if (!used)
            return FAIL("tensor %" PRIu32 ": fetched at kernel %" PRIu32
                        ", whose variant does not use it", s->head, k);
        st = enter(c, s, k);
    } else if (!fast && used) {
        if (s->exists && !s->valid)
            return FAIL("tensor %" PRIu32 ": read in slow memory at kernel %"
                        PRIu32 " without a slow copy", s->head, k);
        touch(s, 3 * k + 1);
        st = used_slow(c, s, k);
    }
    if (st)
        return st;
    if (made && (fast || used)) {
        s->valid = !fast;
        s->exists = true;
        s->write = k;
    }
    return fast && !kept ? leave(c, s, k) : ATM_OK;
}

static enum atm_status play_kernel(struct check *c, uint32_t k)
{
    enum atm_status st = ATM_OK;
    uint32_t i, j;

    for (i = c->row[k]; i < c->row[k + 1] && !st; i++) {
        uint32_t t = c->station[i].tensor, other;

        if (c->s[c->of[t]].resident)
            continue;
        /* the `out` of a joined pair is played with its `in` */
        for (j = c->row[k]; j < c->row[k + 1]; j++)
            if (c->station[j].tensor == c->prev[t])
                break;
        if (j < c->row[k + 1])
            continue;
        other = i;
        for (j = c->row[k]; j < c->row[k + 1]; j++)
            if (c->station[j].tensor == c->next[t])
                other = j;
        st = play(c, k, i, other);
    }
    return st;
}

static void begin_pass(struct check *c, bool first)
{
    uint32_t i;

    for (i = 0; i < c->p->n_tensors; i++) {
        struct storage *s = &c->s[i];

        s->in_slow = false;
        if (s->circle && !first)
            continue;
        s->valid = s->exists = s->arg;
        s->fast = false;
        if (s->circle && c->a->n_gaps[s->tail] > 0 &&
            c->a->kept_after[s->tail][c->a->n_gaps[s->tail] - 1])
            s->fast = true; /* over the boundary; `begin` is set in pass 2 */
    }
}

static enum atm_status end_pass(struct check *c)
{
    uint32_t last = 3 * c->p->n_kernels - 1, i;
    enum atm_status st = ATM_OK;

    for (i = 0; i < c->p->n_tensors && !st; i++) {
        struct storage *s = &c->s[i];
        bool kept = s->fast;

        if (s->head != i)
            continue;
        if (s->resident) {
            st = expect(c, s, 0, (struct phases){0, last});
            continue;
        }
        if (s->fast && !s->circle)
            st = stayed(c, s, last, false);
        if (s->out && !kept && !s->valid)
            return FAIL("tensor %" PRIu32 ": an output without a copy at the "
                        "end", s->tail);
        if (s->arg)
            s->slow = (struct phases){0, last};
        else if (s->out && !kept)
            s->slow.last = last;
        if (c->mover) {
            struct atm__mover *m = &c->mover[i];

            m->head = i;
            m->circle = s->circle;
            m->arg = s->arg;
            m->in_slow = s->in_slow || s->arg;
            m->slow_begin = s->slow.first;
        } else if (!st && (s->in_slow || s->arg)) {
            st = expect(c, s, 1, s->slow);
        }
    }
    return st;
}

/* The boxes of an asynchronous answer, as its moves stretch them. */
static enum atm_status expect_moved(struct check *c)
{
    enum atm_status st = atm__moves_check(c->p, c->a, c->of, c->mover,
                                          c->arena);
    uint32_t i, j;

    for (i = 0; i < c->p->n_tensors && !st; i++) {
        const struct atm__mover *m = &c->mover[i];
        struct storage *s = &c->s[i];

        if (s->head != i || s->resident)
            continue;
        for (j = 0; j < m->n_stays && !st; j++)
            st = expect(c, s, 0, (struct phases){m->stay[j].begin,
                                                 m->stay[j].end});
        s->slow.first = m->slow_begin;
        if (!st && m->in_slow)
            st = expect(c, s, 1, s->slow);
    }
    return st;
}

static enum atm_status play_all(struct check *c)
{
    enum atm_status st = ATM_OK;
    uint32_t pass, k;

    for (pass = c->p->cyclic ? 0 : 1; pass < 2; pass++) {
        c->counting = pass == 1;
        begin_pass(c, pass == 0 || !c->p->cyclic);
        for (k = 0; k < c->p->n_kernels && !st; k++)
            st = play_kernel(c, k);
    }
    if (!st)
        st = end_pass(c);
    return st || !c->mover ? st : expect_moved(c);
}

/* ---- sharing, times, peaks --------------------------------------------- */

static uint32_t row_of(const struct check *c, uint32_t k, uint32_t tensor)
{
    uint32_t i;

    for (i = c->row[k]; c->station[i].tensor != tensor; i++)
        ;
    return i;
}

static bool is_fast(const struct check *c, uint32_t k, uint32_t tensor)
{
    uint32_t i = row_of(c, k, tensor);

    return c->s[c->of[tensor]].resident ||
           c->a->fast_at_use[tensor][c->station[i].index];
}

/* The fast box of a tensor's storage that ends (or begins) at kernel k. */
static const struct atm_box *edge_box(const struct check *c, uint32_t tensor,
                                      uint32_t k, bool begins)
{
    uint32_t h = c->of[tensor], i;

    for (i = c->first_box[h]; i < c->first_box[h + 1]; i++) {
        const struct atm_box *b = &c->a->box[c->box_list[i]];

        if (b->tier == 0 && (begins ? b->first : b->last) == k)
            return b;
    }
    return NULL;
}

static enum atm_status check_share(struct check *c, uint32_t i)
{
    uint32_t k = c->a->shared[i].kernel, j, a, b;
    const struct atm_box *give, *take;
    const struct atm_problem_kernel *pk;
    const struct atm_problem_pair *pair;

    if (k >= c->p->n_kernels ||
        c->a->shared[i].pair >= c->p->kernel[k].n_pairs ||
        c->p->kernel[k].pair[c->a->shared[i].pair].must)
        return FAIL("shared pair %" PRIu32 " is no may pair", i);
    pk = &c->p->kernel[k];
    pair = &pk->pair[c->a->shared[i].pair];
    a = pk->operand[pair->in];
    b = pk->operand[pk->n_in + pair->out];
    if (!reads(chosen(c, k), a) || !reads(chosen(c, k), b) ||
        !is_fast(c, k, a) || !is_fast(c, k, b))
        return FAIL("kernel %" PRIu32 ": a shared pair is not in fast memory",
                    k);
    if (c->s[c->of[a]].resident || !c->left[row_of(c, k, a)])
        return FAIL("kernel %" PRIu32 ": tensor %" PRIu32 " gives its place "
                    "and is kept", k, a);
    if (!c->valid_before[row_of(c, k, a)] &&
        (c->s[c->of[a]].circle || c->s[c->of[a]].out ||
         c->s[c->of[a]].last_used > k))
        return FAIL("kernel %" PRIu32 ": tensor %" PRIu32 " gives its place, "
                    "is needed later and has no slow copy", k, a);
    for (j = 0; j < i; j++) {
        const struct atm_problem_pair *q;

        if (c->a->shared[j].kernel != k)
            continue;
        q = &pk->pair[c->a->shared[j].pair];
        if (q->in == pair->in || q->out == pair->out)
            return FAIL("kernel %" PRIu32 ": an operand shares twice", k);
    }
    for (j = 0; j < pk->n_pairs; j++)
        if (pk->pair[j].must && (pk->pair[j].in == pair->in ||
                                 pk->pair[j].out == pair->out))
            return FAIL("kernel %" PRIu32 ": an operand of a must pair "
                        "shares", k);
    give = edge_box(c, a, k, false);
    take = edge_box(c, b, k, true);
    if (!give || !take || give->offset != take->offset)
        return FAIL("kernel %" PRIu32 ": a shared pair at two offsets", k);
    c->live[give - c->a->box].last = 3 * k;
    c->fast_bytes[3 * k + 1] -= c->p->tensor[a].bytes;
    c->fast_bytes[3 * k + 2] += c->p->tensor[a].bytes;
    return ATM_OK;
}

static enum atm_status check_kernels(struct check *c)
{
    uint32_t k, j;

    for (k = 0; k < c->p->n_kernels; k++) {
        const struct atm_variant *v = chosen(c, k);
        uint64_t mask = 0;
        double s;

        for (j = 0; j < v->t.n; j++)
            if (!is_fast(c, k, v->operand[j]))
                mask |= UINT64_C(1) << j;
        s = atm_table_at(&v->t, mask);
        if (s < 0)
            return FAIL("kernel %" PRIu32 ": operands in places that are not "
                        "allowed (mask %" PRIu64 ")", k, mask);
        c->seconds += s;
        if (c->mover)
            c->kernel_s[k] = s;
        c->fast_bytes[3 * k + 1] += v->scratch_bytes;
        c->fast_bytes[3 * k + 2] -= v->scratch_bytes;
    }
    return ATM_OK;
}

static enum atm_status match_scratch(struct check *c)
{
    bool *has = atm_arena_array(c->arena, c->p->n_kernels, sizeof(*has));
    uint32_t i, k;

    if (!has)
        return ATM_NOMEM;
    for (i = 0; i < c->a->n_boxes; i++) {
        const struct atm_box *b = &c->a->box[i];

        if (b->tensor != ATM_NONE) {
            if (!c->matched[i])
                return FAIL("box %" PRIu32 " of tensor %" PRIu32 " is none "
                            "that the plan has", i, b->tensor);
            continue;
        }
        k = b->kernel;
        if (has[k] || b->tier != 0 || b->first_phase != 3 * k + 1 ||
            b->last_phase != 3 * k + 1 ||
            b->bytes != chosen(c, k)->scratch_bytes || b->bytes == 0)
            return FAIL("box %" PRIu32 " is not the scratch of kernel %"
                        PRIu32, i, k);
        has[k] = true;
    }
    for (k = 0; k < c->p->n_kernels; k++)
        if (!has[k] && chosen(c, k)->scratch_bytes)
            return FAIL("no residence for the scratch of kernel %" PRIu32, k);
    return ATM_OK;
}

static enum atm_status check_peaks(struct check *c)
{
    uint32_t n = 3 * c->p->n_kernels, i;
    uint64_t fast = 0, slow = 0, peak = 0;

    for (i = 0; i < n; i++) {
        fast += c->fast_bytes[i];
        slow += c->slow_bytes[i];
        if (i % 3 == 1 && fast > c->a->budget_bytes)
            return FAIL("kernel %" PRIu32 ": %" PRIu64 " bytes in fast "
                        "memory, the budget is %" PRIu64, i / 3, fast,
                        c->a->budget_bytes);
        if (slow > c->p->slow_bytes)
            return FAIL("phase %" PRIu32 ": %" PRIu64 " bytes in slow memory, "
                        "capacity %" PRIu64, i, slow, c->p->slow_bytes);
        if (i % 3 == 1)
            peak = fast > peak ? fast : peak;
    }
    return peak == c->a->packing.live_peak
               ? ATM_OK
               : FAIL("%" PRIu64 " bytes are live at the peak, it says %"
                      PRIu64, peak, c->a->packing.live_peak);
}

/* ---- addresses --------------------------------------------------------- */

struct event {
    uint32_t phase;
    bool begins; /* ends come first */
    uint32_t box;
};

static int by_phase(const void *x, const void *y)
{
    const struct event *a = x, *b = y;

    if (a->phase != b->phase)
        return a->phase < b->phase ? -1 : 1;
    if (a->begins != b->begins)
        return a->begins ? 1 : -1;
    return a->box < b->box ? -1 : a->box > b->box;
}

static enum atm_status check_place(const struct check *c, uint32_t i)
{
    const struct atm_box *b = &c->a->box[i];
    uint64_t pool = b->tier ? c->a->slow_peak_bytes : c->a->fast_peak_bytes;
    const struct atm_problem_tensor *t =
        b->tensor == ATM_NONE ? NULL : &c->p->tensor[c->of[b->tensor]];

    if (b->offset % c->p->align)
        return FAIL("box %" PRIu32 ": its offset is unaligned", i);
    if (b->bytes > pool || b->offset > pool - b->bytes)
        return FAIL("box %" PRIu32 ": beyond the %s pool of %" PRIu64
                    " bytes", i, b->tier ? "slow" : "fast", pool);
    if (t && t->fixed == (b->tier ? ATM_FIXED_SLOW : ATM_FIXED_FAST) &&
        b->offset != t->fixed_offset)
        return FAIL("box %" PRIu32 ": tensor %" PRIu32 " is not at its fixed "
                    "offset", i, b->tensor);
    return ATM_OK;
}

/* Live boxes by offset: a new one may only touch its neighbours. */
static enum atm_status sweep(const struct check *c, const struct event *e,
                             uint32_t n, uint32_t *live)
{
    const struct atm_box *box = c->a->box;
    uint32_t n_live = 0, i, lo, hi;

    for (i = 0; i < n; i++) {
        const struct atm_box *b = &box[e[i].box];

        for (lo = 0, hi = n_live; lo < hi;) {
            uint32_t mid = lo + (hi - lo) / 2;

            if (box[live[mid]].offset < b->offset)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (!e[i].begins) {
            memmove(&live[lo], &live[lo + 1],
                    (n_live - lo - 1) * sizeof(*live));
            n_live--;
            continue;
        }
        if ((lo < n_live && box[live[lo]].offset < b->offset + b->bytes) ||
            (lo > 0 && box[live[lo - 1]].offset + box[live[lo - 1]].bytes >
                           b->offset))
            return FAIL("%s memory: boxes overlap at phase %" PRIu32
                        ", one of them box %" PRIu32,
                        b->tier ? "slow" : "fast", e[i].phase, e[i].box);
        memmove(&live[lo + 1], &live[lo], (n_live - lo) * sizeof(*live));
        live[lo] = e[i].box;
        n_live++;
    }
    return ATM_OK;
}

static enum atm_status check_addresses(const struct check *c)
{
    uint32_t n = c->a->n_boxes, m, end = 3 * c->p->n_kernels, i, tier;
    struct event *e = atm_arena_array(c->arena, 4 * (size_t)n, sizeof(*e));
    uint32_t *live = atm_arena_array(c->arena, 2 * (size_t)n, sizeof(*live));
    enum atm_status st = ATM_OK;

    if (!e || !live)
        return ATM_NOMEM;
    for (i = 0; i < n && !st; i++)
        st = check_place(c, i);
    for (tier = 0; tier < 2 && !st; tier++) {
        for (i = m = 0; i < n; i++) {
            struct phases x = c->live[i];

            if (c->a->box[i].tier != tier || c->a->box[i].bytes == 0)
                continue;
            e[m++] = (struct event){x.first, true, i};
            if (x.first > x.last) {
                e[m++] = (struct event){end, false, i};
                e[m++] = (struct event){0, true, i};
            }
            e[m++] = (struct event){x.last + 1, false, i};
        }
        qsort(e, m, sizeof(*e), by_phase);
        st = sweep(c, e, m, live);
    }
    return st;
}

/* ---- totals ------------------------------------------------------------ */

static enum atm_status check_totals(const struct check *c)
{
    const struct atm_placement *a = c->a;
    double slack = TOLERANCE * c->seconds;
    double gap = a->objective > 0
                     ? (a->objective - a->lower_bound) / a->objective : 0;

    if (!(fabs(c->seconds - a->objective) <= slack))
        return FAIL("its time is %.17g s, it says %.17g", c->seconds,
                    a->objective);
    if (c->moved != a->moved_bytes)
        return FAIL("it moves %" PRIu64 " bytes and says %" PRIu64, c->moved,
                    a->moved_bytes);
    if (a->fast_peak_bytes > a->budget_bytes)
        return FAIL("its fast pool has %" PRIu64 " bytes, the budget is %"
                    PRIu64, a->fast_peak_bytes, a->budget_bytes);
    if (a->slow_peak_bytes > c->p->slow_bytes)
        return FAIL("its slow pool has %" PRIu64 " bytes, there are %" PRIu64,
                    a->slow_peak_bytes, c->p->slow_bytes);
    if (!(a->lower_bound <= a->objective + slack))
        return FAIL("its lower bound %.17g s is above its time %.17g s",
                    a->lower_bound, a->objective);
    if (!(fabs(gap - a->gap) <= TOLERANCE))
        return FAIL("its gap is %.17g, it says %.17g", gap, a->gap);
    return ATM_OK;
}

static enum atm_status check(struct check *c)
{
    size_t phases = 3 * (size_t)c->p->n_kernels + 1;
    enum atm_status st = link_pairs(c);
    uint32_t i;

    c->fast_bytes = atm_arena_array(c->arena, phases, sizeof(uint64_t));
    c->slow_bytes = atm_arena_array(c->arena, phases, sizeof(uint64_t));
    if (!c->fast_bytes || !c->slow_bytes)
        return ATM_NOMEM;
    if (!st && c->a->asynchronous) {
        if (!c->p->has_async)
            return FAIL("it is asynchronous, the problem is not");
        c->mover = atm_arena_array(c->arena, c->p->n_tensors,
                                   sizeof(*c->mover));
        c->kernel_s = atm_arena_array(c->arena, c->p->n_kernels,
                                      sizeof(*c->kernel_s));
        if (!c->mover || !c->kernel_s)
            return ATM_NOMEM;
    }
    if (!st)
        st = list_stations(c);
    if (!st)
        st = note_uses(c);
    if (!st)
        st = note_residents(c);
    if (!st)
        st = index_boxes(c);
    if (!st)
        st = play_all(c);
    if (!st)
        st = match_scratch(c);
    for (i = 0; i < c->a->n_shared && !st; i++)
        st = check_share(c, i);
    if (!st)
        st = check_kernels(c);
    if (!st && c->mover)
        st = atm__moves_play(c->p, c->a, c->of, c->mover, c->kernel_s,
                             c->arena, &c->seconds);
    if (!st)
        st = check_peaks(c);
    if (!st)
        st = check_addresses(c);
    return st ? st : check_totals(c);
}

enum atm_status atm_placement_check(const struct atm_problem *p,
                                    const struct atm_placement *a)
{
    struct check c = {.p = p, .a = a, .arena = atm_arena_new()};
    enum atm_status st;

    if (!c.arena)
        return ATM_NOMEM;
    st = check(&c);
    atm_arena_delete(c.arena);
    return st;
}
