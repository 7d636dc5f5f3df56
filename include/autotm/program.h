/* program.h - what runs: kernels in execution order over physical tensors.
 *
 * Made by atm_lower (runtime.h) from a graph, which it borrows: the graph must
 * outlive the program. Lowering fixes everything that decides bytes and time:
 * implementations, layouts, in-place pairs, scratch. Nothing in it depends on
 * the budget or the tiers. Belongs to one arena.
 */
#ifndef AUTOTM_PROGRAM_H
#define AUTOTM_PROGRAM_H

#include "autotm/graph.h"

#define ATM_TENSOR_CLASS_LIST(X)                                               \
    X(INPUT, "input") X(OUTPUT, "output") X(WEIGHT, "weight")                  \
    X(STATE, "state") X(ACTIVATION, "activation") X(SCRATCH, "scratch")
enum atm_tensor_class {
#define X(name, text) ATM_CLASS_##name,
    ATM_TENSOR_CLASS_LIST(X)
#undef X
};
const char *atm_tensor_class_name(enum atm_tensor_class cls);

/* A tensor is a value and never changes. */
struct atm_tensor {
    const char *name;        /* of the graph value it comes from; unique */
    uint32_t value;          /* graph value id, or ATM_NONE */
    enum atm_dtype dtype;
    struct atm_shape shape;  /* logical */
    struct atm_layout layout;
    uint64_t bytes;          /* final: padded, a multiple of ATM_ALIGN, > 0 */
    enum atm_tensor_class cls;
    bool arg;                /* weight or state: exists before kernel 0 */
    bool out;                /* graph output: exists after the last kernel */
    uint32_t producer;       /* kernel id; ATM_NONE for an arg */
};

/* How a kernel sees a tensor: perhaps a view of its storage. */
struct atm_operand {
    uint32_t tensor;         /* ATM_NONE: omitted optional operand */
    uint64_t offset;         /* bytes into the tensor (leading-slice views) */
    uint64_t touched;        /* bytes that the kernel reads or writes */
    enum atm_dtype dtype;
    struct atm_shape shape;
    struct atm_layout layout;
};

/* in-place pair: positions in the kernel's `in` and `out` operand lists. */
struct atm_pair {
    uint32_t in, out;
    bool must; /* one storage; false: may share one place */
};

enum atm_kernel_kind {
    ATM_KERNEL_LOAD, /* kernel 0, zero time: its scratch is the staging of the
                        load section, which runs once at session open */
    ATM_KERNEL_FEED, /* zero time: the caller writes out[0] (a graph input) */
    ATM_KERNEL_RUN,
};

struct atm_kernel {
    enum atm_kernel_kind kind;
    const char *name;            /* node's name, or "load", "feed:<input>" */
    const char *impl;            /* "dnnl:jit_1x1:avx512_core", "ref:Gather" */
    const struct atm_node *node; /* borrowed from the graph; null for LOAD,
                                    FEED and kernels that lowering invents */
    uint32_t n_in, n_out;
    struct atm_operand *in, *out; /* a tensor may stand in `in` twice */
    uint32_t n_pairs;
    struct atm_pair *pair;
    uint64_t scratch_bytes;      /* multiple of ATM_ALIGN; 0: none */
    struct atm_hash signature;   /* operator, attributes, posts, shapes, dtypes,
                                    layouts, implementation, threads, library */
    const void *detail;          /* of the implementation (runtime/kernels) */
};

/* One arg's way into its storage; rows are slices of dimension 0 of the
 * packed tensor, so that staging stays small. */
struct atm_load {
    uint32_t tensor;
    uint32_t value;   /* graph value with a constant; FILE, INLINE, GENERATED,
                         ROW_SCALE */
    bool pack;        /* false: bytes are copied as they are. true: the value,
                         seen as `shape` with dims permuted by `perm` (packed
                         dim i is source dim perm[i]), is laid out as the
                         tensor's layout */
    struct atm_shape shape; /* source, row-major, as stored */
    uint8_t perm[ATM_RANK_MAX];
    uint64_t slice_bytes;   /* source + packed bytes of one slice: its need of
                               staging; at most kernel 0's scratch_bytes */
    int64_t slice_rows;     /* packed rows (dimension 0) in one slice */
};

/* `next` in this iteration is `prev` of the next one (both one storage). */
struct atm_carry {
    uint32_t next, prev;
};

struct atm_program {
    struct atm_arena *arena;
    const struct atm_graph *graph; /* borrowed */
    uint32_t n_tensors;
    struct atm_tensor *tensor;
    uint32_t n_kernels;
    struct atm_kernel *kernel;     /* kernel 0 is LOAD, then one FEED a graph
                                      input in the graph's order, then others */
    uint32_t n_loads;
    struct atm_load *load;
    uint32_t n_carries;
    struct atm_carry *carry;
    uint32_t n_inputs, n_outputs;
    uint32_t *input;               /* tensor ids in the graph's order */
    struct atm_operand *output;    /* how to read each graph output */
    bool no_pack;                  /* asked for at lowering */
    int threads;                   /* that signatures and partitions assume */
    uint64_t peak_bytes;           /* design: largest sum over kernels of live
                                      bytes + scratch, pairs once */
    struct atm_hash hash;
};

void atm_program_delete(struct atm_program **program); /* accepts null */

/* The checker: ids, operand bytes inside tensors, one producer, reads after
 * the write, no read of an overwritten version, pairs legal, loads complete,
 * peak_bytes right. */
enum atm_status atm_program_check(const struct atm_program *p);

/* The distinct tensors of a kernel, inputs then outputs (an updated tensor of
 * a must pair is two tensors): the operand order of profiles and problems.
 * Writes at most `cap` ids and, for each, the bytes it reads and writes;
 * returns the count, inputs first, through *n_in the inputs' count. */
uint32_t atm_kernel_operands(const struct atm_program *p, uint32_t kernel,
                             uint32_t cap, uint32_t *tensor,
                             uint64_t *read_bytes, uint64_t *write_bytes,
                             uint32_t *n_in);

enum atm_status atm_program_to_json(const struct atm_program *p, char **json);

#endif
