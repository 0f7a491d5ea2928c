// SPDX-License-Identifier: Apache-2.0
/*
 * storm SEED SECONDS THREADS: threads that make whatever calls come to mind,
 * with whatever arguments, and make, replace and kill children, for whoever
 * records that. In its working directory, which is to be a private one.
 *
 * Now and then each thread makes a call that nobody can mistake, getpriority()
 * of MARK with its next number. At the end it says how many of them it made
 * (children's are not counted), and ends with status 42: nobody who watched
 * has changed how it ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fanotify.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK 7777 /* no kind of priority: -EINVAL */
#define THREADS_MAX 64
#define LEAF_CALLS 40 /* of a child */
#define MARKS_PER_THREAD 10000000L
#define FD_FIRST 20 /* those that are played with */
#define FD_COUNT 40
#define PAGE 4096
#define PATIENCE_S 60

struct weather {
    uint64_t state; /* of the random numbers */
    long number, marks;
    bool is_leaf; /* a child: it makes no children of its own */
    pthread_t id;
    _Atomic pid_t *brief; /* of a thread that lives for a call: where its number is for others to rouse it */
    _Atomic pid_t helper; /* the thread's own such one; 0: there is none */
};

static struct weather weathers[THREADS_MAX];
static atomic_bool is_over;
static atomic_int done_count;
static char *shifting; /* pages of which the second comes and goes */
static char *program;
static uint16_t port; /* where somebody listens */

static const char *const paths[] = {"f0",   "f1",       "f2",       "d0",     "d0/f3",    "d1/d2/f4",
                                    "link", "dangling", "loop",     "fifo",   "f0/below", "nowhere/f",
                                    "d0/",  "./f0",     "d0/../f1", "socket", "",         "secret/f"};
static const char *const read_paths[] = {"/proc/self/status",
                                         "/proc/self/fd/20",
                                         "/dev/null",
                                         "/dev/tty",
                                         "/dev/stdin",
                                         "/dev/zero",
                                         "/proc/thread-self/comm",
                                         "/sys/kernel/mm",
                                         "/etc/hostname",
                                         "/etc/shadow",
                                         "/dev/fd/21",
                                         "/tmp",
                                         "..",
                                         "../../../../etc",
                                         "/proc/1/root/x",
                                         "/proc/self/root/etc/passwd"};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t draw(struct weather *weather)
{
    weather->state ^= weather->state << 13;
    weather->state ^= weather->state >> 7;
    weather->state ^= weather->state << 17;
    return weather->state;
}

static uint64_t below(struct weather *weather, uint64_t limit)
{
    return (draw(weather) >> 11) % limit;
}

/* --- arguments: none of them lets the kernel write where we have something --- */

static int any_fd(struct weather *weather)
{
    static const int odd[] = {-1, AT_FDCWD, INT32_MAX, INT32_MIN, 1023, 1024};

    if (!below(weather, 8))
        return odd[below(weather, COUNT(odd))];
    return FD_FIRST + (int)below(weather, FD_COUNT);
}

/* Nothing that is a path, whatever it points to. */
static void *wrong_pointer(struct weather *weather)
{
    switch (below(weather, 6)) {
    case 0:
        return NULL;
    case 1:
        return (void *)UINT64_C(0xffffffffff600000);
    case 2:
        return (void *)(UINT64_C(1) << 47);
    case 3:
        return shifting + PAGE; /* there, or not */
    case 4:
        return (void *)(uintptr_t)below(weather, PAGE);
    default:
        return (void *)(UINT64_C(0xffff800000000000) | draw(weather));
    }
}

/* A path that ends where a page comes and goes, so that who reads it a piece at a time gets half of one. */
static const char *path_at_edge(struct weather *weather)
{
    size_t before = 1 + below(weather, 8);

    return shifting + PAGE - before;
}

static const char *path_to_change(struct weather *weather)
{
    static char longest[2 * PAGE];

    if (!longest[0])
        memset(longest, 'x', sizeof(longest) - 1);
    switch (below(weather, 12)) {
    case 0:
        return wrong_pointer(weather);
    case 1:
        return path_at_edge(weather);
    case 2:
        return longest + below(weather, PAGE * 2);
    default:
        return paths[below(weather, COUNT(paths))];
    }
}

static const char *path_to_read(struct weather *weather)
{
    return below(weather, 3) ? path_to_change(weather) : read_paths[below(weather, COUNT(read_paths))];
}

static void *memory(struct weather *weather)
{
    return below(weather, 3) ? shifting + 2 * PAGE + below(weather, PAGE / 2) : wrong_pointer(weather);
}

static socklen_t any_address(struct weather *weather, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *internet = (struct sockaddr_in *)ret_address;
    struct sockaddr_un *local = (struct sockaddr_un *)ret_address;

    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->ss_family = (sa_family_t)(below(weather, 8) ? AF_INET : below(weather, 50));
    if (below(weather, 3)) {
        internet->sin_port = htons(port);
        internet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(*internet);
    }
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, "socket", sizeof("socket"));
    return (socklen_t)below(weather, sizeof(*local) + 20);
}

/* --- calls --- */

/* A signal may come before anybody has received the notification: then there was no call. */
static void make_mark(struct weather *weather)
{
    if (syscall(SYS_getpriority, MARK, weather->number * MARKS_PER_THREAD + weather->marks) < 0 && errno == EINVAL)
        weather->marks++;
}

/* What was opened gets one of the numbers that are played with. */
static void place(struct weather *weather, int fd)
{
    if (fd < 0)
        return;
    syscall(SYS_dup3, fd, FD_FIRST + (int)below(weather, FD_COUNT), below(weather, 2) ? O_CLOEXEC : 0);
    close(fd);
}

static void open_something(struct weather *weather)
{
    /* Nothing waits for long: SIGALRM comes. */
    uint64_t flags = below(weather, 4) ? below(weather, 2) * O_CLOEXEC : draw(weather) & 0x7fffff;
    bool changes = flags & (O_CREAT | O_TRUNC | O_ACCMODE) || below(weather, 2);
    const char *path = changes ? path_to_change(weather) : path_to_read(weather);
    struct open_how how = {.flags = flags, .mode = flags & O_CREAT ? 0600 : 0, .resolve = below(weather, 64)};

    flags |= O_NOCTTY;
    switch (below(weather, 5)) {
    case 0:
        place(weather, (int)syscall(SYS_open, path, flags | O_NONBLOCK, 0666));
        break;
    case 1:
        place(weather, (int)syscall(SYS_creat, path_to_change(weather), below(weather, 07777)));
        break;
    case 2:
        place(weather, (int)syscall(SYS_openat2, below(weather, 2) ? AT_FDCWD : any_fd(weather), path,
                                    below(weather, 4) ? &how : memory(weather),
                                    below(weather, 4) ? sizeof(how) : below(weather, 2 * PAGE)));
        break;
    default:
        place(weather, (int)syscall(SYS_openat, below(weather, 2) ? AT_FDCWD : any_fd(weather), path, flags,
                                    below(weather, 07777)));
        break;
    }
}

static void change_names(struct weather *weather)
{
    const char *one = path_to_change(weather), *other = path_to_change(weather);
    static const int calls[] = {SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_chmod, SYS_truncate, SYS_mknod};

    if (below(weather, 2))
        syscall(calls[below(weather, COUNT(calls))], one, below(weather, 0777), 0);
    else if (below(weather, 2))
        syscall(below(weather, 2) ? SYS_rename : SYS_link, one, other);
    else
        syscall(SYS_symlink, one, other);
}

static void look_at_names(struct weather *weather)
{
    static const int calls[] = {SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_statfs, SYS_getxattr};

    syscall(calls[below(weather, COUNT(calls))], path_to_read(weather), memory(weather), memory(weather),
            below(weather, 200));
    syscall(SYS_statx, any_fd(weather), path_to_read(weather), draw(weather), below(weather, PAGE), memory(weather));
}

static void use_files(struct weather *weather)
{
    static const int calls[] = {SYS_fstat,     SYS_lseek,  SYS_fsync,      SYS_getdents64,
                                SYS_ftruncate, SYS_fchdir, SYS_getsockname};
    int fd = any_fd(weather);

    switch (below(weather, 6)) {
    case 0:
        syscall(SYS_write, fd < 3 ? -1 : fd, memory(weather), below(weather, 300));
        break;
    case 1:
        syscall(SYS_read, fd < 3 ? -1 : fd, memory(weather), below(weather, 300));
        break;
    case 2:
        syscall(SYS_readv, fd < 3 ? -1 : fd, memory(weather), below(weather, 2000));
        break;
    case 3:
        syscall(SYS_fcntl, fd, below(weather, 2) ? F_SETFL : F_SETLEASE, below(weather, 2) ? O_NONBLOCK : F_WRLCK);
        break;
    case 4:
        if (fd >= FD_FIRST)
            close(fd);
        break;
    default:
        syscall(calls[below(weather, COUNT(calls))], fd, memory(weather), below(weather, 300));
        break;
    }
}

static void use_sockets(struct weather *weather)
{
    struct sockaddr_storage address;
    socklen_t size = any_address(weather, &address);
    int type = (below(weather, 2) ? SOCK_STREAM : SOCK_DGRAM) | (below(weather, 4) ? SOCK_NONBLOCK : 0);
    int fd = any_fd(weather);

    if (below(weather, 2))
        place(weather, socket(below(weather, 3) ? AF_INET : AF_UNIX, type, 0));
    syscall(SYS_connect, fd, below(weather, 4) ? (void *)&address : memory(weather),
            below(weather, 8) ? size : (uint32_t)draw(weather));
    syscall(SYS_setsockopt, fd, SOL_SOCKET, below(weather, 60), memory(weather), below(weather, 100));
    if (!below(weather, 4))
        syscall(SYS_sendto, fd, memory(weather), below(weather, 100), MSG_NOSIGNAL | MSG_DONTWAIT, &address, size);
    syscall(SYS_recvmsg, fd, memory(weather), MSG_DONTWAIT);
}

/* Who one is, or what one sees. */
static void change_self(struct weather *weather)
{
    static const char *const directories[] = {".", "d0", "d1"};

    switch (below(weather, 8)) {
    case 0:
        umask((mode_t)below(weather, 01000));
        break;
    case 1:
        syscall(SYS_chroot, path_to_read(weather));
        break;
    case 2:
        syscall(SYS_setresuid, below(weather, 2) ? getuid() : below(weather, 3), -1, -1);
        break;
    case 3:
        prctl(PR_SET_DUMPABLE, below(weather, 4) != 0, 0, 0, 0);
        break;
    case 4:
        prctl(PR_SET_NAME, memory(weather), 0, 0, 0);
        break;
    case 5:
        syscall(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY);
        break;
    case 6:
        syscall(SYS_landlock_restrict_self, any_fd(weather), 0);
        break;
    default:
        if (weather->is_leaf)
            syscall(SYS_chdir, directories[below(weather, COUNT(directories))]);
        syscall(SYS_unshare, weather->is_leaf ? below(weather, 2) * CLONE_FS | below(weather, 2) * CLONE_FILES |
                                                    (below(weather, 8) ? 0 : CLONE_NEWUSER)
                                              : CLONE_THREAD);
        break;
    }
}

/* Numbers without a meaning here, of this ABI and of others. None of them is a call. */
static void call_nonsense(struct weather *weather)
{
    long result;

    switch (below(weather, 3)) {
    case 0:
        syscall((long)(600 + below(weather, 5000)), draw(weather), draw(weather), draw(weather));
        break;
    case 1:
        syscall(0x40000000 | SYS_getppid);
        break;
    default:
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(64), "b"((int)draw(weather)) : "memory"); /* i386's getppid */
        (void)result;
        break;
    }
}

static void any_call(struct weather *weather)
{
    static void (*const calls[])(struct weather *) = {open_something, open_something, open_something, change_names,
                                                      look_at_names,  use_files,      use_files,      use_sockets,
                                                      change_self,    call_nonsense,  make_mark,      make_mark};

    calls[below(weather, COUNT(calls))](weather);
}

/* --- children --- */

static _Noreturn void end_somehow(struct weather *weather)
{
    switch (below(weather, 4)) {
    case 0:
        syscall(SYS_exit, below(weather, 256));
        break;
    case 1:
        kill(getpid(), SIGKILL);
        break;
    case 2:
        kill(getpid(), SIGSEGV);
        break;
    default:
        break;
    }
    _exit((int)below(weather, 256));
}

static void execute(struct weather *weather)
{
    char seed[24];
    char *self[] = {program, seed, NULL}, *environment[] = {"A=b", NULL};
    char **argv = below(weather, 4) ? self : memory(weather);

    (void)snprintf(seed, sizeof(seed), "%u", (unsigned)draw(weather));
    syscall(SYS_execve, path_to_read(weather), self, memory(weather));
    if (below(weather, 4))
        syscall(SYS_execve, program, argv, environment);
    else
        syscall(SYS_execveat, AT_FDCWD, program, self, below(weather, 2) ? environment : memory(weather), 0);
}

static void *execute_in_thread(void *weather)
{
    execute(weather);
    return NULL;
}

static void disarm(void)
{
    struct itimerval none = {0};

    setitimer(ITIMER_REAL, &none, NULL);
    alarm(5); /* whatever it has come to wait for; execs keep it */
    signal(SIGALRM, SIG_DFL);
}

static _Noreturn void be_child(struct weather *weather)
{
    pthread_t other;

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    disarm();
    weather->is_leaf = true;
    weather->number = THREADS_MAX;
    for (uint64_t left = below(weather, LEAF_CALLS); left; left--)
        any_call(weather);
    if (!below(weather, 4) && pthread_create(&other, NULL, execute_in_thread, weather) == 0)
        pthread_join(other, NULL);
    else if (below(weather, 2))
        execute(weather);
    end_somehow(weather);
}

/* A child that shares our memory does nothing with it. */
static long clone_somehow(struct weather *weather)
{
    struct clone_args args = {.flags = below(weather, 2) ? CLONE_PARENT_SETTID : 0, .exit_signal = SIGCHLD};
    static pid_t unused;

    args.parent_tid = (uint64_t)(uintptr_t)&unused;
    switch (below(weather, 6)) {
    case 0:
        return syscall(SYS_clone3, wrong_pointer(weather), below(weather, 2 * PAGE)) == 0 ? 0 : -1;
    case 1:
        return syscall(SYS_clone3, &args, sizeof(args));
    case 2:
        return syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    case 3:
        return syscall(SYS_clone, CLONE_FS | CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    default:
        return syscall(SYS_fork);
    }
}

static void make_child(struct weather *weather)
{
    bool shall_die = !below(weather, 4);
    char *self[] = {program, "5", NULL};
    long pid;

    if (!below(weather, 4)) {
        pid = vfork();
        if (pid == 0) {
            execve(program, self, NULL);
            _exit(9);
        }
    } else {
        pid = clone_somehow(weather);
        if (pid == 0)
            be_child(weather);
    }
    if (pid <= 0)
        return;
    if (shall_die) {
        usleep((useconds_t)below(weather, 3000));
        kill((pid_t)pid, SIGKILL);
    }
    while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR && !atomic_load(&is_over))
        ;
}

static void *end_raw(void *data)
{
    struct weather *weather = data;

    atomic_store(weather->brief, gettid());
    any_call(weather);
    syscall(SYS_exit, 0);
    return NULL;
}

/* A thread that lives for a call. */
static void make_thread(struct weather *weather)
{
    struct weather other = {
        .state = draw(weather) | 1, .number = THREADS_MAX, .is_leaf = true, .brief = &weather->helper};
    pthread_t id;

    if (pthread_create(&id, NULL, end_raw, &other) == 0)
        pthread_join(id, NULL);
    atomic_store(&weather->helper, 0);
}

/* --- all of it --- */

static void on_signal(int number)
{
    int error = errno;

    (void)number;
    syscall(SYS_getppid);
    close((int)syscall(SYS_open, "f0", O_RDONLY));
    errno = error;
}

static void *blow(void *data)
{
    struct weather *weather = data;

    while (!atomic_load(&is_over)) {
        uint64_t what = below(weather, 100);

        if (what < 2)
            make_child(weather);
        else if (what < 3)
            make_thread(weather);
        else if (what < 5)
            syscall(SYS_tgkill, getpid(), gettid() - 1 + (int)below(weather, 3), SIGUSR1);
        else if (what < 8)
            mprotect(shifting + PAGE, PAGE, below(weather, 2) ? PROT_NONE : PROT_READ | PROT_WRITE);
        else
            any_call(weather);
    }
    make_mark(weather);
    atomic_fetch_add(&done_count, 1);
    return NULL;
}

static void bound(void)
{
    static const struct {
        int resource;
        rlim_t limit;
    } limits[] = {{RLIMIT_FSIZE, 1 << 20}, {RLIMIT_CORE, 0},     {RLIMIT_CPU, 300},
                  {RLIMIT_NOFILE, 256},    {RLIMIT_NPROC, 1000}, {RLIMIT_DATA, 1 << 30}};

    for (size_t i = 0; i < COUNT(limits); i++)
        setrlimit(limits[i].resource, &(struct rlimit){limits[i].limit, limits[i].limit});
}

static void prepare(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)!(mkdir("d0", 0700) | mkdir("d1", 0700) | mkdir("d1/d2", 0700) | mkdir("secret", 0) | mkfifo("fifo", 0600));
    (void)!(symlink("f0", "link") | symlink("nothing", "dangling") | symlink("loop", "loop"));
    close(open("f0", O_CREAT | O_CLOEXEC, 0600));
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 5) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &(socklen_t){sizeof(address)}) < 0) {
        perror("socket");
        exit(1);
    }
    port = ntohs(address.sin_port);
}

static void map_shifting(void)
{
    shifting = mmap(NULL, (size_t)4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shifting == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memset(shifting, 'y', PAGE);
}

static void arm(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval timer = {.it_interval.tv_usec = 7000, .it_value.tv_usec = 7000}; /* for the main thread */

    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGIO, SIG_IGN); /* of leases */
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* What an exec begins: a few calls more, and an end. */
static int be_leaf(const char *seed)
{
    struct weather weather = {
        .state = strtoull(seed, NULL, 10) * 2654435761U + 1, .number = THREADS_MAX, .is_leaf = true};

    alarm(5);
    map_shifting();
    for (uint64_t left = below(&weather, LEAF_CALLS); left; left--)
        any_call(&weather);
    end_somehow(&weather);
}

static int start(const char *seed, int threads)
{
    for (int i = 0; i < threads; i++) {
        weathers[i].state = ((strtoull(seed, NULL, 10) + 1) * 6364136223846793005U + (uint64_t)i * 2) | 1;
        weathers[i].number = i;
        if (pthread_create(&weathers[i].id, NULL, blow, &weathers[i]) != 0)
            return -1;
    }
    return 0;
}

/* Whoever waits for something is told not to. */
static void rouse(int threads)
{
    usleep(5000);
    for (int i = 0; i < threads; i++) {
        pid_t helper = atomic_load(&weathers[i].helper);

        pthread_kill(weathers[i].id, SIGUSR1);
        if (helper) /* by now it may be gone, or another of ours: to each it is the same */
            (void)tgkill(getpid(), helper, SIGUSR1);
    }
}

static bool await_all(int threads)
{
    time_t end = time(NULL) + PATIENCE_S;

    while (atomic_load(&done_count) < threads && time(NULL) < end)
        rouse(threads);
    return atomic_load(&done_count) == threads;
}

int main(int argc, char **argv)
{
    int threads = argc == 4 ? atoi(argv[3]) : 0;
    long marks = 0;

    program = "/proc/self/exe";
    if (argc != 4)
        return be_leaf(argc ? argv[argc - 1] : "1");
    if (threads < 1 || threads > THREADS_MAX) {
        (void)fprintf(stderr, "usage: %s SEED SECONDS THREADS\n", argv[0]);
        return 2;
    }
    bound();
    prepare();
    map_shifting();
    arm();
    if (start(argv[1], threads) < 0)
        return 1;
    for (time_t end = time(NULL) + atoi(argv[2]); time(NULL) < end;)
        rouse(threads);
    atomic_store(&is_over, true);
    if (!await_all(threads)) {
        printf("threads that hang: %d\n", threads - atomic_load(&done_count));
        return 43;
    }
    for (int i = 0; i < threads; i++)
        marks += weathers[i].marks;
    printf("marks %ld\n", marks);
    return 42;
}
