// SPDX-License-Identifier: Apache-2.0
/* The guardian, with real filters: whoever dies, the targets' calls go through. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/daemon.h"
#include "backends/notify/listener.h"
#include "backends/notify/oci-state.h"
#include "guardian-kit.h"

#define CALLS 300
#define MANY 20

static struct recorder recorder;

static void expect_calls(const struct caller *target, enum answer answer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(target_call(target), answer, "call %u", i);
}

/* Another process answers from some call on, and none fails. */
static void call_until(const struct caller *target, enum answer answer)
{
    enum answer got;

    while ((got = target_call(target)) != answer)
        cr_assert_neq(got, FAILED);
}

static void await_held(const struct arrived *source)
{
    while (!source->shared->status)
        pause_shortly();
}

/* --- containers --- */

Test(notify_guardian, a_container_is_recorded, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian;

    recorder_init(&recorder);
    target_start(&target);
    recorder_start(&recorder);
    runtime_introduce(&recorder, &target, "a-container");
    await_arrival(&recorder, &source);
    cr_assert_str_eq(source.arrival.name, "a-container");
    cr_assert_eq(source.arrival.number, 0);
    cr_assert_eq(source.arrival.pid, target.pid);
    while (!*recorder.bell) /* nobody else rings yet */
        pause_shortly();
    guardian = guardian_of(&source);
    expect_calls(&target, PERFORMED, CALLS);
    target_end(&target);
    await_end(&source);
    cr_assert(source.shared->ended);
    cr_assert_not(source.shared->crashed);
    source_finish(&source);
    /* And the next one: the guardian is there as before. */
    target_start(&target);
    runtime_introduce(&recorder, &target, "a-container");
    await_arrival(&recorder, &source);
    cr_assert_eq(source.arrival.number, 1, "names need not be unique, sources are");
    cr_assert_eq(guardian_of(&source), guardian);
    expect_calls(&target, PERFORMED, 1);
    target_end(&target);
    await_end(&source);
    source_finish(&source);
    recorder_dismiss(&recorder, guardian);
    recorder_finish(&recorder);
}

/* Calls that it had received, calls that wait, calls to come. */
static void kill_supervisor(enum manner manner)
{
    struct caller target;
    struct arrived source;
    pid_t guardian;

    recorder_init(&recorder);
    supervisor_manner = manner;
    target_start(&target);
    recorder_start(&recorder);
    runtime_introduce(&recorder, &target, "a");
    await_arrival(&recorder, &source);
    guardian = guardian_of(&source);
    target_ask(&target);
    await_held(&source);
    cr_assert_eq(kill(source.shared->supervisor, SIGKILL), 0);
    await_end(&source);
    cr_assert(source.shared->crashed);
    cr_assert_not(source.shared->ended);
    cr_assert_eq(target_hear(&target), PASSED);
    expect_calls(&target, PASSED, CALLS);
    target_end(&target);
    source_finish(&source);
    recorder_dismiss(&recorder, guardian);
    recorder_finish(&recorder);
}

Test(notify_guardian, a_supervisor_is_killed_with_a_call_in_hand, .timeout = 60)
{
    kill_supervisor(HOLDS);
}

/* Killed before it could write down which call that was: another thread's next call tells. */
Test(notify_guardian, a_supervisor_is_killed_with_an_unknown_call_in_hand, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian;

    recorder_init(&recorder);
    supervisor_manner = HOLDS_SECRETLY;
    target_start_threads(&target);
    recorder_start(&recorder);
    runtime_introduce(&recorder, &target, "a");
    await_arrival(&recorder, &source);
    guardian = guardian_of(&source);
    target_ask(&target);
    await_held(&source);
    cr_assert_eq(kill(source.shared->supervisor, SIGKILL), 0);
    await_end(&source);
    target_ask(&target);
    cr_assert_eq(target_hear(&target), PASSED);
    cr_assert_eq(target_hear(&target), PASSED);
    target_end(&target);
    source_finish(&source);
    recorder_dismiss(&recorder, guardian);
    recorder_finish(&recorder);
}

/* --- the recorder's end --- */

Test(notify_guardian, the_recorder_is_killed, .timeout = 60)
{
    struct caller before, after;
    pid_t elsewhere;

    recorder_init(&recorder);
    target_start(&before);
    target_start(&after);
    elsewhere = recorder_start_elsewhere(&recorder);
    runtime_introduce(&recorder, &before, "before");
    expect_calls(&before, PERFORMED, 1);
    recorder_kill(elsewhere);
    call_until(&before, PASSED);
    expect_calls(&before, PASSED, CALLS);
    runtime_introduce(&recorder, &after, "after");
    expect_calls(&after, PASSED, CALLS);
    target_end(&before);
    target_end(&after);
    /* Now nobody needs it any more, and when nobody can connect either, it goes. */
    cr_assert_eq(unlink(recorder.path), 0);
    await_all_exits();
    recorder_finish(&recorder);
}

Test(notify_guardian, a_recorder_wants_no_more_while_targets_run, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian;

    recorder_init(&recorder);
    target_start(&target);
    recorder_start(&recorder);
    runtime_introduce(&recorder, &target, "a");
    await_arrival(&recorder, &source);
    guardian = guardian_of(&source);
    cr_assert_eq(write(recorder.lifeline, "s", 1), 1);
    await_end(&source);
    cr_assert_not(source.shared->crashed);
    call_until(&target, PASSED);
    expect_calls(&target, PASSED, CALLS);
    cr_assert_eq(waitpid(guardian, NULL, WNOHANG), 0, "it is gone too early");
    target_end(&target);
    await_exit(guardian);
    cr_assert_lt(access(recorder.path, F_OK), 0, "the socket is left behind");
    source_finish(&source);
    recorder_finish(&recorder);
}

/* --- hostile runtimes --- */

#define STATE "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"x\"}}"

/* So that what comes next comes after it, and to know the guardian. */
static pid_t begin(struct caller *target, struct arrived *ret_source)
{
    recorder_init(&recorder);
    target_start(target);
    recorder_start(&recorder);
    runtime_introduce(&recorder, target, "honest");
    await_arrival(&recorder, ret_source);
    return guardian_of(ret_source);
}

static void finish(struct caller *target, struct arrived *source, pid_t guardian)
{
    expect_calls(target, PERFORMED, CALLS);
    target_end(target);
    await_end(source);
    source_finish(source);
    recorder_dismiss(&recorder, guardian);
    recorder_finish(&recorder);
}

static void send_wrong(const void *bytes, size_t size, const int *fds, size_t count, const char *why)
{
    int fd = runtime_connect(&recorder);

    runtime_send(fd, bytes, size, fds, count);
    shutdown(fd, SHUT_WR);
    await_complaint(&recorder, why);
    close(fd);
}

Test(notify_guardian, runtimes_that_say_nonsense, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian = begin(&target, &source);
    unsigned files;
    int nulls[60], pipes[2];
    char *large = malloc(OCI_STATE_MAX + 1);

    memset(large, ' ', OCI_STATE_MAX + 1);
    for (size_t i = 0; i < 60; i++)
        nulls[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
    send_wrong("nonsense", 8, NULL, 0, "it is not JSON");
    files = open_files(guardian); /* nobody else is connected any more */
    send_wrong("\0\xff", 2, nulls, 1, "not");
    send_wrong(STATE, strlen(STATE), NULL, 0, "names 1 descriptors, and 0 came");
    send_wrong(STATE, strlen(STATE), nulls, 1, "as the listener is none");
    send_wrong(STATE, strlen(STATE), pipes, 1, "as the listener is none");
    send_wrong(STATE, strlen(STATE), nulls, 3, "names 1 descriptors, and 3 came");
    send_wrong(STATE, strlen(STATE), nulls, 17, "too many descriptors");
    send_wrong(STATE, strlen(STATE), nulls, 60, "too many descriptors");
    send_wrong(large, OCI_STATE_MAX + 1, nulls, 16, "too long");
    cr_assert_eq(open_files(guardian), files, "descriptors are left open");
    for (size_t i = 0; i < 60; i++)
        close(nulls[i]);
    close(pipes[0]);
    close(pipes[1]);
    free(large);
    finish(&target, &source, guardian);
}

/* Whatever is wrong with what is said of it: the target is not to blame. */
Test(notify_guardian, a_listener_with_a_wrong_state_is_guarded, .timeout = 60)
{
    static const char *const wrong[][2] = {
        {"nonsense", "it is not JSON"},
        {"{\"fds\":[\"seccompFd\"],\"pid\":4194304,\"state\":{\"id\":\"x\"}}", "process 4194304 is not there"},
        {STATE, "process 1 has no seccomp filter"},
        {"{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"\\u001b[31m\"}}", "visible characters"},
    };
    struct caller honest, target;
    struct arrived source;
    pid_t guardian = begin(&honest, &source);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        target_start(&target);
        send_wrong(wrong[i][0], strlen(wrong[i][0]), &target.listener, 1, wrong[i][1]);
        close(target.listener);
        target.listener = -1;
        expect_calls(&target, PASSED, CALLS);
        target_end(&target);
    }
    finish(&honest, &source, guardian);
}

Test(notify_guardian, a_runtime_that_fails_is_no_error, .timeout = 60)
{
    struct caller target, other;
    struct arrived source, another;
    pid_t guardian = begin(&target, &source);

    close(runtime_connect(&recorder));
    target_start(&other);
    runtime_introduce(&recorder, &other, "other");
    await_arrival(&recorder, &another); /* and not a complaint */
    target_end(&other);
    await_end(&another);
    source_finish(&another);
    finish(&target, &source, guardian);
}

Test(notify_guardian, a_message_in_pieces, .timeout = 60)
{
    struct caller target, other;
    struct arrived source, another;
    pid_t guardian = begin(&target, &source);
    int fd = runtime_connect(&recorder);
    char state[100];

    target_start(&other);
    (void)snprintf(state, sizeof(state), "{\"fds\":[\"seccompFd\"],\"pid\":%d,\"state\":{\"id\":\"x\"}}",
                   (int)other.pid);
    runtime_send(fd, state, 1, &other.listener, 1);
    for (size_t i = 1; i < strlen(state); i++) {
        pause_shortly();
        runtime_send(fd, state + i, 1, NULL, 0);
    }
    await_arrival(&recorder, &another); /* the connection is still open */
    close(other.listener);
    other.listener = -1;
    expect_calls(&other, PERFORMED, 1);
    close(fd);
    target_end(&other);
    await_end(&another);
    source_finish(&another);
    finish(&target, &source, guardian);
}

Test(notify_guardian, silent_runtimes_are_closed_and_hinder_nobody, .timeout = 60)
{
    struct caller targets[MANY];
    struct arrived sources[MANY];
    struct caller target;
    struct arrived source;
    pid_t guardian = begin(&target, &source);
    int silent[MANY];
    char byte;

    for (size_t i = 0; i < MANY; i++)
        silent[i] = runtime_connect(&recorder);
    for (size_t i = 0; i < MANY; i++)
        target_start(&targets[i]);
    for (size_t i = 0; i < MANY; i++)
        runtime_introduce(&recorder, &targets[i], "one-of-many");
    for (size_t i = 0; i < MANY; i++) {
        await_arrival(&recorder, &sources[i]);
        cr_assert_eq(sources[i].arrival.number, i + 1);
    }
    for (size_t i = 0; i < MANY; i++)
        expect_calls(&targets[i], PERFORMED, 3);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(read(silent[i], &byte, 1), 0);
        await_complaint(&recorder, "it stayed silent");
        close(silent[i]);
        target_end(&targets[i]);
        await_end(&sources[i]);
        source_finish(&sources[i]);
    }
    finish(&target, &source, guardian);
}

/* Nobody takes the complaints meanwhile: there is a bound to those as well. */
Test(notify_guardian, a_flood, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian = begin(&target, &source);
    unsigned files;
    struct arrival arrival;
    struct queue *queue;
    struct shared *shared;

    send_wrong("nonsense", 8, NULL, 0, "it is not JSON");
    files = open_files(guardian);
    for (unsigned i = 0; i < 3000; i++) {
        int fd = runtime_connect(&recorder);

        if (i % 3)
            (void)send(fd, STATE, i % sizeof(STATE), MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        if (i % 100 == 0)
            expect_calls(&target, PERFORMED, 1);
    }
    while (open_files(guardian) != files)
        pause_shortly();
    while (guardian_take_arrival(recorder.control, &arrival, &queue, &shared, NULL) > 0)
        cr_assert_eq(arrival.kind, ARRIVAL_COMPLAINT);
    finish(&target, &source, guardian);
}

/* Until it hangs up. How many containers came? The last of them. */
static unsigned take_what_is_left(struct arrived *ret_last)
{
    unsigned count = 0;

    for (;;) {
        struct sysfold_error error;
        struct arrived got = {0};
        int r = guardian_take_arrival(recorder.control, &got.arrival, &got.queue, &got.shared, &error);

        if (r < 0) {
            cr_assert_eq(r, -EPIPE, "%s", error.message);
            return count;
        }
        if (r == 0) {
            pause_shortly();
        } else if (got.arrival.kind == ARRIVAL_CONTAINER) {
            *ret_last = got;
            count++;
        }
    }
}

/* It had no room for the arrival, and wants no more when it comes: what has been recorded is its own all the same. */
Test(notify_guardian, a_recorder_that_wants_no_more_is_told_of_all_containers, .timeout = 60)
{
    struct caller target, late;
    struct arrived source, last = {0};
    pid_t guardian = begin(&target, &source);

    for (unsigned i = 0; i < 1000; i++) {
        int fd = runtime_connect(&recorder);

        runtime_send(fd, "nonsense", 8, NULL, 0);
        close(fd);
    }
    target_start(&late);
    runtime_introduce(&recorder, &late, "late");
    expect_calls(&late, PERFORMED, 1);
    cr_assert_eq(write(recorder.lifeline, "s", 1), 1);
    call_until(&late, PASSED); /* the guardian has seen it, too */
    cr_assert_eq(take_what_is_left(&last), 1);
    cr_assert_str_eq(last.arrival.name, "late");
    await_end(&last);
    source_finish(&last);
    target_end(&target);
    target_end(&late);
    await_exit(guardian);
    source_finish(&source);
    recorder_finish(&recorder);
}

Test(notify_guardian, others_may_not_connect, .timeout = 60)
{
    struct caller target;
    struct arrived source;
    pid_t guardian, child;
    int status;

    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    guardian = begin(&target, &source);
    cr_assert_eq(chmod(recorder.path, 0666), 0);
    cr_assert_eq(chmod(recorder.directory, 0755), 0);
    child = fork();
    if (child == 0) {
        char byte;
        int fd;

        if (setgid(65534) < 0 || setuid(65534) < 0)
            _exit(2);
        fd = runtime_connect(&recorder);
        _exit(read(fd, &byte, 1) == 0 ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    await_complaint(&recorder, "its user may not connect");
    finish(&target, &source, guardian);
}

/* --- a command --- */

/* A supervisor with its command, which is a target: what the test has of it comes by way of a socket. */
static int to_test;
static struct caller command;

static void __attribute__((noreturn)) supervise_command(const struct session *session)
{
    struct seccomp_notif notif;

    session->shared->status = getppid();
    target_start(&command);
    runtime_send(session->watch, "l", 1, &command.listener, 1);
    runtime_send(to_test, &command.pid, sizeof(command.pid), &command.ask, 2); /* ask and told */
    while (listener_receive(command.listener, &notif) < 0)
        ;
    session->shared->last_id = notif.id;
    session->shared->supervisor = getpid();
    session->shared->launch_step = LAUNCH_GO;
    while (true)
        pause();
}

static void receive_command(int from, struct caller *ret_target)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &ret_target->pid, .iov_len = sizeof(ret_target->pid)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int fds[2];

    cr_assert_eq(recvmsg(from, &message, MSG_CMSG_CLOEXEC), sizeof(ret_target->pid));
    memcpy(fds, CMSG_DATA(&control.header), sizeof(fds));
    ret_target->ask = fds[0];
    ret_target->told = fds[1];
    ret_target->listener = -1;
}

Test(notify_guardian, a_command, .timeout = 60)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct caller target;
    struct queue *queue;
    int sockets[2];
    pid_t guardian;

    recorder_init(&recorder);
    cr_assert_eq(queue_create(1 << 18, &queue, NULL), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    to_test = sockets[1];
    recorder_start_command(&recorder, shared, queue, supervise_command);
    receive_command(sockets[0], &target);
    guardian = shared->status;
    target_ask(&target);
    while (shared->launch_step != LAUNCH_GO)
        pause_shortly();
    cr_assert_eq(kill(shared->supervisor, SIGKILL), 0);
    cr_assert_eq(target_hear(&target), PASSED);
    expect_calls(&target, PASSED, CALLS);
    cr_assert(shared->crashed);
    /* Without the recorder, too. */
    close(recorder.lifeline);
    recorder.lifeline = -1;
    expect_calls(&target, PASSED, CALLS);
    target_end(&target);
    await_exit(guardian);
    close(sockets[0]);
    close(sockets[1]);
    queue_destroy(queue);
    munmap(shared, sizeof(*shared));
    recorder_finish(&recorder);
}
