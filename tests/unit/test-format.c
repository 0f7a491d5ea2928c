// SPDX-License-Identifier: Apache-2.0
/* Text and JSON of events: every form, every status, whatever strangers put into them. */

#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "common/encode.h"
#include "decoder/decode/event.h"
#include "decoder/format/show.h"
#include "decoder/state/state.h"

#define ROOM 400000

static struct encoder encoder;
static struct sysfold_event event;
static char text_room[ROOM], json_room[ROOM];

/* A row and a schema of the test's own: res and one parameter of any type, so
 * that forms are tested whether or not a system call uses them yet. */
#define OWN_CALL 1000
#define OWN_NOTE 1999
static struct type_info own_type;
static const struct sysfold_param own_params[] = {
    {.name = "res", .source_text = "", .type = &type_infos[TYPE_ERRNO], .place = 0},
    {.name = "v", .source_text = "", .type = &own_type},
};
static struct sysfold_param own_param_room[2];
static struct sysfold_row own_row;
static const struct sysfold_row *own_by_number[ROW_MAX];
static const struct sysfold_schema own_schema = {.by_number = own_by_number, .rows = &own_row, .row_count = 1};

static void make_own_row(const struct type_info *type)
{
    own_type = *type;
    own_type.name = "OWN";
    memcpy(own_param_room, own_params, sizeof(own_params));
    own_param_room[1].place = type->variable ? 0 : 4;
    own_row = (struct sysfold_row){
        .name = "own",
        .params = own_param_room,
        .number = OWN_CALL,
        .fixed_size = (uint16_t)(4 + (type->variable ? 0 : type_size(type))),
        .param_count = 2,
        .variable_count = type->variable,
    };
    own_by_number[OWN_CALL] = &own_row;
}

/* The event in `bytes`, which the test keeps. */
static void load(const struct sysfold_schema *schema, const uint8_t *bytes, size_t size, bool swapped)
{
    event = (struct sysfold_event){.number = 7, .source_name = "host"};
    cr_assert_eq(record_read(&event.record, schema, bytes, size, swapped), (int)size);
}

static void load_encoded(void)
{
    size_t size;
    const uint8_t *bytes = encoder_finish(&encoder, &size);

    load(sysfold_schema_builtin(), bytes, size, false);
}

static const char *text(void)
{
    size_t length = sysfold_event_format(&event, text_room, ROOM);

    cr_assert_eq(length, strlen(text_room));
    return text_room;
}

/* The event's JSON, parsed by somebody else. The caller's to drop. */
static json_t *json(void)
{
    size_t length = sysfold_event_format_json(&event, json_room, ROOM);
    json_error_t error;
    json_t *parsed;

    cr_assert_eq(length, strlen(json_room));
    cr_assert_null(strchr(json_room, '\n'));
    parsed = json_loads(json_room, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(parsed, "%s in %s", error.text, json_room);
    return parsed;
}

static void expect_args(const char *expected)
{
    json_t *line = json();
    json_t *wanted = json_loads(expected, 0, NULL);

    cr_assert_not_null(wanted, "the test's own JSON is wrong: %s", expected);
    cr_assert(json_equal(json_object_get(line, "evt.args"), wanted), "%s is not in %s", expected, json_room);
    json_decref(wanted);
    json_decref(line);
}

static void expect_key(const char *key, const char *expected)
{
    json_t *line = json();
    json_t *wanted = expected ? json_loads(expected, JSON_DECODE_ANY, NULL) : NULL;

    cr_assert(expected ? json_equal(json_object_get(line, key), wanted) : !json_object_get(line, key),
              "%s is not %s in %s", key, expected ? expected : "missing", json_room);
    json_decref(wanted);
    json_decref(line);
}

/*
 * A value and how it must look. layout says what it is made of: 1 2 4 8 are
 * integers of that many bytes in the recording machine's order, n is a port in
 * the network's, s is `data`.
 */
struct sample {
    struct type_info type;
    const char *layout;
    uint64_t values[16];
    const char *data;
    size_t data_size;
    const char *text; /* of the parameter */
    const char *json; /* of evt.args */
};

static void lay(uint8_t *to, uint64_t value, size_t size, bool big)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
}

static size_t lay_sample(const struct sample *sample, uint8_t *to, bool big)
{
    const uint64_t *value = sample->values;
    size_t size = 0;

    for (const char *c = sample->layout; *c; c++) {
        size_t width = *c == 'n' ? 2 : (size_t)(*c - '0');

        if (*c == 's') {
            memcpy(to + size, sample->data, sample->data_size);
            size += sample->data_size;
            continue;
        }
        lay(to + size, *value++, width, *c == 'n' || big);
        size += width;
    }
    return size;
}

static const bool host_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* own(v=...) = 0 as a machine of either byte order records it. */
static size_t record_sample(const struct sample *sample, uint8_t *to, bool big)
{
    uint8_t value[512];
    size_t size = lay_sample(sample, value, big);
    size_t at = RECORD_HEADER_SIZE + 4;

    memset(to, 0, at);
    if (sample->type.variable) {
        lay(to + at, size, 2, big);
        at += 2;
    }
    memcpy(to + at, value, size);
    lay(to, OWN_CALL, 2, big);
    lay(to + 2, at + size, 2, big);
    lay(to + 4, 42, 4, big);
    lay(to + 8, 1000, 8, big);
    return at + size;
}

static void check_sample(const struct sample *sample)
{
    static const bool orders[] = {false, true};
    uint8_t bytes[1024];
    char wanted[2048];

    make_own_row(&sample->type);
    snprintf(wanted, sizeof(wanted), "own(v=%s) = 0", sample->text);
    for (size_t i = 0; i < 2; i++) {
        size_t size = record_sample(sample, bytes, orders[i]);

        load(&own_schema, bytes, size, orders[i] != host_is_big);
        cr_assert_str_eq(text(), wanted);
        sysfold_event_format_param(&event, 1, text_room, ROOM);
        cr_assert_str_eq(text_room, sample->text);
        if (sample->json)
            expect_args(sample->json);
        else
            json_decref(json());
    }
}

#define CHECK(...) check_sample(&(struct sample){__VA_ARGS__})
#define FIXED_TYPE(FORM, WIRE, COUNT) .type = {"", &no_table, 0, WIRE_##WIRE, COUNT, FORM_##FORM, false}
#define VARIABLE_TYPE(FORM) .type = {"", &no_table, 0, WIRE_U8, 1, FORM_##FORM, true}
#define TABLE_TYPE(FORM, WIRE, TABLE) .type = {"", flag_tables[TABLE_##TABLE], 0, WIRE_##WIRE, 1, FORM_##FORM, false}
#define BYTES(string) .layout = "s", .data = (string), .data_size = sizeof(string) - 1

static const struct flag_table no_table = {.name = "none"};

Test(format, numbers)
{
    CHECK(FIXED_TYPE(DEC, I32, 1), .layout = "4", .values = {(uint64_t)-5}, .text = "-5", .json = "{\"v\":-5}");
    CHECK(FIXED_TYPE(DEC, I8, 1), .layout = "1", .values = {0x80}, .text = "-128", .json = "{\"v\":-128}");
    CHECK(FIXED_TYPE(DEC, U16, 1), .layout = "2", .values = {65535}, .text = "65535", .json = "{\"v\":65535}");
    CHECK(FIXED_TYPE(DEC, U64, 1), .layout = "8", .values = {9007199254740993}, .text = "9007199254740993",
          .json = "{\"v\":9007199254740993}");
    CHECK(FIXED_TYPE(DEC, I64, 1), .layout = "8", .values = {UINT64_C(1) << 63}, .text = "-9223372036854775808",
          .json = "{\"v\":-9223372036854775808}");
    CHECK(FIXED_TYPE(DEC, U64, 1), .layout = "8", .values = {UINT64_MAX}, .text = "18446744073709551615",
          .json = "{\"v\":\"18446744073709551615\"}");
    CHECK(FIXED_TYPE(HEX, U64, 1), .layout = "8", .values = {0x7fff0010}, .text = "0x7fff0010",
          .json = "{\"v\":2147418128}");
    CHECK(FIXED_TYPE(HEX, U64, 1), .layout = "8", .values = {UINT64_MAX}, .text = "0xffffffffffffffff",
          .json = "{\"v\":\"0xffffffffffffffff\"}");
    CHECK(FIXED_TYPE(HEX, I32, 1), .layout = "4", .values = {UINT64_MAX}, .text = "0xffffffff",
          .json = "{\"v\":4294967295}");
    CHECK(FIXED_TYPE(HEX, U32, 1), .layout = "4", .values = {0}, .text = "0x0", .json = "{\"v\":0}");
    CHECK(FIXED_TYPE(ID, U32, 1), .layout = "4", .values = {UINT32_MAX}, .text = "-1", .json = "{\"v\":-1}");
    CHECK(FIXED_TYPE(ID, U32, 1), .layout = "4", .values = {1000}, .text = "1000", .json = "{\"v\":1000}");
    CHECK(FIXED_TYPE(MODE, U16, 1), .layout = "2", .values = {0644}, .text = "0644", .json = "{\"v\":420}");
    CHECK(FIXED_TYPE(MODE, U16, 1), .layout = "2", .values = {0}, .text = "0", .json = "{\"v\":0}");
    CHECK(FIXED_TYPE(MODE, U16, 1), .layout = "2", .values = {020600}, .text = "S_IFCHR|0600", .json = "{\"v\":8576}");
    CHECK(FIXED_TYPE(DEV, U32, 1), .layout = "4", .values = {0x801}, .text = "8:1",
          .json = "{\"v\":\"8:1\",\"v.raw\":2049}");
    CHECK(FIXED_TYPE(DEV, U32, 1), .layout = "4", .values = {0x12303445}, .text = "52:74565",
          .json = "{\"v\":\"52:74565\",\"v.raw\":305148997}");
    CHECK(FIXED_TYPE(ERRNO, I32, 1), .layout = "4", .values = {(uint64_t)-2}, .text = "-2 ENOENT",
          .json = "{\"v\":-2}");
    CHECK(FIXED_TYPE(FD, I32, 1), .layout = "4", .values = {3}, .text = "3", .json = "{\"v\":3}");
    CHECK(FIXED_TYPE(DIRFD, I32, 1), .layout = "4", .values = {(uint64_t)-100}, .text = "AT_FDCWD",
          .json = "{\"v\":-100}");
    CHECK(FIXED_TYPE(DIRFD, I32, 1), .layout = "4", .values = {5}, .text = "5", .json = "{\"v\":5}");
    CHECK(FIXED_TYPE(FD_PAIR, I32, 2), .layout = "44", .values = {3, 4}, .text = "[3, 4]", .json = "{\"v\":[3,4]}");
}

Test(format, an_address_of_zero_is_null_in_text)
{
    struct sample sample = {.type = type_infos[TYPE_ADDR], .layout = "8", .text = "NULL", .json = "{\"v\":0}"};

    check_sample(&sample);
}

Test(format, names_of_flags_and_values)
{
    CHECK(TABLE_TYPE(FLAGS, U32, open_flags), .layout = "4", .values = {02000000}, .text = "O_RDONLY|O_CLOEXEC",
          .json = "{\"v\":\"O_RDONLY|O_CLOEXEC\",\"v.raw\":524288}");
    CHECK(TABLE_TYPE(FLAGS, U32, open_flags), .layout = "4", .values = {0x40000000 | 04010000 | 01},
          .text = "O_WRONLY|O_SYNC|0x40000000",
          .json = "{\"v\":\"O_WRONLY|O_SYNC|0x40000000\",\"v.raw\":1074794497}");
    CHECK(TABLE_TYPE(FLAGS, U64, clone_flags), .layout = "8", .values = {0}, .text = "0",
          .json = "{\"v\":\"0\",\"v.raw\":0}");
    CHECK(TABLE_TYPE(ENUM, I32, signals), .layout = "4", .values = {1}, .text = "SIGHUP",
          .json = "{\"v\":\"SIGHUP\",\"v.raw\":1}");
    CHECK(TABLE_TYPE(ENUM, I32, signals), .layout = "4", .values = {999}, .text = "999",
          .json = "{\"v\":\"999\",\"v.raw\":999}");
    CHECK(TABLE_TYPE(ENUM, I32, signals), .layout = "4", .values = {(uint64_t)-7}, .text = "-7",
          .json = "{\"v\":\"-7\",\"v.raw\":-7}");
    CHECK(TABLE_TYPE(ENUM, U32, arches), .layout = "4", .values = {0xc000003e}, .text = "x86_64",
          .json = "{\"v\":\"x86_64\",\"v.raw\":3221225534}");
    CHECK(TABLE_TYPE(ENUM, U32, arches), .layout = "4", .values = {0xc0000001}, .text = "0xc0000001",
          .json = "{\"v\":\"0xc0000001\",\"v.raw\":3221225473}");
    CHECK(FIXED_TYPE(FLAGS, U32, 1), .layout = "4", .values = {6}, .text = "6", .json = "{\"v\":\"6\",\"v.raw\":6}");
}

/* Where a table gives a value two names, the first one is shown. */
Test(format, a_value_has_its_first_name)
{
    for (size_t i = 0; flag_tables[i]; i++) {
        const struct flag_table *table = flag_tables[i];

        for (size_t j = 0; !table->bits && j < table->count; j++) {
            size_t first = 0;

            while (table->entries[first].value != table->entries[j].value)
                first++;
            cr_assert_str_eq(value_name(table, table->entries[j].value), table->entries[first].name, "%s", table->name);
        }
        cr_assert_null(value_name(table, 0x123456789abc));
    }
}

Test(format, wait_statuses)
{
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {3 << 8}, .text = "exited(3)",
          .json = "{\"v\":{\"how\":\"exited\",\"code\":3},\"v.raw\":768}");
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {1}, .text = "killed(SIGHUP)",
          .json = "{\"v\":{\"how\":\"killed\",\"signal\":\"SIGHUP\"},\"v.raw\":1}");
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {0x80 | 1}, .text = "killed(SIGHUP, core)",
          .json = "{\"v\":{\"how\":\"killed\",\"signal\":\"SIGHUP\",\"core\":true},\"v.raw\":129}");
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {0x17f}, .text = "stopped(SIGHUP)",
          .json = "{\"v\":{\"how\":\"stopped\",\"signal\":\"SIGHUP\"},\"v.raw\":383}");
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {0xffff}, .text = "continued",
          .json = "{\"v\":{\"how\":\"continued\"},\"v.raw\":65535}");
    CHECK(FIXED_TYPE(WAIT_STATUS, I32, 1), .layout = "4", .values = {0xff}, .text = "0xff",
          .json = "{\"v\":{\"how\":\"unknown\"},\"v.raw\":255}");
}

Test(format, sets_of_signals)
{
    CHECK(FIXED_TYPE(SIGSET, U64, 1), .layout = "8", .values = {0}, .text = "[]", .json = "{\"v\":[],\"v.raw\":0}");
    CHECK(FIXED_TYPE(SIGSET, U64, 1), .layout = "8", .values = {1 | UINT64_C(1) << 40}, .text = "[HUP RT_9]",
          .json = "{\"v\":[\"SIGHUP\",\"SIGRT_9\"],\"v.raw\":1099511627777}");
    CHECK(FIXED_TYPE(SIGSET, U64, 1), .layout = "8", .values = {~UINT64_C(1) & INT64_MAX}, .text = "~[HUP RT_32]",
          .json = NULL);
}

Test(format, times)
{
    CHECK(FIXED_TYPE(TIMESPEC, I64, 2), .layout = "88", .values = {1, 500}, .text = "{sec=1, nsec=500}",
          .json = "{\"v\":{\"sec\":1,\"nsec\":500}}");
    CHECK(FIXED_TYPE(TIMEVAL, I64, 2), .layout = "88", .values = {(uint64_t)-1, 5}, .text = "{sec=-1, usec=5}",
          .json = "{\"v\":{\"sec\":-1,\"usec\":5}}");
    CHECK(FIXED_TYPE(ITIMERSPEC, I64, 4), .layout = "8888", .values = {1, 2, 3, 4},
          .text = "{interval={sec=1, nsec=2}, value={sec=3, nsec=4}}",
          .json = "{\"v\":{\"interval\":{\"sec\":1,\"nsec\":2},\"value\":{\"sec\":3,\"nsec\":4}}}");
    CHECK(FIXED_TYPE(ITIMERVAL, I64, 4), .layout = "8888", .values = {1, 2, 3, 4},
          .text = "{interval={sec=1, usec=2}, value={sec=3, usec=4}}",
          .json = "{\"v\":{\"interval\":{\"sec\":1,\"usec\":2},\"value\":{\"sec\":3,\"usec\":4}}}");
    CHECK(FIXED_TYPE(TIMESPEC_PAIR, I64, 4), .layout = "8888", .values = {1, 2, 3, 4},
          .text = "[{sec=1, nsec=2}, {sec=3, nsec=4}]",
          .json = "{\"v\":[{\"sec\":1,\"nsec\":2},{\"sec\":3,\"nsec\":4}]}");
    CHECK(FIXED_TYPE(TIMESPEC_PAIR, I64, 4), .layout = "8888", .values = {0, 0x3fffffff, 0, 0x3ffffffe},
          .text = "[UTIME_NOW, UTIME_OMIT]",
          .json = "{\"v\":[{\"sec\":0,\"nsec\":1073741823},{\"sec\":0,\"nsec\":1073741822}]}");
}

Test(format, structures)
{
    CHECK(FIXED_TYPE(RLIMIT, U64, 2), .layout = "88", .values = {1024, UINT64_MAX},
          .text = "{cur=1024, max=RLIM_INFINITY}", .json = "{\"v\":{\"cur\":1024,\"max\":\"RLIM_INFINITY\"}}");
    CHECK(FIXED_TYPE(SIGACTION, U64, 4), .layout = "8888", .values = {0x401000, 0x10000000, 0x402000, 2},
          .text = "{handler=0x401000, flags=SA_RESTART, mask=[INT]}",
          .json = "{\"v\":{\"handler\":4198400,\"flags\":\"SA_RESTART\",\"flags.raw\":268435456,"
                  "\"mask\":[\"SIGINT\"],\"mask.raw\":2}}");
    CHECK(FIXED_TYPE(SIGACTION, U64, 4), .layout = "8888", .values = {1, 0, 0, 0},
          .text = "{handler=SIG_IGN, flags=0, mask=[]}",
          .json = "{\"v\":{\"handler\":\"SIG_IGN\",\"flags\":\"0\",\"flags.raw\":0,\"mask\":[],\"mask.raw\":0}}");
    CHECK(VARIABLE_TYPE(CLONE_ARGS), .layout = "88888888", .values = {0x100, 0, 0, 0, 17, 0x7000, 0x1000, 0},
          .text = "{flags=CLONE_VM, exit_signal=SIGCHLD, stack=0x7000, stack_size=0x1000}",
          .json = "{\"v\":{\"flags\":\"CLONE_VM\",\"flags.raw\":256,\"exit_signal\":\"SIGCHLD\","
                  "\"exit_signal.raw\":17,\"stack\":28672,\"stack_size\":4096}}");
    CHECK(VARIABLE_TYPE(CLONE_ARGS), .layout = "888", .values = {0, 5, 6}, .text = "{flags=0, pidfd=0x5, child_tid=0x6}",
          .json = "{\"v\":{\"flags\":\"0\",\"flags.raw\":0,\"pidfd\":5,\"child_tid\":6}}");
    CHECK(FIXED_TYPE(CAP_HEADER, U32, 2), .layout = "44", .values = {0x20080522, 7},
          .text = "{version=0x20080522, pid=7}", .json = "{\"v\":{\"version\":537396514,\"pid\":7}}");
    CHECK(FIXED_TYPE(CAP_DATA, U32, 6), .layout = "444444", .values = {3, 0, 0, 0, 0, 0x80000080},
          .text = "{effective=CAP_CHOWN|CAP_DAC_OVERRIDE, permitted=0, inheritable=CAP_BPF|0x8000000000000000}",
          .json = "{\"v\":{\"effective\":\"CAP_CHOWN|CAP_DAC_OVERRIDE\",\"effective.raw\":3,\"permitted\":\"0\","
                  "\"permitted.raw\":0,\"inheritable\":\"CAP_BPF|0x8000000000000000\","
                  "\"inheritable.raw\":\"9223372586610589696\"}}");
}

Test(format, arrays)
{
    CHECK(VARIABLE_TYPE(POLLFDS), .layout = "422422", .values = {3, 1, 0, (uint64_t)-1, 5, 0x10},
          .text = "[{fd=3, events=POLLIN, revents=0}, {fd=-1, events=POLLIN|POLLOUT, revents=POLLHUP}]",
          .json = "{\"v\":[{\"fd\":3,\"events\":\"POLLIN\",\"events.raw\":1,\"revents\":\"0\",\"revents.raw\":0},"
                  "{\"fd\":-1,\"events\":\"POLLIN|POLLOUT\",\"events.raw\":5,\"revents\":\"POLLHUP\","
                  "\"revents.raw\":16}]}");
    CHECK(VARIABLE_TYPE(POLLFDS), .layout = "4224", .values = {3, 1, 0, 7}, .json = NULL,
          .text = "[{fd=3, events=POLLIN, revents=0}]");
    CHECK(VARIABLE_TYPE(FD_SET), .layout = "88", .values = {9, 1}, .text = "[0, 3, 64]", .json = "{\"v\":[0,3,64]}");
    CHECK(VARIABLE_TYPE(FD_SET), BYTES(""), .text = "[]", .json = "{\"v\":[]}");
    CHECK(FIXED_TYPE(EPOLL_EVENT, U8, 12), .layout = "48", .values = {1, 0xdeadbeef},
          .text = "{events=EPOLLIN, data=0xdeadbeef}",
          .json = "{\"v\":{\"events\":\"EPOLLIN\",\"events.raw\":1,\"data\":3735928559}}");
    CHECK(VARIABLE_TYPE(EPOLL_EVENTS), .layout = "4848", .values = {1, 2, 4, UINT64_MAX},
          .text = "[{events=EPOLLIN, data=0x2}, {events=EPOLLOUT, data=0xffffffffffffffff}]",
          .json = "{\"v\":[{\"events\":\"EPOLLIN\",\"events.raw\":1,\"data\":2},"
                  "{\"events\":\"EPOLLOUT\",\"events.raw\":4,\"data\":\"0xffffffffffffffff\"}]}");
    CHECK(.type = {"", &no_table, 0, WIRE_U32, 1, FORM_LIST, true}, .layout = "44", .values = {1000, 27},
          .text = "[1000, 27]", .json = "{\"v\":[1000,27]}");
}

Test(format, control_messages)
{
    CHECK(VARIABLE_TYPE(CONTROL), .layout = "844448444444", .values = {24, 1, 1, 3, 4, 28, 1, 2, 77, 1000, 100, 0},
          .text = "[{level=SOL_SOCKET, type=SCM_RIGHTS, fds=[3, 4]}, "
                  "{level=SOL_SOCKET, type=SCM_CREDENTIALS, pid=77, uid=1000, gid=100}]",
          .json = "{\"v\":[{\"level\":\"SOL_SOCKET\",\"type\":\"SCM_RIGHTS\",\"fds\":[3,4]},"
                  "{\"level\":\"SOL_SOCKET\",\"type\":\"SCM_CREDENTIALS\",\"pid\":77,\"uid\":1000,\"gid\":100}]}");
    CHECK(VARIABLE_TYPE(CONTROL), .layout = "844s", .values = {18, 41, 50}, .data = "ab", .data_size = 2,
          .text = "[{level=SOL_IPV6, type=50, data=\"ab\"}]",
          .json = "{\"v\":[{\"level\":\"SOL_IPV6\",\"type\":50,\"data\":\"ab\"}]}");
    CHECK(VARIABLE_TYPE(CONTROL), .layout = "8444", .values = {4000, 1, 1, 9}, .json = NULL,
          .text = "[{level=SOL_SOCKET, type=SCM_RIGHTS, fds=[9]}]");
    CHECK(VARIABLE_TYPE(CONTROL), .layout = "844", .values = {0, 1, 1}, .text = "[]", .json = "{\"v\":[]}");
    CHECK(VARIABLE_TYPE(CONTROL), .layout = "844", .values = {UINT64_MAX, 1, 1}, .json = NULL,
          .text = "[{level=SOL_SOCKET, type=SCM_RIGHTS, fds=[]}]");
    CHECK(VARIABLE_TYPE(CONTROL), BYTES(""), .text = "[]", .json = "{\"v\":[]}");
}

Test(format, strings)
{
    CHECK(VARIABLE_TYPE(PATH), BYTES("/etc/passwd"), .text = "\"/etc/passwd\"", .json = "{\"v\":\"/etc/passwd\"}");
    CHECK(VARIABLE_TYPE(STRING), BYTES(""), .text = "\"\"", .json = "{\"v\":\"\"}");
    CHECK(VARIABLE_TYPE(DATA), BYTES("a\n\t\"\\\x01\x7f\x1b[2J"), .text = "\"a\\n\\t\\\"\\\\\\x01\\x7f\\x1b[2J\"",
          .json = "{\"v\":\"a\\n\\t\\\"\\\\\\u0001\\u007f\\u001b[2J\"}");
    CHECK(VARIABLE_TYPE(DATA), BYTES("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), .text = "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"",
          .json = "{\"v\":\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}");
    CHECK(VARIABLE_TYPE(DATA), BYTES("a\0b"), .text = "\"a\\x00b\"",
          .json = "{\"v\":\"a\xef\xbf\xbd" "b\",\"v.raw\":\"YQBi\"}");
    CHECK(VARIABLE_TYPE(DATA), BYTES("\xff\xfe"), .text = "\"\\xff\\xfe\"",
          .json = "{\"v\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"v.raw\":\"//4=\"}");
    CHECK(VARIABLE_TYPE(STRING_VECTOR), BYTES("ls\0-l\0\0"), .text = "[\"ls\", \"-l\", \"\"]",
          .json = "{\"v\":[\"ls\",\"-l\",\"\"]}");
    CHECK(VARIABLE_TYPE(STRING_VECTOR), BYTES("ls\0-l"), .text = "[\"ls\", \"-l\"]", .json = "{\"v\":[\"ls\",\"-l\"]}");
    CHECK(VARIABLE_TYPE(STRING_VECTOR), BYTES(""), .text = "[]", .json = "{\"v\":[]}");
    CHECK(VARIABLE_TYPE(ENVIRONMENT), BYTES("A=1\0B=2\0"), .text = "2 variables", .json = "{\"v\":[\"A=1\",\"B=2\"]}");
    CHECK(VARIABLE_TYPE(ENVIRONMENT), BYTES("A=1\0B"), .text = "2 variables", .json = "{\"v\":[\"A=1\",\"B\"]}");
    CHECK(VARIABLE_TYPE(ENVIRONMENT), BYTES("A=1\0"), .text = "1 variable", .json = "{\"v\":[\"A=1\"]}");
    CHECK(VARIABLE_TYPE(STRING_VECTOR), BYTES("\x80\0"), .text = "[\"\\x80\"]",
          .json = "{\"v\":[\"\xef\xbf\xbd\"],\"v.raw\":\"gAA=\"}");
}

/* Each is not UTF-8, or would deceive a terminal or its reader. */
Test(format, bytes_that_deceive_are_escaped)
{
    static const struct {
        const char *bytes, *text, *json;
    } cases[] = {
        {"\xc0\xaf", "\"\\xc0\\xaf\"", "{\"v\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"v.raw\":\"wK8=\"}"},
        {"\xe0\x80\xaf", "\"\\xe0\\x80\\xaf\"", NULL},
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", NULL},
        {"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"", NULL},
        {"\xf5\x80\x80\x80", "\"\\xf5\\x80\\x80\\x80\"", NULL},
        {"\xe2\x82", "\"\\xe2\\x82\"", "{\"v\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"v.raw\":\"4oI=\"}"},
        {"\xc2\x9b" "2J", "\"\\xc2\\x9b2J\"", "{\"v\":\"\\u009b2J\"}"},
        {"\xe2\x80\xae" "cod", "\"\\xe2\\x80\\xaecod\"", "{\"v\":\"\\u202ecod\"}"},
        {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"", "{\"v\":\"\\u2028\"}"},
        {"\xef\xbf\xbd", "\"\xef\xbf\xbd\"", "{\"v\":\"\xef\xbf\xbd\"}"},
        {"\xee\x80\x80", "\"\xee\x80\x80\"", "{\"v\":\"\xee\x80\x80\"}"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK(VARIABLE_TYPE(PATH), .layout = "s", .data = cases[i].bytes, .data_size = strlen(cases[i].bytes),
              .text = cases[i].text, .json = cases[i].json);
}

Test(format, addresses_of_sockets)
{
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2ns", .values = {2, 80}, .data = "\x7f\0\0\1\0\0\0\0\0\0\0\0",
          .data_size = 12, .text = "{family=AF_INET, addr=127.0.0.1, port=80}",
          .json = "{\"v\":{\"family\":\"AF_INET\",\"addr\":\"127.0.0.1\",\"port\":80}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2n4s4", .values = {10, 443, 0, 3},
          .data = "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", .data_size = 16,
          .text = "{family=AF_INET6, addr=fe80::1, port=443, scope_id=3}",
          .json = "{\"v\":{\"family\":\"AF_INET6\",\"addr\":\"fe80::1\",\"port\":443,\"scope_id\":3}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2s", .values = {1}, .data = "/run/x\0junk", .data_size = 11,
          .text = "{family=AF_UNIX, path=\"/run/x\"}",
          .json = "{\"v\":{\"family\":\"AF_UNIX\",\"path\":\"/run/x\"}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2s", .values = {1}, .data = "\0a\0b", .data_size = 4,
          .text = "{family=AF_UNIX, path=\"@a\\x00b\", abstract=true}",
          .json = "{\"v\":{\"family\":\"AF_UNIX\",\"path\":\"@a\xef\xbf\xbd" "b\",\"path.raw\":\"QGEAYg==\","
                  "\"abstract\":true}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2", .values = {1}, .text = "{family=AF_UNIX}",
          .json = "{\"v\":{\"family\":\"AF_UNIX\"}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2244", .values = {16, 0, 77, 0x11},
          .text = "{family=AF_NETLINK, pid=77, groups=0x11}",
          .json = "{\"v\":{\"family\":\"AF_NETLINK\",\"pid\":77,\"groups\":17}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2n4211s", .values = {17, 0x800, 2, 1, 0, 6},
          .data = "\x02\0\0\0\0\x01\0\0", .data_size = 8,
          .text = "{family=AF_PACKET, protocol=0x800, ifindex=2, addr=02:00:00:00:00:01}",
          .json = "{\"v\":{\"family\":\"AF_PACKET\",\"protocol\":2048,\"ifindex\":2,\"addr\":\"02:00:00:00:00:01\"}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "22444", .values = {40, 0, 1024, 3, 0},
          .text = "{family=AF_VSOCK, cid=3, port=1024}",
          .json = "{\"v\":{\"family\":\"AF_VSOCK\",\"cid\":3,\"port\":1024}}");
}

Test(format, addresses_that_are_cut_or_foreign)
{
    CHECK(VARIABLE_TYPE(SOCKADDR), BYTES(""), .text = "{}", .json = "{\"v\":{}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), BYTES("x"), .text = "{data=\"x\"}", .json = "{\"v\":{\"data\":\"x\"}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2n", .values = {2, 0x4142}, .text = "{family=AF_INET, data=\"AB\"}",
          .json = "{\"v\":{\"family\":\"AF_INET\",\"data\":\"AB\"}}");
    CHECK(VARIABLE_TYPE(SOCKADDR), .layout = "2s", .values = {999}, .data = "hi", .data_size = 2,
          .text = "{family=999, data=\"hi\"}", .json = "{\"v\":{\"family\":\"999\",\"data\":\"hi\"}}");
}

/* The same number has another name at every level, and in every family. */
static const char *show_option(int level, int option)
{
    encoder_begin(&encoder, row_builtin(ROW_SETSOCKOPT), 1, 1);
    encoder_integer(&encoder, P_SETSOCKOPT_res, 0);
    encoder_integer(&encoder, P_SETSOCKOPT_fd, 3);
    encoder_integer(&encoder, P_SETSOCKOPT_level, level);
    encoder_integer(&encoder, P_SETSOCKOPT_option, option);
    load_encoded();
    return text();
}

Test(format, what_another_parameter_decides)
{
    cr_assert(strstr(show_option(1, 2), "option=SO_REUSEADDR"));
    cr_assert(strstr(show_option(0, 2), "option=IP_TTL"));
    cr_assert(strstr(show_option(6, 1), "option=TCP_NODELAY"));
    cr_assert(strstr(show_option(9999, 1), "option=1)"));
    encoder_begin(&encoder, row_builtin(ROW_SOCKET), 1, 1);
    encoder_integer(&encoder, P_SOCKET_res, 3);
    encoder_integer(&encoder, P_SOCKET_family, 16);
    encoder_integer(&encoder, P_SOCKET_type, 3);
    encoder_integer(&encoder, P_SOCKET_protocol, 4);
    load_encoded();
    cr_assert(strstr(text(), "protocol=NETLINK_SOCK_DIAG"));
    expect_args("{\"family\":\"AF_NETLINK\",\"family.raw\":16,\"type\":\"SOCK_RAW\",\"type.raw\":3,"
                "\"protocol\":\"NETLINK_SOCK_DIAG\",\"protocol.raw\":4}");
}

Test(format, pairs_of_addresses)
{
    CHECK(VARIABLE_TYPE(SOCKET_PAIR), .layout = "12n11112n1111",
          .values = {8, 2, 5000, 127, 0, 0, 1, 2, 80, 10, 0, 0, 2},
          .text = "{local={family=AF_INET, addr=127.0.0.1, port=5000}, peer={family=AF_INET, addr=10.0.0.2, port=80}}",
          .json = "{\"v\":{\"local\":{\"family\":\"AF_INET\",\"addr\":\"127.0.0.1\",\"port\":5000},"
                  "\"peer\":{\"family\":\"AF_INET\",\"addr\":\"10.0.0.2\",\"port\":80}}}");
    CHECK(VARIABLE_TYPE(SOCKET_PAIR), .layout = "12", .values = {0, 1}, .text = "{peer={family=AF_UNIX}}",
          .json = "{\"v\":{\"peer\":{\"family\":\"AF_UNIX\"}}}");
    CHECK(VARIABLE_TYPE(SOCKET_PAIR), .layout = "12", .values = {255, 1}, .text = "{local={family=AF_UNIX}}",
          .json = "{\"v\":{\"local\":{\"family\":\"AF_UNIX\"}}}");
    CHECK(VARIABLE_TYPE(SOCKET_PAIR), .layout = "1", .values = {9}, .text = "{}", .json = "{\"v\":{}}");
    CHECK(VARIABLE_TYPE(SOCKET_PAIR), BYTES(""), .text = "\"\"", .json = "{\"v\":\"\"}");
}

Test(format, structures_of_another_size_fall_back_to_their_integers)
{
    CHECK(FIXED_TYPE(TIMESPEC, I64, 1), .layout = "8", .values = {5}, .text = "5", .json = "{\"v\":5}");
    CHECK(FIXED_TYPE(TIMESPEC, I32, 2), .layout = "44", .values = {5, 6}, .text = "[5, 6]", .json = "{\"v\":[5,6]}");
    CHECK(FIXED_TYPE(FLAGS, U16, 3), .layout = "222", .values = {5, 6, 7}, .text = "[5, 6, 7]",
          .json = "{\"v\":[5,6,7]}");
    CHECK(FIXED_TYPE(PATH, I32, 1), .layout = "4", .values = {5}, .text = "5", .json = "{\"v\":5}");
    CHECK(VARIABLE_TYPE(DEC), BYTES("ab"), .text = "\"ab\"", .json = "{\"v\":\"ab\"}");
}

/* Whole events. */

static void begin_openat(void)
{
    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 1000);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 02000000);
    encoder_integer(&encoder, P_OPENAT_mode, 0);
}

static void finish_openat(int result)
{
    encoder_integer(&encoder, P_OPENAT_res, result);
    if (result < 0) {
        encoder_failed(&encoder);
    } else {
        encoder_integer(&encoder, P_OPENAT_dev, 0x801);
        encoder_integer(&encoder, P_OPENAT_ino, 77);
        encoder_bytes(&encoder, P_OPENAT_file, "", 0, PATH_BYTES_MAX);
    }
    load_encoded();
}

Test(format, an_opened_file)
{
    begin_openat();
    encoder_string(&encoder, P_OPENAT_path, "/etc/passwd");
    finish_openat(3);
    cr_assert_str_eq(text(), "openat(dirfd=AT_FDCWD, flags=O_RDONLY|O_CLOEXEC, mode=0, dev=8:1, ino=77, "
                             "path=\"/etc/passwd\") = 3");
    expect_args("{\"dirfd\":-100,\"flags\":\"O_RDONLY|O_CLOEXEC\",\"flags.raw\":524288,\"mode\":0,\"dev\":\"8:1\","
                "\"dev.raw\":2049,\"ino\":77,\"path\":\"/etc/passwd\"}");
    /* An empty `file` says that it is `path`: neither shows it. */
    expect_key("evt.num", "7");
    expect_key("evt.time", "1000");
    expect_key("evt.type", "\"openat\"");
    expect_key("evt.res", "3");
    expect_key("evt.failed", "false");
    expect_key("evt.source", "\"host\"");
    expect_key("evt.source_num", "0");
    expect_key("thread.tid", "42");
    expect_key("evt.errno", NULL);
    expect_key("evt.duration", NULL);
    expect_key("evt.unreadable", NULL);
    expect_key("evt.truncated", NULL);
    expect_key("evt.raced", NULL);
    expect_key("proc.pid", NULL);
    expect_key("fd.num", NULL);
}

Test(format, a_failure_and_its_reason)
{
    begin_openat();
    encoder_string(&encoder, P_OPENAT_path, "/x");
    finish_openat(-ENOENT);
    cr_assert_str_eq(text(), "openat(dirfd=AT_FDCWD, flags=O_RDONLY|O_CLOEXEC, mode=0, path=\"/x\") = -1 ENOENT "
                             "(No such file or directory)");
    sysfold_event_format_param(&event, 0, text_room, ROOM);
    cr_assert_str_eq(text_room, "-1 ENOENT (No such file or directory)");
    expect_key("evt.res", "-2");
    expect_key("evt.errno", "\"ENOENT\"");
    expect_key("evt.failed", "true");
}

static void expect_end(const char *wanted)
{
    const char *whole = text();

    cr_assert_geq(strlen(whole), strlen(wanted));
    cr_assert_str_eq(whole + strlen(whole) - strlen(wanted), wanted);
}

Test(format, results)
{
    static const struct {
        int result;
        const char *end;
    } cases[] = {
        {0, ") = 0"},
        {-512, ") = ? ERESTARTSYS (to be restarted)"},
        {-513, ") = ? ERESTARTNOINTR (to be restarted)"},
        {-514, ") = ? ERESTARTNOHAND (to be restarted)"},
        {-516, ") = ? ERESTART_RESTARTBLOCK (to be restarted)"},
        {-4000, ") = -1 errno 4000"},
        {-5000, ") = -5000"},
        {INT32_MIN, ") = -2147483648"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        encoder_begin(&encoder, row_builtin(ROW_CLOSE), 1, 1);
        encoder_integer(&encoder, P_CLOSE_fd, 3);
        encoder_integer(&encoder, P_CLOSE_res, cases[i].result);
        if (cases[i].result < 0)
            encoder_failed(&encoder);
        load_encoded();
        expect_end(cases[i].end);
        json_decref(json());
    }
}

/* What the notify backend cannot know is unknown, not zero. */
Test(format, a_result_nobody_knows)
{
    encoder_begin(&encoder, row_builtin(ROW_CLOSE), 1, 1);
    encoder_integer(&encoder, P_CLOSE_fd, 3);
    load_encoded();
    cr_assert_str_eq(text(), "close(fd=3) = ?");
    sysfold_event_format_param(&event, P_CLOSE_res, text_room, ROOM);
    cr_assert_str_eq(text_room, "?");
    expect_key("evt.res", "null");
}

/* A large result that only looks negative is not an error: mmap's. */
Test(format, a_result_is_an_error_only_where_the_record_says_so)
{
    struct type_info type = type_infos[TYPE_ADDR];

    make_own_row(&type);
    own_param_room[0].type = &own_type;
    own_param_room[1].place = 0;
    own_row.fixed_size = 8;
    for (int failed = 0; failed < 2; failed++) {
        uint64_t value = (uint64_t)-12;
        size_t size;
        const uint8_t *bytes;

        encoder_begin(&encoder, &own_row, 1, 1);
        encoder_fixed(&encoder, 0, &value);
        encoder_fixed(&encoder, 1, &value);
        if (failed)
            encoder_failed(&encoder);
        bytes = encoder_finish(&encoder, &size);
        load(&own_schema, bytes, size, false);
        expect_end(failed ? " = -1 ENOMEM (Cannot allocate memory)" : " = 0xfffffffffffffff4");
        expect_key("evt.res", failed ? "-12" : "\"0xfffffffffffffff4\"");
    }
}

Test(format, every_status)
{
    begin_openat();
    encoder_status(&encoder, P_OPENAT_path, SYSFOLD_NULL);
    finish_openat(-EFAULT);
    expect_end("mode=0, path=NULL) = -1 EFAULT (Bad address)");
    expect_args("{\"dirfd\":-100,\"flags\":\"O_RDONLY|O_CLOEXEC\",\"flags.raw\":524288,\"mode\":0,\"path\":null}");

    begin_openat();
    encoder_status(&encoder, P_OPENAT_path, SYSFOLD_UNREADABLE);
    finish_openat(-EFAULT);
    expect_end("mode=0, path=<unreadable>) = -1 EFAULT (Bad address)");
    expect_args("{\"dirfd\":-100,\"flags\":\"O_RDONLY|O_CLOEXEC\",\"flags.raw\":524288,\"mode\":0}");
    expect_key("evt.unreadable", "[\"path\"]");

    begin_openat();
    encoder_status(&encoder, P_OPENAT_path, SYSFOLD_ABSENT);
    finish_openat(-EFAULT);
    expect_end("mode=0) = -1 EFAULT (Bad address)");
    expect_key("evt.unreadable", NULL);
    sysfold_event_format_param(&event, P_OPENAT_path, text_room, ROOM);
    cr_assert_str_eq(text_room, "");
}

Test(format, what_was_cut_and_what_changed)
{
    begin_openat();
    encoder_bytes(&encoder, P_OPENAT_path, "/etc/passwd", 11, 4);
    encoder_raced(&encoder, P_OPENAT_path);
    encoder_duration(&encoder, 1234);
    finish_openat(3);
    expect_end("path=\"/etc\"...(raced)) = 3");
    expect_key("evt.truncated", "[\"path\"]");
    expect_key("evt.raced", "[\"path\"]");
    expect_key("evt.duration", "1234");
}

Test(format, what_is_no_system_call_has_no_result)
{
    encoder_begin(&encoder, row_builtin(ROW_LOST), 0, 5);
    encoder_integer(&encoder, P_LOST_count, 12);
    encoder_integer(&encoder, P_LOST_from, 3);
    encoder_integer(&encoder, P_LOST_to, 4);
    encoder_string(&encoder, P_LOST_cause, "ring full");
    load_encoded();
    cr_assert_str_eq(text(), "lost(count=12, from=3, to=4, cause=\"ring full\")");
    expect_key("evt.res", NULL);
    expect_key("evt.lost", "12");
    expect_key("evt.failed", "false");
}

Test(format, a_row_that_nobody_knows)
{
    uint8_t bytes[RECORD_HEADER_SIZE + 40] = {0};
    uint16_t type = ROW_MAX - 1, size = sizeof(bytes);

    memcpy(bytes, &type, 2);
    memcpy(bytes + 2, &size, 2);
    bytes[RECORD_HEADER_SIZE] = 0xab;
    load(sysfold_schema_builtin(), bytes, size, false);
    cr_assert_str_eq(text(), "unknown(type=2047, bytes=0xab00000000000000000000000000000000000000000000000000000000000000"
                             "...)");
    expect_key("evt.type", "\"unknown\"");
    expect_key("evt.row", "2047");
    expect_key("evt.raw", "\"qwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"");
    cr_assert_eq(sysfold_event_format_param(&event, 0, text_room, ROOM), 0);
    size = RECORD_HEADER_SIZE;
    memcpy(bytes + 2, &size, 2);
    load(sysfold_schema_builtin(), bytes, size, false);
    cr_assert_str_eq(text(), "unknown(type=2047)");
}

Test(format, a_parameter_that_is_not_there_is_nothing)
{
    encoder_begin(&encoder, row_builtin(ROW_CLOSE), 1, 1);
    load_encoded();
    cr_assert_eq(sysfold_event_format_param(&event, P_CLOSE_COUNT, text_room, ROOM), 0);
    cr_assert_eq(sysfold_event_format_param(&event, SIZE_MAX, text_room, ROOM), 0);
}

/* Names in a file's schema are a stranger's as well. */
Test(format, names_are_escaped)
{
    struct sample sample = {FIXED_TYPE(DEC, I32, 1), .layout = "4", .values = {5}};
    uint8_t bytes[64];
    size_t size;

    make_own_row(&sample.type);
    own_row.name = "\x1b[2J\"";
    own_param_room[1].name = "a\"\xff\n";
    size = record_sample(&sample, bytes, host_is_big);
    load(&own_schema, bytes, size, false);
    cr_assert_str_eq(text(), "\\x1b[2J\\\"(a\\\"\\xff\\n=5) = 0");
    expect_key("evt.type", "\"\\u001b[2J\\\"\"");
    expect_args("{\"a\\\"\xef\xbf\xbd\\n\":5}");
}

/* With state: an event names its process, and its descriptor's file. */

static struct state *state;
static uint8_t kept_record[4096];

static void destroy_state(void)
{
    state_destroy(state);
}

static void apply(void)
{
    size_t size;
    const uint8_t *bytes = encoder_finish(&encoder, &size);

    memcpy(kept_record, bytes, size);
    load(sysfold_schema_builtin(), kept_record, size, false);
    cr_assert_eq(state_apply(state, &event), 0);
}

static void start_process(const char *comm, const char *opened)
{
    cr_assert_eq(state_create(sysfold_schema_builtin(), false, &state), 0);
    encoder_begin(&encoder, row_builtin(ROW_SNAP_THREAD), 42, 1);
    encoder_integer(&encoder, P_SNAP_THREAD_pid, 42);
    encoder_integer(&encoder, P_SNAP_THREAD_ppid, 1);
    encoder_string(&encoder, P_SNAP_THREAD_comm, comm);
    apply();
    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 2);
    encoder_integer(&encoder, P_OPENAT_res, 3);
    encoder_string(&encoder, P_OPENAT_path, opened);
    apply();
}

static void use_fd(int fd)
{
    encoder_begin(&encoder, row_builtin(ROW_READ), 42, 3);
    encoder_integer(&encoder, P_READ_res, 0);
    encoder_integer(&encoder, P_READ_fd, fd);
    encoder_integer(&encoder, P_READ_size, 10);
    apply();
}

Test(format, a_descriptor_shows_its_file, .fini = destroy_state)
{
    start_process("cat", "/etc/passwd");
    use_fd(3);
    cr_assert_str_eq(text(), "read(fd=3</etc/passwd>, size=10) = 0");
    sysfold_event_format_param(&event, P_READ_fd, text_room, ROOM);
    cr_assert_str_eq(text_room, "3</etc/passwd>");
    expect_key("fd.num", "3");
    expect_key("fd.name", "\"/etc/passwd\"");
    expect_key("proc.pid", "42");
    expect_key("proc.name", "\"cat\"");
    expect_key("proc.ppid", "1");
    expect_key("thread.tid", "42");
    use_fd(9);
    cr_assert_str_eq(text(), "read(fd=9, size=10) = 0");
    expect_key("fd.name", NULL);
}

/* Not the event's own, but the process has it. */
Test(format, every_descriptor_shows_its_file, .fini = destroy_state)
{
    start_process("cat", "/srv");
    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 3);
    encoder_integer(&encoder, P_OPENAT_res, 4);
    encoder_integer(&encoder, P_OPENAT_dirfd, 3);
    encoder_string(&encoder, P_OPENAT_path, "x");
    apply();
    cr_assert_str_eq(text(), "openat(dirfd=3</srv>, path=\"x\") = 4");
    expect_key("fd.name", "\"/srv/x\"");
}

static const char *show_code(int signo, int code)
{
    encoder_begin(&encoder, row_builtin(ROW_SIGNAL_DELIVERED), 1, 1);
    encoder_integer(&encoder, P_SIGNAL_DELIVERED_signo, signo);
    encoder_integer(&encoder, P_SIGNAL_DELIVERED_code, code);
    load_encoded();
    return text();
}

Test(format, codes_of_signals)
{
    cr_assert_str_eq(show_code(17, 1), "signal(signo=SIGCHLD, code=CLD_EXITED)");
    cr_assert_str_eq(show_code(11, 1), "signal(signo=SIGSEGV, code=SEGV_MAPERR)");
    cr_assert_str_eq(show_code(11, 128), "signal(signo=SIGSEGV, code=SI_KERNEL)");
    cr_assert_str_eq(show_code(15, -6), "signal(signo=SIGTERM, code=SI_TKILL)");
    cr_assert_str_eq(show_code(15, 1), "signal(signo=SIGTERM, code=1)");
}

Test(format, a_connection_keeps_its_arrow, .fini = destroy_state)
{
    const uint8_t pair[] = {16, 2, 0, 0x13, 0x88, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
                            2,  0, 0, 80,   127,  0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0};

    start_process("curl", "/etc/hosts");
    encoder_begin(&encoder, row_builtin(ROW_SOCKET), 42, 3);
    encoder_integer(&encoder, P_SOCKET_res, 5);
    encoder_integer(&encoder, P_SOCKET_family, 2);
    encoder_integer(&encoder, P_SOCKET_type, 1);
    apply();
    encoder_begin(&encoder, row_builtin(ROW_CONNECT), 42, 3);
    encoder_integer(&encoder, P_CONNECT_res, 0);
    encoder_integer(&encoder, P_CONNECT_fd, 5);
    encoder_bytes(&encoder, P_CONNECT_sockets, pair, sizeof(pair), sizeof(pair));
    apply();
    use_fd(5);
    cr_assert_str_eq(text(), "read(fd=5<127.0.0.1:5000->127.0.0.2:80>, size=10) = 0");
}

Test(format, a_file_cannot_pose_as_more_than_its_name, .fini = destroy_state)
{
    start_process("e\x1bvil\xff", "/tmp/a>, size=<\x1b[2J\xff");
    use_fd(3);
    cr_assert_str_eq(text(), "read(fd=3</tmp/a\\x3e, size=\\x3c\\x1b[2J\\xff>, size=10) = 0");
    expect_key("fd.name", "\"/tmp/a>, size=<\\u001b[2J\xef\xbf\xbd\"");
    expect_key("fd.name.raw", "\"L3RtcC9hPiwgc2l6ZT08G1sySv8=\"");
    expect_key("proc.name", "\"e\\u001bvil\xef\xbf\xbd\"");
    expect_key("proc.name.raw", "\"ZRt2aWz/\"");
}

/* Any buffer, from none on: never overrun (the sanitizers watch), always ended, the whole length told. */
static void check_sizes(size_t (*format)(const struct sysfold_event *event, char *buffer, size_t size))
{
    size_t length = format(&event, text_room, ROOM);

    cr_assert_eq(format(&event, NULL, 0), length);
    for (size_t size = 1; size <= length + 2; size++) {
        char *buffer = malloc(size);

        cr_assert_eq(format(&event, buffer, size), length);
        cr_assert_eq(strlen(buffer), size <= length ? size - 1 : length);
        cr_assert_eq(memcmp(buffer, text_room, strlen(buffer)), 0);
        free(buffer);
    }
}

static size_t format_path(const struct sysfold_event *which, char *buffer, size_t size)
{
    return sysfold_event_format_param(which, P_OPENAT_path, buffer, size);
}

Test(format, any_buffer_will_do)
{
    begin_openat();
    encoder_bytes(&encoder, P_OPENAT_path, "/gr\xc3\xbc\xff\n\x01\0", 9, 4096);
    finish_openat(3);
    check_sizes(sysfold_event_format);
    check_sizes(sysfold_event_format_json);
    check_sizes(format_path);
}

/* Every row there is, with random bytes for a body: text and JSON always come out, and the JSON always parses. */

static uint64_t random_state = 88172645463325252;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint8_t random_byte(void)
{
    uint64_t random = random_next();

    /* Zeros and small numbers make lengths plausible. */
    return (uint8_t)(random & 0x300 ? random & 15 : random);
}

static size_t random_record(uint8_t *bytes, unsigned number, bool big)
{
    size_t size = RECORD_HEADER_SIZE + random_next() % 600;
    unsigned flags = random_next() & 1 ? (unsigned)random_next() & 0xf800 : 0;

    for (size_t i = 0; i < size; i++)
        bytes[i] = random_byte();
    lay(bytes, number | flags, 2, big);
    lay(bytes + 2, size, 2, big);
    return size;
}

Test(format, random_bytes_in_every_row)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();

    for (size_t i = 0; i < schema->row_count; i++) {
        for (unsigned turn = 0; turn < 200; turn++) {
            uint8_t bytes[1024];
            size_t size = random_record(bytes, schema->rows[i].number, (turn & 1) != host_is_big);
            uint8_t *exact = malloc(size);

            memcpy(exact, bytes, size);
            event = (struct sysfold_event){.number = turn};
            if (record_read(&event.record, schema, exact, size, turn & 1) >= 0) {
                (void)text();
                json_decref(json());
            }
            free(exact);
        }
    }
}

/* The largest record of the worst bytes: every one is escaped or replaced. */
Test(format, the_largest_data)
{
    static uint8_t data[SNAPLEN_MAX];
    json_t *line;

    memset(data, 0xff, sizeof(data));
    encoder_begin(&encoder, row_builtin(ROW_READ), 1, 1);
    encoder_bytes(&encoder, P_READ_data, data, sizeof(data), sizeof(data));
    load_encoded();
    cr_assert_gt(strlen(text()), sizeof(data) * 4);
    line = json();
    cr_assert_eq(json_string_length(json_object_get(json_object_get(line, "evt.args"), "data")), sizeof(data) * 3);
    json_decref(line);
}
