/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_STATS_LIVE_H
#define SYSFOLD_CLI_STATS_LIVE_H

/* `sysfold stats --live`; the exit status. */
int stats_live_run(int argc, char **argv);

#endif
