// SPDX-License-Identifier: Apache-2.0
/* Forms of numbers whose meaning another parameter of the event, the selector, decides. */

#include "show.h"

struct table_choice {
    int64_t value; /* of the selector */
    enum flag_table_index table;
};

static const struct table_choice sockopt_tables[] = {
    {1, TABLE_sockopts},          /* SOL_SOCKET */
    {0, TABLE_ip_sockopts},       /* SOL_IP */
    {41, TABLE_ipv6_sockopts},    /* SOL_IPV6 */
    {6, TABLE_tcp_sockopts},      /* SOL_TCP */
    {17, TABLE_udp_sockopts},     /* SOL_UDP */
    {263, TABLE_packet_sockopts}, /* SOL_PACKET */
    {270, TABLE_netlink_sockopts} /* SOL_NETLINK */
};

static const struct table_choice protocol_tables[] = {
    {2, TABLE_socket_protocols},  /* AF_INET */
    {10, TABLE_socket_protocols}, /* AF_INET6 */
    {16, TABLE_netlink_protocols} /* AF_NETLINK */
};

static const struct table_choice signal_code_tables[] = {
    {4, TABLE_sigill_codes},   {5, TABLE_sigtrap_codes}, {7, TABLE_sigbus_codes}, {8, TABLE_sigfpe_codes},
    {11, TABLE_sigsegv_codes}, {17, TABLE_sigchld_codes}, {29, TABLE_sigpoll_codes}, {31, TABLE_sigsys_codes},
};

static void show_by(struct show *show, const char *selector, const struct table_choice *choices, size_t count)
{
    int index = sysfold_row_param_index(show->event->record.row, selector);
    int64_t selected = index < 0 ? -1 : record_integer(&show->event->record, (unsigned)index, -1);

    for (size_t i = 0; i < count; i++) {
        if (choices[i].value == selected) {
            show_names(show, show->param->name, flag_tables[choices[i].table], show->value.u, show->param->type->wire);
            return;
        }
    }
    show_signed(show, show->value.i);
}

void show_sockopt(struct show *show)
{
    show_by(show, "level", sockopt_tables, sizeof(sockopt_tables) / sizeof(sockopt_tables[0]));
}

void show_protocol(struct show *show)
{
    show_by(show, "family", protocol_tables, sizeof(protocol_tables) / sizeof(protocol_tables[0]));
}

/* Codes that any signal may have are zero, negative, or SI_KERNEL. */
void show_signal_code(struct show *show)
{
    if (show->value.i <= 0 || show->value.i == 0x80)
        show_flags(show);
    else
        show_by(show, "signo", signal_code_tables, sizeof(signal_code_tables) / sizeof(signal_code_tables[0]));
}
