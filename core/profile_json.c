/* profile_json.c - a profile as one JSON document: for people, for `profile`
 * and for golden tests. Sorted keys, 17 digits. */
#include "autotm/profile.h"

#include "json_text.h"

#include <jansson.h>
#include <string.h>

static json_t *time_json(const struct atm_time *t)
{
    return json_pack("{s:f, s:f, s:f, s:I}", "seconds", t->seconds, "low",
                     t->low, "high", t->high, "samples", (json_int_t)t->n);
}

static json_t *hash_json(struct atm_hash h)
{
    char text[ATM_HASH_STR];

    return json_string(atm_hash_str(h, text));
}

/* null where the vector is not allowed */
static json_t *table_json(const struct atm_kernel_time *t)
{
    json_t *list = json_array();
    uint64_t m;

    for (m = 0; m < UINT64_C(1) << t->n_operands; m++)
        (void)json_array_append_new(list, t->table[m].seconds < 0
                                              ? json_null()
                                              : time_json(&t->table[m]));
    return list;
}

static json_t *kernel_json(const struct atm_kernel_time *t)
{
    json_t *operands = json_array(), *k;
    uint32_t i;

    for (i = 0; i < t->n_operands; i++)
        (void)json_array_append_new(
            operands,
            json_pack("{s:I, s:o, s:f}", "tensor", (json_int_t)t->tensor[i],
                      "slow_seconds",
                      t->slow_s[i] < 0 ? json_null() : json_real(t->slow_s[i]),
                      "latency_seconds", t->latency_s[i]));
    k = json_pack("{s:o, s:o, s:o}", "signature", hash_json(t->signature),
                  "fast", time_json(&t->fast), "operands", operands);
    if (t->table)
        (void)json_object_set_new(k, "vectors", table_json(t));
    return k;
}

static json_t *tier_json(const struct atm_tier_info *t, const char *spec)
{
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:f, s:f, s:f}", "kind", t->kind, "spec", spec,
        "emulated", (t->caps & ATM_TIER_EMULATED) != 0, "addressable",
        (t->caps & ATM_TIER_ADDRESSABLE) != 0, "read_bw", t->read_bw,
        "write_bw", t->write_bw, "latency_seconds", t->latency_s);
}

static json_t *overlap_json(const struct atm_overlap *o)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:b}", "mixed_read",
                     o->mixed_read, "mixed_write", o->mixed_write,
                     "copy_slowdown", o->copy_slowdown, "kernel_slowdown",
                     o->kernel_slowdown, "latency_seconds", o->latency_s,
                     "loaded_latency_seconds", o->loaded_latency_s, "modelled",
                     o->source == ATM_TIME_MODELLED);
}

enum atm_status atm_profile_to_json(const struct atm_profile *p, char **json)
{
    json_t *root, *kernels = json_array(), *tiers = json_array();
    uint32_t i;

    *json = NULL;
    for (i = 0; i < p->n_kernels; i++)
        (void)json_array_append_new(kernels, kernel_json(&p->kernel[i]));
    for (i = 0; i < p->n_tiers; i++)
        (void)json_array_append_new(tiers, tier_json(&p->tier[i], p->spec[i]));
    root = json_pack(
        "{s:o, s:o, s:o, s:f, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
        "kernels", kernels, "overlap", overlap_json(&p->overlap), "tiers",
        tiers, "dram_read_bw", p->dram_read_bw, "dram_write_bw",
        p->dram_write_bw, "measured", (json_int_t)p->n_measured, "reused",
        (json_int_t)p->n_reused, "modelled", (json_int_t)p->n_modelled,
        "drifted", (json_int_t)p->n_drifted, "machine", hash_json(p->machine),
        "hash", hash_json(p->hash), "tiers_hash", hash_json(p->tiers_hash));
    return atm_json_text(root, json);
}
