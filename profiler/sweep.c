/* sweep.c - a program run from kernel to kernel under a stopwatch, until each
 * entry has its samples.
 *
 * A sample that was disturbed is dropped and taken again, later each time, as
 * long as there is patience (docs/decisions/0002). */
#include "overlap.h"

#include "arena.h"
#include "clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Seconds from which a kernel's noise is small beside it: so many samples are
 * enough, and a sweep that wants none of it does not wait for it. */
#define SLOW_S 0.05
#define SLOW_SAMPLES 5
#define LONG_S 0.5
#define LONG_SAMPLES 3
/* So many times `samples` sweeps, or so long, quiet ones are waited for. */
#define PATIENCE 3
#define PATIENCE_S 2
#define PATIENCE_MOST_S 60 /* of measuring, whatever is dropped */
#define NOISY 10 /* a sweep is that loses more than one sample in so many */
#define LOOK_AGAIN_NS 200000000
#define LOOKS 4    /* the first finds cold caches */
#define DRIFT 1.15 /* what takes longer than this part of its last time */
#define ROUNDS 3   /* is measured again, at most so often */
#define CHECKS 5
#define SPREAD_S 1.0 /* sweeps of short programs are spread over this */
#define SPREAD_MOST 400

enum atm_status atm__tell(struct job *j)
{
    j->told_s = atm_now_s();
    if (j->o->progress &&
        j->o->progress(j->o->user, &j->plan, j->done, j->told_s - j->start_s))
        return atm_fail(ATM_INTERRUPTED, "profiling stopped; what was measured "
                                         "is kept");
    return ATM_OK;
}

void atm__make_stale(struct entry *e)
{
    e->stale = e->have > 0;
    e->have = 0;
    e->least = 0;
}

static uint32_t enough(const struct job *j, const struct entry *e)
{
    uint32_t n = e->least > LONG_S   ? LONG_SAMPLES
                 : e->least > SLOW_S ? SLOW_SAMPLES
                                     : j->samples;

    return n < j->samples ? n : j->samples;
}

bool atm__known(const struct job *j, const struct entry *e)
{
    return e->have >= enough(j, e);
}

/* The group's first entry that lacks samples; ATM_NONE: all are known. */
static uint32_t wanted(const struct job *j, uint32_t kernel)
{
    uint32_t g = j->group[kernel], i;

    if (g == ATM_NONE)
        return ATM_NONE;
    for (i = j->first[g]; i < j->first[g] + j->n[g]; i++)
        if (!atm__known(j, &j->entry[i]))
            return i;
    return ATM_NONE;
}

/* A slow kernel that no sample is wanted of. */
static bool skipped(const struct job *j, uint32_t kernel)
{
    uint32_t g = j->group[kernel];

    return g != ATM_NONE && j->entry[j->first[g]].least > SLOW_S &&
           wanted(j, kernel) == ATM_NONE;
}

static uint32_t sweeps_left(const struct job *j)
{
    uint32_t k, i, left, most = 0;

    for (k = 0; k < j->p->n_kernels; k++) {
        if (j->group[k] != k)
            continue;
        for (i = j->first[k], left = 0; i < j->first[k] + j->n[k]; i++)
            if (!atm__known(j, &j->entry[i]))
                left += enough(j, &j->entry[i]) - j->entry[i].have;
        most = left > most ? left : most;
    }
    return most;
}

/* A sample that the store has. */
static void count(struct job *j, struct entry *e, double seconds)
{
    bool before = atm__known(j, e);

    if (e->least == 0 || seconds < e->least)
        e->least = seconds;
    if (e->got) { /* its other instances are the same sweep */
        e->have++;
        e->next++;
    }
    e->got = false;
    e->reused = false;
    j->done += atm__known(j, e);
    j->done -= before;
}

/* Writes what kernels lo..hi were timed at, all or nothing. */
static enum atm_status keep(struct job *j, uint32_t lo, uint32_t hi)
{
    enum atm_status st = atm__store_begin(j->store);
    uint32_t k;

    for (k = lo; k <= hi && !st; k++) {
        struct entry *e = &j->entry[j->timed[k] == ATM_NONE ? 0 : j->timed[k]];
        struct atm__vector v;

        if (j->timed[k] == ATM_NONE)
            continue;
        v = atm__vector_of(j, e);
        if (e->stale)
            st = atm__store_forget(j->store, &v);
        e->stale = false;
        e->got = true;
        if (!st)
            st = atm__store_add(j->store, &v, e->next, k, j->seconds[k]);
    }
    if (!st)
        st = atm__store_commit(j->store);
    if (st) {
        atm__store_rollback(j->store);
        return st;
    }
    for (k = lo; k <= hi; k++)
        if (j->timed[k] != ATM_NONE)
            count(j, &j->entry[j->timed[k]], j->seconds[k]);
    return ATM_OK;
}

enum sweep_kind { RECORD, IDLE, ALL };

/* One sweep over lo..hi. IDLE: nothing is recorded; ALL: nor skipped. A kernel
 * that lost a core while it ran tells about the machine, not about itself: its
 * sample is dropped, as long as there is patience; all are where the hypervisor
 * took cores, which does not say from which. */
static enum atm_status sweep(struct job *j, struct atm__bench *b, uint32_t lo,
                             uint32_t hi, enum sweep_kind kind)
{
    double start = atm_now_s(), stolen = atm_stolen_s();
    bool patient =
        start - j->start_s < PATIENCE_MOST_S &&
        (j->sweeps < PATIENCE * j->samples || j->waited_s < PATIENCE_S);
    enum atm_status st = ATM_OK;
    uint32_t k, lost = 0, n = 0;

    j->sweeps += kind == RECORD;
    for (k = lo; k <= hi && !st; k++) {
        uint32_t e = wanted(j, k);
        long before = atm_preemptions();

        j->timed[k] = kind == RECORD ? e : ATM_NONE;
        if (kind != ALL && skipped(j, k)) {
            atm__bench_skip(b, k);
            continue;
        }
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
            st = atm__tell(j);
    }
    j->sweep_s = atm_now_s() - start;
    if (patient && atm_stolen_s() - stolen > ATM_LOST_PART * j->sweep_s) {
        for (k = lo; k <= hi; k++)
            j->timed[k] = ATM_NONE;
        lost = n;
    }
    j->noisy = lost > n / NOISY;
    return st || kind != RECORD ? st : keep(j, lo, hi);
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
        if (j->sweep_s < PATIENCE_S) /* a long one comes to its own caches */
            st = sweep(j, b, lo, hi, IDLE);
        j->waited_s += atm_now_s() - start;
        return st;
    }
    *times = 0;
    for (n = n < SPREAD_MOST ? n : SPREAD_MOST; n >= 1 && !st; n--)
        st = sweep(j, b, lo, hi, IDLE);
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
            st = atm__read_time(j, &j->entry[j->first[g]], &t);
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
    for (i = 0; i < LOOKS && !st && (i == 0 || j->sweep_s < SPREAD_S); i++) {
        st = sweep(j, b, 0, j->p->n_kernels - 1, ALL);
        if (!st)
            st = total(j, false, &now);
        if (!st && now < least)
            least = now;
    }
    *slow = !st && then > DRIFT * least;
    return st;
}

/* ---- what the store says, against now ------------------------------------ */

/* Seconds of kernels lo..hi in CHECKS sweeps, kernel by kernel. */
static enum atm_status look(struct job *j, struct atm__bench *b, uint32_t lo,
                            uint32_t hi, double *seconds)
{
    enum atm_status st = ATM_OK;
    uint32_t i, k, n = hi - lo + 1;

    for (i = 0; i < CHECKS && !st; i++) {
        for (k = lo; k <= hi && lo == hi; k++)
            atm__bench_refresh(b, k);
        st = sweep(j, b, lo, hi, ALL);
        for (k = lo; k <= hi; k++)
            seconds[(size_t)i * n + k - lo] = j->seconds[k];
    }
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Both the same statistic. Beyond the spread of either, too, so that a short
 * kernel's noise is no drift. */
static bool off(const struct atm_time *then, double *now, uint32_t n)
{
    double median;

    qsort(now, n, sizeof(*now), ascending);
    median = atm__quantile(now, n, 0.5);
    return (median > DRIFT * then->seconds &&
            atm__quantile(now, n, 0.25) > then->high) ||
           (then->seconds > DRIFT * median &&
            atm__quantile(now, n, 0.75) < then->low);
}

/* Of the group that begins at kernel g, which is known: all its vectors are
 * stale if its all-fast one is off. */
static enum atm_status check_group(struct job *j, uint32_t g, uint32_t lo,
                                   uint32_t hi, const double *seconds,
                                   double *room)
{
    uint32_t i, k, n = 0, wide = hi - lo + 1;
    struct atm_time then;
    enum atm_status st;

    for (k = lo; k <= hi; k++)
        for (i = 0; j->group[k] == g && i < CHECKS; i++)
            room[n++] = seconds[(size_t)i * wide + k - lo];
    st = atm__read_time(j, &j->entry[j->first[g]], &then);
    if (st || !off(&then, room, n))
        return st;
    for (i = j->first[g]; i < j->first[g] + j->n[g]; i++) {
        j->plan.drifted += atm__known(j, &j->entry[i]);
        atm__make_stale(&j->entry[i]);
    }
    return ATM_OK;
}

/* Option recheck: what is known and off is to be measured again. */
static enum atm_status check(struct job *j, struct atm__bench *b, uint32_t lo,
                             uint32_t hi)
{
    size_t n = (size_t)(hi - lo + 1) * CHECKS;
    double *seconds = atm_alloc_array(2 * n, sizeof(*seconds));
    uint32_t k, before = j->plan.drifted;
    enum atm_status st = seconds ? ATM_OK : ATM_NOMEM;

    if (!st)
        st = look(j, b, lo, hi, seconds);
    for (k = lo; k <= hi && !st; k++)
        if (j->group[k] == k && atm__known(j, &j->entry[j->first[k]]))
            st = check_group(j, k, lo, hi, seconds, seconds + n);
    atm_free(seconds);
    j->plan.to_measure += j->plan.drifted - before;
    return st;
}

static void start_over(struct job *j)
{
    uint32_t i;

    for (i = 0; i < j->n_entries; i++) {
        struct entry *e = &j->entry[i];

        if (e->reused)
            continue;
        atm__make_stale(e);
        e->next = 0;
    }
    j->done = 0;
    j->sweeps = 0;
    j->plan.rounds++;
}

enum atm_status atm__measure_whole(struct job *j, struct atm_exec *exec)
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
    st = sweep(j, b, 0, last, ALL);
    if (!st && j->o->recheck)
        st = check(j, b, 0, last);
    j->plan.estimated_seconds = j->sweep_s * sweeps_left(j);
    j->plan.estimated_seconds +=
        sweeps_left(j) && j->sweep_s * j->samples < SPREAD_S ? SPREAD_S : 0;
    if (!st)
        st = atm__tell(j);
    for (j->plan.rounds = 1; again && !st && !j->o->dry_run;) {
        while (!st && sweeps_left(j) > 0) {
            st = rest(j, b, 0, last, &times);
            if (!st)
                st = sweep(j, b, 0, last, RECORD);
            if (!st)
                st = atm__tell(j);
        }
        again = j->plan.rounds < ROUNDS && j->waited_s < PATIENCE_S;
        if (again && !st)
            st = look_again(j, b, &again);
        if (again && !st)
            start_over(j);
    }
    if (!st && !j->overlap_known && !j->o->dry_run)
        st = atm__overlap_measure(j, b);
    if (!st && !j->overlap_known && !j->o->dry_run)
        st = atm__overlap_know(j, &j->overlap_known);
    atm__bench_close(&b);
    return st;
}

/* Each entry alone: activations warm, weights from memory. */
enum atm_status atm__measure_alone(struct job *j, struct atm_exec *exec)
{
    const char *const spec[2] = {j->profile->spec[0], j->profile->spec[1]};
    enum atm_status st = ATM_OK;
    struct atm__bench *b;
    uint32_t k;

    if (j->o->dry_run)
        return atm__tell(j);
    for (k = 0; k < j->p->n_kernels && !st; k++) {
        if (j->group[k] != k || (wanted(j, k) == ATM_NONE && !j->o->recheck))
            continue;
        st = atm__bench_open(j->p, k, k, j->profile->tier, spec, j->masks, exec,
                             &b);
        if (st)
            break;
        st = sweep(j, b, k, k, ALL);
        if (!st && j->o->recheck)
            st = check(j, b, k, k);
        j->sweeps = 0;
        while (!st && wanted(j, k) != ATM_NONE) {
            atm__bench_refresh(b, k);
            st = sweep(j, b, k, k, RECORD);
            if (!st)
                st = atm__tell(j);
        }
        atm__bench_close(&b);
    }
    return st;
}
