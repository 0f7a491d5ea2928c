// SPDX-License-Identifier: Apache-2.0
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct sysfold_error *error, const char *text)
{
    size_t used = strlen(error->message);

    (void)snprintf(error->message + used, sizeof(error->message) - used, "%s", text);
}

int error_set(struct sysfold_error *error, int code, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return code;
    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return code;
}

int error_system(struct sysfold_error *error, int code, const char *format, ...)
{
    char text[128];
    va_list arguments;

    if (!error)
        return code;
    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    append(error, ": ");
    append(error, strerror_r(-code, text, sizeof(text)));
    return code;
}

int error_prefix(struct sysfold_error *error, int code, const char *format, ...)
{
    char before[sizeof(error->message)];
    va_list arguments;

    if (!error)
        return code;
    memcpy(before, error->message, sizeof(before));
    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    append(error, ": ");
    append(error, before);
    return code;
}
