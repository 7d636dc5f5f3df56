/* passes.h - rewriting graphs in place; shared by the importer and fusion. */
#ifndef ATM_FRONTEND_PASSES_H
#define ATM_FRONTEND_PASSES_H

#include "autotm/graph.h"

/* "node 17 "conv1" (Conv)" before the sentence of the last failure. */
enum atm_status atm__node_fail(const struct atm_graph *g, uint32_t node,
                               enum atm_status st);

/* Removes Identity and inference Dropout, then what no output needs. An output
 * that is a constant, or an input under another name, keeps an Identity. */
enum atm_status atm__rewrite(struct atm_graph *g);

/* Removes the nodes i with drop[i], then nodes whose results nobody reads,
 * then values that nothing names; ids change. */
enum atm_status atm__compact(struct atm_graph *g, bool *drop);

#endif
