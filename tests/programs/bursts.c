// SPDX-License-Identifier: Apache-2.0
/* bursts N: N times, after a rest, five writes of much data, and a call with none before and after each. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char data[50000];

int main(int argc, char **argv)
{
    int sink = open("/dev/null", O_WRONLY);
    ssize_t written = 0;

    memset(data, 1, sizeof(data));
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--) {
        usleep(60000);
        syscall(SYS_getppid);
        for (int j = 0; j < 5; j++) {
            written += write(sink, data, sizeof(data));
            syscall(SYS_getppid);
        }
    }
    return written > 0 ? 0 : 1;
}
