/* expand.h - what the expansions of operators with subgraphs share. */
#ifndef ATM_FRONTEND_EXPAND_H
#define ATM_FRONTEND_EXPAND_H

#include "import.h"

/* One node that is being expanded. */
struct atm__site {
    struct atm__importer *im;
    const struct atm__scope *scope;
    const Onnx__NodeProto *node;
    uint32_t index; /* of the model's node that it comes from */
};

/* Id of input i; ATM_NONE if it is omitted. */
enum atm_status atm__site_input(const struct atm__site *at, size_t i,
                                uint32_t *id);
/* Id of output i; ATM_NONE if it is not wanted. */
uint32_t atm__site_output(const struct atm__site *at, size_t output);
/* Null if there is none; references of functions are resolved. */
const Onnx__AttributeProto *atm__site_attr(const struct atm__site *at,
                                           const char *name);
/* FORMAT if there is none. */
enum atm_status atm__site_graph(const struct atm__site *at, const char *name,
                                const Onnx__GraphProto **g);

/* Adds a node, of opset 13 or the model's newer one, and infers it: `out` is a
 * value that exists, or comes back as a new one. */
enum atm_status atm__site_add(const struct atm__site *at, const char *op,
                              uint32_t n_in, const uint32_t *in, uint32_t out,
                              const struct atm_attr *attr);
enum atm_status atm__site_new(const struct atm__site *at, const char *op,
                              uint32_t n_in, const uint32_t *in,
                              const struct atm_attr *attr, uint32_t *out);
/* A constant of rank 0 (n = 1) or 1. */
enum atm_status atm__site_constant(const struct atm__site *at,
                                   enum atm_dtype dtype, uint32_t rank,
                                   uint32_t n, const void *data, uint32_t *id);
/* Whether value `id` is one constant int64 or bool, and which. */
bool atm__site_known(const struct atm__site *at, uint32_t id, int64_t *x);
/* Value `from` becomes an output of the node; nothing if that is not wanted, or
 * if `from` depends on what is not supported. */
enum atm_status atm__site_copy_out(const struct atm__site *at, size_t output,
                                   uint32_t from);

/* Adds the nodes of a subgraph whose first inputs are `in`; its first outputs
 * come back. `what` tells its values' names from those of other bodies. */
enum atm_status atm__site_body(const struct atm__site *at, const char *what,
                               const Onnx__GraphProto *g, uint32_t n_in,
                               const uint32_t *in, uint32_t n_out,
                               uint32_t *out);

/* Nodes written like an expression: each call gives the id of a new value. The
 * first failure ends all that follows. */
struct atm__expr {
    const struct atm__site *at;
    enum atm_status st;
};
uint32_t atm__expr_node(struct atm__expr *e, const char *op,
                        const struct atm_attr *attr, size_t n,
                        const uint32_t *in);
/* The last two arguments of the above. */
#define ATM__IN(...)                                                           \
    sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                \
        (const uint32_t[]){__VA_ARGS__}
uint32_t atm__expr_cast(struct atm__expr *e, uint32_t x, enum atm_dtype dtype);
/* A scalar. */
uint32_t atm__expr_number(struct atm__expr *e, float x, enum atm_dtype dtype);

/* One operator each. */
enum atm_status atm__expand_loop(const struct atm__site *at);
enum atm_status atm__expand_scan(const struct atm__site *at);
enum atm_status atm__expand_flex(const struct atm__site *at);
enum atm_status atm__expand_adagrad(const struct atm__site *at);
enum atm_status atm__expand_adam(const struct atm__site *at);
enum atm_status atm__expand_momentum(const struct atm__site *at);

#endif
