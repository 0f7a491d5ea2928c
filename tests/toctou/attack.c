// SPDX-License-Identifier: Apache-2.0
/*
 * attack LOG TRIES VICTIMS REWRITERS: victims open files and connect sockets,
 * while rewriters change, all the time, the very path or address that is being
 * used. What each try really got goes into the log, for the judge.
 *
 * Threads of the attack share descriptors, but nobody touches another's.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "toctou.h"

#define CONTENT_MAX 128
#define REWRITERS_MAX 8

/* What a way's calls are given: one of two contents, or on the way from one to the other. */
struct lure {
    unsigned char buffer[CONTENT_MAX];
    unsigned char contents[2][CONTENT_MAX];
    size_t from, to; /* where they differ */
    socklen_t size;  /* an address's */
};

static struct lure lures[WAY_COUNT];
static int listeners[WAY_COUNT][2];
static const unsigned shares[WAY_COUNT] = {
#define WAY(id, name, row, share) [WAY_##id] = (share),
    WAYS(WAY)
#undef WAY
};
static struct toctou_log *toctou_log;
static char directory[FILE_NAME_MAX / 2];
static int directory_fd;
static uint64_t tries_each;
static atomic_bool is_over;

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

/* The lures. */

static void lay_lure(enum way way, const void *one, const void *other, size_t size)
{
    struct lure *lure = &lures[way];

    memcpy(lure->contents[0], one, size);
    memcpy(lure->contents[1], other, size);
    memcpy(lure->buffer, one, size);
    lure->size = (socklen_t)size;
    lure->to = size;
    while (lure->contents[0][lure->from] == lure->contents[1][lure->from])
        lure->from++;
    while (lure->contents[0][lure->to - 1] == lure->contents[1][lure->to - 1])
        lure->to--;
}

static void lay_paths(enum way way, const char *one, const char *other)
{
    char contents[2][CONTENT_MAX] = {0};

    (void)snprintf(contents[0], CONTENT_MAX, "%s%s", way == WAY_RELATIVE ? "" : directory, one);
    (void)snprintf(contents[1], CONTENT_MAX, "%s%s", way == WAY_RELATIVE ? "" : directory, other);
    lay_lure(way, contents[0], contents[1], CONTENT_MAX);
}

static void note_file(const char *name)
{
    struct file *file = &toctou_log->files[toctou_log->file_count];
    struct stat stat_of = {0};

    (void)snprintf(file->path, sizeof(file->path), "%s%s", directory, name);
    must(lstat(file->path, &stat_of) == 0, file->path);
    file->dev = stat_of.st_dev;
    file->ino = stat_of.st_ino;
    toctou_log->file_count++;
}

static void make_file(const char *name)
{
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    must(fd >= 0, name);
    close(fd);
}

static void prepare_files(void)
{
    make_file("real-a");
    make_file("real-b");
    must(mkdirat(directory_fd, "sub", 0700) == 0, "sub");
    make_file("sub/file");
    must(symlinkat("real-a", directory_fd, "link-a") == 0, "link-a");
    must(symlinkat("real-b", directory_fd, "link-b") == 0, "link-b");
    note_file("/real-a");
    note_file("/real-b");
    note_file("/sub");
    note_file("/sub/file");
    lay_paths(WAY_OPEN, "/real-a", "/real-b");
    lay_paths(WAY_OPENAT, "/real-b", "/real-a");
    lay_paths(WAY_OPENAT2, "/real-a", "/real-b");
    lay_paths(WAY_CREAT, "/real-a", "/real-b");
    lay_paths(WAY_RELATIVE, "real-a", "real-b");
    lay_paths(WAY_SYMLINK, "/link-a", "/link-b");
    lay_paths(WAY_LENGTHS, "/sub", "/sub/file");
    /* With the slash alone, so that one byte makes one name or the other. */
    lures[WAY_LENGTHS].to = lures[WAY_LENGTHS].from + 1;
    memcpy(lures[WAY_LENGTHS].buffer, lures[WAY_LENGTHS].contents[1], CONTENT_MAX);
}

/* Listens at `address`, as whose port or name may be the system's choice; `address` is then what it chose. */
static int listen_at(int type, void *address, socklen_t size)
{
    int fd = socket(((struct sockaddr *)address)->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    must(fd >= 0 && bind(fd, address, size) == 0, "bind");
    must(type == SOCK_DGRAM || listen(fd, SOMAXCONN) == 0, "listen");
    must(getsockname(fd, address, &(socklen_t){size}) == 0, "getsockname");
    return fd;
}

static void lay_listeners(enum way way, int type, void *one, void *other, size_t size)
{
    listeners[way][0] = listen_at(type, one, (socklen_t)size);
    listeners[way][1] = listen_at(type, other, (socklen_t)size);
    lay_lure(way, one, other, size);
}

static void lay_inet(enum way way, int type)
{
    struct sockaddr_in one = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in other = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};

    lay_listeners(way, type, &one, &other, sizeof(one));
}

static void lay_inet6(enum way way, int type)
{
    struct sockaddr_in6 one = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, other = one;

    lay_listeners(way, type, &one, &other, sizeof(one));
}

/* With the addresses' whole size, as careless callers do: the name ends at its NUL. */
static void lay_unix(enum way way, int type, const char *name)
{
    struct sockaddr_un one = {.sun_family = AF_UNIX}, other = one;

    (void)snprintf(one.sun_path, sizeof(one.sun_path), "%s/%s-a", directory, name);
    (void)snprintf(other.sun_path, sizeof(other.sun_path), "%s/%s-b", directory, name);
    lay_listeners(way, type, &one, &other, sizeof(one));
}

static void prepare_listeners(void)
{
    lay_inet(WAY_UDP, SOCK_DGRAM);
    lay_inet6(WAY_UDP6, SOCK_DGRAM);
    lay_inet(WAY_TCP, SOCK_STREAM);
    lay_inet(WAY_TCP_ASYNC, SOCK_STREAM);
    lay_unix(WAY_UNIX_DATAGRAM, SOCK_DGRAM, "datagram");
    lay_unix(WAY_UNIX_STREAM, SOCK_STREAM, "stream");
}

/* The threads. */

static void *rewrite(void *data)
{
    for (unsigned turn = 0; !atomic_load_explicit(&is_over, memory_order_relaxed); turn ^= 1) {
        for (int way = 0; way < WAY_COUNT; way++) {
            volatile unsigned char *buffer = lures[way].buffer;

            for (size_t i = lures[way].from; i < lures[way].to; i++)
                buffer[i] = lures[way].contents[turn][i];
        }
    }
    return data;
}

static int open_by(enum way way)
{
    const char *path = (const char *)lures[way].buffer;
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

    switch (way) {
    case WAY_OPEN:
    case WAY_LENGTHS:
        return (int)syscall(SYS_open, path, O_RDONLY | O_CLOEXEC, 0);
    case WAY_OPENAT2:
        return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    case WAY_CREAT:
        return (int)syscall(SYS_creat, path, 0600);
    case WAY_RELATIVE:
        return (int)syscall(SYS_openat, directory_fd, path, O_RDONLY | O_CLOEXEC, 0);
    default:
        return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    }
}

static void try_open(enum way way, struct got *got)
{
    struct stat stat_of = {0};
    int fd = open_by(way);

    got->result = fd < 0 ? -errno : fd;
    if (fd < 0)
        return;
    must(fstat(fd, &stat_of) == 0, "fstat");
    got->dev = stat_of.st_dev;
    got->ino = stat_of.st_ino;
    close(fd);
}

static bool is_stream(enum way way)
{
    return way == WAY_TCP || way == WAY_TCP_ASYNC || way == WAY_UNIX_STREAM;
}

static int socket_for(enum way way)
{
    const struct linger reset = {.l_onoff = 1}; /* else a million connections would be waited for after their end */
    int family = ((const struct sockaddr *)lures[way].contents[0])->sa_family;
    int flags = (way == WAY_TCP_ASYNC ? SOCK_NONBLOCK : 0) | SOCK_CLOEXEC;
    int fd = socket(family, (is_stream(way) ? SOCK_STREAM : SOCK_DGRAM) | flags, 0);

    must(fd >= 0, "socket");
    if (way == WAY_TCP || way == WAY_TCP_ASYNC)
        must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "SO_LINGER");
    return fd;
}

/* Whoever made them. */
static void take_connections(enum way way)
{
    for (int i = 0; i < 2; i++) {
        int fd;

        while ((fd = accept4(listeners[way][i], NULL, NULL, SOCK_CLOEXEC)) >= 0)
            close(fd);
    }
}

static void try_connect(enum way way, struct got *got)
{
    socklen_t size = sizeof(got->peer);
    int fd = socket_for(way);
    struct pollfd made = {.fd = fd, .events = POLLOUT};

    got->result = connect(fd, (const struct sockaddr *)lures[way].buffer, lures[way].size) < 0 ? -errno : 0;
    if (got->result == -EINPROGRESS)
        must(poll(&made, 1, PATIENCE_S * 1000) == 1, "poll");
    if ((!got->result || got->result == -EINPROGRESS) && getpeername(fd, (struct sockaddr *)got->peer, &size) == 0)
        got->peer_size = (uint8_t)size;
    close(fd);
    if (is_stream(way))
        take_connections(way);
}

/* Each way has its share of the tries, evenly. */
static enum way way_of(uint64_t try)
{
    unsigned total = 0, place;
    int way = 0;

    for (int i = 0; i < WAY_COUNT; i++)
        total += shares[i];
    place = (unsigned)(try % total);
    for (; place >= shares[way]; way++)
        place -= shares[way];
    return (enum way)way;
}

static void await_judge(const struct victim *victim, uint64_t try)
{
    for (int patience = PATIENCE_S * 10000; try - atomic_load(&victim->judged) >= ROOM; patience--) {
        must(patience && !atomic_load(&toctou_log->is_abandoned), "the judge");
        usleep(100);
    }
}

static void *be_victim(void *data)
{
    struct victim *victim = data;

    atomic_store(&victim->tid, (uint32_t)gettid());
    for (uint64_t try = 0; try < tries_each; try++) {
        struct got *got = &victim->got[try % ROOM];

        await_judge(victim, try);
        *got = (struct got){.way = (uint8_t)way_of(try)};
        if (got->way >= WAY_UDP)
            try_connect(got->way, got);
        else
            try_open(got->way, got);
        atomic_store(&victim->tried, try + 1);
    }
    return data;
}

static void fight(unsigned victims, unsigned rewriters)
{
    pthread_t victim_ids[VICTIMS_MAX], rewriter_ids[REWRITERS_MAX];

    for (unsigned i = 0; i < rewriters; i++)
        must(pthread_create(&rewriter_ids[i], NULL, rewrite, NULL) == 0, "a rewriter");
    for (unsigned i = 0; i < victims; i++)
        must(pthread_create(&victim_ids[i], NULL, be_victim, &toctou_log->victims[i]) == 0, "a victim");
    for (unsigned i = 0; i < victims; i++)
        pthread_join(victim_ids[i], NULL);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < rewriters; i++)
        pthread_join(rewriter_ids[i], NULL);
}

/* What it leaves behind: everything it made. */
static void clean_up(void)
{
    static const char *const names[] = {"real-a",     "real-b",     "sub/file", "link-a",  "link-b",
                                        "datagram-a", "datagram-b", "stream-a", "stream-b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(directory_fd, names[i], 0);
    unlinkat(directory_fd, "sub", AT_REMOVEDIR);
    rmdir(directory);
}

static void map_log(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    must(fd >= 0, path);
    toctou_log = mmap(NULL, sizeof(*toctou_log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(toctou_log != MAP_FAILED, path);
    close(fd);
}

int main(int argc, char **argv)
{
    unsigned victims = argc == 5 ? (unsigned)atoi(argv[3]) : 0, rewriters = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
    char template[] = "/tmp/sysfold-toctou-XXXXXX", resolved[PATH_MAX];

    if (!victims || victims > VICTIMS_MAX || !rewriters || rewriters > REWRITERS_MAX) {
        (void)fputs("usage: attack LOG TRIES VICTIMS REWRITERS\n", stderr);
        return 2;
    }
    map_log(argv[1]);
    tries_each = strtoull(argv[2], NULL, 10) / victims;
    must(mkdtemp(template) && realpath(template, resolved) && strlen(resolved) < sizeof(directory), template);
    memcpy(directory, resolved, strlen(resolved) + 1);
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(directory_fd >= 0, directory);
    prepare_files();
    prepare_listeners();
    fight(victims, rewriters);
    clean_up();
    return 0;
}
