/* tier_numa.c - memory of one NUMA node: a CXL expander, Optane in KMEM mode,
 * another socket. HMAT's figures in sysfs are a prior, no measurement. */
#include "tiers/memory.h"

#include <inttypes.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>

struct options {
    uint64_t size, huge;
    int node;
};

/* The nearest node (to node 0) that has memory and no cores. */
static enum atm_status find_node(const char *spec, int *node)
{
    int i, n, distance, best = 0;
    struct bitmask *cores;

    *node = -1;
    if (numa_available() < 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "tier \"%.100s\": this kernel has no NUMA", spec);
    cores = numa_allocate_cpumask();
    n = numa_max_node();
    for (i = 0; i <= n; i++) {
        if (!numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)i) ||
            numa_node_size64(i, NULL) <= 0 || numa_node_to_cpus(i, cores) ||
            numa_bitmask_weight(cores) > 0)
            continue;
        distance = numa_distance(0, i);
        if (*node < 0 || distance < best) {
            *node = i;
            best = distance;
        }
    }
    numa_free_cpumask(cores);
    if (*node >= 0)
        return ATM_OK;
    return atm_fail(ATM_UNSUPPORTED,
                    "tier \"%.100s\": none of this machine's nodes is without "
                    "cores (nodes 0 to %d); name one with node=N",
                    spec, n);
}

static enum atm_status parse(const char *spec, struct options *o)
{
    char word[ATM__PATH_BYTES] = "auto";
    double node = -1;
    const struct atm__key keys[] = {{"", ATM__KEY_PATH, word},
                                    {"node", ATM__KEY_REAL, &node},
                                    {"size", ATM__KEY_SIZE, &o->size},
                                    {"huge", ATM__KEY_SIZE, &o->huge},
                                    {NULL, ATM__KEY_SIZE, NULL}};
    enum atm_status st;

    *o = (struct options){UINT64_MAX, 0, -1};
    st = atm__spec_parse(spec, keys);
    if (st)
        return st;
    if (strcmp(word, "auto") != 0)
        return atm_fail(ATM_INVAL, "tier \"%.100s\": auto or node=N is wanted",
                        spec);
    if (node < 0)
        return find_node(spec, &o->node);
    o->node = node < 4096 ? (int)node : 4096;
    return ATM_OK;
}

/* HMAT, as the kernel shows it: MB/s and ns; untouched where it says
 * nothing. */
static void prior(int node, struct atm_tier_info *info)
{
    static const char *const name[] = {"read_bandwidth", "write_bandwidth",
                                       "read_latency"};
    double *to[] = {&info->read_bw, &info->write_bw, &info->latency_s};
    static const double unit[] = {1e6, 1e6, 1e-9};
    char path[128];
    size_t i;

    for (i = 0; i < 3; i++) {
        double v;
        FILE *f;

        (void)snprintf(path, sizeof(path),
                       "/sys/devices/system/node/node%d/access0/initiators/%s",
                       node, name[i]);
        f = fopen(path, "re");
        if (!f)
            continue;
        if (fscanf(f, "%lf", &v) == 1 && v > 0) {
            *to[i] = v * unit[i];
            info->firmware = true;
        }
        (void)fclose(f);
    }
}

static enum atm_status numa_probe(const char *spec, double dram_read_bw,
                                  double dram_write_bw,
                                  struct atm_tier_info *info)
{
    uint64_t bytes, free_bytes;
    struct options o;
    enum atm_status st = parse(spec, &o);

    if (!st)
        st = atm__node_check(spec, o.node, &bytes, &free_bytes);
    if (st)
        return st;
    atm__memory_info("numa", dram_read_bw, dram_write_bw, info);
    info->size = o.size < bytes ? o.size : bytes;
    prior(o.node, info);
    return atm__huge_check(spec, o.huge, info);
}

static enum atm_status numa_tier_open(const char *spec,
                                      const struct atm_tier_info *info,
                                      uint64_t bytes, struct atm_tier **tier)
{
    struct options o;
    enum atm_status st = parse(spec, &o);

    *tier = NULL;
    return st ? st : atm__memory_open(spec, info, bytes, o.node, o.huge, tier);
}

const struct atm_tier_ops atm__tier_numa = {.kind = "numa",
                                            .help = atm__help_numa,
                                            .probe = numa_probe,
                                            .open = numa_tier_open,
                                            ATM__MEMORY_OPS};
