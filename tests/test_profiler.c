/* test_profiler.c - the store against SQLite itself, the profile datum against
 * arithmetic by hand, profiling of the zoo's perceptron. */
#include "atm_test.h"

#include "arena.h"
#include "autotm/autotm.h"
#include "store.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "profiler-test-XXXXXX";
static char path[512];

/* A fresh store file in a fresh folder below the working directory. */
static const char *fresh_path(void)
{
    (void)snprintf(folder, sizeof(folder), "profiler-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/below/store.db", folder);
    return path;
}

static void remove_folder(void)
{
    char command[600];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static struct atm_store *open_store(void)
{
    struct atm_store *s;
    const char *warning;

    ATM_ASSERT_OK(atm_store_open(path, &s, &warning));
    CU_ASSERT_PTR_NULL(warning);
    return s;
}

/* What SQLite itself says. */
static int query(const char *sql)
{
    sqlite3_stmt *q;
    sqlite3 *db;
    int value = -1;

    CU_ASSERT_EQUAL_FATAL(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        value = sqlite3_column_int(q, 0);
    (void)sqlite3_finalize(q);
    (void)sqlite3_close(db);
    return value;
}

static void change(const char *sql)
{
    sqlite3 *db;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

struct net {
    struct atm_graph *graph;
    struct atm_program *program;
};

static struct net make_net(void)
{
    struct atm_lower_options o = {.threads = 1};
    struct net n = {NULL, NULL};

    ATM_ASSERT_OK(atm_zoo_find("mlp")->build(1, 1, &n.graph));
    ATM_ASSERT_OK(atm_lower(n.graph, &o, &n.program));
    return n;
}

static void delete_net(struct net *n)
{
    atm_program_delete(&n->program);
    atm_graph_delete(&n->graph);
}

static uint32_t run_kernels(const struct atm_program *p)
{
    uint32_t k, n = 0;

    for (k = 0; k < p->n_kernels; k++)
        n += p->kernel[k].kind == ATM_KERNEL_RUN;
    return n;
}

/* ---- kill: first, while no OpenMP thread exists that fork would lose ----- */

/* Each vector has exactly so many sweeps; of a kernel that stands in several
 * places an instance may lack where it lost a core. */
static void check_sweeps(const struct atm_program *p, int sweeps)
{
    const char *each = "(SELECT count(DISTINCT sweep) c FROM sample "
                       "GROUP BY signature, tier, mask)";
    char text[160];
    int rows = query("SELECT count(*) FROM sample");

    (void)snprintf(text, sizeof(text), "SELECT min(c) FROM %s", each);
    CU_ASSERT_EQUAL(query(text), sweeps);
    (void)snprintf(text, sizeof(text), "SELECT max(c) FROM %s", each);
    CU_ASSERT_EQUAL(query(text), sweeps);
    CU_ASSERT_TRUE(rows <= sweeps * (int)run_kernels(p));
}

static bool die_after_two_sweeps(void *user, const struct atm_profile_plan *p,
                                 uint32_t done, double elapsed_s)
{
    int *calls = user;

    (void)p;
    (void)done;
    (void)elapsed_s;
    if (++*calls == 4) /* counts, estimate, sweep, sweep */
        (void)raise(SIGKILL);
    return false;
}

static void test_kill(void)
{
    struct atm_profiler_options o;
    struct atm_profile *profile;
    struct atm_store *s;
    struct net n;
    int status, calls = 0;
    pid_t child;

    (void)fresh_path();
    child = fork();
    if (child == 0) {
        n = make_net();
        atm_profiler_options_init(&o);
        o.progress = die_after_two_sweeps;
        o.user = &calls;
        s = open_store();
        (void)atm_profile_program(n.program, s, &o, &profile);
        _exit(1);
    }
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CU_ASSERT_TRUE(query("SELECT count(DISTINCT sweep) FROM sample") <= 2);

    n = make_net();
    CU_ASSERT_TRUE(query("SELECT count(*) FROM sample") <=
                   2 * (int)run_kernels(n.program));
    s = open_store();
    atm_profiler_options_init(&o);
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &profile));
    check_sweeps(n.program, 9);
    atm_profile_delete(&profile);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* ---- store --------------------------------------------------------------- */

static void test_store_keys(void)
{
    struct atm__vector a = {{1, 2}, "", 0}, b = {{1, 2}, "dram", 3},
                       c = {{1, 3}, "", 0};
    struct atm_hash other = {7, 7}, here;
    struct atm_store *s;
    double seconds[4];
    uint32_t n, sweeps;

    (void)fresh_path();
    s = open_store();
    here = atm__store_machine(s);
    ATM_ASSERT_OK(atm__store_begin(s));
    ATM_ASSERT_OK(atm__store_add(s, &a, 0, 0, 3e-3));
    ATM_ASSERT_OK(atm__store_add(s, &a, 0, 5, 1e-3));
    ATM_ASSERT_OK(atm__store_add(s, &a, 1, 0, 2e-3));
    ATM_ASSERT_OK(atm__store_add(s, &b, 0, 0, 9e-3));
    ATM_ASSERT_OK(atm__store_commit(s));
    ATM_ASSERT_OK(atm__store_begin(s));
    ATM_ASSERT_OK(atm__store_add(s, &c, 0, 0, 1));
    atm__store_rollback(s);
    atm_store_close(&s);

    s = open_store();
    ATM_ASSERT_OK(atm__store_samples(s, &a, seconds, 4, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_EQUAL(sweeps, 2);
    CU_ASSERT_EQUAL(seconds[0], 1e-3);
    CU_ASSERT_EQUAL(seconds[2], 3e-3);
    ATM_ASSERT_OK(atm__store_samples(s, &b, seconds, 4, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 1);
    ATM_ASSERT_OK(atm__store_samples(s, &c, seconds, 4, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 0);

    ATM_ASSERT_OK(atm__store_use_machine(s, other, "another"));
    ATM_ASSERT_OK(atm__store_samples(s, &a, seconds, 4, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 0);
    ATM_ASSERT_OK(atm__store_add(s, &a, 0, 0, 5));
    ATM_ASSERT_OK(atm__store_forget(s, &a));
    ATM_ASSERT_OK(atm__store_use_machine(s, here, "here"));
    ATM_ASSERT_OK(atm__store_samples(s, &a, seconds, 4, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 3);

    ATM_ASSERT_FAILS(atm__store_add(s, &a, 2, 0, -1.0), ATM_IO, "CHECK");
    ATM_ASSERT_FAILS(atm__store_add(s, &a, 2, 0, NAN), ATM_IO, "NOT NULL");
    atm_store_close(&s);
    CU_ASSERT_EQUAL(query("PRAGMA user_version"), 1);
    remove_folder();
}

static void overwrite(long offset, const char *text, size_t n)
{
    FILE *f = fopen(path, "r+b");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fseek(f, offset, SEEK_SET);
    CU_ASSERT_EQUAL(fwrite(text, 1, n, f), n);
    (void)fclose(f);
}

/* A ruin of ours is put aside; what does not begin as ours is left alone. */
static void test_store_corrupt(void)
{
    static const char junk[4096] = "this is no page of a database";
    struct atm__vector v = {{1, 2}, "", 0};
    uint32_t n, sweeps;
    struct atm_store *s;
    const char *warning;
    char aside[600];

    (void)fresh_path();
    s = open_store();
    ATM_ASSERT_OK(atm__store_add(s, &v, 0, 0, 1));
    atm_store_close(&s);
    overwrite(4096, junk, sizeof(junk));
    ATM_ASSERT_OK(atm_store_open(path, &s, &warning));
    CU_ASSERT_PTR_NOT_NULL_FATAL(warning);
    CU_ASSERT_PTR_NOT_NULL(strstr(warning, "damaged"));
    ATM_ASSERT_OK(atm__store_samples(s, &v, NULL, 0, &n, &sweeps));
    CU_ASSERT_EQUAL(n, 0);
    atm_store_close(&s);
    (void)snprintf(aside, sizeof(aside), "%s.corrupt-1", path);
    CU_ASSERT_EQUAL(access(aside, R_OK), 0);

    overwrite(0, junk, sizeof(junk));
    CU_ASSERT_EQUAL(atm_store_open(path, &s, &warning), ATM_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), "not a profile store"));
    (void)snprintf(aside, sizeof(aside), "%s.corrupt-2", path);
    CU_ASSERT_NOT_EQUAL(access(aside, R_OK), 0);
    remove_folder();
}

static void test_store_foreign(void)
{
    struct atm_store *s;
    const char *warning;

    (void)fresh_path();
    s = open_store(); /* makes the folder */
    atm_store_close(&s);
    CU_ASSERT_EQUAL(unlink(path), 0);
    change("CREATE TABLE recipe (x)");
    ATM_ASSERT_FAILS(atm_store_open(path, &s, &warning), ATM_STALE,
                     "something else");
    CU_ASSERT_PTR_NULL(s);
    CU_ASSERT_EQUAL(query("SELECT count(*) FROM recipe"), 0);
    ATM_ASSERT_FAILS(atm_store_open("/proc/no/store.db", &s, &warning), ATM_IO,
                     "/proc/no");
    remove_folder();
}

static void test_calibration(void)
{
    double read_bw, write_bw, again[2];
    struct atm_store *s;

    (void)fresh_path();
    s = open_store();
    ATM_ASSERT_OK(atm_store_dram(s, 1, &read_bw, &write_bw));
    CU_ASSERT_TRUE(read_bw > 1e6 && write_bw > 1e6);
    ATM_ASSERT_OK(atm_store_dram(s, 1, &again[0], &again[1]));
    CU_ASSERT_TRUE(again[0] == read_bw && again[1] == write_bw);
    CU_ASSERT_EQUAL(query("SELECT count(*) FROM calibration"), 1);
    atm_store_close(&s);
    remove_folder();
}

/* ---- profiling ----------------------------------------------------------- */

struct seen {
    uint32_t calls, stop_at;
    uint32_t done, more; /* vectors at the last call; calls since the first */
    struct atm_profile_plan first;
};

static bool note(void *user, const struct atm_profile_plan *p, uint32_t done,
                 double elapsed_s)
{
    struct seen *s = user;

    (void)elapsed_s;
    if (s->calls++ == 0)
        s->first = *p;
    s->more += s->done > 0;
    s->done = done;
    return s->calls == s->stop_at;
}

/* Somewhere in the second vector: how many calls that takes, and whether each
 * brings a sample, is the machine's affair. */
static bool stop_in_second(void *user, const struct atm_profile_plan *p,
                           uint32_t done, double elapsed_s)
{
    struct seen *s = user;

    (void)note(user, p, done, elapsed_s);
    return s->more == 3;
}

static void test_profile(void)
{
    struct atm_profile *a, *b;
    struct atm_profiler_options o;
    struct seen seen = {0};
    struct atm_store *s;
    struct net n;
    uint32_t k, distinct;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    o.progress = note;
    o.user = &seen;
    o.known_only = true;
    ATM_ASSERT_FAILS(atm_profile_program(n.program, s, &o, &a), ATM_STALE,
                     "not measured");
    CU_ASSERT_PTR_NULL(a);
    o.known_only = false;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(seen.first.kernels, run_kernels(n.program));
    CU_ASSERT_EQUAL(seen.first.known, 0);
    distinct = seen.first.distinct;
    CU_ASSERT_EQUAL(seen.first.to_measure, distinct);
    CU_ASSERT_TRUE(distinct >= 3 && distinct <= run_kernels(n.program));
    CU_ASSERT_EQUAL(a->n_measured, distinct);
    CU_ASSERT_EQUAL(a->n_reused, 0);
    CU_ASSERT_EQUAL(query("SELECT count(DISTINCT signature) FROM sample"),
                    (int)distinct);
    for (k = 0; k < a->n_kernels; k++) {
        const struct atm_time *t = &a->kernel[k].fast;

        if (n.program->kernel[k].kind != ATM_KERNEL_RUN) {
            CU_ASSERT_EQUAL(t->seconds, 0);
            continue;
        }
        CU_ASSERT_TRUE(t->seconds > 0 && t->seconds < 10 && t->n >= 9);
        CU_ASSERT_TRUE(t->low <= t->seconds && t->seconds <= t->high);
        CU_ASSERT_PTR_NULL(a->kernel[k].table);
    }

    memset(&seen, 0, sizeof(seen));
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &b));
    CU_ASSERT_EQUAL(seen.calls, 1); /* nothing unknown: no sweep */
    CU_ASSERT_EQUAL(seen.first.to_measure, 0);
    CU_ASSERT_EQUAL(b->n_reused, distinct);
    CU_ASSERT_TRUE(atm_hash_equal(a->hash, b->hash));
    CU_ASSERT_TRUE(atm_hash_equal(a->tiers_hash, b->tiers_hash));
    atm_profile_delete(&b);

    o.fresh = true;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &b));
    CU_ASSERT_EQUAL(b->n_measured, distinct);
    CU_ASSERT_FALSE(atm_hash_equal(a->hash, b->hash));
    check_sweeps(n.program, 9);
    atm_profile_delete(&a);
    atm_profile_delete(&b);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

static void test_interrupt(void)
{
    struct seen seen = {.stop_at = 4};
    struct atm_profiler_options o;
    struct atm_profile *a;
    struct atm_store *s;
    struct net n;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    o.progress = note;
    o.user = &seen;
    ATM_ASSERT_FAILS(atm_profile_program(n.program, s, &o, &a), ATM_INTERRUPTED,
                     "kept");
    CU_ASSERT_TRUE(query("SELECT count(DISTINCT sweep) FROM sample") <= 2);
    seen.stop_at = 0;
    o.samples = 6;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(query("SELECT count(DISTINCT sweep) FROM sample"), 6);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* Operands of less than 64 KiB, unless all are. */
static uint32_t small_of(const struct atm_program *p,
                         const struct atm_kernel_time *t)
{
    uint32_t i, small = 0;

    for (i = 0; i < t->n_operands; i++)
        small |= (uint32_t)(p->tensor[t->tensor[i]].bytes < 64 << 10) << i;
    return small == (1u << t->n_operands) - 1 ? 0 : small;
}

/* DRAM as the slow tier is real memory: every vector is measured, save those
 * of small operands. */
static void test_vectors(void)
{
    struct atm_profiler_options o;
    struct atm_profile *a, *b;
    struct atm_store *s;
    struct net n;
    uint32_t k, m, small, tables = 0;
    int64_t moves;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    o.slow_spec = "dram";
    o.samples = 5;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    for (k = 0; k < a->n_kernels; k++) {
        const struct atm_kernel_time *t = &a->kernel[k];

        if (!t->table)
            continue;
        small = small_of(n.program, t);
        tables++;
        for (m = 0; m < 1u << t->n_operands; m++) {
            CU_ASSERT_EQUAL(atm_profile_kernel(a, k, m), t->table[m].seconds);
            if (t->n_operands > 4 || t->table[m].seconds < 0)
                continue;
            if (m & small) { /* derived, and never less than without them */
                CU_ASSERT_TRUE(t->table[m].n == 0 &&
                               t->table[m].seconds >=
                                   t->table[m & ~small].seconds);
            } else {
                CU_ASSERT_TRUE(t->table[m].n >= 5);
            }
        }
    }
    CU_ASSERT_EQUAL(tables, run_kernels(n.program));
    /* and moves, by size and direction: 6 of them, 4 where copies are as slow
     * as a drive's; with nine quantities of the overlap */
    moves = query("SELECT count(*) FROM sample WHERE tier = 'dram' "
                  "AND mask = 0 AND sweep < 5") -
            9 * 5;
    CU_ASSERT_TRUE(moves >= 4 * 5 && moves <= 6 * 5 && moves % 5 == 0);
    CU_ASSERT_EQUAL(a->overlap.source, ATM_TIME_MEASURED);
    CU_ASSERT_TRUE(a->overlap.latency_s > 0 && a->overlap.loaded_latency_s > 0);
    /* bytes a second and seconds, on however busy a machine */
    CU_ASSERT_TRUE(a->tier[1].read_bw > 1e6 && a->tier[1].read_bw < 1e12);
    CU_ASSERT_TRUE(a->tier[1].write_bw > 1e6 && a->tier[1].write_bw < 1e12);
    CU_ASSERT_TRUE(a->tier[1].latency_s >= 0 && a->tier[1].latency_s < 1);
    CU_ASSERT_TRUE(query("SELECT count(DISTINCT mask) FROM sample") >= 4);
    /* all of it is known the next time */
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &b));
    CU_ASSERT_EQUAL(b->n_measured, 0);
    CU_ASSERT_TRUE(atm_hash_equal(a->hash, b->hash));
    atm_profile_delete(&b);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* A pool with a name has one user at a time: nothing opens it twice. */
static void test_named_pool(void)
{
    struct atm_profiler_options o;
    struct atm_profile *a;
    struct atm_store *s;
    struct net n;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    o.slow_spec = "pmem:profiler.pool,sync=degrade";
    o.samples = 5;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(a->overlap.source, ATM_TIME_MEASURED);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    (void)unlink("profiler.pool");
    remove_folder();
}

#define ONE_SIGNATURE                                                          \
    " signature = (SELECT signature FROM sample ORDER BY signature LIMIT 1) "

/* What is off by the store is measured again, the rest is kept. */
static void test_recheck(void)
{
    struct atm_profiler_options o;
    struct atm_profile *a;
    struct atm_store *s;
    struct net n;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(a->n_drifted, 0);
    atm_profile_delete(&a);
    /* as if measured on a machine a thousand times as slow */
    change("UPDATE sample SET seconds = seconds * 1000 WHERE" ONE_SIGNATURE);
    change("CREATE TABLE kept AS SELECT * FROM sample");
    o.recheck = true;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_TRUE(a->n_drifted >= 1);
    CU_ASSERT_EQUAL(a->n_measured, a->n_drifted);
    CU_ASSERT_EQUAL(query("SELECT count(DISTINCT signature) FROM "
                          "(SELECT * FROM kept EXCEPT SELECT * FROM sample)"),
                    (int)a->n_drifted);
    CU_ASSERT_EQUAL(query("SELECT (SELECT min(seconds) FROM sample "
                          "WHERE" ONE_SIGNATURE ") < 0.1 * min(seconds) "
                          "FROM kept WHERE" ONE_SIGNATURE),
                    1);
    check_sweeps(n.program, 9);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* Three samples of a kernel that takes over half a second are enough; sweeps
 * for the others go past it. */
static void test_slow_kernels(void)
{
    struct atm_profiler_options o;
    struct atm_profile *a;
    struct atm_store *s;
    struct net n;
    uint32_t k, slow = 0;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    atm_profile_delete(&a);
    change("DELETE FROM sample WHERE sweep > 2 AND" ONE_SIGNATURE);
    o.known_only = true;
    ATM_ASSERT_FAILS(atm_profile_program(n.program, s, &o, &a), ATM_STALE,
                     "1 of");
    change("UPDATE sample SET seconds = 0.6 WHERE" ONE_SIGNATURE);
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(a->n_measured, 0);
    atm_profile_delete(&a);
    change("DELETE FROM sample WHERE NOT" ONE_SIGNATURE);
    o.known_only = false;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(a->n_reused, 1);
    for (k = 0; k < a->n_kernels; k++)
        slow += a->kernel[k].fast.seconds == 0.6;
    CU_ASSERT_TRUE(slow >= 1);
    CU_ASSERT_EQUAL(query("SELECT count(DISTINCT sweep) FROM sample "
                          "WHERE" ONE_SIGNATURE),
                    3);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* A program above the limit is measured kernel by kernel, with the same result
 * in kind, and as resumable: what was told as done is complete, and no sample
 * that was taken is lost or taken again. */
static void test_alone(void)
{
    const char *complete =
        "SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY signature, tier, "
        "mask HAVING count(DISTINCT sweep) = 9)";
    struct seen seen = {0};
    struct atm_profiler_options o;
    struct atm_profile *a;
    struct atm_store *s;
    struct net n;
    uint32_t k;

    (void)fresh_path();
    n = make_net();
    s = open_store();
    atm_profiler_options_init(&o);
    o.memory_bytes = 1;
    o.progress = stop_in_second;
    o.user = &seen;
    ATM_ASSERT_FAILS(atm_profile_program(n.program, s, &o, &a), ATM_INTERRUPTED,
                     "kept");
    CU_ASSERT_TRUE(seen.done >= 1 && seen.done < seen.first.distinct);
    CU_ASSERT_EQUAL(query(complete), (int)seen.done);
    change("CREATE TABLE kept AS SELECT * FROM sample");
    o.progress = note;
    ATM_ASSERT_OK(atm_profile_program(n.program, s, &o, &a));
    CU_ASSERT_EQUAL(query("SELECT count(*) FROM (SELECT * FROM kept EXCEPT "
                          "SELECT * FROM sample)"),
                    0);
    CU_ASSERT_EQUAL(query("SELECT count(*) FROM sample"),
                    9 * (int)seen.first.distinct);
    for (k = 0; k < a->n_kernels; k++)
        if (n.program->kernel[k].kind == ATM_KERNEL_RUN)
            CU_ASSERT_EQUAL(a->kernel[k].fast.n, 9);
    atm_profile_delete(&a);
    atm_store_close(&s);
    delete_net(&n);
    remove_folder();
}

/* ---- the datum ----------------------------------------------------------- */

static void tiers(struct atm_tier_info tier[2], uint32_t slow_caps)
{
    memset(tier, 0, 2 * sizeof(*tier));
    tier[0].read_bw = tier[0].write_bw = 1e10;
    tier[0].caps = ATM_TIER_ADDRESSABLE;
    tier[1].read_bw = 2e9;
    tier[1].write_bw = 1e9;
    tier[1].latency_s = 1e-6;
    tier[1].caps = slow_caps;
}

static void test_datum(void)
{
    static const char *const spec[2] = {"dram", "emu"};
    struct atm_tier_info tier[2];
    struct atm_profile *p;
    struct net n;
    uint32_t k, t, i;
    double rows;

    n = make_net();
    tiers(tier, ATM_TIER_ADDRESSABLE | ATM_TIER_EMULATED);
    ATM_ASSERT_OK(atm_profile_new(n.program, tier, spec, 1e-5, &p));
    ATM_ASSERT_OK(atm_profile_check(p, n.program));
    /* the first weight of 784 x 1000 floats: 2 GB/s, 1 us */
    for (k = 0, t = ATM_NONE; k < p->n_kernels && t == ATM_NONE; k++)
        for (i = 0; i < p->kernel[k].n_in; i++)
            if (n.program->tensor[p->kernel[k].tensor[i]].arg &&
                n.program->tensor[p->kernel[k].tensor[i]].bytes >= 3136000) {
                t = i;
                break;
            }
    CU_ASSERT_NOT_EQUAL_FATAL(t, ATM_NONE);
    k--;
    rows = p->kernel[k].slow_s[t];
    CU_ASSERT_TRUE(rows >= 3136000 / 2e9 && rows < 3300000 / 2e9);
    CU_ASSERT_DOUBLE_EQUAL(atm_profile_kernel(p, k, UINT64_C(1) << t),
                           rows + 1e-6, 1e-12);
    CU_ASSERT_EQUAL(atm_profile_kernel(p, k, 0), 1e-5);
    CU_ASSERT_DOUBLE_EQUAL(atm_profile_move(p, 4000000, false), 2.001e-3,
                           1e-12);
    CU_ASSERT_DOUBLE_EQUAL(atm_profile_move(p, 4000000, true), 4.001e-3, 1e-12);
    CU_ASSERT_EQUAL(atm_profile_kernel(p, 1, 1), 0); /* a feed, slow: free */
    p->kernel[k].fast.seconds = NAN;
    ATM_ASSERT_FAILS(atm_profile_check(p, n.program), ATM_FORMAT, "no time");
    p->kernel[k].fast.seconds = 0;
    ATM_ASSERT_FAILS(atm_profile_check(p, n.program), ATM_FORMAT, "no time");
    atm_profile_delete(&p);

    tiers(tier, 0);
    ATM_ASSERT_OK(atm_profile_new(n.program, tier, spec, 1e-5, &p));
    CU_ASSERT_TRUE(atm_profile_kernel(p, k, UINT64_C(1) << t) < 0);
    CU_ASSERT_EQUAL(atm_profile_kernel(p, 1, 1), 0);
    tier[1].read_bw = 0;
    p->tier[1].read_bw = 0;
    ATM_ASSERT_FAILS(atm_profile_check(p, n.program), ATM_FORMAT,
                     "no bandwidth");
    atm_profile_delete(&p);
    delete_net(&n);
}

/* ---- inputs -------------------------------------------------------------- */

static void test_inputs(void)
{
    static float a[4096], b[4096];
    struct net n = make_net();
    double sum = 0, square = 0;
    uint32_t i;

    ATM_ASSERT_OK(atm_input_fill(n.graph, 0, 1, a));
    ATM_ASSERT_OK(atm_input_fill(n.graph, 0, 1, b));
    CU_ASSERT_EQUAL(memcmp(a, b, 784 * sizeof(*a)), 0);
    ATM_ASSERT_OK(atm_input_fill(n.graph, 0, 2, b));
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, 784 * sizeof(*a)), 0);
    for (i = 0; i < 784; i++) {
        CU_ASSERT_TRUE(isnormal(a[i]) || a[i] == 0);
        sum += a[i];
        square += (double)a[i] * a[i];
    }
    CU_ASSERT_TRUE(fabs(sum / 784) < 0.2);
    CU_ASSERT_TRUE(fabs(square / 784 - 1) < 0.3);
    delete_net(&n);
}

/* x[rows] -> Reshape -> Gather from a table of 7 rows */
static void test_index_inputs(void)
{
    const struct atm_op *gather = atm_op_find("", "Gather");
    const struct atm_op *reshape = atm_op_find("", "Identity");
    struct atm_shape rows = {1, {64}}, table = {2, {7, 3}};
    struct atm_constant c = {
        .kind = ATM_CONST_GENERATED, .bytes = 84, .stddev = 1};
    uint32_t x, y, t, out, in[2];
    struct atm_graph *g;
    int64_t index[64];
    bool seen[7] = {false};
    int i;

    if (!gather || !reshape)
        return; /* the operators are not there to be fed */
    ATM_ASSERT_OK(atm_graph_new(&g));
    ATM_ASSERT_OK(atm_graph_add_value(g, "x", ATM_I64, &rows, &x));
    ATM_ASSERT_OK(atm_graph_add_value(g, "y", ATM_I64, &rows, &y));
    ATM_ASSERT_OK(atm_graph_add_value(g, "t", ATM_F32, &table, &t));
    ATM_ASSERT_OK(atm_graph_add_constant(g, &c, &g->value[t].constant));
    ATM_ASSERT_OK(atm_graph_add_value(g, "out", ATM_F32, NULL, &out));
    ATM_ASSERT_OK(atm_graph_add_input(g, x));
    ATM_ASSERT_OK(
        atm_graph_add_node(g, "id", reshape, 13, 1, &x, 1, &y, 0, NULL, NULL));
    in[0] = t;
    in[1] = y;
    ATM_ASSERT_OK(atm_graph_add_node(g, "gather", gather, 13, 2, in, 1, &out, 0,
                                     NULL, NULL));
    ATM_ASSERT_OK(atm_input_fill(g, 0, 3, index));
    for (i = 0; i < 64; i++) {
        CU_ASSERT_TRUE_FATAL(index[i] >= 0 && index[i] < 7);
        seen[index[i]] = true;
    }
    for (i = 0; i < 7; i++)
        CU_ASSERT_TRUE(seen[i]);
    atm_graph_delete(&g);
}

/* ---- memory runs out ----------------------------------------------------- */

static long left;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return left-- > 0 ? realloc(p, bytes) : NULL;
}

static void test_no_memory(void)
{
    static const char *const spec[2] = {"dram", "emu"};
    struct atm_tier_info tier[2];
    struct atm_profile *p = NULL;
    struct atm_store *s = NULL;
    enum atm_status st = ATM_NOMEM;
    const char *warning;
    struct net n;
    long k;

    (void)fresh_path();
    n = make_net();
    tiers(tier, ATM_TIER_ADDRESSABLE);
    atm_set_allocator(failing, NULL);
    for (k = 0; st == ATM_NOMEM && k < 1000; k++) {
        left = k;
        st = atm_profile_new(n.program, tier, spec, 1e-5, &p);
    }
    left = 1000;
    atm_profile_delete(&p);
    CU_ASSERT_EQUAL(st, ATM_OK);
    st = ATM_NOMEM;
    for (k = 0; st == ATM_NOMEM && k < 1000; k++) {
        left = k;
        st = atm_store_open(path, &s, &warning);
    }
    left = 1000;
    CU_ASSERT_EQUAL(st, ATM_OK);
    atm_store_close(&s);
    atm_set_allocator(NULL, NULL);
    delete_net(&n);
    remove_folder();
}

static const struct atm_test tests[] = {
    {"a killed run resumes where it was", test_kill},
    {"samples are keyed by machine, kernel, vector", test_store_keys},
    {"a damaged store is put aside and rebuilt", test_store_corrupt},
    {"a foreign database is refused", test_store_foreign},
    {"DRAM is calibrated once", test_calibration},
    {"what is known is not measured again", test_profile},
    {"an interrupted run keeps its sweeps", test_interrupt},
    {"real slow memory: all vectors are measured", test_vectors},
    {"a pool that has a name is opened once at a time", test_named_pool},
    {"what takes another time now is measured again", test_recheck},
    {"slow kernels are measured less often", test_slow_kernels},
    {"too large for memory: kernel by kernel", test_alone},
    {"costs follow the clock model", test_datum},
    {"inputs are seeded normal values", test_inputs},
    {"index inputs stay inside their table", test_index_inputs},
    {"out of memory leaks nothing", test_no_memory},
    {NULL, NULL}};
ATM_TEST_MAIN("profiler", tests)
