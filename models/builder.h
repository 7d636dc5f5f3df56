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
    uint32_t low, high; /* scalars 0 and 6 of ReLU6; ATM_NONE until needed */
};

/* Starts a graph with the one input "input" (F32, batch x dim[0] x ...);
 * returns its value. */
uint32_t atm__net_begin(struct atm__net *n, const char *name, int64_t batch,
                        uint64_t seed, uint32_t rank, const int64_t *dim);
/* Makes `x` the output and hands the graph over; on failure deletes it. */
enum atm_status atm__net_end(struct atm__net *n, uint32_t x,
                             struct atm_graph **graph);

/* A name in the graph's arena, printf style; "" after a failure. */
const char *atm__name(struct atm__net *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Channels of x (dimension 1). */
int64_t atm__channels(const struct atm__net *n, uint32_t x);

/* Square 2-d convolution. Weights are normal(0, sqrt(gain / fan_in)): gain 2
 * keeps the variance where a ReLU is in front or behind (He et al. 2015),
 * gain 1 where there is none. */
struct atm__conv {
    int64_t channels, kernel, stride, pad, groups;
    double gain;
    bool bias;
};
uint32_t atm__conv(struct atm__net *n, const char *name, uint32_t x,
                   const struct atm__conv *c);
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

#define X(name, help)                                                          \
    enum atm_status atm_zoo_##name(int64_t batch, uint64_t seed,               \
                                   struct atm_graph **graph);
#include "zoo.def"
#undef X

#endif
