// SPDX-License-Identifier: Apache-2.0
#include "backends/backend.h"
extern const struct sysfold_backend backend_ptrace;
const struct sysfold_backend backend_ptrace = {.name = "ptrace", .summary = "seccomp and ptrace"};
