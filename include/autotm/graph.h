/* graph.h - ONNX meaning: values, nodes, constants. Indexed by small ids.
 *
 * Built by the front end or by a zoo builder, rewritten in place by its
 * passes, checked by atm_graph_check, lowered to a program by the runtime.
 * Everything inside belongs to the graph's arena and dies with it.
 */
#ifndef AUTOTM_GRAPH_H
#define AUTOTM_GRAPH_H

#include "autotm/types.h"

struct atm_arena;
struct atm_op; /* op.h */

/* Where the bytes of a constant come from. Bytes are row-major, little
 * endian. */
enum atm_constant_kind {
    ATM_CONST_FILE,      /* [offset, offset+bytes) of files[file]; not copied */
    ATM_CONST_INLINE,    /* data, at most ATM_INLINE_MAX bytes, in the arena */
    ATM_CONST_GENERATED, /* normal(mean, stddev) from a counter-based seed, or
                            a fill (stddev 0); F32 only */
    ATM_CONST_ROW_SCALE, /* derived: row r of `source` (dimension 0) times
                            scale[r]; F32 (batch-norm folding) */
};
#define ATM_INLINE_MAX (64u * 1024)

struct atm_constant {
    enum atm_constant_kind kind;
    uint64_t bytes;
    uint32_t file;        /* FILE */
    uint64_t offset;      /* FILE */
    const void *data;     /* INLINE */
    uint64_t seed;        /* GENERATED */
    double mean, stddev;  /* GENERATED */
    uint32_t source;      /* ROW_SCALE: a constant id, FILE|GENERATED|INLINE */
    const float *scale;   /* ROW_SCALE: one a row of the value's dimension 0 */
};

struct atm_value {
    const char *name;       /* unique in the graph, never null */
    enum atm_dtype dtype;   /* ATM_DTYPE_NONE until inferred */
    bool shape_known;
    struct atm_shape shape;
    uint32_t constant;      /* constant id or ATM_NONE */
};

enum atm_attr_kind {
    ATM_ATTR_INT, ATM_ATTR_FLOAT, ATM_ATTR_STRING,
    ATM_ATTR_INTS, ATM_ATTR_FLOATS, ATM_ATTR_STRINGS,
    ATM_ATTR_TENSOR /* `value` is a constant value of the graph */
};

struct atm_attr {
    const char *name;
    enum atm_attr_kind kind;
    int64_t i;
    float f;
    const char *s; /* NUL-terminated copy */
    size_t n;      /* of ints, floats or strings */
    const int64_t *ints;
    const float *floats;
    const char *const *strings;
    uint32_t value;
};

/* What fusion hung behind a Conv, Gemm or MatMul; applied in order to the
 * result. ADD adds inputs[input] of the node (same shape as the output). */
enum atm_post_kind { ATM_POST_ADD, ATM_POST_RELU, ATM_POST_CLIP };
#define ATM_POSTS_MAX 3
struct atm_post {
    enum atm_post_kind kind;
    float lo, hi;   /* CLIP */
    uint32_t input; /* ADD: index into the node's inputs */
};

struct atm_node {
    const char *name;        /* may be empty, never null */
    const struct atm_op *op; /* registry row, static */
    int opset;               /* version of ai.onnx that the model imports */
    uint32_t n_in, n_out, n_attr, n_post;
    uint32_t *in;            /* value ids; ATM_NONE = omitted optional input */
    uint32_t *out;           /* value ids; ATM_NONE = output not wanted */
    struct atm_attr *attr;
    struct atm_post post[ATM_POSTS_MAX];
};

struct atm_graph {
    struct atm_arena *arena;
    const char *name;
    uint32_t n_values, cap_values;
    struct atm_value *value;
    uint32_t n_nodes, cap_nodes;
    struct atm_node *node;       /* topological order */
    uint32_t n_constants, cap_constants;
    struct atm_constant *constant;
    uint32_t n_files, cap_files;
    const char **file;           /* absolute paths behind FILE constants */
    int *file_fd;                /* open read-only descriptors, same index: the
                                    checked file, not the name, is read later;
                                    owned, closed by atm_graph_delete; or -1 */
    const char *hard_linked;     /* a file of external data with another name,
                                    perhaps outside the model's directory: worth
                                    a warning; null: none */
    uint32_t n_inputs, n_outputs, cap_inputs, cap_outputs;
    uint32_t *input;             /* value ids, in the model's order */
    uint32_t *output;
    /* Initialisers that are also inputs (may be overridden by the user):
     * value ids. They stay constants unless overridden at load. */
    uint32_t n_overridable, cap_overridable;
    uint32_t *overridable;
    struct atm_hash model_hash;  /* of the model file and its bound dims */
};

enum atm_status atm_graph_new(struct atm_graph **graph);
void atm_graph_delete(struct atm_graph **graph); /* accepts null */

/* Room for so many more values, nodes and constants: arrays that grow by
 * themselves leave their old copies in the arena. */
enum atm_status atm_graph_reserve(struct atm_graph *g, uint32_t values,
                                  uint32_t nodes, uint32_t constants);

/* Builders: append, return the id through `id`. Names and arrays are copied
 * into the arena. A value whose name is null gets a unique one. */
enum atm_status atm_graph_add_value(struct atm_graph *g, const char *name,
                                    enum atm_dtype dtype,
                                    const struct atm_shape *shape,
                                    uint32_t *id);
enum atm_status atm_graph_add_constant(struct atm_graph *g,
                                       const struct atm_constant *c,
                                       uint32_t *id);
enum atm_status atm_graph_add_node(struct atm_graph *g, const char *name,
                                   const struct atm_op *op, int opset,
                                   uint32_t n_in, const uint32_t *in,
                                   uint32_t n_out, const uint32_t *out,
                                   uint32_t n_attr, const struct atm_attr *attr,
                                   uint32_t *id);
enum atm_status atm_graph_add_input(struct atm_graph *g, uint32_t value);
enum atm_status atm_graph_add_output(struct atm_graph *g, uint32_t value);
enum atm_status atm_graph_add_overridable(struct atm_graph *g, uint32_t value);
/* Takes `fd` (closed with the graph, and on failure). */
enum atm_status atm_graph_add_file(struct atm_graph *g, const char *path,
                                   int fd, uint32_t *id);

/* Node attributes by name; the getters return the default when absent. */
const struct atm_attr *atm_node_attr(const struct atm_node *n,
                                     const char *name);
int64_t atm_node_int(const struct atm_node *n, const char *name, int64_t dflt);
float atm_node_float(const struct atm_node *n, const char *name, float dflt);
const char *atm_node_string(const struct atm_node *n, const char *name,
                            const char *dflt);

/* Reads `bytes` bytes at `offset` of constant `id` into `dst`: pread for
 * files, generation, memcpy or scaling otherwise. `value` gives the shape
 * (rows) for ROW_SCALE. */
enum atm_status atm_constant_read(const struct atm_graph *g, uint32_t value,
                                  uint64_t offset, uint64_t bytes, void *dst);

/* The checker: ids in range, single assignment, topological order, arity and
 * attributes as the registry says, dtypes and shapes known and equal to what
 * the operator's rule infers. Names the node in its sentence. */
enum atm_status atm_graph_check(const struct atm_graph *g);

/* Dump for people and for golden tests: one JSON document (malloc'ed through
 * the allocator entry point; free with atm_string_free). */
enum atm_status atm_graph_to_json(const struct atm_graph *g, char **json);
void atm_string_free(char *s);

#endif
