/* talk.c - everything that is said on stderr, and Ctrl-C. */
#include "cli.h"

#include "clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t deferring, interrupts;
static bool line_open;          /* a progress line stands on the terminal */
static double last_line_s = -1; /* before 0: no line yet */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupts++;
    if (!deferring || interrupts > 1)
        _exit(130);
}

void cli_interrupt_init(void)
{
    struct sigaction a;

    memset(&a, 0, sizeof(a));
    a.sa_handler = on_interrupt;
    a.sa_flags = SA_RESTART;
    (void)sigemptyset(&a.sa_mask);
    (void)sigaction(SIGINT, &a, NULL);
    /* a closed stdout and a file too large are errors that we report */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

void cli_interrupt_defer(bool deferred)
{
    deferring = deferred;
}

bool cli_interrupted(void)
{
    return interrupts > 0;
}

static void close_line(void)
{
    if (line_open)
        (void)fputc('\n', stderr);
    line_open = false;
}

/* Names come from models: a control character in one must not reach the
 * terminal as a command. */
void cli_print(FILE *to, const char *fmt, va_list ap)
{
    unsigned char text[2048];
    size_t i;

    (void)vsnprintf((char *)text, sizeof(text), fmt, ap);
    for (i = 0; text[i]; i++)
        if (text[i] < ' ' || text[i] == 0x7f ||
            (text[i] == 0xc2 && text[i + 1] >= 0x80 && text[i + 1] < 0xa0))
            text[i] = '?';
    (void)fputs((const char *)text, to);
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    if (c->level < 0)
        return;
    close_line();
    va_start(ap, fmt);
    cli_print(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

void cli_warn(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    if (c->level < 0)
        return;
    close_line();
    (void)fputs("autotm: warning: ", stderr);
    va_start(ap, fmt);
    cli_print(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

void cli_progress(const struct cli *c, const char *fmt, ...)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    va_list ap;
    double now;

    now = atm_now_s();
    if (last_line_s < 0 && !terminal)
        last_line_s = now; /* the first line of a log comes after 10 s, too */
    if (c->level < 0 ||
        (last_line_s >= 0 && now - last_line_s < (terminal ? 0.1 : 10)))
        return;
    last_line_s = now;
    if (terminal)
        (void)fputs("\r\033[K", stderr);
    va_start(ap, fmt);
    cli_print(stderr, fmt, ap);
    va_end(ap);
    if (terminal)
        line_open = true;
    else
        (void)fputc('\n', stderr);
}

void cli_progress_end(const struct cli *c)
{
    (void)c;
    close_line();
    last_line_s = -1;
}

static void print_line(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static void print_line(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    cli_print(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

void cli_error(bool json, enum atm_status st)
{
    json_t *e;

    close_line();
    if (!json) {
        print_line("autotm: %s", atm_errmsg());
        return;
    }
    e = json_pack("{s:{s:i, s:s, s:s}}", "error", "exit_code",
                  atm_status_exit_code(st), "status", atm_status_text(st),
                  "message", atm_errmsg());
    if (!e) /* the sentence is no UTF-8 */
        e = json_pack("{s:{s:i, s:s}}", "error", "exit_code",
                      atm_status_exit_code(st), "status", atm_status_text(st));
    (void)json_dumpf(e, stderr, 0);
    (void)fputc('\n', stderr);
    json_decref(e);
}
