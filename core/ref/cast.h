/* cast.h - conversion between element types. */
#ifndef ATM_CORE_REF_CAST_H
#define ATM_CORE_REF_CAST_H

#include "ref/elem.h"

/* out[0][i] = in[0][i] in the type of out[0]. */
void atm__cast(const struct atm_call *call);

#endif
