/* frontend.h - ONNX in and out, and the passes over the graph. */
#ifndef AUTOTM_FRONTEND_H
#define AUTOTM_FRONTEND_H

#include "autotm/graph.h"

/* A dense row-major tensor in memory, as users give and get them. */
struct atm_array {
    enum atm_dtype dtype;
    struct atm_shape shape;
    uint64_t bytes;
    void *data; /* owned; atm_array_clear */
};
void atm_array_clear(struct atm_array *a);
/* An array with a bound shape, as a session gives it, gets its true shape;
 * FORMAT if its extent is beyond the bound. */
enum atm_status atm_array_settle(struct atm_array *a);

/* By extension: .npy, .pb (TensorProto), else raw bytes of the given dtype and
 * shape (which .npy and .pb must equal too, when expect_shape is not null). */
enum atm_status atm_array_read(const char *path, enum atm_dtype dtype,
                               const struct atm_shape *expect_shape,
                               struct atm_array *a);
enum atm_status atm_array_write_npy(const char *path,
                                    const struct atm_array *a, bool force);

struct atm_bind_dim { const char *name; int64_t value; };
struct atm_bind_shape { const char *input; struct atm_shape shape; };
struct atm_bind_value { const char *input; const struct atm_array *array; };

struct atm_import_options {
    uint32_t n_dims;
    const struct atm_bind_dim *dim;      /* --dim NAME=64 */
    uint32_t n_shapes;
    const struct atm_bind_shape *shape;  /* --shape x=1,3,224,224 */
    uint32_t n_values;                   /* overridden initialisers, and inputs
                                            whose value decides a shape */
    const struct atm_bind_value *value;
    bool ignore_declared;  /* test: forget declared output and value_info
                              shapes before inference */
};

/* What the model's file says, before any binding: for `inspect`. */
struct atm_model_info {
    char producer[64];
    int64_t ir_version, opset;
    uint32_t n_nodes, n_initialisers;
    uint64_t initialiser_bytes;
};

/* The same in full, with nothing bound and nothing refused for being
 * unsupported: what `inspect` shows even of a model that cannot run. */
struct atm_model_input {
    const char *name, *dtype;  /* ONNX's name of the element type, or "?" */
    bool initialised;          /* has a default: may be overridden */
    bool shaped;
    uint32_t rank;
    const int64_t *dim;        /* -1: not fixed */
    const char *const *symbol; /* its name in the model; "": none */
};
struct atm_model_op {
    const char *domain, *name; /* "" is ai.onnx */
    uint32_t count;
    bool supported;            /* at the model's opset */
};
struct atm_model_summary {
    struct atm_arena *arena;
    struct atm_model_info info;
    uint32_t n_inputs, n_ops;
    struct atm_model_input *input;
    struct atm_model_op *op;   /* by name */
};
enum atm_status atm_onnx_describe(const char *path,
                                  struct atm_model_summary **summary);
void atm_model_summary_delete(struct atm_model_summary **summary);

/* load -> check -> bind -> infer -> fold. All unsupported operators, types
 * and opsets are listed at once in the sentence (up to its limit; UNSUPPORTED).
 * Weights are recorded as file ranges, never copied. */
enum atm_status atm_onnx_import(const char *path,
                                const struct atm_import_options *options,
                                struct atm_model_info *info, /* may be null */
                                struct atm_graph **graph);

/* The fusion passes: BN into conv, bias, activation, residual sum. In place;
 * the graph stays checkable and means the same up to rounding. After a failure
 * it can only be deleted. */
enum atm_status atm_graph_fuse(struct atm_graph *g);

/* Writes the graph as ONNX; generated constants are streamed as raw_data, or
 * to PATH.data beside it where the model would exceed 2 GiB. Atomic;
 * overwrites only with `force`. */
enum atm_status atm_onnx_export(const struct atm_graph *g, const char *path,
                                bool force);

/* A line a third-party library: name, version. */
const char *atm_frontend_libraries(void);

#endif
