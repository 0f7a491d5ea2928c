// SPDX-License-Identifier: Apache-2.0
#include "backends/lifecycle.h"

#include "backends/proc.h"

void lifecycle_birth(struct encoder *encoder, pid_t tid, uint64_t time, const struct birth *birth)
{
    encoder_begin(encoder, row_builtin(ROW_THREAD_START), (uint32_t)tid, time);
    encoder_integer(encoder, P_THREAD_START_pid, birth->pid);
    encoder_integer(encoder, P_THREAD_START_ppid, birth->ppid);
    encoder_integer(encoder, P_THREAD_START_parent_tid, birth->parent_tid);
    encoder_integer(encoder, P_THREAD_START_flags, (int64_t)birth->flags);
    encoder_integer(encoder, P_THREAD_START_start_time, (int64_t)time);
}

void lifecycle_exec(struct encoder *encoder, pid_t tid, uint64_t time, pid_t pid, pid_t old_tid)
{
    struct proc_file file;
    struct proc_task task;

    encoder_begin(encoder, row_builtin(ROW_EXEC), (uint32_t)tid, time);
    encoder_integer(encoder, P_EXEC_pid, pid);
    encoder_integer(encoder, P_EXEC_old_tid, old_tid);
    if (proc_task(tid, &task) == 0) {
        encoder_integer(encoder, P_EXEC_uid, task.uid);
        encoder_integer(encoder, P_EXEC_euid, task.euid);
        encoder_integer(encoder, P_EXEC_gid, task.gid);
        encoder_integer(encoder, P_EXEC_egid, task.egid);
        encoder_string(encoder, P_EXEC_comm, task.comm);
    }
    if (proc_exe_file(tid, &file) == 0) {
        encoder_integer(encoder, P_EXEC_dev, file.dev);
        encoder_integer(encoder, P_EXEC_ino, (int64_t)file.ino);
        encoder_bytes(encoder, P_EXEC_exe, file.path, file.path_size, PATH_BYTES_MAX);
    }
    proc_put_cgroup(tid, encoder, P_EXEC_cgroup);
}

void lifecycle_thread_exit(struct encoder *encoder, pid_t tid, uint64_t time, pid_t pid, const int *status)
{
    encoder_begin(encoder, row_builtin(ROW_THREAD_EXIT), (uint32_t)tid, time);
    encoder_integer(encoder, P_THREAD_EXIT_pid, pid);
    if (status)
        encoder_integer(encoder, P_THREAD_EXIT_status, *status);
}

void lifecycle_process_exit(struct encoder *encoder, pid_t pid, uint64_t time, const int *status)
{
    encoder_begin(encoder, row_builtin(ROW_PROCESS_EXIT), (uint32_t)pid, time);
    encoder_integer(encoder, P_PROCESS_EXIT_pid, pid);
    if (status)
        encoder_integer(encoder, P_PROCESS_EXIT_status, *status);
}
