// SPDX-License-Identifier: Apache-2.0
/* floor OBJECT: attaches its one program, says "attached", and keeps it so until standard input ends. */

#include <stdio.h>
#include <unistd.h>

#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
    struct bpf_object *object = argc == 2 ? bpf_object__open(argv[1]) : NULL;
    struct bpf_link *link = NULL;
    char byte;

    if (!object || bpf_object__load(object) < 0 ||
        !(link = bpf_program__attach(bpf_object__next_program(object, NULL)))) {
        perror(argc == 2 ? argv[1] : "usage: floor OBJECT");
        bpf_object__close(object);
        return 1;
    }
    puts("attached");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    bpf_link__destroy(link);
    bpf_object__close(object);
    return 0;
}
