/* test_placement.c - the checker of answers finds each planted fault, and
 * passes what evaluate.py (check_plans.py) passes. */
#include "planner_rows.h"

#include "atm_test.h"
#include "random_program.h"

#include <math.h>

/* Weights, a carried state, pairs, scratch: most rules in one problem. */
struct fixture {
    struct random_program r;
    struct atm_profile *profile;
    struct atm_problem *p;
    struct atm_placement *a;
};

static void set_up(struct fixture *f, uint64_t seed)
{
    struct atm_tier_info tier[2] = {
        {.kind = "dram", .caps = ATM_TIER_ADDRESSABLE, .read_bw = 1e9,
         .write_bw = 1e9},
        {.kind = "emu", .caps = ATM_TIER_ADDRESSABLE, .read_bw = 3e8,
         .write_bw = 1e8}};
    const char *const spec[2] = {"dram", "emu"};
    struct atm_plan_options o = {.seed = seed};
    uint32_t kernel;

    ATM_ASSERT_OK(rp_make(&f->r, seed));
    ATM_ASSERT_OK(atm_profile_new(&f->r.p, tier, spec, 1e-7, &f->profile));
    ATM_ASSERT_OK(atm_problem_from_program(&f->r.p, f->profile, UINT64_MAX,
                                           &f->p));
    o.budget_bytes = (atm_problem_min_budget(f->p, &kernel) +
                      f->p->peak_bytes) / 2;
    ATM_ASSERT_OK(atm__plan_random(f->p, &o, &f->a));
    ATM_ASSERT_OK(atm_placement_check(f->p, f->a));
}

static void tear_down(struct fixture *f)
{
    atm_placement_delete(&f->a);
    atm_problem_delete(&f->p);
    atm_profile_delete(&f->profile);
    atm_arena_delete(f->r.p.arena);
}

/* One fault each; false where this placement has nothing to break. */
typedef bool fault_fn(struct fixture *f);

static struct atm_box *find_box(struct fixture *f, uint32_t tier, bool scratch)
{
    uint32_t i;

    for (i = 0; i < f->a->n_boxes; i++)
        if (f->a->box[i].tier == tier &&
            (f->a->box[i].tensor == ATM_NONE) == scratch)
            return &f->a->box[i];
    return NULL;
}

static bool wrong_time(struct fixture *f)
{
    f->a->objective *= 1.0001;
    return f->a->objective > 0;
}

static bool wrong_moved(struct fixture *f)
{
    f->a->moved_bytes += 64;
    return true;
}

static bool wrong_peak(struct fixture *f)
{
    f->a->packing.live_peak -= 64;
    return true;
}

static bool small_budget(struct fixture *f)
{
    f->a->budget_bytes = f->a->packing.live_peak - 1;
    return true;
}

static bool small_pool(struct fixture *f)
{
    f->a->fast_peak_bytes = f->a->packing.live_peak - 64;
    return true;
}

static bool high_bound(struct fixture *f)
{
    f->a->lower_bound = f->a->objective * 1.01;
    return f->a->objective > 0;
}

static bool wrong_gap(struct fixture *f)
{
    f->a->gap = 0.5;
    return true;
}

static bool unaligned(struct fixture *f)
{
    f->a->box[0].offset++;
    return true;
}

static bool beyond_pool(struct fixture *f)
{
    f->a->box[0].offset += UINT64_C(1) << 40;
    return true;
}

static bool short_box(struct fixture *f)
{
    struct atm_box *b = find_box(f, 0, false);

    if (!b || b->first_phase == b->last_phase)
        return false;
    b->last = --b->last_phase / 3;
    return true;
}

static bool smaller_box(struct fixture *f)
{
    struct atm_box *b = find_box(f, 1, false);

    if (b)
        b->bytes -= 64;
    return b != NULL;
}

static bool lost_box(struct fixture *f)
{
    f->a->n_boxes--;
    return f->a->n_boxes > 0;
}

static bool box_twice(struct fixture *f)
{
    struct atm_box *grown = atm_arena_array(f->a->arena, f->a->n_boxes + 1,
                                            sizeof(*grown));

    memcpy(grown, f->a->box, f->a->n_boxes * sizeof(*grown));
    grown[f->a->n_boxes++] = grown[0];
    f->a->box = grown;
    return true;
}

static bool wrong_tier(struct fixture *f)
{
    struct atm_box *b = find_box(f, 0, false);

    if (b)
        b->tier = 1;
    return b != NULL;
}

static bool wrong_scratch(struct fixture *f)
{
    struct atm_box *b = find_box(f, 0, true);

    if (b)
        b->bytes += 64;
    return b != NULL;
}

static bool overlap(struct fixture *f)
{
    uint32_t i, j;

    for (i = 0; i < f->a->n_boxes; i++)
        for (j = 0; j < i; j++) {
            struct atm_box *a = &f->a->box[i], *b = &f->a->box[j];

            if (a->tier == b->tier && a->offset != b->offset &&
                a->first_phase <= b->last_phase &&
                b->first_phase <= a->last_phase) {
                a->offset = b->offset;
                return true;
            }
        }
    return false;
}

static bool flipped_use(struct fixture *f)
{
    uint32_t i;

    for (i = 0; i < f->p->n_tensors; i++)
        if (f->a->n_stations[i] && !f->a->resident[i]) {
            f->a->fast_at_use[i][0] ^= 1;
            return true;
        }
    return false;
}

static bool flipped_gap(struct fixture *f)
{
    uint32_t i;

    for (i = 0; i < f->p->n_tensors; i++)
        if (f->a->n_gaps[i] && !f->a->resident[i]) {
            f->a->kept_after[i][0] ^= 1;
            return true;
        }
    return false;
}

static bool produced_resident(struct fixture *f)
{
    uint32_t i;

    for (i = 0; i < f->p->n_tensors; i++)
        if (!f->p->tensor[i].arg) {
            f->a->resident[i] = 1;
            return true;
        }
    return false;
}

static bool wrong_variant(struct fixture *f)
{
    f->a->variant[f->p->n_kernels - 1] = 1;
    return true;
}

static bool lists_too_long(struct fixture *f)
{
    f->a->n_stations[0]++;
    return true;
}

static bool no_such_share(struct fixture *f)
{
    f->a->shared = atm_arena_array(f->a->arena, 1, sizeof(*f->a->shared));
    f->a->shared[0].kernel = f->p->n_kernels;
    f->a->n_shared = 1;
    return true;
}

static bool shared_twice(struct fixture *f)
{
    struct atm_shared_pair *s;

    if (!f->a->n_shared)
        return false;
    s = atm_arena_array(f->a->arena, f->a->n_shared + 1, sizeof(*s));
    memcpy(s, f->a->shared, f->a->n_shared * sizeof(*s));
    s[f->a->n_shared] = s[0];
    f->a->shared = s;
    f->a->n_shared++;
    return true;
}

static bool not_shared(struct fixture *f)
{
    f->a->n_shared = 0;
    return f->a->shared != NULL && f->a->packing.live_peak > 0;
}

static const struct {
    const char *name;
    fault_fn *plant;
    bool may_be_legal; /* some placements stay right with it */
} faults[] = {
    {"time", wrong_time, false},
    {"bytes moved", wrong_moved, false},
    {"live peak", wrong_peak, false},
    {"budget", small_budget, false},
    {"pool", small_pool, false},
    {"bound above the time", high_bound, false},
    {"gap", wrong_gap, false},
    {"alignment", unaligned, false},
    {"end of the pool", beyond_pool, false},
    {"a box ends early", short_box, false},
    {"a box is too small", smaller_box, false},
    {"a box is missing", lost_box, false},
    {"a box twice", box_twice, false},
    {"tier", wrong_tier, false},
    {"scratch bytes", wrong_scratch, false},
    {"overlap", overlap, false},
    {"use", flipped_use, false},
    {"gap of a tensor", flipped_gap, false},
    {"resident, but no arg", produced_resident, false},
    {"variant", wrong_variant, false},
    {"stations", lists_too_long, false},
    {"no such pair", no_such_share, false},
    {"shared twice", shared_twice, false},
    {"places shared in secret", not_shared, true},
};

static void test_faults(void)
{
    const size_t n = sizeof(faults) / sizeof(faults[0]);
    struct fixture f;
    uint64_t seed;
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned found = 0;

        for (seed = 1; seed <= 40; seed++) {
            set_up(&f, seed);
            if (faults[i].plant(&f)) {
                enum atm_status st = atm_placement_check(f.p, f.a);

                if (st != ATM_FORMAT && !faults[i].may_be_legal)
                    printf("\n  %s, seed %u: not found\n", faults[i].name,
                           (unsigned)seed);
                CU_ASSERT(st == ATM_FORMAT || faults[i].may_be_legal);
                found += st == ATM_FORMAT;
            }
            tear_down(&f);
        }
        if (!found)
            printf("\n  %s: never planted\n", faults[i].name);
        CU_ASSERT_TRUE(found > 0);
    }
}

static void test_json(void)
{
    struct fixture f;
    char *one, *two;

    set_up(&f, 3);
    ATM_ASSERT_OK(atm_placement_to_json(f.p, f.a, "{\"model\":\"m\"}", &one));
    ATM_ASSERT_OK(atm_placement_to_json(f.p, f.a, "{\"model\":\"m\"}", &two));
    CU_ASSERT_STRING_EQUAL(one, two);
    CU_ASSERT_PTR_NOT_NULL(strstr(one, "\"model\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(one, "\"kept_after_use\""));
    atm_string_free(one);
    atm_string_free(two);
    ATM_ASSERT_FAILS(atm_placement_to_json(f.p, f.a, "{\"model\"", &one),
                     ATM_FORMAT, "extra");
    tear_down(&f);
}

static const struct atm_test tests[] = {
    {"each planted fault is found", test_faults},
    {"JSON repeats, with extra keys", test_json},
    {NULL, NULL}};

ATM_TEST_MAIN("placement", tests)
