/* lower.h - what lowering shares with the kernel implementations: how an
 * implementation offers to run a node, and what it may ask about values.
 *
 * Lowering walks the nodes in order. Each value has one or more *forms*:
 * tensors that hold it in some layout. For a node the implementations are asked
 * in the order of their table; the first offer is taken. The offer says in
 * which layout each operand is wanted; lowering finds or makes that form
 * (a reorder kernel, or a load of a constant), so implementations never emit
 * kernels themselves. */
#ifndef ATM_RUNTIME_LOWER_H
#define ATM_RUNTIME_LOWER_H

#include "autotm/op.h"
#include "autotm/runtime.h"

struct atm__kernel_impl;
struct atm__dnnl;

/* One operand of an offer. The value's row-major elements, seen as `seen` (as
 * many elements), then permuted (shape.dim[i] = seen.dim[perm[i]]), lie in
 * `layout`. */
struct atm__use {
    uint32_t value;        /* graph value; ATM_NONE: operand omitted */
    struct atm_shape seen;
    uint8_t perm[ATM_RANK_MAX];
    struct atm_shape shape;
    struct atm_layout layout;
    uint64_t touched;      /* bytes; UINT64_MAX: all of the operand */
};

struct atm__offer {
    const struct atm__kernel_impl *by; /* null: this node is not for it */
    const char *impl;       /* printed name, in the program's arena */
    uint32_t n_in, n_out;
    struct atm__use *in, *out; /* in the program's arena */
    uint32_t n_pairs;
    struct atm_pair pair[4];
    uint64_t scratch_bytes; /* not yet rounded */
    uint64_t flavour;       /* what the kernel does beyond its node's own
                               attributes: enters the signature */
    uint32_t also;          /* a later node that the kernel does as well */
    const void *detail;
};

/* A tensor that holds a value, as an operand. */
struct atm__form {
    struct atm_operand operand;
    struct atm__form *next;
};

struct atm__lower {
    const struct atm_graph *g;
    struct atm_program *p;
    struct atm__dnnl *dnnl;  /* null: reference kernels only */
    uint32_t cap_tensors, cap_kernels, cap_loads;
    uint64_t *flavour;       /* a kernel: of its offer */
    uint32_t node;           /* index of the node being lowered */
    struct atm__form **form; /* a value */
    uint32_t *root;          /* a value: whose bytes it views; itself if none */
    uint32_t *readers;       /* a value: operands of nodes that name it */
    uint32_t *reader;        /* a value: the last node that names it */
    uint32_t *last;          /* a root: last node that reads its bytes; the
                                number of nodes if an output shows them */
    bool *named;             /* a value: its name is given to a tensor */
    bool hashes;             /* some value's name contains '#' */
    uint64_t total_bytes;    /* of all tensors */
    bool *done;              /* a node: lowered together with an earlier one */
};

/* A use of the value as it is, in a layout. */
struct atm__use atm__use_of(const struct atm__lower *l, uint32_t value,
                            const struct atm_layout *layout);
struct atm__use atm__use_plain(const struct atm__lower *l, uint32_t value);

/* Layout in which the value can be had without a reorder; plain for constants
 * and wherever there is a choice. */
struct atm_layout atm__lower_layout(const struct atm__lower *l,
                                    uint32_t value);
bool atm__lower_is_constant(const struct atm__lower *l, uint32_t value);
/* Whether the node being lowered may overwrite the value: nothing later needs
 * its bytes, no other operand of the node shares them, and they are neither a
 * constant nor a graph input. */
bool atm__lower_dies(const struct atm__lower *l, uint32_t value);

/* Whether two layouts put each element of the shape at the same byte. */
bool atm__layout_same(const struct atm_layout *a, const struct atm_layout *b,
                      const struct atm_shape *s);

/* ---- parts of atm_lower, one file each --------------------------------- */
enum atm_status atm__lower_operand(struct atm__lower *l,
                                   const struct atm__use *use,
                                   struct atm_operand *operand);
/* Appends a tensor; its name comes from the value and is made unique. */
enum atm_status atm__lower_tensor(struct atm__lower *l, uint32_t value,
                                  const struct atm_shape *shape,
                                  const struct atm_layout *layout,
                                  enum atm_tensor_class cls, uint32_t *id);
/* A weight tensor with its load, or the one that exists already. */
enum atm_status atm__lower_weight(struct atm__lower *l,
                                  const struct atm__use *use,
                                  struct atm_operand *operand);
/* Chooses slices and the staging, fills peak_bytes. */
enum atm_status atm__lower_staging(struct atm__lower *l);
/* Signatures of all kernels and the program's hash. */
enum atm_status atm__lower_hash(struct atm__lower *l);

#endif
