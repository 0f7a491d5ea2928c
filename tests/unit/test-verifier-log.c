// SPDX-License-Identifier: Apache-2.0
/* What is left of the verifier's logs: those of kernels 5.15 to 6.18, and what this machine's kernel says. */

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include <bpf/bpf.h>

#include <criterion/criterion.h>

#include "backends/ebpf/verifier-log.h"

static char digest[500];

static const char *digest_of(const char *log)
{
    return verifier_log_digest(log, digest, sizeof(digest));
}

Test(verifier_log, reasons_instruction_and_source)
{
    const char *log =
        "arg#0 reference type('UNKNOWN ') size cannot be determined: -22\n"
        "0: R1=ctx() R10=fp0\n"
        "; SEC(\"?raw_tp/sys_exit\") int far_value(void *context) @ bad.bpf.c:12\n"
        "0: (b7) r6 = 0                        ; R6=0\n"
        "2: (bf) r2 = r10                      ; R2=fp0 R10=fp0\n"
        ";  @ bad.bpf.c:0\n"
        "3: (07) r2 += -4                      ; R2=fp-4\n"
        "; return value[*value & 7]; @ bad.bpf.c:18\n"
        "8: (79) r1 = *(u64 *)(r0 +0)          ; R0=map_value(map=numbers,ks=4,vs=8) R1=scalar()\n"
        "12: (79) r6 = *(u64 *)(r0 +0)\n"
        "invalid access to map value, value_size=8 off=56 size=8\n"
        "R0 max value is outside of the allowed memory range\n"
        "processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

    cr_assert_str_eq(digest_of(log),
                     "invalid access to map value, value_size=8 off=56 size=8; R0 max value is outside of "
                     "the allowed memory range (at 12: (79) r6 = *(u64 *)(r0 +0), of: return value[*value "
                     "& 7]; @ bad.bpf.c:18)");
}

Test(verifier_log, states_are_no_reasons)
{
    const char *log =
        "; while (1) { asm volatile(\"\" ::: \"memory\"); } @ bad.bpf.c:23\n"
        "2: (05) goto pc-1\n"
        "2: (05) goto pc-1\n"
        "infinite loop detected at insn 2\n"
        "cur state: R1=0 R10=fp0 fp-8=0000????\n"
        "old state: R1=0 R10=fp0 fp-8=0000????\n"
        "verification time 153 usec\n"
        "stack depth 8\n"
        "processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n";

    cr_assert_str_eq(digest_of(log), "infinite loop detected at insn 2 (at 2: (05) goto pc-1, of: while (1) { asm "
                                     "volatile(\"\" ::: \"memory\"); } @ bad.bpf.c:23)");
}

Test(verifier_log, registers_in_front_and_behind)
{
    const char *log =
        "0: R1=ctx(off=0,imm=0) R10=fp0\n"
        "0: (b7) r1 = 0                        ; R1_w=0\n"
        "from 4 to 6: R0=inv(id=0) R10=fp0\n"
        "6: R0=inv(id=0) R10=fp0\n"
        "6: (61) r0 = *(u32 *)(r1 +0)          ; R0_w=0\n"
        "R1 invalid mem access 'scalar'\n"
        "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

    cr_assert_str_eq(digest_of(log), "R1 invalid mem access 'scalar' (at 6: (61) r0 = *(u32 *)(r1 +0))");
}

Test(verifier_log, refused_before_the_first_instruction)
{
    cr_assert_str_eq(digest_of("func#0 @0\nmissing btf func_info\nprocessed 0 insns (limit 1000000)\n"),
                     "func#0 @0; missing btf func_info");
    cr_assert_str_eq(digest_of("FENTRY/FEXIT program can only be attached to another program annotated with BTF"),
                     "FENTRY/FEXIT program can only be attached to another program annotated with BTF");
}

Test(verifier_log, nothing_and_too_much)
{
    char little[20];
    char lines[4096];

    cr_assert_str_empty(digest_of(""));
    cr_assert_str_empty(digest_of("\n\n\nprocessed 0 insns\n\n"));
    memset(lines, 'x', sizeof(lines) - 1);
    lines[sizeof(lines) - 1] = '\0';
    cr_assert_eq(strlen(digest_of(lines)), sizeof(digest) - 1);
    cr_assert_str_eq(verifier_log_digest("0: (95) exit\nR0 !read_ok\n", little, sizeof(little)), "R0 !read_ok (at 0: ");
}

/* Reads memory through what is no pointer. */
Test(verifier_log, of_this_kernel)
{
    static char log[65536];
    const struct bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 8},
        {.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    struct bpf_prog_load_opts options = {
        .sz = sizeof(options), .log_level = 1, .log_buf = log, .log_size = sizeof(log)};
    int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "bad", "GPL", program, 3, &options);

    if (!*log)
        cr_skip_test("bpf() is refused here: %s", strerror(-fd));
    cr_assert_eq(fd, -EACCES);
    digest_of(log);
    cr_assert_eq(strstr(digest, "R1 invalid mem access '"), digest, "%s", digest);
    cr_assert_not_null(strstr(digest, "(at 1: (61) r0 = *(u32 *)(r1 +0))"), "%s", digest);
}
