/* schedule_json.c - the plan file: schedules to and from JSON
 * (docs/schedule.schema.json, which this must be kept equal to).
 *
 * The reader judges form alone: types, ranges, ids below their counts. What
 * the steps do is the business of atm_schedule_check, which needs a program.
 */
#include "autotm/schedule.h"

#include "arena.h"
#include "certificate_json.h"
#include "file.h"
#include "json.h"

#include <string.h>

#define SCHEMA_VERSION 1
#define FILE_MAX (UINT64_C(64) << 20)
#define LIST_MAX (1u << 20) /* elements of any list */

static const char *const step_names[] = {"run", "move", "start", "wait"};
static const char *const status_names[] = {"optimal", "feasible", "infeasible"};

/* ---- writing ----------------------------------------------------------- */

static json_t *hash_json(struct atm_hash h)
{
    char text[ATM_HASH_STR];

    return json_string(atm_hash_str(h, text));
}

/* A list that lost an element to a lack of memory is worse than none. */
static json_t *whole(json_t *list, size_t n)
{
    if (json_array_size(list) == n)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *residence_json(const struct atm_residence *r)
{
    bool scratch = r->tensor == ATM_NONE;

    return json_pack("{s:I, s:I, s:I, s:I, s:I}", scratch ? "kernel" : "tensor",
                     (json_int_t)(scratch ? r->kernel : r->tensor), "tier",
                     (json_int_t)r->tier, "offset", (json_int_t)r->offset,
                     "first_step", (json_int_t)r->first_step, "last_step",
                     (json_int_t)r->last_step);
}

static json_t *step_json(const struct atm_step *t)
{
    if (t->kind == ATM_STEP_RUN)
        return json_pack("{s:s, s:I, s:o}", "do", step_names[t->kind], "kernel",
                         (json_int_t)t->kernel, "seconds",
                         atm__json_number(t->predicted_s));
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "do", step_names[t->kind],
                     "tensor", (json_int_t)t->tensor, "from",
                     (json_int_t)t->from, "to", (json_int_t)t->to, "seconds",
                     atm__json_number(t->predicted_s));
}

static json_t *tier_json(const struct atm_schedule_tier *t)
{
    json_t *j = json_pack("{s:s, s:s, s:I}", "kind", t->name, "spec", t->spec,
                          "pool_bytes", (json_int_t)t->pool_bytes);

    if (j && t->read_bw > 0 && t->write_bw > 0)
        (void)json_object_update_new(j, json_pack("{s:f, s:f}", "read_bw",
                                                  t->read_bw, "write_bw",
                                                  t->write_bw));
    return j;
}

static json_t *lists_json(const struct atm_schedule *s)
{
    json_t *tensors = json_array(), *kernels = json_array();
    json_t *residences = json_array(), *steps = json_array();
    json_t *prologue = json_array(), *tiers = json_array();
    uint32_t i;

    for (i = 0; i < s->n_tensors; i++)
        (void)json_array_append_new(
            tensors,
            json_pack("{s:o, s:I}", "name", atm_json_name(s->tensor_name[i]),
                      "bytes", (json_int_t)s->tensor_bytes[i]));
    for (i = 0; i < s->n_kernels; i++)
        (void)json_array_append_new(kernels, atm_json_name(s->kernel_name[i]));
    for (i = 0; i < s->n_residences; i++)
        (void)json_array_append_new(residences,
                                    residence_json(&s->residence[i]));
    for (i = 0; i < s->n_steps; i++)
        (void)json_array_append_new(steps, step_json(&s->step[i]));
    for (i = 0; i < s->n_prologue; i++)
        (void)json_array_append_new(prologue, json_integer(s->prologue[i]));
    for (i = 0; i < s->n_tiers; i++)
        (void)json_array_append_new(tiers, tier_json(&s->tier[i]));
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}", "tensors",
        whole(tensors, s->n_tensors), "kernels", whole(kernels, s->n_kernels),
        "residences", whole(residences, s->n_residences), "steps",
        whole(steps, s->n_steps), "prologue", whole(prologue, s->n_prologue),
        "tiers", whole(tiers, s->n_tiers));
}

static json_t *head_json(const struct atm_schedule *s)
{
    return json_pack(
        "{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:b, s:i}",
        "format", "autotm-schedule", "schema_version", SCHEMA_VERSION, "model",
        atm_json_name(s->model_name), "model_hash", hash_json(s->model_hash),
        "program_hash", hash_json(s->program_hash), "profile_hash",
        hash_json(s->profile_hash), "tiers_hash", hash_json(s->tiers_hash),
        "planner", s->planner, "options", s->options, "status",
        status_names[s->status], "emulated", s->emulated, "threads",
        s->threads);
}

static json_t *numbers_json(const struct atm_schedule *s)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "peak_bytes", (json_int_t)s->peak_bytes, "budget_bytes",
        (json_int_t)s->budget_bytes, "fast_peak_bytes",
        (json_int_t)s->fast_peak_bytes, "slow_peak_bytes",
        (json_int_t)s->slow_peak_bytes, "moved_bytes",
        (json_int_t)s->moved_bytes, "predicted_seconds",
        atm__json_number(s->predicted_s), "all_fast_seconds",
        atm__json_number(s->all_fast_s), "all_slow_seconds",
        atm__json_number(s->all_slow_s), "lower_bound_seconds",
        atm__json_number(s->lower_bound_s), "gap", atm__json_number(s->gap),
        "uncertified_bound", atm__json_number(s->uncertified_bound_s),
        "certificate", atm__certificate_json(&s->certificate));
}

enum atm_status atm_schedule_to_json(const struct atm_schedule *s, char **json)
{
    json_t *root = head_json(s), *numbers = numbers_json(s);
    json_t *lists = lists_json(s);

    if (!numbers || !lists || json_object_update(root, numbers) != 0 ||
        json_object_update(root, lists) != 0) {
        json_decref(root);
        root = NULL;
    }
    json_decref(numbers);
    json_decref(lists);
    return atm_json_text(root, json);
}

/* ---- reading ----------------------------------------------------------- */

static const char *const root_keys[] = {"format",
                                        "schema_version",
                                        "model",
                                        "model_hash",
                                        "program_hash",
                                        "profile_hash",
                                        "tiers_hash",
                                        "planner",
                                        "options",
                                        "status",
                                        "emulated",
                                        "threads",
                                        "peak_bytes",
                                        "budget_bytes",
                                        "fast_peak_bytes",
                                        "slow_peak_bytes",
                                        "moved_bytes",
                                        "predicted_seconds",
                                        "all_fast_seconds",
                                        "all_slow_seconds",
                                        "lower_bound_seconds",
                                        "gap",
                                        "uncertified_bound",
                                        "certificate",
                                        "tensors",
                                        "kernels",
                                        "residences",
                                        "steps",
                                        "prologue",
                                        "tiers",
                                        NULL};

static enum atm_status read_hash(const struct atm__place *at,
                                 const json_t *root, const char *key,
                                 struct atm_hash *h)
{
    const struct atm__place here = {at, key, 0};
    const char *text = json_string_value(json_object_get(root, key));

    if (text && atm_hash_parse(text, h))
        return ATM_OK;
    return atm__json_fail(&here, "must be 32 hexadecimal digits");
}

/* One of a list of words; its index. */
static enum atm_status read_word(const struct atm__place *at, const json_t *obj,
                                 const char *key, const char *const *words,
                                 uint32_t n, uint32_t *index)
{
    const struct atm__place here = {at, key, 0};
    const char *text = json_string_value(json_object_get(obj, key));

    for (*index = 0; text && *index < n; ++*index)
        if (strcmp(words[*index], text) == 0)
            return ATM_OK;
    return atm__json_fail(&here, "must be one of \"%s\" ... \"%s\"", words[0],
                          words[n - 1]);
}

static enum atm_status read_head(const struct atm__place *at,
                                 const json_t *root, struct atm_schedule *s)
{
    static const char *const format[] = {"autotm-schedule"};
    enum atm_status st =
        read_word(at, root, "format", format, 1, &(uint32_t){0});
    uint32_t word = 0, version = 0, threads = 0;

    if (!st)
        st = atm__json_u32(at, root, "schema_version", UINT32_MAX, &version);
    if (!st && version != SCHEMA_VERSION)
        return atm__json_fail(at,
                              "schema_version is %u, this program reads "
                              "%d; plan again",
                              version, SCHEMA_VERSION);
    if (!st)
        st = atm__json_str(at, root, "model", s->arena, &s->model_name);
    if (!st)
        st = read_hash(at, root, "model_hash", &s->model_hash);
    if (!st)
        st = read_hash(at, root, "program_hash", &s->program_hash);
    if (!st)
        st = read_hash(at, root, "profile_hash", &s->profile_hash);
    if (!st)
        st = read_hash(at, root, "tiers_hash", &s->tiers_hash);
    if (!st)
        st = atm__json_str(at, root, "planner", s->arena, &s->planner);
    if (!st)
        st = atm__json_str(at, root, "options", s->arena, &s->options);
    if (!st)
        st = read_word(at, root, "status", status_names, 3, &word);
    if (!st)
        st = atm__json_bool(at, root, "emulated", &s->emulated);
    if (!st)
        st = atm__json_u32(at, root, "threads", 4096, &threads);
    if (!st && threads == 0)
        st = atm__json_fail(at, "\"threads\" must be at least 1");
    s->status = (enum atm_plan_status)word;
    s->threads = (int)threads;
    return st;
}

static enum atm_status read_numbers(const struct atm__place *at,
                                    const json_t *root, struct atm_schedule *s)
{
    const struct {
        const char *key;
        uint64_t *to;
    } sizes[] = {{"peak_bytes", &s->peak_bytes},
                 {"budget_bytes", &s->budget_bytes},
                 {"fast_peak_bytes", &s->fast_peak_bytes},
                 {"slow_peak_bytes", &s->slow_peak_bytes},
                 {"moved_bytes", &s->moved_bytes}};
    const struct {
        const char *key;
        double *to;
    } reals[] = {{"predicted_seconds", &s->predicted_s},
                 {"all_fast_seconds", &s->all_fast_s},
                 {"all_slow_seconds", &s->all_slow_s},
                 {"lower_bound_seconds", &s->lower_bound_s},
                 {"gap", &s->gap},
                 {"uncertified_bound", &s->uncertified_bound_s}};
    const struct atm__place certificate = {at, "certificate", 0};
    enum atm_status st = ATM_OK;
    size_t i;

    for (i = 0; !st && i < sizeof(sizes) / sizeof(sizes[0]); i++)
        st = atm__json_u64(at, root, sizes[i].key, ATM_JSON_MAX_INT,
                           sizes[i].to);
    for (i = 0; !st && i < sizeof(reals) / sizeof(reals[0]); i++)
        st = atm__json_real(at, root, reals[i].key, true, reals[i].to);
    return st ? st
              : atm__certificate_parse(&certificate,
                                       json_object_get(root, "certificate"),
                                       s->arena, &s->certificate);
}

/* The array under `key` and a zeroed table for it. Null with *st set, or
 * because it had failed before. */
static void *new_table(enum atm_status *st, const struct atm__place *list,
                       const json_t *v, struct atm_arena *arena, size_t each,
                       uint32_t *n)
{
    void *table = NULL;

    if (!*st)
        *st = atm__json_array(list, v, LIST_MAX, false);
    if (*st)
        return NULL;
    table = atm_arena_array(arena, json_array_size(v), each);
    if (!table)
        *st = ATM_NOMEM;
    else
        *n = (uint32_t)json_array_size(v);
    return table;
}

static enum atm_status read_names(const struct atm__place *at,
                                  const json_t *root, struct atm_schedule *s)
{
    static const char *const keys[] = {"name", "bytes", NULL};
    const struct atm__place tensors = {at, "tensors", 0};
    const struct atm__place kernels = {at, "kernels", 0};
    const json_t *t = json_object_get(root, "tensors");
    const json_t *k = json_object_get(root, "kernels");
    enum atm_status st = ATM_OK;
    uint32_t i;

    s->tensor_name = new_table(&st, &tensors, t, s->arena,
                               sizeof(*s->tensor_name), &s->n_tensors);
    s->tensor_bytes = new_table(&st, &tensors, t, s->arena,
                                sizeof(*s->tensor_bytes), &s->n_tensors);
    s->kernel_name = new_table(&st, &kernels, k, s->arena,
                               sizeof(*s->kernel_name), &s->n_kernels);
    for (i = 0; !st && i < s->n_tensors; i++) {
        const struct atm__place here = {&tensors, NULL, i};
        const json_t *v = json_array_get(t, i);

        st = atm__json_object(&here, v, keys);
        if (!st)
            st = atm__json_str(&here, v, "name", s->arena, &s->tensor_name[i]);
        if (!st)
            st = atm__json_u64(&here, v, "bytes", ATM_JSON_MAX_INT,
                               &s->tensor_bytes[i]);
    }
    for (i = 0; !st && i < s->n_kernels; i++) {
        const struct atm__place here = {&kernels, NULL, i};
        const char *name = json_string_value(json_array_get(k, i));

        if (!name)
            return atm__json_fail(&here, "must be a string");
        s->kernel_name[i] = atm_arena_strdup(s->arena, name);
        if (!s->kernel_name[i])
            st = ATM_NOMEM;
    }
    return st;
}

static enum atm_status read_tiers(const struct atm__place *at,
                                  const json_t *root, struct atm_schedule *s)
{
    static const char *const real[] = {"kind", "spec", "pool_bytes", NULL};
    static const char *const emulated[] = {"kind",    "spec",     "pool_bytes",
                                           "read_bw", "write_bw", NULL};
    const struct atm__place list = {at, "tiers", 0};
    const json_t *v = json_object_get(root, "tiers");
    enum atm_status st = atm__json_array(&list, v, ATM_TIERS_MAX, false);
    uint32_t i;

    if (!st && json_array_size(v) == 0)
        return atm__json_fail(&list, "must name a tier");
    s->n_tiers = st ? 0 : (uint32_t)json_array_size(v);
    for (i = 0; !st && i < s->n_tiers; i++) {
        const struct atm__place here = {&list, NULL, i};
        const json_t *tier = json_array_get(v, i);

        st = atm__json_object(
            &here, tier, json_object_get(tier, "read_bw") ? emulated : real);
        if (!st)
            st = atm__json_str(&here, tier, "kind", s->arena, &s->tier[i].name);
        if (!st)
            st = atm__json_str(&here, tier, "spec", s->arena, &s->tier[i].spec);
        if (!st)
            st = atm__json_u64(&here, tier, "pool_bytes", ATM_JSON_MAX_INT,
                               &s->tier[i].pool_bytes);
        if (!st)
            st = atm__json_real(&here, tier, "read_bw", false,
                                &s->tier[i].read_bw);
        if (!st)
            st = atm__json_real(&here, tier, "write_bw", false,
                                &s->tier[i].write_bw);
        if (!st && !(s->tier[i].read_bw >= 0 && s->tier[i].write_bw >= 0))
            st = atm__json_fail(&here, "a bandwidth is negative");
    }
    return st;
}

/* Greatest id of a list of n; a list without elements has none. */
static enum atm_status read_id(const struct atm__place *at, const json_t *obj,
                               const char *key, uint32_t n, uint32_t *id)
{
    const struct atm__place here = {at, key, 0};

    if (n == 0)
        return atm__json_fail(&here, "there are none");
    return atm__json_u32(at, obj, key, n - 1, id);
}

static enum atm_status read_residence(const struct atm__place *at,
                                      const json_t *v,
                                      const struct atm_schedule *s,
                                      struct atm_residence *r)
{
    static const char *const of_tensor[] = {"tensor",     "tier",      "offset",
                                            "first_step", "last_step", NULL};
    static const char *const of_kernel[] = {"kernel",     "tier",      "offset",
                                            "first_step", "last_step", NULL};
    bool scratch = json_object_get(v, "kernel") != NULL;
    enum atm_status st =
        atm__json_object(at, v, scratch ? of_kernel : of_tensor);

    r->tensor = r->kernel = ATM_NONE;
    if (!st)
        st = scratch ? read_id(at, v, "kernel", s->n_kernels, &r->kernel)
                     : read_id(at, v, "tensor", s->n_tensors, &r->tensor);
    if (!st)
        st = read_id(at, v, "tier", s->n_tiers, &r->tier);
    if (!st)
        st = atm__json_u64(at, v, "offset", ATM_JSON_MAX_INT, &r->offset);
    if (!st)
        st = read_id(at, v, "first_step", s->n_steps, &r->first_step);
    return st ? st : read_id(at, v, "last_step", s->n_steps, &r->last_step);
}

static enum atm_status read_step(const struct atm__place *at, const json_t *v,
                                 const struct atm_schedule *s,
                                 struct atm_step *t)
{
    static const char *const of_run[] = {"do", "kernel", "seconds", NULL};
    static const char *const of_move[] = {"do", "tensor",  "from",
                                          "to", "seconds", NULL};
    enum atm_status st = ATM_OK;
    uint32_t word = 0;

    t->kernel = t->tensor = t->from = t->to = ATM_NONE;
    if (!json_is_object(v))
        return atm__json_fail(at, "must be an object");
    st = read_word(at, v, "do", step_names, 4, &word);
    t->kind = (enum atm_step_kind)word;
    if (!st)
        st = atm__json_object(at, v, word == ATM_STEP_RUN ? of_run : of_move);
    if (!st)
        st = atm__json_real(at, v, "seconds", false, &t->predicted_s);
    if (!st && word == ATM_STEP_RUN)
        return read_id(at, v, "kernel", s->n_kernels, &t->kernel);
    if (!st)
        st = read_id(at, v, "tensor", s->n_tensors, &t->tensor);
    if (!st)
        st = read_id(at, v, "from", s->n_residences, &t->from);
    return st ? st : read_id(at, v, "to", s->n_residences, &t->to);
}

/* Residences and steps name each other: both counts come first. */
static enum atm_status read_play(const struct atm__place *at,
                                 const json_t *root, struct atm_schedule *s)
{
    const struct atm__place residences = {at, "residences", 0};
    const struct atm__place steps = {at, "steps", 0};
    const struct atm__place prologue = {at, "prologue", 0};
    const json_t *rs = json_object_get(root, "residences");
    const json_t *ss = json_object_get(root, "steps");
    const json_t *ps = json_object_get(root, "prologue");
    enum atm_status st = ATM_OK;
    uint32_t i;

    s->residence = new_table(&st, &residences, rs, s->arena,
                             sizeof(*s->residence), &s->n_residences);
    s->step =
        new_table(&st, &steps, ss, s->arena, sizeof(*s->step), &s->n_steps);
    s->prologue = new_table(&st, &prologue, ps, s->arena, sizeof(*s->prologue),
                            &s->n_prologue);
    for (i = 0; !st && i < s->n_residences; i++) {
        const struct atm__place here = {&residences, NULL, i};

        st = read_residence(&here, json_array_get(rs, i), s, &s->residence[i]);
    }
    for (i = 0; !st && i < s->n_steps; i++) {
        const struct atm__place here = {&steps, NULL, i};

        st = read_step(&here, json_array_get(ss, i), s, &s->step[i]);
    }
    for (i = 0; !st && i < s->n_prologue; i++)
        st = s->n_residences == 0
                 ? atm__json_fail(&prologue, "there are no residences")
                 : atm__json_at_u32(&prologue, ps, i, s->n_residences - 1,
                                    &s->prologue[i]);
    return st;
}

static enum atm_status read_root(const char *path, const json_t *root,
                                 struct atm_schedule *s)
{
    const struct atm__place at = {NULL, path, 0};
    enum atm_status st = atm__json_object(&at, root, root_keys);

    if (!st)
        st = read_head(&at, root, s);
    if (!st)
        st = read_numbers(&at, root, s);
    if (!st)
        st = read_names(&at, root, s);
    if (!st)
        st = read_tiers(&at, root, s);
    return st ? st : read_play(&at, root, s);
}

enum atm_status atm_schedule_read(const char *path, struct atm_schedule **s)
{
    struct atm_schedule *n = NULL;
    struct atm_arena *arena;
    json_t *root = NULL;
    enum atm_status st;
    char *text = NULL;
    size_t bytes;

    *s = NULL;
    st = atm_file_read(path, FILE_MAX, &text, &bytes);
    if (st)
        return st;
    st = atm__json_parse(path, text, bytes, &root);
    if (st)
        goto err_text;
    st = ATM_NOMEM;
    arena = atm_arena_new();
    if (!arena)
        goto err_root;
    n = atm_arena_alloc(arena, sizeof(*n));
    if (!n) {
        atm_arena_delete(arena);
        goto err_root;
    }
    n->arena = arena;
    st = read_root(path, root, n);
    if (st)
        atm_schedule_delete(&n);
    *s = n;
err_root:
    json_decref(root);
err_text:
    atm_free(text);
    return st;
}
