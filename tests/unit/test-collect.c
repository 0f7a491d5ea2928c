// SPDX-License-Identifier: Apache-2.0
/* From a call to its record: the target is this very process, read as a tracer would. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/collect.h"
#include "decoder/decode/record.h"

static struct encoder encoder;
static struct record record;
static struct kept kept;
static struct collect_limits limits = {.snaplen = 80, .string_vector_max = 16384};

/* Page by page, so that an unmapped one ends the copy where it begins. */
static size_t read_self(void *target, void *to, uint64_t address, size_t size)
{
    size_t done = 0;

    (void)target;
    while (done < size) {
        uint64_t at = address + done;
        size_t piece = 4096 - at % 4096;
        struct iovec local = {(char *)to + done, piece < size - done ? piece : size - done};
        struct iovec remote = {(void *)(uintptr_t)at, local.iov_len}; // NOLINT(performance-no-int-to-ptr)

        if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
            break;
        done += local.iov_len;
    }
    return done;
}

static size_t read_self_string(void *target, char *to, uint64_t address, size_t size)
{
    return read_self(target, to, address, size);
}

static int file_of_self(void *target, int fd, char *path, size_t room, size_t *ret_size, uint32_t *ret_dev,
                        uint64_t *ret_ino)
{
    (void)target;
    (void)room;
    if (fd != 7)
        return -EBADF;
    memcpy(path, "/real", 5);
    *ret_size = 5;
    *ret_dev = 0x801;
    *ret_ino = 99;
    return 0;
}

static const struct collect_ops ops = {
    .read = read_self,
    .read_string = read_self_string,
    .file = file_of_self,
};

static struct call make_call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, int64_t result)
{
    return (struct call){
        .row = call_row(AUDIT_ARCH_X86_64, nr),
        .args = {a, b, c, 0, 0, 0},
        .result = result,
        .arch = AUDIT_ARCH_X86_64,
        .nr = nr,
    };
}

static void finish(void)
{
    size_t size;
    const uint8_t *bytes = encoder_finish(&encoder, &size);

    cr_assert_eq(record_read(&record, sysfold_schema_builtin(), bytes, size, false), (int)size);
}

static void enter(const struct call *call)
{
    collect_entry(&ops, NULL, &limits, call, &kept);
}

static void leave(const struct call *call)
{
    collect_exit(&ops, NULL, &limits, call, &kept, 1, 2, &encoder);
    finish();
}

static struct sysfold_value param(unsigned index)
{
    struct sysfold_value value;

    cr_assert_eq(record_param(&record, index, &value), 0);
    return value;
}

static void assert_bytes(unsigned index, const char *expected, size_t size)
{
    struct sysfold_value value = param(index);

    cr_assert_eq(value.status, SYSFOLD_PRESENT);
    cr_assert_eq(value.size, size, "%zu bytes instead of %zu", value.size, size);
    cr_assert_eq(memcmp(value.data, expected, size), 0);
}

static void forget(void)
{
    kept_finish(&kept);
}

TestSuite(collect, .fini = forget);

/* Two pages, the second of which cannot be read; the end of the first. */
static char *page_edge(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(pages, MAP_FAILED);
    munmap(pages + 4096, 4096);
    return pages + 4096;
}

Test(collect, the_path_is_the_one_at_entry_and_a_change_is_told)
{
    char path[] = "/first";
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)path, O_RDONLY, 7);

    enter(&call);
    memcpy(path, "/other", 6);
    leave(&call);
    assert_bytes(P_OPENAT_path, "/first", 6);
    cr_assert(param(P_OPENAT_path).raced);
    assert_bytes(P_OPENAT_file, "/real", 5);
    cr_assert_eq(param(P_OPENAT_ino).u, 99);
    cr_assert_eq(param(P_OPENAT_dirfd).i, AT_FDCWD);
}

Test(collect, an_unchanged_path_is_not_raced_and_the_same_file_is_not_repeated)
{
    char path[] = "/real";
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)path, O_RDONLY, 7);

    enter(&call);
    leave(&call);
    cr_assert_not(param(P_OPENAT_path).raced);
    assert_bytes(P_OPENAT_file, "", 0);
}

Test(collect, a_failed_open_has_no_file)
{
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/none", O_RDONLY, -ENOENT);

    enter(&call);
    leave(&call);
    cr_assert_eq(record.flags, SYSFOLD_EVENT_FAILED);
    assert_bytes(P_OPENAT_path, "/none", 5);
    cr_assert_eq(param(P_OPENAT_ino).status, SYSFOLD_ABSENT);
}

Test(collect, bad_pointers_are_told_from_null_ones)
{
    struct call bad = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, 1, 0, -EFAULT);
    struct call null = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, 0, 0, -EFAULT);

    enter(&bad);
    leave(&bad);
    cr_assert_eq(param(P_OPENAT_path).status, SYSFOLD_UNREADABLE);
    enter(&null);
    leave(&null);
    cr_assert_eq(param(P_OPENAT_path).status, SYSFOLD_NULL);
}

Test(collect, a_string_may_end_with_its_page)
{
    char *edge = page_edge();
    struct call whole = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)(edge - 4), 0, -ENOENT);
    struct call open_ended = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)(edge - 4), 0, -EFAULT);

    memcpy(edge - 4, "abc", 4);
    enter(&whole);
    leave(&whole);
    assert_bytes(P_OPENAT_path, "abc", 3);
    cr_assert_not(param(P_OPENAT_path).truncated);
    memcpy(edge - 4, "abcd", 4);
    enter(&open_ended);
    leave(&open_ended);
    assert_bytes(P_OPENAT_path, "abcd", 4);
    cr_assert(param(P_OPENAT_path).truncated);
    munmap(edge - 4096, 4096);
}

Test(collect, data_is_as_long_as_the_result_and_cut_at_the_snaplen)
{
    char data[200];
    struct call call = make_call(ROW_READ, 3, (uintptr_t)data, sizeof(data), 5);

    memset(data, 'x', sizeof(data));
    leave(&call);
    assert_bytes(P_READ_data, "xxxxx", 5);
    cr_assert_not(param(P_READ_data).truncated);
    call.result = 200;
    leave(&call);
    cr_assert_eq(param(P_READ_data).size, 80);
    cr_assert(param(P_READ_data).truncated);
    call.result = 0;
    leave(&call);
    assert_bytes(P_READ_data, "", 0);
    cr_assert_not(param(P_READ_data).truncated);
    call.result = -EIO;
    leave(&call);
    cr_assert_eq(param(P_READ_data).status, SYSFOLD_ABSENT);
}

Test(collect, a_foreign_call_keeps_its_number_and_raw_arguments)
{
    struct call call = make_call(0, 1, 2, 3, -EBADF);

    call.arch = AUDIT_ARCH_I386;
    call.nr = 3; /* read there, close here */
    call.row = call_row(call.arch, call.nr);
    enter(&call);
    leave(&call);
    cr_assert_eq(record.row->number, ROW_SYSCALL);
    cr_assert_eq(param(P_SYSCALL_arch).u, AUDIT_ARCH_I386);
    cr_assert_eq(param(P_SYSCALL_nr).u, 3);
    cr_assert_eq(param(P_SYSCALL_a2).u, 3);
    cr_assert_eq(param(P_SYSCALL_res).i, -EBADF);
}

Test(collect, an_unfinished_call_has_its_arguments_and_no_result)
{
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/fifo", O_RDONLY, 0);

    enter(&call);
    collect_unfinished(&call, &kept, 1, 2, &encoder);
    finish();
    assert_bytes(P_OPENAT_path, "/fifo", 5);
    cr_assert_eq(param(P_OPENAT_dirfd).i, AT_FDCWD);
    cr_assert_eq(param(P_OPENAT_res).status, SYSFOLD_ABSENT);
    cr_assert_eq(param(P_OPENAT_ino).status, SYSFOLD_ABSENT);
}

/* The first byte shows that all parts came together in order; empty parts and the snaplen are respected. */
Test(collect, gathered_data_is_one_piece)
{
    char one[] = "one", two[100];
    struct iovec parts[4] = {{one, 3}, {NULL, 0}, {two, sizeof(two)}, {one, 3}};
    struct call call = make_call(ROW_WRITEV, 1, (uintptr_t)parts, 2, 3);

    memset(two, '2', sizeof(two));
    leave(&call);
    assert_bytes(P_WRITEV_data, "one", 3);
    call.args[2] = 4;
    call.result = 106;
    leave(&call);
    cr_assert_eq(param(P_WRITEV_data).size, 80);
    cr_assert(param(P_WRITEV_data).truncated);
    cr_assert_eq(memcmp(param(P_WRITEV_data).data, "one222", 6), 0);
}

Test(collect, what_was_read_ends_with_the_result)
{
    char one[10] = "abcdefghi", two[10] = "jklmnopqr";
    struct iovec parts[2] = {{one, 10}, {two, 10}};
    struct call call = make_call(ROW_READV, 0, (uintptr_t)parts, 2, 12);

    leave(&call);
    assert_bytes(P_READV_data, "abcdefghi\0jk", 12);
    cr_assert_not(param(P_READV_data).truncated);
}

Test(collect, absurd_iovecs_do_no_harm)
{
    struct iovec parts[2] = {{(void *)8, SIZE_MAX}, {(void *)8, SIZE_MAX}};
    struct call many = make_call(ROW_WRITEV, 0, (uintptr_t)parts, UINT64_MAX, -EINVAL);
    struct call nowhere = make_call(ROW_WRITEV, 0, 8, 3, -EFAULT);

    leave(&many);
    cr_assert(param(P_WRITEV_data).truncated);
    leave(&nowhere);
    cr_assert_eq(param(P_WRITEV_data).status, SYSFOLD_UNREADABLE);
}

Test(collect, a_message_has_name_data_and_control)
{
    char name[4] = {2, 0, 0, 80}, control[24] = {24}, data[] = "data";
    struct iovec part = {data, 4};
    struct msghdr header = {.msg_name = name,
                            .msg_namelen = 4,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = 24};
    struct call call = make_call(ROW_SENDMSG, 5, (uintptr_t)&header, 0, 4);

    leave(&call);
    assert_bytes(P_SENDMSG_data, "data", 4);
    assert_bytes(P_SENDMSG_addr, name, 4);
    assert_bytes(P_SENDMSG_control, control, 24);
    header.msg_name = NULL;
    leave(&call);
    cr_assert_eq(param(P_SENDMSG_addr).status, SYSFOLD_NULL);
}

Test(collect, an_accepted_address_is_as_long_as_the_kernel_says_but_not_longer_than_one_can_be)
{
    char address[200] = {1, 0, 'x'};
    uint32_t length = 3;
    struct call call = make_call(ROW_ACCEPT, 3, (uintptr_t)address, (uintptr_t)&length, 9);

    leave(&call);
    assert_bytes(P_ACCEPT_addr, address, 3);
    length = UINT32_MAX;
    leave(&call);
    cr_assert_eq(param(P_ACCEPT_addr).size, sizeof(struct sockaddr_storage));
    cr_assert(param(P_ACCEPT_addr).truncated);
}

Test(collect, arguments_and_environment_are_kept_in_order_and_cut_whole)
{
    char *argv[] = {"cat", "", "/etc/passwd", NULL};
    char *envp[] = {NULL};
    struct call call = make_call(ROW_EXECVE, (uintptr_t) "/bin/cat", (uintptr_t)argv, (uintptr_t)envp, 0);

    enter(&call);
    argv[0] = "dog"; /* the new image has other memory there */
    leave(&call);
    assert_bytes(P_EXECVE_path, "/bin/cat", 8);
    assert_bytes(P_EXECVE_argv, "cat\0\0/etc/passwd", 17);
    assert_bytes(P_EXECVE_envp, "", 0);
    cr_assert_eq(record.raced, 0);
    limits.string_vector_max = 8;
    enter(&call);
    leave(&call);
    cr_assert(param(P_EXECVE_argv).truncated);
    cr_assert_leq(param(P_EXECVE_argv).size, 8);
    limits.string_vector_max = 16384;
}

Test(collect, a_vector_without_end_ends_at_its_limit)
{
    static char *argv[5000];
    struct call call = make_call(ROW_EXECVE, (uintptr_t) "/x", (uintptr_t)argv, 0, -E2BIG);

    for (size_t i = 0; i < 5000; i++)
        argv[i] = "0123456789";
    enter(&call);
    leave(&call);
    cr_assert(param(P_EXECVE_argv).truncated);
    cr_assert_leq(param(P_EXECVE_argv).size, 16384);
    cr_assert_gt(param(P_EXECVE_argv).size, 16384 - 11);
    cr_assert_eq(param(P_EXECVE_envp).status, SYSFOLD_NULL);
}

Test(collect, fd_sets_have_as_many_longs_as_bits_ask_for)
{
    uint64_t set[2] = {1, 2};
    struct call call = make_call(ROW_SELECT, 65, (uintptr_t)set, 0, 1);

    leave(&call);
    assert_bytes(P_SELECT_readfds, (char *)set, 16);
    cr_assert_eq(param(P_SELECT_writefds).status, SYSFOLD_NULL);
    call.args[0] = UINT64_MAX;
    leave(&call);
    cr_assert_leq(param(P_SELECT_readfds).size, 4096);
}

/* What is told of a call that was seen once, before the kernel acted. */

static int sockets_of_self(void *target, int fd, uint8_t ret_pair[257])
{
    (void)target;
    memcpy(ret_pair, "\1a\2b", 4);
    return fd == 7 ? 4 : -ENOTSOCK;
}

static const struct collect_ops knowing = {
    .read = read_self,
    .read_string = read_self_string,
    .file = file_of_self,
    .sockets = sockets_of_self,
};

static void pass(const struct call *call)
{
    collect_passed(&ops, NULL, &limits, call, &kept);
}

static void tell(const struct call *call, bool has_result)
{
    collect_told(&knowing, NULL, call, has_result, &kept, 1, 2, &encoder);
    finish();
}

static void assert_status(unsigned index, enum sysfold_status status)
{
    cr_assert_eq(param(index).status, status, "parameter %u of %s: %d", index, record.row->name,
                 (int)param(index).status);
}

Test(collect, what_was_passed_is_told_though_the_memory_has_changed)
{
    char path[] = "/first", data[] = "data";
    struct call open = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)path, O_RDONLY, 7);
    struct call write = make_call(ROW_WRITE, 1, (uintptr_t)data, 4, 2);

    pass(&open);
    memcpy(path, "/other", 6);
    tell(&open, true);
    assert_bytes(P_OPENAT_path, "/first", 6);
    cr_assert_not(param(P_OPENAT_path).raced, "nobody looked again");
    assert_bytes(P_OPENAT_file, "/real", 5);
    cr_assert_eq(param(P_OPENAT_ino).u, 99);
    cr_assert_eq(param(P_OPENAT_res).i, 7);
    pass(&write);
    memset(data, 'x', 4);
    tell(&write, true);
    assert_bytes(P_WRITE_data, "data", 4);
    cr_assert_eq(param(P_WRITE_res).i, 2);
}

Test(collect, without_a_result_there_is_none_nor_what_only_a_success_has)
{
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/a", O_RDONLY, 7);

    pass(&call);
    tell(&call, false);
    cr_assert_eq(record.flags & SYSFOLD_EVENT_FAILED, 0);
    assert_bytes(P_OPENAT_path, "/a", 2);
    cr_assert_eq(param(P_OPENAT_flags).u, O_RDONLY);
    assert_status(P_OPENAT_res, SYSFOLD_ABSENT);
    assert_status(P_OPENAT_dev, SYSFOLD_ABSENT);
    assert_status(P_OPENAT_file, SYSFOLD_ABSENT);
}

Test(collect, a_failed_call_is_told_as_one)
{
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/none", O_RDONLY, -ENOENT);

    pass(&call);
    tell(&call, true);
    cr_assert_eq(record.flags, SYSFOLD_EVENT_FAILED);
    assert_bytes(P_OPENAT_path, "/none", 5);
    cr_assert_eq(param(P_OPENAT_res).i, -ENOENT);
    assert_status(P_OPENAT_ino, SYSFOLD_ABSENT);
}

Test(collect, descriptors_are_asked_about_only_where_somebody_can_answer)
{
    char address[16] = {2, 0, 0, 80};
    struct call connect = make_call(ROW_CONNECT, 7, (uintptr_t)address, 16, 0);
    struct call open = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/a", O_RDONLY, 7);

    pass(&connect);
    tell(&connect, true);
    assert_bytes(P_CONNECT_addr, address, 16);
    assert_bytes(P_CONNECT_sockets, "\1a\2b", 4);
    connect.result = -ECONNREFUSED;
    tell(&connect, true);
    assert_status(P_CONNECT_sockets, SYSFOLD_ABSENT);
    pass(&open);
    collect_told(NULL, NULL, &open, true, &kept, 1, 2, &encoder);
    finish();
    assert_bytes(P_OPENAT_path, "/a", 2);
    cr_assert_eq(param(P_OPENAT_res).i, 7);
    assert_status(P_OPENAT_file, SYSFOLD_ABSENT);
    assert_status(P_OPENAT_ino, SYSFOLD_ABSENT);
}

Test(collect, a_structure_is_kept_field_by_field)
{
    uint64_t how[3] = {O_CREAT | O_WRONLY, 0640, 8};
    struct call call = make_call(ROW_OPENAT2, (uint64_t)AT_FDCWD, (uintptr_t) "/new", (uintptr_t)how, 7);

    pass(&call);
    memset(how, 0xff, sizeof(how));
    tell(&call, true);
    cr_assert_eq(param(P_OPENAT2_flags).u, O_CREAT | O_WRONLY);
    cr_assert_eq(param(P_OPENAT2_mode).u, 0640);
    cr_assert_eq(param(P_OPENAT2_resolve).u, 8);
    assert_bytes(P_OPENAT2_path, "/new", 4);
    call.args[2] = 0;
    pass(&call);
    tell(&call, true);
    assert_status(P_OPENAT2_flags, SYSFOLD_NULL);
    call.args[2] = (uintptr_t)page_edge() - 12; /* flags, and half of mode */
    pass(&call);
    tell(&call, true);
    assert_status(P_OPENAT2_flags, SYSFOLD_PRESENT);
    assert_status(P_OPENAT2_resolve, SYSFOLD_UNREADABLE);
}

Test(collect, vectors_and_messages_are_kept)
{
    char one[] = "one", name[4] = {2, 0, 0, 80}, control[24] = {24};
    char *argv[] = {"ls", "-l", NULL};
    struct iovec parts[2] = {{one, 3}, {one, 3}};
    struct msghdr header = {.msg_name = name,
                            .msg_namelen = 4,
                            .msg_iov = parts,
                            .msg_iovlen = 2,
                            .msg_control = control,
                            .msg_controllen = 24};
    struct call writev = make_call(ROW_WRITEV, 1, (uintptr_t)parts, 2, 0);
    struct call sendmsg = make_call(ROW_SENDMSG, 5, (uintptr_t)&header, 0, 6);
    struct call execve = make_call(ROW_EXECVE, (uintptr_t) "/bin/ls", (uintptr_t)argv, 0, 0);

    pass(&writev);
    tell(&writev, true);
    assert_bytes(P_WRITEV_data, "oneone", 6);
    pass(&sendmsg);
    memset(&header, 0, sizeof(header));
    tell(&sendmsg, true);
    assert_bytes(P_SENDMSG_data, "oneone", 6);
    assert_bytes(P_SENDMSG_addr, name, 4);
    assert_bytes(P_SENDMSG_control, control, 24);
    pass(&execve);
    tell(&execve, false);
    assert_bytes(P_EXECVE_path, "/bin/ls", 7);
    assert_bytes(P_EXECVE_argv, "ls\0-l", 6);
    assert_status(P_EXECVE_envp, SYSFOLD_NULL);
}

Test(collect, what_the_kernel_writes_is_not_told)
{
    char data[16] = "old";
    uint64_t fds[2] = {1}, timeout[2] = {1, 2}, mask = 4;
    int64_t offset = 5;
    uint32_t capabilities[2] = {_LINUX_CAPABILITY_VERSION_3, 9};
    struct call read = make_call(ROW_READ, 3, (uintptr_t)data, 16, 3);
    struct call ppoll = make_call(ROW_PPOLL, (uintptr_t)fds, 1, (uintptr_t)timeout, 1);
    struct call sendfile = make_call(ROW_SENDFILE, 3, 4, (uintptr_t)&offset, 1);
    struct call capget = make_call(ROW_CAPGET, (uintptr_t)capabilities, 0, 0, 0);

    pass(&read);
    tell(&read, true);
    assert_status(P_READ_data, SYSFOLD_ABSENT);
    cr_assert_not(row_passes_memory(read.row));
    ppoll.args[3] = (uintptr_t)&mask;
    pass(&ppoll);
    tell(&ppoll, true);
    assert_status(P_PPOLL_timeout, SYSFOLD_ABSENT);
    assert_status(P_PPOLL_fds, SYSFOLD_ABSENT);
    cr_assert_eq(param(P_PPOLL_sigmask).u, 4);
    pass(&sendfile);
    tell(&sendfile, true);
    assert_status(P_SENDFILE_offset, SYSFOLD_ABSENT);
    pass(&capget);
    tell(&capget, true);
    assert_status(P_CAPGET_header, SYSFOLD_PRESENT);
    capabilities[0] = 1; /* the kernel answers with its own version there */
    pass(&capget);
    tell(&capget, true);
    assert_status(P_CAPGET_header, SYSFOLD_ABSENT);
}

Test(collect, hostile_lengths_are_cut)
{
    static char data[70000];
    struct call write = make_call(ROW_WRITE, 1, (uintptr_t)data, UINT64_MAX, -EFAULT);
    struct call connect = make_call(ROW_CONNECT, 7, (uintptr_t)data, UINT64_MAX, -EINVAL);
    struct call groups = make_call(ROW_SETGROUPS, UINT64_MAX, (uintptr_t)data, 0, -EINVAL);
    struct call clone3 = make_call(ROW_CLONE3, (uintptr_t)data, UINT64_MAX, 0, -E2BIG);
    struct call bad = make_call(ROW_WRITE, 1, UINT64_MAX - 2, 100, -EFAULT);

    pass(&write);
    tell(&write, true);
    cr_assert_eq(param(P_WRITE_data).size, limits.snaplen);
    cr_assert(param(P_WRITE_data).truncated);
    pass(&connect);
    tell(&connect, true);
    cr_assert_eq(param(P_CONNECT_addr).size, sizeof(struct sockaddr_storage));
    pass(&groups);
    tell(&groups, true);
    cr_assert_eq(param(P_SETGROUPS_groups).size, 4096);
    pass(&clone3);
    tell(&clone3, true);
    cr_assert_eq(param(P_CLONE3_args).size, 4096);
    pass(&bad);
    tell(&bad, true);
    assert_status(P_WRITE_data, SYSFOLD_UNREADABLE);
}

Test(collect, what_was_kept_is_found)
{
    uint64_t how[3] = {O_RDONLY, 0, 8};
    struct call call = make_call(ROW_OPENAT2, (uint64_t)AT_FDCWD, (uintptr_t) "/a", (uintptr_t)how, 7);
    size_t size = 1000;
    bool cut = true;
    const uint8_t *bytes;

    pass(&call);
    bytes = kept_find(&kept, P_OPENAT2_path, &size, &cut);
    cr_assert_not_null(bytes);
    cr_assert_eq(size, 2);
    cr_assert_not(cut);
    cr_assert_eq(memcmp(bytes, "/a", 2), 0);
    cr_assert_eq(*kept_find(&kept, P_OPENAT2_resolve, &size, &cut), 8);
    cr_assert_eq(size, 8);
    size = 1000;
    cr_assert_null(kept_find(&kept, P_OPENAT2_res, &size, &cut));
    call.args[1] = 0;
    pass(&call);
    cr_assert_null(kept_find(&kept, P_OPENAT2_path, &size, &cut), "NULL was passed");
    cr_assert_eq(size, 1000, "untouched");
}

Test(collect, the_memory_is_used_again)
{
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t) "/a", O_RDONLY, 7);
    const uint8_t *bytes;

    pass(&call);
    bytes = kept.bytes;
    for (int i = 0; i < 1000; i++)
        pass(&call);
    cr_assert_eq(kept.bytes, bytes);
}

/* Every row, with arguments that make sense where they point somewhere. */

static char text[] = "/some/where";
static char *texts[] = {text, "else", NULL};
static struct iovec pieces[] = {{text, 5}, {text, 3}, {NULL, 0}};
static struct msghdr message = {
    .msg_name = text, .msg_namelen = 6, .msg_iov = pieces, .msg_iovlen = 2, .msg_control = text, .msg_controllen = 4};
static uint32_t words[1024];

static uint64_t pointer_of(const struct sysfold_param *param)
{
    switch (param->source) {
    case SOURCE_USER_STRING:
    case SOURCE_USER_STRING_WHEN:
        return (uintptr_t)text;
    case SOURCE_USER_IOVEC:
        return (uintptr_t)pieces;
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
        return (uintptr_t)&message;
    case SOURCE_USER_STRING_VECTOR:
        return (uintptr_t)texts;
    case SOURCE_USER_BYTES:
    case SOURCE_USER_ARRAY:
    case SOURCE_USER_SOCKADDR:
    case SOURCE_USER_SOCKADDR_OUT:
    case SOURCE_USER_FIXED:
        return (uintptr_t)words;
    default:
        return 0;
    }
}

static struct call sensible_call(unsigned nr)
{
    struct call call = make_call(nr, 3, 3, 3, 7);

    for (unsigned i = 0; i < 1024; i++)
        words[i] = i * 3 + 1;
    words[0] = _LINUX_CAPABILITY_VERSION_3;
    call.args[3] = call.args[4] = call.args[5] = 3;
    for (unsigned index = 0; index < call.row->param_count; index++) {
        const struct sysfold_param *param = &call.row->params[index];

        if (!pointer_of(param))
            continue;
        call.args[param->a] = pointer_of(param);
        if (param->source == SOURCE_USER_STRING_WHEN)
            call.args[0] = param->b;
    }
    return call;
}

static bool is_output(const struct sysfold_row *row, const struct sysfold_param *param)
{
    return pointer_of(param) && (param->moment == MOMENT_SUCCESS || param_is_updated(row, param));
}

static void assert_told_alike(const struct call *call)
{
    static struct encoder exit_encoder;
    static struct record at_exit;
    const uint8_t *bytes;
    size_t size;

    collect_entry(&knowing, NULL, &limits, call, &kept);
    collect_exit(&knowing, NULL, &limits, call, &kept, 1, 2, &exit_encoder);
    bytes = encoder_finish(&exit_encoder, &size);
    cr_assert_eq(record_read(&at_exit, sysfold_schema_builtin(), bytes, size, false), (int)size);
    pass(call);
    tell(call, true);
    cr_assert_eq(record.flags & SYSFOLD_EVENT_FAILED, at_exit.flags & SYSFOLD_EVENT_FAILED);
    for (unsigned index = 0; index < call->row->param_count; index++) {
        const struct sysfold_param *row_param = &call->row->params[index];
        struct sysfold_value told = param(index), seen;

        cr_assert_eq(record_param(&at_exit, index, &seen), 0);
        if (is_output(call->row, row_param)) {
            assert_status(index, SYSFOLD_ABSENT);
            continue;
        }
        cr_assert(told.status == seen.status && told.u == seen.u && told.size == seen.size &&
                      told.truncated == seen.truncated && (!told.size || !memcmp(told.data, seen.data, told.size)),
                  "%s: %s", call->row->name, row_param->name);
        if (pointer_of(row_param))
            cr_assert_eq(told.status, SYSFOLD_PRESENT, "%s: %s", call->row->name, row_param->name);
    }
}

Test(collect, every_row_tells_what_is_passed_as_at_its_exit)
{
    unsigned rows = 0, passing = 0;

    for (unsigned nr = 0; nr < ROW_SYSCALL_MAX; nr++) {
        struct call call;
        bool passes = false;

        if (!row_builtin(nr))
            continue;
        call = sensible_call(nr);
        assert_told_alike(&call);
        call.result = -EINVAL;
        assert_told_alike(&call);
        for (unsigned index = 0; index < call.row->param_count; index++)
            passes |= pointer_of(&call.row->params[index]) && !is_output(call.row, &call.row->params[index]);
        cr_assert_eq(row_passes_memory(call.row), passes, "%s", call.row->name);
        rows++;
        passing += passes;
    }
    cr_assert_gt(rows, 250);
    cr_assert_gt(passing, 100);
}

/* Before the call there is no result, and nothing that is passed can be as long as it. */
Test(collect, nothing_that_is_passed_is_as_long_as_the_result)
{
    for (unsigned nr = 0; nr < ROW_SYSCALL_MAX; nr++) {
        const struct sysfold_row *row = row_builtin(nr);

        for (unsigned index = 0; row && index < row->param_count; index++) {
            const struct sysfold_param *param = &row->params[index];
            bool has_length = param->source == SOURCE_USER_BYTES || param->source == SOURCE_USER_ARRAY ||
                              param->source == SOURCE_USER_IOVEC || param->source == SOURCE_MSG_DATA;

            if (has_length && !is_output(row, param))
                cr_assert_not(param->b == LENGTH_RESULT || (param->b >= LENGTH_WITHIN && param->b < LENGTH_WITHIN + 6),
                              "%s: %s", row->name, param->name);
        }
    }
}
