// SPDX-License-Identifier: Apache-2.0
/* The sockets of the gVisor backend, with real clients: good ones, bad ones, and more than there is room for. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/gvisor/frame.h"
#include "backends/gvisor/server.h"

#define NOBODY 65534
#define SOME_GROUP 12345
#define QUEUE_MIN ((size_t)256 << 10)

/* A directory, a server, its queue, and a place within what the queue gave. */
struct rig {
    char dir[64];
    char path[128];
    struct queue *queue;
    struct server *server;
    const uint8_t *bytes;
    size_t left;
};

static void pause_briefly(void)
{
    struct timespec time = {.tv_nsec = 1000000};

    nanosleep(&time, NULL);
}

static void make_place(struct rig *rig, size_t queue_size)
{
    struct sysfold_error error = {0};

    *rig = (struct rig){.dir = "/tmp/sysfold-server-XXXXXX"};
    cr_assert(mkdtemp(rig->dir));
    cr_assert_eq(chmod(rig->dir, 0755), 0, "others reach it, if they may connect");
    (void)snprintf(rig->path, sizeof(rig->path), "%s/socket", rig->dir);
    cr_assert_eq(queue_create(queue_size, &rig->queue, &error), 0, "%s", error.message);
    cr_assert_eq(server_create(rig->queue, &rig->server, &error), 0, "%s", error.message);
}

static int try_listen(struct rig *rig, mode_t mode, uid_t uid, gid_t gid, struct sysfold_error *error)
{
    const struct server_endpoint endpoint = {.path = rig->path, .mode = mode, .uid = uid, .gid = gid};
    uint16_t number = UINT16_MAX;
    int r = server_listen(rig->server, &endpoint, &number, error);

    cr_assert_eq(number, r < 0 ? UINT16_MAX : 0);
    return r;
}

static void listen_and_start(struct rig *rig, mode_t mode, uid_t uid, gid_t gid)
{
    struct sysfold_error error = {0};

    cr_assert_eq(try_listen(rig, mode, uid, gid, &error), 0, "%s", error.message);
    cr_assert_eq(server_start(rig->server, &error), 0, "%s", error.message);
}

static void begin(struct rig *rig, size_t queue_size)
{
    make_place(rig, queue_size);
    listen_and_start(rig, 0600, (uid_t)-1, (gid_t)-1);
}

static void finish(struct rig *rig)
{
    server_destroy(rig->server);
    queue_destroy(rig->queue);
    cr_assert_eq(rmdir(rig->dir), 0, "nothing is left of %s", rig->dir);
}

/* Clients. */

static int address_of(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, strlen(path) + 1);
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static int join(const char *path)
{
    struct sockaddr_un address;
    int fd = address_of(path, &address);

    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -errno;
}

/* Says that, and is answered? No: it was closed. */
static bool is_answered(int fd, const void *handshake, size_t size)
{
    uint8_t answer[16];

    if (size && send(fd, handshake, size, MSG_NOSIGNAL) != (ssize_t)size)
        return false;
    return recv(fd, answer, sizeof(answer), 0) == 2 && memcmp(answer, "\x08\x01", 2) == 0;
}

static bool is_welcome(int fd)
{
    return is_answered(fd, "\x08\x01", 2);
}

static int join_and_shake(const struct rig *rig)
{
    int fd = join(rig->path);

    cr_assert_geq(fd, 0, "cannot connect: %s", strerror(-fd));
    cr_assert(is_welcome(fd));
    return fd;
}

static void say(int fd, const void *packet, size_t size)
{
    cr_assert_eq(send(fd, packet, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void say_number(int fd, uint32_t number)
{
    say(fd, &number, sizeof(number));
}

/* Frames. */

static void check_frame(const struct frame *frame, const uint8_t *bytes, size_t left)
{
    cr_assert_eq(frame->size % 8, 0);
    cr_assert_leq(frame->size, left);
    cr_assert_leq(sizeof(*frame) + frame->length, frame->size);
    cr_assert_lt(frame->size - sizeof(*frame) - frame->length, 8);
    for (size_t i = sizeof(*frame) + frame->length; i < frame->size; i++)
        cr_assert_eq(bytes[i], 0, "the padding is zero");
    cr_assert_eq(frame->unused, 0);
    cr_assert_neq(frame->time, 0);
    cr_assert(frame->kind == FRAME_PACKET || frame->length == 0);
}

/* The next one, and where its packet is. false: the queue has ended. */
static bool next_frame(struct rig *rig, struct frame *ret_frame, const uint8_t **ret_packet)
{
    while (rig->left == 0) {
        int r = queue_get(rig->queue, -1, &rig->bytes, &rig->left);

        cr_assert(r >= 0 || r == -EAGAIN || r == -EINTR);
        if (r == 0)
            return false;
        if (r < 0)
            rig->left = 0;
    }
    cr_assert_geq(rig->left, sizeof(*ret_frame));
    memcpy(ret_frame, rig->bytes, sizeof(*ret_frame));
    check_frame(ret_frame, rig->bytes, rig->left);
    *ret_packet = rig->bytes + sizeof(*ret_frame);
    rig->bytes += ret_frame->size;
    rig->left -= ret_frame->size;
    return true;
}

static void expect_frame(struct rig *rig, uint32_t connection, enum frame_kind kind, uint32_t lost)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert(next_frame(rig, &frame, &packet));
    cr_assert_eq(frame.connection, connection);
    cr_assert_eq(frame.kind, kind, "%u", frame.kind);
    cr_assert_eq(frame.lost, lost, "%u", frame.lost);
}

static void expect_number(struct rig *rig, uint32_t connection, uint32_t number)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert(next_frame(rig, &frame, &packet));
    cr_assert_eq(frame.connection, connection);
    cr_assert_eq(frame.kind, FRAME_PACKET);
    cr_assert_eq(frame.length, sizeof(number));
    cr_assert_arr_eq(packet, (const uint8_t *)&number, sizeof(number));
}

static void expect_end(struct rig *rig)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert_not(next_frame(rig, &frame, &packet));
}

static struct server_counts counts_of(const struct rig *rig)
{
    struct server_counts counts;

    server_counts(rig->server, &counts);
    return counts;
}

static void await_packets(const struct rig *rig, uint64_t packets)
{
    while (counts_of(rig).packets < packets)
        pause_briefly();
    cr_assert_eq(counts_of(rig).packets, packets);
}

static void await_open(const struct rig *rig, uint64_t open)
{
    while (counts_of(rig).open != open)
        pause_briefly();
}

static void await_refused(const struct rig *rig, uint64_t refused)
{
    while (counts_of(rig).refused < refused)
        pause_briefly();
    cr_assert_eq(counts_of(rig).refused, refused);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");

    cr_assert(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Handshakes. */

Test(gvisor_server, shakes_hands_and_hands_over, .timeout = 60)
{
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    struct timespec now;
    int fd;

    begin(&rig, QUEUE_MIN);
    fd = join_and_shake(&rig);
    say(fd, "hello", 5);
    say(fd, "", 0);
    say(fd, "12345678", 8);
    close(fd);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    cr_assert(next_frame(&rig, &frame, &packet));
    cr_assert(frame.connection == 1 && frame.kind == FRAME_PACKET && frame.endpoint == 0);
    cr_assert_eq(frame.length, 5);
    cr_assert_arr_eq(packet, "hello", 5);
    clock_gettime(CLOCK_REALTIME, &now);
    cr_assert_lt((uint64_t)now.tv_sec - frame.time / 1000000000, 60);
    cr_assert(next_frame(&rig, &frame, &packet));
    cr_assert(frame.kind == FRAME_PACKET && frame.length == 0 && frame.size == sizeof(frame), "not the end");
    cr_assert(next_frame(&rig, &frame, &packet));
    cr_assert(frame.length == 8 && frame.size == sizeof(frame) + 8);
    expect_frame(&rig, 1, FRAME_CLOSED, 0);
    cr_assert(counts_of(&rig).accepted == 1 && counts_of(&rig).packets == 3);
    server_stop(rig.server);
    expect_end(&rig);
    finish(&rig);
}

Test(gvisor_server, accepts_newer_versions, .timeout = 60)
{
    static const uint8_t newer[] = {0x08, 0x82, 0x01, 0x12, 0x03, 'n', 'e', 'w'}; /* version 130, and a field more */
    struct rig rig;
    int fd;

    begin(&rig, QUEUE_MIN);
    fd = join(rig.path);
    cr_assert(is_answered(fd, newer, sizeof(newer)));
    close(fd);
    finish(&rig);
}

Test(gvisor_server, refuses_wrong_handshakes, .timeout = 60)
{
    static const uint8_t long_one[8192] = {0x08, 0x01, 0x12, 0xfb, 0x3f}; /* version 1 and a field of 8,187 bytes */
    static const struct {
        const void *bytes;
        size_t size;
    } wrong[] = {
        {"\x08\x00", 2},
        {"\x10\x01", 2},
        {"\x08", 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\x00", 1},
        {long_one, sizeof(long_one)},
    };
    const unsigned wrongs = sizeof(wrong) / sizeof(*wrong);
    struct rig rig;
    int fd;

    begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < wrongs; i++) {
        fd = join(rig.path);
        cr_assert_not(is_answered(fd, wrong[i].bytes, wrong[i].size), "%u", i);
        close(fd);
    }
    fd = join(rig.path);
    say(fd, "", 0);
    cr_assert_not(is_answered(fd, NULL, 0), "an empty packet is version 0");
    close(fd);
    close(join(rig.path));
    await_refused(&rig, wrongs + 2);
    fd = join_and_shake(&rig);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    close(fd);
    expect_frame(&rig, 1, FRAME_CLOSED, 0);
    finish(&rig);
}

Test(gvisor_server, silent_clients_are_closed, .timeout = 60)
{
    struct rig rig;
    int silent, good;
    uint8_t byte;

    make_place(&rig, QUEUE_MIN);
    server_set_handshake_limit(rig.server, 20);
    listen_and_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
    good = join_and_shake(&rig);
    silent = join(rig.path);
    cr_assert_eq(recv(silent, &byte, 1, 0), 0, "closed, and nothing said");
    await_refused(&rig, 1);
    say_number(good, 1); /* has been silent for as long, but has shaken hands */
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    expect_number(&rig, 1, 1);
    close(silent);
    close(good);
    finish(&rig);
}

Test(gvisor_server, silent_clients_hold_up_nobody, .timeout = 60)
{
    struct rig rig;
    int silent[5], late;

    begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < 5; i++)
        silent[i] = join(rig.path);
    late = join_and_shake(&rig);
    cr_assert(is_welcome(silent[3]), "there is time left");
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    expect_frame(&rig, 2, FRAME_OPENED, 0);
    cr_assert_eq(counts_of(&rig).open, 2);
    for (unsigned i = 0; i < 5; i++)
        close(silent[i]);
    close(late);
    await_refused(&rig, 4);
    finish(&rig);
}

/* A client that does not read its answer resets the connection when it closes; what it sent came before that. */
Test(gvisor_server, receives_from_those_who_are_gone, .timeout = 60)
{
    struct rig rig;
    int fd;

    begin(&rig, QUEUE_MIN);
    fd = join(rig.path);
    say(fd, "\x08\x01", 2);
    for (uint32_t i = 0; i < 50; i++)
        say_number(fd, i);
    close(fd);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    for (uint32_t i = 0; i < 50; i++)
        expect_number(&rig, 1, i);
    expect_frame(&rig, 1, FRAME_CLOSED, 0);
    finish(&rig);
}

Test(gvisor_server, takes_no_descriptors, .timeout = 60)
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = "fd", .iov_len = 2};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct rig rig;
    unsigned before;
    int fd, stdin_fd = 0;

    begin(&rig, QUEUE_MIN);
    control.header =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &stdin_fd, sizeof(stdin_fd));
    fd = join_and_shake(&rig);
    before = count_descriptors();
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(sendmsg(fd, &message, MSG_NOSIGNAL), 2);
    await_packets(&rig, 10);
    cr_assert_eq(count_descriptors(), before);
    close(fd);
    finish(&rig);
}

/* Packets. */

Test(gvisor_server, many_clients_each_in_order, .timeout = 60)
{
    enum { CLIENTS = 20, ROUNDS = 200 };
    uint32_t next[CLIENTS + 1] = {0};
    unsigned closed = 0;
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    int fds[CLIENTS];

    begin(&rig, (size_t)4 << 20);
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = join_and_shake(&rig);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            uint32_t words[2] = {i + 1, round};

            say(fds[i], words, sizeof(words));
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
    while (closed < CLIENTS && next_frame(&rig, &frame, &packet)) {
        uint32_t words[2];

        cr_assert(frame.connection >= 1 && frame.connection <= CLIENTS && frame.lost == 0);
        if (frame.kind == FRAME_PACKET) {
            memcpy(words, packet, sizeof(words));
            cr_assert_eq(words[0], frame.connection);
            cr_assert_eq(words[1], next[frame.connection]++);
        } else if (frame.kind == FRAME_CLOSED) {
            cr_assert_eq(next[frame.connection], ROUNDS);
            closed++;
        }
    }
    cr_assert_eq(closed, CLIENTS);
    finish(&rig);
}

Test(gvisor_server, oversized_packets_are_counted, .timeout = 60)
{
    static uint8_t packet[PACKET_MAX + 8];
    int size = (int)sizeof(packet) * 2;
    const uint8_t *got;
    struct frame frame;
    struct rig rig;
    int fd;

    if (geteuid() != 0)
        cr_skip_test("only root can send packets of more than 1 MiB");
    begin(&rig, (size_t)4 << 20);
    fd = join_and_shake(&rig);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), 0);
    memset(packet, 0xaa, sizeof(packet));
    say(fd, packet, sizeof(packet));
    say(fd, packet, PACKET_MAX + 1);
    say(fd, packet, PACKET_MAX);
    say(fd, packet, sizeof(packet));
    close(fd);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    cr_assert(next_frame(&rig, &frame, &got));
    cr_assert(frame.kind == FRAME_PACKET && frame.length == PACKET_MAX && frame.lost == 2);
    cr_assert_arr_eq(got, packet, PACKET_MAX);
    expect_frame(&rig, 1, FRAME_CLOSED, 1);
    cr_assert_eq(counts_of(&rig).packets, 4);
    cr_assert_eq(counts_of(&rig).lost, 3);
    finish(&rig);
}

Test(gvisor_server, what_a_full_queue_drops_is_counted, .timeout = 60)
{
    enum { PACKETS = 1000 };
    uint32_t packet[250] = {0}, next = 0, number;
    struct rig rig;
    struct frame frame;
    const uint8_t *got;
    int fd;

    begin(&rig, QUEUE_MIN);
    fd = join_and_shake(&rig);
    for (; packet[0] < PACKETS; packet[0]++)
        say(fd, packet, sizeof(packet));
    await_packets(&rig, PACKETS);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    for (; rig.left; next++)
        expect_frame(&rig, 1, FRAME_PACKET, 0);
    cr_assert_eq(next, PACKETS - counts_of(&rig).lost);
    cr_assert_lt(next, PACKETS);
    cr_assert_eq(queue_get(rig.queue, 0, &rig.bytes, &rig.left), -EAGAIN, "there is room now");
    rig.left = 0;
    say(fd, packet, sizeof(packet));
    cr_assert(next_frame(&rig, &frame, &got));
    memcpy(&number, got, sizeof(number));
    cr_assert_eq(number, PACKETS);
    cr_assert_eq(frame.lost, PACKETS - next);
    for (unsigned i = 0; i < PACKETS; i++)
        say(fd, packet, sizeof(packet));
    await_packets(&rig, 2 * PACKETS + 1);
    close(fd);
    for (next = 0; next_frame(&rig, &frame, &got) && frame.kind == FRAME_PACKET; next++)
        cr_assert_eq(frame.lost, 0);
    cr_assert_eq(frame.kind, FRAME_CLOSED);
    cr_assert_eq(frame.lost + next, PACKETS);
    finish(&rig);
}

/* Not even 32 bytes fit afterwards. Returns how many packets were sent. */
static unsigned fill_queue(struct rig *rig, int fd)
{
    static const uint8_t packet[1000];
    unsigned sent = 0;

    while (counts_of(rig).lost == 0) {
        say(fd, packet, sizeof(packet));
        await_packets(rig, ++sent);
    }
    for (unsigned i = 0; i < 100; i++)
        say(fd, packet, 0);
    await_packets(rig, sent + 100);
    return sent + 100;
}

Test(gvisor_server, beginnings_and_ends_are_told_when_there_is_room, .timeout = 60)
{
    struct rig rig;
    unsigned sent, got = 0, opened[4] = {0}, closed[4] = {0}, lost[4] = {0};
    struct frame frame;
    const uint8_t *packet;
    int filler, early, late;

    begin(&rig, QUEUE_MIN);
    early = join_and_shake(&rig);
    filler = join_and_shake(&rig);
    sent = fill_queue(&rig, filler);
    close(early);
    await_open(&rig, 1);
    late = join_and_shake(&rig);
    for (uint32_t i = 0; i < 3; i++)
        say_number(late, i);
    close(late);
    await_packets(&rig, sent + 3);
    close(filler);
    await_open(&rig, 0);
    server_stop(rig.server);
    while (next_frame(&rig, &frame, &packet)) {
        cr_assert_leq(frame.connection, 3);
        cr_assert_eq(opened[frame.connection], frame.kind != FRAME_OPENED);
        cr_assert_eq(closed[frame.connection], 0);
        opened[frame.connection] += frame.kind == FRAME_OPENED;
        closed[frame.connection] += frame.kind == FRAME_CLOSED;
        got += frame.kind == FRAME_PACKET;
        lost[frame.connection] += frame.lost;
    }
    cr_assert(closed[1] == 1 && closed[2] == 1 && closed[3] == 1);
    cr_assert(lost[1] == 0 && got + lost[2] == sent && lost[3] == 3);
    cr_assert_eq(counts_of(&rig).lost, lost[2] + lost[3]);
    finish(&rig);
}

Test(gvisor_server, ends_though_nobody_reads, .timeout = 60)
{
    struct rig rig;
    int fd;

    begin(&rig, QUEUE_MIN);
    fd = join_and_shake(&rig);
    fill_queue(&rig, fd);
    finish(&rig);
    close(fd);
}

struct flood {
    int fd;
    atomic_bool stop;
};

static void *flood(void *data)
{
    static const uint8_t packet[64];
    struct flood *flood = data;

    while (!atomic_load(&flood->stop) && send(flood->fd, packet, sizeof(packet), MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

Test(gvisor_server, a_flood_starves_nobody, .timeout = 60)
{
    struct rig rig;
    struct flood state = {0};
    pthread_t thread;
    struct frame frame;
    const uint8_t *packet;
    int fd;

    begin(&rig, (size_t)1 << 20);
    state.fd = join_and_shake(&rig);
    cr_assert_eq(pthread_create(&thread, NULL, flood, &state), 0);
    fd = join_and_shake(&rig);
    for (uint32_t i = 0; i < 20; i++) {
        say_number(fd, i);
        do
            cr_assert(next_frame(&rig, &frame, &packet));
        while (frame.connection != 2 || (frame.kind != FRAME_PACKET && frame.lost == 0));
    }
    atomic_store(&state.stop, true);
    server_stop(rig.server);
    pthread_join(thread, NULL);
    close(state.fd);
    close(fd);
    finish(&rig);
}

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
        fd = join(rig->path);
        _exit(fd < 0 ? -fd + 10 : is_welcome(fd));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) < 10 ? WEXITSTATUS(status) : 10 - WEXITSTATUS(status);
}

static void begin_for(struct rig *rig, mode_t mode, uid_t uid, gid_t gid)
{
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    make_place(rig, QUEUE_MIN);
    listen_and_start(rig, mode, uid, gid);
}

Test(gvisor_server, others_may_not, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0600, (uid_t)-1, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), -EACCES);
    cr_assert_eq(chmod(rig.path, 0666), 0);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 0, "what the path says is not what was asked for");
    await_refused(&rig, 1);
    cr_assert_eq(join_as(&rig, 0, 0, 0), 1);
    finish(&rig);
}

Test(gvisor_server, everybody_may_where_the_mode_says_so, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0666, (uid_t)-1, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 1);
    finish(&rig);
}

Test(gvisor_server, the_owner_may, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0600, NOBODY, (gid_t)-1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, 0), 1);
    cr_assert_eq(join_as(&rig, 0, 0, 0), 1);
    cr_assert_eq(join_as(&rig, 1, 1, 0), -EACCES);
    finish(&rig);
}

Test(gvisor_server, the_group_may, .timeout = 60)
{
    struct rig rig;

    begin_for(&rig, 0660, (uid_t)-1, SOME_GROUP);
    cr_assert_eq(join_as(&rig, NOBODY, SOME_GROUP, 0), 1);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP), 1, "one of several groups");
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP + 1), -EACCES);
    cr_assert_eq(chmod(rig.path, 0666), 0);
    cr_assert_eq(join_as(&rig, NOBODY, NOBODY, SOME_GROUP + 1), 0);
    finish(&rig);
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

Test(gvisor_server, owner_and_mode, .timeout = 60)
{
    static const mode_t modes[] = {0600, 0660, 0666, 0622, 0};
    struct rig rig;

    for (unsigned i = 0; i < 2 * sizeof(modes) / sizeof(*modes); i++) {
        mode_t mode = modes[i / 2], before = umask(i % 2 ? 0177 : 0);

        make_place(&rig, QUEUE_MIN);
        cr_assert_eq(try_listen(&rig, mode, (uid_t)-1, (gid_t)-1, NULL), 0);
        expect_status(&rig, mode, geteuid(), getegid());
        finish(&rig);
        umask(before);
    }
    if (geteuid() != 0)
        cr_skip_test("only root can give sockets away");
    make_place(&rig, QUEUE_MIN);
    cr_assert_eq(try_listen(&rig, 0640, NOBODY, SOME_GROUP, NULL), 0);
    expect_status(&rig, 0640, NOBODY, SOME_GROUP);
    finish(&rig);
}

static void leave_stale(const char *path, int type)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, type, 0);

    close(address_of(path, &address));
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

Test(gvisor_server, stale_sockets_are_replaced, .timeout = 60)
{
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
    struct rig rig;

    for (unsigned i = 0; i < 3; i++) {
        make_place(&rig, QUEUE_MIN);
        leave_stale(rig.path, types[i]);
        listen_and_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
        close(join_and_shake(&rig));
        finish(&rig);
    }
}

Test(gvisor_server, living_sockets_are_not, .timeout = 60)
{
    struct rig rig, second;
    struct sysfold_error error = {0};
    struct sockaddr_un address;
    int fd;

    begin(&rig, QUEUE_MIN);
    make_place(&second, QUEUE_MIN);
    memcpy(second.path, rig.path, sizeof(rig.path));
    cr_assert_eq(try_listen(&second, 0600, (uid_t)-1, (gid_t)-1, &error), -EADDRINUSE);
    cr_assert(strstr(error.message, rig.path), "%s", error.message);
    finish(&second);
    close(join_and_shake(&rig));
    finish(&rig);

    make_place(&rig, QUEUE_MIN);
    close(address_of(rig.path, &address));
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EADDRINUSE, "of another type");
    close(fd);
    cr_assert_eq(unlink(rig.path), 0);
    finish(&rig);
}

Test(gvisor_server, nothing_else_is_replaced, .timeout = 60)
{
    struct rig rig;
    struct stat status;
    char elsewhere[160];
    int fd;

    make_place(&rig, QUEUE_MIN);
    (void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", rig.dir);
    fd = open(rig.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    cr_assert_eq(write(fd, "text", 4), 4);
    close(fd);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST);
    cr_assert(stat(rig.path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 4);
    cr_assert_eq(unlink(rig.path), 0);

    leave_stale(elsewhere, SOCK_SEQPACKET);
    cr_assert_eq(symlink(elsewhere, rig.path), 0);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST, "not even a link to a stale socket");
    cr_assert(lstat(rig.path, &status) == 0 && S_ISLNK(status.st_mode));
    cr_assert_eq(unlink(rig.path), 0);
    cr_assert_eq(unlink(elsewhere), 0);

    cr_assert_eq(mkdir(rig.path, 0700), 0);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EEXIST);
    cr_assert_eq(rmdir(rig.path), 0);
    finish(&rig);
}

Test(gvisor_server, only_its_own_socket_is_removed, .timeout = 60)
{
    struct rig rig;

    begin(&rig, QUEUE_MIN);
    cr_assert_eq(unlink(rig.path), 0);
    leave_stale(rig.path, SOCK_SEQPACKET);
    server_destroy(rig.server);
    cr_assert_eq(unlink(rig.path), 0, "somebody else's is still there");
    rig.server = NULL;
    finish(&rig);
}

Test(gvisor_server, paths_that_cannot_be, .timeout = 60)
{
    struct rig rig;
    size_t used;

    make_place(&rig, QUEUE_MIN);
    used = strlen(rig.path);
    memset(rig.path + used, 'x', 108 - used);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -ENAMETOOLONG);
    rig.path[107] = '\0';
    listen_and_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
    close(join_and_shake(&rig));
    finish(&rig);

    make_place(&rig, QUEUE_MIN);
    (void)snprintf(rig.path, sizeof(rig.path), "relative");
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -EINVAL);
    (void)snprintf(rig.path, sizeof(rig.path), "%s/none/socket", rig.dir);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), -ENOENT);
    finish(&rig);
}

Test(gvisor_server, several_sockets, .timeout = 60)
{
    struct server_endpoint endpoint = {.mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    char paths[SERVER_ENDPOINTS_MAX + 1][96];
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    uint16_t number;
    int fd;

    make_place(&rig, QUEUE_MIN);
    for (unsigned i = 0; i <= SERVER_ENDPOINTS_MAX; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%u", rig.dir, i);
        endpoint.path = paths[i];
        cr_assert_eq(server_listen(rig.server, &endpoint, &number, NULL), i < SERVER_ENDPOINTS_MAX ? 0 : -ENOSPC);
        cr_assert(i == SERVER_ENDPOINTS_MAX || number == i);
    }
    cr_assert_eq(server_start(rig.server, NULL), 0);
    fd = join(paths[3]);
    cr_assert(is_welcome(fd));
    cr_assert(next_frame(&rig, &frame, &packet));
    cr_assert(frame.kind == FRAME_OPENED && frame.endpoint == 3);
    close(fd);
    finish(&rig);
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

Test(gvisor_server, more_than_a_thousand, .timeout = 100)
{
    enum { CLIENTS = 1100 };
    static int fds[CLIENTS];
    struct rig rig;
    int fd;

    if (!set_descriptors(2 * CLIENTS + 100))
        cr_skip_test("fewer than %d descriptors", 2 * CLIENTS + 100);
    begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = join(rig.path);
        cr_assert_eq(is_welcome(fds[i]), i < SERVER_CONNECTIONS_MAX, "%u", i);
    }
    cr_assert_eq(counts_of(&rig).open, SERVER_CONNECTIONS_MAX);
    await_refused(&rig, CLIENTS - SERVER_CONNECTIONS_MAX);
    close(fds[500]);
    await_open(&rig, SERVER_CONNECTIONS_MAX - 1);
    while (fd = join(rig.path), !is_welcome(fd))
        close(fd);
    say_number(fd, 7);
    await_packets(&rig, 1);
    close(fd);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i != 500)
            close(fds[i]);
    }
    await_open(&rig, 0);
    finish(&rig);
}

static pid_t start_client(const struct rig *rig, rlim_t soft)
{
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        int fd = set_descriptors(soft) ? join(rig->path) : -1;

        _exit(fd < 0 ? 2 : is_welcome(fd));
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
Test(gvisor_server, without_descriptors_clients_are_refused, .timeout = 60)
{
    int first_free = dup(0);
    struct rig rig;
    rlim_t before;

    close(first_free);
    begin(&rig, QUEUE_MIN);
    first_free = dup(0);
    close(first_free);
    before = set_descriptors((rlim_t)first_free);
    cr_assert(before);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(end_client(start_client(&rig, before)), 0, "refused rather than let wait");
    await_refused(&rig, 3);
    cr_assert(set_descriptors(before));
    close(join_and_shake(&rig));
    finish(&rig);
}

Test(gvisor_server, accepting_goes_on_once_there_are_descriptors, .timeout = 60)
{
    struct rig rig;
    rlim_t before;
    pid_t client;

    begin(&rig, QUEUE_MIN);
    before = set_descriptors(3); /* not even the reserve's number is allowed */
    cr_assert(before);
    client = start_client(&rig, before);
    for (unsigned i = 0; i < 20; i++)
        pause_briefly(); /* either way is right; this lets the client come while nothing can be had */
    cr_assert(set_descriptors(before));
    cr_assert_eq(end_client(client), 1);
    finish(&rig);
}

/* The end. */

Test(gvisor_server, stopping_drains, .timeout = 60)
{
    enum { CLIENTS = 10, PACKETS = 100 };
    uint32_t next[CLIENTS + 1] = {0}, number;
    unsigned closed = 0;
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    int fds[CLIENTS];

    begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = join_and_shake(&rig);
    for (uint32_t n = 0; n < PACKETS; n++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            say_number(fds[i], n);
    }
    server_stop(rig.server);
    while (next_frame(&rig, &frame, &packet)) {
        closed += frame.kind == FRAME_CLOSED;
        if (frame.kind != FRAME_PACKET)
            continue;
        memcpy(&number, packet, sizeof(number));
        cr_assert_eq(number, next[frame.connection]++);
    }
    cr_assert_eq(closed, CLIENTS);
    for (unsigned i = 1; i <= CLIENTS; i++)
        cr_assert_eq(next[i], PACKETS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        cr_assert_lt(send(fds[i], "x", 1, MSG_NOSIGNAL), 0, "closed at this end");
        close(fds[i]);
    }
    cr_assert_eq(join(rig.path), -ECONNREFUSED);
    finish(&rig);
}

static struct server *signalled;

static void stop_in_handler(int signal)
{
    (void)signal;
    server_stop(signalled);
}

Test(gvisor_server, a_signal_handler_may_stop_it, .timeout = 60)
{
    struct rig rig;

    begin(&rig, QUEUE_MIN);
    signalled = rig.server;
    cr_assert_neq(signal(SIGUSR1, stop_in_handler), SIG_ERR);
    cr_assert_eq(kill(getpid(), SIGUSR1), 0);
    expect_end(&rig);
    finish(&rig);
}

Test(gvisor_server, stops_when_idle, .timeout = 60)
{
    struct rig rig;
    int first, second;

    begin(&rig, QUEUE_MIN);
    server_stop_when_idle(rig.server);
    close(join(rig.path));
    await_refused(&rig, 1); /* shook no hands, and is not waited for */
    first = join_and_shake(&rig);
    second = join_and_shake(&rig);
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    expect_frame(&rig, 2, FRAME_OPENED, 0);
    close(first);
    expect_frame(&rig, 1, FRAME_CLOSED, 0);
    say_number(second, 5);
    close(second);
    expect_number(&rig, 2, 5);
    expect_frame(&rig, 2, FRAME_CLOSED, 0);
    expect_end(&rig);
    finish(&rig);
}

Test(gvisor_server, stops_when_idle_already, .timeout = 60)
{
    struct rig rig;

    begin(&rig, QUEUE_MIN);
    close(join_and_shake(&rig));
    expect_frame(&rig, 1, FRAME_OPENED, 0);
    expect_frame(&rig, 1, FRAME_CLOSED, 0);
    server_stop_when_idle(rig.server);
    expect_end(&rig);
    finish(&rig);
}

Test(gvisor_server, never_started, .timeout = 60)
{
    struct rig rig;

    make_place(&rig, QUEUE_MIN);
    cr_assert_eq(try_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), 0);
    server_destroy(rig.server);
    rig.server = NULL;
    expect_end(&rig);
    finish(&rig);
    server_destroy(NULL);
}
