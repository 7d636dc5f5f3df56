/* conformance.h - one test of the official ONNX suite. */
#ifndef ATM_TESTS_CONFORMANCE_H
#define ATM_TESTS_CONFORMANCE_H

#include <onnx.pb-c.h>

#include <stddef.h>

/* RANDOM: a model that draws numbers gave results of the right type, shape and
 * range, the same in every placement. */
enum verdict { PASSED, WRONG, UNSUPPORTED, CRASHED, RANDOM, VERDICTS };

struct finding {
    enum verdict verdict;
    int n_bound;       /* inputs that had to be bound as constants */
    char reason[1024]; /* why it is not passed */
};

/* If not 0: an output may differ from the expected one by this part of its
 * largest value, in place of ONNX's own tolerances; and the data's shapes bind
 * the model's open dimensions. Set before any test runs. */
extern double conformance_relative;

/* Runs the test of folder `dir` in every placement; `model` is its model.onnx,
 * read apart, for the names of its inputs. */
void conformance_case(const char *dir, const Onnx__ModelProto *model,
                      struct finding *f);

#endif
