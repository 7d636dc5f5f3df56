/* test_big.c - models larger than is good for a process that copies them: four
 * gibibytes of external data, and raw_data just under the two gibibytes that
 * protobuf allows, both holes in sparse files. Import and load may take 100 MiB
 * of memory beside the pools. */
#include "atm_test.h"
#include "autotm/frontend.h"
#include "fuzz/pipe.h"
#include "wire.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* A key of /proc, in bytes. */
static uint64_t proc_bytes(const char *file, const char *key)
{
    FILE *f = fopen(file, "r");
    uint64_t kib = 0;
    char line[256];

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoull(line + strlen(key), NULL, 10);
    if (f)
        (void)fclose(f);
    return kib * 1024;
}

/* The most anonymous memory that the process had, watched from beside. */
static struct {
    pthread_t thread;
    _Atomic bool stop;
    uint64_t most;
} watch;

static void *watcher(void *user)
{
    (void)user;
    while (!watch.stop) {
        uint64_t now = proc_bytes("/proc/self/status", "RssAnon:");

        watch.most = now > watch.most ? now : watch.most;
        (void)usleep(20000);
    }
    return NULL;
}

static void make_file(const char *path, const struct wire *head, uint64_t hole)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, head->b, head->n), (ssize_t)head->n);
    CU_ASSERT_EQUAL(ftruncate(fd, (off_t)(head->n + hole)), 0);
    (void)close(fd);
}

/* Imports, lowers, plans all-slow, opens a session. */
static void load(const char *model, uint64_t weights)
{
    struct atm_session *session = NULL;
    struct atm_session_options o = {0};
    struct atm_graph *g;
    uint64_t before, pools;
    struct pipe p;

    before = proc_bytes("/proc/self/status", "RssAnon:");
    watch.stop = false;
    watch.most = 0;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&watch.thread, NULL, watcher, NULL),
                          0);
    ATM_ASSERT_OK(atm_onnx_import(model, NULL, NULL, &g));
    ATM_ASSERT_OK(atm_graph_check(g));
    ATM_ASSERT_OK(pipe_lower(&p, g, false));
    CU_ASSERT(p.program->peak_bytes > weights);
    ATM_ASSERT_OK(pipe_plan(&p, "all-slow", UINT64_C(1) << 40));
    o.profile = p.profile;
    ATM_ASSERT_OK(atm_session_open(p.program, p.schedule, &o, &session));
    watch.stop = true;
    (void)pthread_join(watch.thread, NULL);
    pools =
        atm_session_pool_bytes(session, 0) + atm_session_pool_bytes(session, 1);
    printf("%lu MiB of weights: pools %lu MiB, beside them %ld MiB\n",
           weights / MIB, pools / MIB,
           ((long)watch.most - (long)pools - (long)before) / (long)MIB);
    CU_ASSERT(pools > weights);
    CU_ASSERT(watch.most < before + pools + 100 * MIB);
    atm_session_close(&session);
    pipe_close(&p);
}

static void external_data(void)
{
    static struct wire graph, model;
    struct wire none = {0};
    char name[8], offset[32];
    int i, k;

    for (i = 0; i < 4; i++) {
        const char *const entry[3][2] = {
            {"location", "big.bin"}, {"offset", offset}, {"length", NULL}};
        char in[16], out[16];
        struct wire t = {0};

        (void)snprintf(offset, sizeof(offset), "%llu",
                       (unsigned long long)i << 30);
        (void)snprintf(name, sizeof(name), "w%d", i);
        (void)snprintf(in, sizeof(in), "x%d,w%d", i, i);
        (void)snprintf(out, sizeof(out), "x%d", i + 1);
        wire_node(&graph, name, "MatMul", in, out, NULL);
        wire_int(&t, 1, 16384);
        wire_int(&t, 1, 16384);
        wire_int(&t, 2, 1);
        wire_str(&t, 8, name);
        for (k = 0; k < 2; k++) {
            struct wire e = {0};

            wire_str(&e, 1, entry[k][0]);
            wire_str(&e, 2, entry[k][1]);
            wire_msg(&t, 13, &e);
        }
        wire_int(&t, 14, 1);
        wire_msg(&graph, 5, &t);
    }
    wire_value(&graph, 11, "x0", 1, "1,16384");
    wire_value(&graph, 12, "x4", 1, "1,16384");
    wire_model(&model, &graph, 13);
    make_file("big.onnx", &model, 0);
    make_file("big.bin", &none, UINT64_C(4) << 30);
    load("big.onnx", UINT64_C(4) << 30);
    (void)unlink("big.onnx");
    (void)unlink("big.bin");
}

static void raw_data(void)
{
    /* 131,068 x 4,096 floats, 64 KiB under 2 GiB; they are the file's end */
    const uint64_t bytes = UINT64_C(131068) * 4096 * 4;
    static struct wire graph, tensor, model;
    struct wire set = {0};

    wire_int(&tensor, 1, 131068);
    wire_int(&tensor, 1, 4096);
    wire_int(&tensor, 2, 1);
    wire_str(&tensor, 8, "w");
    wire_varint(&tensor, 9 << 3 | 2);
    wire_varint(&tensor, bytes);
    wire_node(&graph, "m", "MatMul", "x,w", "y", NULL);
    wire_value(&graph, 11, "x", 1, "1,131068");
    wire_value(&graph, 12, "y", 1, "1,4096");
    wire_varint(&graph, 5 << 3 | 2);
    wire_varint(&graph, tensor.n + bytes);
    wire_int(&model, 1, 7);
    wire_int(&set, 2, 13);
    wire_msg(&model, 8, &set);
    wire_varint(&model, 7 << 3 | 2);
    wire_varint(&model, graph.n + tensor.n + bytes);
    memcpy(model.b + model.n, graph.b, graph.n);
    model.n += graph.n;
    memcpy(model.b + model.n, tensor.b, tensor.n);
    model.n += tensor.n;
    make_file("raw.onnx", &model, bytes);
    load("raw.onnx", bytes);
    (void)unlink("raw.onnx");
}

static const struct atm_test tests[] = {
    {"4 GiB of external data", external_data},
    {"raw_data just under 2 GiB", raw_data},
    {NULL, NULL},
};

int main(void)
{
    if (proc_bytes("/proc/meminfo", "MemAvailable:") < 6000 * MIB) {
        printf("skipped: less than 6 GB of memory available\n");
        return 77;
    }
    return atm_test_main("big", tests, NULL);
}
