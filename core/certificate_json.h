/* certificate_json.h - the JSON object of a certificate, as it stands under
 * the key `certificate` of plans and answers. Shared inside core. */
#ifndef ATM_CORE_CERTIFICATE_JSON_H
#define ATM_CORE_CERTIFICATE_JSON_H

#include "autotm/problem.h"
#include "json.h"

json_t *atm__certificate_json(const struct atm_certificate *c); /* null: OOM */
/* Form only: ids are judged by whoever has the problem. */
enum atm_status atm__certificate_parse(const struct atm__place *at,
                                       const json_t *v, struct atm_arena *arena,
                                       struct atm_certificate *c);

#endif
