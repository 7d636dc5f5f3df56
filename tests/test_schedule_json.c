/* test_schedule_json.c - the plan file: what is written is read and written
 * again byte for byte; malformed files are refused with the place; damaged
 * ones never do harm; hashes decide what a plan is for. */
#include "arena.h"
#include "atm_test.h"
#include "file.h"
#include "rng.h"
#include "schedule_fixture.h"

#include "autotm/profile.h"

#include <jansson.h>

#include <stdlib.h>
#include <unistd.h>

#define PATH "test_schedule_json.tmp"

static struct atm_certificate certificate(void)
{
    static struct atm_price memory[] = {{3, 1e-9}, {4, 1.0 / 3}};
    static struct atm_price slow[] = {{12, 2e-11}};
    static struct atm_price_operand operand[] = {{2, 0, -0.25}, {4, 1, 1e-7}};
    static struct atm_price_pair pair[] = {{3, 0, 0.5, 0.125}};
    static uint32_t tensors[] = {W1, W2};
    static int64_t weights[] = {8, 16};
    static struct atm_price_knapsack knapsack[] = {
        {4, 0.75, 16, 2, tensors, weights}};

    return (struct atm_certificate){
        .budget = 2176, .n_memory = 2, .n_slow_memory = 1, .n_operand = 2,
        .n_pair = 1, .n_knapsack = 1, .memory = memory, .slow_memory = slow,
        .operand = operand, .pair = pair, .knapsack = knapsack};
}

/* Kernel 3 runs its variant 1, or W1 is resident, or it is not. */
static struct atm_certificate tree(void)
{
    static struct atm_certificate leaf, inner;

    leaf = certificate();
    inner = (struct atm_certificate){.split = ATM_SPLIT_RESIDENT,
                                     .split_at = W1, .yes = &leaf,
                                     .no = &leaf};
    return (struct atm_certificate){.budget = 2176,
                                    .split = ATM_SPLIT_VARIANT,
                                    .split_at = 3, .split_index = 1,
                                    .yes = &leaf, .no = &inner};
}

static char *text_of(const struct atm_schedule *s)
{
    char *text = NULL;

    ATM_ASSERT_OK(atm_schedule_to_json(s, &text));
    return text;
}

static enum atm_status read_text(const char *text, struct atm_schedule **s)
{
    ATM_ASSERT_OK(atm_file_put(PATH, text, true));
    return atm_schedule_read(PATH, s);
}

static void round_trip(void)
{
    struct atm_schedule *s;
    struct fixture f;
    char *a, *b;
    int i;

    for (i = 0; i < 4; i++) {
        fixture_init(&f);
        if (i == 1)
            make_async(&f);
        if (i == 2)
            f.s.certificate = certificate();
        if (i == 3)
            f.s.certificate = tree();
        a = text_of(&f.s);
        ATM_ASSERT_OK(read_text(a, &s));
        b = text_of(s);
        CU_ASSERT_STRING_EQUAL(a, b);
        ATM_ASSERT_OK(atm_schedule_check(s, &f.p));
        CU_ASSERT_EQUAL(s->n_steps, f.s.n_steps);
        CU_ASSERT_EQUAL(
            memcmp(s->residence, f.residence, N_RES * sizeof(f.residence[0])),
            0);
        CU_ASSERT_EQUAL(s->step[3].predicted_s, 1.0 / 3);
        CU_ASSERT_TRUE(isnan(s->all_slow_s));
        CU_ASSERT_STRING_EQUAL(s->model_name, "hand \"made\"");
        CU_ASSERT_TRUE(atm_hash_equal(s->tiers_hash, f.s.tiers_hash));
    CU_ASSERT_EQUAL(s->tier[0].read_bw, 0);
    CU_ASSERT_EQUAL(s->tier[1].read_bw, f.s.tier[1].read_bw);
    CU_ASSERT_EQUAL(s->tier[1].write_bw, f.s.tier[1].write_bw);
        if (i == 2) {
            CU_ASSERT_EQUAL(s->certificate.memory[1].value, 1.0 / 3);
            CU_ASSERT_EQUAL(s->certificate.knapsack[0].a[1], 16);
            CU_ASSERT_EQUAL(s->certificate.n_slow_memory, 1);
        }
        if (i == 3) {
            const struct atm_certificate *no = s->certificate.no;

            CU_ASSERT_EQUAL(s->certificate.split, ATM_SPLIT_VARIANT);
            CU_ASSERT_EQUAL(s->certificate.split_index, 1);
            CU_ASSERT_EQUAL(no->split, ATM_SPLIT_RESIDENT);
            CU_ASSERT_EQUAL(no->yes->memory[1].value, 1.0 / 3);
        }
        atm_string_free(a);
        atm_string_free(b);
        atm_schedule_delete(&s);
        CU_ASSERT_PTR_NULL(s);
        atm_schedule_delete(&s);
    }
}

/* Puts `to` in place of the first `from`; the result is malloc'ed. */
static char *edit(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = malloc(strlen(text) + strlen(to) + 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    (void)sprintf(out, "%.*s%s%s", (int)(at - text), text, to,
                  at + strlen(from));
    return out;
}

static void malformed(void)
{
    static const struct {
        const char *from, *to, *says;
    } row[] = {
        {"{\n", "[\n", "line"},
        {"\"budget_bytes\": 2176",
         "\"budget_bytes\": 2176, \"budget_bytes\": 1", "duplicate"},
        {"\"budget_bytes\": 2176,", "", "\"budget_bytes\" is missing"},
        {"\"budget_bytes\"", "\"budget_bites\"",
         "unknown key \"budget_bites\""},
        {"2176", "-2176", PATH ": budget_bytes: -2176 is not in"},
        {"2176", "2176.0", "budget_bytes: must be an integer"},
        {"2176", "9007199254740993", "budget_bytes: 9007199254740993 is not"},
        {"2176", "99999999999999999999", "line"},
        {"\"schema_version\": 1", "\"schema_version\": 2", "plan again"},
        {"autotm-schedule", "autotm-problem", "format: must be one of"},
        {"\"status\": \"feasible\"", "\"status\": \"good\"",
         "status: must be one"},
        {"\"emulated\": true", "\"emulated\": 1", "emulated: must be true or"},
        {"\"all_slow_seconds\": null", "\"all_slow_seconds\": \"x\"",
         "all_slow_seconds: must be a number or null"},
        {"\"model_hash\": \"0", "\"model_hash\": \"x",
         "model_hash: must be 32"},
        {"\"kernel\": 6", "\"kernel\": 7", "steps[8].kernel: 7 is not in 0..6"},
        {"\"do\": \"move\"", "\"do\": \"jump\"", "steps[3].do: must be one of"},
        {"\"do\": \"move\"", "\"do\": \"run\"", "steps[3]: unknown key"},
        {"\"last_step\": 8", "\"last_step\": 9",
         "residences[0].last_step: 9 is not in 0..8"},
        {"\"tier\": 1", "\"tier\": 2", "residences[8].tier: 2 is not in 0..1"},
        {"\"offset\": 512", "\"offset\": null",
         "residences[1].offset: must be an integer"},
        {"\"from\": 4", "\"from\": 13", "steps[3].from: 13 is not in 0..12"},
        {"\"bytes\": 512", "\"bytes\": \"512\"", "tensors[1].bytes: must be"},
        {"\"kind\": \"emu\"", "\"kind\": 5", "tiers[1].kind: must be a string"},
        {"\"memory\": []", "\"memory\": [[1]]",
         "certificate.memory[0]: 1 elements, must be 2"},
        {"\"memory\": []", "\"memory\": [[1, null]]",
         "certificate.memory[0][1]: must be a number"},
        {"\"pair\": []", "\"pair\": 7", "certificate.pair: must be an array"},
        {"\"hand\"", "\"ha\\u0000nd\"", "line"},
        {"\"hand\"", "\"ha\xff\"", "line"},
        {"\"options\": \"\"", "\"options\": NaN", "line"},
    };
    struct atm_schedule *s;
    struct fixture f;
    char *text, *bad;
    size_t i;

    fixture_init(&f);
    text = text_of(&f.s);
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        bad = edit(text, row[i].from, row[i].to);
        ATM_ASSERT_FAILS(read_text(bad, &s), ATM_FORMAT, row[i].says);
        CU_ASSERT_PTR_NULL(s);
        free(bad);
    }
    text[strlen(text) / 2] = '\0'; /* truncated */
    ATM_ASSERT_FAILS(read_text(text, &s), ATM_FORMAT, PATH ": line");
    ATM_ASSERT_FAILS(read_text("", &s), ATM_FORMAT, PATH ": line");
    ATM_ASSERT_FAILS(read_text("[]", &s), ATM_FORMAT, "must be an object");
    ATM_ASSERT_FAILS(atm_schedule_read("no such file", &s), ATM_IO, "no such");
    atm_string_free(text);

    text = malloc(200001); /* a deep nest must not eat the stack */
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, '[', 200000);
    text[200000] = '\0';
    ATM_ASSERT_FAILS(read_text(text, &s), ATM_FORMAT, "depth");
    free(text);
}

/* Bytes changed, dropped, doubled: read or refused, checked, never a crash
 * (the sanitizers watch). */
static void damaged(void)
{
    enum { ROUNDS = 3000 };
    uint32_t readable = 0;
    struct fixture f;
    char *text, *bad;
    uint64_t i, j;

    fixture_init(&f);
    f.s.certificate = tree();
    text = text_of(&f.s);
    bad = malloc(strlen(text) + 100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bad);
    for (i = 0; i < ROUNDS; i++) {
        struct atm_schedule *s = NULL;

        (void)strcpy(bad, text);
        for (j = 0; j <= atm_rng_u64(i, 0) % 3; j++) {
            size_t n = strlen(bad), at = atm_rng_u64(i, 3 * j + 1) % n;
            uint64_t how = atm_rng_u64(i, 3 * j + 2);

            if (how % 4 == 0)
                memmove(bad + at, bad + at + 1, n - at);
            else if (how % 4 == 1)
                memmove(bad + at + 1, bad + at, n - at + 1);
            else if (how % 4 == 2 && bad[at] >= '0' && bad[at] <= '9')
                bad[at] = (char)('0' + how / 8 % 10);
            else
                bad[at] = (char)(1 + how / 8 % 255);
        }
        if (read_text(bad, &s) == ATM_OK) {
            readable++;
            (void)atm_schedule_check(s, &f.p);
        }
        atm_schedule_delete(&s);
    }
    CU_ASSERT_TRUE(readable > 50);
    free(bad);
    atm_string_free(text);
}

static void matching(void)
{
    struct atm_graph g = {.model_hash = {1, 2}};
    struct atm_profile profile = {.hash = {5, 6},
                                  .tiers_hash = {7, UINT64_MAX}};
    const char *warning;
    struct fixture f;

    fixture_init(&f);
    f.p.graph = &g;
    f.p.hash = (struct atm_hash){3, 4};
    ATM_ASSERT_OK(atm_schedule_match(&f.s, &f.p, &profile, &warning));
    CU_ASSERT_PTR_NULL(warning);
    profile.hash.lo++;
    ATM_ASSERT_OK(atm_schedule_match(&f.s, &f.p, &profile, &warning));
    CU_ASSERT_PTR_NOT_NULL_FATAL(warning);
    CU_ASSERT_PTR_NOT_NULL(strstr(warning, "profile"));
    profile.tiers_hash.lo--;
    ATM_ASSERT_OK(atm_schedule_match(&f.s, &f.p, &profile, &warning));
    CU_ASSERT_PTR_NOT_NULL_FATAL(warning);
    CU_ASSERT_PTR_NOT_NULL(strstr(warning, "tiers"));
    ATM_ASSERT_OK(atm_schedule_match(&f.s, &f.p, NULL, &warning));
    CU_ASSERT_PTR_NULL(warning);
    f.p.hash.lo = 0;
    ATM_ASSERT_FAILS(atm_schedule_match(&f.s, &f.p, NULL, &warning), ATM_STALE,
                     "another program");
    g.model_hash.hi = 0;
    ATM_ASSERT_FAILS(atm_schedule_match(&f.s, &f.p, NULL, &warning), ATM_STALE,
                     "another model");
}

/* The published schema names the keys that are written, and no other. */
static void schema_names_the_keys(void)
{
    json_t *schema, *plan, *required, *properties, *v;
    struct fixture f;
    const char *key;
    char *text;
    size_t i;

    fixture_init(&f);
    text = text_of(&f.s);
    plan = json_loads(text, 0, NULL);
    schema = json_load_file(ATM_TEST_DATA "/../../docs/schedule.schema.json",
                            JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_TRUE_FATAL(plan && schema);
    required = json_object_get(schema, "required");
    properties = json_object_get(schema, "properties");
    json_object_foreach(plan, key, v)
        CU_ASSERT_PTR_NOT_NULL(json_object_get(properties, key));
    CU_ASSERT_EQUAL(json_object_size(plan), json_object_size(properties));
    json_array_foreach(required, i, v)
        CU_ASSERT_PTR_NOT_NULL(json_object_get(plan, json_string_value(v)));
    CU_ASSERT_EQUAL(json_object_size(plan), json_array_size(required));
    json_decref(plan);
    json_decref(schema);
    atm_string_free(text);
}

/* The n-th allocation fails, for every n: NOMEM, nothing leaks. */
static uint64_t fail_at, calls;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return ++calls == fail_at ? NULL : realloc(p, bytes);
}

static void no_memory(void)
{
    struct atm_schedule *s;
    struct fixture f;
    enum atm_status st;
    char *text;

    fixture_init(&f);
    f.s.certificate = tree();
    text = text_of(&f.s);
    ATM_ASSERT_OK(atm_file_put(PATH, text, true));
    atm_string_free(text);
    for (fail_at = 1, st = ATM_NOMEM; st && fail_at < 10000; fail_at++) {
        calls = 0;
        s = NULL;
        text = NULL;
        atm_set_allocator(failing, NULL);
        st = atm_schedule_read(PATH, &s);
        if (!st)
            st = atm_schedule_check(s, &f.p);
        if (!st)
            st = atm_schedule_to_json(s, &text);
        CU_ASSERT_TRUE(st == ATM_OK || st == ATM_NOMEM);
        atm_string_free(text);
        atm_schedule_delete(&s);
        atm_set_allocator(NULL, NULL);
    }
    CU_ASSERT_EQUAL(st, ATM_OK);
    CU_ASSERT_TRUE(fail_at > 5);
    (void)unlink(PATH);
}

static const struct atm_test tests[] = {
    {"written, read, written: the same bytes", round_trip},
    {"the schema names the keys", schema_names_the_keys},
    {"malformed files are refused with the place", malformed},
    {"damaged files never do harm", damaged},
    {"model and program must match, profile and tiers should", matching},
    {"out of memory is an error and no leak", no_memory},
    {NULL, NULL}};
ATM_TEST_MAIN("schedule_json", tests)
