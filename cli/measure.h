/* measure.h - iterations of one session, and its outputs. */
#ifndef ATM_CLI_MEASURE_H
#define ATM_CLI_MEASURE_H

#include "cli.h"

struct measured {
    struct atm_session *session;
    struct atm_run_report last;
    uint32_t n;
    double *seconds;   /* per iteration kept */
    double *step_s;    /* per step, of the last iteration kept */
    double *step_range[2]; /* per step: least and most of them */
    double took_s;     /* the last one, by the clock on the wall */
    bool disturbed;    /* the last one lost a core to other work */
    uint32_t repeated; /* that did, and do not count */
    double waited_s;   /* for better ones */
};

/* Room for `n` iterations; opens the session by `s`. */
enum atm_status measured_open(struct pipe *p, const struct atm_schedule *s,
                              const struct atm_session_options *o, uint64_t n,
                              struct measured *m);
void measured_close(struct measured *m);
enum atm_status measured_feed(struct pipe *p, struct measured *m,
                              const struct atm_array *input);
/* One iteration; INTERRUPTED after Ctrl-C. */
enum atm_status measured_run(struct measured *m, bool keep);
/* steps.c: each step beside its prediction; step_s of such an iteration. */
json_t *steps_json(const struct pipe *p, const double *step_s);
/* Kernels whose prediction lies beyond all that was measured, by over 15 %,
 * where these make up over 2 % of the iteration; *worst: the step that is off
 * by the most seconds. */
uint32_t steps_off(const struct pipe *p, const struct measured *m,
                   uint32_t *worst);
enum atm_status steps_show(const struct pipe *p, const double *step_s);
double measured_median(const struct measured *m);
double measured_min(const struct measured *m);

/* Row-major copies of all outputs of the last iteration. */
enum atm_status outputs_read(struct pipe *p, struct atm_session *s,
                             struct atm_array **output);
void outputs_free(struct pipe *p, struct atm_array **output);
const char *output_name(const struct pipe *p, uint32_t i);

#endif
