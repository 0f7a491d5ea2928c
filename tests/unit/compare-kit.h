/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_COMPARE_KIT_H
#define SYSFOLD_TESTS_COMPARE_KIT_H

/* For tests of comparing: stories told event by event, and what a comparison says of two. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

#include "common/rows.h"

/* A parameter: a number, bytes, or a status. */
struct given {
    const char *name;
    const void *bytes; /* NULL: a number */
    size_t size;
    int64_t number;
    enum sysfold_status status;
    bool cut;
};
/* clang-format off */
#define N(NAME, NUMBER) {.name = NAME, .number = (int64_t)(NUMBER)}
#define S(NAME, STRING) {.name = NAME, .bytes = STRING, .size = strlen(STRING)}
#define B(NAME, ...) {.name = NAME, .bytes = (__VA_ARGS__), .size = sizeof((__VA_ARGS__))}
#define CUT(NAME, STRING) {.name = NAME, .bytes = STRING, .size = strlen(STRING), .cut = true}
#define STATUS(NAME, STATUS) {.name = NAME, .status = STATUS}
/* clang-format on */

/* One side of a comparison: tell() adds to it. */
struct telling {
    uint8_t *records;
    size_t size, capacity;
    uint32_t source;
    const struct sysfold_schema *schema;
    const char *backend; /* "test" */
};

extern struct telling ours, theirs;
void kit_init(void);
void kit_finish(void);

/* A negative result makes the record one of a failure. What is not given is absent. */
void tell(struct telling *telling, uint32_t tid, const char *row, const struct given *given);
#define TELL(TELLING, TID, ROW, ...) tell(TELLING, TID, ROW, (const struct given[]){__VA_ARGS__, {0}})
/* The same in both. */
#define BOTH(TID, ROW, ...)                                                                                            \
    do {                                                                                                               \
        TELL(&ours, TID, ROW, __VA_ARGS__);                                                                            \
        TELL(&theirs, TID, ROW, __VA_ARGS__);                                                                          \
    } while (0)
#define BEGIN 1
#define END 2
#define MARK(TELLING, TID, KIND) TELL(TELLING, TID, "prctl", N("res", -22), N("option", 0x5359534d), N("arg2", KIND))

/* The story of what was told so far. To be freed. */
struct sysfold_story *story_told(const struct telling *telling);

/* What came of comparing ours with theirs. */
struct judged {
    enum sysfold_verdict verdict;
    char reason[256];
    uint64_t lines[7];
    char text[8192]; /* each line that is not the same: kind, thread, name; each difference: param, texts */
};

struct judged judge(const char *ignore);
#define EXPECT_SAME() EXPECT_VERDICT(SYSFOLD_SAME)
#define EXPECT_DIFFERENT() EXPECT_VERDICT(SYSFOLD_DIFFERENT)
#define EXPECT_VERDICT(VERDICT)                                                                                        \
    do {                                                                                                               \
        struct judged judged_ = judge(NULL);                                                                           \
        cr_expect_eq(judged_.verdict, VERDICT, "%s%s", judged_.reason, judged_.text);                                  \
    } while (0)

/* Begins anew, both sides. */
void anew(void);

#endif
