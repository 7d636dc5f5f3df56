/* options.c - the command line: verbs, options, help, all from the two .def
 * tables. */
#include "cli.h"

#include "arena.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 128
#define FIRST_CODE 256 /* long options come back as this + their id */

static const struct verb_row {
    const char *name, *args;
    uint32_t least, most;
    const char *help;
} verbs[] = {
#define X(name, args, least, most, help) {#name, args, least, most, help},
#include "verbs.def"
#undef X
};

static const struct option_row {
    const char *name;
    int letter;
    const char *arg;
    unsigned verbs;
    const char *help; /* null: not shown */
} options[] = {
#define X(id, name, letter, arg, verbs, help) {name, letter, arg, verbs, help},
#include "options.def"
#undef X
};

static const char *verb_name(uint32_t i)
{
    return i < VERB_COUNT ? verbs[i].name : NULL;
}

static const char *option_name(uint32_t i)
{
    return i < OPT_COUNT ? options[i].name : NULL;
}

enum atm_status cli_find_verb(const char *name, enum verb_id *verb)
{
    const char *near;
    uint32_t i;

    for (i = 0; i < VERB_COUNT; i++)
        if (strcmp(name, verbs[i].name) == 0) {
            *verb = (enum verb_id)i;
            return ATM_OK;
        }
    near = cli_nearest(name, verb_name);
    if (near)
        return atm_fail(ATM_INVAL, "unknown verb \"%s\"; did you mean \"%s\"?",
                        name, near);
    return atm_fail(ATM_INVAL, "unknown verb \"%s\"; see `autotm help`", name);
}

static bool takes(enum verb_id verb, uint32_t option)
{
    return (options[option].verbs >> verb & 1) != 0;
}

static enum atm_status add(struct cli *c, uint32_t id, const char *text)
{
    struct cli_option *o = &c->option[id];

    o->text =
        atm_arena_grow(c->arena, o->text, &o->cap, o->n + 1, sizeof(*o->text));
    if (!o->text)
        return ATM_NOMEM;
    o->text[o->n++] = text;
    return ATM_OK;
}

/* What getopt refused: a missing argument, a flag given one, an unknown name
 * (perhaps one that another verb takes). */
static enum atm_status refused(enum verb_id verb, int code, char **argv)
{
    const char *word = argv[optind - 1], *near;
    char name[64], letter[3] = {'-', (char)optopt, '\0'};
    uint32_t i;

    if (code == ':')
        return atm_fail(ATM_INVAL, "%s: option %s needs an argument",
                        verbs[verb].name, word);
    if (optopt >= FIRST_CODE)
        return atm_fail(ATM_INVAL, "%s: option --%s takes no argument",
                        verbs[verb].name, options[optopt - FIRST_CODE].name);
    if (optopt)
        return atm_fail(ATM_INVAL,
                        "%s: unknown option %s; see `autotm help "
                        "%s`",
                        verbs[verb].name, letter, verbs[verb].name);
    word += strspn(word, "-");
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    for (i = 0; i < OPT_COUNT; i++)
        if (strcmp(name, options[i].name) == 0)
            return atm_fail(ATM_INVAL,
                            "%s: --%s is no option of this verb; "
                            "see `autotm help %s`",
                            verbs[verb].name, name, verbs[verb].name);
    near = cli_nearest(name, option_name);
    return atm_fail(ATM_INVAL, "%s: unknown or ambiguous option --%s%s%s%s",
                    verbs[verb].name, name,
                    near ? "; did you mean --" : "; see `autotm help ",
                    near ? near : verbs[verb].name, near ? "?" : "`");
}

static enum atm_status parse_format(struct cli *c)
{
    const char *format = cli_text(c, OPT_FORMAT);

    c->json = format && strcmp(format, "json") == 0;
    c->csv = format && strcmp(format, "csv") == 0;
    if (c->csv && c->verb != VERB_sweep)
        return atm_fail(ATM_INVAL, "--format csv: of `sweep` only");
    if (format && !c->json && !c->csv && strcmp(format, "human") != 0)
        return atm_fail(ATM_INVAL, "--format %s: human or json%s", format,
                        c->verb == VERB_sweep ? " or csv" : "");
    c->level = cli_flag(c, OPT_QUIET) ? -1 : cli_flag(c, OPT_VERBOSE) ? 1 : 0;
    return ATM_OK;
}

enum atm_status cli_parse(struct cli *c, enum verb_id verb, int argc,
                          char **argv)
{
    struct option list[OPT_COUNT + 1] = {{0}};
    char letters[2 * OPT_COUNT + 2] = ":";
    uint32_t by_letter[LETTERS], i, n = 0;
    size_t len = 1;
    enum atm_status st;
    int code;

    c->verb = verb;
    for (i = 0; i < OPT_COUNT; i++) {
        if (!takes(verb, i))
            continue;
        list[n++] = (struct option){
            options[i].name, options[i].arg ? required_argument : no_argument,
            NULL, FIRST_CODE + (int)i};
        if (options[i].letter) {
            by_letter[options[i].letter] = i;
            letters[len++] = (char)options[i].letter;
            if (options[i].arg)
                letters[len++] = ':';
        }
    }
    opterr = 0;
    while ((code = getopt_long(argc, argv, letters, list, NULL)) != -1) {
        if (code == '?' || code == ':')
            return refused(verb, code, argv);
        st = add(c,
                 code >= FIRST_CODE ? (uint32_t)(code - FIRST_CODE)
                                    : by_letter[code],
                 optarg);
        if (st)
            return st;
    }
    c->n_args = (uint32_t)(argc - optind);
    c->arg = argv + optind;
    if (cli_flag(c, OPT_HELP) || cli_flag(c, OPT_VERSION))
        return ATM_OK;
    if (c->n_args < verbs[verb].least)
        return atm_fail(ATM_INVAL, "%s: %s is missing; see `autotm help %s`",
                        verbs[verb].name, verbs[verb].args, verbs[verb].name);
    if (c->n_args > verbs[verb].most)
        return atm_fail(ATM_INVAL, "%s: \"%s\" is one argument too many",
                        verbs[verb].name, c->arg[verbs[verb].most]);
    return parse_format(c);
}

const char *cli_text(const struct cli *c, enum option_id id)
{
    const struct cli_option *o = &c->option[id];

    return o->n ? o->text[o->n - 1] : NULL;
}

bool cli_flag(const struct cli *c, enum option_id id)
{
    return c->option[id].n > 0;
}

static void help_options(enum verb_id verb)
{
    uint32_t i;

    for (i = 0; i < OPT_COUNT; i++) {
        const struct option_row *o = &options[i];
        char left[64], letter[5] = "    ";
        const char *text = o->help;

        if (!text || !takes(verb, i))
            continue;
        if (o->letter)
            (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
                       o->arg ? " " : "", o->arg ? o->arg : "");
        printf("  %-27s", left);
        while (strlen(text) > 50) { /* wrapped at the last blank that fits */
            int n = 50;

            while (n > 0 && text[n] != ' ')
                n--;
            printf(" %.*s\n  %-27s", n, text, "");
            text += n + 1;
        }
        printf(" %s\n", text);
    }
}

static void help_planners(void)
{
    const struct atm_planner *p;
    uint32_t i;

    printf("\nPlanners:\n");
    for (i = 0; (p = atm_planner_at(i)); i++)
        printf("  %-12s %s\n", p->name, p->help);
}

void cli_help(enum verb_id verb)
{
    uint32_t i;

    if (verb == VERB_COUNT) {
        printf("Usage: autotm VERB [OPTION]... [ARGUMENT]...\n\n"
               "Runs neural networks whose tensors do not all fit in fast "
               "memory, by an optimal plan.\n\nVerbs:\n");
        for (i = 0; i < VERB_COUNT; i++)
            printf("  %-10s %s\n", verbs[i].name, verbs[i].help);
        printf("  %-10s %s\n\n", "help", "the options of a verb");
        printf("  autotm zoo resnet50\n"
               "  autotm run resnet50.onnx --fast 30%%\n\n"
               "stdout is data, stderr is talk. Exit codes: 0 ok, 1 internal, "
               "2 usage,\n3 malformed input, 4 unsupported, 5 infeasible, "
               "6 stale plan, 7 verification\nfailed, 8 I/O or memory, "
               "130 interrupted.\n");
        return;
    }
    printf("Usage: autotm %s [OPTION]...%s%s\n\n%c%s.\n\n", verbs[verb].name,
           verbs[verb].args[0] ? " " : "", verbs[verb].args,
           verbs[verb].help[0] - 'a' + 'A', verbs[verb].help + 1);
    help_options(verb);
    if (verb == VERB_plan)
        help_planners();
}

void cli_version(void)
{
    printf("autotm %s\ngit %s\n%s%s%s%sjansson %s\n", ATM_VERSION,
           ATM_GIT[0] ? ATM_GIT : "unknown", atm_frontend_libraries(),
           atm_runtime_libraries(), atm_profiler_libraries(),
           atm_solver_libraries(), jansson_version_str());
}
