/* dnnl_util.h - oneDNN 2.6 behind one small door. An implementation describes
 * a primitive as data (struct atm__dnnl_detail); creating descriptors, asking
 * for scratch, opening, pointing at addresses and running are the same for
 * all and live in dnnl_util.c. */
#ifndef ATM_RUNTIME_DNNL_UTIL_H
#define ATM_RUNTIME_DNNL_UTIL_H

#include "kernels.h"
#include "library.h"

#include <dnnl.h>

struct atm__dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    uint16_t block; /* channels in a block: 16 with AVX-512, else 8 */
};

union atm__dnnl_op {
    dnnl_primitive_kind_t kind; /* first member of each descriptor */
    dnnl_convolution_desc_t conv;
    dnnl_pooling_v2_desc_t pool;
    dnnl_eltwise_desc_t eltwise;
    dnnl_binary_desc_t binary;
    dnnl_batch_normalization_desc_t bnorm;
    dnnl_lrn_desc_t lrn;
    dnnl_softmax_v2_desc_t softmax;
    dnnl_inner_product_desc_t ip;
    dnnl_matmul_desc_t matmul;
};

/* SUM adds what dst holds before; ADD adds the memory of arg[from]. */
enum atm__dnnl_post_kind { ATM__DNNL_SUM, ATM__DNNL_ADD, ATM__DNNL_ELTWISE };
struct atm__dnnl_post {
    enum atm__dnnl_post_kind kind;
    uint32_t from;
    dnnl_alg_kind_t alg;
    float alpha, beta;
};

/* One memory of a primitive: which operand of the kernel it points at. */
struct atm__dnnl_arg {
    int arg;     /* DNNL_ARG_x */
    bool out;
    uint32_t at; /* position in the kernel's in or out */
    dnnl_memory_desc_t md;
};

#define ATM__DNNL_ARGS 8
struct atm__dnnl_detail {
    struct atm__detail base;   /* by: atm__impl of the file, or reorder */
    union atm__dnnl_op op;     /* kind dnnl_reorder: from arg[0] to arg[1] */
    uint32_t n_posts, n_args;
    struct atm__dnnl_post post[ATM_POSTS_MAX];
    struct atm__dnnl_arg arg[ATM__DNNL_ARGS];
};

/* Shape and layout <-> memory descriptor, f32. False where one cannot say
 * what the other can (rank 0, zero dimensions, 2^31 elements; strides with
 * gaps, offsets). */
bool atm__dnnl_md(const struct atm_shape *s, const struct atm_layout *l,
                  dnnl_memory_desc_t *md);
bool atm__dnnl_md_layout(const dnnl_memory_desc_t *md, struct atm_layout *l);
/* Dimensions only; the layout is the library's choice. */
bool atm__dnnl_md_any(const struct atm_shape *s, dnnl_memory_desc_t *md);

/* Outermost first, channels (dimension 1) in blocks of the machine's width. */
struct atm_layout atm__dnnl_blocked(const struct atm__dnnl *dnnl,
                                    uint32_t rank);

/* Appends a memory; returns its index. */
uint32_t atm__dnnl_arg(struct atm__dnnl_detail *d, int arg, bool out,
                       uint32_t at, const dnnl_memory_desc_t *md);
void atm__dnnl_eltwise(struct atm__dnnl_detail *d, dnnl_alg_kind_t alg,
                       float alpha, float beta);
/* Inputs of the operator itself; those of fused additions stand behind. */
uint32_t atm__own_inputs(const struct atm_node *n);
/* The input that the node's one fused addition adds; ATM_NONE if there is
 * none. False: there are several. */
bool atm__residual(const struct atm_node *n, uint32_t *input);
/* The posts of a node. The residual, operand `at` of the kernel, is added from
 * its own memory `md`, or, in place, is what dst holds already. */
void atm__dnnl_posts(struct atm__dnnl_detail *d, const struct atm_node *n,
                     bool in_place, uint32_t at,
                     const dnnl_memory_desc_t *md);
/* Whether the node has f32 operands only, and one output. */
bool atm__dnnl_f32(const struct atm__lower *l, const struct atm_node *n);
/* Room in an offer for n_in inputs and one output. */
enum atm_status atm__dnnl_room(struct atm_arena *arena, uint32_t n_in,
                               struct atm__offer *o);

/* Creates the descriptor of the detail's op and posts. False: there is no
 * implementation, or one that is slower than ours; the failure is no error.
 * *impl is static text of the library while *pd lives. */
bool atm__dnnl_find(const struct atm__dnnl *dnnl,
                    const struct atm__dnnl_detail *d,
                    dnnl_primitive_desc_t *pd, const char **impl);
/* Layout that the descriptor chose for one of its memories. */
bool atm__dnnl_chosen(dnnl_primitive_desc_t pd, dnnl_query_t what, int index,
                      dnnl_memory_desc_t *md, struct atm_layout *layout);
/* Fills by, impl, detail and scratch_bytes of an offer from a descriptor. */
enum atm_status atm__dnnl_offer(struct atm_arena *arena,
                                dnnl_primitive_desc_t pd, const char *impl,
                                const struct atm__dnnl_detail *d,
                                struct atm__offer *o);

/* open, run, close of every primitive. */
enum atm_status atm__dnnl_kernel_open(const struct atm_program *p,
                                      const struct atm_kernel *k,
                                      struct atm__dnnl *dnnl,
                                      struct atm_arena *arena, void **state);
enum atm_status atm__dnnl_kernel_run(void *state, void *const *in,
                                     void *const *out, void *scratch);
void atm__dnnl_kernel_close(void *state);

#define ATM__DNNL_KERNEL                                                       \
    .open = atm__dnnl_kernel_open, .run = atm__dnnl_kernel_run,               \
    .close = atm__dnnl_kernel_close

#endif
