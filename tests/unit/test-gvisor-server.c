// SPDX-License-Identifier: Apache-2.0
/* gVisor's sockets, with real clients: handshakes good and bad, what they send, and the end. */

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "server-kit.h"

/* Handshakes. */

Test(gvisor_server, shakes_hands_and_hands_over, .timeout = 60)
{
    struct rig rig;
    struct frame frame;
    const uint8_t *packet;
    struct timespec now;
    int fd;

    kit_begin(&rig, QUEUE_MIN);
    fd = kit_join_and_shake(&rig);
    kit_say(fd, "", 0);
    kit_say(fd, "12345678", 8);
    kit_say(fd, "hello", 5);
    close(fd);
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    cr_assert(kit_next_frame(&rig, &frame, &packet));
    cr_assert(frame.kind == FRAME_PACKET && frame.length == 0 && frame.size == sizeof(frame), "not the end");
    cr_assert(kit_next_frame(&rig, &frame, &packet));
    cr_assert(frame.length == 8 && frame.size == sizeof(frame) + 8);
    cr_assert(kit_next_frame(&rig, &frame, &packet));
    cr_assert(frame.connection == 1 && frame.kind == FRAME_PACKET && frame.endpoint == 0);
    cr_assert_eq(frame.length, 5);
    cr_assert_arr_eq(packet, "hello", 5);
    clock_gettime(CLOCK_REALTIME, &now);
    cr_assert_lt((uint64_t)now.tv_sec - frame.time / 1000000000, 60);
    kit_expect_frame(&rig, 1, FRAME_CLOSED, 0);
    cr_assert(kit_counts(&rig).accepted == 1 && kit_counts(&rig).packets == 3);
    server_stop(rig.server);
    kit_expect_end(&rig);
    kit_finish(&rig);
}

Test(gvisor_server, accepts_newer_versions, .timeout = 60)
{
    static const uint8_t newer[] = {0x08, 0x82, 0x01, 0x12, 0x03, 'n', 'e', 'w'}; /* version 130, and a field more */
    struct rig rig;
    int fd;

    kit_begin(&rig, QUEUE_MIN);
    fd = kit_join(rig.path);
    cr_assert(kit_is_answered(fd, newer, sizeof(newer)));
    close(fd);
    kit_finish(&rig);
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

    kit_begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < wrongs; i++) {
        fd = kit_join(rig.path);
        cr_assert_not(kit_is_answered(fd, wrong[i].bytes, wrong[i].size), "%u", i);
        close(fd);
    }
    fd = kit_join(rig.path);
    kit_say(fd, "", 0);
    cr_assert_not(kit_is_answered(fd, NULL, 0), "an empty packet is version 0");
    close(fd);
    close(kit_join(rig.path));
    kit_await_refused(&rig, wrongs + 2);
    fd = kit_join_and_shake(&rig);
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    close(fd);
    kit_expect_frame(&rig, 1, FRAME_CLOSED, 0);
    kit_finish(&rig);
}

Test(gvisor_server, silent_clients_are_closed, .timeout = 60)
{
    struct rig rig;
    int silent, good;
    uint8_t byte;

    kit_create(&rig, QUEUE_MIN);
    server_set_handshake_limit(rig.server, 2000); /* the good one keeps it on a busy machine, too */
    kit_start(&rig, 0600, (uid_t)-1, (gid_t)-1);
    good = kit_join_and_shake(&rig);
    silent = kit_join(rig.path);
    cr_assert_eq(recv(silent, &byte, 1, 0), 0, "closed, and nothing said");
    kit_await_refused(&rig, 1);
    kit_say_number(good, 1); /* has been silent for as long, but has shaken hands */
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    kit_expect_number(&rig, 1, 1);
    close(silent);
    close(good);
    kit_finish(&rig);
}

Test(gvisor_server, silent_clients_hold_up_nobody, .timeout = 60)
{
    struct rig rig;
    int silent[5], late;

    kit_begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < 5; i++)
        silent[i] = kit_join(rig.path);
    late = kit_join_and_shake(&rig);
    cr_assert(kit_is_welcome(silent[3]), "there is time left");
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    kit_expect_frame(&rig, 2, FRAME_OPENED, 0);
    cr_assert_eq(kit_counts(&rig).open, 2);
    for (unsigned i = 0; i < 5; i++)
        close(silent[i]);
    close(late);
    kit_await_refused(&rig, 4);
    kit_finish(&rig);
}

/* A client that does not read its answer resets the connection when it closes; what it sent came before that. */
static void send_unread(const struct rig *rig, bool await_answer)
{
    int fd = kit_join(rig->path);
    uint8_t answer[2];

    kit_say(fd, "\x08\x01", 2);
    if (await_answer)
        cr_assert_eq(recv(fd, answer, sizeof(answer), MSG_PEEK), sizeof(answer));
    for (uint32_t i = 0; i < 50; i++)
        kit_say_number(fd, i);
    close(fd);
}

Test(gvisor_server, receives_from_those_who_are_gone, .timeout = 60)
{
    struct rig rig;

    kit_begin(&rig, QUEUE_MIN);
    for (uint32_t connection = 1; connection <= 20; connection++) {
        send_unread(&rig, connection % 2);
        kit_expect_frame(&rig, connection, FRAME_OPENED, 0);
        for (uint32_t i = 0; i < 50; i++)
            kit_expect_number(&rig, connection, i);
        kit_expect_frame(&rig, connection, FRAME_CLOSED, 0);
    }
    kit_finish(&rig);
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

    kit_begin(&rig, QUEUE_MIN);
    control.header =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &stdin_fd, sizeof(stdin_fd));
    fd = kit_join_and_shake(&rig);
    before = count_descriptors();
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(sendmsg(fd, &message, MSG_NOSIGNAL), 2);
    kit_await_packets(&rig, 10);
    cr_assert_eq(count_descriptors(), before);
    close(fd);
    kit_finish(&rig);
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

    kit_begin(&rig, (size_t)4 << 20);
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = kit_join_and_shake(&rig);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CLIENTS; i++) {
            uint32_t words[2] = {i + 1, round};

            kit_say(fds[i], words, sizeof(words));
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
    while (closed < CLIENTS && kit_next_frame(&rig, &frame, &packet)) {
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
    kit_finish(&rig);
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
    kit_begin(&rig, (size_t)4 << 20);
    fd = kit_join_and_shake(&rig);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), 0);
    memset(packet, 0xaa, sizeof(packet));
    kit_say(fd, packet, sizeof(packet));
    kit_say(fd, packet, PACKET_MAX + 1);
    kit_say(fd, packet, PACKET_MAX);
    kit_say(fd, packet, sizeof(packet));
    close(fd);
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    cr_assert(kit_next_frame(&rig, &frame, &got));
    cr_assert(frame.kind == FRAME_PACKET && frame.length == PACKET_MAX && frame.lost == 2);
    cr_assert_arr_eq(got, packet, PACKET_MAX);
    kit_expect_frame(&rig, 1, FRAME_CLOSED, 1);
    cr_assert_eq(kit_counts(&rig).packets, 4);
    cr_assert_eq(kit_counts(&rig).lost, 3);
    kit_finish(&rig);
}

Test(gvisor_server, what_a_full_queue_drops_is_counted, .timeout = 60)
{
    enum { PACKETS = 1000 };
    uint32_t packet[250] = {0}, next = 0, number;
    struct rig rig;
    struct frame frame;
    const uint8_t *got;
    int fd;

    kit_begin(&rig, QUEUE_MIN);
    fd = kit_join_and_shake(&rig);
    for (; packet[0] < PACKETS; packet[0]++)
        kit_say(fd, packet, sizeof(packet));
    kit_await_packets(&rig, PACKETS);
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    for (; rig.left; next++)
        kit_expect_frame(&rig, 1, FRAME_PACKET, 0);
    cr_assert_eq(next, PACKETS - kit_counts(&rig).lost);
    cr_assert_lt(next, PACKETS);
    cr_assert_eq(queue_get(rig.queue, 0, &rig.bytes, &rig.left), -EAGAIN, "there is room now");
    rig.left = 0;
    kit_say(fd, packet, sizeof(packet));
    cr_assert(kit_next_frame(&rig, &frame, &got));
    memcpy(&number, got, sizeof(number));
    cr_assert_eq(number, PACKETS);
    cr_assert_eq(frame.lost, PACKETS - next);
    for (unsigned i = 0; i < PACKETS; i++)
        kit_say(fd, packet, sizeof(packet));
    kit_await_packets(&rig, 2 * PACKETS + 1);
    close(fd);
    for (next = 0; kit_next_frame(&rig, &frame, &got) && frame.kind == FRAME_PACKET; next++)
        cr_assert_eq(frame.lost, 0);
    cr_assert_eq(frame.kind, FRAME_CLOSED);
    cr_assert_eq(frame.lost + next, PACKETS);
    kit_finish(&rig);
}

/* Not even 32 bytes fit afterwards. Returns how many packets were sent. */
static unsigned fill_queue(struct rig *rig, int fd)
{
    static const uint8_t packet[1000];
    unsigned sent = 0;

    while (kit_counts(rig).lost == 0) {
        kit_say(fd, packet, sizeof(packet));
        kit_await_packets(rig, ++sent);
    }
    for (unsigned i = 0; i < 100; i++)
        kit_say(fd, packet, 0);
    kit_await_packets(rig, sent + 100);
    return sent + 100;
}

Test(gvisor_server, beginnings_and_ends_are_told_when_there_is_room, .timeout = 60)
{
    struct rig rig;
    unsigned sent, got = 0, opened[4] = {0}, closed[4] = {0}, lost[4] = {0};
    struct frame frame;
    const uint8_t *packet;
    int filler, early, late;

    kit_begin(&rig, QUEUE_MIN);
    early = kit_join_and_shake(&rig);
    filler = kit_join_and_shake(&rig);
    sent = fill_queue(&rig, filler);
    close(early);
    kit_await_open(&rig, 1);
    late = kit_join_and_shake(&rig);
    for (uint32_t i = 0; i < 3; i++)
        kit_say_number(late, i);
    close(late);
    kit_await_packets(&rig, sent + 3);
    close(filler);
    kit_await_open(&rig, 0);
    server_stop(rig.server);
    while (kit_next_frame(&rig, &frame, &packet)) {
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
    cr_assert_eq(kit_counts(&rig).lost, lost[2] + lost[3]);
    kit_finish(&rig);
}

/* What comes once there is room comes behind the beginning, for which there had been none. */
Test(gvisor_server, no_packet_comes_before_the_beginning, .timeout = 60)
{
    struct rig rig;
    unsigned sent;
    int filler, late;

    kit_begin(&rig, QUEUE_MIN);
    filler = kit_join_and_shake(&rig);
    sent = fill_queue(&rig, filler);
    late = kit_join_and_shake(&rig);
    kit_say_number(late, 6);
    kit_await_packets(&rig, sent + 1);
    cr_assert_eq(queue_get(rig.queue, -1, &rig.bytes, &rig.left), 1);
    if (queue_get(rig.queue, 0, &rig.bytes, &rig.left) < 0) /* gives all that room back */
        rig.left = 0;
    kit_say_number(late, 7);
    kit_expect_frame(&rig, 2, FRAME_OPENED, 0);
    kit_expect_frame(&rig, 2, FRAME_PACKET, 1);
    close(late);
    kit_expect_frame(&rig, 2, FRAME_CLOSED, 0);
    close(filler);
    kit_finish(&rig);
}

Test(gvisor_server, ends_though_nobody_reads, .timeout = 60)
{
    struct rig rig;
    int fd;

    kit_begin(&rig, QUEUE_MIN);
    fd = kit_join_and_shake(&rig);
    fill_queue(&rig, fd);
    kit_finish(&rig);
    close(fd);
}

/* Two clients have sent 200 packets each when the thread begins. */
Test(gvisor_server, clients_take_turns, .timeout = 60)
{
    struct sysfold_error error = {0};
    unsigned packets[3] = {0};
    struct frame frame;
    const uint8_t *packet;
    struct rig rig;
    int fds[2];

    kit_create(&rig, QUEUE_MIN);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, &error), 0, "%s", error.message);
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = kit_join(rig.path);
        kit_say(fds[i], "\x08\x01", 2);
        for (uint32_t n = 0; n < 200; n++)
            kit_say_number(fds[i], n);
    }
    cr_assert_eq(server_start(rig.server, &error), 0, "%s", error.message);
    do {
        cr_assert(kit_next_frame(&rig, &frame, &packet));
        packets[frame.connection] += frame.kind == FRAME_PACKET;
    } while (packets[1] < 200 && packets[2] < 200);
    cr_assert_gt(packets[1], 0);
    cr_assert_gt(packets[2], 0);
    for (unsigned i = 0; i < 2; i++)
        close(fds[i]);
    kit_finish(&rig);
}

struct flood {
    int fd;
    atomic_bool stop;
};

static void *flood(void *data)
{
    struct flood *flood = data;

    while (!atomic_load(&flood->stop) && send(flood->fd, "", 1, MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

Test(gvisor_server, a_flood_starves_nobody, .timeout = 60)
{
    struct rig rig;
    struct flood state = {0};
    pthread_t threads[3];
    struct frame frame;
    const uint8_t *packet;

    kit_begin(&rig, QUEUE_MIN);
    state.fd = kit_join_and_shake(&rig);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, flood, &state), 0);
    for (unsigned i = 0; i < 20; i++)
        close(kit_join_and_shake(&rig));
    server_stop(rig.server); /* comes to its end as well */
    while (kit_next_frame(&rig, &frame, &packet)) {
    }
    atomic_store(&state.stop, true);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    close(state.fd);
    kit_finish(&rig);
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

    kit_begin(&rig, QUEUE_MIN);
    for (unsigned i = 0; i < CLIENTS; i++)
        fds[i] = kit_join_and_shake(&rig);
    for (uint32_t n = 0; n < PACKETS; n++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            kit_say_number(fds[i], n);
    }
    server_stop(rig.server);
    while (kit_next_frame(&rig, &frame, &packet)) {
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
    cr_assert_eq(kit_join(rig.path), -ECONNREFUSED);
    kit_finish(&rig);
}

static struct server *signalled;

static void stop_in_handler(int signal)
{
    (void)signal;
    server_stop(signalled);
}

Test(gvisor_server, a_signal_handler_may_stop_it, .timeout = 60)
{
    const struct sigaction action = {.sa_handler = stop_in_handler};
    struct rig rig;

    kit_begin(&rig, QUEUE_MIN);
    signalled = rig.server;
    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
    cr_assert_eq(kill(getpid(), SIGUSR1), 0);
    kit_expect_end(&rig);
    kit_finish(&rig);
}

Test(gvisor_server, stops_when_idle, .timeout = 60)
{
    struct rig rig;
    int first, second;

    kit_begin(&rig, QUEUE_MIN);
    server_stop_when_idle(rig.server);
    close(kit_join(rig.path));
    kit_await_refused(&rig, 1); /* shook no hands, and is not waited for */
    first = kit_join_and_shake(&rig);
    second = kit_join_and_shake(&rig);
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    kit_expect_frame(&rig, 2, FRAME_OPENED, 0);
    close(first);
    kit_expect_frame(&rig, 1, FRAME_CLOSED, 0);
    kit_say_number(second, 5);
    close(second);
    kit_expect_number(&rig, 2, 5);
    kit_expect_frame(&rig, 2, FRAME_CLOSED, 0);
    kit_expect_end(&rig);
    kit_finish(&rig);
}

Test(gvisor_server, stops_when_idle_already, .timeout = 60)
{
    struct rig rig;

    kit_begin(&rig, QUEUE_MIN);
    close(kit_join_and_shake(&rig));
    kit_expect_frame(&rig, 1, FRAME_OPENED, 0);
    kit_expect_frame(&rig, 1, FRAME_CLOSED, 0);
    server_stop_when_idle(rig.server);
    kit_expect_end(&rig);
    kit_finish(&rig);
}

Test(gvisor_server, never_started, .timeout = 60)
{
    struct rig rig;

    kit_create(&rig, QUEUE_MIN);
    cr_assert_eq(kit_listen(&rig, 0600, (uid_t)-1, (gid_t)-1, NULL), 0);
    server_destroy(rig.server);
    rig.server = NULL;
    kit_expect_end(&rig);
    kit_finish(&rig);
    server_destroy(NULL);
}
