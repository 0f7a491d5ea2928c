// SPDX-License-Identifier: Apache-2.0
/* Signals: which of them did something, and whether a handler ran. */

#include <string.h>

#include "common/cleanup.h"
#include "story.h"

#define HANDLER_DEFAULT 0
#define HANDLER_IGNORE 1
#define SIGACTION_SIZE 32
#define SIGNALS_MAX 64

static uint64_t bit_of(int64_t signo)
{
    return signo >= 1 && signo <= SIGNALS_MAX ? UINT64_C(1) << (signo - 1) : 0;
}

/* SIGCHLD, SIGCONT, SIGURG, SIGWINCH do nothing unless somebody asks for it,
 * SIGSTOP, SIGTSTP, SIGTTIN and SIGTTOU stop: the process does nothing. */
static bool is_ignored_by_default(int64_t signo)
{
    return signo == 17 || signo == 23 || signo == 28 || (signo >= 18 && signo <= 22);
}

static void note_action(struct teller *process, const struct record *record)
{
    uint64_t bit = bit_of(record_number(record, "sig", 0)), handler;
    int index = sysfold_row_param_index(record->row, "act");
    struct sysfold_value value;

    if (record->flags & SYSFOLD_EVENT_FAILED || index < 0 || record_param(record, (unsigned)index, &value) < 0 ||
        value.status != SYSFOLD_PRESENT || value.size < SIGACTION_SIZE)
        return;
    handler = load_u64(value.data, record->swapped);
    process->ignored &= ~bit;
    process->handled &= ~bit;
    if (handler == HANDLER_IGNORE)
        process->ignored |= bit;
    else if (handler != HANDLER_DEFAULT)
        process->handled |= bit;
}

static void note_handler(struct teller *thread, int64_t signo)
{
    thread->handlers = thread->handlers << 1 | (signo == SIGCHLD_NUMBER);
    thread->depth++;
}

static void note_return(struct teller *thread, struct told *told)
{
    if (!thread->depth)
        return;
    if (thread->handlers & 1)
        told->flags |= TOLD_STRAY;
    thread->handlers >>= 1;
    thread->depth--;
}

void story_note_signals(struct sysfold_story *story, struct told *told, const struct record *record)
{
    struct teller *process = &story->threads[story->threads[told->thread].leader];
    int64_t signo;

    if (record_is(record, "rt_sigaction")) {
        note_action(process, record);
    } else if (record_is(record, "exec")) {
        process->handled = 0;
        story->threads[told->thread].depth = 0;
    } else if (record_is(record, "rt_sigreturn")) {
        note_return(&story->threads[told->thread], told);
    } else if (record_is(record, "signal")) {
        signo = record_number(record, "signo", 0);
        told->flags |= TOLD_SIGNAL;
        if (process->handled & bit_of(signo)) {
            told->flags |= TOLD_HANDLED;
            note_handler(&story->threads[told->thread], signo);
        } else if (process->ignored & bit_of(signo) || is_ignored_by_default(signo)) {
            told->flags |= TOLD_IGNORED;
        }
    }
}

/* The signal that a process died of; 0: none. */
static int64_t killed_by(const struct sysfold_story *story, const struct teller *process)
{
    struct record record;
    int64_t status;

    if (process->ended == NONE)
        return 0;
    story_record(story, &story->events[process->ended], &record);
    status = record_number(&record, "status", 0);
    return (status & 0x7f) == 0x7f ? 0 : status & 0x7f;
}

/* Some mechanisms show the signal that kills, others only the death. */
void story_drop_deadly_signals(struct sysfold_story *story)
{
    for (uint32_t i = 0; i < story->thread_count; i++)
        story->threads[i].signal_count = (uint32_t)killed_by(story, &story->threads[i]);
    for (uint32_t i = story->count; i-- > 0;) {
        struct told *told = &story->events[i];
        struct teller *process = &story->threads[story->threads[told->thread].leader];
        struct record record;

        if (!(told->flags & TOLD_SIGNAL) || !process->signal_count)
            continue;
        story_record(story, told, &record);
        if (record_number(&record, "signo", 0) != process->signal_count)
            continue;
        told->flags |= TOLD_IGNORED;
        process->signal_count = 0;
    }
}
