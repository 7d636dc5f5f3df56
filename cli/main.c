/* main.c - autotm: finds the verb, runs it, reports what went wrong. */
#include "cli.h"

#include "arena.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum atm_status (*const verb_of[])(struct cli *) = {
#define X(name, args, least, most, help) verb_##name,
#include "verbs.def"
#undef X
};

/* Known before anything is parsed, so that every error has the right form. */
static bool wants_json(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], "--format=json") == 0 ||
            (i + 1 < argc && strcmp(argv[i], "--format") == 0 &&
             strcmp(argv[i + 1], "json") == 0))
            return true;
    return false;
}

static bool is_one(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static enum atm_status help(int argc, char **argv)
{
    enum verb_id verb = VERB_COUNT;
    enum atm_status st = ATM_OK;

    if (argc > 2)
        st = cli_find_verb(argv[2], &verb);
    if (!st)
        cli_help(verb);
    return st;
}

static enum atm_status run_one(int argc, char **argv)
{
    struct cli c = {.arena = atm_arena_new()};
    enum verb_id verb = VERB_COUNT;
    enum atm_status st;

    if (!c.arena)
        return ATM_NOMEM;
    st = cli_find_verb(argv[1], &verb);
    if (!st)
        st = cli_parse(&c, verb, argc - 1, argv + 1);
    if (!st && cli_flag(&c, OPT_HELP))
        cli_help(verb);
    else if (!st && cli_flag(&c, OPT_VERSION))
        cli_version();
    else if (!st)
        st = verb_of[verb](&c);
    atm_arena_delete(c.arena);
    return st;
}

int main(int argc, char **argv)
{
    bool json = wants_json(argc, argv);
    enum atm_status st;

    cli_interrupt_init();
    if (argc < 2) {
        st = atm_fail(ATM_INVAL, "a verb is missing; see `autotm help`");
    } else if (is_one(argv[1], "--version", "-V")) {
        cli_version();
        st = ATM_OK;
    } else if (is_one(argv[1], "--help", "-h") ||
               strcmp(argv[1], "help") == 0) {
        st = help(argc, argv);
    } else {
        st = run_one(argc, argv);
    }
    if (fflush(stdout) != 0 && !st)
        st = atm_fail(ATM_IO, "stdout: %s", strerror(errno));
    if (st)
        cli_error(json, st);
    return atm_status_exit_code(st);
}
