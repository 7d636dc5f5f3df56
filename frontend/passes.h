/* passes.h - rewriting graphs in place; shared by the importer and fusion. */
#ifndef ATM_FRONTEND_PASSES_H
#define ATM_FRONTEND_PASSES_H

#include "autotm/graph.h"
#include "names.h"

/* Removes Identity and inference Dropout, then what no output needs. An output
 * that is a constant, or an input under another name, keeps an Identity. */
enum atm_status atm__rewrite(struct atm_graph *g);

/* Removes the nodes i with drop[i], then nodes whose results nobody reads,
 * then values that nothing names; ids change. */
enum atm_status atm__compact(struct atm_graph *g, const bool *drop);

/* The names of all values, for atm__derived_value. */
enum atm_status atm__value_names(const struct atm_graph *g,
                                 struct atm__names *names);

/* A new value, named after `base`: "base/suffix", or with a
 * number behind it where that is taken. */
enum atm_status atm__derived_value(struct atm_graph *g,
                                   struct atm__names *names, uint32_t base,
                                   const char *suffix, enum atm_dtype dtype,
                                   const struct atm_shape *shape, uint32_t *id);

#endif
