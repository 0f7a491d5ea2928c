/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SYSFOLD_H
#define SYSFOLD_SYSFOLD_H

/* sysfold: what programs do, from whichever mechanism a machine allows, as one stream of events. */

#include <sysfold/compare.h>
#include <sysfold/error.h>
#include <sysfold/event.h>
#include <sysfold/gvisor.h>
#include <sysfold/oci.h>
#include <sysfold/schema.h>
#include <sysfold/state.h>
#include <sysfold/stream.h>
#include <sysfold/writer.h>

#endif
