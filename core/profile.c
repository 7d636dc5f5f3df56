/* profile.c - the profile datum: slow costs by the clock model, the two
 * look-ups that planner and reports use, the checker, the hashes. */
#include "autotm/profile.h"

#include "arena.h"
#include "hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MASK_BITS 64 /* operands beyond these are never slow in a look-up */

/* A feed takes no time wherever its output lies: the caller writes it. */
static void fill_slow(const struct atm_kernel *k, const struct atm_tier_info *t,
                      uint64_t read, uint64_t written, double *slow_s,
                      double *latency_s)
{
    *latency_s = 0;
    if (k->kind == ATM_KERNEL_FEED) {
        *slow_s = 0;
    } else if (!(t->caps & ATM_TIER_ADDRESSABLE)) {
        *slow_s = -1;
    } else {
        *slow_s = (double)read / t->read_bw + (double)written / t->write_bw;
        *latency_s = t->latency_s;
    }
}

static enum atm_status fill_kernel(struct atm_profile *p,
                                   const struct atm_program *g, uint32_t id,
                                   double fast_s)
{
    const struct atm_kernel *k = &g->kernel[id];
    struct atm_kernel_time *t = &p->kernel[id];
    uint32_t cap = k->n_in + k->n_out, i;
    uint64_t *read = atm_arena_array(p->arena, cap, sizeof(*read));
    uint64_t *written = atm_arena_array(p->arena, cap, sizeof(*written));

    t->signature = k->signature;
    t->tensor = atm_arena_array(p->arena, cap, sizeof(*t->tensor));
    t->slow_s = atm_arena_array(p->arena, cap, sizeof(*t->slow_s));
    t->latency_s = atm_arena_array(p->arena, cap, sizeof(*t->latency_s));
    if (!read || !written || !t->tensor || !t->slow_s || !t->latency_s)
        return ATM_NOMEM;
    t->n_operands =
        atm_kernel_operands(g, id, cap, t->tensor, read, written, &t->n_in);
    for (i = 0; i < t->n_operands; i++)
        fill_slow(k, &p->tier[1], read[i], written[i], &t->slow_s[i],
                  &t->latency_s[i]);
    if (k->kind == ATM_KERNEL_RUN && fast_s > 0)
        t->fast = (struct atm_time){fast_s, fast_s, fast_s, 1};
    return ATM_OK;
}

enum atm_status atm_profile_new(const struct atm_program *program,
                                const struct atm_tier_info tier[2],
                                const char *const spec[2], double fast_s,
                                struct atm_profile **profile)
{
    struct atm_arena *arena = atm_arena_new();
    enum atm_status st = ATM_NOMEM;
    struct atm_profile *p;
    uint32_t i;

    *profile = NULL;
    if (!arena)
        return ATM_NOMEM;
    p = atm_arena_alloc(arena, sizeof(*p));
    if (!p)
        goto err_arena;
    p->arena = arena;
    p->n_kernels = program->n_kernels;
    p->kernel = atm_arena_array(arena, p->n_kernels, sizeof(*p->kernel));
    if (!p->kernel)
        goto err_arena;
    p->n_tiers = 2;
    p->overlap = atm_overlap_model();
    for (i = 0; i < 2; i++) {
        p->tier[i] = tier[i];
        if (strlen(spec[i]) >= sizeof(p->spec[i])) {
            st = atm_fail(ATM_INVAL, "tier spec %.40s...: longer than %zu",
                          spec[i], sizeof(p->spec[i]) - 1);
            goto err_arena;
        }
        (void)snprintf(p->spec[i], sizeof(p->spec[i]), "%s", spec[i]);
    }
    for (i = 0; i < p->n_kernels; i++) {
        st = fill_kernel(p, program, i, fast_s);
        if (st)
            goto err_arena;
    }
    *profile = p;
    return ATM_OK;

err_arena:
    atm_arena_delete(arena);
    return st;
}

void atm_profile_delete(struct atm_profile **profile)
{
    if (!*profile)
        return;
    atm_arena_delete((*profile)->arena);
    *profile = NULL;
}

double atm_profile_kernel(const struct atm_profile *p, uint32_t k,
                          uint64_t mask)
{
    const struct atm_kernel_time *t = &p->kernel[k];
    double slow[MASK_BITS], latency[MASK_BITS];
    uint32_t i, n = 0;

    if (t->table)
        return t->table[mask].seconds;
    for (i = 0; i < t->n_operands && i < MASK_BITS; i++) {
        if (!(mask >> i & 1))
            continue;
        if (t->slow_s[i] < 0)
            return -1;
        slow[n] = t->slow_s[i];
        latency[n++] = t->latency_s[i];
    }
    return atm_clock_kernel(t->fast.seconds, n, slow, latency);
}

double atm_profile_move(const struct atm_profile *p, uint64_t bytes, bool write)
{
    return atm_clock_move(&p->tier[1], bytes, write);
}

struct atm_overlap atm_overlap_model(void)
{
    return (struct atm_overlap){.mixed_read = 0.5,
                                .mixed_write = 0.5,
                                .copy_slowdown = 1.05,
                                .kernel_slowdown = 1.05,
                                .source = ATM_TIME_MODELLED};
}

static bool time_ok(const struct atm_time *t)
{
    return isfinite(t->seconds) && t->seconds >= 0 && t->low >= 0 &&
           t->low <= t->seconds && t->seconds <= t->high && isfinite(t->high);
}

static enum atm_status check_kernel(const struct atm_profile *p,
                                    const struct atm_program *g, uint32_t id)
{
    const struct atm_kernel_time *t = &p->kernel[id];
    const struct atm_kernel *k = &g->kernel[id];
    uint64_t m;
    uint32_t i;

    if (!atm_hash_equal(t->signature, k->signature))
        return atm_fail(ATM_STALE,
                        "profile: kernel %" PRIu32 " \"%s\" has "
                        "another signature; profile again",
                        id, k->name);
    if (!time_ok(&t->fast) ||
        (k->kind == ATM_KERNEL_RUN && t->fast.seconds == 0))
        return atm_fail(ATM_FORMAT,
                        "profile: kernel %" PRIu32 " \"%s\" has "
                        "no time; profile it",
                        id, k->name);
    for (i = 0; i < t->n_operands; i++)
        if (t->tensor[i] >= g->n_tensors || !isfinite(t->slow_s[i]) ||
            !isfinite(t->latency_s[i]) || t->latency_s[i] < 0)
            return atm_fail(ATM_FORMAT,
                            "profile: kernel %" PRIu32 " \"%s\": "
                            "operand %" PRIu32 " has no cost",
                            id, k->name, i);
    if (!t->table)
        return ATM_OK;
    for (m = 0; m < UINT64_C(1) << t->n_operands; m++)
        if (!(t->table[m].seconds < 0) && !time_ok(&t->table[m]))
            return atm_fail(ATM_FORMAT,
                            "profile: kernel %" PRIu32 " \"%s\" "
                            "has no time with slow operands 0x%" PRIx64,
                            id, k->name, m);
    return ATM_OK;
}

static void hash_time(struct atm_hasher *h, const struct atm_time *t)
{
    atm_hasher_f64(h, t->seconds);
    atm_hasher_f64(h, t->low);
    atm_hasher_f64(h, t->high);
    atm_hasher_u64(h, t->n);
}

static void hash_kernel(struct atm_hasher *h, const struct atm_kernel_time *t)
{
    uint64_t m;
    uint32_t i;

    atm_hasher_hash(h, t->signature);
    hash_time(h, &t->fast);
    for (i = 0; i < t->n_operands; i++) {
        atm_hasher_u64(h, t->tensor[i]);
        atm_hasher_f64(h, t->slow_s[i]);
        atm_hasher_f64(h, t->latency_s[i]);
    }
    for (m = 0; t->table && m < UINT64_C(1) << t->n_operands; m++)
        hash_time(h, &t->table[m]);
}

/* The hash of the tiers stands alone, so that a plan can tell another machine
 * from another measurement; how many entries came from the store is in
 * neither. */
static enum atm_status fill_hashes(struct atm_profile *p)
{
    struct atm_hasher *h;
    enum atm_status st = atm_hasher_new(&h);
    uint32_t i;

    if (st)
        return st;
    for (i = 0; i < p->n_tiers; i++) {
        const struct atm_tier_info *t = &p->tier[i];

        atm_hasher_str(h, p->spec[i]);
        atm_hasher_u64(h, t->size);
        atm_hasher_u64(h, t->move_align);
        atm_hasher_u64(h, t->caps);
        atm_hasher_f64(h, t->read_bw);
        atm_hasher_f64(h, t->write_bw);
        atm_hasher_f64(h, t->latency_s);
    }
    p->tiers_hash = atm_hasher_end(h);
    atm_hasher_f64(h, p->overlap.mixed_read);
    atm_hasher_f64(h, p->overlap.mixed_write);
    atm_hasher_f64(h, p->overlap.copy_slowdown);
    atm_hasher_f64(h, p->overlap.kernel_slowdown);
    atm_hasher_hash(h, p->machine);
    atm_hasher_f64(h, p->dram_read_bw);
    atm_hasher_f64(h, p->dram_write_bw);
    for (i = 0; i < p->n_kernels; i++)
        hash_kernel(h, &p->kernel[i]);
    p->hash = atm_hasher_end(h);
    atm_hasher_delete(&h);
    return ATM_OK;
}

enum atm_status atm_profile_check(struct atm_profile *p,
                                  const struct atm_program *program)
{
    const struct atm_tier_info *slow = &p->tier[1];
    const struct atm_overlap *o = &p->overlap;
    enum atm_status st;
    uint32_t i;

    if (p->n_tiers != 2 || p->n_kernels != program->n_kernels)
        return atm_fail(ATM_STALE,
                        "profile: %" PRIu32 " kernels, the program "
                        "has %" PRIu32,
                        p->n_kernels, program->n_kernels);
    if (!(slow->read_bw > 0) || !isfinite(slow->read_bw) ||
        !(slow->write_bw > 0) || !isfinite(slow->write_bw) ||
        !(slow->latency_s >= 0) || !isfinite(slow->latency_s))
        return atm_fail(ATM_FORMAT, "profile: tier %s has no bandwidth",
                        p->spec[1]);
    if (!(o->mixed_read > 0 && o->mixed_read <= 1 && o->mixed_write > 0 &&
          o->mixed_write <= 1 && o->copy_slowdown >= 1 &&
          isfinite(o->copy_slowdown) && o->kernel_slowdown >= 1 &&
          isfinite(o->kernel_slowdown)))
        return atm_fail(ATM_FORMAT,
                        "profile: tier %s: what copies and kernels cost each "
                        "other is out of range",
                        p->spec[1]);
    for (i = 0; i < p->n_kernels; i++) {
        st = check_kernel(p, program, i);
        if (st)
            return st;
    }
    return fill_hashes(p);
}
