/* placement_json.c - the answer to a planning problem as JSON, with the keys
 * that checkers read (planning problem, "The answer"). */
#include "autotm/problem.h"

#include "certificate_json.h"

#include <math.h>
#include <string.h>

void atm_placement_delete(struct atm_placement **placement)
{
    if (!*placement)
        return;
    atm_arena_delete((*placement)->arena);
    *placement = NULL;
}

static json_t *bits(const uint8_t *v, uint32_t n)
{
    json_t *a = json_array();
    uint32_t i;

    for (i = 0; i < n; i++)
        (void)json_array_append_new(a, json_integer(v[i] != 0));
    return a;
}

static json_t *tensors(const struct atm_placement *a, uint32_t n)
{
    json_t *all = json_array();
    uint32_t i;

    for (i = 0; i < n; i++)
        (void)json_array_append_new(
            all, json_pack("{s:i, s:o, s:o}", "resident", a->resident[i] != 0,
                           "fast_at_use",
                           bits(a->fast_at_use[i], a->n_stations[i]),
                           "kept_after_use",
                           bits(a->kept_after[i], a->n_gaps[i])));
    return all;
}

static json_t *variants(const struct atm_problem *p,
                        const struct atm_placement *a)
{
    json_t *v = json_array();
    uint32_t i;

    for (i = 0; i < p->n_kernels; i++)
        (void)json_array_append_new(v, json_integer(a->variant[i]));
    return v;
}

static json_t *shared(const struct atm_placement *a)
{
    json_t *v = json_array();
    uint32_t i;

    for (i = 0; i < a->n_shared; i++)
        (void)json_array_append_new(
            v, json_pack("[I, I]", (json_int_t)a->shared[i].kernel,
                         (json_int_t)a->shared[i].pair));
    return v;
}

static json_t *residences(const struct atm_placement *a)
{
    json_t *v = json_array();
    uint32_t i;

    for (i = 0; i < a->n_boxes; i++) {
        const struct atm_box *b = &a->box[i];
        bool scratch = b->tensor == ATM_NONE;

        (void)json_array_append_new(
            v, json_pack("{s:I, s:s, s:I, s:I, s:I}",
                         scratch ? "kernel" : "tensor",
                         (json_int_t)(scratch ? b->kernel : b->tensor),
                         "tier", b->tier ? "slow" : "fast", "offset",
                         (json_int_t)b->offset, "first",
                         (json_int_t)b->first, "last", (json_int_t)b->last));
    }
    return v;
}

static json_t *moves(const struct atm_placement *a)
{
    json_t *v = json_array();
    uint32_t i;

    for (i = 0; i < a->n_moves; i++) {
        const struct atm_placement_move *m = &a->move[i];

        (void)json_array_append_new(
            v, json_pack("{s:I, s:s, s:s, s:I, s:I}", "tensor",
                         (json_int_t)m->tensor, "from",
                         m->to_fast ? "slow" : "fast", "to",
                         m->to_fast ? "fast" : "slow", "start_after",
                         (json_int_t)m->start_after, "wait_before",
                         (json_int_t)m->wait_before));
    }
    return v;
}

static const char *status_text(enum atm_plan_status s)
{
    return s == ATM_PLAN_OPTIMAL ? "optimal"
           : s == ATM_PLAN_FEASIBLE ? "feasible" : "infeasible";
}

static json_t *answer(const struct atm_problem *p,
                      const struct atm_placement *a)
{
    json_t *o = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}",
        "kernel_count", (json_int_t)p->n_kernels, "tensor_count",
        (json_int_t)p->n_tensors, "peak_bytes", (json_int_t)p->peak_bytes,
        "budget_bytes", (json_int_t)a->budget_bytes, "fast_peak_bytes",
        (json_int_t)a->fast_peak_bytes, "slow_peak_bytes",
        (json_int_t)a->slow_peak_bytes, "moved_bytes",
        (json_int_t)a->moved_bytes, "objective",
        atm__json_number(a->objective), "predicted_seconds",
        atm__json_number(a->objective), "lower_bound",
        atm__json_number(a->lower_bound), "lower_bound_seconds",
        atm__json_number(a->lower_bound), "gap", atm__json_number(a->gap),
        "status", status_text(a->status));
    json_t *more = json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:i, s:b, s:I, s:I}, s:o}", "tensors",
        tensors(a, p->n_tensors), "variants", variants(p, a), "shared",
        shared(a), "residences", residences(a), "packing", "rounds",
        (int)a->packing.rounds, "fallback", a->packing.fallback, "height",
        (json_int_t)a->packing.height, "live_peak",
        (json_int_t)a->packing.live_peak, "certificate",
        atm__certificate_json(&a->certificate));

    if (a->asynchronous && o) {
        (void)json_object_set_new(o, "moves", moves(a));
        (void)json_object_set_new(o, "hidden_share",
                                  isnan(a->hidden_share)
                                      ? json_null()
                                      : atm__json_number(a->hidden_share));
    }
    if (!isnan(a->uncertified_bound))
        (void)json_object_set_new(o, "uncertified_bound",
                                  atm__json_number(a->uncertified_bound));
    if (a->still_certificate) {
        (void)json_object_set_new(o, "static_bound",
                                  atm__json_number(a->still_bound));
        (void)json_object_set_new(o, "static_certificate",
                                  atm__certificate_json(a->still_certificate));
    }
    if (!more || json_object_update(o, more)) {
        json_decref(o);
        o = NULL;
    }
    json_decref(more);
    return o;
}

enum atm_status atm_placement_to_json(const struct atm_problem *p,
                                      const struct atm_placement *a,
                                      const char *extra, char **json)
{
    json_t *first = NULL, *own;
    enum atm_status st;

    *json = NULL;
    if (extra) {
        st = atm__json_parse("extra", extra, strlen(extra), &first);
        if (st)
            return st;
    }
    own = answer(p, a);
    if (own && first && json_object_update(own, first)) {
        json_decref(own);
        own = NULL;
    }
    json_decref(first);
    return atm_json_text(own, json);
}
