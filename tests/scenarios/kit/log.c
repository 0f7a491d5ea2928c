// SPDX-License-Identifier: Apache-2.0
/* Lines of the truth, in memory that all processes of a scenario share with the file. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inside.h"

#define TEXT_SIZE (64 << 20) /* sparse: what is not written costs nothing */
#define TAIL_SIZE 4096

/* Behind the text while the scenario runs; cut off when the truth is whole. */
struct tail {
    _Atomic uint64_t used;
    _Atomic uint64_t lines;
};

static char *text;
static struct tail *tail;

static void put_text(struct kit_line *line, const char *from, size_t size)
{
    if (line->to && line->size + size <= line->room)
        memcpy(line->to + line->size, from, size);
    line->size += size;
}

void kit_put(struct kit_line *line, const char *string)
{
    put_text(line, string, strlen(string));
}

void kit_put_number(struct kit_line *line, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10));
    if (value < 0)
        digits[--at] = '-';
    put_text(line, digits + at, sizeof(digits) - at);
}

static bool is_plain(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    }
    return true;
}

void kit_put_bytes(struct kit_line *line, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    if (!is_plain(bytes, size)) {
        kit_put(line, "{\"hex\":\"");
        for (size_t i = 0; i < size; i++)
            put_text(line, (char[]){"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]}, 2);
        kit_put(line, "\"}");
        return;
    }
    kit_put(line, "\"");
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            kit_put(line, "\\");
        put_text(line, (const char *)&bytes[i], 1);
    }
    kit_put(line, "\"");
}

void kit_write(void (*put)(struct kit_line *line, const void *data), const void *data)
{
    struct kit_line line = {0};
    uint64_t at;

    if (!text)
        return;
    put(&line, data);
    at = atomic_fetch_add(&tail->used, line.size + 1);
    if (at + line.size + 1 > TEXT_SIZE)
        kit_fail("the truth is too long");
    line = (struct kit_line){.to = text + at, .room = line.size};
    put(&line, data);
    text[at + line.room] = '\n';
    for (size_t i = line.size; i < line.room; i++)
        text[at + i] = ' ';
    atomic_fetch_add(&tail->lines, 1);
}

static void put_head(struct kit_line *line, const void *scenario)
{
    kit_put(line, "{\"truth\":1,\"scenario\":");
    kit_put_bytes(line, scenario, strlen(scenario));
    kit_put(line, "}");
}

static void put_end(struct kit_line *line, const void *data)
{
    kit_put(line, "{\"end\":");
    kit_put_number(line, *(const int64_t *)data);
    kit_put(line, "}");
}

void kit_log_open(bool is_first, const char *scenario)
{
    const char *path = getenv("SYSFOLD_TRUTH");
    void *map;
    int file;

    if (!path || !*path)
        return;
    file = open(path, (is_first ? O_CREAT | O_TRUNC : 0) | O_RDWR | O_CLOEXEC, 0644);
    if (file < 0 || (is_first && ftruncate(file, TEXT_SIZE + TAIL_SIZE) < 0)) {
        perror(path);
        exit(99);
    }
    map = mmap(NULL, TEXT_SIZE + TAIL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (map == MAP_FAILED) {
        perror(path);
        exit(99);
    }
    close(file); /* no descriptor of ours among the scenario's */
    text = map;
    tail = (struct tail *)(text + TEXT_SIZE);
    if (is_first)
        kit_write(put_head, scenario);
}

void kit_log_close(void)
{
    const char *path = getenv("SYSFOLD_TRUTH");

    if (!text)
        return;
    kit_write(put_end, &(int64_t){(int64_t)atomic_load(&tail->lines) - 1});
    if (truncate(path, (off_t)atomic_load(&tail->used)) < 0) {
        perror(path);
        exit(99);
    }
}
