// SPDX-License-Identifier: Apache-2.0
/* What the public API asks of the state. */

#include <errno.h>
#include <limits.h>

#include "decoder/state/internal.h"

const struct sysfold_thread *sysfold_event_thread(const struct sysfold_event *event)
{
    return event->thread;
}

const struct sysfold_process *sysfold_event_process(const struct sysfold_event *event)
{
    return event->thread ? event->thread->process : NULL;
}

const struct sysfold_fd *sysfold_event_fd(const struct sysfold_event *event)
{
    return event->fd;
}

uint32_t sysfold_thread_tid(const struct sysfold_thread *thread)
{
    return thread->tid;
}

const char *sysfold_thread_name(const struct sysfold_thread *thread)
{
    return thread->name[0] ? thread->name : NULL;
}

const struct sysfold_process *sysfold_thread_process(const struct sysfold_thread *thread)
{
    return thread->process;
}

uint32_t sysfold_process_source(const struct sysfold_process *process)
{
    return process->source->number;
}

uint32_t sysfold_process_pid(const struct sysfold_process *process)
{
    return process->pid;
}

uint32_t sysfold_process_ppid(const struct sysfold_process *process)
{
    return process->ppid;
}

const char *sysfold_process_name(const struct sysfold_process *process)
{
    return process->name[0] ? process->name : NULL;
}

const char *sysfold_process_exe(const struct sysfold_process *process)
{
    return text_bytes(process->exe);
}

const char *sysfold_process_cmdline(const struct sysfold_process *process)
{
    return text_bytes(process->cmdline);
}

const char *sysfold_process_cwd(const struct sysfold_process *process)
{
    return text_bytes(process->fs->cwd);
}

int sysfold_process_uid(const struct sysfold_process *process, uint32_t *ret_uid)
{
    if (!process->has_uid)
        return -ENODATA;
    *ret_uid = process->uid;
    return 0;
}

const char *sysfold_process_container(const struct sysfold_process *process)
{
    return process->container ? process->container->id : NULL;
}

const char *sysfold_process_container_engine(const struct sysfold_process *process)
{
    return process->container && *process->container->engine ? process->container->engine : NULL;
}

const char *sysfold_process_pod(const struct sysfold_process *process)
{
    return process->container && *process->container->pod ? process->container->pod : NULL;
}

uint64_t sysfold_process_start_time(const struct sysfold_process *process)
{
    return process->start_time;
}

uint64_t sysfold_process_exit_time(const struct sysfold_process *process)
{
    return process->exit_time;
}

int sysfold_process_exit_status(const struct sysfold_process *process, int *ret_status)
{
    if (!process->has_status)
        return -ENODATA;
    *ret_status = process->status;
    return 0;
}

uint64_t sysfold_process_thread_count(const struct sysfold_process *process)
{
    return process->thread_count;
}

uint64_t sysfold_process_event_count(const struct sysfold_process *process)
{
    return process->events;
}

bool sysfold_process_is_doubtful(const struct sysfold_process *process)
{
    return process->guessed || process->losses != process->source->losses;
}

const struct sysfold_fd *sysfold_process_fd(const struct sysfold_process *process, int number)
{
    return process->files && number >= 0 ? fds_find(process->files, number) : NULL;
}

int sysfold_fd_number(const struct sysfold_fd *fd)
{
    return fd->number;
}

const char *sysfold_fd_type(const struct sysfold_fd *fd)
{
    return fd->file->type;
}

const char *sysfold_fd_name(const struct sysfold_fd *fd)
{
    return fd->file->name;
}

bool sysfold_fd_is_doubtful(const struct sysfold_fd *fd)
{
    return fd->losses != (fd->file->source->losses & INT_MAX);
}
