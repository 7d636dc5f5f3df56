/* exec.c - instances of a program's kernels: opened once, shared by kernels of
 * one signature, pointed at addresses at each run. */
#include "autotm/runtime.h"

#include "affinity.h"
#include "arena.h"
#include "exec_load.h"
#include "kernels/kernels.h"
#include "kernels/library.h"

#include <omp.h>
#include <string.h>

struct instance {
    const struct atm__kernel_impl *by; /* null: LOAD or FEED */
    void *state;
    bool owner; /* closes it */
};

struct atm_exec {
    struct atm_arena *arena;
    const struct atm_program *p;
    struct atm__dnnl *dnnl;
    struct instance *kernel;
    bool pinned;
    void **in, **out; /* addresses with offsets, of the kernel that runs */
};

/* An earlier instance of the same signature, or null. */
static const struct instance *find(const struct atm_exec *e, uint32_t k)
{
    uint32_t i;

    for (i = 0; i < k; i++)
        if (e->kernel[i].by && !e->kernel[i].by->own &&
            atm_hash_equal(e->p->kernel[i].signature,
                           e->p->kernel[k].signature))
            return &e->kernel[i];
    return NULL;
}

static enum atm_status open_kernel(struct atm_exec *e, uint32_t k)
{
    const struct atm_kernel *kernel = &e->p->kernel[k];
    const struct atm__detail *detail = kernel->detail;
    struct instance *i = &e->kernel[k];
    const struct instance *same;
    enum atm_status st;

    if (kernel->kind != ATM_KERNEL_RUN)
        return ATM_OK;
    same = find(e, k);
    if (same) {
        *i = *same;
        i->owner = false;
        return ATM_OK;
    }
    st = detail->by->open(e->p, kernel, e->dnnl, e->arena, &i->state);
    if (st)
        return atm_fail_in(st, "kernel %s", kernel->name);
    i->by = detail->by;
    i->owner = true;
    return ATM_OK;
}

enum atm_status atm_exec_open(const struct atm_program *p,
                              struct atm_exec **exec)
{
    struct atm_arena *arena = atm_arena_new();
    uint32_t i, n_in = 1, n_out = 1;
    struct atm_exec *e;
    enum atm_status st;

    *exec = NULL;
    if (!arena)
        return ATM_NOMEM;
    e = atm_arena_alloc(arena, sizeof(*e));
    if (!e) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    e->arena = arena;
    e->p = p;
    for (i = 0; i < p->n_kernels; i++) {
        n_in = p->kernel[i].n_in > n_in ? p->kernel[i].n_in : n_in;
        n_out = p->kernel[i].n_out > n_out ? p->kernel[i].n_out : n_out;
    }
    e->kernel = atm_arena_array(arena, p->n_kernels, sizeof(*e->kernel));
    e->in = atm_arena_array(arena, n_in, sizeof(*e->in));
    e->out = atm_arena_array(arena, n_out, sizeof(*e->out));
    st = e->kernel && e->in && e->out
             ? atm__dnnl_open(arena, p->threads, &e->dnnl)
             : ATM_NOMEM;
    for (i = 0; i < p->n_kernels && !st; i++)
        st = open_kernel(e, i);
    if (st) {
        atm_exec_close(&e);
        return st;
    }
    e->pinned = atm__cores_pin(p->threads);
    *exec = e;
    return ATM_OK;
}

void atm_exec_close(struct atm_exec **exec)
{
    struct atm_exec *e = *exec;
    uint32_t i;

    if (!e)
        return;
    for (i = 0; e->kernel && i < e->p->n_kernels; i++)
        if (e->kernel[i].owner && e->kernel[i].by->close)
            e->kernel[i].by->close(e->kernel[i].state);
    if (e->pinned)
        atm__cores_release(e->p->threads);
    atm__dnnl_close(e->dnnl);
    atm_arena_delete(e->arena);
    *exec = NULL;
}

static void place(void **to, void *const *base, const struct atm_operand *op,
                  uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        to[i] = op[i].tensor == ATM_NONE ? NULL
                                         : (char *)base[i] + op[i].offset;
}

enum atm_status atm_exec_run(struct atm_exec *exec, uint32_t kernel,
                             void *const *in, void *const *out, void *scratch)
{
    const struct atm_kernel *k = &exec->p->kernel[kernel];
    const struct instance *i = &exec->kernel[kernel];
    enum atm_status st;

    if (!i->by)
        return ATM_OK; /* the session loads and feeds */
    /* a setting of the calling thread, which another program may have made */
    if (omp_get_max_threads() != exec->p->threads)
        omp_set_num_threads(exec->p->threads);
    place(exec->in, in, k->in, k->n_in);
    place(exec->out, out, k->out, k->n_out);
    st = i->by->run(i->state, exec->in, exec->out, scratch);
    return st ? atm_fail_in(st, "kernel %s", k->name) : ATM_OK;
}

enum atm_status atm_exec_load(struct atm_exec *exec, uint32_t load,
                              void *staging, atm_put_fn *put, void *user)
{
    return atm__load_run(exec->p, &exec->p->load[load], staging, put, user);
}

enum atm_status atm_exec_read_output(struct atm_exec *exec, uint32_t output,
                                     const void *src, void *dst)
{
    const struct atm_operand *o = &exec->p->output[output];
    uint64_t bytes;
    enum atm_status st;

    st = atm_shape_bytes(&o->shape, o->dtype, &bytes);
    if (!st) /* lowering keeps outputs row-major */
        memcpy(dst, (const char *)src + o->offset, (size_t)bytes);
    return st;
}
