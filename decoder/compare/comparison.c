// SPDX-License-Identifier: Apache-2.0
#include <sysfold/compare.h>

#include <errno.h>
#include <string.h>

#include "common/error.h"

int sysfold_story_read(struct sysfold_stream *stream, const struct sysfold_story_options *options, int timeout_ms,
                       struct sysfold_story **ret_story, struct sysfold_error *error)
{
    (void)stream;
    (void)options;
    (void)timeout_ms;
    (void)ret_story;
    return error_system(error, -ENOSYS, "cannot read a story");
}

void sysfold_story_free(struct sysfold_story *story)
{
    (void)story;
}

const char *sysfold_story_name(const struct sysfold_story *story)
{
    (void)story;
    return "";
}

uint64_t sysfold_story_events(const struct sysfold_story *story)
{
    (void)story;
    return 0;
}

uint64_t sysfold_story_threads(const struct sysfold_story *story)
{
    (void)story;
    return 0;
}

uint64_t sysfold_story_lost(const struct sysfold_story *story)
{
    (void)story;
    return 0;
}

int sysfold_story_to_text(const struct sysfold_story *story, char **ret_text, struct sysfold_error *error)
{
    (void)story;
    (void)ret_text;
    return error_system(error, -ENOSYS, "cannot tell a story");
}

int sysfold_compare(const struct sysfold_story *reference, const struct sysfold_story *other,
                    const struct sysfold_compare_options *options, struct sysfold_comparison **ret_comparison,
                    struct sysfold_error *error)
{
    (void)reference;
    (void)other;
    (void)options;
    (void)ret_comparison;
    return error_system(error, -ENOSYS, "cannot compare");
}

void sysfold_comparison_free(struct sysfold_comparison *comparison)
{
    (void)comparison;
}

enum sysfold_verdict sysfold_comparison_verdict(const struct sysfold_comparison *comparison)
{
    (void)comparison;
    return SYSFOLD_INCOMPARABLE;
}

const char *sysfold_comparison_reason(const struct sysfold_comparison *comparison)
{
    (void)comparison;
    return "";
}

size_t sysfold_comparison_line_count(const struct sysfold_comparison *comparison)
{
    (void)comparison;
    return 0;
}

int sysfold_comparison_line(const struct sysfold_comparison *comparison, size_t index, struct sysfold_line *ret_line)
{
    (void)comparison;
    (void)index;
    (void)ret_line;
    return -ENOENT;
}

int sysfold_comparison_difference(const struct sysfold_comparison *comparison, size_t index,
                                  struct sysfold_difference *ret_difference)
{
    (void)comparison;
    (void)index;
    (void)ret_difference;
    return -ENOENT;
}

size_t sysfold_comparison_line_text(const struct sysfold_comparison *comparison, size_t index, bool other, char *buffer,
                                    size_t size)
{
    (void)comparison;
    (void)index;
    (void)other;
    if (size)
        *buffer = '\0';
    return 0;
}

int sysfold_comparison_counts(const struct sysfold_comparison *comparison,
                              struct sysfold_comparison_counts *ret_counts)
{
    (void)comparison;
    (void)ret_counts;
    return -ENOSYS;
}

int sysfold_comparison_declared_uses(const struct sysfold_comparison *comparison, bool other, size_t index,
                                     uint64_t *ret_uses)
{
    (void)comparison;
    (void)other;
    (void)index;
    (void)ret_uses;
    return -ENOENT;
}
