// SPDX-License-Identifier: Apache-2.0
/* gVisor's sockets, with real clients: who may connect, where sockets may be, and more clients than there is room
 * for. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "server-kit.h"

#define NOBODY 65534
#define SOME_GROUP 12345

/* Who may. */

/* A child of that user connects: 0: refused by the server; 1: hands shaken; negative errno: by the kernel. */
static int join_as(const struct rig *rig, uid_t uid, gid_t gid, gid_t other_group)
{
    pid_t child = fork();
    int status;

    cr_assert_geq(child, 0);
    if (child == 0) {
        int fd;

        if (setgroups(other_group ? 1 : 0, &other_group) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
            _exit(2);
        fd = kit_join(rig->path);
        _exit(fd < 0 ? -fd + 10 : kit_is_welcome(fd));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) < 10 ? WEXITSTATUS(status) : 10 - WEXITSTATUS(status);
}

static void begin_for(struct rig *rig, mode_t mode, uid_t uid, gid_t gid)
{
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    kit_create(rig, QUEUE_MIN);
    kit_start(rig, mode, uid, gid);
}

Test(gvisor_sockets, others_may_not, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0600, (uid_t)-1, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), -EACCES);
    cr_assert_eq(chmod(rig.path, 0666), 0);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 0, "what the path says is not what was asked for");
    kit_await_refused(&rig, 1);
    cr_assert_eq(join_as(&rig, 0, 0, 0), 1);
    kit_finish(&rig);
}

Test(gvisor_sockets, everybody_may_where_the_mode_says_so, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0666, (uid_t)-1, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 1);
    kit_finish(&rig);
}

Test(gvisor_sockets, the_owner_may, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0600, NOBODY, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 1);
    cr_assert_eq(join_as(&rig, 0, 0, 0), 1);
    cr_assert_eq(join_as(&rig, 1, 1, 0), -EACCES);
    kit_finish(&rig);
}

Test(gvisor_sockets, the_group_may, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0660, (uid_t)-1, SOME_GROUP);
    cr_assert_eq(join_as(&rig, NOBODY, SOME_GROUP, 0), 1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP), 1, "one of several groups");
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP + 1), -EACCES);
    cr_assert_eq(chmod(rig.path, 0666), 0);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP + 1), 0);
    kit_finish(&rig);
}

/* Paths. */

static void expect_status(const struct rig *rig, mode_t mode, uid_t uid, gid_t gid)
{
    struct stat status;

    cr_assert_eq(lstat(rig->path, &status), 0);
    cr_assert_eq(status.st_mode, S_IFSOCK | mode, "%o", status.st_mode);
    cr_assert_eq(status.st_uid, uid);
    cr_assert_eq(status.st_gid, gid);
}

Test(gvisor_sockets, owner_and_mode, .timeout = 60)
{
    static const mode_t modes[] = {0600, 0660, 0666, 0622, 0};
    struct rig rig;

    for (unsigned i = 0; i < 2 * sizeof(modes) / sizeof(*modes); i++) {
        mode_t mode = modes[i / 2], before = umask(i % 2 ? 0177 : 0);

        kit_create(&rig, QUEUE_MIN);
        cr_assert_eq(kit_listen(&rig, mode, (uid_t)-1, (gid_t)-1, NULL), 0);
        expect_status(&rig, mode, geteuid(), getegid());
        kit_finish(&rig);
        umask(before);
    }
    if (geteuid() != 0)
        cr_skip_test("only root can give sockets away");
    kit_create(&rig, QUEUE_MIN);
    cr_assert_eq(kit_listen(&rig, 0640, NOBODY, SOME_GROUP, NULL), 0);
    expect_status(&rig, 0640, NOBODY, SOME_GROUP);
    kit_finish(&rig);
}

static void leave_stale(const char *path, int type)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, type, 0);

    close(kit_address(path, &address));
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

Test(gvisor_sockets, stale_sockets_are_replaced, .timeout = 60)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    struct rig rig;

    for (unsigned i = 0; i < 3; i++) {
        kit_create(&rig, QUEUE_MIN);
        leave_stale(rig.path, types[i]);
        kit_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
        close(kit_join_and_shake(&rig));
        kit_finish(&rig);
    }
}

Test(gvisor_sockets, living_sockets_are_not, .timeout = 60)
{
    struct rig rig, second;
    struct sysfold_error error = {0};
    struct sockaddr_un address;
    int fd;

    kit_begin(&rig, QUEUE_MIN);
    kit_create(&second, QUEUE_MIN);
    memcpy(second.path, rig.path, sizeof(rig.path));
    cr_assert_eq(kit_listen(&second, 0600, (uid_t)-1, (gid_t)-1, &error), -EADDRINUSE);
    cr_assert(strstr(error.message, rig.path), "%s", error.message);
    kit_finish(&second);
    close(kit_join_and_shake(&rig));
    kit_finish(&rig);

    kit_create(&rig, QUEUE_MIN);
    close(kit_address(rig.path, &address));
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EADDRINUSE, "of another type");
    close(fd);
    cr_assert_eq(unlink(rig.path), 0);
    kit_finish(&rig);
}

Test(gvisor_sockets, nothing_else_is_replaced, .timeout = 60)
{
    struct rig rig;
    struct stat status;
    char elsewhere[160];
    int fd;

    kit_create(&rig, QUEUE_MIN);
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", rig.dir);
    fd = open(rig.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    cr_assert_eq(write(fd, "text", 4), 4);
    close(fd);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST);
    cr_assert(stat(rig.path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 4);
    cr_assert_eq(unlink(rig.path), 0);

    leave_stale(elsewhere, SOCK_SEQPACKET);
    cr_assert_eq(symlink(elsewhere, rig.path), 0);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST, "not even a link to a stale socket");
    cr_assert(lstat(rig.path, &status) == 0 && S_ISLNK(status.st_mode));
    cr_assert_eq(unlink(rig.path), 0);
    cr_assert_eq(unlink(elsewhere), 0);

    cr_assert_eq(mkdir(rig.path, 0700), 0);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST);
    cr_assert_eq(rmdir(rig.path), 0);
    kit_finish(&rig);
}

Test(gvisor_sockets, only_its_own_socket_is_removed, .timeout = 60)
{
    struct rig rig;

    kit_begin(&rig, QUEUE_MIN);
    cr_assert_eq(unlink(rig.path), 0);
    leave_stale(rig.path, SOCK_SEQPACKET);
    server_destroy(rig.server);
    cr_assert_eq(unlink(rig.path), 0, "somebody else's is still there");
    rig.server = NULL;
    kit_finish(&rig);
}

Test(gvisor_sockets, paths_that_cannot_be, .timeout = 60)
{
    struct rig rig;
    size_t used;

    kit_create(&rig, QUEUE_MIN);
    used = strlen(rig.path);
    memset(rig.path + used, 'x', 108 - used);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -ENAMETOOLONG);
    rig.path[107] = '\0';
    kit_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
    close(kit_join_and_shake(&rig));
    kit_finish(&rig);

    kit_create(&rig, QUEUE_MIN);
    (void)snprintf(rig.path, sizeof(rig.path), "relative");
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EINVAL);
    (void)snprintf(rig.path, sizeof(rig.path), "%s/none/socket", rig.dir);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -ENOENT);
    kit_finish(&rig);
}

Test(gvisor_sockets, several_sockets, .timeout = 60)
{
    struct endpoint endpoint = {.mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    char paths[SERVER_ENDPOINTS_MAX + 1][96];
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    uint16_t number;
    int fd;

    kit_create(&rig, QUEUE_MIN);
    for (unsigned i = 0; i <= SERVER_ENDPOINTS_MAX; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%u", rig.dir, i);
        endpoint.path = paths[i];
        cr_assert_eq(server_listen(rig.server, &endpoint, &number, NULL), i < SERVER_ENDPOINTS_MAX ? 0 : -ENOSPC);
        cr_assert(i == SERVER_ENDPOINTS_MAX || number == i);
    }
    cr_assert_eq(server_start(rig.server, NULL), 0);
    fd = kit_join(paths[3]);
    cr_assert(kit_is_welcome(fd));
    cr_assert(kit_next_frame(&rig, &frame, &packet));
    cr_assert(frame.kind == FRAME_OPENED && frame.endpoint == 3);
    close(fd);
    kit_finish(&rig);
}

/* Too many. */

static rlim_t set_descriptors(rlim_t soft)
{
    struct rlimit limit;
    rlim_t before;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = soft;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? before : 0;
}

Test(gvisor_sockets, more_than_a_thousand, .timeout = 60)
{
    enum { CLIENTS = 1100 };
    static int fds[CLIENTS];
    struct rig rig;
    int fd;

    if (!set_descriptors(2 * CLIENTS + 100))
        cr_skip_test("fewer than %d descriptors", 2 * CLIENTS + 100);
    kit_begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = kit_join(rig.path);
        cr_assert_eq(kit_is_welcome(fds[i]), i < SERVER_CONNECTIONS_MAX, "%u", i);
    }
    cr_assert_eq(kit_counts(&rig).open, SERVER_CONNECTIONS_MAX);
    kit_await_refused(&rig, CLIENTS - SERVER_CONNECTIONS_MAX);
    close(fds[500]);
    kit_await_open(&rig, SERVER_CONNECTIONS_MAX - 1);
    while (fd = kit_join(rig.path), !kit_is_welcome(fd))
        close(fd);
    kit_say_number(fd, 7);
    kit_await_packets(&rig, 1);
    close(fd);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i != 500)
            close(fds[i]);
    }
    kit_await_open(&rig, 0);
    kit_finish(&rig);
}

static pid_t start_client(const struct rig *rig, rlim_t soft)
{
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        int fd = set_descriptors(soft) ? kit_join(rig->path) : -1;

        _exit(fd < 0 ? 2 : kit_is_welcome(fd));
    }
    return child;
}

static int end_client(pid_t child)
{
    int status;

    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The parent, which serves, has no descriptor left; the clients are children, which may. */
Test(gvisor_sockets, without_descriptors_clients_are_refused, .timeout = 60)
{
    int first_free = dup(0);
    struct rig rig;
    rlim_t before;

    close(first_free);
    kit_begin(&rig, QUEUE_MIN);
    first_free = dup(0);
    close(first_free);
    before = set_descriptors((rlim_t)first_free);
    cr_assert(before);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(end_client(start_client(&rig, before)), 0, "refused rather than let wait");
    kit_await_refused(&rig, 3);
    cr_assert(set_descriptors(before));
    close(kit_join_and_shake(&rig));
    kit_finish(&rig);
}

Test(gvisor_sockets, accepting_goes_on_once_there_are_descriptors, .timeout = 60)
{
    struct rig rig;
    rlim_t before;
    pid_t client;

    kit_begin(&rig, QUEUE_MIN);
    before = set_descriptors(3); /* not even the reserve's number is allowed */
    cr_assert(before);
    client = start_client(&rig, before);
    for (unsigned i = 0; i < 20; i++)
        kit_pause(); /* either way is right; this lets the client come while nothing can be had */
    cr_assert(set_descriptors(before));
    cr_assert_eq(end_client(client), 1);
    kit_finish(&rig);
}
