/* test_target.c - hardware descriptions: figures by hand, and files that are
 * none. */
#include "atm_test.h"

#include "autotm/target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "test-target.json"
#define HEAD                                                                   \
    "{\"format\": \"autotm-target\", \"version\": 1, \"name\": \"box\", "      \
    "\"about\": \"a box\", \"sources\": [\"a guess\"], "
#define REST "\"addressable\": true, \"latency_seconds\": 2e-7, "
#define CURVES "\"read_bw\": [[2, 4e9], [6, 8e9]], \"write_bw\": [[4, 1e9]]"

static enum atm_status read_text(const char *text, int threads,
                                 struct atm_target *t)
{
    FILE *f = fopen(FILE_NAME, "w");
    enum atm_status st;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fputs(text, f);
    (void)fclose(f);
    memset(t, 0, sizeof(*t));
    st = atm_target_read(FILE_NAME, threads, t);
    (void)unlink(FILE_NAME);
    return st;
}

/* In proportion below the first point, linear between two, level above. */
static void test_figures(void)
{
    static const struct {
        int threads;
        const char *spec;
    } row[] = {{1, "emu:target=box,rd=2000000000,wr=250000000,lat=200"},
               {2, "emu:target=box,rd=4000000000,wr=500000000,lat=200"},
               {3, "emu:target=box,rd=5000000000,wr=750000000,lat=200"},
               {6, "emu:target=box,rd=8000000000,wr=1000000000,lat=200"},
               {64, "emu:target=box,rd=8000000000,wr=1000000000,lat=200"}};
    struct atm_target t;
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        ATM_ASSERT_OK(read_text(HEAD REST CURVES "}", row[i].threads, &t));
        CU_ASSERT_STRING_EQUAL(t.spec, row[i].spec);
    }
    CU_ASSERT_STRING_EQUAL(t.name, "box");
    CU_ASSERT_STRING_EQUAL(t.about, "a box");
    CU_ASSERT_EQUAL(t.overlap.mixed_read, 0.5); /* nobody says more */
    ATM_ASSERT_OK(read_text(HEAD REST CURVES
                            ", \"mixed_read_bw\": 2e9, \"mixed_write_bw\": "
                            "3e9, \"size\": 4096}",
                            6, &t));
    CU_ASSERT_EQUAL(t.overlap.mixed_read, 0.25);
    CU_ASSERT_EQUAL(t.overlap.mixed_write, 1); /* not more than alone */
    CU_ASSERT_PTR_NOT_NULL(strstr(t.spec, ",size=4096"));
    ATM_ASSERT_OK(read_text(HEAD "\"addressable\": false, "
                                 "\"latency_seconds\": 8e-5, " CURVES "}",
                            6, &t));
    CU_ASSERT_PTR_NOT_NULL(strstr(t.spec, "profile=nvme4"));
}

static void test_refused(void)
{
    static const struct {
        const char *text, *sentence;
    } row[] = {
        {"", FILE_NAME},
        {"[]", "object"},
        {HEAD REST "\"read_bw\": [[1, 1e9]]}", "write_bw"},
        {HEAD REST CURVES ", \"colour\": 1}", "colour"},
        {HEAD REST "\"read_bw\": [], \"write_bw\": [[1, 1e9]]}", "no point"},
        {HEAD REST "\"read_bw\": [[2, 1e9], [2, 2e9]], \"write_bw\": [[1, "
                   "1e9]]}",
         "read_bw[1]: 2 threads"},
        {HEAD REST "\"read_bw\": [[1, 0]], \"write_bw\": [[1, 1e9]]}",
         "0 bytes/s"},
        {HEAD "\"addressable\": true, \"latency_seconds\": -1, " CURVES "}",
         "latency"},
        {"{\"format\": \"autotm-target\", \"version\": 1, \"name\": "
         "\"a,size=1\", \"about\": \"a box\", \"sources\": [\"x\"], " REST
             CURVES "}",
         "letters"},
        {"{\"format\": \"autotm-target\", \"version\": 1, \"name\": "
         "\"box\", \"about\": \"a box\", \"sources\": [], " REST CURVES "}",
         "from"},
        {"{\"format\": \"autotm-plan\", \"version\": 1, \"name\": "
         "\"box\", \"about\": \"a box\", \"sources\": [\"x\"], " REST CURVES
         "}",
         "autotm-target"}};
    struct atm_target t;
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        ATM_ASSERT_FAILS(read_text(row[i].text, 1, &t), ATM_FORMAT,
                         row[i].sentence);
    ATM_ASSERT_FAILS(atm_target_read("no-such-file", 1, &t), ATM_IO,
                     "no-such-file");
}

static const struct atm_test tests[] = {
    {"figures at a thread count are as by hand", test_figures},
    {"what is no description is refused", test_refused},
    {NULL, NULL}};
ATM_TEST_MAIN("target", tests)
