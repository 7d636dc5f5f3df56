/* profiler.c - what to measure, in which order, and the profile that results.
 *
 * The program is swept from kernel to kernel with everything in fast memory,
 * and each kernel whose entry lacks samples is timed where it stands (docs/
 * decisions/0002). A sweep is one transaction of the store. Only a program
 * that does not fit in memory is measured kernel by kernel. */
#include "autotm/profiler.h"

#include "job.h"
#include "moves.h"
#include "overlap.h"

#include "arena.h"
#include "clock.h"
#include "free_memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FULL_TABLE 4      /* operands: every vector is measured */
#define ADDITIVE_TABLE 12 /* operands: single vectors are, others are sums */
#define SMALL_BYTES                                                            \
    (64u << 10) /* operands of less are derived, see small()                   \
                 */

void atm_profiler_options_init(struct atm_profiler_options *o)
{
    memset(o, 0, sizeof(*o));
    o->slow_spec = "emu:profile=optane6";
    o->fast_spec = "dram";
    o->samples = 9;
}

/* ---- what there is to know ---------------------------------------------- */

struct key {
    struct atm_hash signature;
    uint32_t n_operands, kernel;
};

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    if (x->signature.hi != y->signature.hi)
        return x->signature.hi < y->signature.hi ? -1 : 1;
    if (x->signature.lo != y->signature.lo)
        return x->signature.lo < y->signature.lo ? -1 : 1;
    if (x->n_operands != y->n_operands)
        return x->n_operands < y->n_operands ? -1 : 1;
    return x->kernel < y->kernel ? -1 : x->kernel > y->kernel;
}

static enum atm_status find_groups(struct job *j)
{
    struct key *key = atm_arena_array(j->arena, j->p->n_kernels, sizeof(*key));
    uint32_t i, n = 0, first = ATM_NONE;

    if (!key)
        return ATM_NOMEM;
    for (i = 0; i < j->p->n_kernels; i++) {
        j->group[i] = ATM_NONE;
        if (j->p->kernel[i].kind == ATM_KERNEL_RUN)
            key[n++] = (struct key){j->p->kernel[i].signature,
                                    j->profile->kernel[i].n_operands, i};
    }
    qsort(key, n, sizeof(*key), by_key);
    for (i = 0; i < n; i++) {
        if (i == 0 || key[i].n_operands != key[i - 1].n_operands ||
            !atm_hash_equal(key[i].signature, key[i - 1].signature))
            first = key[i].kernel;
        j->group[key[i].kernel] = first;
    }
    j->plan.kernels = n;
    return ATM_OK;
}

static uint32_t position(const struct atm_kernel_time *t, uint32_t from,
                         uint32_t to, uint32_t tensor)
{
    while (from < to && t->tensor[from] != tensor)
        from++;
    return from;
}

/* The two of a must pair are one storage, so in one tier. */
static bool allowed(const struct job *j, uint32_t k, uint64_t mask)
{
    const struct atm_kernel_time *t = &j->profile->kernel[k];
    const struct atm_kernel *x = &j->p->kernel[k];
    uint32_t i, in, out;

    for (i = 0; i < x->n_pairs; i++) {
        if (!x->pair[i].must)
            continue;
        in = position(t, 0, t->n_in, x->in[x->pair[i].in].tensor);
        out =
            position(t, t->n_in, t->n_operands, x->out[x->pair[i].out].tensor);
        if ((mask >> in & 1) != (mask >> out & 1))
            return false;
    }
    return true;
}

/* Masks of one operand, or of the must pair that it belongs to. */
static uint64_t single(const struct job *j, uint32_t k, uint32_t operand)
{
    const struct atm_kernel_time *t = &j->profile->kernel[k];
    uint64_t mask = UINT64_C(1) << operand;
    uint32_t i;

    for (i = 0; i < t->n_operands && !allowed(j, k, mask); i++)
        if (allowed(j, k, mask | UINT64_C(1) << i))
            mask |= UINT64_C(1) << i;
    return mask;
}

/* What a few pages cost in slow memory drowns in the noise of a kernel that
 * has larger operands: it is derived from bandwidth and latency. */
static uint64_t small(const struct job *j, uint32_t k)
{
    const struct atm_kernel_time *t = &j->profile->kernel[k];
    uint64_t mask = 0;
    uint32_t i;

    for (i = 0; i < t->n_operands; i++)
        if (j->p->tensor[t->tensor[i]].bytes < SMALL_BYTES &&
            allowed(j, k, UINT64_C(1) << i))
            mask |= UINT64_C(1) << i;
    return mask == (UINT64_C(1) << t->n_operands) - 1 ? 0 : mask;
}

static enum atm_status add_entry(struct job *j, uint32_t kernel, uint64_t mask)
{
    struct entry e = {.kernel = kernel, .mask = mask, .reused = true};
    struct atm__vector v = atm__vector_of(j, &e);
    enum atm_status st;
    uint32_t n, i;

    for (i = j->first[kernel]; i < j->n_entries; i++)
        if (j->entry[i].mask == mask)
            return ATM_OK;
    st = atm__store_samples(j->store, &v, &e.least, 1, &n, &e.have);
    if (st)
        return st;
    e.next = e.have;
    if (j->o->fresh)
        atm__make_stale(&e);
    j->entry = atm_arena_grow(j->arena, j->entry, &j->cap_entries,
                              j->n_entries + 1, sizeof(*j->entry));
    if (!j->entry)
        return ATM_NOMEM;
    j->entry[j->n_entries++] = e;
    j->n[kernel]++;
    return ATM_OK;
}

static enum atm_status find_entries(struct job *j)
{
    enum atm_status st = ATM_OK;
    uint32_t k, i, operands;
    uint64_t m;

    for (k = 0; k < j->p->n_kernels && !st; k++) {
        if (j->group[k] != k)
            continue;
        operands = j->profile->kernel[k].n_operands;
        j->first[k] = j->n_entries;
        st = add_entry(j, k, 0);
        if (!j->masks) {
            j->profile->n_modelled += operands;
        } else if (operands <= FULL_TABLE) {
            for (m = 1; m < UINT64_C(1) << operands && !st; m++)
                if (allowed(j, k, m) && !(m & small(j, k)))
                    st = add_entry(j, k, m);
        } else if (operands <= ADDITIVE_TABLE) {
            for (i = 0; i < operands && !st; i++)
                st = add_entry(j, k, single(j, k, i));
        }
    }
    for (i = 0; i < j->n_entries; i++)
        j->plan.known += atm__known(j, &j->entry[i]);
    j->plan.distinct = j->n_entries;
    j->plan.to_measure = j->n_entries - j->plan.known;
    return st;
}

struct atm__vector atm__vector_of(const struct job *j, const struct entry *e)
{
    return (struct atm__vector){j->p->kernel[e->kernel].signature,
                                e->mask ? j->profile->spec[1] : "", e->mask};
}

double atm__quantile(const double *sorted, uint32_t n, double q)
{
    double at = q * (n - 1);
    uint32_t i = (uint32_t)at;

    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i])
                     : sorted[n - 1];
}

enum atm_status atm__read_time(struct job *j, const struct entry *e,
                               struct atm_time *t)
{
    struct atm__vector v = atm__vector_of(j, e);
    uint32_t cap, n, sweeps;
    enum atm_status st;
    double *s;

    st = atm__store_samples(j->store, &v, NULL, 0, &cap, &sweeps);
    if (st)
        return st;
    s = atm_alloc_array(cap, sizeof(*s));
    if (!s)
        return ATM_NOMEM;
    st = atm__store_samples(j->store, &v, s, cap, &n, &sweeps);
    n = n < cap ? n : cap; /* another process may be adding */
    if (!st && n == 0)
        st = atm_fail(ATM_INTERNAL,
                      "profile store: samples of \"%s\" are "
                      "gone",
                      j->p->kernel[e->kernel].name);
    if (!st)
        *t = (struct atm_time){atm__quantile(s, n, 0.5),
                               atm__quantile(s, n, 0.25),
                               atm__quantile(s, n, 0.75), n};
    atm_free(s);
    return st;
}

/* A kernel that does not fit is found before hours of measuring others. */
static enum atm_status each_fits(const struct job *j, uint64_t limit)
{
    enum atm_status st;
    uint64_t bytes;
    uint32_t k;

    for (k = 0; k < j->p->n_kernels; k++) {
        if (j->group[k] != k)
            continue;
        st = atm__bench_bytes(j->p, k, k, &bytes);
        if (st)
            return st;
        if (bytes > limit)
            return atm_fail(ATM_CAPACITY,
                            "kernel %" PRIu32 " \"%s\" needs %" PRIu64
                            " bytes to be measured, %" PRIu64 " are available",
                            k, j->p->kernel[k].name, bytes, limit);
    }
    return ATM_OK;
}

static enum atm_status measure(struct job *j)
{
    uint64_t bytes, limit = j->o->memory_bytes;
    struct atm_exec *exec;
    enum atm_status st;
    bool fits;

    st = atm__bench_bytes(j->p, 0, j->p->n_kernels - 1, &bytes);
    if (st)
        return st;
    if (limit == 0)
        limit = atm_memory_available() / 5 * 4;
    fits = bytes <= limit / (j->masks ? 2 : 1);
    st = fits ? ATM_OK : each_fits(j, atm_memory_available());
    if (st)
        return st;
    if (!j->o->dry_run) {
        st = atm__tell(j);
        if (st)
            return st;
    }
    st = atm_exec_open(j->p, &exec);
    if (st)
        return st;
    st = fits ? atm__measure_whole(j, exec) : atm__measure_alone(j, exec);
    atm_exec_close(&exec);
    return st;
}

/* ---- the profile -------------------------------------------------------- */

/* The all-fast time plus what each slow operand adds by itself. */
static double sum_of_singles(const struct job *j, uint32_t k, uint64_t mask,
                             const struct atm_time *table)
{
    uint32_t operands = j->profile->kernel[k].n_operands, i;
    double s = table[0].seconds;
    uint64_t seen = 0, one;

    for (i = 0; i < operands; i++) {
        one = single(j, k, i);
        if (!(mask >> i & 1) || (seen & one))
            continue;
        seen |= one;
        if (table[one].seconds > table[0].seconds)
            s += table[one].seconds - table[0].seconds;
    }
    return s;
}

/* A measured vector plus what the small operands of `mask` take. */
static double plus_small(const struct job *j, uint32_t k, uint64_t mask,
                         const struct atm_time *table)
{
    const struct atm_kernel_time *t = &j->profile->kernel[k];
    double s = table[mask & ~small(j, k)].seconds;
    uint32_t i;

    for (i = 0; i < t->n_operands; i++)
        if (mask & small(j, k) & UINT64_C(1) << i)
            s += t->slow_s[i] + t->latency_s[i];
    return s;
}

/* Vectors that are not measured; n = 0 marks them as modelled. */
static void add_up(const struct job *j, uint32_t k, struct atm_time *table)
{
    uint32_t operands = j->profile->kernel[k].n_operands;
    uint64_t m;
    double s;

    for (m = 1; m < UINT64_C(1) << operands; m++) {
        if (table[m].n > 0)
            continue;
        if (!allowed(j, k, m)) {
            table[m].seconds = -1;
            continue;
        }
        s = operands <= FULL_TABLE ? plus_small(j, k, m, table)
                                   : sum_of_singles(j, k, m, table);
        table[m] = (struct atm_time){s, s, s, 0};
        if (j->group[k] == k)
            j->profile->n_modelled++;
    }
}

static enum atm_status fill_kernel(struct job *j, uint32_t k)
{
    struct atm_kernel_time *t = &j->profile->kernel[k];
    uint32_t g = j->group[k], i;
    enum atm_status st;

    if (g == ATM_NONE)
        return ATM_OK;
    if (g != k) {
        t->fast = j->profile->kernel[g].fast;
        t->table = j->profile->kernel[g].table;
        return ATM_OK;
    }
    st = atm__read_time(j, &j->entry[j->first[g]], &t->fast);
    if (st || !j->masks || t->n_operands > ADDITIVE_TABLE)
        return st;
    t->table = atm_arena_array(j->profile->arena, (size_t)1 << t->n_operands,
                               sizeof(*t->table));
    if (!t->table)
        return ATM_NOMEM;
    for (i = j->first[g]; i < j->first[g] + j->n[g] && !st; i++)
        st = atm__read_time(j, &j->entry[i], &t->table[j->entry[i].mask]);
    if (!st)
        add_up(j, k, t->table);
    return st;
}

static enum atm_status probe_tiers(struct job *j, struct atm_tier_info tier[2],
                                   double *read_bw, double *write_bw)
{
    const struct atm_tier_ops *ops;
    enum atm_status st;

    st = atm_store_dram(j->store, j->p->threads, read_bw, write_bw);
    if (!st)
        st = atm_tier_probe(j->o->fast_spec, *read_bw, *write_bw, &tier[0],
                            &ops);
    if (!st)
        st = atm_tier_probe(j->o->slow_spec, *read_bw, *write_bw, &tier[1],
                            &ops);
    if (!st && !(tier[1].caps & ATM_TIER_EMULATED))
        st = atm__moves_know(j->store, j->o->slow_spec, j->p->threads,
                             !j->o->known_only, &tier[1]);
    return st;
}

static enum atm_status job_init(struct job *j)
{
    const char *const spec[2] = {j->o->fast_spec, j->o->slow_spec};
    struct atm_tier_info tier[2];
    double read_bw, write_bw;
    enum atm_status st;
    uint32_t n = j->p->n_kernels;

    j->samples = j->o->samples < SAMPLES_MIN ? SAMPLES_MIN : j->o->samples;
    j->plan.estimated_seconds = NAN;
    j->start_s = j->told_s = atm_now_s();
    j->group = atm_arena_array(j->arena, n, sizeof(*j->group));
    j->first = atm_arena_array(j->arena, n, sizeof(*j->first));
    j->n = atm_arena_array(j->arena, n, sizeof(*j->n));
    j->seconds = atm_arena_array(j->arena, n, sizeof(*j->seconds));
    j->timed = atm_arena_array(j->arena, n, sizeof(*j->timed));
    if (!j->group || !j->first || !j->n || !j->seconds || !j->timed)
        return ATM_NOMEM;
    st = probe_tiers(j, tier, &read_bw, &write_bw);
    if (!st)
        st = atm_profile_new(j->p, tier, spec, 0, &j->profile);
    if (st)
        return st;
    if (j->o->overlap)
        j->profile->overlap = *j->o->overlap;
    j->profile->dram_read_bw = read_bw;
    j->profile->dram_write_bw = write_bw;
    j->profile->machine = atm__store_machine(j->store);
    j->masks = !(tier[1].caps & ATM_TIER_EMULATED) &&
               (tier[1].caps & ATM_TIER_ADDRESSABLE);
    j->overlap_known = (tier[1].caps & ATM_TIER_EMULATED) != 0;
    if (!j->overlap_known)
        st = atm__overlap_know(j, &j->overlap_known);
    if (j->o->fresh && !(tier[1].caps & ATM_TIER_EMULATED))
        j->overlap_known = false;
    if (!st)
        st = find_groups(j);
    return st ? st : find_entries(j);
}

enum atm_status atm_profile_program(const struct atm_program *p,
                                    struct atm_store *store,
                                    const struct atm_profiler_options *o,
                                    struct atm_profile **profile)
{
    struct job j = {.arena = atm_arena_new(), .p = p, .store = store, .o = o};
    enum atm_status st = ATM_NOMEM;
    uint32_t k, i;

    *profile = NULL;
    if (!j.arena)
        return ATM_NOMEM;
    st = job_init(&j);
    if (!st && j.plan.to_measure > 0 && o->known_only)
        st = atm_fail(ATM_STALE,
                      "profile store: %" PRIu32 " of %" PRIu32
                      " kernels are not measured on this machine",
                      j.plan.to_measure, j.plan.distinct);
    else if (!st && (j.plan.to_measure > 0 || o->recheck ||
                     (!j.overlap_known && !o->known_only)))
        st = measure(&j);
    else if (!st) {
        j.plan.estimated_seconds = 0;
        st = atm__tell(&j);
    }
    if (st || o->dry_run)
        goto out;
    for (k = 0; k < p->n_kernels && !st; k++)
        st = fill_kernel(&j, k);
    for (i = 0; i < j.n_entries; i++)
        if (j.entry[i].reused)
            j.profile->n_reused++;
        else
            j.profile->n_measured++;
    j.profile->n_drifted = j.plan.drifted;
    if (!st)
        st = atm_profile_check(j.profile, p);
    if (st)
        goto out;
    *profile = j.profile;
    j.profile = NULL;
out:
    if (j.profile)
        atm_profile_delete(&j.profile);
    atm_arena_delete(j.arena);
    return st;
}
