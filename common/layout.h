/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_LAYOUT_H
#define SYSFOLD_COMMON_LAYOUT_H

/*
 * Where each parameter lies, worked out by the compiler. Every row becomes two
 * packed structures with a member for each parameter: in `struct fixed_ROW`
 * variable parameters take no room, so offsetof() is a fixed parameter's place
 * in the body; in `struct variable_ROW` fixed ones take no room and variable
 * ones a byte, so offsetof() counts the variable parameters before it.
 */

#include <stdint.h>

typedef int8_t wire_I8;
typedef uint8_t wire_U8;
typedef int16_t wire_I16;
typedef uint16_t wire_U16;
typedef int32_t wire_I32;
typedef uint32_t wire_U32;
typedef int64_t wire_I64;
typedef uint64_t wire_U64;

#define FIXED(ID, WIRE, COUNT, FORM, TABLE)                                                                            \
    typedef struct {                                                                                                   \
        wire_##WIRE value[COUNT];                                                                                      \
    } fixed_type_##ID;                                                                                                 \
    __extension__ typedef struct {                                                                                     \
    } variable_type_##ID;
#define VARIABLE(ID, WIRE, COUNT, FORM, TABLE)                                                                         \
    __extension__ typedef struct {                                                                                     \
    } fixed_type_##ID;                                                                                                 \
    typedef struct {                                                                                                   \
        uint8_t length;                                                                                                \
    } variable_type_##ID;
#include "types.def"
#undef FIXED
#undef VARIABLE

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) struct __attribute__((packed)) fixed_##ID {
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) fixed_type_##TYPE NAME;
#define END(ID) };
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) struct __attribute__((packed)) variable_##ID {
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) variable_type_##TYPE NAME;
#define END(ID) };
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

#endif
