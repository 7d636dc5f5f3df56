/* builder.h - what the networks of the zoo are written with.
 *
 * Each call appends one layer and returns the id of its output value. The
 * first failure sticks in the builder: later calls do nothing and return
 * ATM_NONE, so that a network reads as a plain list of layers and is checked
 * once, by atm__net_end. A layer `name` gives node and output value this name
 * and its parameters "name.weight" and so on. Shapes come from the operators'
 * own rules.
 */
#ifndef ATM_MODELS_BUILDER_H
#define ATM_MODELS_BUILDER_H

#include "autotm/zoo.h"

#include <stdbool.h>
#include <stdint.h>

struct atm__net {
    struct atm_graph *g;
    enum atm_status st;
    uint64_t seed;
    int opset;          /* of the layers; 13 unless the network says more */
    int64_t batch;
    uint32_t low, high; /* scalars 0 and 6 of ReLU6; ATM_NONE until needed */
};

/* Starts a graph with the one input "input" (F32, batch x dim[0] x ...);
 * returns its value. */
uint32_t atm__net_begin(struct atm__net *n, const char *name, int64_t batch,
                        uint64_t seed, uint32_t rank, const int64_t *dim);
/* The same without any input, and an input of its own name and type. */
void atm__net_start(struct atm__net *n, const char *name, int64_t batch,
                    uint64_t seed);
uint32_t atm__input(struct atm__net *n, const char *name, enum atm_dtype dtype,
                    uint32_t rank, const int64_t *dim);
/* Makes `x` the output and hands the graph over; on failure deletes it. */
enum atm_status atm__net_end(struct atm__net *n, uint32_t x,
                             struct atm_graph **graph);

/* The end of an image classifier: average of each channel, 1000 logits. */
enum atm_status atm__net_classify(struct atm__net *n, uint32_t x,
                                  struct atm_graph **graph);

/* A name in the graph's arena, printf style; "" after a failure. */
const char *atm__name(struct atm__net *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Channels of x (dimension 1). */
int64_t atm__channels(const struct atm__net *n, uint32_t x);

/* Any layer with one output, and constants for it: a parameter drawn from
 * normal(mean, stddev), one number, a list of integers. */
uint32_t atm__layer(struct atm__net *n, const char *op, const char *name,
                    uint32_t n_in, const uint32_t *in, uint32_t n_attr,
                    const struct atm_attr *attr);
uint32_t atm__parameter(struct atm__net *n, const char *name, uint32_t rank,
                        const int64_t *dim, double mean, double stddev);
uint32_t atm__scalar(struct atm__net *n, const char *name, float x);
uint32_t atm__int_list(struct atm__net *n, const char *name, uint32_t count,
                       const int64_t *x);
struct atm_attr atm__int_attr(const char *name, int64_t v);
struct atm_attr atm__ints_attr(const char *name, const int64_t *v, size_t n);

/* 2-d convolution with a square kernel, or of `width` columns where that is
 * not 0 (then padded by kernel / 2 and width / 2, if padded at all).
 * Weights are normal(0, sqrt(gain / fan_in)): gain 2 keeps the variance where
 * a ReLU is in front or behind (He et al. 2015), gain 1 where there is none.
 */
struct atm__conv {
    int64_t channels, kernel, width, stride, pad, groups;
    double gain;
    bool bias;
};
uint32_t atm__conv(struct atm__net *n, const char *name, uint32_t x,
                   const struct atm__conv *c);
/* A last layer at each position: 1 x 1, with bias, nothing behind it. */
uint32_t atm__conv_last(struct atm__net *n, const char *name, uint32_t x,
                        int64_t channels);
/* Inference batch normalisation; the scales are normal(scale, scale/10). */
uint32_t atm__batch_norm(struct atm__net *n, const char *name, uint32_t x,
                         double scale);
uint32_t atm__relu(struct atm__net *n, const char *name, uint32_t x);
uint32_t atm__relu6(struct atm__net *n, const char *name, uint32_t x);
uint32_t atm__add(struct atm__net *n, const char *name, uint32_t a,
                  uint32_t b);
/* Along the channels. */
uint32_t atm__concat(struct atm__net *n, const char *name, uint32_t a,
                     uint32_t b);
uint32_t atm__concat_all(struct atm__net *n, const char *name, uint32_t count,
                         const uint32_t *x);
uint32_t atm__max_pool(struct atm__net *n, const char *name, uint32_t x,
                       int64_t kernel, int64_t stride, int64_t pad);
uint32_t atm__average_pool(struct atm__net *n, const char *name, uint32_t x,
                           int64_t kernel, int64_t stride);
uint32_t atm__global_average_pool(struct atm__net *n, const char *name,
                                  uint32_t x);
/* All dimensions behind the first become one. */
uint32_t atm__flatten(struct atm__net *n, const char *name, uint32_t x);
/* x W^T + b of a matrix, W drawn as for a convolution. */
uint32_t atm__dense(struct atm__net *n, const char *name, uint32_t x,
                    int64_t features, double gain);

/* Two-operand and one-operand arithmetic. */
uint32_t atm__binary(struct atm__net *n, const char *op, const char *name,
                     uint32_t a, uint32_t b);
uint32_t atm__unary(struct atm__net *n, const char *op, const char *name,
                    uint32_t x);
uint32_t atm__reshape(struct atm__net *n, const char *name, uint32_t x,
                      uint32_t rank, const int64_t *dim);

#define X(name, help)                                                          \
    enum atm_status atm_zoo_##name(int64_t batch, uint64_t seed,               \
                                   struct atm_graph **graph);
#include "zoo.def"
#undef X

#endif
