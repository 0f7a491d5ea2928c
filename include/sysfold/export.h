/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EXPORT_H
#define SYSFOLD_EXPORT_H

#define SYSFOLD_API __attribute__((visibility("default")))

#endif
