// SPDX-License-Identifier: Apache-2.0
/* Which function shows which form: the one place to add one to. */

#include "show.h"

struct form_functions {
    void (*show)(struct show *show);
    size_t least; /* bytes it needs to see; 0 for a single integer */
};

#define ANY_SIZE SIZE_MAX

static const struct form_functions form_functions[FORM_COUNT] = {
    [FORM_DEC] = {show_decimal, 0},
    [FORM_HEX] = {show_hexadecimal, 0},
    [FORM_FLAGS] = {show_flags, 0},
    [FORM_ENUM] = {show_flags, 0},
    [FORM_ERRNO] = {show_errno, 0},
    [FORM_FD] = {show_fd, 0},
    [FORM_DIRFD] = {show_dirfd, 0},
    [FORM_ID] = {show_id, 0},
    [FORM_MODE] = {show_mode, 0},
    [FORM_DEV] = {show_device, 0},
    [FORM_WAIT_STATUS] = {show_wait_status, 0},
    [FORM_SIGSET] = {show_sigset, 0},
    [FORM_FD_PAIR] = {show_integers, 8},
    [FORM_TIMESPEC] = {show_timespec, 16},
    [FORM_PATH] = {show_path, ANY_SIZE},
    [FORM_STRING] = {show_path, ANY_SIZE},
    [FORM_DATA] = {show_path, ANY_SIZE},
    [FORM_STRING_VECTOR] = {show_string_vector, ANY_SIZE},
    [FORM_ENVIRONMENT] = {show_environment, ANY_SIZE},
    [FORM_SOCKADDR] = {show_sockaddr, ANY_SIZE},
    [FORM_SOCKET_PAIR] = {show_socket_pair, 1},
    [FORM_TIMEVAL] = {show_timeval, 16},
    [FORM_TIMESPEC_PAIR] = {show_timespec_pair, 32},
    [FORM_ITIMERVAL] = {show_itimerval, 32},
    [FORM_ITIMERSPEC] = {show_itimerspec, 32},
    [FORM_RLIMIT] = {show_rlimit, 16},
    [FORM_SIGACTION] = {show_sigaction, 32},
    [FORM_POLLFDS] = {show_pollfds, ANY_SIZE},
    [FORM_FD_SET] = {show_fd_set, ANY_SIZE},
    [FORM_EPOLL_EVENT] = {show_epoll_event, 12},
    [FORM_EPOLL_EVENTS] = {show_epoll_events, ANY_SIZE},
    [FORM_CONTROL] = {show_control, ANY_SIZE},
    [FORM_CLONE_ARGS] = {show_clone_args, 8},
    [FORM_CAP_HEADER] = {show_cap_header, 8},
    [FORM_CAP_DATA] = {show_cap_data, 24},
    [FORM_LIST] = {show_integers, ANY_SIZE},
    [FORM_SOCKOPT] = {show_sockopt, 0},
    [FORM_PROTOCOL] = {show_protocol, 0},
    [FORM_SIGNAL_CODE] = {show_signal_code, 0},
};

/* A file's schema may join any form to any wire kind, and a structure may have been cut. */
static bool is_fit(const struct form_functions *form, const struct sysfold_value *value)
{
    if (!form->show)
        return false;
    if (value->kind != SYSFOLD_KIND_BYTES)
        return form->least == 0;
    return form->least == ANY_SIZE || (form->least && value->size >= form->least);
}

static void show_unfit(struct show *show)
{
    if (show->value.kind != SYSFOLD_KIND_BYTES)
        show_decimal(show);
    else if (wire_size(show->param->type->wire) == 1)
        show_path(show);
    else
        show_integers(show);
}

void show_form(struct show *show)
{
    unsigned form = show->param->type->form;

    if (form < FORM_COUNT && is_fit(&form_functions[form], &show->value))
        form_functions[form].show(show);
    else
        show_unfit(show);
}
