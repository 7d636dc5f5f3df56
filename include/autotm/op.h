/* op.h - the operator registry and the reference kernels.
 *
 * One row of core/ops.def and one file core/ref/<op>.c make an operator. The
 * file defines `const struct atm_op_impl atm_op_impl_<Name>`; the row gives
 * name, opset and arity; the registry joins the two. A missing file is a link
 * error. Reference kernels are readable loops over row-major operands: the
 * oracle in tests, the engine of constant folding, the fallback at run time.
 */
#ifndef AUTOTM_OP_H
#define AUTOTM_OP_H

#include "autotm/graph.h"

/* A row-major operand as an operator sees it. */
struct atm_view {
    bool present;         /* false: omitted optional input or output */
    enum atm_dtype dtype;
    struct atm_shape shape;
    void *data;           /* at infer: bytes of a small constant, else null */
    int64_t *extent;      /* at run: of an output with a bound shape; only
                             atm_op_run_reference looks at it */
};

/* One evaluation, or one inference, of a node. */
struct atm_call {
    const struct atm_node *node;
    const struct atm_graph *graph; /* for tensor attributes; may be null */
    uint32_t n_in, n_out;
    struct atm_view *in, *out;
    void *scratch; /* scratch_bytes() bytes at ATM_ALIGN, at run only */
};

struct atm_attr_def {
    const char *name; /* a null name ends the table */
    enum atm_attr_kind kind;
    bool required;
    int since, until; /* opsets that know it; 0: no limit */
};

enum atm_op_flags {
    ATM_OP_VIEW = 1,      /* out[0] is in[0]'s bytes with another shape */
    ATM_OP_INPLACE = 2,   /* out[0] may overwrite in[0] (same shape, dtype);
                             ops with ATM_OP_INPLACE2: also in[1] */
    ATM_OP_INPLACE2 = 4,
    ATM_OP_RANDOM = 8,    /* not folded, not deterministic */
    ATM_OP_ROWS = 16,     /* touches only selected rows of in[0]: `touched` */
    ATM_OP_ELEMENTWISE = 32, /* out[i] depends on in[0][i] alone and
                                f(0) = 0 or not: see ATM_OP_ZERO */
    ATM_OP_ZERO = 64,     /* f(0) = 0: block padding stays zero */
    ATM_OP_DYNAMIC = 128, /* inputs may have bound shapes: smaller inputs give
                             outputs no larger, in each dimension; goes without
                             saying for ELEMENTWISE and INPLACE2 */
    ATM_OP_SHAPE = 256,   /* reads the shape of in[0], not its elements */
    ATM_OP_PRODUCT = 512, /* its work may grow as the product of its operands'
                             sizes (inner products, windows), not as their sum:
                             what bounds folding */
};

struct atm_op_impl {
    const struct atm_attr_def *attrs; /* null: none allowed */
    /* Fills dtype and shape of each present output from inputs, attributes
     * and constant input data. FORMAT: the node is wrong; UNSUPPORTED: this
     * case is not implemented (an input value must be constant, a dtype).
     * An output whose shape depends on data gets a bound one where the data
     * are not at hand; with all inputs' data it gets the true shape, or run()
     * replaces the bound one by it. */
    enum atm_status (*infer)(struct atm_call *call);
    /* Bytes of scratch that run() needs; null: none. */
    uint64_t (*scratch_bytes)(const struct atm_call *call);
    /* Computes the outputs; shapes are final. Every index that comes from
     * data is checked. Never allocates. Single-threaded and deterministic. */
    enum atm_status (*run)(const struct atm_call *call);
    /* Bytes of in[i] that run() touches; null: all of them. */
    uint64_t (*touched)(const struct atm_call *call, uint32_t in);
};

struct atm_op {
    const char *name;    /* ONNX op_type */
    const char *domain;  /* "" is ai.onnx */
    int since;           /* first opset whose semantics are implemented, when a
                            model imports an older one it is refused */
    uint32_t in_min, in_max, out_min, out_max; /* in_max UINT32_MAX: variadic */
    uint32_t flags;
    const struct atm_op_impl *impl;
};

/* Null if there is no such operator. Domain "ai.onnx" equals "". */
const struct atm_op *atm_op_find(const char *domain, const char *name);
uint32_t atm_op_count(void);
const struct atm_op *atm_op_at(uint32_t index);

/* Arity, attribute table, then the operator's rule, then that every output
 * has a dtype and a countable shape. Sentence without the node's name: the
 * caller adds it. */
enum atm_status atm_op_infer(struct atm_call *call);

/* Runs the reference kernel and then the node's posts (n_post) on out[0].
 * Views with bound shapes come back with the true ones; what lies behind an
 * output's elements is zeroed and its extent written. */
enum atm_status atm_op_run_reference(const struct atm_call *call);

#endif
