// SPDX-License-Identifier: Apache-2.0
/* From the guardian whose recorder is gone to the next recorder's. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "guardian-kit.h"

#define CALLS 100
#define TARGETS 3

/* As handover.c draws it. */
struct packet {
    uint32_t magic;
    uint16_t version, step;
    uint32_t fd_count;
};

#define MAGIC UINT32_C(0x44474653)
enum { HELLO = 1, SOCKET, READY, CONTAINER, TAKEN, GIVEN, END };

static struct recorder recorder;
static struct caller targets[TARGETS];

static void expect_calls(const struct caller *target, enum answer answer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(target_call(target), answer, "call %u", i);
}

static void call_until(const struct caller *target, enum answer answer)
{
    enum answer got;

    while ((got = target_call(target)) != answer)
        cr_assert_neq(got, FAILED);
}

static int connect_door(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s.guardian", recorder.path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Containers whose recorder has been killed, and a guardian that is to be had. */
static void begin_orphaned(void)
{
    static const char *const names[TARGETS] = {"first", "second", "third"};
    pid_t elsewhere;
    int door;

    recorder_init(&recorder);
    for (size_t i = 0; i < TARGETS; i++)
        target_start(&targets[i]);
    elsewhere = recorder_start_elsewhere(&recorder);
    for (size_t i = 0; i < TARGETS; i++) {
        runtime_introduce(&recorder, &targets[i], names[i]);
        expect_calls(&targets[i], PERFORMED, 1);
    }
    recorder_kill(elsewhere);
    while ((door = connect_door()) < 0)
        pause_shortly();
    close(door);
}

/* The next recorder has them all, and nobody else has any. */
static void take_over(void)
{
    struct arrived sources[TARGETS];
    unsigned seen = 0;
    pid_t guardian = 0;

    recorder_start(&recorder);
    for (size_t i = 0; i < TARGETS; i++) {
        await_arrival(&recorder, &sources[i]);
        seen |= !strcmp(sources[i].arrival.name, "first") ? 1 : !strcmp(sources[i].arrival.name, "second") ? 2 : 4;
        cr_assert_eq(sources[i].arrival.number, i);
        guardian = guardian_of(&sources[i]);
    }
    cr_assert_eq(seen, 7);
    for (size_t i = 0; i < TARGETS; i++)
        expect_calls(&targets[i], PERFORMED, CALLS);
    for (size_t i = 0; i < TARGETS; i++)
        target_end(&targets[i]);
    for (size_t i = 0; i < TARGETS; i++) {
        await_end(&sources[i]);
        cr_assert(sources[i].shared->ended);
        source_finish(&sources[i]);
    }
    /* New ones come to the same path. */
    target_start(&targets[0]);
    runtime_introduce(&recorder, &targets[0], "fourth");
    await_arrival(&recorder, &sources[0]);
    expect_calls(&targets[0], PERFORMED, CALLS);
    cr_assert_eq(guardian_of(&sources[0]), guardian);
    target_end(&targets[0]);
    await_end(&sources[0]);
    source_finish(&sources[0]);
    recorder_dismiss(&recorder, guardian);
    await_all_exits(); /* the guardian before has long gone, too */
    cr_assert_lt(access(recorder.path, F_OK), 0);
    recorder_finish(&recorder);
}

Test(notify_handover, running_containers, .timeout = 60)
{
    begin_orphaned();
    for (size_t i = 0; i < TARGETS; i++)
        call_until(&targets[i], PASSED);
    take_over();
}

/* What called meanwhile is not lost, nor answered twice. */
Test(notify_handover, calls_in_the_middle_of_it, .timeout = 60)
{
    struct arrived source;
    pid_t guardian = 0;

    begin_orphaned();
    for (size_t i = 0; i < TARGETS; i++)
        target_ask(&targets[i]);
    recorder_start(&recorder);
    for (size_t i = 0; i < TARGETS; i++) {
        enum answer answer = target_hear(&targets[i]);

        cr_assert_neq(answer, FAILED);
        for (unsigned calls = 0; calls < CALLS || answer != PERFORMED; calls++) {
            answer = target_call(&targets[i]);
            cr_assert_neq(answer, FAILED);
        }
    }
    for (size_t i = 0; i < TARGETS; i++) {
        await_arrival(&recorder, &source);
        guardian = guardian_of(&source);
        source_finish(&source);
    }
    for (size_t i = 0; i < TARGETS; i++)
        target_end(&targets[i]);
    recorder_dismiss(&recorder, guardian);
    await_all_exits();
    recorder_finish(&recorder);
}

Test(notify_handover, not_from_a_guardian_whose_recorder_lives, .timeout = 60)
{
    struct sysfold_error error = {0};
    struct guardian_plan plan = {.listening = {.fd = -1}, .predecessor = -1};
    struct endpoint endpoint = {.path = recorder.path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    pid_t elsewhere;

    recorder_init(&recorder);
    elsewhere = recorder_start_elsewhere(&recorder);
    cr_assert_eq(guardian_listen(&endpoint, &plan, &error), -EADDRINUSE);
    cr_assert(strstr(error.message, "somebody does already"), "%s", error.message);
    cr_assert_lt(connect_door(), 0);
    recorder_kill(elsewhere);
    cr_assert_eq(unlink(recorder.path), 0);
    await_all_exits();
    recorder_finish(&recorder);
}

/* A recorder that greets, and then fails to begin, gives everything back. */
Test(notify_handover, abandoned, .timeout = 60)
{
    struct sysfold_error error = {0};
    struct guardian_plan plan = {.listening = {.fd = -1}, .predecessor = -1};
    struct endpoint endpoint = {.path = recorder.path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    struct caller later;

    begin_orphaned();
    cr_assert_eq(guardian_listen(&endpoint, &plan, &error), 0, "%s", error.message);
    cr_assert_geq(plan.predecessor, 0);
    guardian_plan_abandon(&plan);
    cr_assert_eq(access(recorder.path, F_OK), 0, "the path is the guardian's");
    target_start(&later);
    runtime_introduce(&recorder, &later, "later");
    expect_calls(&later, PASSED, CALLS);
    target_end(&later);
    take_over();
}

/* A guardian that ends as a recorder greets it. */
static pid_t start_hanging_up(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    pid_t pid;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s.guardian", path);
    cr_assert_eq(bind(door, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(door, 1), 0);
    pid = fork();
    if (pid == 0) {
        close(accept(door, NULL, NULL));
        (void)unlink(address.sun_path);
        _exit(0);
    }
    close(door);
    return pid;
}

Test(notify_handover, the_one_before_has_just_ended, .timeout = 60)
{
    struct sysfold_error error = {0};
    struct guardian_plan plan = {.listening = {.fd = -1}, .predecessor = -1};
    char path[] = "/tmp/sysfold-handover-XXXXXX/socket";
    struct endpoint endpoint = {.path = path, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    pid_t gone;

    path[strlen(path) - strlen("/socket")] = 0;
    cr_assert_not_null(mkdtemp(path));
    path[strlen(path)] = '/';
    gone = start_hanging_up(path);
    cr_assert_eq(guardian_listen(&endpoint, &plan, &error), 0, "%s", error.message);
    cr_assert_lt(plan.predecessor, 0);
    cr_assert_eq(waitpid(gone, NULL, 0), gone);
    guardian_plan_abandon(&plan);
    *strrchr(path, '/') = 0;
    cr_assert_eq(rmdir(path), 0);
}

static void say(int fd, uint16_t step)
{
    const struct packet packet = {.magic = MAGIC, .version = 1, .step = step};

    (void)send(fd, &packet, sizeof(packet), MSG_NOSIGNAL);
}

/* The step of the next packet; descriptors that come with it are dropped. 0: the end. */
static unsigned hear(int fd)
{
    struct packet packet = {0};

    return recv(fd, &packet, sizeof(packet), 0) > 0 ? packet.step : 0;
}

static int greet(void)
{
    int fd;

    while ((fd = connect_door()) < 0)
        pause_shortly();
    return fd;
}

Test(notify_handover, who_says_nonsense_gets_nothing, .timeout = 60)
{
    static const struct packet wrong[] = {
        {.magic = 1, .version = 1, .step = HELLO},
        {.magic = MAGIC, .version = 2, .step = HELLO},
        {.magic = MAGIC, .version = 1, .step = HELLO, .fd_count = 17},
        {.magic = MAGIC, .version = 1, .step = READY},
        {.magic = MAGIC, .version = 1, .step = TAKEN},
        {.magic = MAGIC, .version = 1, .step = 99},
    };
    int fd;

    begin_orphaned();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        fd = greet();
        (void)send(fd, &wrong[i], sizeof(wrong[i]), MSG_NOSIGNAL);
        cr_assert_eq(hear(fd), 0, "%zu is taken", i);
        close(fd);
        expect_calls(&targets[0], PASSED, 1);
    }
    fd = greet();
    (void)send(fd, "x", 1, MSG_NOSIGNAL);
    cr_assert_eq(hear(fd), 0);
    close(fd);
    fd = greet(); /* taken twice */
    say(fd, HELLO);
    cr_assert_eq(hear(fd), SOCKET);
    say(fd, HELLO);
    cr_assert_eq(hear(fd), 0);
    close(fd);
    take_over();
}

/* Offered, but never confirmed: its calls wait until the connection has ended, and then go through. */
Test(notify_handover, a_guardian_dies_before_it_has_confirmed, .timeout = 60)
{
    int fd;

    begin_orphaned();
    fd = greet();
    say(fd, HELLO);
    cr_assert_eq(hear(fd), SOCKET);
    say(fd, READY);
    cr_assert_eq(hear(fd), CONTAINER);
    for (size_t i = 0; i < TARGETS; i++)
        target_ask(&targets[i]);
    close(fd);
    for (size_t i = 0; i < TARGETS; i++)
        cr_assert_eq(target_hear(&targets[i]), PASSED);
    take_over();
}

Test(notify_handover, a_guardian_hangs_before_it_has_confirmed, .timeout = 60)
{
    int fd;

    begin_orphaned();
    fd = greet();
    say(fd, HELLO);
    cr_assert_eq(hear(fd), SOCKET);
    say(fd, READY);
    cr_assert_eq(hear(fd), CONTAINER);
    for (size_t i = 0; i < TARGETS; i++)
        expect_calls(&targets[i], PASSED, CALLS); /* one of them waits for a few seconds */
    close(fd);
    take_over();
}

/* And once more, from the one that has taken over. */
Test(notify_handover, again_and_again, .timeout = 60)
{
    pid_t elsewhere;

    begin_orphaned();
    for (unsigned i = 0; i < 3; i++) {
        elsewhere = recorder_start_elsewhere(&recorder);
        for (size_t j = 0; j < TARGETS; j++)
            call_until(&targets[j], PERFORMED);
        recorder_kill(elsewhere);
        for (size_t j = 0; j < TARGETS; j++)
            call_until(&targets[j], PASSED);
        close(greet());
    }
    take_over();
}
