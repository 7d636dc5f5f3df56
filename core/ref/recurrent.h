/* recurrent.h - what RNN, GRU and LSTM share: directions, sequences, the
 * layout of weights and outputs, and the activation functions by name. */
#ifndef ATM_CORE_REF_RECURRENT_H
#define ATM_CORE_REF_RECURRENT_H

#include "ref/elem.h"

#define ATM__RECURRENT_ATTRS                                                   \
    {.name = "activation_alpha", .kind = ATM_ATTR_FLOATS},                     \
        {.name = "activation_beta", .kind = ATM_ATTR_FLOATS},                  \
        {.name = "activations", .kind = ATM_ATTR_STRINGS},                     \
        {.name = "clip", .kind = ATM_ATTR_FLOAT},                              \
        {.name = "direction", .kind = ATM_ATTR_STRING},                        \
        {.name = "hidden_size", .kind = ATM_ATTR_INT},                         \
        {.name = "layout", .kind = ATM_ATTR_INT, .since = 14},                 \
    {                                                                          \
        .name = "output_sequence", .kind = ATM_ATTR_INT, .until = 6            \
    }

#define ATM__ACTIVATIONS_MAX 3

struct atm__activation {
    double (*f)(double x, double alpha, double beta);
    double alpha, beta;
};

/* One step of one sequence. Vectors of `hidden` numbers, gates one behind the
 * other in the order of the weights. */
struct atm__step {
    const struct atm_call *call;
    int64_t hidden;
    uint32_t dir;
    double *wx;  /* W x + its bias */
    double *rh;  /* R h + its bias */
    double *h;   /* the state before the step, after it the state behind */
    double *c;   /* the cell (LSTM) */
    double *tmp; /* a vector of `hidden` */
    double clip;
    struct atm__activation f[ATM__ACTIVATIONS_MAX];
};

struct atm__recurrent {
    uint32_t gates, activations;
    const char *const *names; /* default activations */
    void (*step)(struct atm__step *s);
};

/* Inputs 0 to 5 (X, W, R, B, sequence_lens, initial_h) and outputs 0 and 1 are
 * the same for all; input 6 and output 2, where present, are the cell. */
enum atm_status atm__recurrent_infer(struct atm_call *call,
                                     const struct atm__recurrent *r);
uint64_t atm__recurrent_scratch(const struct atm_call *call,
                                const struct atm__recurrent *r);
enum atm_status atm__recurrent_run(const struct atm_call *call,
                                   const struct atm__recurrent *r);

/* Activation k of the clipped x. */
double atm__activate(const struct atm__step *s, uint32_t k, double x);
/* Row `row` of this direction's R times v. */
double atm__recur(const struct atm__step *s, int64_t row, const double *v);
/* Element i of this direction's biases: those of W, then those of R. */
double atm__recur_bias(const struct atm__step *s, int64_t i);

#endif
