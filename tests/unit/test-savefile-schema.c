// SPDX-License-Identifier: Apache-2.0
/* The schema in a capture: of other versions, and of nobody's. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/encode.h"
#include "decoder/savefile/block.h"
#include "decoder/savefile/schema.h"
#include "decoder/savefile/schema.pb-c.h"
#include "savefile-kit.h"

Test(savefile_schema, our_own_comes_back_as_it_was)
{
    const struct sysfold_schema *ours = sysfold_schema_builtin(), *theirs;
    struct file_schema *schema;
    struct sysfold_error error = {0};
    uint8_t *bytes, *again;
    size_t size, again_size;

    cr_assert_eq(schema_pack(ours, &bytes, &size), 0);
    cr_assert_eq(schema_unpack(bytes, size, &schema, &error), 0, "%s", error.message);
    theirs = file_schema_rows(schema);
    cr_assert_eq(theirs->row_count, ours->row_count);
    for (size_t i = 0; i < ours->row_count; i++) {
        const struct sysfold_row *a = &ours->rows[i], *b = &theirs->rows[i];

        cr_assert_eq(theirs->by_number[a->number], b);
        cr_assert_str_eq(a->name, b->name);
        cr_assert(a->number == b->number && a->fixed_size == b->fixed_size && a->classes == b->classes &&
                      a->effect == b->effect && a->param_count == b->param_count &&
                      a->variable_count == b->variable_count && a->success_mask == b->success_mask &&
                      a->entry_mask == b->entry_mask,
                  "%s", a->name);
        for (unsigned k = 0; k < a->param_count; k++) {
            const struct sysfold_param *p = &a->params[k], *q = &b->params[k];

            cr_assert(!strcmp(p->name, q->name) && p->type == q->type && p->place == q->place &&
                          p->moment == q->moment && !strcmp(p->source_text, q->source_text),
                      "%s %s", a->name, p->name);
        }
    }
    cr_assert_eq(schema_pack(theirs, &again, &again_size), 0);
    cr_assert(again_size == size && !memcmp(again, bytes, size), "the same schema gives the same bytes");
    free(bytes);
    free(again);
    file_schema_destroy(schema);
}

/* A version that has more: an unknown type, a row we have with one parameter more, a row we do not have. */

static const struct type_info new_fixed = {"NEW_PAIR", NULL, TYPE_NONE, WIRE_U16, 2, FORM_DATA, false};
static const struct type_info new_number = {"NEW_NUMBER", NULL, TYPE_NONE, WIRE_I64, 1, FORM_DEC, false};
static const struct type_info new_bytes = {"NEW_BYTES", NULL, TYPE_NONE, WIRE_U8, 1, FORM_DATA, true};
static struct sysfold_param new_close[] = {
    {"res", "RESULT", NULL, 0, 0, 0, 0, MOMENT_EXIT},
    {"fd", "ARG(0)", NULL, 4, 0, 0, 0, MOMENT_EXIT},
    {"mood", "ARG(1)", &new_number, 8, 0, 0, 0, MOMENT_SUCCESS},
};
static struct sysfold_param new_row[] = {
    {"pair", "GIVEN", &new_fixed, 0, 0, 0, 0, MOMENT_EXIT},
    {"text", "GIVEN", &new_bytes, 0, 0, 0, 0, MOMENT_EXIT},
};
static struct sysfold_row new_rows[] = {
    {"close", new_close, ROW_CLOSE, 16, C_DESC, E_CLOSES_FD, 3, 0, 1u << 2, 0},
    {"news", new_row, 2000, 4, 0, E_NONE, 2, 1, 0, 0},
};
static const struct sysfold_row *new_by_number[ROW_MAX];
static const struct sysfold_schema new_schema = {new_by_number, new_rows, 2};

static void make_new_schema(void)
{
    new_close[0].type = &type_infos[TYPE_ERRNO];
    new_close[1].type = &type_infos[TYPE_FD];
    new_by_number[ROW_CLOSE] = &new_rows[0];
    new_by_number[2000] = &new_rows[1];
}

static struct script script_of_new_rows(void)
{
    static struct encoder encoder;
    struct script script = {.schema = &new_schema, .source_count = 1};
    const uint8_t *record;
    size_t size;

    make_new_schema();
    encoder_begin(&encoder, &new_rows[0], 7, 1000);
    encoder_integer(&encoder, 0, 0);
    encoder_integer(&encoder, 1, 3);
    encoder_integer(&encoder, 2, -42);
    record = encoder_finish(&encoder, &size);
    script_add(&script, record, size, 0);
    encoder_begin(&encoder, &new_rows[1], 7, 1001);
    encoder_fixed(&encoder, 0, "\1\2\3\4");
    encoder_string(&encoder, 1, "the text");
    record = encoder_finish(&encoder, &size);
    script_add(&script, record, size, 0);
    return script;
}

Test(savefile_schema, what_another_version_knows_is_shown)
{
    struct script script = script_of_new_rows();
    struct sysfold_file_options options = {.size = sizeof(options), .no_state = true};
    struct kit_file file = kit_file_new();
    struct sysfold_stream *stream;
    struct sysfold_error error = {0};
    const struct sysfold_event *event;
    const struct sysfold_row *row;
    struct sysfold_value value;

    script_record(&script, file.path, 0, 0);
    cr_assert_eq(sysfold_file_open(file.path, &options, &stream, &error), 0, "%s", error.message);
    cr_assert_eq(sysfold_stream_schema(stream)->row_count, 2);
    event = next_event(stream);
    row = sysfold_event_row(event);
    cr_assert_str_eq(sysfold_event_name(event), "close");
    cr_assert_eq(row->effect, E_CLOSES_FD, "we know how its first parameters work");
    cr_assert_eq(row->params[1].type, &type_infos[TYPE_FD]);
    cr_assert_eq(sysfold_event_param_by_name(event, "mood", &value), 0);
    cr_assert(value.status == SYSFOLD_PRESENT && value.kind == SYSFOLD_KIND_SIGNED && value.i == -42);
    cr_assert_str_eq(row->params[2].type->name, "NEW_NUMBER");
    cr_assert_eq(row->params[2].moment, MOMENT_SUCCESS);
    cr_assert_str_eq(row->params[2].source_text, "ARG(1)");
    event = next_event(stream);
    cr_assert_str_eq(sysfold_event_name(event), "news");
    cr_assert_eq(sysfold_event_param_by_name(event, "pair", &value), 0);
    cr_assert(value.kind == SYSFOLD_KIND_BYTES && value.size == 4 && !memcmp(value.data, "\1\2\3\4", 4));
    cr_assert_eq(sysfold_event_param_by_name(event, "text", &value), 0);
    cr_assert(value.size == 8 && !memcmp(value.data, "the text", 8));
    cr_assert_eq(next_event(stream), NULL);
    sysfold_stream_close(stream);
    kit_file_free(&file);
    script_free(&script);
}

/* Reading such a file and writing it again loses nothing of its schema. */
Test(savefile_schema, another_version_s_capture_can_be_copied)
{
    struct script script = script_of_new_rows();
    struct sysfold_file_options options = {.size = sizeof(options), .no_state = true};
    struct kit_file file = kit_file_new(), copy = kit_file_new();
    struct sysfold_stream *stream;
    struct sysfold_writer *writer;
    const struct sysfold_event *event;
    struct outcome outcome;

    script_record(&script, file.path, 0, 0);
    cr_assert_eq(sysfold_file_open(file.path, &options, &stream, NULL), 0);
    cr_assert_eq(sysfold_writer_open(copy.path, stream, NULL, &writer, NULL), 0);
    while ((event = next_event(stream)))
        cr_assert_eq(sysfold_writer_put(writer, event, NULL), 0);
    cr_assert_eq(sysfold_writer_close(writer, NULL), 0);
    sysfold_stream_close(stream);
    outcome = outcome_of(copy.path);
    expect_everything(&script, &outcome);
    outcome_free(&outcome);
    cr_assert_eq(sysfold_file_open(copy.path, &options, &stream, NULL), 0);
    event = next_event(stream);
    cr_assert_str_eq(sysfold_event_row(event)->params[2].type->name, "NEW_NUMBER");
    sysfold_stream_close(stream);
    kit_file_free(&file);
    kit_file_free(&copy);
    script_free(&script);
}

/* Schemas made by hand. */

struct made {
    Sfold__Schema schema;
    Sfold__Type types[2];
    Sfold__Type *type_pointers[2];
    Sfold__Row rows[2];
    Sfold__Row *row_pointers[2];
    Sfold__Param params[64];
    Sfold__Param *param_pointers[64];
    char names[64][16];
};

/* Two types, two rows, two parameters in the first. Fine as it is; each test spoils one thing. */
static struct made *made_new(void)
{
    static char none[] = "none";
    struct made *made = calloc(1, sizeof(*made));

    cr_assert(made);
    sfold__schema__init(&made->schema);
    for (int i = 0; i < 2; i++) {
        sfold__type__init(&made->types[i]);
        sfold__row__init(&made->rows[i]);
        made->type_pointers[i] = &made->types[i];
        made->row_pointers[i] = &made->rows[i];
        made->types[i].count = 1;
        made->rows[i].number = 1900 + (uint32_t)i;
        made->rows[i].effect = none;
    }
    for (int i = 0; i < 64; i++) {
        sfold__param__init(&made->params[i]);
        (void)snprintf(made->names[i], sizeof(made->names[i]), "p%d", i);
        made->params[i].name = made->names[i];
        made->param_pointers[i] = &made->params[i];
    }
    made->types[0].name = strdup("ONE");
    made->types[1].name = strdup("TWO");
    made->types[0].wire = SFOLD__WIRE__I64;
    made->types[1].variable = 1;
    made->rows[0].name = strdup("first");
    made->rows[1].name = strdup("second");
    made->rows[0].params = made->param_pointers;
    made->rows[0].n_params = 2;
    made->params[1].type = 1;
    made->schema.types = made->type_pointers;
    made->schema.n_types = 2;
    made->schema.rows = made->row_pointers;
    made->schema.n_rows = 2;
    return made;
}

static void made_free(struct made *made)
{
    for (int i = 0; i < 2; i++) {
        free(made->types[i].name);
        free(made->rows[i].name);
    }
    free(made);
}

static void rename_to(char **name, const char *other)
{
    free(*name);
    *name = strdup(other);
}

static int unpack_made(struct made *made, struct file_schema **ret_schema, struct sysfold_error *error)
{
    size_t size = sfold__schema__get_packed_size(&made->schema);
    uint8_t *bytes = malloc(size + 1);
    int r;

    cr_assert(bytes);
    sfold__schema__pack(&made->schema, bytes);
    r = schema_unpack(bytes, size, ret_schema, error);
    free(bytes);
    return r;
}

static void refuse(struct made *made, const char *message)
{
    struct file_schema *schema;
    struct sysfold_error error = {0};

    cr_assert_eq(unpack_made(made, &schema, &error), -EBADMSG);
    cr_assert(strstr(error.message, message), "%s", error.message);
    made_free(made);
}

Test(savefile_schema, places_are_computed)
{
    struct made *made = made_new();
    struct file_schema *schema;
    const struct sysfold_row *row;

    made->params[2].moment = SFOLD__MOMENT__SUCCESS;
    made->params[3].moment = SFOLD__MOMENT__ENTRY;
    made->params[3].type = 1;
    made->rows[0].n_params = 4;
    cr_assert_eq(unpack_made(made, &schema, NULL), 0);
    row = &file_schema_rows(schema)->rows[0];
    cr_assert(row->param_count == 4 && row->variable_count == 2 && row->fixed_size == 16);
    cr_assert(row->params[0].place == 0 && row->params[1].place == 0 && row->params[2].place == 8 &&
              row->params[3].place == 1);
    cr_assert(row->success_mask == 4 && row->entry_mask == (1 | 2 | 8));
    file_schema_destroy(schema);
    made_free(made);
}

Test(savefile_schema, nonsense_is_refused)
{
    struct made *made;
    struct file_schema *schema;
    struct sysfold_error error = {0};
    char longest[129];

    cr_assert_eq(schema_unpack((const uint8_t *)"\xff\xff\xff", 3, &schema, &error), -EBADMSG);
    cr_assert_str_eq(error.message, "the schema is not usable: it is not a protobuf message of ours");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[128] = '\0';
#define SPOIL(CHANGE, MESSAGE)                                                                                         \
    made = made_new();                                                                                                 \
    CHANGE;                                                                                                            \
    refuse(made, MESSAGE)
    SPOIL(made->rows[1].number = 1900, "rows 'second' and 'first' have the same number");
    SPOIL(made->rows[1].number = 2048, "the impossible number 2048");
    SPOIL(made->rows[1].number = UINT32_MAX, "the impossible number");
    SPOIL(made->rows[0].n_params = 32, "has 32 parameters");
    SPOIL(rename_to(&made->rows[0].name, ""), "the name of row 0 is not one");
    SPOIL(rename_to(&made->rows[0].name, longest), "the name of row 0 is not one");
    SPOIL(rename_to(&made->rows[0].name, "\xc3("), "the name of row 0 is not one");
    SPOIL(rename_to(&made->rows[0].name, "a\x1b[31m"), "the name of row 0 is not one");
    SPOIL(rename_to(&made->rows[0].name, "\xed\xa0\x80"), "the name of row 0 is not one");
    SPOIL(rename_to(&made->types[1].name, "\xff"), "the name of type 1 is not one");
    SPOIL((void)strcpy(made->names[1], "p0"), "row 'first' has two parameters 'p0'");
    SPOIL((void)strcpy(made->names[1], "\n"), "the name of parameter 1 of row 'first' is not one");
    SPOIL(made->params[0].type = 2, "parameter 'p0' of row 'first' has no type");
    SPOIL(made->params[0].moment = (Sfold__Moment)3, "has no moment");
    SPOIL(made->types[0].wire = (Sfold__Wire)8, "type 'ONE' has no possible size");
    SPOIL(made->types[0].wire = (Sfold__Wire)-1, "type 'ONE' has no possible size");
    SPOIL(made->types[0].count = 0, "type 'ONE' has no possible size");
    SPOIL(made->types[0].count = 256, "type 'ONE' has no possible size");
    SPOIL(made->types[0].count = 200, "has more than 1024 fixed bytes");
    SPOIL((made->types[0].count = 64, made->params[1].type = 0, made->params[2].type = 0, made->rows[0].n_params = 3),
          "has more than 1024 fixed bytes");
}

static const struct sysfold_row *only_row(struct made *made, struct file_schema **ret_schema)
{
    cr_assert_eq(unpack_made(made, ret_schema, NULL), 0);
    return &file_schema_rows(*ret_schema)->rows[0];
}

Test(savefile_schema, a_type_of_ours_with_another_shape_is_not_ours)
{
    struct made *made = made_new();
    struct file_schema *schema;
    const struct type_info *type;

    rename_to(&made->types[0].name, "OPEN_FLAGS"); /* ours is a u32 */
    type = only_row(made, &schema)->params[0].type;
    cr_assert_str_eq(type->name, "OPEN_FLAGS");
    cr_assert(type != &type_infos[TYPE_OPEN_FLAGS] && type->id == TYPE_NONE && type->wire == WIRE_I64);
    cr_assert_not_null(type->table);
    file_schema_destroy(schema);
    made_free(made);
}

Test(savefile_schema, a_row_that_contradicts_ours_has_no_effect)
{
    struct made *made = made_new();
    struct file_schema *schema;

    made->rows[0].number = ROW_CLOSE;
    made->rows[0].effect = (char[]){"closes_fd"};
    rename_to(&made->rows[0].name, "close");
    (void)strcpy(made->names[0], "res");
    (void)strcpy(made->names[1], "fd"); /* but it is bytes here */
    cr_assert_eq(only_row(made, &schema)->effect, E_NONE);
    file_schema_destroy(schema);
    made->rows[0].number = 1999; /* nor does one of a number we have not */
    cr_assert_eq(only_row(made, &schema)->effect, E_NONE);
    file_schema_destroy(schema);
    made->params[1].type = 0;
    cr_assert_eq(only_row(made, &schema)->effect, E_CLOSES_FD, "with a number it does");
    file_schema_destroy(schema);
    made_free(made);
}

Test(savefile_schema, a_file_with_a_bad_schema_is_refused_by_name)
{
    uint32_t id;
    struct bytes bytes = preamble_of(sysfold_schema_builtin(), &id);
    struct kit_file file;
    struct outcome outcome;

    bytes.size = FILE_HEADER_COPIES * (BLOCK_HEADER_SIZE + FILE_HEADER_SIZE);
    add_block(&bytes, id, BLOCK_SCHEMA, "\xff", 1, 0);
    file = kit_file_of(&bytes);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, -EBADMSG);
    cr_assert(strstr(outcome.error.message, file.path));
    cr_assert(strstr(outcome.error.message, "the schema is not usable"));
    outcome_free(&outcome);
    bytes_free(&bytes);
    kit_file_free(&file);
}

/* Of a version that is not ours, with its schema gone: better nothing than something else. */
Test(savefile_schema, records_without_their_schema_are_not_guessed)
{
    struct script script = script_of_new_rows();
    struct kit_file file = kit_file_new();
    struct bytes bytes;
    struct outcome outcome;

    script_record(&script, file.path, 0, 0);
    bytes = bytes_of_file(file.path);
    bytes.data[FILE_HEADER_COPIES * (BLOCK_HEADER_SIZE + FILE_HEADER_SIZE) + BLOCK_HEADER_SIZE] ^= 1;
    kit_file_set(&file, bytes.data, bytes.size);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, -EBADMSG);
    cr_assert(strstr(outcome.error.message, "its schema is damaged"), "%s", outcome.error.message);
    outcome_free(&outcome);
    bytes_free(&bytes);
    kit_file_free(&file);
    script_free(&script);
}
