/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_FDS_H
#define SYSFOLD_STATE_FDS_H

/*
 * Descriptor tables. A table is a tree, as high as its largest number needs:
 *
 *     table ──► node ──► node ──► leaf: 16 descriptors ──► file
 *               bits     bits     bits 0-3
 *               8-11     4-7
 *
 * Nodes are counted and never changed while two trees hold them, so a fork
 * shares the whole tree and each side later copies only the path to what it
 * changes. Numbers may be anything up to 2^31 without more than eight nodes
 * for each. Files are what open() made: shared by duplicates, across forks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FD_NODE_WIDTH 16
/* Of one table: room for the million descriptors a kernel allows by default, side by side. */
#define FD_NODES_MAX 70000

/* A source of the stream: a machine or a sandbox. */
struct origin {
    uint32_t number;
    uint32_t losses;             /* what was learned before the last loss is doubtful */
    uint32_t snapshot_losses;    /* how many there were when the last snapshot came */
    uint64_t lost_until;         /* 0: that last loss is over, by the time of the events */
    struct container *container; /* of all its processes of which nothing else is told; NULL: not known */
    bool contains_several;       /* so that no one is */
};

struct file {
    const struct origin *source;
    const char *type; /* static */
    const char *name; /* static, `inlined` or `renamed`; NULL: not known */
    char *renamed;
    char *local; /* a socket's own address; NULL: not known */
    uint32_t holders;
    char inlined[];
};

struct sysfold_fd {
    struct file *file; /* NULL: free */
    int number;
    uint32_t losses : 31; /* the source's, when this was learned */
    uint32_t cloexec : 1;
};

struct fd_node {
    uint32_t holders;
    uint32_t used; /* of the slots below */
    union {
        struct fd_node *children[FD_NODE_WIDTH];
        struct sysfold_fd fds[FD_NODE_WIDTH]; /* a leaf's; an inner node is allocated without them */
    };
};

struct fd_table {
    struct fd_node *root;
    uint32_t holders;
    uint32_t nodes;  /* in its tree, shared ones too */
    uint32_t height; /* 0: empty; a leaf alone is 1 */
};

/* A file of that name (NULL: not known), held once. NULL: no memory. */
struct file *file_create(const struct origin *source, const char *type, const char *name);
struct file *file_hold(struct file *file);
void file_drop(struct file *file);
/* -ENOMEM: then as before. */
int file_rename(struct file *file, const char *name);
int file_set_local(struct file *file, const char *local);

struct fd_table *fds_create(void);
struct fd_table *fds_hold(struct fd_table *table);
void fds_drop(struct fd_table *table);
/* What fork() makes: a table of its own that begins with the same descriptors. */
struct fd_table *fds_fork(const struct fd_table *table);

struct sysfold_fd *fds_find(const struct fd_table *table, int number);
/* Sets a descriptor and takes over the caller's hold on the file, even on failure. -ENOMEM; -ENOSPC: the table is
 * as large as we let it grow. */
int fds_put(struct fd_table *table, int number, struct file *file, bool cloexec);

enum fd_change {
    FD_CLOSE,
    FD_CLOSE_CLOEXEC, /* those with the flag */
    FD_SET_CLOEXEC,
    FD_CLEAR_CLOEXEC,
};

/* Changes every descriptor from `first` to `last`. -ENOMEM, with part of them changed. */
int fds_change(struct fd_table *table, uint32_t first, uint32_t last, enum fd_change change);

#endif
