/* room.h - memory for copies under a stopwatch, as a session's pool is. */
#ifndef ATM_PROFILER_ROOM_H
#define ATM_PROFILER_ROOM_H

#include "autotm/status.h"

#include <stddef.h>

struct atm__room {
    unsigned char *at; /* aligned to 2 MiB, written */
    void *base;
    size_t mapped;
};

/* Huge pages where there are some: a drive took 3.2 times as long to read into
 * small ones, as its requests are lists of pages. */
enum atm_status atm__room_open(size_t bytes, struct atm__room *room);
void atm__room_close(struct atm__room *room); /* accepts a zeroed one */

#endif
