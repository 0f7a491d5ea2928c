// SPDX-License-Identifier: Apache-2.0
/* From end to end: a scenario, run twice under a live backend. */

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

static char *hello(void)
{
    static char path[PATH_MAX + 64];
    char own[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);

    cr_assert_gt(size, 0);
    own[size] = '\0';
    (void)snprintf(path, sizeof(path), "%s/../scenarios/scenario-hello", dirname(own));
    return path;
}

static struct sysfold_story *run(char *const *argv, const char *syscalls)
{
    const struct sysfold_live_options options = {.size = sizeof(options), .argv = argv, .syscalls = syscalls};
    const struct sysfold_story_options named = {.size = sizeof(named), .name = "a run"};
    struct sysfold_stream *stream;
    struct sysfold_story *story;
    struct sysfold_error error = {0};
    int r = sysfold_live_open(&options, &stream, &error);

    if (r == -EPERM || r == -EACCES || r == -ENOSYS)
        cr_skip_test("nothing can be captured here");
    cr_assert_eq(r, 0, "%s", error.message);
    cr_assert_eq(sysfold_story_read(stream, &named, 60000, &story, &error), 0, "%s", error.message);
    sysfold_stream_close(stream);
    cr_expect_str_eq(sysfold_story_name(story), "a run");
    return story;
}

static enum sysfold_verdict verdict_on(const struct sysfold_story *a, const struct sysfold_story *b, uint64_t *ret_same)
{
    struct sysfold_comparison_counts counts = {.size = sizeof(counts)};
    struct sysfold_comparison *comparison;
    enum sysfold_verdict verdict;

    cr_assert_eq(sysfold_compare(a, b, NULL, &comparison, NULL), 0);
    verdict = sysfold_comparison_verdict(comparison);
    cr_assert_eq(sysfold_comparison_counts(comparison, &counts), 0);
    *ret_same = counts.lines[SYSFOLD_LINE_SAME];
    sysfold_comparison_free(comparison);
    return verdict;
}

Test(compare_live, two_runs_tell_the_same_story, .timeout = 100)
{
    char *const argv[] = {hello(), NULL};
    struct sysfold_story *a = run(argv, NULL), *b = run(argv, NULL);
    char *texts[2];
    uint64_t same;

    cr_expect_eq(verdict_on(a, b, &same), SYSFOLD_SAME);
    cr_expect_gt(same, 25);
    cr_expect_eq(sysfold_story_threads(a), 4);
    cr_assert_eq(sysfold_story_to_text(a, &texts[0], NULL), 0);
    cr_assert_eq(sysfold_story_to_text(b, &texts[1], NULL), 0);
    cr_expect_str_eq(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    sysfold_story_free(a);
    sysfold_story_free(b);
}

Test(compare_live, a_run_that_lacks_something_tells_another, .timeout = 100)
{
    char *const argv[] = {hello(), NULL};
    struct sysfold_story *a = run(argv, NULL), *b = run(argv, "!unlink");
    uint64_t same;

    cr_expect_eq(verdict_on(a, b, &same), SYSFOLD_DIFFERENT);
    sysfold_story_free(a);
    sysfold_story_free(b);
}

Test(compare_live, a_stream_that_does_not_end_is_left, .timeout = 100)
{
    char *const argv[] = {(char[]){"sleep"}, (char[]){"5"}, NULL};
    const struct sysfold_live_options options = {.size = sizeof(options), .argv = argv};
    struct sysfold_stream *stream;
    struct sysfold_story *story;
    struct sysfold_error error = {0};
    int r = sysfold_live_open(&options, &stream, &error);

    if (r == -EPERM || r == -EACCES || r == -ENOSYS)
        cr_skip_test("nothing can be captured here");
    cr_assert_eq(r, 0, "%s", error.message);
    cr_expect_eq(sysfold_story_read(stream, NULL, 200, &story, &error), -ETIMEDOUT);
    cr_expect_geq(sysfold_stream_fetch(stream, 0, NULL), -EAGAIN, "it can still be read");
    sysfold_stream_close(stream);
}
