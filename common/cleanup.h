/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_CLEANUP_H
#define SYSFOLD_COMMON_CLEANUP_H

/* Give back what a scope owns, however it is left: `cleanup_free char *name = NULL;` */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose_file(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fd)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_file)))

/* Hands a descriptor on: the scope no longer owns it. */
static inline int steal_fd(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

static inline void *steal_pointer(void *pointer)
{
    void **owner = pointer;
    void *stolen = *owner;

    *owner = NULL;
    return stolen;
}

#endif
