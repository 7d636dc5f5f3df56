/* import.h - what the parts of the importer share. Lives for one import. */
#ifndef ATM_FRONTEND_IMPORT_H
#define ATM_FRONTEND_IMPORT_H

#include "autotm/frontend.h"
#include "names.h"
#include "onnx.pb-c.h"
#include "prescan.h"

struct atm_hasher;
struct atm__inference;

#define ATM__OPSET_MAX 28

/* Where the names of nodes mean something: the model's graph, or a subgraph or
 * function that is being expanded. */
#define ATM__OMITTED                                                           \
    (ATM_NONE - 1) /* id of an input that a call leaves out                    \
                    */
struct atm__scope {
    const struct atm__scope *outer; /* its names are seen too; null: none */
    struct atm__names *names;       /* name -> value id */
    int opset;
    const Onnx__NodeProto *call;     /* of the function around it, or null */
    const struct atm__scope *caller; /* of that call */
    const char *prefix;              /* of its values' names */
    uint32_t depth;
};

/* The model's own functions by "domain:name". */
struct atm__functions {
    const Onnx__ModelProto *model;
    struct atm_arena *arena; /* of the keys */
    struct atm__names index;
};
/* UNSUPPORTED where two have one name. Clear `index` afterwards, whatever
 * comes back. */
enum atm_status atm__functions_read(const Onnx__ModelProto *m,
                                    struct atm_arena *arena,
                                    struct atm__functions *f);

/* A node of the model's graph that becomes others once the values before it
 * are known: it stands before node `before`. */
struct atm__hole {
    const Onnx__NodeProto *node;
    uint32_t before, index;
};

/* What a model declares of a value: checked against what is inferred, never
 * its source. */
struct atm__declared {
    enum atm_dtype dtype; /* NONE: nothing */
    bool shaped;
    struct atm_shape shape; /* -1: unknown dimension */
};

struct atm__importer {
    const char *path;
    const struct atm_import_options *options;
    struct atm_graph *g;
    struct atm__scan scan;
    const Onnx__ModelProto *model;
    uint64_t file_bytes;
    uint32_t file; /* of the model, in the graph */
    struct atm_hasher *hash;
    int opset;
    struct atm__names values;    /* name -> value id */
    struct atm__names externals; /* location -> file id */
    struct atm__functions functions;
    struct atm__names dims; /* dim_param -> index into dim_value */
    int64_t *dim_value;     /* in the graph's arena */
    uint32_t n_dims, cap_dims;
    struct atm__declared *declared; /* by value id, in the graph's arena */
    uint32_t cap_declared;
    uint32_t *origin; /* by node of the graph: its place in the
                         model's list */
    uint32_t cap_origin;
    struct atm__hole *hole; /* in order */
    uint32_t n_holes, cap_holes;
    uint32_t n_bodies;                /* expanded so far */
    struct atm__inference *inference; /* while inferring */
    char unsupported[640];            /* ", "-separated list; empty: none */
};

/* Appends to the list of what is not supported, once; "..." ends a full one. */
void atm__unsupported(struct atm__importer *im, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void atm__model_info(const Onnx__ModelProto *m, struct atm_model_info *info);

/* dims and data_type of a TensorProto; UNSUPPORTED for other element types. */
enum atm_status atm__tensor_type(const Onnx__TensorProto *t,
                                 enum atm_dtype *dtype, struct atm_shape *shape,
                                 uint64_t *bytes);

/* The data of a tensor as a constant of the graph: INLINE when small, else a
 * FILE range of the model or of an external file. Sentences do not name the
 * tensor. */
enum atm_status atm__tensor_constant(struct atm__importer *im,
                                     const Onnx__TensorProto *t, uint64_t bytes,
                                     uint32_t *constant);

/* Where the raw data of a tensor lie in the scanned file: the token that the
 * scan left is an index into its ranges. */
enum atm_status atm__tensor_raw(const struct atm__scan *scan,
                                const Onnx__TensorProto *t, uint64_t bytes,
                                uint64_t *offset);

/* Elements of the typed fields, which must be as many as `bytes` says; free
 * with atm_free. */
enum atm_status atm__tensor_typed(const Onnx__TensorProto *t,
                                  enum atm_dtype dtype, uint64_t bytes,
                                  void **data);

/* Opens the file of an external tensor below the model's directory and checks
 * its range. */
enum atm_status atm__external_open(struct atm__importer *im,
                                   const Onnx__TensorProto *t, uint64_t bytes,
                                   uint32_t *file, uint64_t *offset);

/* Opens a regular file that is not empty, for reading. */
enum atm_status atm__open(const char *path, int *fd, uint64_t *bytes);

/* Reads exactly `bytes` bytes at `offset`. */
enum atm_status atm__pread(int fd, const char *path, uint64_t offset,
                           uint64_t bytes, void *dst);

/* The steps, in order. Values: inputs, --dim and --shape, initialisers. Nodes:
 * attributes, constants, single assignment, order. Outputs: what the graph
 * gives and what value_info declares. What is unsupported is reported here, so
 * that a missing --dim does not hide it; then settle: each input has a shape or
 * a value. */
enum atm_status atm__import_values(struct atm__importer *im);
enum atm_status atm__import_nodes(struct atm__importer *im);
enum atm_status atm__import_outputs(struct atm__importer *im);
enum atm_status atm__settle_values(struct atm__importer *im);

/* The model's own graph as a scope. */
struct atm__scope atm__model_scope(struct atm__importer *im);
/* ATM_NONE if the name means nothing here. */
uint32_t atm__scope_find(const struct atm__scope *s, const char *name);
/* The attribute itself, or the one of the function's call that it refers to;
 * null if the call leaves that out. */
const Onnx__AttributeProto *atm__scope_attr(const struct atm__scope *s,
                                            const Onnx__AttributeProto *a);

/* Adds the node, or gives its output a value if it is a Constant. `producer`:
 * index of the model's node by value, to tell what is out of order; null in
 * bodies. */
enum atm_status atm__add_node(struct atm__importer *im,
                              const struct atm__scope *scope,
                              const Onnx__NodeProto *n, uint32_t index,
                              const uint32_t *producer);
enum atm_status atm__set_origin(struct atm__importer *im, uint32_t node,
                                uint32_t index);
/* Value `id` becomes the tensor, a constant. */
enum atm_status atm__tensor_value(struct atm__importer *im,
                                  const Onnx__TensorProto *t, uint32_t id);

/* Is it control flow, or the call of a model-local function? */
bool atm__is_expanded(const struct atm__functions *f, const Onnx__NodeProto *n);
/* Adds the nodes that such a node stands for and infers them. UNSUPPORTED with
 * the reason where the model's data would decide. */
enum atm_status atm__expand(struct atm__importer *im,
                            const struct atm__scope *scope,
                            const Onnx__NodeProto *n, uint32_t index);
/* Infers, and folds, a node whose turn it is; without effect where an input is
 * not known. */
enum atm_status atm__infer_node(struct atm__importer *im, uint32_t node);

/* A new value under a name that the model does not use; the name is checked.
 * Null: a name of our own. */
enum atm_status atm__value_new(struct atm__importer *im, const char *name,
                               uint32_t *id);
/* Dimension of a name bound by --dim, --shape; -1 if it is not. */
int64_t atm__dim_value(const struct atm__importer *im, const char *name);

/* Infers types and shapes in node order and folds what is constant; folded
 * nodes leave the graph. Then compares with what is declared. */
enum atm_status atm__infer(struct atm__importer *im);

#endif
