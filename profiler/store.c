/* store.c - the profile store: raw samples in a SQLite database, so that the
 * statistic can change and a kill loses one sweep. The file is treated as
 * untrusted: defensive mode, no trusted schema, checked before use; a damaged
 * one is put aside, never deleted. */
#include "store_rows.h"

#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x41544d50 /* "ATMP" */
#define SCHEMA_VERSION 1
#define BUSY_MS 10000
#define SECONDS_MIN 1e-12
#define SECONDS_MAX 1e6

/* clang-format off */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS machine ("
    " id INTEGER PRIMARY KEY,"
    " fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 16),"
    " description TEXT NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS sample ("
    " machine INTEGER NOT NULL REFERENCES machine (id),"
    " signature BLOB NOT NULL CHECK (length(signature) = 16),"
    " tier TEXT NOT NULL,"
    " mask INTEGER NOT NULL CHECK (mask = 0 OR tier <> ''),"
    " sweep INTEGER NOT NULL CHECK (sweep >= 0),"
    " instance INTEGER NOT NULL CHECK (instance >= 0),"
    " seconds REAL NOT NULL CHECK (seconds > 0 AND seconds < 1e6),"
    " PRIMARY KEY (machine, signature, tier, mask, sweep, instance))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS calibration ("
    " machine INTEGER NOT NULL REFERENCES machine (id),"
    " threads INTEGER NOT NULL CHECK (threads > 0),"
    " read_bw REAL NOT NULL CHECK (read_bw > 0 AND read_bw < 1e15),"
    " write_bw REAL NOT NULL CHECK (write_bw > 0 AND write_bw < 1e15),"
    " PRIMARY KEY (machine, threads)) STRICT, WITHOUT ROWID;";
/* Joined later: made where it is missing, so older stores go on. */
static const char curve_schema[] =
    "CREATE TABLE IF NOT EXISTS curve ("
    " machine INTEGER NOT NULL REFERENCES machine (id),"
    " tier TEXT NOT NULL,"
    " direction INTEGER NOT NULL CHECK (direction BETWEEN 0 AND 2),"
    " par INTEGER NOT NULL CHECK (par > 0),"
    " block INTEGER NOT NULL CHECK (block > 0),"
    " bw REAL NOT NULL CHECK (bw > 0 AND bw < 1e15),"
    " PRIMARY KEY (machine, tier, direction, par, block))"
    " STRICT, WITHOUT ROWID;";
/* clang-format on */

enum statement {
    SELECT_SAMPLES,
    COUNT_SWEEPS,
    INSERT_SAMPLE,
    DELETE_SAMPLES,
    SELECT_CALIBRATION,
    INSERT_CALIBRATION,
    STATEMENTS
};
#define WHERE_VECTOR                                                           \
    " WHERE machine = ?1 AND signature = ?2 AND tier = ?3 AND mask = ?4"
static const char *const statement_sql[STATEMENTS] = {
    "SELECT seconds FROM sample" WHERE_VECTOR " ORDER BY seconds",
    "SELECT count(DISTINCT sweep) FROM sample" WHERE_VECTOR,
    "INSERT OR REPLACE INTO sample VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    "DELETE FROM sample" WHERE_VECTOR,
    "SELECT read_bw, write_bw FROM calibration WHERE machine = ?1 "
    "AND threads = ?2",
    "INSERT OR REPLACE INTO calibration VALUES (?1, ?2, ?3, ?4)",
};

struct atm_store {
    sqlite3 *db;
    sqlite3_stmt *stmt[STATEMENTS];
    sqlite3_int64 machine;
    struct atm_hash fingerprint;
    char *path;
};

static _Thread_local char warning_text[512];

static enum atm_status db_fail(const struct atm_store *s)
{
    int rc = sqlite3_errcode(s->db);

    return atm_fail(rc == SQLITE_NOMEM ? ATM_NOMEM : ATM_IO, "%s: %s", s->path,
                    sqlite3_errmsg(s->db));
}

/* The schema refuses such rows; somebody changed it, or them. */
static enum atm_status impossible(const struct atm_store *s)
{
    return atm_fail(ATM_FORMAT,
                    "%s: holds times that cannot be; name another --store, or "
                    "remove it",
                    s->path);
}

static enum atm_status db_exec(struct atm_store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ATM_OK
                                                                   : db_fail(s);
}

static bool damaged(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* First integer of the first row of `sql`; the SQLite code. */
static int query_int(struct atm_store *s, const char *sql, int *value)
{
    sqlite3_stmt *q;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    *value = 0;
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int(q, 0);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(q);
    return rc;
}

static int quick_check(struct atm_store *s)
{
    sqlite3_stmt *q;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL);

    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(q, 0);

        rc = text && strcmp((const char *)text, "ok") == 0 ? SQLITE_OK
                                                           : SQLITE_CORRUPT;
    }
    (void)sqlite3_finalize(q);
    return rc;
}

static void db_close(struct atm_store *s)
{
    int i;

    for (i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(s->stmt[i]);
        s->stmt[i] = NULL;
    }
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

/* What a file's first bytes say it is. Another's file is not even opened by
 * SQLite, and only a ruin of ours is put aside. What is no regular file is left
 * to SQLite to refuse; a store killed young has its id in its journal yet. */
enum kind { KIND_NONE, KIND_OTHER, KIND_DATABASE, KIND_OURS };

static enum kind kind_of(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    unsigned char head[72];
    struct stat sb;
    ssize_t n;
    int fd;

    if (stat(path, &sb) != 0 || !S_ISREG(sb.st_mode) || sb.st_size == 0)
        return KIND_NONE;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return KIND_NONE;
    n = pread(fd, head, sizeof(head), 0);
    (void)close(fd);
    if (n != (ssize_t)sizeof(head) || memcmp(head, magic, sizeof(magic)) != 0)
        return KIND_OTHER;
    return ((uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 |
            (uint32_t)head[70] << 8 | head[71]) == APPLICATION_ID
               ? KIND_OURS
               : KIND_DATABASE;
}

/* Opens, hardens, checks and prepares. *corrupt: the file is a ruin, and the
 * caller may put it aside; a sound database of something else is refused. */
static enum atm_status db_open(struct atm_store *s, bool *corrupt)
{
    int rc, id = 0, version = 0, tables = 0, i;
    enum kind kind = kind_of(s->path);
    enum atm_status st;

    *corrupt = false;
    if (kind == KIND_OTHER)
        return atm_fail(ATM_FORMAT,
                        "%s: not a profile store of autotm; name another "
                        "--store, or remove it",
                        s->path);
    rc = sqlite3_open_v2(
        s->path, &s->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return s->db ? db_fail(s)
                     : atm_fail(ATM_NOMEM, "%s: out of memory", s->path);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    rc = sqlite3_exec(s->db,
                      "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;",
                      NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = quick_check(s);
    if (rc == SQLITE_OK)
        rc = query_int(s, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = query_int(s, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = query_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) {
        *corrupt = damaged(rc) && kind == KIND_OURS;
        return db_fail(s);
    }
    if (tables > 0 && (id != APPLICATION_ID || version != SCHEMA_VERSION))
        return atm_fail(ATM_STALE,
                        "%s: a database of something else or of "
                        "another version of autotm; name another --store",
                        s->path);
    st = db_exec(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                    "PRAGMA foreign_keys = ON;");
    if (st)
        return st;
    if (tables == 0) {
        char sql[sizeof(schema) + 128];

        (void)snprintf(sql, sizeof(sql),
                       "%s PRAGMA application_id = %d; "
                       "PRAGMA user_version = %d; COMMIT;",
                       schema, APPLICATION_ID, SCHEMA_VERSION);
        st = db_exec(s, sql);
        if (st)
            return st;
    }
    st = db_exec(s, curve_schema);
    if (st)
        return st;
    for (i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, statement_sql[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
                               NULL) != SQLITE_OK)
            return db_fail(s);
    return ATM_OK;
}

/* path -> path.corrupt-N, with its journal, N the first free number. */
static enum atm_status put_aside(const char *path)
{
    char aside[4096], wal[4096], shm[4096];
    int n;

    for (n = 1;; n++) {
        if ((size_t)snprintf(aside, sizeof(aside), "%s.corrupt-%d", path, n) >=
            sizeof(aside))
            return atm_fail(ATM_IO, "%s: name too long", path);
        if (access(aside, F_OK) != 0)
            break;
    }
    if (rename(path, aside) != 0)
        return atm_fail(ATM_IO, "%s: damaged, and cannot be put aside: %s",
                        path, strerror(errno));
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    (void)snprintf(shm, sizeof(shm), "%s-shm", path);
    (void)unlink(wal);
    (void)unlink(shm);
    (void)snprintf(warning_text, sizeof(warning_text),
                   "%.200s: damaged; kept as %.200s, measuring anew", path,
                   aside);
    return ATM_OK;
}

/* mkdir -p of the folders above `path`, private as a cache is. */
static enum atm_status make_folders(char *path)
{
    char *slash;

    for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int rc;

        *slash = '\0';
        rc = mkdir(path, 0700);
        if (rc != 0 && errno != EEXIST) {
            enum atm_status st = atm_fail(ATM_IO, "%s: cannot be created: %s",
                                          path, strerror(errno));

            *slash = '/';
            return st;
        }
        *slash = '/';
    }
    return ATM_OK;
}

static enum atm_status store_path(const char *path, char **out)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *folder = "", *sub = "";
    size_t n;

    if (!path) {
        path = "/autotm/profile.db";
        if (cache && cache[0] == '/') {
            folder = cache;
        } else if (home && home[0] == '/') {
            folder = home;
            sub = "/.cache";
        } else {
            return atm_fail(ATM_IO,
                            "profile store: neither XDG_CACHE_HOME "
                            "nor HOME is set; name a file with --store");
        }
    }
    n = strlen(folder) + strlen(sub) + strlen(path) + 1;
    *out = atm_alloc(n);
    if (!*out)
        return ATM_NOMEM;
    (void)snprintf(*out, n, "%s%s%s", folder, sub, path);
    return make_folders(*out);
}

enum atm_status atm_store_open(const char *path, struct atm_store **store,
                               const char **warning)
{
    struct atm_store *s = atm_alloc_array(1, sizeof(*s));
    char description[256];
    struct atm_hash machine;
    enum atm_status st;
    bool corrupt;

    *store = NULL;
    *warning = NULL;
    if (!s)
        return ATM_NOMEM;
    st = store_path(path, &s->path);
    if (st)
        goto err_store;
    st = db_open(s, &corrupt);
    if (st && corrupt) {
        db_close(s);
        st = put_aside(s->path);
        if (st)
            goto err_store;
        *warning = warning_text;
        st = db_open(s, &corrupt);
    }
    if (!st)
        st = atm__machine_fingerprint(&machine, description);
    if (!st)
        st = atm__store_use_machine(s, machine, description);
    if (st)
        goto err_store;
    *store = s;
    return ATM_OK;

err_store:
    atm_store_close(&s);
    return st;
}

void atm_store_close(struct atm_store **store)
{
    if (!*store)
        return;
    db_close(*store);
    atm_free((*store)->path);
    atm_free(*store);
    *store = NULL;
}

void atm__store_blob(struct atm_hash h, unsigned char blob[16])
{
    int i;

    for (i = 0; i < 8; i++) {
        blob[i] = (unsigned char)(h.hi >> (56 - 8 * i));
        blob[8 + i] = (unsigned char)(h.lo >> (56 - 8 * i));
    }
}

enum atm_status atm__store_use_machine(struct atm_store *s,
                                       struct atm_hash fingerprint,
                                       const char *description)
{
    unsigned char blob[16];
    sqlite3_stmt *q = NULL;
    enum atm_status st = ATM_OK;

    atm__store_blob(fingerprint, blob);
    if (sqlite3_prepare_v2(s->db,
                           "INSERT INTO machine (fingerprint, description) "
                           "VALUES (?1, ?2) ON CONFLICT (fingerprint) DO "
                           "UPDATE SET description = ?2 RETURNING id",
                           -1, &q, NULL) != SQLITE_OK)
        return db_fail(s);
    (void)sqlite3_bind_blob(q, 1, blob, 16, SQLITE_TRANSIENT);
    (void)sqlite3_bind_text(q, 2, description, -1, SQLITE_TRANSIENT);
    if (sqlite3_step(q) == SQLITE_ROW) {
        s->machine = sqlite3_column_int64(q, 0);
        s->fingerprint = fingerprint;
        while (sqlite3_step(q) == SQLITE_ROW)
            ; /* the row is written when the statement has ended */
    } else {
        st = db_fail(s);
    }
    (void)sqlite3_finalize(q);
    return st;
}

struct atm_hash atm__store_machine(const struct atm_store *s)
{
    return s->fingerprint;
}

static sqlite3_stmt *bind_vector(struct atm_store *s, enum statement which,
                                 const struct atm__vector *v)
{
    sqlite3_stmt *q = s->stmt[which];
    unsigned char blob[16];

    atm__store_blob(v->signature, blob);
    (void)sqlite3_bind_int64(q, 1, s->machine);
    (void)sqlite3_bind_blob(q, 2, blob, 16, SQLITE_TRANSIENT);
    (void)sqlite3_bind_text(q, 3, v->tier, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(q, 4, (sqlite3_int64)v->mask);
    return q;
}

/* Steps a statement that returns no rows. */
static enum atm_status finish(struct atm_store *s, sqlite3_stmt *q)
{
    enum atm_status st = sqlite3_step(q) == SQLITE_DONE ? ATM_OK : db_fail(s);

    (void)sqlite3_reset(q);
    return st;
}

enum atm_status atm__store_samples(struct atm_store *s,
                                   const struct atm__vector *v, double *seconds,
                                   uint32_t cap, uint32_t *n, uint32_t *sweeps)
{
    sqlite3_stmt *q = bind_vector(s, COUNT_SWEEPS, v);
    enum atm_status st = ATM_OK;
    int rc;

    *n = *sweeps = 0;
    if (sqlite3_step(q) == SQLITE_ROW)
        *sweeps = (uint32_t)sqlite3_column_int(q, 0);
    else
        st = db_fail(s);
    (void)sqlite3_reset(q);
    if (st)
        return st;
    q = bind_vector(s, SELECT_SAMPLES, v);
    for (rc = sqlite3_step(q); !st && rc == SQLITE_ROW; rc = sqlite3_step(q)) {
        double x = sqlite3_column_double(q, 0);

        if (!(x >= SECONDS_MIN && x < SECONDS_MAX))
            st = impossible(s);
        if (*n < cap)
            seconds[*n] = x;
        (*n)++;
    }
    if (!st && rc != SQLITE_DONE)
        st = db_fail(s);
    (void)sqlite3_reset(q);
    return st;
}

enum atm_status atm__store_begin(struct atm_store *s)
{
    return db_exec(s, "BEGIN IMMEDIATE");
}

enum atm_status atm__store_commit(struct atm_store *s)
{
    return db_exec(s, "COMMIT");
}

void atm__store_rollback(struct atm_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

enum atm_status atm__store_add(struct atm_store *s, const struct atm__vector *v,
                               uint32_t sweep, uint32_t instance,
                               double seconds)
{
    sqlite3_stmt *q = bind_vector(s, INSERT_SAMPLE, v);

    (void)sqlite3_bind_int64(q, 5, sweep);
    (void)sqlite3_bind_int64(q, 6, instance);
    (void)sqlite3_bind_double(q, 7, seconds);
    return finish(s, q);
}

enum atm_status atm__store_forget(struct atm_store *s,
                                  const struct atm__vector *v)
{
    return finish(s, bind_vector(s, DELETE_SAMPLES, v));
}

enum atm_status atm_store_dram(struct atm_store *s, int threads,
                               double *read_bw, double *write_bw)
{
    sqlite3_stmt *q = s->stmt[SELECT_CALIBRATION];
    enum atm_status st;
    int rc;

    (void)sqlite3_bind_int64(q, 1, s->machine);
    (void)sqlite3_bind_int(q, 2, threads);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *read_bw = sqlite3_column_double(q, 0);
        *write_bw = sqlite3_column_double(q, 1);
    }
    (void)sqlite3_reset(q);
    if (rc == SQLITE_ROW)
        return *read_bw > 1 && *read_bw < 1e15 && *write_bw > 1 &&
                       *write_bw < 1e15
                   ? ATM_OK
                   : impossible(s);
    if (rc != SQLITE_DONE)
        return db_fail(s);
    st = atm_dram_calibrate(threads, read_bw, write_bw);
    if (st)
        return st;
    q = s->stmt[INSERT_CALIBRATION];
    (void)sqlite3_bind_int64(q, 1, s->machine);
    (void)sqlite3_bind_int(q, 2, threads);
    (void)sqlite3_bind_double(q, 3, *read_bw);
    (void)sqlite3_bind_double(q, 4, *write_bw);
    return finish(s, q);
}

sqlite3 *atm__store_db(struct atm_store *s)
{
    return s->db;
}

enum atm_status atm__store_db_fail(const struct atm_store *s)
{
    return db_fail(s);
}

int64_t atm__store_machine_id(const struct atm_store *s)
{
    return s->machine;
}

const char *atm_profiler_libraries(void)
{
    return "SQLite " SQLITE_VERSION "\n";
}
