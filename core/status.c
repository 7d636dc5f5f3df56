/* status.c - the thread-local sentence behind a failure. */
#include "autotm/status.h"

#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 1024

static _Thread_local char sentence[SENTENCE_MAX] = "no error";

enum atm_status atm_fail(enum atm_status status, const char *fmt, ...)
{
    char text[SENTENCE_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    memcpy(sentence, text, sizeof(text));
    return status;
}

enum atm_status atm_fail_in(enum atm_status status, const char *fmt, ...)
{
    char text[SENTENCE_MAX];
    va_list ap;
    size_t n;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = strlen(text);
    (void)snprintf(text + n, sizeof(text) - n, ": %s", sentence);
    memcpy(sentence, text, sizeof(text));
    return status;
}

const char *atm_errmsg(void)
{
    return sentence;
}

const char *atm_status_text(enum atm_status status)
{
    switch (status) {
#define X(name, code, text)                                                    \
    case ATM_##name:                                                           \
        return text;
        ATM_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}

int atm_status_exit_code(enum atm_status status)
{
    switch (status) {
#define X(name, code, text)                                                    \
    case ATM_##name:                                                           \
        return code;
        ATM_STATUS_LIST(X)
#undef X
    }
    return 1;
}
