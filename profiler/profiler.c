/* profiler.c - what to measure, in which order, and the profile that results.
 *
 * The program is swept from kernel to kernel with everything in fast memory,
 * and each kernel whose entry lacks samples is timed where it stands (docs/
 * decisions/0002). A sweep is one transaction of the store. Only a program
 * that does not fit in memory is measured kernel by kernel. */
#include "autotm/profiler.h"

#include "bench.h"
#include "moves.h"
#include "store.h"

#include "arena.h"
#include "clock.h"
#include "free_memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FULL_TABLE 4      /* operands: every vector is measured */
#define ADDITIVE_TABLE 12 /* operands: single vectors are, others are sums */
#define SAMPLES_MIN 5
/* So many times `samples` sweeps, or so long, quiet ones are waited for. */
#define PATIENCE 3
#define PATIENCE_S 2
#define NOISY 10 /* a sweep is that loses more than one sample in so many */
#define LOOK_AGAIN_NS 200000000
#define LOOKS 4      /* the first finds cold caches */
#define DRIFT 1.15   /* what takes longer than this part of its last time */
#define ROUNDS 3     /* is measured again, at most so often */
#define SPREAD_S 1.0 /* sweeps of short programs are spread over this */
#define SPREAD_MOST 400

/* A vector to know: a group of equal kernels with a set of slow operands. */
struct entry {
    uint32_t kernel; /* the group's first */
    uint64_t mask;
    uint32_t next; /* sweep number of its next samples */
    uint32_t have; /* sweeps that count */
    bool reused;   /* nothing was measured for it in this call */
    bool cleared;  /* its old samples are gone (option fresh) */
    bool got;      /* the sweep under way has a sample of it */
};

struct job {
    struct atm_arena *arena;
    const struct atm_program *p;
    struct atm_store *store;
    const struct atm_profiler_options *o;
    struct atm_profile *profile;
    uint32_t samples;
    bool masks;          /* the slow tier is real memory */
    uint32_t *group;     /* per kernel: first kernel of equal signature */
    uint32_t *first, *n; /* per group's first kernel: its entries */
    uint32_t n_entries, cap_entries;
    struct entry *entry;
    double *seconds; /* per kernel, of the sweep under way */
    uint32_t *timed; /* per kernel: entry timed in it, or ATM_NONE */
    uint32_t sweeps; /* so far */
    double sweep_s;  /* the last one took */
    double waited_s; /* for quiet ones */
    bool noisy;      /* the last one lost many samples */
    struct atm_profile_plan plan;
    uint32_t done;
    double start_s, told_s;
};

void atm_profiler_options_init(struct atm_profiler_options *o)
{
    memset(o, 0, sizeof(*o));
    o->slow_spec = "emu:profile=optane6";
    o->fast_spec = "dram";
    o->samples = 9;
}

/* Tells the caller; INTERRUPTED if it has enough. */
static enum atm_status tell(struct job *j)
{
    j->told_s = atm_now_s();
    if (j->o->progress &&
        j->o->progress(j->o->user, &j->plan, j->done, j->told_s - j->start_s))
        return atm_fail(ATM_INTERRUPTED, "profiling stopped; what was measured "
                                         "is kept");
    return ATM_OK;
}

static struct atm__vector vector_of(const struct job *j, const struct entry *e)
{
    return (struct atm__vector){j->p->kernel[e->kernel].signature,
                                e->mask ? j->profile->spec[1] : "", e->mask};
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

static enum atm_status add_entry(struct job *j, uint32_t kernel, uint64_t mask)
{
    struct entry e = {.kernel = kernel, .mask = mask, .reused = true};
    struct atm__vector v = vector_of(j, &e);
    enum atm_status st;
    uint32_t n, i;

    for (i = j->first[kernel]; i < j->n_entries; i++)
        if (j->entry[i].mask == mask)
            return ATM_OK;
    st = atm__store_samples(j->store, &v, NULL, 0, &n, &e.have);
    if (st)
        return st;
    e.next = e.have;
    if (j->o->fresh)
        e.have = 0;
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
                if (allowed(j, k, m))
                    st = add_entry(j, k, m);
        } else if (operands <= ADDITIVE_TABLE) {
            for (i = 0; i < operands && !st; i++)
                st = add_entry(j, k, single(j, k, i));
        }
    }
    for (i = 0; i < j->n_entries; i++)
        j->plan.known += j->entry[i].have >= j->samples;
    j->plan.distinct = j->n_entries;
    j->plan.to_measure = j->n_entries - j->plan.known;
    return st;
}

static double quantile(const double *sorted, uint32_t n, double q)
{
    double at = q * (n - 1);
    uint32_t i = (uint32_t)at;

    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i])
                     : sorted[n - 1];
}

static enum atm_status read_time(struct job *j, const struct entry *e,
                                 struct atm_time *t)
{
    struct atm__vector v = vector_of(j, e);
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
        *t = (struct atm_time){quantile(s, n, 0.5), quantile(s, n, 0.25),
                               quantile(s, n, 0.75), n};
    atm_free(s);
    return st;
}

/* ---- measuring ---------------------------------------------------------- */

/* The group's first entry that lacks samples; ATM_NONE: all are known. */
static uint32_t wanted(const struct job *j, uint32_t kernel)
{
    uint32_t g = j->group[kernel], i;

    if (g == ATM_NONE)
        return ATM_NONE;
    for (i = j->first[g]; i < j->first[g] + j->n[g]; i++)
        if (j->entry[i].have < j->samples)
            return i;
    return ATM_NONE;
}

static uint32_t sweeps_left(const struct job *j)
{
    uint32_t k, i, left, most = 0;

    for (k = 0; k < j->p->n_kernels; k++) {
        if (j->group[k] != k)
            continue;
        for (i = j->first[k], left = 0; i < j->first[k] + j->n[k]; i++)
            if (j->entry[i].have < j->samples)
                left += j->samples - j->entry[i].have;
        most = left > most ? left : most;
    }
    return most;
}

/* Writes what kernels lo..hi were timed at, all or nothing. */
static enum atm_status keep(struct job *j, uint32_t lo, uint32_t hi)
{
    enum atm_status st = atm__store_begin(j->store);
    uint32_t k, i;

    for (k = lo; k <= hi && !st; k++) {
        struct entry *e = &j->entry[j->timed[k] == ATM_NONE ? 0 : j->timed[k]];
        struct atm__vector v;

        if (j->timed[k] == ATM_NONE)
            continue;
        v = vector_of(j, e);
        if ((j->o->fresh || j->plan.rounds > 1) && !e->cleared)
            st = atm__store_forget(j->store, &v);
        e->cleared = e->got = true;
        if (!st)
            st = atm__store_add(j->store, &v, e->next, k, j->seconds[k]);
    }
    if (!st)
        st = atm__store_commit(j->store);
    if (st) {
        atm__store_rollback(j->store);
        return st;
    }
    for (k = lo; k <= hi; k++) {
        i = j->timed[k];
        if (i == ATM_NONE || !j->entry[i].got)
            continue;
        j->entry[i].got = false; /* its other instances are the same sweep */
        j->entry[i].have++;
        j->entry[i].next++;
        j->entry[i].reused = false;
        j->done += j->entry[i].have == j->samples;
    }
    return ATM_OK;
}

/* One sweep over lo..hi; `idle`: nothing is recorded. A kernel that lost a
 * core while it ran tells about the machine, not about itself: its sample is
 * dropped, as long as there is patience; all are where the hypervisor took
 * cores, which does not say from which. */
static enum atm_status sweep(struct job *j, struct atm__bench *b, uint32_t lo,
                             uint32_t hi, bool idle)
{
    bool patient =
        j->sweeps < PATIENCE * j->samples || j->waited_s < PATIENCE_S;
    double start = atm_now_s(), stolen = atm_stolen_s();
    enum atm_status st = ATM_OK;
    uint32_t k, lost = 0, n = 0;

    j->sweeps += !idle;
    for (k = lo; k <= hi && !st; k++) {
        uint32_t e = wanted(j, k);
        long before = atm_preemptions();

        j->timed[k] = idle ? ATM_NONE : e;
        st = atm__bench_run(b, k, e == ATM_NONE ? 0 : j->entry[e].mask,
                            &j->seconds[k]);
        if (st)
            return atm_fail_in(st, "profiling kernel %" PRIu32 " \"%s\"", k,
                               j->p->kernel[k].name);
        n += e != ATM_NONE;
        if (patient && atm_preemptions() != before && e != ATM_NONE) {
            j->timed[k] = ATM_NONE;
            lost++;
        }
        if (!(j->seconds[k] > 0))
            j->seconds[k] = 1e-9; /* the clock's own grain */
        if (atm_now_s() - j->told_s > 1)
            st = tell(j);
    }
    j->sweep_s = atm_now_s() - start;
    if (patient && atm_stolen_s() - stolen > ATM_LOST_PART * j->sweep_s) {
        for (k = lo; k <= hi; k++)
            j->timed[k] = ATM_NONE;
        lost = n;
    }
    j->noisy = lost > n / NOISY;
    return st || idle ? st : keep(j, lo, hi);
}

/* Between two sweeps that count: later after a noisy one, and so that those of
 * a short program do not all fall into one bad moment of the machine. */
static enum atm_status rest(struct job *j, struct atm__bench *b, uint32_t lo,
                            uint32_t hi, uint32_t *times)
{
    double n = SPREAD_S / (j->samples * j->sweep_s), start = atm_now_s();
    enum atm_status st = ATM_OK;

    if (j->noisy) {
        atm_back_off(times);
        st = sweep(j, b, lo, hi, true);
        j->waited_s += atm_now_s() - start;
        return st;
    }
    *times = 0;
    for (n = n < SPREAD_MOST ? n : SPREAD_MOST; n >= 1 && !st; n--)
        st = sweep(j, b, lo, hi, true);
    return st;
}

/* Seconds of the kernels that were measured in this call: as the store has
 * them, or as the last sweep found them. */
static enum atm_status total(struct job *j, bool stored, double *seconds)
{
    enum atm_status st = ATM_OK;
    uint32_t k, g;

    *seconds = 0;
    for (k = 0; k < j->p->n_kernels && !st; k++) {
        struct atm_time t;

        g = j->group[k];
        if (g == ATM_NONE || j->entry[j->first[g]].reused)
            continue;
        t.seconds = j->seconds[k];
        if (stored)
            st = read_time(j, &j->entry[j->first[g]], &t);
        *seconds += t.seconds;
    }
    return st;
}

/* Other guests of the host can halve the speed of all cores for a second and
 * leave no trace: looks again a moment later. */
static enum atm_status look_again(struct job *j, struct atm__bench *b,
                                  bool *slow)
{
    struct timespec moment = {0, LOOK_AGAIN_NS};
    double then, now, least = INFINITY;
    enum atm_status st = total(j, true, &then);
    int i;

    (void)nanosleep(&moment, NULL);
    for (i = 0; i < LOOKS && !st; i++) {
        st = sweep(j, b, 0, j->p->n_kernels - 1, true);
        if (!st)
            st = total(j, false, &now);
        if (!st && now < least)
            least = now;
    }
    *slow = !st && then > DRIFT * least;
    return st;
}

static void start_over(struct job *j)
{
    uint32_t i;

    for (i = 0; i < j->n_entries; i++) {
        struct entry *e = &j->entry[i];

        if (e->reused)
            continue;
        e->have = e->next = 0;
        e->cleared = false;
    }
    j->done = 0;
    j->sweeps = 0;
    j->plan.rounds++;
}

static enum atm_status measure_whole(struct job *j, struct atm_exec *exec)
{
    const char *const spec[2] = {j->profile->spec[0], j->profile->spec[1]};
    uint32_t last = j->p->n_kernels - 1;
    struct atm__bench *b;
    uint32_t times = 0;
    enum atm_status st;
    bool again = true;

    st = atm__bench_open(j->p, 0, last, j->profile->tier, spec, j->masks, exec,
                         &b);
    if (st)
        return st;
    st = sweep(j, b, 0, last, true);
    j->plan.estimated_seconds = j->sweep_s * sweeps_left(j);
    j->plan.estimated_seconds +=
        sweeps_left(j) && j->sweep_s * j->samples < SPREAD_S ? SPREAD_S : 0;
    if (!st)
        st = tell(j);
    for (j->plan.rounds = 1; again && !st && !j->o->dry_run;) {
        while (!st && sweeps_left(j) > 0) {
            st = rest(j, b, 0, last, &times);
            if (!st)
                st = sweep(j, b, 0, last, false);
            if (!st)
                st = tell(j);
        }
        again = j->plan.rounds < ROUNDS && j->waited_s < PATIENCE_S;
        if (again && !st)
            st = look_again(j, b, &again);
        if (again && !st)
            start_over(j);
    }
    atm__bench_close(&b);
    return st;
}

/* Each entry alone: activations warm, weights from memory. */
static enum atm_status measure_alone(struct job *j, struct atm_exec *exec)
{
    const char *const spec[2] = {j->profile->spec[0], j->profile->spec[1]};
    enum atm_status st = ATM_OK;
    struct atm__bench *b;
    uint32_t k;

    if (j->o->dry_run)
        return tell(j);
    for (k = 0; k < j->p->n_kernels && !st; k++) {
        if (j->group[k] != k || wanted(j, k) == ATM_NONE)
            continue;
        st = atm__bench_open(j->p, k, k, j->profile->tier, spec, j->masks, exec,
                             &b);
        if (st)
            break;
        st = sweep(j, b, k, k, true);
        j->sweeps = 0;
        while (!st && wanted(j, k) != ATM_NONE) {
            atm__bench_refresh(b, k);
            st = sweep(j, b, k, k, false);
            if (!st)
                st = tell(j);
        }
        atm__bench_close(&b);
    }
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
        st = tell(j);
        if (st)
            return st;
    }
    st = atm_exec_open(j->p, &exec);
    if (st)
        return st;
    st = fits ? measure_whole(j, exec) : measure_alone(j, exec);
    atm_exec_close(&exec);
    return st;
}

/* ---- the profile -------------------------------------------------------- */

/* Vectors of more operands than are measured: the all-fast time plus what each
 * slow operand adds by itself; n = 0 marks them as modelled. */
static void add_up(const struct job *j, uint32_t k, struct atm_time *table)
{
    uint32_t operands = j->profile->kernel[k].n_operands, i;
    uint64_t m;

    for (m = 1; m < UINT64_C(1) << operands; m++) {
        double s = table[0].seconds;
        uint64_t seen = 0, one;

        if (table[m].n > 0)
            continue;
        if (!allowed(j, k, m)) {
            table[m].seconds = -1;
            continue;
        }
        for (i = 0; i < operands; i++) {
            one = single(j, k, i);
            if (!(m >> i & 1) || (seen & one))
                continue;
            seen |= one;
            if (table[one].seconds > table[0].seconds)
                s += table[one].seconds - table[0].seconds;
        }
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
    st = read_time(j, &j->entry[j->first[g]], &t->fast);
    if (st || !j->masks || t->n_operands > ADDITIVE_TABLE)
        return st;
    t->table = atm_arena_array(j->profile->arena, (size_t)1 << t->n_operands,
                               sizeof(*t->table));
    if (!t->table)
        return ATM_NOMEM;
    for (i = j->first[g]; i < j->first[g] + j->n[g] && !st; i++)
        st = read_time(j, &j->entry[i], &t->table[j->entry[i].mask]);
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
    j->profile->dram_read_bw = read_bw;
    j->profile->dram_write_bw = write_bw;
    j->profile->machine = atm__store_machine(j->store);
    j->masks = !(tier[1].caps & ATM_TIER_EMULATED) &&
               (tier[1].caps & ATM_TIER_ADDRESSABLE);
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
    else if (!st && j.plan.to_measure > 0)
        st = measure(&j);
    else if (!st) {
        j.plan.estimated_seconds = 0;
        st = tell(&j);
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
