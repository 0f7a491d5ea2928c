// SPDX-License-Identifier: Apache-2.0
/* Opening that waits: a FIFO's end waits for the other; a signal interrupts it, and the kernel may start it again. */

#include <sched.h>

#include "here.h"

static long opener;
static int handled;

static void note(int signo, siginfo_t *info)
{
    (void)info;
    __atomic_store_n(&handled, signo, __ATOMIC_RELEASE);
}

static void before(void)
{
    struct stat made;

    here_find();
    here_make("made", "made", &made);
    if (mkfifo("fifo", 0600) < 0)
        kit_fail("it cannot make a FIFO");
}
BEFORE(before)

/* While the opener sleeps in that call. */
static void interrupt_by(int signo, long nr)
{
    kit_wait_asleep(opener, nr);
    OK(tgkill, opener, opener, signo);
    while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) != signo)
        ;
}

static void partner(void *data)
{
    long fd;

    (void)data;
    interrupt_by(SIGUSR1, SYS_open);
    interrupt_by(SIGUSR2, SYS_openat);
    kit_wait_asleep(opener, SYS_openat);
    fd = OK_SAYING(SAID(TEXT("file", here("fifo"))), open, "fifo", O_WRONLY, 0);
    OK(write, fd, "from the other end", 18);
    EXIT_GROUP(0);
}

SCENARIO
{
    char text[32];
    long fd, other;

    FAILS(ENXIO, open, "fifo", O_WRONLY | O_NONBLOCK, 0);
    opener = kit_tid();
    kit_handle(SIGUSR1, 0, note);
    kit_handle(SIGUSR2, SA_RESTART, note);
    other = kit_clone(CLONE_VM | SIGCHLD, partner, NULL); /* which shares memory, but no descriptors */
    FAILS(EINTR, open, "fifo", O_RDONLY, 0);
    OK(access, "made", F_OK);
    fd = OK_SAYING(SAID(TEXT("file", here("fifo"))), openat, AT_FDCWD, "fifo", O_RDONLY, 0);
    OK(read, fd, text, sizeof(text));
    kit_descriptors();
    OK(close, fd);
    if (kit_reap(other))
        kit_fail("the other did not end well");
}
