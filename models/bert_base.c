/* bert_base.c - BERT-base, uncased (Devlin et al. 2019), as BertModel of
 * Hugging Face: 128 tokens, padding masked, the pooled first token out. */
#include "transformer.h"

#define LENGTH 128
#define WIDTH 768

/* 0 where the token counts, -10000 where it is padding. */
static uint32_t padding(struct atm__net *n)
{
    static const int64_t heads_and_rows[] = {1, 2};
    const int64_t length = LENGTH;
    const struct atm_attr to = atm__int_attr("to", 1);
    uint32_t m = atm__input(n, "attention_mask", ATM_I64, 1, &length);

    m = atm__binary(n, "Unsqueeze", "mask.rows", m,
                    atm__int_list(n, "mask.axes", 2, heads_and_rows));
    m = atm__layer(n, "Cast", "mask.float", 1, &m, 1, &to);
    m = atm__binary(n, "Sub", "mask.padding", atm__scalar(n, "mask.one", 1), m);
    return atm__binary(n, "Mul", "mask", m,
                       atm__scalar(n, "mask.least", -10000));
}

static uint32_t embedding(struct atm__net *n, const char *name, int64_t rows,
                          uint32_t ids)
{
    const int64_t table[] = {rows, WIDTH};
    uint32_t w =
        atm__parameter(n, atm__name(n, "%s.weight", name), 2, table, 0, 0.5);

    return atm__gather(n, name, w, ids, 0);
}

enum atm_status atm_zoo_bert_base(int64_t batch, uint64_t seed,
                                  struct atm_graph **graph)
{
    struct atm__transformer t = {.length = LENGTH,
                                 .width = WIDTH,
                                 .heads = 12,
                                 .inner = 3072,
                                 .epsilon = 1e-12f};
    const int64_t length = LENGTH;
    uint32_t words, types, x, y;
    struct atm__net n;
    int i;

    atm__net_start(&n, "bert_base", batch, seed);
    n.opset = 17;
    words = atm__input(&n, "input_ids", ATM_I64, 1, &length);
    types = atm__input(&n, "token_type_ids", ATM_I64, 1, &length);
    t.mask = padding(&n);
    x = embedding(&n, "words", 30522, words);
    y = embedding(&n, "types", 2, types);
    x = atm__add(&n, "words_types", x, y);
    x = atm__add(&n, "embedding", x,
                 atm__positions(&n, "positions", 512, LENGTH, WIDTH));
    x = atm__layer_norm(&n, "norm", x, WIDTH, t.epsilon);
    for (i = 0; i < 12; i++)
        x = atm__transformer_block(&n, atm__name(&n, "layer%d", i), x, &t);
    x = atm__first(&n, "first", x);
    x = atm__dense(&n, "pooler", x, WIDTH, 1);
    x = atm__unary(&n, "Tanh", "pooler.tanh", x);
    return atm__net_end(&n, x, graph);
}
