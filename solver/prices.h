/* prices.h - a leaf of a certificate, ready to price what paths and entries
 * cost. */
#ifndef ATM_SOLVER_PRICES_H
#define ATM_SOLVER_PRICES_H

#include "model.h"
#include "split.h"

struct atm__cut_of { /* the cuts that name a storage */
    uint32_t next, kernel;
    double price; /* nu * a */
};

struct atm__prices {
    const struct atm__model *m;
    const struct atm_certificate *c;
    uint64_t budget;
    const struct atm__split *split; /* of the leaf */
    uint32_t n_split;
    struct atm_arena *arena;
    double *mu;
    long double *mu_sum, *sigma_sum; /* prefixes */
    double **pi;                     /* per kernel, per use */
    double **alpha, **beta;          /* per kernel, per pair; null: none */
    uint32_t *first_cut;             /* per storage */
    struct atm__cut_of *cut;
    long double sum, size; /* the bound; sum of magnitudes */
};

/* Fills the rest from m, c, budget, split and arena; prices that are none are
 * INVAL. */
enum atm_status atm__prices_read(struct atm__prices *p);
/* What each arc of storage s costs; INFINITY: the splits forbid it. */
void atm__prices_arcs(const struct atm__prices *p, uint32_t s, double *cost);

#endif
