/* json_text.h - from jansson's values to the project's strings. */
#ifndef ATM_CORE_JSON_TEXT_H
#define ATM_CORE_JSON_TEXT_H

#include "autotm/status.h"

#include <jansson.h>

/* Any bytes as a JSON string: what is not UTF-8 becomes '?', since names come
 * from untrusted files. Null when out of memory. */
json_t *atm_json_name(const char *s);

/* Writes `root` with sorted keys and releases it (null: out of memory). Free
 * the text with atm_string_free. */
enum atm_status atm_json_text(json_t *root, char **json);

#endif
