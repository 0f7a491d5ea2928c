// SPDX-License-Identifier: Apache-2.0
/* For tests that need the eBPF backend: skipped as a whole, and visibly, where it cannot run. */

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

int main(int argc, char **argv)
{
    struct criterion_test_set *tests;
    struct sysfold_backend_info info;
    int result = 0;

    for (size_t i = 0; info.size = sizeof(info), sysfold_backend_probe(i, &info) == 0; i++) {
        if (strcmp(info.name, "ebpf") == 0 && info.usability != SYSFOLD_USABLE) {
            printf("skipped: ebpf: %s\n", info.reason);
            return 77;
        }
    }
    tests = criterion_initialize();
    if (criterion_handle_args(argc, argv, true))
        result = !criterion_run_all_tests(tests);
    criterion_finalize(tests);
    return result;
}
