/* gpt2_small.c - GPT-2 small (Radford et al. 2019), as GPT2LMHeadModel of
 * Hugging Face: 128 tokens, the logits of every one. The table of tokens is
 * also the weight of the last layer. */
#include "transformer.h"

#include "arena.h"

#define LENGTH 128
#define WIDTH 768
#define TOKENS 50257

/* 0 on and below the diagonal, else so little that nothing is left. */
static uint32_t causal(struct atm__net *n)
{
    const struct atm_shape shape = {.rank = 2, .dim = {LENGTH, LENGTH}};
    struct atm_constant c = {.kind = ATM_CONST_INLINE,
                             .bytes = LENGTH * LENGTH * sizeof(float)};
    uint32_t value = ATM_NONE, i;
    float *m;

    if (n->st)
        return ATM_NONE;
    m = atm_arena_array(n->g->arena, LENGTH * LENGTH, sizeof(*m));
    c.data = m;
    n->st = m ? atm_graph_add_value(n->g, "mask", ATM_F32, &shape, &value)
              : ATM_NOMEM;
    for (i = 0; !n->st && i < LENGTH * LENGTH; i++)
        m[i] = i % LENGTH > i / LENGTH ? -3e38f : 0;
    if (!n->st)
        n->st = atm_graph_add_constant(n->g, &c, &n->g->value[value].constant);
    return n->st ? ATM_NONE : value;
}

/* x of batch x LENGTH x WIDTH times the table's transpose. */
static uint32_t logits(struct atm__net *n, uint32_t x, uint32_t table)
{
    const int64_t rows[] = {-1, WIDTH}, out[] = {n->batch, LENGTH, TOKENS};
    const struct atm_attr turned = atm__int_attr("transB", 1);
    uint32_t in[2];

    in[0] = atm__reshape(n, "rows", x, 2, rows);
    in[1] = table;
    x = atm__layer(n, "Gemm", "head", 2, in, 1, &turned);
    return atm__reshape(n, "logits", x, 3, out);
}

enum atm_status atm_zoo_gpt2_small(int64_t batch, uint64_t seed,
                                   struct atm_graph **graph)
{
    struct atm__transformer t = {.length = LENGTH,
                                 .width = WIDTH,
                                 .heads = 12,
                                 .inner = 3072,
                                 .epsilon = 1e-5f,
                                 .norm_first = true,
                                 .tanh_gelu = true};
    const int64_t length = LENGTH, tokens[] = {TOKENS, WIDTH};
    uint32_t ids, table, x;
    struct atm__net n;
    int i;

    atm__net_start(&n, "gpt2_small", batch, seed);
    n.opset = 17;
    ids = atm__input(&n, "input_ids", ATM_I64, 1, &length);
    table = atm__parameter(&n, "tokens.weight", 2, tokens, 0, 0.04);
    t.mask = causal(&n);
    x = atm__gather(&n, "tokens", table, ids, 0);
    x = atm__add(&n, "embedding", x,
                 atm__positions(&n, "positions", 1024, LENGTH, WIDTH));
    for (i = 0; i < 12; i++)
        x = atm__transformer_block(&n, atm__name(&n, "h%d", i), x, &t);
    x = atm__layer_norm(&n, "norm", x, WIDTH, t.epsilon);
    return atm__net_end(&n, logits(&n, x, table), graph);
}
