/* brute_pack.h - can a handful of boxes be given addresses? By trying. */
#ifndef ATM_TEST_BRUTE_PACK_H
#define ATM_TEST_BRUTE_PACK_H

#include <stdbool.h>
#include <stdint.h>

enum { BRUTE_BOXES = 64 };

struct brute_box {
    unsigned first, last;  /* phases; first > last runs over the boundary */
    uint64_t size, offset; /* offset: given where fixed, else an answer */
    bool fixed;
    unsigned with;         /* index of a box at the same offset; own: none */
};

/* 1: yes, 0: no, -1: too long to find out. */
int brute_packs(struct brute_box *b, unsigned n, uint64_t capacity,
                uint64_t align);

#endif
