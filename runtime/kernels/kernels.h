/* kernels.h - the table of kernel implementations. One file defines one row:
 * `const struct atm__kernel_impl atm__impl_<name>`; kernels.def orders them,
 * fastest first, the reference kernel last. */
#ifndef ATM_RUNTIME_KERNELS_H
#define ATM_RUNTIME_KERNELS_H

#include "lower.h"

struct atm_arena;

struct atm__kernel_impl {
    const char *name;
    /* Looks at the node and fills `offer`, which comes zeroed; offer->by stays
     * null where the implementation does not fit. Null: never offered, made
     * by lowering itself. */
    enum atm_status (*offer)(const struct atm__lower *l,
                             const struct atm_node *node,
                             struct atm__offer *offer);
    /* Makes an instance in the arena. */
    enum atm_status (*open)(const struct atm_program *p,
                            const struct atm_kernel *k, struct atm__dnnl *dnnl,
                            struct atm_arena *arena, void **state);
    /* Addresses are those of the operands, offsets added. Never allocates. */
    enum atm_status (*run)(void *state, void *const *in, void *const *out,
                           void *scratch);
    void (*close)(void *state); /* may be null */
    bool own;                   /* instances are not shared by signature */
};

/* What kernel->detail points to: its first member, in every implementation. */
struct atm__detail {
    const struct atm__kernel_impl *by;
};

extern const struct atm__kernel_impl *const atm__kernel_impls[]; /* null ends */
#define X(name) extern const struct atm__kernel_impl atm__impl_##name;
#include "kernels/kernels.def"
#undef X
extern const struct atm__kernel_impl atm__impl_copy;

/* dst = src, both plain: detail of a kernel that lowering makes. */
const void *atm__copy_detail(void);

#endif
