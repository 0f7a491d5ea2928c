// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "common/cleanup.h"
#include "common/error.h"
#include "common/record.h"
#include "decoder/savefile/schema.pb-c.h"

#define NAME_MAX_BYTES 127
#define TYPES_MAX 1024

static_assert((int)SFOLD__WIRE__I8 == WIRE_I8 && (int)SFOLD__WIRE__U8 == WIRE_U8 && (int)SFOLD__WIRE__I16 == WIRE_I16 &&
                  (int)SFOLD__WIRE__U16 == WIRE_U16 && (int)SFOLD__WIRE__I32 == WIRE_I32 &&
                  (int)SFOLD__WIRE__U32 == WIRE_U32 && (int)SFOLD__WIRE__I64 == WIRE_I64 &&
                  (int)SFOLD__WIRE__U64 == WIRE_U64,
              "the file's wire kinds are ours");
static_assert((int)SFOLD__MOMENT__ENTRY == MOMENT_ENTRY && (int)SFOLD__MOMENT__EXIT == MOMENT_EXIT &&
                  (int)SFOLD__MOMENT__SUCCESS == MOMENT_SUCCESS,
              "the file's moments are ours");

/* Packing: messages that borrow the rows' strings, in arrays sized beforehand. */

struct packing {
    Sfold__Schema schema;
    const struct type_info *infos[TYPES_MAX];
    Sfold__Type types[TYPES_MAX];
    Sfold__Type *type_pointers[TYPES_MAX];
    Sfold__Row *rows;
    Sfold__Row **row_pointers;
    Sfold__Param *params;
    Sfold__Param **param_pointers;
    char *classes[1 << CLASS_COUNT][CLASS_COUNT]; /* the names of each combination of classes */
};

/* protobuf-c wants char *, but only reads. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static uint32_t pack_type(struct packing *packing, const struct type_info *info)
{
    size_t index = 0;
    Sfold__Type *type;

    while (index < packing->schema.n_types && packing->infos[index] != info)
        index++;
    if (index < packing->schema.n_types)
        return (uint32_t)index;
    type = &packing->types[index];
    sfold__type__init(type);
    type->name = borrow(info->name);
    type->wire = (Sfold__Wire)info->wire;
    type->count = info->count;
    type->variable = info->variable;
    type->form = borrow(form_names[info->id]);
    packing->infos[index] = info;
    packing->type_pointers[index] = type;
    packing->schema.n_types++;
    return (uint32_t)index;
}

static void pack_classes(struct packing *packing, unsigned classes, Sfold__Row *row)
{
    row->classes = packing->classes[classes];
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        if (classes >> i & 1)
            row->classes[row->n_classes++] = borrow(class_names[i]);
    }
}

static void pack_row(struct packing *packing, const struct sysfold_row *from, size_t *params)
{
    Sfold__Row *row = &packing->rows[packing->schema.n_rows];

    sfold__row__init(row);
    row->number = from->number;
    row->name = borrow(from->name);
    row->effect = borrow(effect_names[from->effect]);
    row->params = packing->param_pointers + *params;
    row->n_params = from->param_count;
    pack_classes(packing, from->classes & ((1u << CLASS_COUNT) - 1), row);
    for (unsigned i = 0; i < from->param_count; i++) {
        Sfold__Param *param = &packing->params[*params];

        sfold__param__init(param);
        param->name = borrow(from->params[i].name);
        param->type = pack_type(packing, from->params[i].type);
        param->moment = (Sfold__Moment)from->params[i].moment;
        param->source = borrow(from->params[i].source_text);
        packing->param_pointers[(*params)++] = param;
    }
    packing->row_pointers[packing->schema.n_rows++] = row;
}

static void packing_destroy(struct packing *packing)
{
    if (!packing)
        return;
    free(packing->rows);
    free(packing->row_pointers);
    free(packing->params);
    free(packing->param_pointers);
    free(packing);
}

static struct packing *packing_create(const struct sysfold_schema *schema)
{
    struct packing *packing = calloc(1, sizeof(*packing));
    size_t params = 1;

    if (!packing)
        return NULL;
    for (size_t i = 0; i < schema->row_count; i++)
        params += schema->rows[i].param_count;
    packing->rows = calloc(schema->row_count + 1, sizeof(*packing->rows));
    packing->row_pointers = calloc(schema->row_count + 1, sizeof(Sfold__Row *));
    packing->params = calloc(params, sizeof(*packing->params));
    packing->param_pointers = calloc(params, sizeof(Sfold__Param *));
    if (!packing->rows || !packing->row_pointers || !packing->params || !packing->param_pointers) {
        packing_destroy(packing);
        return NULL;
    }
    sfold__schema__init(&packing->schema);
    packing->schema.types = packing->type_pointers;
    packing->schema.rows = packing->row_pointers;
    return packing;
}

int schema_pack(const struct sysfold_schema *schema, uint8_t **ret_bytes, size_t *ret_size)
{
    struct packing *packing = packing_create(schema);
    uint8_t *bytes = NULL;
    size_t params = 0;

    if (packing) {
        for (size_t i = 0; i < schema->row_count; i++)
            pack_row(packing, &schema->rows[i], &params);
        bytes = malloc(sfold__schema__get_packed_size(&packing->schema) + 1);
    }
    if (bytes) {
        *ret_size = sfold__schema__pack(&packing->schema, bytes);
        *ret_bytes = bytes;
    }
    packing_destroy(packing);
    return bytes ? 0 : -ENOMEM;
}

static struct {
    pthread_once_t once;
    uint8_t *bytes;
    size_t size;
} builtin = {.once = PTHREAD_ONCE_INIT};

static void pack_builtin(void)
{
    (void)schema_pack(sysfold_schema_builtin(), &builtin.bytes, &builtin.size);
}

int schema_builtin_bytes(const uint8_t **ret_bytes, size_t *ret_size)
{
    pthread_once(&builtin.once, pack_builtin);
    *ret_bytes = builtin.bytes;
    *ret_size = builtin.size;
    return builtin.bytes ? 0 : -ENOMEM;
}

/* Unpacking. */

struct file_schema {
    struct sysfold_schema schema;
    Sfold__Schema *message;  /* owns every string */
    struct type_info *infos; /* of the types we do not know */
    const struct type_info **types;
    struct sysfold_row *rows;
    struct sysfold_param *params;
    const struct sysfold_row *by_number[ROW_MAX];
};

void file_schema_destroy(struct file_schema *schema)
{
    if (!schema)
        return;
    if (schema->message)
        sfold__schema__free_unpacked(schema->message, NULL);
    free(schema->infos);
    free(schema->types);
    free(schema->rows);
    free(schema->params);
    free(schema);
}

const struct sysfold_schema *file_schema_rows(const struct file_schema *schema)
{
    return &schema->schema;
}

static int file_schema_allocate(struct file_schema *schema)
{
    const Sfold__Schema *message = schema->message;
    size_t params = 1;

    for (size_t i = 0; i < message->n_rows; i++)
        params += message->rows[i]->n_params;
    schema->infos = calloc(message->n_types + 1, sizeof(*schema->infos));
    schema->types = calloc(message->n_types + 1, sizeof(struct type_info *));
    schema->rows = calloc(message->n_rows + 1, sizeof(*schema->rows));
    schema->params = calloc(params, sizeof(*schema->params));
    return schema->infos && schema->types && schema->rows && schema->params ? 0 : -ENOMEM;
}

static bool same_shape(const struct type_info *a, const struct type_info *b)
{
    return a->wire == b->wire && a->count == b->count && a->variable == b->variable;
}

static const struct type_info *known_type(const char *name, const struct type_info *shape)
{
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        if (!strcmp(type_infos[i].name, name))
            return same_shape(&type_infos[i], shape) ? &type_infos[i] : NULL;
    }
    return NULL;
}

/* A formatter may be used for a shape that one of our own types has with it; a table is not in the file. */
static uint8_t known_form(const char *form, const struct type_info *shape)
{
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        const struct type_info *type = &type_infos[i];

        if (!strcmp(form_names[i], form) && same_shape(type, shape) && type->form != FORM_FLAGS &&
            type->form != FORM_ENUM)
            return type->form;
    }
    return !shape->variable && shape->count == 1 ? FORM_DEC : FORM_DATA;
}

static int unpack_type(struct file_schema *schema, size_t index, struct sysfold_error *error)
{
    const Sfold__Type *from = schema->message->types[index];
    struct type_info *info = &schema->infos[index];
    const struct type_info *known;

    if (!text_is_clean(from->name, NAME_MAX_BYTES) || strlen(from->form) > NAME_MAX_BYTES)
        return error_set(error, -EBADMSG, "the name of type %zu is not one", index);
    if ((unsigned)from->wire > WIRE_U64 || from->count < 1 || from->count > UINT8_MAX)
        return error_set(error, -EBADMSG, "type '%s' has no possible size", from->name);
    *info = type_infos[TYPE_NONE];
    info->name = from->name;
    info->wire = (uint8_t)from->wire;
    info->count = (uint8_t)from->count;
    info->variable = from->variable;
    info->form = known_form(from->form, info);
    known = known_type(from->name, info);
    schema->types[index] = known ? known : info;
    return 0;
}

static int unpack_param(const struct file_schema *schema, const Sfold__Param *from, struct sysfold_row *row,
                        struct sysfold_param *param, struct sysfold_error *error)
{
    unsigned index = row->param_count;

    if (!text_is_clean(from->name, NAME_MAX_BYTES) || (*from->source && !text_is_clean(from->source, NAME_MAX_BYTES)))
        return error_set(error, -EBADMSG, "the name of parameter %u of row '%s' is not one", index, row->name);
    if (from->type >= schema->message->n_types)
        return error_set(error, -EBADMSG, "parameter '%s' of row '%s' has no type", from->name, row->name);
    if ((unsigned)from->moment > MOMENT_SUCCESS)
        return error_set(error, -EBADMSG, "parameter '%s' of row '%s' has no moment", from->name, row->name);
    for (unsigned i = 0; i < index; i++) {
        if (!strcmp(row->params[i].name, from->name))
            return error_set(error, -EBADMSG, "row '%s' has two parameters '%s'", row->name, from->name);
    }
    param->name = from->name;
    param->source_text = from->source;
    param->type = schema->types[from->type];
    param->source = SOURCE_GIVEN;
    param->moment = (uint8_t)from->moment;
    if (param->type->variable) {
        param->place = row->variable_count++;
    } else {
        param->place = row->fixed_size;
        row->fixed_size = (uint16_t)(row->fixed_size + type_size(param->type));
    }
    if (row->fixed_size > RECORD_FIXED_MAX)
        return error_set(error, -EBADMSG, "row '%s' has more than %u fixed bytes", row->name, RECORD_FIXED_MAX);
    row->success_mask |= (uint32_t)(param->moment == MOMENT_SUCCESS) << index;
    row->entry_mask |= (uint32_t)(param->moment == MOMENT_ENTRY) << index;
    row->param_count++;
    return 0;
}
static_assert(RECORD_FIXED_MAX + UINT8_MAX * sizeof(uint64_t) <= UINT16_MAX, "fixed_size cannot wrap");

static uint16_t classes_of(const Sfold__Row *row)
{
    uint16_t classes = 0;

    for (size_t i = 0; i < row->n_classes; i++) {
        for (unsigned bit = 0; bit < CLASS_COUNT; bit++) {
            if (!strcmp(class_names[bit], row->classes[i]))
                classes |= (uint16_t)(1u << bit);
        }
    }
    return classes;
}

/* Is every parameter that both rows have the same? Rows only ever grow at the end. */
static bool agrees_with(const struct sysfold_row *row, const struct sysfold_row *ours)
{
    if (strcmp(row->name, ours->name))
        return false;
    for (unsigned i = 0; i < row->param_count && i < ours->param_count; i++) {
        if (strcmp(row->params[i].name, ours->params[i].name) || !same_shape(row->params[i].type, ours->params[i].type))
            return false;
    }
    return true;
}

/* Do the parameters that rows with this effect have in common have the shapes they have in ours? */
static bool suits_effect(const struct sysfold_row *row, uint8_t effect)
{
    const struct sysfold_schema *known = sysfold_schema_builtin();

    for (size_t r = 0; r < known->row_count; r++) {
        const struct sysfold_row *ours = &known->rows[r];

        for (unsigned i = 0; ours->effect == effect && i < ours->param_count; i++) {
            int index = sysfold_row_param_index(row, ours->params[i].name);

            if (index >= 0 && (row->params[index].type->variable != ours->params[i].type->variable ||
                               row->params[index].type->count != ours->params[i].type->count))
                return false;
        }
    }
    return true;
}

static uint8_t effect_of(const struct sysfold_row *row, const char *name)
{
    const struct sysfold_row *ours = row_builtin(row->number);
    uint8_t effect = E_NONE;

    for (unsigned i = 0; i < EFFECT_COUNT; i++) {
        if (!strcmp(effect_names[i], name))
            effect = (uint8_t)i;
    }
    if (ours ? agrees_with(row, ours) : suits_effect(row, effect))
        return effect;
    return E_NONE;
}

static int unpack_row(struct file_schema *schema, size_t index, struct sysfold_param **params,
                      struct sysfold_error *error)
{
    const Sfold__Row *from = schema->message->rows[index];
    struct sysfold_row *row = &schema->rows[index];
    int r = 0;

    if (!text_is_clean(from->name, NAME_MAX_BYTES))
        return error_set(error, -EBADMSG, "the name of row %zu is not one", index);
    if (from->number >= ROW_MAX)
        return error_set(error, -EBADMSG, "row '%s' has the impossible number %u", from->name, from->number);
    if (schema->by_number[from->number])
        return error_set(error, -EBADMSG, "rows '%s' and '%s' have the same number", from->name,
                         schema->by_number[from->number]->name);
    if (from->n_params >= ROW_PARAM_MAX)
        return error_set(error, -EBADMSG, "row '%s' has %zu parameters", from->name, from->n_params);
    row->name = from->name;
    row->number = (uint16_t)from->number;
    row->classes = classes_of(from);
    row->params = *params;
    for (size_t i = 0; i < from->n_params && r == 0; i++)
        r = unpack_param(schema, from->params[i], row, (*params)++, error);
    if (r < 0)
        return r;
    row->effect = effect_of(row, from->effect);
    schema->by_number[row->number] = row;
    return 0;
}

static int unpack_all(struct file_schema *schema, struct sysfold_error *error)
{
    const Sfold__Schema *message = schema->message;
    struct sysfold_param *params = NULL;
    int r = 0;

    if (!message)
        return error_set(error, -EBADMSG, "it is not a protobuf message of ours");
    if (message->n_types > TYPES_MAX)
        return error_set(error, -EBADMSG, "it has %zu types", message->n_types);
    if (message->n_rows > ROW_MAX)
        return error_set(error, -EBADMSG, "it has %zu rows", message->n_rows);
    if (file_schema_allocate(schema) < 0)
        return error_system(error, -ENOMEM, "no memory for it");
    params = schema->params;
    for (size_t i = 0; i < message->n_types && r == 0; i++)
        r = unpack_type(schema, i, error);
    for (size_t i = 0; i < message->n_rows && r == 0; i++)
        r = unpack_row(schema, i, &params, error);
    return r;
}

int schema_unpack(const uint8_t *bytes, size_t size, struct file_schema **ret_schema, struct sysfold_error *error)
{
    struct file_schema *schema = calloc(1, sizeof(*schema));
    int r;

    if (!schema)
        return error_system(error, -ENOMEM, "no memory for the schema");
    schema->message = sfold__schema__unpack(NULL, size, bytes);
    r = unpack_all(schema, error);
    if (r < 0) {
        file_schema_destroy(schema);
        return error_prefix(error, r, "the schema is not usable");
    }
    schema->schema.by_number = schema->by_number;
    schema->schema.rows = schema->rows;
    schema->schema.row_count = schema->message->n_rows;
    *ret_schema = schema;
    return 0;
}
