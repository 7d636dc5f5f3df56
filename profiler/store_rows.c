/* store_rows.c - the store as rows: listed, written out, read in, cleared of
 * other machines; and the curves of calibrated tiers. */
#include "store_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct atm_hash hash_of(const unsigned char *b)
{
    struct atm_hash h = {0, 0};
    int i;

    for (i = 0; b && i < 8; i++) {
        h.hi = h.hi << 8 | b[i];
        h.lo = h.lo << 8 | b[8 + i];
    }
    return h;
}

static const char *text_of(sqlite3_stmt *q, int column)
{
    const unsigned char *t = sqlite3_column_text(q, column);

    return t ? (const char *)t : "";
}

static enum atm_status prepared(struct atm_store *s, const char *sql,
                                sqlite3_stmt **q)
{
    return sqlite3_prepare_v2(atm__store_db(s), sql, -1, q, NULL) == SQLITE_OK
               ? ATM_OK
               : atm__store_db_fail(s);
}

/* Steps to the end and finalizes. */
static enum atm_status done(struct atm_store *s, sqlite3_stmt *q)
{
    enum atm_status st = ATM_OK;

    if (sqlite3_step(q) != SQLITE_DONE)
        st = atm__store_db_fail(s);
    (void)sqlite3_finalize(q);
    return st;
}

enum atm_status atm_store_list(struct atm_store *s, atm_store_summary_fn *fn,
                               void *user)
{
    enum atm_status st;
    sqlite3_stmt *q;
    int rc;

    st = prepared(s,
                  "SELECT m.id, m.description, s.tier, count(DISTINCT "
                  "s.signature || '-' || s.mask), count(*) FROM sample s JOIN "
                  "machine m ON m.id = s.machine GROUP BY m.id, s.tier ORDER "
                  "BY m.id, s.tier",
                  &q);
    if (st)
        return st;
    for (rc = sqlite3_step(q); rc == SQLITE_ROW && !st; rc = sqlite3_step(q)) {
        const struct atm_store_summary row = {
            .description = text_of(q, 1),
            .tier = text_of(q, 2),
            .this_machine =
                sqlite3_column_int64(q, 0) == atm__store_machine_id(s),
            .vectors = (uint64_t)sqlite3_column_int64(q, 3),
            .samples = (uint64_t)sqlite3_column_int64(q, 4)};

        st = fn(user, &row);
    }
    if (!st && rc != SQLITE_DONE)
        st = atm__store_db_fail(s);
    (void)sqlite3_finalize(q);
    return st;
}

enum atm_status atm_store_export(struct atm_store *s, atm_store_row_fn *fn,
                                 void *user)
{
    enum atm_status st;
    sqlite3_stmt *q;
    int rc;

    st = prepared(s,
                  "SELECT m.fingerprint, m.description, s.signature, s.tier, "
                  "s.mask, s.sweep, s.instance, s.seconds FROM sample s JOIN "
                  "machine m ON m.id = s.machine ORDER BY m.fingerprint, "
                  "s.signature, s.tier, s.mask, s.sweep, s.instance",
                  &q);
    if (st)
        return st;
    for (rc = sqlite3_step(q); rc == SQLITE_ROW && !st; rc = sqlite3_step(q)) {
        const struct atm_store_row row = {
            .machine = hash_of(sqlite3_column_blob(q, 0)),
            .description = text_of(q, 1),
            .signature = hash_of(sqlite3_column_blob(q, 2)),
            .tier = text_of(q, 3),
            .mask = (uint64_t)sqlite3_column_int64(q, 4),
            .sweep = (uint32_t)sqlite3_column_int64(q, 5),
            .instance = (uint32_t)sqlite3_column_int64(q, 6),
            .seconds = sqlite3_column_double(q, 7)};

        st = fn(user, &row);
    }
    if (!st && rc != SQLITE_DONE)
        st = atm__store_db_fail(s);
    (void)sqlite3_finalize(q);
    return st;
}

enum atm_status atm_store_import(struct atm_store *s,
                                 const struct atm_store_row *r)
{
    unsigned char machine[16], signature[16];
    enum atm_status st;
    sqlite3_stmt *q;

    atm__store_blob(r->machine, machine);
    atm__store_blob(r->signature, signature);
    st = prepared(s,
                  "INSERT INTO machine (fingerprint, description) VALUES (?1, "
                  "?2) ON CONFLICT (fingerprint) DO NOTHING",
                  &q);
    if (st)
        return st;
    (void)sqlite3_bind_blob(q, 1, machine, 16, SQLITE_STATIC);
    (void)sqlite3_bind_text(q, 2, r->description, -1, SQLITE_STATIC);
    st = done(s, q);
    if (!st)
        st = prepared(s,
                      "INSERT OR IGNORE INTO sample SELECT id, ?2, ?3, ?4, ?5, "
                      "?6, ?7 FROM machine WHERE fingerprint = ?1",
                      &q);
    if (st)
        return st;
    (void)sqlite3_bind_blob(q, 1, machine, 16, SQLITE_STATIC);
    (void)sqlite3_bind_blob(q, 2, signature, 16, SQLITE_STATIC);
    (void)sqlite3_bind_text(q, 3, r->tier, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(q, 4, (sqlite3_int64)r->mask);
    (void)sqlite3_bind_int64(q, 5, r->sweep);
    (void)sqlite3_bind_int64(q, 6, r->instance);
    (void)sqlite3_bind_double(q, 7, r->seconds);
    return done(s, q);
}

enum atm_status atm_store_import_begin(struct atm_store *s)
{
    return atm__store_begin(s);
}

enum atm_status atm_store_import_end(struct atm_store *s, enum atm_status st)
{
    if (!st)
        st = atm__store_commit(s);
    if (st)
        atm__store_rollback(s);
    return st;
}

enum atm_status atm_store_prune(struct atm_store *s, uint64_t *samples)
{
    static const char *const sql[] = {
        "DELETE FROM sample WHERE machine <> ?1",
        "DELETE FROM calibration WHERE machine <> ?1",
        "DELETE FROM curve WHERE machine <> ?1",
        "DELETE FROM machine WHERE id <> ?1"};
    enum atm_status st = atm__store_begin(s);
    sqlite3_stmt *q;
    size_t i;

    for (i = 0; i < sizeof(sql) / sizeof(sql[0]) && !st; i++) {
        st = prepared(s, sql[i], &q);
        if (st)
            break;
        (void)sqlite3_bind_int64(q, 1, atm__store_machine_id(s));
        st = done(s, q);
        if (i == 0)
            *samples = (uint64_t)sqlite3_changes64(atm__store_db(s));
    }
    if (!st)
        st = atm__store_commit(s);
    if (st) {
        atm__store_rollback(s);
        return st;
    }
    st = prepared(s, "VACUUM", &q);
    return st ? st : done(s, q);
}

/* ---- curves ---------------------------------------------------------------
 */

enum atm_status atm__store_curve_put(struct atm_store *s, const char *tier,
                                     const struct atm_curve_point *p,
                                     uint32_t n)
{
    enum atm_status st = atm__store_begin(s);
    sqlite3_stmt *q;
    uint32_t i;

    if (!st)
        st = prepared(s, "DELETE FROM curve WHERE machine = ?1 AND tier = ?2",
                      &q);
    if (!st) {
        (void)sqlite3_bind_int64(q, 1, atm__store_machine_id(s));
        (void)sqlite3_bind_text(q, 2, tier, -1, SQLITE_STATIC);
        st = done(s, q);
    }
    for (i = 0; i < n && !st; i++) {
        st = prepared(s, "INSERT INTO curve VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      &q);
        if (st)
            break;
        (void)sqlite3_bind_int64(q, 1, atm__store_machine_id(s));
        (void)sqlite3_bind_text(q, 2, tier, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int(q, 3, p[i].direction);
        (void)sqlite3_bind_int(q, 4, p[i].par);
        (void)sqlite3_bind_int64(q, 5, (sqlite3_int64)p[i].block);
        (void)sqlite3_bind_double(q, 6, p[i].bw);
        st = done(s, q);
    }
    if (!st)
        st = atm__store_commit(s);
    if (st)
        atm__store_rollback(s);
    return st;
}

enum atm_status atm_store_curve(struct atm_store *s, const char *tier,
                                struct atm_curve_point *p, uint32_t cap,
                                uint32_t *n)
{
    enum atm_status st;
    sqlite3_stmt *q;
    int rc;

    *n = 0;
    st = prepared(s,
                  "SELECT direction, par, block, bw FROM curve WHERE machine = "
                  "?1 AND tier = ?2 ORDER BY direction, block, par",
                  &q);
    if (st)
        return st;
    (void)sqlite3_bind_int64(q, 1, atm__store_machine_id(s));
    (void)sqlite3_bind_text(q, 2, tier, -1, SQLITE_STATIC);
    for (rc = sqlite3_step(q); rc == SQLITE_ROW && *n < cap;
         rc = sqlite3_step(q))
        p[(*n)++] = (struct atm_curve_point){
            (enum atm_direction)sqlite3_column_int(q, 0),
            sqlite3_column_int(q, 1), (uint64_t)sqlite3_column_int64(q, 2),
            sqlite3_column_double(q, 3)};
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        st = atm__store_db_fail(s);
    (void)sqlite3_finalize(q);
    return st;
}
