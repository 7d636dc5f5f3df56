/* schedule_build.c - placement -> schedule: boxes become residences, between
 * the steps of schedule_steps.c.
 *
 * A box that begins in F begins with the step of its fetch; one that ends in E
 * ends with the step of its eviction; leaving fast memory for nothing is no
 * step. The box of a chain of must pairs is cut at each kernel that makes one
 * tensor into the next. */
#include "schedule_build.h"

#include "arena.h"
#include "certify.h"
#include "checked.h"

#include <math.h>
#include <string.h>

static enum atm_status add_residence(struct atm__builder *b, uint32_t tensor,
                                     const struct atm_box *x, uint32_t first,
                                     uint32_t last, uint32_t *id)
{
    struct atm_schedule *s = b->s;
    struct atm_residence *grown =
        atm_arena_grow(s->arena, s->residence, &b->cap_residences,
                       s->n_residences + 1, sizeof(*grown));

    if (!grown)
        return ATM_NOMEM;
    s->residence = grown;
    *id = s->n_residences++;
    s->residence[*id] = (struct atm_residence){
        .tensor = tensor, .kernel = tensor == ATM_NONE ? x->kernel : ATM_NONE,
        .tier = x->tier, .offset = x->offset, .first_step = first,
        .last_step = last};
    return ATM_OK;
}

/* Kernel that makes tensor i - 1 of the chain into tensor i. */
static uint32_t join(const struct atm__builder *b, const struct atm_storage *s,
                     uint32_t i)
{
    return s->kernel[b->st.first[s->tensor[i]]];
}

/* Residences of tensors from..to of the chain, in one fast box. */
static enum atm_status cut(struct atm__builder *b, const struct atm_box *x,
                           uint32_t from, uint32_t to, uint32_t first,
                           uint32_t last, uint32_t *begins, uint32_t *ends)
{
    const struct atm_storage *s = atm__box_storage(b, x);
    enum atm_status st = ATM_OK;
    uint32_t i, id = ATM_NONE;

    for (i = from; i <= to && !st; i++) {
        st = add_residence(b, s->tensor[i], x,
                           i == from ? first : b->run[join(b, s, i)],
                           i == to ? last : b->run[join(b, s, i + 1)], &id);
        if (i == from)
            *begins = id;
        *ends = id;
    }
    return st;
}

static enum atm_status add_fast_box(struct atm__builder *b, uint32_t i)
{
    const struct atm_box *x = &b->a->box[i];
    const struct atm_storage *s = atm__box_storage(b, x);
    uint32_t end = b->s->n_steps - 1, from = 0, to = 0, n = s->n_tensors, j;
    uint32_t first, last, ignored;
    enum atm_status st;

    first = b->fetched[i] != ATM_NONE ? b->move[b->fetched[i]].start
            : x->first_phase % 3 == 0 ? 0 /* it is there all the time */
                                      : b->run[x->first];
    last = b->evicted[i] != ATM_NONE ? b->move[b->evicted[i]].wait
           : x->last_phase % 3 == 2  ? end
                                     : b->run[x->last];
    /* which tensor of the chain it holds when it begins, and when it ends */
    for (j = 1; j < n; j++) {
        from += b->run[join(b, s, j)] < first;
        to += b->run[join(b, s, j)] <= last;
    }
    if (first <= last || n == 1)
        return cut(b, x, from, to, first, last, &b->begins[i], &b->ends[i]);
    st = cut(b, x, from, n - 1, first, end, &b->begins[i], &ignored);
    return st ? st
              : cut(b, x, 0, to, 0, last, &ignored, &b->ends[i]);
}

/* Notes that the slow copy of a tensor is read or written in a step. */
static void touch(struct atm__builder *b, uint32_t *lo, uint32_t *hi,
                  uint32_t tensor, uint32_t step, bool read)
{
    if (lo[tensor] == ATM_NONE || step < lo[tensor]) {
        lo[tensor] = step;
        b->read_first[tensor] = read;
    }
    if (hi[tensor] == ATM_NONE || step > hi[tensor])
        hi[tensor] = step;
}

static void touch_all(struct atm__builder *b, uint32_t *lo, uint32_t *hi)
{
    uint32_t i, j;

    for (i = 0; i < b->n_moves; i++) {
        const struct atm__step_move *m = &b->move[i];
        uint32_t r = m->in ? b->begins[m->box] : b->ends[m->box];

        touch(b, lo, hi, b->s->residence[r].tensor, m->start, m->in);
        touch(b, lo, hi, b->s->residence[r].tensor, m->wait, m->in);
    }
    for (i = 0; i < b->p->n_tensors; i++) {
        const struct atm_storage *s = &b->st.s[b->st.of[i]];

        for (j = 0; j < b->a->n_stations[i] && !b->a->resident[i]; j++) {
            uint32_t k = s->kernel[b->st.first[i] + j];

            if (!b->a->fast_at_use[i][j])
                touch(b, lo, hi, i, b->run[k],
                      b->g->tensor[i].producer != k);
        }
    }
}

/* The slow place of a storage, cut into the time in which each tensor of the
 * chain has its value there. */
static enum atm_status add_slow_box(struct atm__builder *b,
                                    const struct atm_box *x,
                                    const uint32_t *lo, const uint32_t *hi)
{
    const struct atm_storage *s = atm__box_storage(b, x);
    uint32_t end = b->s->n_steps - 1, i, n = s->n_tensors;
    uint32_t head = s->tensor[0], tail = s->tensor[n - 1];
    enum atm_status st = ATM_OK;

    if (s->arg && n == 1) {
        b->read_first[head] = true;
        return add_residence(b, head, x, 0, end, &b->slow[head]);
    }
    for (i = 0; i < n && !st; i++) {
        uint32_t t = s->tensor[i], first = lo[t], last = hi[t];

        if (first == ATM_NONE)
            continue;
        if (s->arg && t == head && b->read_first[t])
            first = 0; /* written in the iteration before, or loaded */
        else
            b->read_first[t] = false;
        if (t == tail && ((s->circle && b->read_first[head]) ||
                          (s->out && !atm__kept_to_end(b, s))))
            last = end;
        st = add_residence(b, t, x, first, last, &b->slow[t]);
    }
    return st;
}

static enum atm_status make_residences(struct atm__builder *b)
{
    uint32_t nt = b->p->n_tensors, n = b->a->n_boxes, i, id;
    uint32_t *lo = atm_arena_array(b->tmp, nt, sizeof(*lo));
    uint32_t *hi = atm_arena_array(b->tmp, nt, sizeof(*hi));
    enum atm_status st = ATM_OK;

    b->begins = atm_arena_array(b->tmp, n, sizeof(*b->begins));
    b->ends = atm_arena_array(b->tmp, n, sizeof(*b->ends));
    b->slow = atm_arena_array(b->tmp, nt, sizeof(*b->slow));
    b->read_first = atm_arena_array(b->tmp, nt, sizeof(*b->read_first));
    if (!lo || !hi || !b->begins || !b->ends || !b->slow || !b->read_first)
        return ATM_NOMEM;
    for (i = 0; i < nt; i++)
        lo[i] = hi[i] = b->slow[i] = ATM_NONE;
    for (i = 0; i < n && !st; i++) {
        const struct atm_box *x = &b->a->box[i];

        if (x->tier == 0 && x->tensor != ATM_NONE)
            st = add_fast_box(b, i);
        else if (x->tier == 0)
            st = add_residence(b, ATM_NONE, x, b->run[x->kernel],
                               b->run[x->kernel], &id);
    }
    if (st)
        return st;
    touch_all(b, lo, hi);
    for (i = 0; i < n && !st; i++)
        if (b->a->box[i].tier == 1)
            st = add_slow_box(b, &b->a->box[i], lo, hi);
    return st;
}

static enum atm_status fill_steps(struct atm__builder *b)
{
    struct atm_schedule *s = b->s;
    uint32_t i, j, k;

    for (i = 0; i < b->n_moves; i++) {
        const struct atm__step_move *m = &b->move[i];
        uint32_t fast = m->in ? b->begins[m->box] : b->ends[m->box];
        uint32_t t = s->residence[fast].tensor;
        struct atm_step step = {
            .kind = s->step[m->start].kind,
            .kernel = ATM_NONE,
            .tensor = t,
            .from = m->in ? b->slow[t] : fast,
            .to = m->in ? fast : b->slow[t],
            .predicted_s =
                m->in ? b->p->tensor[t].fetch_s : b->p->tensor[t].evict_s};

        if (b->slow[t] == ATM_NONE)
            return atm_fail(ATM_INTERNAL, "schedule: tensor \"%s\" moves and "
                            "has no slow place", b->g->tensor[t].name);
        s->step[m->start] = step;
        step.kind = s->step[m->wait].kind;
        s->step[m->wait] = step;
    }
    for (k = 0; k < b->p->n_kernels; k++) {
        const struct atm_variant *v =
            &b->p->kernel[k].variant[b->a->variant[k]];
        uint64_t mask = 0;

        for (j = 0; j < v->t.n; j++) {
            uint32_t t = v->operand[j];
            const struct atm_storage *g = &b->st.s[b->st.of[t]];

            for (i = 0; g->kernel[b->st.first[t] + i] != k; i++)
                ;
            if (!b->a->resident[t] && !b->a->fast_at_use[t][i])
                mask |= UINT64_C(1) << j;
        }
        s->step[b->run[k]].predicted_s = atm_table_at(&v->t, mask);
    }
    return ATM_OK;
}

/* What must be filled before step 0: args where they live then. */
static enum atm_status make_prologue(struct atm__builder *b)
{
    struct atm_schedule *s = b->s;
    uint32_t i, *grown;

    for (i = 0; i < s->n_residences; i++) {
        const struct atm_residence *r = &s->residence[i];

        if (r->tensor == ATM_NONE || !b->p->tensor[r->tensor].arg ||
            (r->first_step != 0 && r->first_step <= r->last_step) ||
            (r->first_step == 0 && s->step[0].kind != ATM_STEP_RUN &&
             s->step[0].to == i) || /* fetched there */
            (r->tier == 1 && !b->read_first[r->tensor]))
            continue;
        grown = atm_arena_grow(s->arena, s->prologue, &b->cap_prologue,
                               s->n_prologue + 1, sizeof(*grown));
        if (!grown)
            return ATM_NOMEM;
        s->prologue = grown;
        s->prologue[s->n_prologue++] = i;
    }
    return ATM_OK;
}

/* Everything in one tier, nothing moved; NaN where a kernel forbids it. */
static double unmoved_seconds(const struct atm_problem *p, bool slow)
{
    double sum = 0;
    uint32_t k, v;

    for (k = 0; k < p->n_kernels; k++) {
        double best = NAN;

        for (v = 0; v < p->kernel[k].n_variants; v++) {
            const struct atm_table *t = &p->kernel[k].variant[v].t;
            uint64_t all = t->n < 64 ? (UINT64_C(1) << t->n) - 1 : UINT64_MAX;
            double s = atm_table_at(t, slow ? all : 0);

            if (s >= 0)
                best = isnan(best) ? s : fmin(best, s);
        }
        sum += best;
    }
    return sum;
}

static enum atm_status fill_tiers(struct atm_schedule *s,
                                  const struct atm_profile *profile,
                                  const struct atm_placement *a)
{
    uint32_t i;

    s->n_tiers = 2;
    for (i = 0; i < 2; i++) {
        s->tier[i].name = atm_arena_strdup(s->arena, profile->tier[i].kind);
        s->tier[i].spec = atm_arena_strdup(s->arena, profile->spec[i]);
        s->tier[i].pool_bytes = i ? a->slow_peak_bytes : a->packing.height;
        if (profile->tier[i].caps & ATM_TIER_EMULATED) {
            s->emulated = true;
            s->tier[i].read_bw = profile->tier[i].read_bw;
            s->tier[i].write_bw = profile->tier[i].write_bw;
        }
        if (!s->tier[i].name || !s->tier[i].spec)
            return ATM_NOMEM;
    }
    s->fast_peak_bytes = s->tier[0].pool_bytes;
    s->slow_peak_bytes = s->tier[1].pool_bytes;
    return ATM_OK;
}

static enum atm_status fill_names(struct atm_schedule *s,
                                  const struct atm_program *g)
{
    uint32_t i;

    s->model_name = atm_arena_strdup(s->arena, g->graph->name);
    s->n_tensors = g->n_tensors;
    s->n_kernels = g->n_kernels;
    s->tensor_name = atm_arena_array(s->arena, g->n_tensors,
                                     sizeof(*s->tensor_name));
    s->tensor_bytes = atm_arena_array(s->arena, g->n_tensors,
                                      sizeof(*s->tensor_bytes));
    s->kernel_name = atm_arena_array(s->arena, g->n_kernels,
                                     sizeof(*s->kernel_name));
    if (!s->model_name || !s->tensor_name || !s->tensor_bytes ||
        !s->kernel_name)
        return ATM_NOMEM;
    for (i = 0; i < g->n_tensors; i++) {
        s->tensor_name[i] = atm_arena_strdup(s->arena, g->tensor[i].name);
        s->tensor_bytes[i] = g->tensor[i].bytes;
        if (!s->tensor_name[i])
            return ATM_NOMEM;
    }
    for (i = 0; i < g->n_kernels; i++) {
        s->kernel_name[i] = atm_arena_strdup(s->arena, g->kernel[i].name);
        if (!s->kernel_name[i])
            return ATM_NOMEM;
    }
    return ATM_OK;
}

static enum atm_status fill_head(struct atm_schedule *s,
                                 const struct atm_program *g,
                                 const struct atm_profile *profile,
                                 const struct atm_problem *p,
                                 const struct atm_placement *a,
                                 const struct atm_plan_options *o)
{
    enum atm_status st = fill_names(s, g);

    if (!st)
        st = fill_tiers(s, profile, a);
    if (!st)
        st = atm__certificate_copy(s->arena, &a->certificate,
                                   &s->certificate);
    if (st)
        return st;
    s->model_hash = g->graph->model_hash;
    s->program_hash = g->hash;
    s->profile_hash = profile->hash;
    s->tiers_hash = profile->tiers_hash;
    s->threads = g->threads;
    s->planner = atm_arena_strdup(s->arena, o->planner);
    s->options = atm_arena_printf(s->arena, "gap=%g seed=%llu time_limit=%g",
                                  o->gap_target, (unsigned long long)o->seed,
                                  o->time_limit_s);
    s->status = a->status;
    s->peak_bytes = g->peak_bytes;
    s->budget_bytes = a->budget_bytes;
    s->moved_bytes = a->moved_bytes;
    s->predicted_s = a->objective;
    s->all_fast_s = unmoved_seconds(p, false);
    s->all_slow_s = unmoved_seconds(p, true);
    s->lower_bound_s = a->lower_bound;
    s->gap = a->gap;
    s->uncertified_bound_s = a->uncertified_bound;
    return s->planner && s->options ? ATM_OK : ATM_NOMEM;
}

/* Steps obey more than the problem's clock asks for: what they take is what
 * the schedule predicts. */
static enum atm_status fill_overlap(struct atm__builder *b)
{
    struct atm_schedule *s = b->s;
    enum atm_status st = atm__schedule_overlap(b);

    s->gap = s->predicted_s > 0
                 ? (s->predicted_s - s->lower_bound_s) / s->predicted_s
                 : 0;
    if (s->gap > 1e-9)
        s->status = ATM_PLAN_FEASIBLE;
    return st;
}

static enum atm_status build(struct atm__builder *b)
{
    enum atm_status st;

    st = atm__problem_storages(b->p, b->tmp, &b->st);
    if (!st)
        st = atm__schedule_steps(b);
    if (!st)
        st = make_residences(b);
    if (!st)
        st = fill_steps(b);
    if (!st)
        st = make_prologue(b);
    return !st && b->a->asynchronous ? fill_overlap(b) : st;
}

enum atm_status atm_schedule_build(const struct atm_program *program,
                                   const struct atm_profile *profile,
                                   const struct atm_problem *problem,
                                   const struct atm_placement *placement,
                                   const struct atm_plan_options *options,
                                   struct atm_schedule **schedule)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__builder b = {.g = program, .p = problem, .a = placement,
                        .tmp = atm_arena_new()};
    enum atm_status st = ATM_NOMEM;

    *schedule = NULL;
    if (!arena || !b.tmp)
        goto err_delete_arenas;
    b.s = atm_arena_array(arena, 1, sizeof(*b.s));
    if (!b.s)
        goto err_delete_arenas;
    b.s->arena = arena;
    st = fill_head(b.s, program, profile, problem, placement, options);
    if (!st)
        st = build(&b);
    if (!st)
        st = atm_schedule_check(b.s, program);
    if (st)
        goto err_delete_arenas;
    *schedule = b.s;
    arena = NULL;

err_delete_arenas:
    atm_arena_delete(b.tmp);
    atm_arena_delete(arena);
    return st;
}
