/* import_values.c - inputs, initialisers, overrides, outputs, value_info, and
 * the binding of symbolic dimensions. */
#include "import.h"

#include "arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_MAX_BYTES 4096

enum atm_status atm__value_new(struct atm__importer *im, const char *name,
                               uint32_t *id)
{
    struct atm_graph *g = im->g;
    enum atm_status st;
    char own[32];
    uint32_t i = g->n_values;

    if (name && strlen(name) > NAME_MAX_BYTES)
        return atm_fail(ATM_FORMAT, "a name of %zu bytes; at most %d",
                        strlen(name), NAME_MAX_BYTES);
    while (!name) {
        (void)snprintf(own, sizeof(own), "autotm/%" PRIu32, i++);
        if (atm__names_find(&im->values, own) == ATM_NONE)
            name = own;
    }
    st = atm_graph_add_value(g, name, ATM_DTYPE_NONE, NULL, id);
    if (!st)
        st = atm__names_add(&im->values, g->value[*id].name, *id);
    return st;
}

int64_t atm__dim_value(const struct atm__importer *im, const char *name)
{
    uint32_t i = atm__names_find(&im->dims, name);

    return i == ATM_NONE ? -1 : im->dim_value[i];
}

/* A name is bound once; a second value must be the same. */
static enum atm_status bind_dim(struct atm__importer *im, const char *name,
                                int64_t value)
{
    int64_t old = atm__dim_value(im, name), *grown;

    if (value < 0)
        return atm_fail(ATM_INVAL, "dimension \"%s\" cannot be %" PRId64, name,
                        value);
    if (old == value)
        return ATM_OK;
    if (old >= 0)
        return atm_fail(ATM_INVAL,
                        "dimension \"%s\" is bound to %" PRId64
                        " and to %" PRId64,
                        name, old, value);
    grown = atm_arena_grow(im->g->arena, im->dim_value, &im->cap_dims,
                           im->n_dims + 1, sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    im->dim_value = grown;
    grown[im->n_dims] = value;
    return atm__names_add(&im->dims, name, im->n_dims++);
}

/* Element type and shape as a ValueInfoProto writes them: -1 is a dimension
 * without a value, with or without a name. */
static enum atm_status read_type(struct atm__importer *im,
                                 const Onnx__ValueInfoProto *v,
                                 struct atm__declared *d)
{
    const Onnx__TypeProto__Tensor *t;
    size_t i;

    memset(d, 0, sizeof(*d));
    if (!v->type || v->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return ATM_OK;
    if (v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        atm__unsupported(im, "sequence, map, optional and sparse types");
        return ATM_OK;
    }
    t = v->type->tensor_type;
    d->dtype = atm_dtype_from_onnx(t->elem_type);
    if (t->elem_type < 0)
        return atm_fail(ATM_FORMAT, "element type %d", t->elem_type);
    if (t->elem_type > 0 && d->dtype == ATM_DTYPE_NONE)
        atm__unsupported(im, "element type %d%s", t->elem_type,
                         t->elem_type == 8 ? " (string)" : "");
    if (!t->shape)
        return ATM_OK;
    if (t->shape->n_dim > ATM_RANK_MAX)
        return atm_fail(ATM_FORMAT, "rank %zu is above %d", t->shape->n_dim,
                        ATM_RANK_MAX);
    d->shaped = true;
    d->shape.rank = (uint32_t)t->shape->n_dim;
    for (i = 0; i < t->shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = t->shape->dim[i];

        d->shape.dim[i] = -1;
        if (dim->value_case !=
            ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
            continue;
        if (dim->dim_value < -1) /* -1: any, as some exporters write it */
            return atm_fail(ATM_FORMAT, "dimension %zu is %" PRId64, i,
                            dim->dim_value);
        d->shape.dim[i] = dim->dim_value;
    }
    return ATM_OK;
}

/* Null without a name; "?" is how some exporters write that. */
static const char *dim_name(const Onnx__ValueInfoProto *v, uint32_t i)
{
    const Onnx__TensorShapeProto__Dimension *dim =
        v->type->tensor_type->shape->dim[i];

    return dim->value_case ==
                       ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
                   *dim->dim_param && strcmp(dim->dim_param, "?") != 0
               ? dim->dim_param
               : NULL;
}

static size_t n_dims(const Onnx__ValueInfoProto *v)
{
    const Onnx__TypeProto *t = v->type;

    return t && t->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
                   t->tensor_type->shape
               ? t->tensor_type->shape->n_dim
               : 0;
}

/* A whole shape from --shape: it must agree with what is written, and binds
 * the names in it. */
static enum atm_status bind_shape(struct atm__importer *im,
                                  const Onnx__ValueInfoProto *v,
                                  struct atm__declared *d,
                                  const struct atm_shape *shape)
{
    char is[128], want[128];
    enum atm_status st;
    uint32_t i;

    for (i = 0; d->shaped && i < d->shape.rank; i++) {
        if (shape->rank != d->shape.rank ||
            (d->shape.dim[i] >= 0 && d->shape.dim[i] != shape->dim[i]))
            return atm_fail(ATM_INVAL,
                            "input \"%s\": shape %s is given, the "
                            "model says %s (-1: any)",
                            v->name, atm_shape_str(shape, is, sizeof(is)),
                            atm_shape_str(&d->shape, want, sizeof(want)));
        if (d->shape.dim[i] < 0 && dim_name(v, i)) {
            st = bind_dim(im, dim_name(v, i), shape->dim[i]);
            if (st)
                return st;
        }
    }
    d->shape = *shape;
    d->shaped = true;
    return ATM_OK;
}

static const struct atm_shape *given_shape(const struct atm__importer *im,
                                           const char *input)
{
    const struct atm_import_options *o = im->options;
    uint32_t i;

    for (i = 0; i < o->n_shapes; i++)
        if (strcmp(o->shape[i].input, input) == 0)
            return &o->shape[i].shape;
    return NULL;
}

static const struct atm_array *given_value(const struct atm__importer *im,
                                           const char *input)
{
    const struct atm_import_options *o = im->options;
    uint32_t i;

    for (i = 0; i < o->n_values; i++)
        if (strcmp(o->value[i].input, input) == 0)
            return o->value[i].array;
    return NULL;
}

static enum atm_status remember(struct atm__importer *im, uint32_t value,
                                const struct atm__declared *d)
{
    struct atm__declared *grown;
    uint32_t was = im->cap_declared;

    grown = atm_arena_grow(im->g->arena, im->declared, &im->cap_declared,
                           value + 1, sizeof(*grown));
    if (!grown)
        return ATM_NOMEM;
    if (grown != im->declared)
        memset(grown + was, 0, (im->cap_declared - was) * sizeof(*grown));
    im->declared = grown;
    grown[value] = *d;
    return ATM_OK;
}

/* First round: the input becomes a value, --shape binds names. */
static enum atm_status add_input(struct atm__importer *im,
                                 const Onnx__ValueInfoProto *v)
{
    const struct atm_shape *shape;
    struct atm__declared d;
    enum atm_status st;
    uint32_t id;

    if (!v->name || !*v->name)
        return atm_fail(ATM_FORMAT, "an input without a name");
    if (atm__names_find(&im->values, v->name) != ATM_NONE)
        return atm_fail(ATM_FORMAT, "two inputs are named \"%s\"", v->name);
    st = read_type(im, v, &d);
    if (st)
        return atm_fail_in(st, "input \"%s\"", v->name);
    shape = given_shape(im, v->name);
    if (!shape && given_value(im, v->name))
        shape = &given_value(im, v->name)->shape;
    st = shape ? bind_shape(im, v, &d, shape) : ATM_OK;
    if (!st)
        st = atm__value_new(im, v->name, &id);
    return st ? st : remember(im, id, &d);
}

/* Second round, once initialisers are known and names bound: a true input
 * needs a type and a whole shape. */
static enum atm_status settle_input(struct atm__importer *im,
                                    const Onnx__ValueInfoProto *v)
{
    uint32_t id = atm__names_find(&im->values, v->name), i;
    struct atm_value *value = &im->g->value[id];
    struct atm__declared *d = &im->declared[id];
    enum atm_status st;
    uint64_t bytes;

    for (i = 0; i < d->shape.rank; i++) {
        const char *name = d->shape.dim[i] < 0 ? dim_name(v, i) : NULL;

        if (name)
            d->shape.dim[i] = atm__dim_value(im, name);
        if (d->shape.dim[i] >= 0 || value->constant != ATM_NONE)
            continue;
        return name ? atm_fail(ATM_INVAL,
                               "input \"%s\": dimension %" PRIu32
                               " (\"%s\") has no value; give --dim %s=N",
                               v->name, i, name, name)
                    : atm_fail(ATM_INVAL,
                               "input \"%s\": dimension %" PRIu32
                               " has no value; give --shape %s=...",
                               v->name, i, v->name);
    }
    if (value->constant != ATM_NONE)
        return atm_graph_add_overridable(im->g, id);
    if (d->dtype == ATM_DTYPE_NONE)
        return atm_fail(ATM_FORMAT, "input \"%s\" has no element type",
                        v->name);
    if (!d->shaped)
        return atm_fail(ATM_INVAL,
                        "input \"%s\" has no shape; give "
                        "--shape %s=...",
                        v->name, v->name);
    st = atm_shape_bytes(&d->shape, d->dtype, &bytes);
    if (st)
        return atm_fail_in(st, "input \"%s\"", v->name);
    value->dtype = d->dtype;
    value->shape = d->shape;
    value->shape_known = true;
    return given_value(im, v->name) ? ATM_OK : atm_graph_add_input(im->g, id);
}

static enum atm_status add_initialiser(struct atm__importer *im,
                                       const Onnx__TensorProto *t)
{
    struct atm_value *v;
    enum atm_dtype dtype;
    struct atm_shape shape;
    enum atm_status st;
    uint32_t id, constant;
    uint64_t bytes;

    if (!t->name || !*t->name)
        return atm_fail(ATM_FORMAT, "an initialiser without a name");
    id = atm__names_find(&im->values, t->name);
    if (id != ATM_NONE && im->g->value[id].constant != ATM_NONE)
        return atm_fail(ATM_FORMAT, "two initialisers are named \"%s\"",
                        t->name);
    st = atm__tensor_type(t, &dtype, &shape, &bytes);
    if (st == ATM_UNSUPPORTED)
        atm__unsupported(im, "element type %d%s", t->data_type,
                         t->data_type == 8 ? " (string)" : "");
    if (st == ATM_UNSUPPORTED)
        return id == ATM_NONE ? atm__value_new(im, t->name, &id) : ATM_OK;
    if (!st)
        st = atm__tensor_constant(im, t, bytes, &constant);
    if (st)
        return atm_fail_in(st, "initialiser \"%s\"", t->name);
    if (id == ATM_NONE) {
        st = atm__value_new(im, t->name, &id);
        if (st)
            return st;
    }
    v = &im->g->value[id];
    v->dtype = dtype;
    v->shape = shape;
    v->shape_known = true;
    v->constant = constant;
    return ATM_OK;
}

/* Bytes that the caller gives: small ones in the graph, else in a nameless
 * file, so that they are read and placed like weights. */
static enum atm_status array_constant(struct atm_graph *g,
                                      const struct atm_array *a, uint32_t *id)
{
    struct atm_constant c = {
        .kind = ATM_CONST_INLINE, .bytes = a->bytes, .data = a->data};
    enum atm_status st;
    const char *from = a->data;
    uint64_t left = a->bytes;
    int fd;

    if (a->bytes <= ATM_INLINE_MAX)
        return atm_graph_add_constant(g, &c, id);
    fd = memfd_create("autotm-value", MFD_CLOEXEC);
    if (fd < 0)
        return atm_fail(ATM_IO, "no memory file for a value");
    st = atm_graph_add_file(g, "(given value)", fd, &c.file);
    if (st)
        return st;
    while (left > 0) {
        ssize_t n = write(fd, from, left > (1u << 30) ? 1u << 30 : left);

        if (n <= 0)
            return atm_fail(ATM_IO,
                            "no memory for a given value of %" PRIu64 " bytes",
                            a->bytes);
        from += n;
        left -= (uint64_t)n;
    }
    c.kind = ATM_CONST_FILE;
    c.data = NULL;
    return atm_graph_add_constant(g, &c, id);
}

static enum atm_status override(struct atm__importer *im,
                                const struct atm_bind_value *b)
{
    uint32_t id = atm__names_find(&im->values, b->input), i;
    const struct atm_array *a = b->array;
    struct atm_value *v;
    char is[128], want[128];
    bool input = false;

    for (i = 0; i < im->model->graph->n_input; i++)
        input |= strcmp(im->model->graph->input[i]->name, b->input) == 0;
    if (!input)
        return atm_fail(ATM_INVAL,
                        "a value is given for \"%s\", which is no "
                        "input",
                        b->input);
    v = &im->g->value[id];
    if (v->dtype != a->dtype || !atm_shape_equal(&v->shape, &a->shape))
        return atm_fail(ATM_INVAL,
                        "input \"%s\": the value is %s %s, the "
                        "model needs %s %s",
                        b->input, atm_dtype_name(a->dtype),
                        atm_shape_str(&a->shape, is, sizeof(is)),
                        atm_dtype_name(v->dtype),
                        atm_shape_str(&v->shape, want, sizeof(want)));
    return array_constant(im->g, a, &v->constant);
}

/* Does the model know the names that the caller binds? */
static enum atm_status check_names(const struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    const struct atm_import_options *o = im->options;
    bool found;
    uint32_t k, d;
    size_t i;

    for (k = 0; k < o->n_shapes; k++) {
        for (i = 0, found = false; !found && i < graph->n_input; i++)
            found = graph->input[i]->name &&
                    strcmp(graph->input[i]->name, o->shape[k].input) == 0;
        if (!found)
            return atm_fail(ATM_INVAL,
                            "a shape is given for \"%s\", which is "
                            "no input",
                            o->shape[k].input);
    }
    for (k = 0; k < o->n_dims; k++) {
        for (i = 0, found = false; !found && i < graph->n_input; i++)
            for (d = 0; !found && d < n_dims(graph->input[i]); d++)
                found =
                    dim_name(graph->input[i], d) &&
                    strcmp(dim_name(graph->input[i], d), o->dim[k].name) == 0;
        if (!found)
            return atm_fail(ATM_INVAL, "no input has a dimension named \"%s\"",
                            o->dim[k].name);
    }
    return ATM_OK;
}

enum atm_status atm__import_values(struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    const struct atm_import_options *o = im->options;
    enum atm_status st;
    size_t i;

    st = check_names(im);
    if (st)
        return st;
    for (i = 0; i < o->n_dims; i++) {
        st = bind_dim(im, o->dim[i].name, o->dim[i].value);
        if (st)
            return st;
    }
    for (i = 0; i < graph->n_input; i++) {
        st = add_input(im, graph->input[i]);
        if (st)
            return st;
    }
    for (i = 0; i < graph->n_initializer; i++) {
        st = add_initialiser(im, graph->initializer[i]);
        if (st)
            return st;
    }
    return ATM_OK;
}

enum atm_status atm__settle_values(struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    const struct atm_import_options *o = im->options;
    enum atm_status st;
    size_t i;

    for (i = 0; i < graph->n_input; i++) {
        st = settle_input(im, graph->input[i]);
        if (st)
            return st;
    }
    for (i = 0; i < o->n_values; i++) {
        st = override(im, &o->value[i]);
        if (st)
            return st;
    }
    return ATM_OK;
}

/* Two declarations of one value (input, value_info, output) must agree; `d`
 * becomes what both say together. */
static enum atm_status agree(const char *name, const struct atm__declared *old,
                             struct atm__declared *d)
{
    char first[128], second[128];
    bool same = !old->shaped || !d->shaped || old->shape.rank == d->shape.rank;
    uint32_t i;

    if (old->dtype != ATM_DTYPE_NONE && d->dtype != ATM_DTYPE_NONE &&
        old->dtype != d->dtype)
        return atm_fail(ATM_FORMAT, "\"%s\" is declared %s and %s", name,
                        atm_dtype_name(old->dtype), atm_dtype_name(d->dtype));
    for (i = 0; same && old->shaped && d->shaped && i < d->shape.rank; i++) {
        if (d->shape.dim[i] < 0)
            d->shape.dim[i] = old->shape.dim[i];
        same = old->shape.dim[i] < 0 || old->shape.dim[i] == d->shape.dim[i];
    }
    if (!same)
        return atm_fail(ATM_FORMAT,
                        "\"%s\" is declared %s and %s (-1: any)", name,
                        atm_shape_str(&old->shape, first, sizeof(first)),
                        atm_shape_str(&d->shape, second, sizeof(second)));
    if (d->dtype == ATM_DTYPE_NONE)
        d->dtype = old->dtype;
    if (!d->shaped) {
        d->shape = old->shape;
        d->shaped = old->shaped;
    }
    return ATM_OK;
}

/* value_info and outputs. An input stays as it says itself: its open
 * dimensions are bound by name. */
static enum atm_status declare(struct atm__importer *im,
                               const Onnx__ValueInfoProto *v, uint32_t id)
{
    struct atm__declared d;
    enum atm_status st;
    uint32_t i;

    st = read_type(im, v, &d);
    if (st)
        return atm_fail_in(st, "\"%s\"", v->name);
    for (i = 0; i < d.shape.rank; i++)
        if (d.shape.dim[i] < 0 && dim_name(v, i))
            d.shape.dim[i] = atm__dim_value(im, dim_name(v, i));
    if (im->options->ignore_declared)
        return ATM_OK;
    if (id < im->cap_declared) {
        st = agree(v->name, &im->declared[id], &d);
        if (st)
            return st;
    }
    return id < im->model->graph->n_input ? ATM_OK : remember(im, id, &d);
}

enum atm_status atm__import_outputs(struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    enum atm_status st;
    struct atm__names seen = {0};
    uint32_t id;
    size_t i;

    for (i = 0; i < graph->n_value_info; i++) {
        const Onnx__ValueInfoProto *v = graph->value_info[i];

        id = v->name ? atm__names_find(&im->values, v->name) : ATM_NONE;
        st = id == ATM_NONE ? ATM_OK : declare(im, v, id);
        if (st)
            return st;
    }
    if (graph->n_output == 0)
        return atm_fail(ATM_FORMAT, "the graph has no outputs");
    for (i = 0, st = ATM_OK; !st && i < graph->n_output; i++) {
        const Onnx__ValueInfoProto *v = graph->output[i];
        const char *name = v->name ? v->name : "";

        id = atm__names_find(&im->values, name);
        if (id == ATM_NONE)
            st = atm_fail(ATM_FORMAT, "output \"%s\" is produced by no node",
                          name);
        else if (atm__names_find(&seen, name) != ATM_NONE)
            st = atm_fail(ATM_FORMAT, "two outputs are named \"%s\"", name);
        else
            st = atm__names_add(&seen, name, id);
        if (!st)
            st = declare(im, v, id);
        if (!st)
            st = atm_graph_add_output(im->g, id);
    }
    atm__names_clear(&seen);
    return st;
}
