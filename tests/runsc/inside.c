// SPDX-License-Identifier: Apache-2.0
/* inside tree|network|threads: a static program for a bare root, which says what the capture of it must say as well:
 *
 *   process PID PPID exit STATUS      process PID PPID signal SIGNAL
 *   server PID PORT                   client PID BYTES
 *   thread TID
 */

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 1000
#define THREADS 4
#define STATUS_MAX 7

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* At once: what is buffered would be written by each child again. */
static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (vdprintf(STDOUT_FILENO, format, arguments) < 0)
        err(1, "write");
    va_end(arguments);
}

static pid_t fork_child(void)
{
    pid_t pid = fork();

    if (pid < 0)
        err(1, "fork");
    return pid;
}

static void await(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid)
        err(1, "waitpid");
    if (WIFEXITED(status))
        say("process %d %d exit %d\n", pid, getpid(), WEXITSTATUS(status));
    else
        say("process %d %d signal %d\n", pid, getpid(), WTERMSIG(status));
}

/* Has a child of its own, and ends as it did. */
static void be_parent(void)
{
    pid_t pid = fork_child();

    if (pid == 0)
        _exit(STATUS_MAX);
    await(pid);
    _exit(STATUS_MAX - 1);
}

static int grow_tree(void)
{
    pid_t parent = fork_child(), killed;

    if (parent == 0)
        be_parent();
    await(parent);
    killed = fork_child();
    if (killed == 0)
        for (;;)
            pause();
    if (kill(killed, SIGKILL) < 0)
        err(1, "kill");
    await(killed);
    return STATUS_MAX - 2;
}

static void be_client(const struct sockaddr_in *server)
{
    char bytes[BYTES] = {0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)) < 0)
        err(1, "connect");
    if (send(fd, bytes, sizeof(bytes), 0) != BYTES)
        err(1, "send");
    say("client %d %d\n", getpid(), BYTES);
    _exit(0);
}

static int serve(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0), peer;
    char bytes[BYTES];
    ssize_t count;
    pid_t client;

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, length) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        err(1, "listen");
    say("server %d %d\n", getpid(), ntohs(address.sin_port));
    client = fork_child();
    if (client == 0)
        be_client(&address);
    peer = accept(fd, NULL, NULL);
    if (peer < 0)
        err(1, "accept");
    while ((count = recv(peer, bytes, sizeof(bytes), 0)) > 0)
        continue;
    await(client);
    return 0;
}

static void *be_thread(void *unused)
{
    (void)unused;
    say("thread %d\n", (int)syscall(SYS_gettid));
    return NULL;
}

static int run_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, be_thread, NULL) != 0)
            errx(1, "pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "tree") == 0)
        return grow_tree();
    if (strcmp(what, "network") == 0)
        return serve();
    if (strcmp(what, "threads") == 0)
        return run_threads();
    errx(2, "usage: inside tree|network|threads");
}
