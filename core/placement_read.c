/* placement_read.c - the decisions behind an answer's file or a schedule:
 * where each tensor is at each of its stations and gaps. Boxes, addresses and
 * totals are not read: they follow from the decisions. */
#include "autotm/explain.h"

#include "arena.h"
#include "certificate_json.h"
#include "file.h"
#include "problem_storage.h"

#include <inttypes.h>
#include <string.h>

#define FILE_MAX (UINT64_C(1) << 31)

/* Room for the decisions of all tensors; all slow. */
static enum atm_status make(const struct atm_problem *p,
                            struct atm_storages *st, struct atm_placement **out)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_placement *a = arena ? atm_arena_alloc(arena, sizeof(*a)) : NULL;
    uint32_t i, n = p->n_tensors;
    enum atm_status status;

    *out = NULL;
    if (!a) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    a->arena = arena;
    *out = a;
    status = atm__problem_storages(p, arena, st);
    if (status)
        return status;
    a->resident = atm_arena_array(arena, n, 1);
    a->fast_at_use = atm_arena_array(arena, n, sizeof(*a->fast_at_use));
    a->kept_after = atm_arena_array(arena, n, sizeof(*a->kept_after));
    a->variant = atm_arena_array(arena, p->n_kernels, sizeof(*a->variant));
    if (!a->resident || !a->fast_at_use || !a->kept_after || !a->variant)
        return ATM_NOMEM;
    a->n_stations = st->n_stations;
    a->n_gaps = st->n_gaps;
    for (i = 0; i < n; i++) {
        a->fast_at_use[i] = atm_arena_array(arena, st->n_stations[i], 1);
        a->kept_after[i] = atm_arena_array(arena, st->n_gaps[i], 1);
        if (!a->fast_at_use[i] || !a->kept_after[i])
            return ATM_NOMEM;
    }
    return ATM_OK;
}

/* ---- answers ---- */

static enum atm_status bits(const struct atm__place *at, const json_t *v,
                            uint8_t *to, uint32_t n, bool resident)
{
    enum atm_status st = atm__json_array(at, v, n, false);
    uint64_t bit;
    uint32_t i;

    if (!st && json_array_size(v) != n && !resident)
        st = atm__json_fail(at, "%" PRIu32 " entries are wanted", n);
    for (i = 0; i < n && !st; i++) {
        bit = 1;
        if (!resident)
            st = atm__json_at_u64(at, v, i, 1, &bit);
        to[i] = (uint8_t)bit;
    }
    return st;
}

static enum atm_status read_tensors(const struct atm__place *file,
                                    const json_t *v, struct atm_placement *a,
                                    uint32_t n)
{
    struct atm__place list = {file, "tensors", 0};
    enum atm_status st = atm__json_array(&list, v, n, true);
    uint64_t resident;
    uint32_t i;

    for (i = 0; i < n && !st; i++) {
        struct atm__place at = {&list, NULL, i};
        struct atm__place use = {&at, "fast_at_use", 0};
        struct atm__place kept = {&at, "kept_after_use", 0};
        const json_t *t = json_array_get(v, i);

        st = atm__json_object(&at, t,
                              (const char *const[]){"resident", "fast_at_use",
                                                    "kept_after_use", NULL});
        if (!st)
            st = atm__json_u64(&at, t, "resident", 1, &resident);
        if (st)
            return st;
        a->resident[i] = (uint8_t)resident;
        st = bits(&use, json_object_get(t, "fast_at_use"), a->fast_at_use[i],
                  a->n_stations[i], resident);
        if (!st)
            st = bits(&kept, json_object_get(t, "kept_after_use"),
                      a->kept_after[i], a->n_gaps[i], resident);
    }
    return st;
}

static enum atm_status read_answer(const struct atm__place *at, const json_t *v,
                                   const struct atm_problem *p,
                                   struct atm_placement *a)
{
    struct atm__place variants = {at, "variants", 0};
    struct atm__place certificate = {at, "certificate", 0};
    const json_t *list = json_object_get(v, "variants");
    enum atm_status st;
    uint32_t i;

    a->asynchronous = json_object_get(v, "moves") != NULL;
    st = read_tensors(at, json_object_get(v, "tensors"), a, p->n_tensors);
    if (!st)
        st = atm__json_u64(at, v, "budget_bytes", ATM_JSON_MAX_INT,
                           &a->budget_bytes);
    if (!st)
        st = atm__json_real(at, v, "objective", false, &a->objective);
    if (!st && list)
        st = atm__json_array(&variants, list, p->n_kernels, true);
    for (i = 0; i < p->n_kernels && !st && list; i++)
        st = atm__json_at_u32(&variants, list, i, p->kernel[i].n_variants - 1,
                              &a->variant[i]);
    if (!st && json_object_get(v, "certificate"))
        st = atm__certificate_parse(&certificate,
                                    json_object_get(v, "certificate"), a->arena,
                                    &a->certificate);
    return st;
}

enum atm_status atm_placement_read(const char *path,
                                   const struct atm_problem *p,
                                   struct atm_placement **placement)
{
    struct atm__place at = {NULL, path, 0};
    struct atm_storages st;
    json_t *root = NULL;
    char *text;
    size_t bytes;
    enum atm_status status;

    *placement = NULL;
    status = atm_file_read(path, FILE_MAX, &text, &bytes);
    if (status)
        return status;
    status = atm__json_parse(path, text, bytes, &root);
    atm_free(text);
    if (!status && !json_is_object(root))
        status = atm__json_fail(&at, "not an object");
    if (!status)
        status = make(p, &st, placement);
    if (!status)
        status = read_answer(&at, root, p, *placement);
    json_decref(root);
    if (status)
        atm_placement_delete(placement);
    return status;
}

/* ---- schedules ---- */

static bool covers(const struct atm_residence *r, uint32_t step)
{
    return r->first_step <= r->last_step
               ? step >= r->first_step && step <= r->last_step
               : step >= r->first_step || step <= r->last_step;
}

/* Does it stay in fast memory when the last step is done: over the boundary,
 * or to the end without being moved out there? */
static bool stays(const struct atm_schedule *s, uint32_t id)
{
    const struct atm_residence *r = &s->residence[id];
    const struct atm_step *last = &s->step[s->n_steps - 1];

    if (r->first_step > r->last_step)
        return true;
    return r->last_step == s->n_steps - 1 &&
           !(last->kind != ATM_STEP_RUN && last->from == id);
}

/* Decisions of the tensor of fast residence `id`. */
static void mark(const struct atm_schedule *s, uint32_t id,
                 const struct atm_storages *st, const uint32_t *run,
                 struct atm_placement *a)
{
    const struct atm_residence *r = &s->residence[id];
    uint32_t t = r->tensor, i, n = a->n_stations[t];
    const uint32_t *kernel = st->s[st->of[t]].kernel + st->first[t];

    for (i = 0; i < n; i++) {
        uint32_t here = run[kernel[i]];

        if (!covers(r, here))
            continue;
        a->fast_at_use[t][i] = 1;
        if (i + 1 < n) /* one interval: both ends and no boundary between */
            a->kept_after[t][i] |=
                covers(r, run[kernel[i + 1]]) &&
                (r->first_step <= r->last_step || here >= r->first_step ||
                 run[kernel[i + 1]] <= r->last_step);
        else if (i < a->n_gaps[t])
            a->kept_after[t][i] |=
                stays(s, id) &&
                (r->first_step <= r->last_step || here >= r->first_step);
    }
    if (r->first_step == 0 && r->last_step == s->n_steps - 1 && n == 0)
        a->resident[t] = 1;
}

enum atm_status atm_placement_of_schedule(const struct atm_schedule *s,
                                          const struct atm_problem *p,
                                          struct atm_placement **placement)
{
    struct atm_storages st;
    struct atm_placement *a;
    enum atm_status status;
    uint32_t i, *run;

    *placement = NULL;
    if (s->n_tensors != p->n_tensors || s->n_kernels != p->n_kernels)
        return atm_fail(ATM_STALE,
                        "the plan has %" PRIu32 " kernels and %" PRIu32
                        " tensors, the problem %" PRIu32 " and %" PRIu32,
                        s->n_kernels, s->n_tensors, p->n_kernels, p->n_tensors);
    status = make(p, &st, placement);
    if (status)
        goto err_delete;
    a = *placement;
    run = atm_arena_array(a->arena, p->n_kernels, sizeof(*run));
    if (!run) {
        status = ATM_NOMEM;
        goto err_delete;
    }
    for (i = 0; i < s->n_steps; i++) {
        if (s->step[i].kind == ATM_STEP_RUN && s->step[i].kernel < s->n_kernels)
            run[s->step[i].kernel] = i;
        a->asynchronous |= s->step[i].kind == ATM_STEP_START;
    }
    for (i = 0; i < s->n_residences; i++)
        if (s->residence[i].tier == 0 && s->residence[i].tensor < s->n_tensors)
            mark(s, i, &st, run, a);
    a->budget_bytes = s->budget_bytes;
    a->objective = s->predicted_s;
    a->certificate = s->certificate; /* lies in the schedule */
    return ATM_OK;

err_delete:
    atm_placement_delete(placement);
    return status;
}
