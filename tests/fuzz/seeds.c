// SPDX-License-Identifier: Apache-2.0
/*
 * Writes what the fuzzers begin with: records of every row, and small captures
 * of every kind.
 *
 *     fuzz-seeds DIRECTORY     (makes DIRECTORY/identity, record, savefile and witness)
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "common/encode.h"
#include "decoder/savefile/block.h"
#include "decoder/savefile/schema.h"
#include "story.h"

#define ID 0x12345678
#define ROOM (4u << 20)

struct file {
    size_t size;
    uint8_t bytes[ROOM];
};

static struct encoder encoder;
static const char *directory;

static void add(struct file *file, const void *bytes, size_t size)
{
    if (size > ROOM - file->size)
        abort();
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

static void save(const struct file *file, const char *kind, const char *name)
{
    char path[4096];
    FILE *out;

    (void)snprintf(path, sizeof(path), "%s/%s/%s", directory, kind, name);
    out = fopen(path, "we");
    if (!out || fwrite(file->bytes, 1, file->size, out) != file->size || fclose(out)) {
        perror(path);
        exit(1);
    }
}

/* Records. */

enum mood { SUCCEEDED, FAILED, STRANGE, MOODS };

static void put_variable(unsigned index, const struct sysfold_param *param, enum mood mood)
{
    static const uint8_t internet[] = {2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t local[] = "\x01\x00/run/socket";
    static const uint8_t pair[] = "\x10\x02\x00\x1f\x90\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00/run/s";
    size_t size = type_size(param->type);

    switch (param->type->form) {
    case FORM_PATH:
    case FORM_STRING:
        encoder_string(&encoder, index, mood == STRANGE ? "\x1b[2J\xff\xc3" : "/etc/../etc/passwd");
        break;
    case FORM_STRING_VECTOR:
    case FORM_ENVIRONMENT:
        encoder_bytes(&encoder, index, "sh\0-c\0true", 11, mood == STRANGE ? 7 : 100);
        break;
    case FORM_SOCKADDR:
        if (mood == STRANGE)
            encoder_bytes(&encoder, index, local, sizeof(local), 100);
        else
            encoder_bytes(&encoder, index, internet, sizeof(internet), 100);
        break;
    case FORM_SOCKET_PAIR:
        encoder_bytes(&encoder, index, pair, sizeof(pair) - 1, 100);
        break;
    default:
        encoder_bytes(&encoder, index, pair, sizeof(pair) - 1 - (sizeof(pair) - 1) % size, mood == STRANGE ? 5 : 100);
    }
}

static void put_param(unsigned index, const struct sysfold_param *param, enum mood mood)
{
    static const uint8_t fixed[RECORD_FIXED_MAX] = {3, 0, 0, 0, 4};

    if (mood == STRANGE && index % 3 == 2)
        encoder_status(&encoder, index, (enum sysfold_status)(1 + index / 3 % 3));
    else if (param->type->variable)
        put_variable(index, param, mood);
    else if (param->type->count == 1)
        encoder_integer(&encoder, index, mood == STRANGE ? -1 : mood == FAILED && !index ? -EBADF : 2 + (int64_t)index);
    else
        encoder_fixed(&encoder, index, fixed);
    if (mood == STRANGE && index % 4 == 1)
        encoder_raced(&encoder, index);
}

static const uint8_t *make_record(const struct sysfold_row *row, enum mood mood, size_t *ret_size)
{
    static uint64_t time = UINT64_C(1700000000000000000);

    encoder_begin(&encoder, row, 42 + (row->number & 1), time++);
    if (mood == FAILED)
        encoder_failed(&encoder);
    if (mood == STRANGE)
        encoder_duration(&encoder, 1234);
    for (unsigned i = 0; i < row->param_count; i++)
        put_param(i, &row->params[i], mood);
    return encoder_finish(&encoder, ret_size);
}

static void save_records(struct file *file)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();

    for (size_t i = 0; i < schema->row_count; i++) {
        file->size = 0;
        add(file, "\0", 1);
        for (enum mood mood = 0; mood < MOODS; mood++) {
            size_t size;
            const uint8_t *record = make_record(&schema->rows[i], mood, &size);

            add(file, record, size);
        }
        save(file, "record", schema->rows[i].name);
    }
}

/* Captures. */

static void add_block(struct file *file, uint32_t kind, const void *payload, size_t size, size_t raw)
{
    struct block_header header = {.kind = kind, .stored = (uint32_t)size, .raw = (uint32_t)raw};
    uint8_t bytes[BLOCK_HEADER_SIZE];

    block_header_put(bytes, &header, ID, payload);
    add(file, bytes, sizeof(bytes));
    add(file, payload, size);
}

static void begin(struct file *file, const struct sysfold_schema *schema, bool with_schema)
{
    struct file_header header = {.version = FILE_VERSION, .id = ID, .machine = "x86_64"};
    uint8_t payload[FILE_HEADER_SIZE], *packed;
    size_t size;

    if (schema_pack(schema, &packed, &size) < 0)
        abort();
    file->size = 0;
    header.schema_crc = (uint32_t)crc32(0, packed, (uInt)size);
    file_header_put(payload, &header);
    for (int i = 0; i < FILE_HEADER_COPIES; i++)
        add_block(file, BLOCK_HEADER, payload, sizeof(payload), sizeof(payload));
    if (with_schema)
        add_block(file, BLOCK_SCHEMA, packed, size, size);
    add_block(file, BLOCK_SOURCE, "\x08\x01\x12\x03two\x1a\x04test", 13, 13);
    free(packed);
}

static void add_batch(struct file *file, uint32_t source, const uint8_t *records, size_t size)
{
    struct batch_header header = {.source = source, .cpu = -1, .size = (uint32_t)size};
    uint8_t bytes[BATCH_HEADER_SIZE];

    batch_header_put(bytes, &header);
    add(file, bytes, sizeof(bytes));
    add(file, records, size);
}

/* One batch for each mood, of all rows whose index leaves `rest` when divided by `by`. */
static void make_batches(struct file *file, const struct sysfold_schema *schema, size_t by, size_t rest)
{
    static struct file records;

    file->size = 0;
    for (enum mood mood = 0; mood < MOODS; mood++) {
        records.size = 0;
        for (size_t i = rest; i < schema->row_count; i += by) {
            size_t size;
            const uint8_t *record = make_record(&schema->rows[i], mood, &size);

            add(&records, record, size);
        }
        add_batch(file, mood == STRANGE, records.bytes, records.size);
    }
}

static void end(struct file *file, const char *name)
{
    struct file_end totals = {.flags = FILE_END_HAS_STATUS};
    uint8_t payload[FILE_END_SIZE];

    file_end_put(payload, &totals);
    add_block(file, BLOCK_END, payload, sizeof(payload), sizeof(payload));
    save(file, "savefile", name);
}

/* Without a schema block: the header says that it is the built-in one. Rows by the dozen. */
static void save_builtin(struct file *file, struct file *payload)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();
    size_t by = schema->row_count / 12 + 1;

    for (size_t rest = 0; rest < by; rest++) {
        char name[32];

        make_batches(payload, schema, by, rest);
        begin(file, schema, false);
        add_block(file, BLOCK_RECORDS_NATIVE, payload->bytes, payload->size, payload->size);
        (void)snprintf(name, sizeof(name), "rows-%zu", rest);
        end(file, name);
    }
}

static void save_compressed(struct file *file, struct file *payload)
{
    static uint8_t packed[ROOM];
    uLongf size = sizeof(packed);

    make_batches(payload, sysfold_schema_builtin(), 1, 0);
    if (compress(packed, &size, payload->bytes, payload->size) != Z_OK)
        abort();
    begin(file, sysfold_schema_builtin(), true);
    add_block(file, BLOCK_RECORDS_NATIVE, packed, size, payload->size);
    end(file, "compressed");
}

/* A schema of its own: a few of our rows and one that nobody has. */
static void save_own_schema(struct file *file, struct file *payload)
{
    static const unsigned numbers[] = {ROW_OPENAT, ROW_CLOSE, ROW_THREAD_START, ROW_EXEC, ROW_THREAD_EXIT, ROW_LOST};
    static const struct type_info type = {"NEW", NULL, TYPE_NONE, WIRE_U16, 3, FORM_DATA, true};
    static const struct sysfold_param params[] = {{"news", "GIVEN", &type, 0, 0, 0, 0, 0}};
    struct sysfold_row rows[sizeof(numbers) / sizeof(numbers[0]) + 1];
    size_t count = 0;
    struct sysfold_schema schema = {.rows = rows};

    for (; count < sizeof(numbers) / sizeof(numbers[0]); count++)
        rows[count] = *row_builtin(numbers[count]);
    rows[count++] = (struct sysfold_row){
        .name = "new", .params = params, .number = 2000, .effect = E_OPENS_FD, .param_count = 1, .variable_count = 1};
    schema.row_count = count;
    make_batches(payload, &schema, 1, 0);
    begin(file, &schema, true);
    add_block(file, BLOCK_RECORDS_NATIVE, payload->bytes, payload->size, payload->size);
    add_block(file, BLOCK_RECORDS_SWAPPED, payload->bytes, payload->size, payload->size);
    add_block(file, BLOCK_KIND('Z', 'z'), "?", 1, 1);
    end(file, "own-schema");
}

static void save_story(struct file *file, struct file *payload)
{
    static struct file records;
    const uint8_t *record;
    size_t size;

    records.size = payload->size = 0;
    for (size_t i = 0; (record = story_record(&encoder, i, &size)); i++)
        add(&records, record, size);
    add_batch(payload, 0, records.bytes, records.size);
    begin(file, sysfold_schema_builtin(), false);
    add_block(file, BLOCK_RECORDS_NATIVE, payload->bytes, payload->size, payload->size);
    end(file, "story");
}

static void make_directory(const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (mkdir(path, 0777) < 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
}

/* Logs of witnesses. */

static void save_text(struct file *file, const char *name, const char *text)
{
    file->size = 0;
    add(file, text, strlen(text));
    save(file, "witness", name);
}

static void save_logs(struct file *file)
{
    save_text(file, "truth",
              "{\"truth\":1,\"scenario\":\"a\"}\n"
              "{\"tid\":7,\"event\":\"open\",\"params\":{\"res\":-2,\"flags\":66,\"path\":{\"cut\":{\"hex\":\"00ff\"}}}}\n"
              "{\"tid\":7,\"event\":\"pipe\",\"params\":{\"res\":0,\"fds\":[3,4]}}\n"
              "{\"tid\":7,\"event\":\"nanosleep\",\"params\":{\"req\":{\"unreadable\":true},\"rem\":0}}\n"
              "{\"tid\":7,\"fds\":{\"0\":\"device\",\"10\":\"file\"}}\n"
              "{\"end\":4}\n");
    save_text(file, "strace-calls",
              "7 execve(\"/bin/x\", [\"x\", \"y\"...], 0x7ff /* 2 vars */) = 0\n"
              "7 openat(AT_FDCWD</tmp>, \"a\\0\\377\\n\", O_RDWR|O_CREAT, 0600) = 3</tmp/a>\n"
              "7 rt_sigaction(SIGINT, {sa_handler=0x4, sa_mask=~[HUP], sa_flags=SA_RESTART}, NULL, 8) = 0\n"
              "7 poll([{fd=5, events=POLLIN}], 1, 5) = 1 ([{fd=5, revents=POLLIN}])\n"
              "7 select(6, [5], NULL, NULL, {tv_sec=1, tv_usec=2}) = 1 (in [5], left {tv_sec=0, tv_usec=9})\n"
              "7 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")}, 16) = 0\n"
              "7 bind(3, {sa_family=AF_UNIX, sun_path=@\"abs\"}, 6) = -1 EADDRINUSE (Address already in use)\n"
              "7 sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"ab\", iov_len=2}], msg_iovlen=1, "
              "msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[9]}], "
              "msg_controllen=24, msg_flags=0}, 0) = 2\n"
              "7 mmap2(NULL, 8192*1024, PROT_READ, MAP_PRIVATE, -1, 0) = 0xf7000000 <0.000010>\n");
    save_text(file, "strace-lives",
              "fork(strace: Process 8 attached\n <unfinished ...>\n"
              "[pid 8] 12:00:00.5 close(1) = 0\n[pid 7] <... fork resumed>) = 8\n"
              "8 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 9\n"
              "8 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD) = 10\n"
              "10 execve(\"x\", [], NULL <unfinished ...>\n8 +++ superseded by execve in pid 10 +++\n"
              "8 <... execve resumed>) = 0\n[ Process PID=8 runs in 32 bit mode. ]\n"
              "8 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---\n"
              "8 +++ killed by SIGSEGV (core dumped) +++\n7 exit_group(0 <unfinished ...>\n");
}

/* Cgroups: the examples of the table. */

static void save_cgroups(struct file *file)
{
    static const char *const examples[] = {
#define CONTAINER(ENGINE, PATTERN, EXAMPLE, ID) EXAMPLE,
#define POD(PATTERN, EXAMPLE, ID) EXAMPLE "/x\n4:memory:" EXAMPLE,
#define NOT(PATTERN, EXAMPLE) "0::" EXAMPLE,
#include "containers/identity/identity.def"
#undef CONTAINER
#undef POD
#undef NOT
    };
    char name[16];

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        (void)snprintf(name, sizeof(name), "%zu", i);
        file->size = 0;
        add(file, examples[i], strlen(examples[i]));
        save(file, "identity", name);
    }
}

int main(int argc, char **argv)
{
    static struct file file, payload;

    if (argc != 2)
        return 2;
    directory = argv[1];
    make_directory("");
    make_directory("record");
    make_directory("identity");
    make_directory("savefile");
    make_directory("witness");
    save_cgroups(&file);
    save_logs(&file);
    save_records(&file);
    save_builtin(&file, &payload);
    save_compressed(&file, &payload);
    save_own_schema(&file, &payload);
    save_story(&file, &payload);
    return 0;
}
