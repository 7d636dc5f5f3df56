/* inputs.c - seeded values for graph inputs. Indices must stay inside the
 * tables they select from, so an integer input is followed through the nodes
 * that only move its elements to every node that indexes with it. */
#include "autotm/op.h"
#include "autotm/profiler.h"

#include "arena.h"
#include "rng.h"

#include <string.h>

#define INTEGER_BOUND 100 /* fits every integer type */

/* Nodes whose outputs hold elements of their inputs, unchanged. */
static const char *const movers[] = {
    "Cast",  "Concat", "Expand",  "Flatten", "Identity",  "Reshape",
    "Slice", "Split",  "Squeeze", "Tile",    "Transpose", "Unsqueeze"};

static bool moves(const char *op)
{
    size_t i;

    for (i = 0; i < sizeof(movers) / sizeof(movers[0]); i++)
        if (strcmp(op, movers[i]) == 0)
            return true;
    return false;
}

/* Operands whose elements are bounded by some dimension of input 0. */
static const struct {
    const char *op;
    uint32_t in;
} bounded[] = {{"GatherND", 1},
               {"GRU", 4},
               {"LSTM", 4},
               {"MaxUnpool", 1},
               {"NegativeLogLikelihoodLoss", 1},
               {"ReverseSequence", 1},
               {"RNN", 4},
               {"RoiAlign", 2},
               {"ScatterND", 1},
               {"SoftmaxCrossEntropyLoss", 1},
               {"TopK", 1}};

/* Rows that operand `in` of the node selects from; INT64_MAX: no index. */
static int64_t table_rows(const struct atm_graph *g, const struct atm_node *n,
                          uint32_t in)
{
    const char *op = n->op->name;
    const struct atm_shape *s = &g->value[n->in[0]].shape;
    int64_t axis = atm_node_int(n, "axis", 0), least = INT64_MAX;
    uint32_t d;
    size_t i;

    for (i = 0; i < sizeof(bounded) / sizeof(bounded[0]); i++) {
        if (in != bounded[i].in || strcmp(op, bounded[i].op) != 0)
            continue;
        for (d = 0; d < s->rank; d++)
            least = s->dim[d] < least ? s->dim[d] : least;
        return least;
    }
    if (in != 1 ||
        (strncmp(op, "Gather", 6) != 0 && strncmp(op, "Scatter", 7) != 0))
        return INT64_MAX;
    axis += axis < 0 ? s->rank : 0;
    return axis >= 0 && axis < s->rank ? s->dim[axis] : INT64_MAX;
}

/* Smallest table that the elements of `value` index, at most INTEGER_BOUND
 * where they index none. One pass: nodes are in topological order. */
static enum atm_status index_bound(const struct atm_graph *g, uint32_t value,
                                   int64_t *bound)
{
    bool *same = atm_alloc_array(g->n_values, sizeof(*same));
    int64_t least = INT64_MAX, rows;
    uint32_t i, j;

    if (!same)
        return ATM_NOMEM;
    same[value] = true;
    for (i = 0; i < g->n_nodes; i++) {
        const struct atm_node *n = &g->node[i];
        bool fed = false;

        for (j = 0; j < n->n_in; j++) {
            if (n->in[j] == ATM_NONE || !same[n->in[j]])
                continue;
            fed = true;
            rows = table_rows(g, n, j);
            least = rows < least ? rows : least;
        }
        for (j = 0; fed && j < n->n_out && moves(n->op->name); j++)
            if (n->out[j] != ATM_NONE)
                same[n->out[j]] = true;
    }
    atm_free(same);
    *bound = least == INT64_MAX ? INTEGER_BOUND : least > 0 ? least : 1;
    return ATM_OK;
}

static uint16_t to_bf16(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return (uint16_t)(u >> 16);
}

/* Truncates; what would be denormal becomes zero. |f| < 16. */
static uint16_t to_f16(float f)
{
    uint32_t u, sign, exponent;

    memcpy(&u, &f, sizeof(u));
    sign = u >> 16 & 0x8000;
    exponent = u >> 23 & 0xff;
    if (exponent <= 112)
        return (uint16_t)sign;
    return (uint16_t)(sign | (exponent - 112) << 10 | (u >> 13 & 0x3ff));
}

static void fill_floats(enum atm_dtype dtype, uint64_t seed, uint64_t count,
                        unsigned char *data)
{
    float part[256];
    uint64_t i, n, j;

    for (i = 0; i < count; i += n) {
        n = count - i < 256 ? count - i : 256;
        atm_rng_normal(seed, i, n, part);
        for (j = 0; j < n; j++) {
            double wide = part[j];
            uint16_t half =
                dtype == ATM_F16 ? to_f16(part[j]) : to_bf16(part[j]);

            if (dtype == ATM_F32)
                memcpy(data + 4 * (i + j), &part[j], 4);
            else if (dtype == ATM_F64)
                memcpy(data + 8 * (i + j), &wide, 8);
            else
                memcpy(data + 2 * (i + j), &half, 2);
        }
    }
}

enum atm_status atm_input_fill(const struct atm_graph *g, uint32_t input,
                               uint64_t seed, void *data)
{
    const struct atm_value *v = &g->value[g->input[input]];
    size_t each = atm_dtype_bytes(v->dtype), b;
    unsigned char *to = data;
    enum atm_status st;
    int64_t count, bound, i;

    st = atm_shape_count(&v->shape, &count);
    if (st)
        return st;
    if (v->dtype == ATM_F32 || v->dtype == ATM_F64 || v->dtype == ATM_F16 ||
        v->dtype == ATM_BF16) {
        fill_floats(v->dtype, seed, (uint64_t)count, to);
        return ATM_OK;
    }
    st = index_bound(g, g->input[input], &bound);
    if (st)
        return st;
    if (v->dtype == ATM_BOOL)
        bound = 2;
    else if (each == 1 && bound > INTEGER_BOUND)
        bound = INTEGER_BOUND;
    for (i = 0; i < count; i++) {
        uint64_t x = atm_rng_u64(seed, (uint64_t)i) % (uint64_t)bound;

        for (b = 0; b < each; b++)
            *to++ = (unsigned char)(x >> 8 * b);
    }
    return ATM_OK;
}
