// SPDX-License-Identifier: Apache-2.0
#include "fds.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NODE_BITS 4
static_assert(1 << NODE_BITS == FD_NODE_WIDTH, "a node's width in bits");

struct file *file_create(const struct origin *source, const char *type, const char *name)
{
    size_t size = name ? strlen(name) + 1 : 0;
    struct file *file = malloc(sizeof(*file) + size);

    if (!file)
        return NULL;
    *file = (struct file){.source = source, .type = type, .holders = 1};
    if (name)
        file->name = memcpy(file->inlined, name, size);
    return file;
}

struct file *file_hold(struct file *file)
{
    file->holders++;
    return file;
}

void file_drop(struct file *file)
{
    if (!file || --file->holders)
        return;
    free(file->renamed);
    free(file->local);
    free(file);
}

static int replace_string(char **string, const char *fresh)
{
    char *copy = strdup(fresh);

    if (!copy)
        return -ENOMEM;
    free(*string);
    *string = copy;
    return 0;
}

int file_rename(struct file *file, const char *name)
{
    int r = replace_string(&file->renamed, name);

    if (r < 0)
        return r;
    file->name = file->renamed;
    return 0;
}

int file_set_local(struct file *file, const char *local)
{
    return replace_string(&file->local, local);
}

/* Levels count from the leaves: 0 is a leaf. */

static unsigned slot_at(uint32_t number, unsigned level)
{
    return number >> NODE_BITS * level & (FD_NODE_WIDTH - 1);
}

static struct fd_node *node_create(unsigned level)
{
    size_t size =
        level ? offsetof(struct fd_node, children) + sizeof(struct fd_node *) * FD_NODE_WIDTH : sizeof(struct fd_node);
    struct fd_node *node = calloc(1, size);

    if (node)
        node->holders = 1;
    return node;
}

/* As deep as a tree is high: eight at most. */
static void node_drop(struct fd_node *node, unsigned level)
{
    if (!node || --node->holders)
        return;
    for (unsigned i = 0; i < FD_NODE_WIDTH; i++) {
        if (level)
            node_drop(node->children[i], level - 1);
        else
            file_drop(node->fds[i].file);
    }
    free(node);
}

static void share_slots(const struct fd_node *from, struct fd_node *to, unsigned level)
{
    to->used = from->used;
    for (unsigned i = 0; i < FD_NODE_WIDTH; i++) {
        if (level) {
            to->children[i] = from->children[i];
            if (to->children[i])
                to->children[i]->holders++;
        } else {
            to->fds[i] = from->fds[i];
            if (to->fds[i].file)
                file_hold(to->fds[i].file);
        }
    }
}

/* Makes the node in *place this tree's alone, so that it may be changed. */
static struct fd_node *node_own(struct fd_node **place, unsigned level)
{
    struct fd_node *shared = *place, *own;

    if (shared->holders == 1)
        return shared;
    own = node_create(level);
    if (!own)
        return NULL;
    share_slots(shared, own, level);
    shared->holders--;
    *place = own;
    return own;
}

struct fd_table *fds_create(void)
{
    struct fd_table *table = calloc(1, sizeof(*table));

    if (table)
        table->holders = 1;
    return table;
}

struct fd_table *fds_hold(struct fd_table *table)
{
    table->holders++;
    return table;
}

void fds_drop(struct fd_table *table)
{
    if (!table || --table->holders)
        return;
    if (table->root)
        node_drop(table->root, table->height - 1);
    free(table);
}

struct fd_table *fds_fork(const struct fd_table *table)
{
    struct fd_table *fork = malloc(sizeof(*fork));

    if (!fork)
        return NULL;
    *fork = *table;
    fork->holders = 1;
    if (fork->root)
        fork->root->holders++;
    return fork;
}

struct sysfold_fd *fds_find(const struct fd_table *table, int number)
{
    struct fd_node *node = table->root;

    if (!node || (uint64_t)(uint32_t)number >> NODE_BITS * table->height)
        return NULL;
    for (unsigned level = table->height - 1; level; level--) {
        node = node->children[slot_at((uint32_t)number, level)];
        if (!node)
            return NULL;
    }
    return node->fds[slot_at((uint32_t)number, 0)].file ? &node->fds[slot_at((uint32_t)number, 0)] : NULL;
}

/* Puts roots above the root until the number is within the tree. */
static int grow(struct fd_table *table, uint32_t number)
{
    while (!table->height || (uint64_t)number >> NODE_BITS * table->height) {
        struct fd_node *root = node_create(table->height);

        if (!root)
            return -ENOMEM;
        if (table->root) {
            root->children[0] = table->root;
            root->used = 1;
        }
        table->root = root;
        table->height++;
        table->nodes++;
    }
    return 0;
}

/* The leaf for a number, made with all above it where it was missing, and this tree's alone. */
static struct fd_node *own_leaf(struct fd_table *table, uint32_t number)
{
    struct fd_node **place = &table->root;

    for (unsigned level = table->height - 1;; level--) {
        struct fd_node *node = node_own(place, level);

        if (!node || !level)
            return node;
        place = &node->children[slot_at(number, level)];
        if (*place)
            continue;
        *place = node_create(level - 1);
        if (!*place)
            return NULL;
        node->used++;
        table->nodes++;
    }
}

int fds_put(struct fd_table *table, int number, struct file *file, bool cloexec)
{
    struct fd_node *leaf;
    struct sysfold_fd *fd;

    if (table->nodes > FD_NODES_MAX) {
        file_drop(file);
        return -ENOSPC;
    }
    leaf = grow(table, (uint32_t)number) < 0 ? NULL : own_leaf(table, (uint32_t)number);
    if (!leaf) {
        file_drop(file);
        return -ENOMEM;
    }
    fd = &leaf->fds[slot_at((uint32_t)number, 0)];
    if (!fd->file)
        leaf->used++;
    file_drop(fd->file);
    *fd = (struct sysfold_fd){
        .file = file, .number = number, .losses = file->source->losses & INT_MAX, .cloexec = cloexec};
    return 0;
}

static bool concerns(const struct sysfold_fd *fd, enum fd_change change)
{
    if (!fd->file)
        return false;
    switch (change) {
    case FD_CLOSE:
        return true;
    case FD_CLOSE_CLOEXEC:
    case FD_CLEAR_CLOEXEC:
        return fd->cloexec;
    case FD_SET_CLOEXEC:
        return !fd->cloexec;
    }
    return false;
}

static void apply(struct fd_node *leaf, struct sysfold_fd *fd, enum fd_change change)
{
    if (change == FD_SET_CLOEXEC || change == FD_CLEAR_CLOEXEC) {
        fd->cloexec = change == FD_SET_CLOEXEC;
        return;
    }
    file_drop(fd->file);
    *fd = (struct sysfold_fd){0};
    leaf->used--;
}

struct walk {
    struct fd_table *table;
    uint32_t first, last;
    enum fd_change change;
};

/* The slots of a node that the walk goes through: none where first > last. `base` is the node's first number. */
struct span {
    unsigned first, last;
};

static struct span span_of(const struct walk *walk, uint64_t base, unsigned level)
{
    unsigned bits = NODE_BITS * level;
    uint64_t end = base + ((uint64_t)FD_NODE_WIDTH << bits);

    return (struct span){
        .first = walk->first <= base ? 0 : (unsigned)((walk->first - base) >> bits),
        .last = walk->last >= end ? FD_NODE_WIDTH - 1 : (unsigned)((walk->last - base) >> bits),
    };
}

static uint64_t base_of_slot(uint64_t base, unsigned slot, unsigned level)
{
    return base + ((uint64_t)slot << NODE_BITS * level);
}

/* Asked first, so that what need not change stays shared. */
static bool any_concerned(const struct walk *walk, const struct fd_node *node, unsigned level, uint64_t base)
{
    struct span span = span_of(walk, base, level);

    for (unsigned i = span.first; i <= span.last; i++) {
        if (level ? node->children[i] && any_concerned(walk, node->children[i], level - 1, base_of_slot(base, i, level))
                  : concerns(&node->fds[i], walk->change))
            return true;
    }
    return false;
}

static void change_leaf(const struct walk *walk, struct fd_node *leaf, uint64_t base)
{
    struct span span = span_of(walk, base, 0);

    for (unsigned i = span.first; i <= span.last; i++) {
        if (concerns(&leaf->fds[i], walk->change))
            apply(leaf, &leaf->fds[i], walk->change);
    }
}

static void drop_empty_child(const struct walk *walk, struct fd_node *node, unsigned slot, unsigned level)
{
    if (node->children[slot]->used)
        return;
    node_drop(node->children[slot], level - 1);
    node->children[slot] = NULL;
    node->used--;
    walk->table->nodes--;
}

static int change_node(const struct walk *walk, struct fd_node **place, unsigned level, uint64_t base)
{
    struct span span = span_of(walk, base, level);
    struct fd_node *node;

    if (!any_concerned(walk, *place, level, base))
        return 0;
    node = node_own(place, level);
    if (!node)
        return -ENOMEM;
    if (!level) {
        change_leaf(walk, node, base);
        return 0;
    }
    for (unsigned i = span.first; i <= span.last; i++) {
        int r;

        if (!node->children[i])
            continue;
        r = change_node(walk, &node->children[i], level - 1, base_of_slot(base, i, level));
        if (r < 0)
            return r;
        drop_empty_child(walk, node, i, level);
    }
    return 0;
}

int fds_change(struct fd_table *table, uint32_t first, uint32_t last, enum fd_change change)
{
    struct walk walk = {.table = table, .first = first, .last = last, .change = change};

    if (!table->root || first > last || (uint64_t)first >> NODE_BITS * table->height)
        return 0;
    return change_node(&walk, &table->root, table->height - 1, 0);
}
