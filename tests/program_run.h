/* program_run.h - runs a program with every tensor in a buffer of its own, for
 * tests: no session, no tiers. Must pairs share the first tensor's buffer. */
#ifndef ATM_TEST_PROGRAM_RUN_H
#define ATM_TEST_PROGRAM_RUN_H

#include "atm_test.h"
#include "autotm/runtime.h"

#include <stdlib.h>

#define PROGRAM_RUN_OPERANDS 64

struct program_run {
    const struct atm_program *p;
    struct atm_exec *exec;
    char *pool;
    char **at; /* a tensor: its address */
    char *scratch;
};

static enum atm_status program_run_put(void *user, uint64_t off,
                                       const void *src, uint64_t bytes)
{
    memcpy((char *)user + off, src, (size_t)bytes);
    return ATM_OK;
}

/* `skew` bytes (a multiple of 64) between tensors, so that placements with
 * different skews have nothing in common. All bytes begin as `poison`. */
static void program_run_open(struct program_run *r,
                             const struct atm_program *p, size_t skew,
                             int poison)
{
    size_t bytes = 4096 + skew, scratch = ATM_ALIGN, at = skew;
    uint32_t i, j;

    r->p = p;
    ATM_ASSERT_OK(atm_exec_open(p, &r->exec));
    for (i = 0; i < p->n_tensors; i++)
        bytes += (size_t)p->tensor[i].bytes + skew + ATM_ALIGN;
    for (i = 0; i < p->n_kernels; i++)
        if (p->kernel[i].scratch_bytes > scratch)
            scratch = (size_t)p->kernel[i].scratch_bytes;
    bytes = (bytes + 4095) / 4096 * 4096;
    r->pool = aligned_alloc(4096, bytes);
    r->scratch = aligned_alloc(ATM_ALIGN, scratch);
    r->at = calloc(p->n_tensors + 1, sizeof(*r->at));
    CU_ASSERT_FATAL(r->pool && r->scratch && r->at);
    memset(r->pool, poison, bytes);
    memset(r->scratch, poison, scratch);
    for (i = 0; i < p->n_tensors; i++) {
        r->at[i] = r->pool + at;
        at += (size_t)p->tensor[i].bytes + skew;
    }
    for (i = 0; i < p->n_kernels; i++)
        for (j = 0; j < p->kernel[i].n_pairs; j++)
            if (p->kernel[i].pair[j].must)
                r->at[p->kernel[i].out[p->kernel[i].pair[j].out].tensor] =
                    r->at[p->kernel[i].in[p->kernel[i].pair[j].in].tensor];
    for (i = 0; i < p->n_loads; i++)
        ATM_ASSERT_OK(atm_exec_load(r->exec, i, r->scratch, program_run_put,
                                    r->at[p->load[i].tensor]));
}

static void program_run_close(struct program_run *r)
{
    atm_exec_close(&r->exec);
    free(r->pool);
    free(r->scratch);
    free(r->at);
}

/* Copies `data` into graph input `input`. */
static void program_run_feed(struct program_run *r, uint32_t input,
                             const void *data, size_t bytes)
{
    memcpy(r->at[r->p->input[input]], data, bytes);
}

static void program_run_once(struct program_run *r)
{
    void *in[PROGRAM_RUN_OPERANDS], *out[PROGRAM_RUN_OPERANDS];
    uint32_t k, i;

    for (k = 0; k < r->p->n_kernels; k++) {
        const struct atm_kernel *q = &r->p->kernel[k];

        CU_ASSERT_FATAL(q->n_in <= PROGRAM_RUN_OPERANDS &&
                        q->n_out <= PROGRAM_RUN_OPERANDS);
        for (i = 0; i < q->n_in; i++)
            in[i] = q->in[i].tensor == ATM_NONE ? NULL
                                                : r->at[q->in[i].tensor];
        for (i = 0; i < q->n_out; i++)
            out[i] = q->out[i].tensor == ATM_NONE ? NULL
                                                  : r->at[q->out[i].tensor];
        ATM_ASSERT_OK(atm_exec_run(r->exec, k, in, out, r->scratch));
    }
}

static void program_run_output(struct program_run *r, uint32_t output,
                               void *dst)
{
    ATM_ASSERT_OK(atm_exec_read_output(
        r->exec, output, r->at[r->p->output[output].tensor], dst));
}

#endif
