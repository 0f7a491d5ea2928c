// SPDX-License-Identifier: Apache-2.0
/* From a call to its record: the target is this very process, read as a tracer would. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
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
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)"/none", O_RDONLY, -ENOENT);

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
    struct call call = make_call(ROW_OPENAT, (uint64_t)AT_FDCWD, (uintptr_t)"/fifo", O_RDONLY, 0);

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
    struct msghdr header = {.msg_name = name, .msg_namelen = 4, .msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = control, .msg_controllen = 24};
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
    struct call call = make_call(ROW_EXECVE, (uintptr_t)"/bin/cat", (uintptr_t)argv, (uintptr_t)envp, 0);

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
    struct call call = make_call(ROW_EXECVE, (uintptr_t)"/x", (uintptr_t)argv, 0, -E2BIG);

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
