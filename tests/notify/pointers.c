// SPDX-License-Identifier: Apache-2.0
/*
 * Calls with pointers that lead nowhere, half out of memory, or to what another thread changes meanwhile: prints what
 * each returned, which is the same whoever watches. Calls that would wait are left out.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const long calls[] = {
    SYS_open,
    SYS_openat,
    SYS_openat2,
    SYS_creat,
    SYS_stat,
    SYS_lstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_access,
    SYS_faccessat,
    SYS_readlink,
    SYS_chdir,
    SYS_mkdir,
    SYS_rmdir,
    SYS_unlink,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_chmod,
    SYS_chown,
    SYS_truncate,
    SYS_mknod,
    SYS_statfs,
    SYS_utimensat,
    SYS_connect,
    SYS_bind,
    SYS_sendto,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendmmsg,
    SYS_write,
    SYS_writev,
    SYS_pwritev,
    SYS_read,
    SYS_readv,
    SYS_pipe,
    SYS_pipe2,
    SYS_socketpair,
    SYS_execve,
    SYS_execveat,
    SYS_mount,
    SYS_umount2,
    SYS_chroot,
    SYS_setxattr,
    SYS_getxattr,
    SYS_clone3,
    SYS_epoll_ctl,
    SYS_getcwd,
    SYS_uname,
    SYS_getrandom,
    SYS_rt_sigaction,
    SYS_setgroups,
    SYS_prlimit64,
    SYS_memfd_create,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_init_module,
    SYS_quotactl,
    SYS_name_to_handle_at,
};

/* The call with the pointer as each of its arguments, the others being harmless. */
static void try_call(long nr, const char *name, uintptr_t pointer)
{
    for (unsigned place = 0; place < 4; place++) {
        long args[4] = {-1, 0, 0, 0};
        long result;

        args[place] = (long)pointer;
        errno = 0;
        result = syscall(nr, args[0], args[1], args[2], args[3], 0, 0);
        printf("%ld %s %u: %ld %d\n", nr, name, place, result < 0 ? result : 0, errno);
        if (result > 2 && nr <= SYS_openat2 && result < 100)
            close((int)result);
    }
}

static atomic_bool done;

static void *flip(void *data)
{
    char *path = data;

    for (unsigned i = 0; !done; i++)
        memcpy(path, i % 2 ? "/etc/passwd" : "/etc/group\0", 12);
    return NULL;
}

static void change_meanwhile(void)
{
    static char path[32] = "/etc/passwd";
    pthread_t thread;
    long wrong = 0;

    if (pthread_create(&thread, NULL, flip, path))
        return;
    for (int i = 0; i < 2000; i++) {
        int fd = open(path, O_RDONLY);

        if (fd < 0)
            wrong += errno != ENOENT; /* half of each */
        else
            close(fd);
    }
    done = true;
    pthread_join(thread, NULL);
    printf("%ld wrong\n", wrong);
}

int main(void)
{
    /* At places of their own: the pointers' numbers are in what some calls return. */
    const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    char *page = mmap((char *)0x20000000, 2 * PAGE, PROT_READ | PROT_WRITE, how, -1, 0);
    char *hidden = mmap((char *)0x30000000, PAGE, PROT_NONE, how, -1, 0);
    const struct {
        const char *name;
        uintptr_t address;
    } pointers[] = {
        {"NULL", 0},
        {"one", 1},
        {"kernel", 0xffff888000000000},
        {"not canonical", 0x8000000000000000},
        {"last", UINTPTR_MAX},
        {"end of user", 0x7fffffffffff},
        {"unmapped", (uintptr_t)page + PAGE},
        {"edge", (uintptr_t)page + PAGE - 3},
        {"hidden", (uintptr_t)hidden},
    };

    if (page == MAP_FAILED || hidden == MAP_FAILED)
        return 77;
    memset(page, 'x', PAGE);
    munmap(page + PAGE, PAGE);
    for (size_t i = 0; i < COUNT(calls); i++) {
        for (size_t j = 0; j < COUNT(pointers); j++)
            try_call(calls[i], pointers[j].name, pointers[j].address);
    }
    change_meanwhile();
    return 0;
}
