// SPDX-License-Identifier: Apache-2.0
/*
 * Captures that begin, or lose something, while processes fork, end, open and
 * close: when these have come to rest, the state must be what /proc says.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

TestSuite(snapshot_live, .timeout = 100);

#define WORKERS 3
#define SURVIVORS_MAX 60
#define FILES 16
#define FD_FIRST 20 /* the storm's own descriptors */
#define FD_COUNT 24
#define CALLS "openat,close,dup,dup2,dup3,fcntl,close_range"

/* Seen by all processes of the storm. */
static struct storm {
    atomic_bool begun, over;
    atomic_uint resting; /* workers */
    atomic_uint survivors;
    atomic_int pids[SURVIVORS_MAX];
} * storm;

static char directory[] = "/tmp/sysfold-storm-XXXXXX";
static pid_t workers[WORKERS];

static void path_of(unsigned file, char ret_path[64])
{
    (void)snprintf(ret_path, 64, "%s/%u", directory, file);
}

/* What an event ends is there until the next one: the last one of each process is to end nothing. */
static void rest(void)
{
    (void)fcntl(FD_FIRST, F_GETFD);
    for (;;)
        pause();
}

/* Opens, duplicates or closes one of the storm's descriptors. */
static void stir(unsigned *seed)
{
    int fd = FD_FIRST + (int)(rand_r(seed) % FD_COUNT), other = FD_FIRST + (int)(rand_r(seed) % FD_COUNT), opened;
    char path[64];

    switch (rand_r(seed) % 4) {
    case 0:
        close(fd);
        break;
    case 1:
        (void)dup2(fd, other);
        break;
    default:
        path_of(rand_r(seed) % FILES, path);
        opened = open(path, O_RDONLY | (rand_r(seed) % 2 ? O_CLOEXEC : 0));
        if (opened < 0)
            break;
        (void)dup2(opened, fd);
        close(opened);
    }
}

/* Two threads share a table. They take turns: of what is done at once, nobody can say what came first. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* A child does a little, and ends, or stays for /proc to be asked about. */
static void spawn(unsigned *seed)
{
    bool stays = rand_r(seed) % 8 == 0;
    pid_t child;
    unsigned place;

    pthread_mutex_lock(&turn);
    child = fork();
    if (child)
        pthread_mutex_unlock(&turn);
    if (child > 0 && !stays)
        waitpid(child, NULL, 0);
    if (child != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 5; i++)
        stir(seed);
    place = stays ? atomic_fetch_add(&storm->survivors, 1) : SURVIVORS_MAX;
    if (place >= SURVIVORS_MAX)
        _exit(0);
    atomic_store(&storm->pids[place], getpid());
    rest();
}

static void stir_in_turn(unsigned *seed)
{
    pthread_mutex_lock(&turn);
    stir(seed);
    pthread_mutex_unlock(&turn);
}

static void *stir_on(void *data)
{
    unsigned seed = *(unsigned *)data;

    while (!atomic_load(&storm->over))
        stir_in_turn(&seed);
    return NULL;
}

static void work(unsigned seed)
{
    unsigned others = seed * 77;
    pthread_t thread;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!atomic_load(&storm->begun))
        usleep(1000);
    pthread_create(&thread, NULL, stir_on, &others);
    for (unsigned i = 0; !atomic_load(&storm->over); i++) {
        stir_in_turn(&seed);
        if (i % 16 == 0)
            spawn(&seed);
    }
    pthread_join(thread, NULL);
    atomic_fetch_add(&storm->resting, 1);
    rest();
}

static void make_files(void)
{
    char path[64];

    cr_assert_not_null(mkdtemp(directory));
    for (unsigned i = 0; i < FILES; i++) {
        path_of(i, path);
        close(open(path, O_CREAT | O_RDWR, 0600));
    }
}

static void remove_files(void)
{
    char path[64];

    for (unsigned i = 0; i < FILES; i++) {
        path_of(i, path);
        unlink(path);
    }
    rmdir(directory);
}

static void prepare_storm(void)
{
    *storm = (struct storm){0};
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0)
            work(i + 1 + (unsigned)time(NULL));
    }
}

static void calm_storm(void)
{
    atomic_store(&storm->over, true);
    while (atomic_load(&storm->resting) < WORKERS)
        usleep(1000);
}

static void end_storm(void)
{
    for (unsigned i = 0; i < WORKERS; i++) { /* their children go with them */
        kill(workers[i], SIGKILL);
        waitpid(workers[i], NULL, 0);
    }
}

#define ID_MAX 4194304 /* the kernel's largest pid_max */

/* What the stream has told of each thread and of each process, and what it told out of place. */
static struct lives {
    enum { UNKNOWN, LIVES, HAS_ENDED } of[ID_MAX];
    bool has_process[ID_MAX];
    bool has_mark;
    unsigned begun, wrong;
    char first[300];
} * lives;

static void setup(void)
{
    storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(storm, MAP_FAILED);
    lives = mmap(NULL, sizeof(*lives), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(lives, MAP_FAILED);
    make_files();
}

/* Of the whole machine, or of the storm alone. */
static struct sysfold_stream *open_capture(bool system_wide, size_t buffer_size)
{
    const struct sysfold_live_options options = {
        .size = sizeof(options),
        .backend = "ebpf",
        .system_wide = system_wide,
        .pids = system_wide ? NULL : workers,
        .pid_count = system_wide ? 0 : WORKERS,
        .syscalls = CALLS,
        .buffer_size = buffer_size,
    };
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};

    cr_assert_eq(sysfold_live_open(&options, &stream, &error), 0, "%s", error.message);
    return stream;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t id_of(const struct sysfold_event *event, const char *name)
{
    struct sysfold_value value = {0};

    (void)sysfold_event_param_by_name(event, name, &value);
    return (uint32_t)value.u % ID_MAX;
}

static bool begin_life(const struct sysfold_event *event, uint32_t tid)
{
    bool lived = lives->of[tid] == LIVES;

    lives->begun++;
    lives->of[tid] = LIVES;
    lives->has_process[id_of(event, "pid")] = true;
    return !lived;
}

/* One of its threads has its number from here on, and another one may have had that and ended. */
static bool change_life(const struct sysfold_event *event, uint32_t pid)
{
    lives->of[id_of(event, "old_tid")] = HAS_ENDED;
    lives->of[pid] = LIVES;
    return lives->has_process[pid];
}

static bool end_life(const struct sysfold_event *event, uint32_t tid)
{
    bool lived = lives->of[tid] == LIVES;

    lives->of[tid] = HAS_ENDED;
    return lived && lives->has_process[id_of(event, "pid")];
}

static bool end_process(uint32_t pid)
{
    bool lived = lives->has_process[pid];

    lives->has_process[pid] = false;
    return lived;
}

static bool go_on(uint32_t tid)
{
    bool lived = lives->of[tid] == LIVES;

    lives->of[tid] = LIVES; /* told once */
    return lived;
}

/* Each event of a thread is between its only beginning and its only end; and each of a process, which may outlive the
 * thread that has its number, between the first of its threads and its own end. */
static bool is_in_place(const struct sysfold_event *event)
{
    const char *name = sysfold_event_name(event);
    uint32_t tid = sysfold_event_tid(event) % ID_MAX;

    if (!tid)
        return true;
    if (!strcmp(name, "thread_start") || !strcmp(name, "snap_thread"))
        return begin_life(event, tid);
    if (!strcmp(name, "exec"))
        return change_life(event, tid);
    if (!strcmp(name, "thread_exit"))
        return end_life(event, tid);
    if (!strcmp(name, "process_exit"))
        return end_process(tid);
    return !strcmp(name, "snap_fd") ? lives->has_process[tid] : go_on(tid);
}

/* No descriptor that anybody closes but make_events(). */
#define MARK 1000001

static bool is_mark(const struct sysfold_event *event)
{
    struct sysfold_value value = {0};

    return !strcmp(sysfold_event_name(event), "close") && sysfold_event_param_by_name(event, "fd", &value) == 0 &&
           value.i == MARK;
}

static void see(const struct sysfold_event *event)
{
    lives->has_mark |= is_mark(event);
    if (is_in_place(event) || lives->wrong++)
        return;
    (void)snprintf(lives->first, sizeof(lives->first), "%u: ", sysfold_event_tid(event));
    sysfold_event_format(event, lives->first + strlen(lives->first), 200);
}

static void read_for(struct sysfold_stream *stream, unsigned ms)
{
    uint64_t end = now_ms() + ms;

    while (now_ms() < end) {
        const struct sysfold_event *event;
        struct sysfold_error error = {0};
        int r = sysfold_stream_fetch(stream, 20, &error);

        cr_assert(r > 0 || r == -EAGAIN || r == -EINTR, "%s", error.message);
        while ((event = sysfold_stream_next(stream)))
            see(event);
    }
}

static struct sysfold_stats stats_of(const struct sysfold_stream *stream)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};

    sysfold_stream_stats(stream, &stats);
    return stats;
}

static uint64_t lost(const struct sysfold_stream *stream)
{
    return stats_of(stream).lost;
}

/* Looks at the state. */

struct search {
    pid_t pid;
    const struct sysfold_process *found;
};

static bool look(const struct sysfold_process *process, void *data)
{
    struct search *search = data;

    if (sysfold_process_pid(process) == (uint32_t)search->pid)
        search->found = process;
    return !search->found;
}

static const struct sysfold_process *find(const struct sysfold_stream *stream, pid_t pid)
{
    struct search search = {.pid = pid};

    sysfold_stream_each_process(stream, look, &search);
    return search.found;
}

/* What /proc says of a descriptor; empty: it is not open. */
static void link_of(pid_t pid, int fd, char ret_name[128])
{
    char path[64];
    ssize_t size;

    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
    size = readlink(path, ret_name, 127);
    ret_name[size > 0 ? size : 0] = '\0';
}

/* Sockets and pipes have other names where events told of them. */
static bool same_name(const char *link, const char *name)
{
    return *link != '/' || (name && !strcmp(link, name));
}

static unsigned count_differences(const struct sysfold_stream *stream, pid_t pid, bool tell)
{
    const struct sysfold_process *process = find(stream, pid);
    unsigned differences = !process;
    char link[128];

    cr_expect(process || !tell, "%d is not known", pid);
    for (int number = 0; process && number < 100; number++) {
        const struct sysfold_fd *fd = sysfold_process_fd(process, number);
        const char *name = fd ? sysfold_fd_name(fd) : NULL;

        link_of(pid, number, link);
        if (!fd == !*link && (!fd || same_name(link, name)))
            continue;
        cr_expect(!tell, "fd %d of %d is '%s', by /proc '%s'", number, pid, fd ? name ? name : "?" : "", link);
        differences++;
    }
    return differences;
}

static bool is_zombie(const char *stat)
{
    const char *rest_of = strrchr(stat, ')');

    return rest_of && (rest_of[2] == 'Z' || rest_of[2] == 'X');
}

static bool runs(uint32_t pid)
{
    char path[64], stat[256] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    (void)!fgets(stat, sizeof(stat), file);
    fclose(file);
    return *stat && !is_zombie(stat);
}

struct dead {
    uint32_t pids[100];
    unsigned count;
    bool doubtful_too;
};

static bool note_dead(const struct sysfold_process *process, void *data)
{
    struct dead *dead = data;
    bool is_wrong = !runs(sysfold_process_pid(process)) || (dead->doubtful_too && sysfold_process_is_doubtful(process));

    if (is_wrong && dead->count < 100)
        dead->pids[dead->count++] = sysfold_process_pid(process);
    return true;
}

/* Those that live in the state although they have ended, or (doubtful_too) are not known for sure. */
static struct dead find_dead(const struct sysfold_stream *stream, bool doubtful_too)
{
    struct dead dead = {.doubtful_too = doubtful_too};

    sysfold_stream_each_process(stream, note_dead, &dead);
    return dead;
}

static bool is_among(const struct dead *dead, uint32_t pid)
{
    for (unsigned i = 0; i < dead->count; i++) {
        if (dead->pids[i] == pid)
            return true;
    }
    return false;
}

/* The stream goes on: a mark comes. */
static void make_events(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(close(MARK));
    waitpid(child, NULL, 0);
}

/* All that has happened until now, however far behind we are. Of the whole machine: the storm knows nothing of the mark,
 * which may itself be lost. */
static void catch_up(struct sysfold_stream *stream)
{
    lives->has_mark = false;
    make_events();
    for (int left = 500; left && !lives->has_mark && !lost(stream); left--)
        read_for(stream, 100);
}

/* Somebody ends at every moment; whoever had ended before the stream went on must be gone behind it. */
static void expect_no_dead(struct sysfold_stream *stream, bool doubtful_too, bool until_mark)
{
    struct dead before = find_dead(stream, doubtful_too), behind;

    if (until_mark)
        catch_up(stream);
    else
        read_for(stream, 100);
    behind = find_dead(stream, doubtful_too);
    for (unsigned i = 0; i < behind.count; i++)
        cr_expect(!is_among(&before, behind.pids[i]), "%u lives on in the state%s", behind.pids[i],
                  doubtful_too ? ", or is doubtful" : "");
}

static unsigned count_all_differences(const struct sysfold_stream *stream, bool tell)
{
    unsigned survivors = atomic_load(&storm->survivors), differences = 0;

    for (unsigned i = 0; i < WORKERS; i++)
        differences += count_differences(stream, workers[i], tell);
    for (unsigned i = 0; i < survivors && i < SURVIVORS_MAX; i++)
        differences += count_differences(stream, atomic_load(&storm->pids[i]), tell);
    return differences;
}

static void finish(struct sysfold_stream *stream)
{
    sysfold_stream_close(stream);
    end_storm();
}

/* Begins in the midst of it. Whether nothing was lost, and something could be said. */
static bool capture_in_a_storm(void)
{
    struct sysfold_stream *stream;
    bool is_whole;

    (void)madvise(lives, sizeof(*lives), MADV_DONTNEED);
    prepare_storm();
    atomic_store(&storm->begun, true);
    usleep(20000);
    stream = open_capture(true, 128 * 1024 * 1024);
    read_for(stream, 50);
    calm_storm();
    catch_up(stream);
    is_whole = !lost(stream);
    if (is_whole) {
        count_all_differences(stream, true);
        expect_no_dead(stream, false, true);
        cr_expect_eq(lives->wrong, 0, "%u events are out of place, the first: %s", lives->wrong, lives->first);
    }
    finish(stream);
    return is_whole;
}

Test(snapshot_live, what_happens_meanwhile_is_neither_missed_nor_undone)
{
    unsigned whole = 0;

    setup();
    for (int left = 8; left && whole < 3; left--)
        whole += capture_in_a_storm();
    cr_expect_gt(whole, 0, "something was lost each time");
    remove_files();
}

#define PAIRS 40

/* Each pair's own. */
static atomic_uint meeting;
static unsigned turn_of_ours;

/* One thread of two, each on a cpu of its own: they end at the same moment, as nearly as can be. */
static void *end_together(void *data)
{
    const unsigned *cpu = data;
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(*cpu, &cpus);
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);
    while (atomic_load(&storm->survivors) <= turn_of_ours)
        usleep(10000);
    atomic_fetch_add(&meeting, 1);
    while (atomic_load(&meeting) < 2)
        ;
    syscall(SYS_exit, 0);
    return NULL;
}

static void be_a_pair(unsigned pair)
{
    static unsigned cpus[2] = {0, 1};
    pthread_t thread;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    turn_of_ours = pair;
    pthread_create(&thread, NULL, end_together, &cpus[1]);
    atomic_fetch_add(&storm->resting, 1);
    (void)end_together(&cpus[0]);
}

/* Of a process that was there before, it was not seen how many threads it has. */
Test(snapshot_live, a_process_ends_behind_all_its_threads)
{
    struct sysfold_stream *stream;
    pid_t pairs[PAIRS];

    setup();
    for (unsigned i = 0; i < PAIRS; i++) {
        pairs[i] = fork();
        if (pairs[i] == 0)
            be_a_pair(i);
    }
    while (atomic_load(&storm->resting) < PAIRS)
        usleep(1000);
    stream = open_capture(true, 128 * 1024 * 1024);
    for (unsigned i = 0; i < PAIRS; i++) {
        atomic_store(&storm->survivors, i + 1);
        while (waitpid(pairs[i], NULL, WNOHANG) == 0)
            read_for(stream, 5);
    }
    catch_up(stream);
    cr_assert(!lost(stream));
    for (unsigned i = 0; i < PAIRS; i++)
        cr_expect(!lives->has_process[pairs[i]], "no end of %d was told", pairs[i]);
    cr_expect_eq(lives->wrong, 0, "%u events are out of place, the first: %s", lives->wrong, lives->first);
    sysfold_stream_close(stream);
    remove_files();
}

static int open_uring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10};

    return (int)syscall(SYS_io_uring_setup, 4, &params);
}

/* The kernel makes and ends a thread that serves it, one behind the other. */
static void be_served(int rings)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!atomic_load(&storm->begun))
        usleep(1000);
    while (rings--)
        close(open_uring());
    usleep(300000);
    atomic_store(&storm->over, true);
    rest();
}

/* It has them in its process, but tells nobody of their birth. */
Test(snapshot_live, of_the_kernels_threads_neither_birth_nor_end_is_told)
{
    int ring = open_uring();
    struct sysfold_stream *stream;

    if (ring < 0)
        cr_skip_test("no io_uring here: %s", strerror(errno));
    close(ring);
    setup();
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0)
            be_served(10);
    }
    stream = open_capture(false, 1024 * 1024);
    read_for(stream, 1500); /* whoever was met on its way out has gone */
    atomic_store(&storm->begun, true);
    while (!atomic_load(&storm->over))
        read_for(stream, 100);
    read_for(stream, 1000);
    cr_expect_eq(lives->begun, WORKERS, "%u threads began", lives->begun);
    cr_expect_eq(lives->wrong, 0, "%u events are out of place, the first: %s", lives->wrong, lives->first);
    finish(stream);
    remove_files();
}

Test(snapshot_live, what_was_lost_is_repaired)
{
    struct sysfold_stream *stream;
    struct dead unsure;
    int left = 300;

    setup();
    prepare_storm();
    stream = open_capture(false, 64 * 1024); /* others' noise would never let it come to rest */
    atomic_store(&storm->begun, true);
    for (int i = 0; i < 200 && (i < 5 || !lost(stream)); i++) { /* a slow reader; the storm may be slow, too */
        usleep(100000);
        read_for(stream, 1);
    }
    calm_storm();
    do {
        read_for(stream, 100);
        unsure = find_dead(stream, true);
    } while (left-- && unsure.count);
    cr_expect_gt(lost(stream), 0);
    count_all_differences(stream, true);
    expect_no_dead(stream, true, false);
    finish(stream);
    remove_files();
}
