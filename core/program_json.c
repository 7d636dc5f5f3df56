/* program_json.c - the dump form of a program. */
#include "autotm/op.h"
#include "autotm/program.h"

#include "arena.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [ATM_KERNEL_LOAD] = "load",
    [ATM_KERNEL_FEED] = "feed",
    [ATM_KERNEL_RUN] = "run",
};

/* Adds `v` (taken) to an object or array; a null is remembered by jansson's
 * own return codes, so that one check at the end is enough. */
static int put(json_t *object, const char *key, json_t *v)
{
    return json_object_set_new(object, key, v);
}

static int push(json_t *array, json_t *v)
{
    return json_array_append_new(array, v);
}

static json_t *shape_json(const struct atm_shape *s)
{
    json_t *a = json_array();
    int bad = !a;
    uint32_t i;

    for (i = 0; i < s->rank; i++)
        bad |= push(a, json_integer(s->dim[i]));
    if (bad) {
        json_decref(a);
        return NULL;
    }
    return a;
}

static json_t *tensor_ref(uint32_t id)
{
    return id == ATM_NONE ? json_null() : json_integer(id);
}

static json_t *tensor_json(const struct atm_tensor *t)
{
    char layout[96];
    json_t *o = json_object();
    int bad = !o;

    bad |= put(o, "name", json_string(t->name));
    bad |= put(o, "class", json_string(atm_tensor_class_name(t->cls)));
    bad |= put(o, "dtype", json_string(atm_dtype_name(t->dtype)));
    bad |= put(o, "shape", shape_json(&t->shape));
    bad |= put(o, "layout", json_string(atm_layout_str(&t->layout,
                                                       t->shape.rank, layout,
                                                       sizeof(layout))));
    bad |= put(o, "bytes", json_integer((json_int_t)t->bytes));
    bad |= put(o, "producer", tensor_ref(t->producer));
    bad |= put(o, "arg", json_boolean(t->arg));
    bad |= put(o, "out", json_boolean(t->out));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *operand_json(const struct atm_operand *p)
{
    char layout[96];
    json_t *o;
    int bad;

    if (p->tensor == ATM_NONE)
        return json_null();
    o = json_object();
    bad = !o;
    bad |= put(o, "tensor", tensor_ref(p->tensor));
    bad |= put(o, "offset", json_integer((json_int_t)p->offset));
    bad |= put(o, "touched", json_integer((json_int_t)p->touched));
    bad |= put(o, "dtype", json_string(atm_dtype_name(p->dtype)));
    bad |= put(o, "shape", shape_json(&p->shape));
    bad |= put(o, "layout", json_string(atm_layout_str(&p->layout,
                                                       p->shape.rank, layout,
                                                       sizeof(layout))));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *operands_json(const struct atm_operand *list, uint32_t n)
{
    json_t *a = json_array();
    int bad = !a;
    uint32_t i;

    for (i = 0; i < n; i++)
        bad |= push(a, operand_json(&list[i]));
    if (bad) {
        json_decref(a);
        return NULL;
    }
    return a;
}

static json_t *kernel_json(const struct atm_kernel *k)
{
    char hash[ATM_HASH_STR];
    json_t *o = json_object(), *pairs = json_array();
    int bad = !o || !pairs;
    uint32_t i;

    bad |= put(o, "name", json_string(k->name));
    bad |= put(o, "kind", json_string(kinds[k->kind]));
    bad |= put(o, "op", k->node ? json_string(k->node->op->name)
                                : json_null());
    bad |= put(o, "impl", json_string(k->impl));
    bad |= put(o, "in", operands_json(k->in, k->n_in));
    bad |= put(o, "out", operands_json(k->out, k->n_out));
    bad |= put(o, "scratch_bytes", json_integer((json_int_t)k->scratch_bytes));
    bad |= put(o, "signature", json_string(atm_hash_str(k->signature, hash)));
    for (i = 0; i < k->n_pairs && !bad; i++)
        bad |= push(pairs, json_pack("[iis]", (int)k->pair[i].in,
                                     (int)k->pair[i].out,
                                     k->pair[i].must ? "must" : "may"));
    bad |= put(o, "inplace", pairs); /* takes pairs, also when it fails */
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *load_json(const struct atm_load *l)
{
    json_t *o = json_object(), *perm = json_array();
    int bad = !o || !perm;
    uint32_t i;

    for (i = 0; i < l->shape.rank && !bad; i++)
        bad |= push(perm, json_integer(l->perm[i]));
    bad |= put(o, "perm", perm);
    bad |= put(o, "tensor", tensor_ref(l->tensor));
    bad |= put(o, "pack", json_boolean(l->pack));
    bad |= put(o, "shape", shape_json(&l->shape));
    bad |= put(o, "slice_bytes", json_integer((json_int_t)l->slice_bytes));
    bad |= put(o, "slice_rows", json_integer(l->slice_rows));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static int put_lists(json_t *root, const struct atm_program *p)
{
    json_t *tensors = json_array(), *kernels = json_array();
    json_t *loads = json_array(), *inputs = json_array();
    json_t *carries = json_array();
    int bad = 0;
    uint32_t i;

    for (i = 0; i < p->n_tensors; i++)
        bad |= push(tensors, tensor_json(&p->tensor[i]));
    for (i = 0; i < p->n_kernels; i++)
        bad |= push(kernels, kernel_json(&p->kernel[i]));
    for (i = 0; i < p->n_loads; i++)
        bad |= push(loads, load_json(&p->load[i]));
    for (i = 0; i < p->n_inputs; i++)
        bad |= push(inputs, json_integer(p->input[i]));
    for (i = 0; i < p->n_carries; i++)
        bad |= push(carries, json_pack("[ii]", (int)p->carry[i].next,
                                       (int)p->carry[i].prev));
    bad |= put(root, "tensors", tensors);
    bad |= put(root, "kernels", kernels);
    bad |= put(root, "loads", loads);
    bad |= put(root, "inputs", inputs);
    bad |= put(root, "carries", carries);
    bad |= put(root, "outputs", operands_json(p->output, p->n_outputs));
    return bad;
}

enum atm_status atm_program_to_json(const struct atm_program *p, char **json)
{
    char hash[ATM_HASH_STR];
    json_t *root = json_object();
    char *text = NULL, *copy = NULL;
    int bad = !root;

    *json = NULL;
    bad |= put(root, "format", json_string("autotm-program"));
    bad |= put(root, "version", json_integer(1));
    bad |= put(root, "model", json_string(p->graph->name));
    bad |= put(root, "threads", json_integer(p->threads));
    bad |= put(root, "peak_bytes", json_integer((json_int_t)p->peak_bytes));
    bad |= put(root, "hash", json_string(atm_hash_str(p->hash, hash)));
    bad |= put_lists(root, p);
    if (!bad)
        text = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(root);
    if (!text)
        return atm_fail(ATM_NOMEM, "out of memory: dump of program %s",
                        p->graph->name);
    copy = atm_alloc(strlen(text) + 1);
    if (copy)
        memcpy(copy, text, strlen(text) + 1);
    free(text);
    *json = copy;
    return copy ? ATM_OK : ATM_NOMEM;
}
