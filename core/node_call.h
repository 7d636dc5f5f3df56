/* node_call.h - a node as its operator's rule sees it. Shared inside the
 * project, not installed. */
#ifndef ATM_CORE_NODE_CALL_H
#define ATM_CORE_NODE_CALL_H

#include "autotm/op.h"

struct atm_arena;

/* Constants up to this size are shown to inference: more than any list of
 * axes, pads, scales or dimensions. */
#define ATM_INFER_DATA_MAX 1024u

/* Fills `call` for atm_op_infer: inputs from the graph's values, outputs
 * present but empty. Views and bytes lie in `arena`. */
enum atm_status atm_node_call(const struct atm_graph *g,
                              const struct atm_node *node,
                              struct atm_arena *arena, struct atm_call *call);

#endif
