/* program.c - names, ownership and operand order of programs. */
#include "autotm/program.h"

#include "arena.h"

const char *atm_tensor_class_name(enum atm_tensor_class cls)
{
    static const char *const names[] = {
#define X(name, text) [ATM_CLASS_##name] = text,
        ATM_TENSOR_CLASS_LIST(X)
#undef X
    };

    return (unsigned)cls < sizeof(names) / sizeof(*names) ? names[cls] : "?";
}

void atm_program_delete(struct atm_program **program)
{
    if (!*program)
        return;
    atm_arena_delete((*program)->arena);
    *program = NULL;
}

/* Adds `touched` to the bytes of `tensor` among ids[from..n), appending it if
 * it is new and there is room. No more is touched than there is: two operands
 * that view one tensor meet in the cache. Returns the new n. */
static uint32_t add(const struct atm_program *p, uint32_t *ids,
                    uint64_t *bytes, uint64_t *others, uint32_t from,
                    uint32_t n, uint32_t cap, const struct atm_operand *o)
{
    uint64_t room;
    uint32_t at = from;

    if (o->tensor == ATM_NONE)
        return n;
    while (at < n && ids[at] != o->tensor)
        at++;
    if (at == n) {
        if (n == cap)
            return n;
        ids[n] = o->tensor;
        bytes[n] = others[n] = 0;
        n++;
    }
    room = p->tensor[o->tensor].bytes - bytes[at];
    bytes[at] += o->touched < room ? o->touched : room;
    return n;
}

uint32_t atm_kernel_operands(const struct atm_program *p, uint32_t kernel,
                             uint32_t cap, uint32_t *tensor,
                             uint64_t *read_bytes, uint64_t *write_bytes,
                             uint32_t *n_in)
{
    const struct atm_kernel *k = &p->kernel[kernel];
    uint32_t i, n = 0;

    for (i = 0; i < k->n_in; i++)
        n = add(p, tensor, read_bytes, write_bytes, 0, n, cap, &k->in[i]);
    *n_in = n;
    for (i = 0; i < k->n_out; i++)
        n = add(p, tensor, write_bytes, read_bytes, *n_in, n, cap,
                &k->out[i]);
    return n;
}
