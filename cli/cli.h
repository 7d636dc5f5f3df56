/* cli.h - what the verbs share: parsed options, talk, tables, the pipeline.
 *
 * stdout carries data, stderr carries talk; a verb returns a status, and main
 * alone turns it into a sentence and an exit code. */
#ifndef ATM_CLI_H
#define ATM_CLI_H

#include "autotm/autotm.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

enum verb_id {
#define X(name, args, least, most, help) VERB_##name,
#include "verbs.def"
#undef X
    VERB_COUNT
};
enum verb_bit {
#define X(name, args, least, most, help) V_##name = 1 << VERB_##name,
#include "verbs.def"
#undef X
};
enum option_id {
#define X(id, name, letter, arg, verbs, help) OPT_##id,
#include "options.def"
#undef X
    OPT_COUNT
};

struct cli_option {
    uint32_t n, cap;
    const char **text; /* each time it was given; flags: null texts */
};

struct cli {
    struct atm_arena *arena;
    enum verb_id verb;
    struct cli_option option[OPT_COUNT];
    uint32_t n_args;
    char **arg;
    bool json, csv;     /* neither: for people */
    int level; /* -1 quiet, 0 normal, 1 verbose */
    double told_best, told_s; /* of a plan being made: what was said last */
};

#define X(name, args, least, most, help)                                       \
    enum atm_status verb_##name(struct cli *c);
#include "verbs.def"
#undef X

/* ---- options.c ---- */
enum atm_status cli_parse(struct cli *c, enum verb_id verb, int argc,
                          char **argv);
enum atm_status cli_find_verb(const char *name, enum verb_id *verb);
void cli_help(enum verb_id verb); /* VERB_COUNT: of all */
void cli_version(void);
/* The last text given, or null. */
const char *cli_text(const struct cli *c, enum option_id id);
bool cli_flag(const struct cli *c, enum option_id id);

/* ---- values.c: texts to values; INVAL names the option ---- */
enum atm_status cli_count(const struct cli *c, enum option_id id,
                          uint64_t dflt, uint64_t least, uint64_t most,
                          uint64_t *value);
enum atm_status cli_real(const struct cli *c, enum option_id id, double dflt,
                         double *value); /* a number or P% */
enum atm_status cli_budget(const char *text, uint64_t peak, uint64_t *bytes);
/* "16000" or "1,3,4" as an array of the input's integer or bool type, and of
 * `shape` or else of the declared one. Clear it. */
enum atm_status cli_list(const char *text, const struct atm_model_input *input,
                         const struct atm_shape *shape, struct atm_array *a);
enum atm_status cli_shape(const char *text, char **name, struct atm_arena *a,
                          struct atm_shape *shape);
enum atm_status cli_pair(const char *text, const char *what, char **name,
                         struct atm_arena *a, const char **value);
/* The candidate most like `text`, or null if none is close. */
const char *cli_nearest(const char *text, const char *(*at)(uint32_t));

/* ---- talk.c ---- */
/* As vfprintf, one line at most; control characters become '?'. */
void cli_print(FILE *to, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void cli_say(const struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void cli_warn(const struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A progress line: rewritten in place on a terminal, else at most one each 10
 * seconds; cli_progress_end closes it. */
void cli_progress(const struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void cli_progress_end(const struct cli *c);
void cli_error(bool json, enum atm_status st);
/* Ctrl-C ends the process at once (130), but while `deferred` it only sets
 * what cli_interrupted says, and the second one ends it. */
void cli_interrupt_init(void);
void cli_interrupt_defer(bool deferred);
bool cli_interrupted(void);

/* ---- show.c: human and JSON output ---- */
char *cli_bytes(uint64_t bytes, char buf[64]);       /* "1.5 MiB" */
char *cli_bytes_exact(uint64_t bytes, char buf[64]); /* "1.5 MiB (1572864)" */
char *cli_seconds(double s, char buf[64]);           /* "1.234 ms", "-" */
void cli_line(const char *key, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Rows of `columns` texts each; heads ending in '>' are right-aligned. */
enum atm_status cli_table(const char *const *head, uint32_t columns,
                          const char *const *cell, uint32_t rows);
enum atm_status cli_print_json(json_t *root); /* takes; stdout, newline */
json_t *cli_json_real(double v);              /* null where not finite */
json_t *cli_json_hash(struct atm_hash h);

/* ---- pipeline.c ---- */
struct pipe {
    struct cli *c;
    const char *model;
    struct atm_graph *graph;
    struct atm_program *program;
    struct atm_store *store;
    struct atm_target target; /* --target; else its name is "" */
    struct atm_profile_plan to_profile; /* what --dry-run is asked for */
    struct atm_profile *profile;
    struct atm_problem *problem;
    struct atm_plan_options options;
    struct atm_placement *placement;
    struct atm_schedule *schedule;
    uint32_t n_bound;        /* --value, and --input files that import took */
    struct atm_array *bound;
};

enum pipe_stage {
    PIPE_PROGRAM, PIPE_PROFILE, PIPE_PROBLEM, PIPE_SCHEDULE
};
/* Runs the pipeline from where it stands through `last`. */
enum atm_status pipe_until(struct pipe *p, enum pipe_stage last);
void pipe_close(struct pipe *p);
enum atm_status pipe_store(struct pipe *p);
/* --plan: reads, checks against model, tiers and --slow; fills schedule and
 * what of the profile is known without measuring. */
enum atm_status pipe_read_plan(struct pipe *p, const char *path);
/* Plans once more, with another planner and without a limit. */
enum atm_status pipe_plan_with(struct pipe *p, const char *planner,
                               struct atm_schedule **schedule);
enum atm_status pipe_plan_options(struct cli *c, struct atm_plan_options *o);
bool pipe_emulated(const struct pipe *p);

/* Inputs of a run: from --input, else seeded. One array a graph input. */
enum atm_status pipe_inputs(struct pipe *p, uint64_t seed,
                            struct atm_array **input);
/* New seeded values for the inputs that no --input gives. */
enum atm_status pipe_reseed(struct pipe *p, uint64_t seed,
                            struct atm_array *input);
void pipe_inputs_free(struct pipe *p, struct atm_array **input);

#endif
