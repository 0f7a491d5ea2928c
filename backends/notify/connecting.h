/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_CONNECTING_H
#define SYSFOLD_NOTIFY_CONNECTING_H

/* connect() on a socket of somebody else's, where it neither waits nor depends on who calls. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* May this socket (a duplicate) be connected to such an address by us? */
bool connecting_is_possible(int socket, const uint8_t *address, size_t size);
/* Takes the socket, and closes it. 0 or a negative errno, the caller's result; -EINTR is none: it would have to wait,
 * and is to make the call. The two addresses of a socket that is connected, as proc_socket_pair() has them. */
int connecting_perform(int *socket, const uint8_t *address, size_t size, int *ret_pair_size, uint8_t ret_pair[257]);

#endif
