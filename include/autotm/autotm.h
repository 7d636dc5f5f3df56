/* autotm.h - everything. */
#ifndef AUTOTM_AUTOTM_H
#define AUTOTM_AUTOTM_H

#include "autotm/explain.h"
#include "autotm/frontend.h"
#include "autotm/graph.h"
#include "autotm/op.h"
#include "autotm/planner.h"
#include "autotm/problem.h"
#include "autotm/profile.h"
#include "autotm/profiler.h"
#include "autotm/program.h"
#include "autotm/runtime.h"
#include "autotm/schedule.h"
#include "autotm/status.h"
#include "autotm/target.h"
#include "autotm/tier.h"
#include "autotm/types.h"
#include "autotm/zoo.h"

#define ATM_VERSION "0.1.0"

#endif
