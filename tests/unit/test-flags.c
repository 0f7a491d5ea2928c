// SPDX-License-Identifier: Apache-2.0
/* The tables of flags.def: true to the headers, and without entries that hide one another. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/rows.h"
#include "tests/unit/header-values.h"

static const struct header_value *const header_groups[] = {
    header_values_libc, header_values_kernel, header_values_ptrace, header_values_net, header_values_ioctl,
};
#define GROUP_COUNT (sizeof(header_groups) / sizeof(header_groups[0]))

#define FOR_EACH_TABLE(table)                                                                                          \
    for (const struct flag_table *const *at = flag_tables, *table; (table = *at); at++)
#define FOR_EACH_ENTRY(table, entry)                                                                                   \
    for (const struct flag_entry *entry = (table)->entries; entry < (table)->entries + (table)->count; entry++)

static bool is_field(const struct flag_entry *entry)
{
    return entry->mask != entry->value || entry->mask & (entry->mask - 1);
}

/* Headers give 1 << 31 as a negative int where the kernel sees an unsigned one. */
static bool same_value(uint64_t ours, const struct header_value *theirs)
{
    if (ours == theirs->value)
        return true;
    return theirs->size == 4 && ours >> 32 == 0 && (uint32_t)ours == (uint32_t)theirs->value;
}

/* How many groups of headers know the name; all of them must agree with us. */
static unsigned check_entry(const struct flag_table *table, const struct flag_entry *entry)
{
    unsigned known = 0;

    for (unsigned i = 0; i < GROUP_COUNT; i++) {
        for (const struct header_value *theirs = header_groups[i]; theirs->name; theirs++) {
            if (strcmp(theirs->name, entry->name))
                continue;
            cr_expect(same_value(entry->value, theirs), "%s: %s is %#llx, in the headers %#llx", table->name,
                      entry->name, (unsigned long long)entry->value, (unsigned long long)theirs->value);
            known++;
        }
    }
    return known;
}

Test(flags, values_are_the_headers)
{
    unsigned entries = 0, unknown = 0;

#ifndef __x86_64__
    cr_skip_test("the tables hold x86-64's numbers");
#endif
    FOR_EACH_TABLE(table)
    {
        FOR_EACH_ENTRY(table, entry)
        {
            entries++;
            if (check_entry(table, entry))
                continue;
            unknown++;
            (void)fprintf(stderr, "not in these headers: %s %s %#llx\n", table->name, entry->name,
                          (unsigned long long)entry->value);
        }
    }
    (void)fprintf(stderr, "%u of %u entries are not in these headers\n", unknown, entries);
    cr_expect_lt(unknown, entries / 5, "the headers know too few of the names: are they all found?");
}

/* A name that went through one macro too many is its expansion by now. */
Test(flags, names_are_names)
{
    FOR_EACH_TABLE(table)
    {
        FOR_EACH_ENTRY(table, entry)
        {
            cr_expect(isalpha((unsigned char)entry->name[0]) || entry->name[0] == '_', "%s: %s", table->name,
                      entry->name);
            for (const char *c = entry->name; *c; c++)
                cr_expect(isalnum((unsigned char)*c) || *c == '_', "%s: %s", table->name, entry->name);
        }
    }
}

Test(flags, no_name_is_twice_in_a_table)
{
    FOR_EACH_TABLE(table)
    {
        FOR_EACH_ENTRY(table, entry)
        {
            for (const struct flag_entry *earlier = table->entries; earlier < entry; earlier++)
                cr_expect_str_neq(earlier->name, entry->name, "%s: %s", table->name, entry->name);
        }
    }
}

Test(flags, no_table_is_there_twice)
{
    FOR_EACH_TABLE(table)
    {
        cr_expect_gt(table->count, 0, "%s", table->name);
        for (const struct flag_table *const *earlier = flag_tables; *earlier != table; earlier++)
            cr_expect_str_neq((*earlier)->name, table->name);
    }
}

/* One of: the second entry with a value would never be seen. */
Test(flags, values_are_distinct)
{
    FOR_EACH_TABLE(table)
    {
        if (table->bits)
            continue;
        FOR_EACH_ENTRY(table, entry)
        {
            cr_expect_eq(entry->mask, UINT64_MAX, "%s: %s is no VALUE", table->name, entry->name);
            for (const struct flag_entry *earlier = table->entries; earlier < entry; earlier++)
                cr_expect_neq(earlier->value, entry->value, "%s: %s hides %s", table->name, earlier->name,
                              entry->name);
        }
    }
}

/* A field may take bits away from what comes after it, nothing else may. */
static void check_overlap(const struct flag_table *table, const struct flag_entry *earlier,
                          const struct flag_entry *entry)
{
    if (!(earlier->mask & entry->mask))
        return;
    cr_expect(is_field(earlier), "%s: %s overlaps %s, and is no field", table->name, earlier->name, entry->name);
    cr_expect(earlier->mask != entry->mask || earlier->value != entry->value, "%s: %s hides %s", table->name,
              earlier->name, entry->name);
}

Test(flags, bits_do_not_overlap)
{
    FOR_EACH_TABLE(table)
    {
        if (!table->bits)
            continue;
        FOR_EACH_ENTRY(table, entry)
        {
            cr_expect_neq(entry->mask, 0, "%s: %s", table->name, entry->name);
            cr_expect_neq(entry->mask, UINT64_MAX, "%s: %s is a VALUE", table->name, entry->name);
            cr_expect_eq(entry->value & ~entry->mask, 0, "%s: %s is outside its mask", table->name, entry->name);
            for (const struct flag_entry *earlier = table->entries; earlier < entry; earlier++)
                check_overlap(table, earlier, entry);
        }
    }
}

Test(flags, types_use_tables_of_their_form)
{
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        const struct type_info *type = &type_infos[i];

        if (type->form == FORM_FLAGS)
            cr_expect(type->table->count && type->table->bits, "%s shows %s as flags", type->name, type->table->name);
        if (type->form == FORM_ENUM)
            cr_expect(type->table->count && !type->table->bits, "%s shows %s as one of", type->name,
                      type->table->name);
    }
}

static const char *name_of(const char *table_name, uint64_t value)
{
    FOR_EACH_TABLE(table)
    {
        if (strcmp(table->name, table_name))
            continue;
        FOR_EACH_ENTRY(table, entry)
        {
            if ((value & entry->mask) == entry->value)
                return entry->name;
        }
    }
    return "?";
}

Test(flags, errors_are_complete)
{
    for (unsigned error = 1; error <= 133; error++)
        if (error != 41 && error != 58) /* once EWOULDBLOCK and EDEADLOCK */
            cr_expect_str_neq(name_of("errnos", error), "?", "%u", error);
    cr_expect_str_eq(name_of("errnos", 11), "EAGAIN");
    cr_expect_str_eq(name_of("errnos", 512), "ERESTARTSYS");
    cr_expect_str_eq(name_of("errnos", 513), "ERESTARTNOINTR");
    cr_expect_str_eq(name_of("errnos", 514), "ERESTARTNOHAND");
    cr_expect_str_eq(name_of("errnos", 516), "ERESTART_RESTARTBLOCK");
}

Test(flags, signals_are_complete)
{
    for (unsigned signal = 1; signal <= 64; signal++)
        cr_expect_str_neq(name_of("signals", signal), "?", "%u", signal);
    cr_expect_str_eq(name_of("signals", 17), "SIGCHLD");
    cr_expect_str_eq(name_of("signals", 64), "SIGRT_32");
    cr_expect_str_eq(name_of("signal_codes", (uint64_t)-6), "SI_TKILL");
}

Test(flags, fields_come_first)
{
    cr_expect_str_eq(name_of("open_flags", 02000001), "O_WRONLY");
    cr_expect_str_eq(name_of("futex_operations", 128 | 9), "FUTEX_WAIT_BITSET");
    cr_expect_str_eq(name_of("socket_types", 02000000 | 2), "SOCK_DGRAM");
    cr_expect_str_eq(name_of("clone_flags", 0x1200011), "SIGCHLD");
    cr_expect_str_eq(name_of("map_flags", 0x22), "MAP_PRIVATE");
}
