/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_BLOCKS_H
#define SYSFOLD_SAVEFILE_BLOCKS_H

/*
 * One whole block of a file after another: those that are damaged are reported
 * and passed over, whatever their bytes say.
 */

#include <sysfold/stream.h>

#include "block.h"
#include "input.h"

struct blocks {
    struct input input;
    uint32_t id; /* the capture's, once its header is known */
    void (*damage)(const char *message, void *data);
    void *damage_data;
    uint64_t damaged; /* how often */
    size_t current;   /* bytes of the block handed out, skipped by the next call */
    uint64_t wasted;  /* bytes checked for blocks that were none */

    /* Where we lost our way, until we find it again. */
    bool lost;
    bool cut; /* the file seems to end within the block */
    uint64_t lost_at;
    size_t searched; /* into the window */
    size_t jump;     /* where the next block should be; 0: nobody knows */
    char reason[100];
};

struct block {
    uint32_t kind;
    uint32_t raw;
    uint32_t stored;
    uint64_t offset;
    const uint8_t *payload; /* as stored; until the next call */
};

/* Reports something that could not be used. */
void blocks_report(struct blocks *blocks, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next good block: 1; 0 at the end; as input_need() otherwise, and may then be called again. */
int blocks_next(struct blocks *blocks, struct block *ret_block, struct sysfold_error *error);

#endif
