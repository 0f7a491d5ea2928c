// SPDX-License-Identifier: Apache-2.0
/* strace's output as a stream: each kind of line, each kind of argument, and what is no such output. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sysfold/compare.h>

#include "common/cleanup.h"
#include "witness-kit.h"

#define EXPECT(LOG, TOLD) EXPECT_TOLD(sysfold_strace_open, LOG, TOLD)
#define EXPECT_PART(LOG, PART) EXPECT_IN(sysfold_strace_open, LOG, PART)

/* Lines. */

Test(strace, calls_results_and_an_end)
{
    EXPECT("7 open(\"here\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3\n"
           "7 read(3, \"a\\0\\377\\n\\\"\\\\\", 4096)      = 6\n"
           "7 write(99, \"hello\"..., 500)       = -1 EBADF (Bad file descriptor)\n"
           "7 brk(NULL)                         = 0x55d7ffae7000\n"
           "7 umask(022)                        = 077\n"
           "7 exit_group(3)                     = ?\n"
           "7 +++ exited with 3 +++\n",
           "7 open(flags=O_RDWR|O_CREAT|O_CLOEXEC, mode=0600, path=\"here\") = 3\n"
           "7 read(fd=3<here>, size=4096, data=\"a\\x00\\xff\\n\\\"\\\\\") = 6\n"
           "7 write(fd=99, size=500, data=\"hello\"...) = -1 EBADF (Bad file descriptor)\n"
           "7 brk(addr=NULL) = 0x55d7ffae7000\n"
           "7 umask(mask=022) = 077\n"
           "7 exit_group(status=3) = ?\n"
           "7 thread_exit(pid=7, status=exited(3))\n"
           "7 process_exit(pid=7, status=exited(3))\n");
}

Test(strace, births_come_before_what_the_child_does)
{
    EXPECT("7 getppid() = 3\n"
           "7 fork( <unfinished ...>\n"
           "8 getpid() = 8\n"
           "7 <... fork resumed>) = 8\n"
           "7 vfork( <unfinished ...>\n"
           "9 exit_group(0 <unfinished ...>\n"
           "7 <... vfork resumed>) = 9\n"
           "7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, parent_tid=[10], tls=0x5, "
           "child_tidptr=0x6) = 10\n"
           "8 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 11\n"
           "10 clone3({flags=CLONE_PARENT|CLONE_PIDFD, pidfd=0x1, exit_signal=SIGUSR1, stack=NULL, stack_size=0} => "
           "{pidfd=[3]}, 88) = 12\n",
           "7 getppid() = 3\n"
           "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD)\n"
           "8 getpid() = 8\n"
           "7 fork() = 8\n"
           "9 thread_start(pid=9, ppid=7, parent_tid=7, flags=SIGCHLD|CLONE_VM|CLONE_VFORK)\n"
           "7 vfork() = 9\n"
           "10 thread_start(pid=7, ppid=3, parent_tid=7, flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD)\n"
           "7 clone(flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD, stack=0x7f, child_tid=0x6, tls=0x5) = 10\n"
           "11 thread_start(pid=11, ppid=8, parent_tid=8, flags=SIGCHLD|CLONE_CHILD_CLEARTID)\n"
           "8 clone(flags=SIGCHLD|CLONE_CHILD_CLEARTID, stack=NULL, child_tid=0x7f) = 11\n"
           "12 thread_start(pid=12, ppid=3, parent_tid=10, flags=CLONE_PIDFD|CLONE_PARENT|0xa)\n"
           "10 clone3(size=88, args={flags=CLONE_PIDFD|CLONE_PARENT, pidfd=0x1}...) = 12\n"
           "9 exit_group(status=0) = ?\n");
}

Test(strace, a_child_may_be_seen_before_its_parent)
{
    EXPECT("8 close(1) = 0\n7 fork() = 8\n8 close(2) = 0\n",
           "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD)\n"
           "8 close(fd=1) = 0\n"
           "7 fork() = 8\n"
           "8 close(fd=2) = 0\n");
}

Test(strace, a_tid_that_is_used_again_is_another_thread)
{
    EXPECT(
        "7 fork() = 8\n8 +++ exited with 0 +++\n7 vfork( <unfinished ...>\n8 +++ killed by SIGSEGV (core dumped) +++\n"
        "7 <... vfork resumed>) = 8\n",
        "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD)\n"
        "7 fork() = 8\n"
        "8 thread_exit(pid=8, status=exited(0))\n"
        "8 process_exit(pid=8, status=exited(0))\n"
        "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD|CLONE_VM|CLONE_VFORK)\n"
        "8 thread_exit(pid=8, status=killed(SIGSEGV, core))\n"
        "8 process_exit(pid=8, status=killed(SIGSEGV, core))\n"
        "7 vfork() = 8\n");
}

Test(strace, an_exec_by_a_thread_makes_it_the_leader)
{
    EXPECT("7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD) = 8\n"
           "8 execve(\"/bin/x\", [\"x\", \"y\"], 0x7ff /* 2 vars */ <unfinished ...>\n"
           "7 pause( <unfinished ...>\n"
           "7 +++ superseded by execve in pid 8 +++\n"
           "7 <... execve resumed>) = 0\n"
           "7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD) = 9\n"
           "9 execve(\"/bin/y\", NULL, NULL <pid changed to 7 ...>\n"
           "7 +++ superseded by execve in pid 9 +++\n"
           "7 <... execve resumed>) = 0\n"
           "7 execve(\"/bin/z\", NULL, [\"A=1\"...]) = -1 ENOENT (No such file or directory)\n",
           "8 thread_start(pid=7, parent_tid=7, flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD)\n"
           "7 clone(flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD, stack=0x7f) = 8\n"
           "7 pause() = ?\n"
           "7 exec(pid=7, old_tid=8)\n"
           "7 execve(path=\"/bin/x\", argv=[\"x\", \"y\"]) = 0\n"
           "9 thread_start(pid=7, parent_tid=7, flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD)\n"
           "7 clone(flags=CLONE_VM|CLONE_SIGHAND|CLONE_THREAD, stack=0x7f) = 9\n"
           "7 exec(pid=7, old_tid=9)\n"
           "7 execve(path=\"/bin/y\", argv=NULL, envp=NULL) = 0\n"
           "7 execve(path=\"/bin/z\", argv=NULL, envp=1 variable...) = -1 ENOENT (No such file or directory)\n");
}

Test(strace, signals_with_what_they_say)
{
    EXPECT("7 --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=7, si_uid=0} ---\n"
           "7 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10} ---\n"
           "7 --- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---\n"
           "7 --- SIGTRAP {si_signo=SIGTRAP, si_code=SI_KERNEL, si_addr=NULL} ---\n"
           "7 --- SIGRT_2 {si_signo=SIGRT_2, si_code=SI_TKILL, si_pid=1, si_uid=2} ---\n"
           "7 --- stopped by SIGSTOP ---\n"
           "7 rt_sigreturn({mask=[]}) = -1 EINTR (Interrupted system call)\n",
           "7 signal(signo=SIGUSR1, code=SI_USER, sender=7, uid=0)\n"
           "7 signal(signo=SIGSEGV, code=SEGV_MAPERR, addr=0x10)\n"
           "7 signal(signo=SIGALRM, code=SI_KERNEL)\n"
           "7 signal(signo=SIGTRAP, code=SI_KERNEL)\n"
           "7 signal(signo=SIGRT_2, code=SI_TKILL, sender=1, uid=2)\n"
           "7 rt_sigreturn() = -1 EINTR (Interrupted system call)\n");
}

Test(strace, results_of_every_kind)
{
    EXPECT_PART("7 read(3, 0x7f, 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n",
                "read(fd=3, size=1) = ? ERESTARTSYS (to be restarted)");
    EXPECT_PART("7 pause() = ? ERESTARTNOHAND (To be restarted if no handler)\n",
                "pause() = ? ERESTARTNOHAND (to be restarted)");
    EXPECT_PART("7 close(3) = ? <unavailable>\n", "close(fd=3) = ?");
    EXPECT_PART("7 close(3) = -1 (errno 1000)\n", "close(fd=3) = -1 errno 1000");
    EXPECT_PART("7 dup(3</a, (b>) = 4</a, (b>\n", "dup(fd=3) = 4");
    EXPECT_PART("7 lseek(3, -1, SEEK_END) = 5000000000 <0.000012>\n", "whence=SEEK_END) = 5000000000");
    EXPECT_PART("7 fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)\n", "cmd=F_GETFL) = 32770");
    EXPECT_PART("7 getpid() = 7 /* 8 in strace's PID NS */\n", "getpid() = 7");
    EXPECT_PART("7 mmap(NULL, 8192*1024, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (x)\n",
                "length=8388608, prot=PROT_NONE, flags=MAP_PRIVATE|MAP_ANONYMOUS, fd=-1, offset=0) = -1 ENOMEM");
    EXPECT_PART("7 close(3) = 0 (INJECTED)\n", "close(fd=3) = 0");
}

/* Shapes of output. */

Test(strace, every_kind_of_time_in_front)
{
    EXPECT("7 12:34:56 close(3) = 0\n7 12:34:56.123456 close(4) = 0\n7 1700000000.123456 close(5) = 0\n"
           "7      0.000123 close(6) = 0\n7 12:34:56 (+     0.000123) close(7) = 0\n7<sh> close(8) = 0\n",
           "7 close(fd=3) = 0\n7 close(fd=4) = 0\n7 close(fd=5) = 0\n7 close(fd=6) = 0\n7 close(fd=7) = 0\n"
           "7 close(fd=8) = 0\n");
}

Test(strace, lines_without_a_tid_are_the_only_thread_s)
{
    EXPECT("execve(\"/bin/x\", [\"x\"], 0x7f /* 1 var */) = 0\n"
           "set_tid_address(0x7f) = 7\n"
           "vfork(strace: Process 8 attached\n <unfinished ...>\n"
           "[pid     8] close(3) = 0\n"
           "[pid     8] +++ exited with 1 +++\n"
           "<... vfork resumed>) = 8\n"
           "some words of the program's own: close(\n"
           "fork(strace: Process 9 attached\n) = 9\n"
           "[pid 7] exit_group(0) = ?\n"
           "[pid 7] +++ exited with 0 +++\n"
           "close(5) = 0\n",
           "7 exec(pid=7, old_tid=7)\n"
           "7 execve(path=\"/bin/x\", argv=[\"x\"]) = 0\n"
           "7 set_tid_address(tidptr=0x7f) = 7\n"
           "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD|CLONE_VM|CLONE_VFORK)\n"
           "8 close(fd=3) = 0\n"
           "8 thread_exit(pid=8, status=exited(1))\n"
           "8 process_exit(pid=8, status=exited(1))\n"
           "7 vfork() = 8\n"
           "9 thread_start(pid=9, ppid=7, parent_tid=7, flags=SIGCHLD)\n"
           "7 fork() = 9\n"
           "7 exit_group(status=0) = ?\n"
           "7 thread_exit(pid=7, status=exited(0))\n"
           "7 process_exit(pid=7, status=exited(0))\n"
           "9 close(fd=5) = 0\n");
}

Test(strace, foreign_calls_are_known_by_their_names)
{
    EXPECT("7 execve(\"/bin/x\", [\"x\"], 0x7f /* 1 var */) = 0\n"
           "7 brk(NULL) = 0x1000\n"
           "7 mmap2(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0x1000) = 0xf7000000\n"
           "7 close(3) = -1 EBADF (Bad file descriptor)\n",
           "7 exec(pid=7, old_tid=7)\n"
           "7 execve(path=\"/bin/x\", argv=[\"x\"]) = 0\n"
           "7 i386:brk(arch=i386, nr=45, a0=0x0) = 4096\n"
           "7 i386:mmap2(arch=i386, nr=192, a0=0x0, a1=0x1000, a2=0x1, a3=0x2, a4=0xffffffff) = 4143972352\n"
           "7 i386:close(arch=i386, nr=6, a0=0x3) = -1 EBADF (Bad file descriptor)\n");
    EXPECT("7 close(1) = 0\n[ Process PID=7 runs in 32 bit mode. ]\n7 close(2) = 0\n"
           "[ Process PID=7 runs in 64 bit mode. ]\n7 close(3) = 0\n",
           "7 close(fd=1) = 0\n7 i386:close(arch=i386, nr=6, a0=0x2) = 0\n7 close(fd=3) = 0\n");
    EXPECT("7 [ Process PID=7 runs in x32 mode. ]\n7 close(1) = 0\n",
           "7 x32:close(arch=x86_64, nr=1073741827, a0=0x1) = 0\n");
    EXPECT("7 syscall_0x1f4(0x1, 0x2) = -1 ENOSYS (Function not implemented)\n",
           "7 syscall_500(arch=x86_64, nr=500, a0=0x1, a1=0x2) = -1 ENOSYS (Function not implemented)\n");
    EXPECT("7 keyctl(KEYCTL_X, 5) = 0\n", "7 keyctl(arch=x86_64, nr=250, a1=0x5) = 0\n");
}

Test(strace, what_was_not_seen_to_begin_or_end)
{
    EXPECT("7 <... read resumed>\"abc\", 4) = 3\n", "7 read() = 3\n");
    EXPECT("7 read(3,  <unfinished ...>\n7 +++ killed by SIGKILL +++\n",
           "7 read(fd=3) = ?\n7 thread_exit(pid=7, status=killed(SIGKILL))\n"
           "7 process_exit(pid=7, status=killed(SIGKILL))\n");
    EXPECT("7 open(\"x\", O_RDONLY <unfinished ...>\n", "7 open(flags=O_RDONLY, path=\"x\") = ?\n");
    EXPECT("7 exit_group(0 <ptrace(SYSCALL):No such process>\n", "7 exit_group(status=0) = ?\n");
    EXPECT_PART("7 close(1) = 0\n7 --- \n7 --- SIG\n7 +++ \n7 execve(\n7 <... \n", "7 close(fd=1) = 0\n");
    EXPECT("7 pause( <detached ...>\n", "7 pause() = ?\n");
    EXPECT("7 close(1) = 0\n7 dup2(10, 11", "7 close(fd=1) = 0\n7 dup2(fd=10) = ?\n");
    EXPECT("7 close(1) = 0\n7 write(1, \"abc", "7 close(fd=1) = 0\n7 write(fd=1) = ?\n");
    EXPECT("7 read(3,  <unfinished ...>\n8 read(4,  <unfinished ...>\n", "7 read(fd=3) = ?\n8 read(fd=4) = ?\n");
}

/* Arguments. */

Test(strace, numbers_flags_and_names)
{
    EXPECT_PART("7 openat(AT_FDCWD</tmp>, \"x\", O_RDONLY|0x80000000) = 3\n",
                "openat(dirfd=AT_FDCWD, flags=O_RDONLY|0x80000000, path=\"x\")");
    EXPECT_PART("7 mknod(\"x\", S_IFCHR|0600, makedev(0x1, 0x103)) = 0\n", "mode=S_IFCHR|0600, dev=1:259");
    EXPECT_PART("7 futex(0x7f, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 1, NULL, FUTEX_BITSET_MATCH_ANY) = 0\n",
                "op=FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME, val=1, timeout=0x0, val3=0xffffffff");
    EXPECT_PART("7 ioctl(1, SNDCTL_TMR_TIMEBASE or TCGETS, 0x7f) = 0\n", "request=TCGETS, arg=0x7f");
    EXPECT_PART("7 ioctl(1, _IOC(_IOC_READ|_IOC_WRITE, 0x12, 0x34, 0x5), {x=1}) = 0\n", "request=0xc0051234)");
    EXPECT_PART("7 prctl(0x5359534d /* PR_??? */, 0x1, 0, 0, 0) = -1 EINVAL (Invalid argument)\n",
                "prctl(option=0x5359534d, arg2=0x1, arg3=0x0, arg4=0x0, arg5=0x0) = -1 EINVAL");
    EXPECT_PART("7 prctl(PR_SET_NAME, \"worker\") = 0\n", "prctl(option=PR_SET_NAME, name=\"worker\")");
    EXPECT_PART("7 shmget(IPC_PRIVATE, 1<<12, IPC_CREAT|0600) = 1\n", "key=0x0, size=4096, flags=IPC_CREAT|0x180");
    EXPECT_PART("7 kill(7, SIGRT_1) = 0\n", "sig=SIGRT_1");
    EXPECT_PART("7 setuid(4294967295) = 0\n", "uid=-1");
    EXPECT("7 flock(3, LOCK_NEW) = 0\n", "7 flock(fd=3) = 0\n");
    EXPECT("7 preadv2(3, [], 0, 5, RWF_HIPRI) = 0\n",
           "7 preadv2(fd=3, iovcnt=0, offset=5, flags=RWF_HIPRI, data=\"\") = 0\n");
}

Test(strace, strings_and_what_is_no_string)
{
    EXPECT_PART("7 chdir(\"\\x2f\\x74\\6x\\0101\\e\") = 0\n", "path=\"/t\\x06x\\x081e\"");
    EXPECT_PART("7 chdir(0x7f) = -1 EFAULT (Bad address)\n", "7 chdir() = -1 EFAULT");
    EXPECT_PART("7 chdir(NULL) = -1 EFAULT (Bad address)\n", "path=NULL");
    EXPECT("7 chdir(\"/a\"x) = 0\n", "7 chdir() = 0\n");
    EXPECT_PART("7 execve(\"x\", [\"a\", \"b\"..., \"c\"], [/* 3 vars */]) = -1 ENOENT (x)\n",
                "argv=[\"a\", \"b\"]...");
    EXPECT_PART("7 execve(\"x\", [\"a\", ...], NULL) = -1 ENOENT (x)\n", "argv=[\"a\"]..., envp=NULL");
    EXPECT_PART("7 execve(\"x\", [\"a\", 0x5], NULL) = -1 EFAULT (x)\n", "argv=[\"a\"]...");
    EXPECT_PART(
        "7 writev(1, [{iov_base=\"ab\", iov_len=2}, {iov_base=\"\", iov_len=0}, {iov_base=\"c\", iov_len=1}], 3) = 3\n",
        "data=\"abc\"");
    EXPECT_PART("7 writev(1, [{iov_base=\"ab\", iov_len=2}, {iov_base=0x7, iov_len=3}], 2) = 2\n", "data=\"ab\"...");
    EXPECT_PART("7 flistxattr(3, \"user.a\\0user.b\\0\", 100) = 14\n", "names=[\"user.a\", \"user.b\"]");
}

Test(strace, buffers_are_as_long_as_the_call_says)
{
    EXPECT_PART("7 getxattr(\"x\", \"user.a\", \"\", 512) = 1\n", "value=\"\\x00\"");
    EXPECT_PART("7 fgetxattr(3, \"user.a\", \"abc\", 0) = 3\n", "value=\"\"");
    EXPECT_PART("7 write(3, \"abc\"..., 5) = 5\n", "data=\"abc\"...");
    EXPECT_PART("7 splice(3, [5], 4, NULL, 9, 0) = 9\n", "fd_in=3, fd_out=4, off_out=NULL");
    EXPECT_PART("7 splice(3, [5], 4, NULL, 9, 0) = -1 EINVAL (x)\n", "off_in=5");
    EXPECT_PART("7 poll([{fd=1, events=POLLIN}], 1, 5) = -1 EINTR (x)\n", "poll(nfds=1, timeout=5) = -1 EINTR");
}

Test(strace, structures)
{
    EXPECT_PART("7 pipe2([3, 4], O_CLOEXEC) = 0\n", "fds=[3, 4], flags=O_CLOEXEC");
    EXPECT_PART("7 pipe2([3</p>, 4<pipe:[7]>], 0) = 0\n", "fds=[3, 4]");
    EXPECT_PART("7 nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0\n", "req={sec=1, nsec=5}, rem=NULL");
    EXPECT_PART(
        "7 utimensat(3, \"x\", [{tv_sec=0, tv_nsec=1} /* 1970-01-01T00:00:00+0000 */, {tv_sec=2, tv_nsec=3}], 0) = 0\n",
        "times=[{sec=0, nsec=1}, {sec=2, nsec=3}]");
    EXPECT("7 utimensat(3, NULL, [UTIME_NOW, {tv_sec=2, tv_nsec=3}], 0) = 0\n",
           "7 utimensat(dirfd=3, flags=0, path=NULL) = 0\n");
    EXPECT_PART(
        "7 setitimer(ITIMER_REAL, {it_interval={tv_sec=1, tv_usec=2}, it_value={tv_sec=3, tv_usec=4}}, NULL) = 0\n",
        "new_value={interval={sec=1, usec=2}, value={sec=3, usec=4}}, old_value=NULL");
    EXPECT_PART("7 prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0\n",
                "new_limit=NULL, old_limit={cur=8388608, max=RLIM_INFINITY}");
    EXPECT_PART("7 rt_sigprocmask(SIG_BLOCK, ~[KILL RT_1], [], 8) = 0\n", "oldset=[]");
    EXPECT_PART("7 rt_sigprocmask(SIG_BLOCK, [INT CHLD], NULL, 8) = 0\n", "set=[INT CHLD], oldset=NULL");
    EXPECT_PART(
        "7 rt_sigaction(SIGINT, {sa_handler=0x40, sa_mask=[HUP], sa_flags=SA_RESTORER|SA_RESTART, "
        "sa_restorer=0x50}, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, 8) = 0\n",
        "act={handler=0x40, flags=SA_RESTORER|SA_RESTART, mask=[HUP]}, oldact={handler=SIG_IGN, flags=0, mask=[]}");
    EXPECT_PART("7 sendfile(1, 3, [5] => [9], 4) = 4\n", "offset=9, size=4");
    EXPECT_PART("7 getresuid([1], [2], [3]) = 0\n", "ruid=1, euid=2, suid=3");
    EXPECT_PART("7 setgroups(2, [5, 6]) = 0\n", "groups=[5, 6]");
    EXPECT_PART("7 sched_setaffinity(0, 8, [0 2]) = 0\n", "cpus=[0, 2]");
    EXPECT_PART("7 msgsnd(1, {mtype=5, mtext=\"text\"}, 4, 0) = 0\n", "type=5");
    EXPECT_PART("7 openat2(3, \"x\", {flags=O_RDWR, resolve=RESOLVE_BENEATH}, 24) = 4\n",
                "flags=O_RDWR, resolve=RESOLVE_BENEATH, path=\"x\"");
    EXPECT_PART("7 waitid(P_PID, 8, {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=8, si_uid=0, si_status=SIGKILL, "
                "si_utime=0, si_stime=0}, WEXITED, NULL) = 0\n",
                "code=2, child=8, status=9, options=WEXITED");
    EXPECT_PART("7 capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN, "
                "permitted=1<<CAP_CHOWN|1<<CAP_SYSLOG, inheritable=0}) = 0\n",
                "effective=CAP_CHOWN, permitted=CAP_CHOWN|CAP_SYSLOG, inheritable=0");
    EXPECT("7 fstat(3, {st_mode=S_IFREG|0644, st_size=5, ...}) = 0\n", "7 fstat(fd=3) = 0\n");
    EXPECT_PART("7 fstat(3, 0x7f) = -1 EBADF (x)\n", "statbuf=0x7f");
}

Test(strace, wait_statuses)
{
    EXPECT_PART("7 wait4(8, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 8\n", "status=exited(3)");
    EXPECT_PART("7 wait4(8, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, NULL) = 8\n",
                "status=killed(SIGSEGV, core)");
    EXPECT_PART("7 wait4(8, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED, NULL) = 8\n",
                "status=stopped(SIGSTOP)");
    EXPECT_PART("7 wait4(8, [{WIFCONTINUED(s)}], WCONTINUED, NULL) = 8\n", "status=continued");
    EXPECT("7 wait4(8, 0x7f, WNOHANG, NULL) = 0\n", "7 wait4(pid=8, options=WNOHANG, rusage=NULL) = 0\n");
}

Test(strace, waiting_for_descriptors)
{
    EXPECT_PART(
        "7 poll([{fd=5, events=POLLIN}, {fd=6, events=POLLOUT}, {fd=-1}], 3, 5) = 1 ([{fd=6, revents=POLLOUT}])\n",
        "fds=[{fd=5, events=POLLIN, revents=0}, {fd=6, events=POLLOUT, revents=POLLOUT}, {fd=-1, events=0, revents=0}]");
    EXPECT_PART("7 poll([{fd=5, events=POLLIN}], 1, 5) = 0 (Timeout)\n", "fds=[{fd=5, events=POLLIN, revents=0}]) = 0");
    EXPECT_PART("7 select(70, [5 69], [4], NULL, {tv_sec=1, tv_usec=2}) = 1 (in [69], left {tv_sec=0, tv_usec=9})\n",
                "readfds=[69], writefds=[], exceptfds=NULL) = 1");
    EXPECT_PART("7 select(6, [5], NULL, NULL, NULL) = -1 EINTR (x)\n", "readfds=[5]");
    EXPECT_PART("7 epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data={u32=5, u64=4294967301}}) = 0\n",
                "event={events=EPOLLIN|EPOLLET, data=0x100000005}");
    EXPECT_PART("7 epoll_wait(3, [{events=EPOLLIN, data={u32=1, u64=1}}, {events=EPOLLHUP, data=0x2}], 9, -1) = 2\n",
                "events=[{events=EPOLLIN, data=0x1}, {events=EPOLLHUP, data=0x2}]");
}

Test(strace, sockets)
{
    EXPECT_PART("7 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")}, 16) = 0\n",
                "addr={family=AF_INET, addr=1.2.3.4, port=80}");
    EXPECT_PART("7 bind(3, {sa_family=AF_INET6, sin6_port=htons(9), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "
                "\"::1\", &sin6_addr), sin6_scope_id=0}, 28) = 0\n",
                "addr={family=AF_INET6, addr=::1, port=9}");
    EXPECT_PART("7 bind(3, {sa_family=AF_UNIX, sun_path=\"/run/x\"}, 110) = 0\n", "path=\"/run/x\"");
    EXPECT_PART("7 bind(3, {sa_family=AF_UNIX, sun_path=@\"abs\"}, 6) = 0\n", "path=\"@abs\", abstract=true");
    EXPECT_PART("7 bind(3, {sa_family=AF_NETLINK, nl_pid=5, nl_groups=0000000a}, 12) = 0\n",
                "addr={family=AF_NETLINK, pid=5, groups=0xa}");
    EXPECT_PART("7 accept(3, {sa_family=AF_UNIX}, [110 => 2]) = 4\n", "addr={family=AF_UNIX}");
    EXPECT_PART("7 accept(3, NULL, NULL) = 4\n", "addr=NULL");
    EXPECT_PART("7 recvfrom(3, \"x\", 1, 0, 0x7f, [128 => 0]) = 1\n", "data=\"x\", addr={}");
    EXPECT_PART("7 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n",
                "level=SOL_SOCKET, option=SO_REUSEADDR, size=4, value=\"\\x01\\x00\\x00\\x00\"");
    EXPECT_PART("7 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [8 => 4]) = 0\n",
                "size=4, value=\"o\\x00\\x00\\x00\"");
    EXPECT_PART("7 sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"ab\", iov_len=2}], msg_iovlen=1, "
                "msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[9]}], "
                "msg_controllen=24, msg_flags=0}, 0) = 2\n",
                "data=\"ab\", addr=NULL, control=[{level=SOL_SOCKET, type=SCM_RIGHTS, fds=[9]}]");
}

/* What is none. */

Test(strace, what_is_no_output_of_strace_is_refused)
{
    static const char *const logs[] = {
        "",    "\n\n", "hello\n",  "{\"truth\":1}\n", "int main(void)\n{\n    f(x);\n}\n", "nosuchcall(1) = 0\n",
        "7\n", "7 \n", "[pid 7\n", "<... \n"};

    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
        EXPECT(logs[i], "EBADMSG LOG is no output of strace: none of its lines is a call");
}

Test(strace, a_file_that_cannot_be_read_says_why)
{
    struct sysfold_stream *stream;
    struct sysfold_error error = {0};

    cr_expect_eq(sysfold_strace_open("/nowhere/log", &stream, &error), -ENOENT);
    cr_expect_str_eq(error.message, "cannot open /nowhere/log: No such file or directory");
}

/* Hostile ones. */

static char *repeated(const char *head, const char *part, size_t times, const char *tail)
{
    size_t length = strlen(part);
    char *log = malloc(strlen(head) + length * times + strlen(tail) + 1), *end;

    cr_assert(log);
    end = stpcpy(log, head);
    for (size_t i = 0; i < times; i++)
        end = stpcpy(end, part);
    stpcpy(end, tail);
    return log;
}

Test(strace, long_and_deep_lines)
{
    static const struct {
        const char *head, *part, *tail;
    } cases[] = {
        {"7 write(1, \"", "x", "\", 1048576) = 1048576\n"},
        {"7 write(1, \"", "\\377", "\", 1048576) = 1048576\n"},
        {"7 execve(\"x\", ", "[", "\n"},
        {"7 execve(\"x\", [", "\"a\", ", "\"b\"], NULL) = 0\n"},
        {"7 fcntl(1, F_SETFL, ", "O_RDWR|", "0) = 0\n"},
        {"7 fcntl(1, ", "(", ")\n"},
        {"7 rt_sigaction(SIGINT, ", "{a=", "\n"},
        {"7 poll([", "{fd=1, events=POLLIN}, ", "], 1, 1) = 1\n"},
        {"7 setgroups(1, [", "1, ", "1]) = 0\n"},
        {"7 read(1, /*", "/*", "\n"},
        {"7 ", "close(", "\n"},
        {"7 dup(1", "<", ") = 1\n"},
        {"7 close(1) = 0\n", "7 read(3,  <unfinished ...>\n", ""},
        {"7 close(1) = 0\n7 read(3,  <unfinished ...>\n", "7 <... read resumed>x, <unfinished ...>\n", ""},
        {"7 close(1) = 0\n", "7 fork() = 8\n", ""},
        {"7 close(1) = 0\n", "7 +++ superseded by execve in pid 7 +++\n", ""},
        {"7 close(1) = 0\n", "strace: Process 9 attached\n", ""},
        {"7 close(1) = 0\n", "fork(strace: Process 9 attached\n", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *log =
            repeated(cases[i].head, cases[i].part, (1u << 20) / strlen(cases[i].part), cases[i].tail);
        const char *told = told_of(sysfold_strace_open, log, strlen(log));

        cr_expect(!strncmp(told, "7 ", 2), "%s: %.100s", cases[i].head, told);
    }
}

Test(strace, lines_with_nul_and_control_characters)
{
    static const char log[] =
        "7 close(1) = 0\n7 \0close(2) = 0\n\x1b[2J\n7 wri\0te(1) = 0\n7 chdir(\"a\0b\") = 0\n7 dup(\x01) = \xff\n";

    cr_expect_str_eq(told_of(sysfold_strace_open, log, sizeof(log) - 1),
                     "7 close(fd=1) = 0\n7 chdir(path=\"a\\x00b\") = 0\n7 dup() = ?\n");
}
