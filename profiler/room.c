/* room.c - anonymous memory in huge pages. */
#include "room.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE ((size_t)2 << 20)

enum atm_status atm__room_open(size_t bytes, struct atm__room *room)
{
    size_t mapped = bytes + HUGE;
    void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED)
        return ATM_NOMEM;
    (void)madvise(base, mapped, MADV_HUGEPAGE); /* slower without */
    *room = (struct atm__room){
        (unsigned char *)base + (-(uintptr_t)base & (HUGE - 1)), base, mapped};
    memset(room->at, 1, bytes);
    return ATM_OK;
}

void atm__room_close(struct atm__room *room)
{
    if (room->base)
        (void)munmap(room->base, room->mapped);
    *room = (struct atm__room){NULL, NULL, 0};
}
