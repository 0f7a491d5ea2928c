// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/sandbox.h"
