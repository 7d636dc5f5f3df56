/* transformer.h - what the transformers of the zoo are written with, as
 * PyTorch's exporter writes them at opset 17. */
#ifndef ATM_MODELS_TRANSFORMER_H
#define ATM_MODELS_TRANSFORMER_H

#include "builder.h"

struct atm__transformer {
    int64_t length, width, heads, inner; /* positions, features, ..., MLP */
    float epsilon;
    bool norm_first; /* before attention and MLP, else behind the sums */
    bool tanh_gelu;
    uint32_t mask; /* added to the scores; ATM_NONE: none */
};

/* x W + b over the last dimension. */
uint32_t atm__linear(struct atm__net *n, const char *name, uint32_t x,
                     int64_t in, int64_t out);
uint32_t atm__layer_norm(struct atm__net *n, const char *name, uint32_t x,
                         int64_t width, float epsilon);
/* What `index` picks along dimension `axis`. */
uint32_t atm__gather(struct atm__net *n, const char *name, uint32_t x,
                     uint32_t index, int64_t axis);
/* The first position alone: batch x features. */
uint32_t atm__first(struct atm__net *n, const char *name, uint32_t x);
/* The rows 0, 1, ... length - 1 of a new table. */
uint32_t atm__positions(struct atm__net *n, const char *name, int64_t rows,
                        int64_t length, int64_t width);
/* Attention and MLP with their sums and norms. */
uint32_t atm__transformer_block(struct atm__net *n, const char *at, uint32_t x,
                                const struct atm__transformer *t);

#endif
