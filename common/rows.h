/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_ROWS_H
#define SYSFOLD_COMMON_ROWS_H

/* The rows of events.def as data: what the encoder, the collectors, the decoder and the formatters walk. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/schema.h>

#define ROW_MAX 2048         /* row numbers have 11 bits */
#define ROW_SYSCALL_MAX 1024 /* below: x86-64 system call numbers */
#define ROW_PARAM_MAX 32     /* the status word has 2 bits for each */

enum wire { WIRE_I8, WIRE_U8, WIRE_I16, WIRE_U16, WIRE_I32, WIRE_U32, WIRE_I64, WIRE_U64 };

/* How a value is shown: one formatter each, in decoder/format. */
enum form {
    FORM_DEC,
    FORM_HEX,
    FORM_FLAGS,
    FORM_ENUM,
    FORM_ERRNO,
    FORM_FD,
    FORM_DIRFD,
    FORM_ID,
    FORM_MODE,
    FORM_DEV,
    FORM_WAIT_STATUS,
    FORM_FD_PAIR,
    FORM_TIMESPEC,
    FORM_SIGSET,
    FORM_PATH,
    FORM_STRING,
    FORM_DATA,
    FORM_STRING_VECTOR,
    FORM_ENVIRONMENT,
    FORM_SOCKADDR,
    FORM_SOCKET_PAIR,
    FORM_TIMEVAL,
    FORM_TIMESPEC_PAIR,
    FORM_ITIMERVAL,
    FORM_ITIMERSPEC,
    FORM_RLIMIT,
    FORM_SIGACTION,
    FORM_POLLFDS,
    FORM_FD_SET, /* the numbers of the bits that are set */
    FORM_EPOLL_EVENT,
    FORM_EPOLL_EVENTS,
    FORM_CONTROL,
    FORM_CLONE_ARGS,
    FORM_CAP_HEADER,
    FORM_CAP_DATA,
    FORM_LIST, /* integers */
    FORM_SOCKOPT,  /* named after the `level` beside it */
    FORM_PROTOCOL, /* named after the `family` beside it */
    FORM_SIGNAL_CODE, /* a positive one is named after the `signo` beside it */
    FORM_COUNT
};

enum type {
    TYPE_NONE, /* a type of another version's schema */
#define FIXED(ID, WIRE, COUNT, FORM, TABLE) TYPE_##ID,
#define VARIABLE(ID, WIRE, COUNT, FORM, TABLE) TYPE_##ID,
#include "types.def"
#undef FIXED
#undef VARIABLE
    TYPES
};

enum source {
    SOURCE_GIVEN,
    SOURCE_RESULT,
    SOURCE_ARG,                /* a: argument */
    SOURCE_CALL_NR,
    SOURCE_CALL_ARCH,
    SOURCE_USER_STRING,        /* a: argument */
    SOURCE_USER_STRING_WHEN,   /* a: argument, b: only where argument 0 is this */
    SOURCE_USER_BYTES,         /* a: argument, b: length */
    SOURCE_USER_IOVEC,         /* a: argument (count in a + 1), b: length */
    SOURCE_MSG_NAME,           /* a: argument that points to a msghdr */
    SOURCE_MSG_DATA,           /* the same, b: length */
    SOURCE_MSG_CONTROL,
    SOURCE_USER_SOCKADDR,      /* a: argument, b: argument with the length */
    SOURCE_USER_SOCKADDR_OUT,  /* a: argument, b: argument that points to the length */
    SOURCE_USER_STRING_VECTOR, /* a: argument */
    SOURCE_USER_FIXED,         /* a: argument, b: offset from where it points */
    SOURCE_USER_ARRAY,         /* a: argument, b: length, in elements */
    SOURCE_RESULT_FILE,        /* a: enum file_field */
    SOURCE_RESULT_SOCKET,
    SOURCE_FD_SOCKET,          /* a: argument */
};

enum file_field { FILE_PATH, FILE_DEV, FILE_INO };

/* Lengths: 0-5 is that argument; its low 32 bits where the kernel takes an int does no harm. */
#define LENGTH_RESULT 6 /* the result */
#define LENGTH_INT_AT 8 /* LENGTH_INT_AT + n: the int that argument n points to */
#define LENGTH_WITHIN 16 /* LENGTH_WITHIN + n: the result, but argument n if that is less */
#define LENGTH_SIZE 64  /* LENGTH_SIZE + n is the constant n (n < 128) */
#define LENGTH_BITS 192 /* LENGTH_BITS + n: as many longs as hold the number of bits in argument n */

/* Spellings of events.def: operator and two operands. */
#define GIVEN SOURCE_GIVEN, 0, 0
#define RESULT SOURCE_RESULT, 0, 0
#define ARG(n) SOURCE_ARG, n, 0
#define CALL_NR SOURCE_CALL_NR, 0, 0
#define CALL_ARCH SOURCE_CALL_ARCH, 0, 0
#define BY_RESULT LENGTH_RESULT
#define BY_ARG(n) (n)
#define BY_INT_AT(n) (LENGTH_INT_AT + (n))
#define BY_RESULT_WITHIN(n) (LENGTH_WITHIN + (n))
#define BY_SIZE(n) (LENGTH_SIZE + (n))
#define BY_BITS(n) (LENGTH_BITS + (n))
#define USER_STRING(n) SOURCE_USER_STRING, n, 0
#define USER_STRING_WHEN(n, value) SOURCE_USER_STRING_WHEN, n, value
#define USER_BYTES(n, len) SOURCE_USER_BYTES, n, len
#define USER_IOVEC(n, len) SOURCE_USER_IOVEC, n, len
#define MSG_NAME(n) SOURCE_MSG_NAME, n, 0
#define MSG_DATA(n, len) SOURCE_MSG_DATA, n, len
#define MSG_CONTROL(n) SOURCE_MSG_CONTROL, n, 0
#define USER_SOCKADDR(n, m) SOURCE_USER_SOCKADDR, n, m
#define USER_SOCKADDR_OUT(n, m) SOURCE_USER_SOCKADDR_OUT, n, m
#define USER_STRING_VECTOR(n) SOURCE_USER_STRING_VECTOR, n, 0
#define USER_FIXED(n) SOURCE_USER_FIXED, n, 0
#define USER_FIELD(n, offset) SOURCE_USER_FIXED, n, offset
#define USER_ARRAY(n, len) SOURCE_USER_ARRAY, n, len
#define RESULT_FILE(field) SOURCE_RESULT_FILE, field, 0
#define RESULT_SOCKET SOURCE_RESULT_SOCKET, 0, 0
#define FD_SOCKET(n) SOURCE_FD_SOCKET, n, 0

enum moment { MOMENT_ENTRY, MOMENT_EXIT, MOMENT_SUCCESS };

/* As strace's classes. A call can be in several. */
enum class_bit {
    C_NONE = 0,
    C_FILE = 1 << 0,    /* takes a file name */
    C_DESC = 1 << 1,    /* takes or makes a descriptor */
    C_PROCESS = 1 << 2, /* creates, ends, changes or waits for processes */
    C_NETWORK = 1 << 3,
    C_MEMORY = 1 << 4,
    C_SIGNAL = 1 << 5,
    C_IPC = 1 << 6,
    C_CREDS = 1 << 7,
    C_CLOCK = 1 << 8,
};
#define CLASS_COUNT 9

/* What a row does to the state: decoder/state has one transition for each, driven by the parameters' names. */
enum effect {
    E_NONE,
    E_OPENS_FD,         /* res, path, dirfd, flags; file, dev, ino where it succeeded */
    E_MAKES_FD,         /* res: eventfd, epoll, timerfd, memfd ...: named after the row */
    E_MAKES_SOCKET,     /* res, family, type */
    E_MAKES_PAIR,       /* fds: pipe, socketpair */
    E_BINDS,            /* fd, addr: bind, getsockname */
    E_CONNECTS,         /* fd, addr, sockets */
    E_ACCEPTS,          /* res, fd, addr, sockets */
    E_DUPLICATES_FD,    /* fd, res; flags */
    E_CONTROLS_FD,      /* fcntl: fd, cmd, arg, res; ioctl: fd, request */
    E_CLOSES_FD,        /* fd */
    E_CLOSES_RANGE,     /* first, last, flags */
    E_RECEIVES_FDS,     /* recvmsg: control */
    E_GETS_FD,          /* pidfd_getfd: res */
    E_USES_FD,          /* fd, nothing changes */
    E_CHANGES_DIR,      /* path */
    E_CHANGES_DIR_FD,   /* fd */
    E_CHANGES_ROOT,     /* path */
    E_NAMES_THREAD,     /* prctl(PR_SET_NAME): option, name */
    E_UNSHARES,         /* flags */
    E_STARTS_THREAD,
    E_EXECS,
    E_ENDS_THREAD,
    E_ENDS_PROCESS,
    E_SNAPSHOTS_THREAD,
    E_SNAPSHOTS_FD,
    E_LOSES,
    E_NAMES_CONTAINER,  /* pid, id, engine */
    EFFECT_COUNT
};

struct flag_entry {
    const char *name;
    uint64_t value;
    uint64_t mask; /* value == (shown & mask) means it is set */
};

struct flag_table {
    const char *name;
    const struct flag_entry *entries;
    size_t count;
    bool bits;
};

struct type_info {
    const char *name; /* "OPEN_FLAGS" */
    const struct flag_table *table;
    uint8_t id; /* enum type; TYPE_NONE for one we do not know */
    uint8_t wire;
    uint8_t count; /* integers, or integers an element of a variable one */
    uint8_t form;
    bool variable;
};

struct sysfold_param {
    const char *name;
    const char *source_text;
    const struct type_info *type;
    uint16_t place; /* a fixed one: offset in the body; a variable one: how many are before it */
    uint8_t source, a, b;
    uint8_t moment;
};

struct sysfold_row {
    const char *name;
    const struct sysfold_param *params;
    uint16_t number;
    uint16_t fixed_size; /* of all fixed parameters */
    uint16_t classes;
    uint8_t effect;
    uint8_t param_count;
    uint8_t variable_count;
    uint32_t success_mask; /* the parameters that a failed call does not have */
    uint32_t entry_mask;   /* the parameters that are read at entry */
};

struct sysfold_schema {
    const struct sysfold_row *const *by_number; /* ROW_MAX of them, NULL where there is none */
    const struct sysfold_row *rows;
    size_t row_count;
};

/* ROW_OPENAT and its kin: numbers on the wire. */
enum row_number {
#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) ROW_##ID = NUMBER,
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT)
#define END(ID)
#include "events.def"
#undef EVENT
#undef PARAM
#undef END
};

/* P_OPENAT_path and its kin: indices of parameters. */
#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) enum params_of_##ID {
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) P_##ROW##_##NAME,
#define END(ID) P_##ID##_COUNT };
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

extern const struct type_info type_infos[TYPES];
extern const char *const form_names[TYPES]; /* of each type, "SOCKADDR" */
extern const char *const class_names[CLASS_COUNT];
extern const char *const effect_names[EFFECT_COUNT];
extern const struct flag_table *const flag_tables[]; /* ends with NULL */

/* The built-in row with that number; NULL if there is none. */
const struct sysfold_row *row_builtin(unsigned number);

/* Does the kernel write its answer over what the program passes there: poll's revents, the time that is left? */
bool param_is_updated(const struct sysfold_row *row, const struct sysfold_param *param);

/* Size of one integer of a wire kind; whether it is signed. */
static inline size_t wire_size(unsigned wire)
{
    return (size_t)1 << (wire / 2);
}

static inline bool wire_is_signed(unsigned wire)
{
    return wire % 2 == 0;
}

/* Bytes of a fixed type, or of one element of a variable type. */
static inline size_t type_size(const struct type_info *type)
{
    return wire_size(type->wire) * type->count;
}

#endif
