/* copy.c - the kernel that copies bytes: a graph output that shows an input or
 * a constant. */
#include "kernels.h"

#include "arena.h"

#include <string.h>

struct copy {
    uint64_t bytes;
};

static enum atm_status copy_open(const struct atm_program *p,
                                 const struct atm_kernel *k,
                                 struct atm__dnnl *dnnl,
                                 struct atm_arena *arena, void **state)
{
    struct copy *c = atm_arena_alloc(arena, sizeof(*c));

    (void)p;
    (void)dnnl;
    if (!c)
        return ATM_NOMEM;
    *state = c;
    return atm_layout_bytes(&k->in[0].layout, &k->in[0].shape,
                            k->in[0].dtype, &c->bytes);
}

static enum atm_status copy_run(void *state, void *const *in,
                                void *const *out, void *scratch)
{
    const struct copy *c = state;

    (void)scratch;
    memcpy(out[0], in[0], (size_t)c->bytes);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_copy = {
    .name = "copy", .open = copy_open, .run = copy_run};

const void *atm__copy_detail(void)
{
    static const struct atm__detail detail = {&atm__impl_copy};

    return &detail;
}
