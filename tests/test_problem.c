/* test_problem.c - the problem file: read, checked, written, read again. */
#include "atm_test.h"

#include "autotm/graph.h"
#include "autotm/problem.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const large[] = {"bert24", "resnet50", "resnet200",
                                    "vgg416"};

/* Every file of the data, and its written form, mean the same. */
static void round_trip(const char *path)
{
    char temp[] = "problem-XXXXXX", *first, *second;
    struct atm_problem *p, *q;
    uint64_t peak;
    FILE *f;
    int fd;

    ATM_ASSERT_OK(atm_problem_read(path, &p));
    ATM_ASSERT_OK(atm_problem_to_json(p, &first));
    fd = mkstemp(temp);
    f = fdopen(fd, "w");
    CU_ASSERT_FATAL(f != NULL && fputs(first, f) >= 0 && fclose(f) == 0);
    ATM_ASSERT_OK(atm_problem_read(temp, &q));
    ATM_ASSERT_OK(atm_problem_to_json(q, &second));
    CU_ASSERT_STRING_EQUAL(first, second);
    CU_ASSERT_EQUAL(p->n_tensors, q->n_tensors);
    /* the peak in the file comes from another implementation */
    peak = p->peak_bytes;
    p->peak_bytes = 0;
    ATM_ASSERT_OK(atm_problem_check(p));
    CU_ASSERT_EQUAL(p->peak_bytes, peak);
    (void)unlink(temp);
    atm_string_free(first);
    atm_string_free(second);
    atm_problem_delete(&p);
    atm_problem_delete(&q);
}

static void test_round_trip(void)
{
    char path[512];
    struct dirent *e;
    DIR *d;
    size_t i, n = 0;

    for (i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/problems/%s.json.gz",
                       ATM_TEST_DATA, large[i]);
        round_trip(path);
    }
    d = opendir(ATM_TEST_DATA "/problems/tiny");
    CU_ASSERT_FATAL(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (!strstr(e->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s",
                       ATM_TEST_DATA, e->d_name);
        round_trip(path);
        n++;
    }
    (void)closedir(d);
    CU_ASSERT(n >= 70);
}

/* A budget below the smallest feasible one has no listed plan, and each with
 * a plan is not below it. */
static void test_min_budget(void)
{
    char path[512];
    struct atm_problem *p;
    struct dirent *e;
    uint32_t kernel, i;
    uint64_t least;
    DIR *d = opendir(ATM_TEST_DATA "/problems/tiny");

    CU_ASSERT_FATAL(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (!strstr(e->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/problems/tiny/%s",
                       ATM_TEST_DATA, e->d_name);
        ATM_ASSERT_OK(atm_problem_read(path, &p));
        least = atm_problem_min_budget(p, &kernel);
        for (i = 0; i < p->n_budgets; i++) {
            bool plan = p->budget[i].best == p->budget[i].best;

            if (plan ? p->budget[i].bytes < least
                     : p->budget[i].bytes >= least &&
                           p->slow_bytes == UINT64_MAX) {
                fprintf(stderr, "%s: budget %" PRIu64 ", least %" PRIu64 "\n",
                        e->d_name, p->budget[i].bytes, least);
                CU_FAIL("smallest budget");
            }
        }
        atm_problem_delete(&p);
    }
    (void)closedir(d);
}

/* A small valid problem; each bad one is an edit of it. */
#define HEAD                                                                   \
    "{\"format\":\"autotm-problem\",\"version\":1,\"name\":\"n\","             \
    "\"cyclic\":0,\"read_bw\":1,\"write_bw\":1,"
static const struct {
    const char *text, *says;
} bad[] = {
    {"", "end of file"},
    {"[]", "not an object"},
    {"{\"format\":\"autotm-problem\"}", "no key"},
    {HEAD "\"tensors\":[],\"kernels\":[]}", "no kernels"},
    {HEAD "\"tensors\":[],\"tensors\":[],\"kernels\":[]}", "duplicate"},
    {HEAD "\"tensors\":[],\"kernels\":[],\"more\":1}", "unknown key 'more'"},
    {HEAD "\"tensors\":[{\"size\":-1}],\"kernels\":[]}", "tensor 0: size"},
    {HEAD "\"tensors\":[{\"size\":1.5}],\"kernels\":[]}", "tensor 0: size"},
    {HEAD "\"tensors\":[{\"size\":4611686018427387904},"
          "{\"size\":4611686018427387904}],\"kernels\":[{\"name\":\"k\","
          "\"ins\":[],\"outs\":[],\"t\":[0]}]}",
     "size is out of range"},
    {HEAD "\"tensors\":[{\"size\":1}],\"kernels\":[{\"name\":\"k\",\"ins\":"
          "[],\"outs\":[],\"t\":[0]}]}",
     "tensor 0: never produced"},
    {HEAD "\"tensors\":[{\"size\":1}],\"kernels\":[{\"name\":\"k\",\"ins\":"
          "[],\"outs\":[0,0],\"t\":[0,0,0,0]}]}",
     "twice"},
    {HEAD "\"tensors\":[{\"size\":1}],\"kernels\":[{\"name\":\"k\",\"ins\":"
          "[],\"outs\":[1],\"t\":[0,0]}]}",
     "no tensor 1"},
    {HEAD "\"tensors\":[{\"size\":1}],\"kernels\":[{\"name\":\"k\",\"ins\":"
          "[],\"outs\":[0],\"t\":[0]}]}",
     "not 2 entries"},
    {HEAD "\"tensors\":[{\"size\":1}],\"kernels\":[{\"name\":\"k\",\"ins\":"
          "[],\"outs\":[0],\"t\":[null,null]}]}",
     "no entry of t"},
    {HEAD "\"tensors\":[{\"size\":1,\"arg\":1},{\"size\":2}],\"kernels\":[{"
          "\"name\":\"k\",\"ins\":[0],\"outs\":[1],\"t\":[0,0,0,0],"
          "\"inplace\":[[0,0,\"must\"]]}]}",
     "sizes differ"},
    {HEAD "\"tensors\":[{\"size\":1,\"arg\":1}],\"carry\":[[0,0]],"
          "\"kernels\":[{\"name\":\"k\",\"ins\":[0],\"outs\":[],"
          "\"t\":[0,0]}]}",
     "carry without cyclic"},
    {HEAD "\"tensors\":[{\"size\":1,\"fixed\":{\"tier\":\"fast\",\"offset\":0}"
          "}],\"kernels\":[{\"name\":\"k\",\"ins\":[],\"outs\":[0],"
          "\"t\":[0,0]}]}",
     "no arg"},
    {HEAD "\"tensors\":[],\"kernels\":[{\"name\":\"k\",\"ins\":[],\"outs\":[],"
          "\"t\":{\"base\":1,\"slow\":[],\"combine\":\"most\"}}]}",
     "combine"},
    {"\x1f\x8b\x08\x01", "gzip"},
};

static void test_bad(void)
{
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char temp[] = "problem-XXXXXX";
        struct atm_problem *p;
        int fd = mkstemp(temp);
        size_t n = strlen(bad[i].text);

        CU_ASSERT_FATAL(fd >= 0 && write(fd, bad[i].text, n) == (ssize_t)n);
        (void)close(fd);
        ATM_ASSERT_FAILS(atm_problem_read(temp, &p), ATM_FORMAT,
                         bad[i].says);
        CU_ASSERT_PTR_NULL(p);
        (void)unlink(temp);
    }
}

static const struct atm_test tests[] = {
    {"files read, check and write back the same", test_round_trip},
    {"smallest budget agrees with the listed plans", test_min_budget},
    {"bad files are refused by name", test_bad},
    {NULL, NULL},
};
ATM_TEST_MAIN("problem", tests)
