// SPDX-License-Identifier: Apache-2.0
/* Calls with known arguments and results. calls N: N times getppid. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10;
    int fd, failures = 0;

    for (int i = 0; i < count; i++)
        failures += syscall(SYS_getppid) <= 0;
    fd = open("/etc/passwd", O_RDONLY | O_NOFOLLOW);
    close(fd);
    failures += openat(AT_FDCWD, "/nonexistent/file", O_WRONLY | O_CREAT, 0640) != -1 || errno != ENOENT;
    failures += openat(AT_FDCWD, (const char *)16, O_RDONLY) != -1 || errno != EFAULT;
    failures += close(-1) != -1 || errno != EBADF;
    printf("getppid %d fd %d failures %d\n", count, fd, failures);
    return 7;
}
