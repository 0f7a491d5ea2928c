// SPDX-License-Identifier: Apache-2.0
#include "show.h"

#define ERRNO_MAX 4095

/* Many tables count from 0 or 1, so that the value itself says where to look first. */
static const struct flag_entry *find_value(const struct flag_table *table, uint64_t value, uint64_t mask)
{
    uint64_t guess = value - (value && value <= table->count && table->entries[value - 1].value == value);

    if (guess < table->count && table->entries[guess].value == value)
        return &table->entries[guess];
    for (size_t i = 0; i < table->count; i++) {
        if (!((table->entries[i].value ^ value) & mask))
            return &table->entries[i];
    }
    return NULL;
}

const char *value_name(const struct flag_table *table, uint64_t value)
{
    const struct flag_entry *entry = find_value(table, value, UINT64_MAX);

    return entry ? entry->name : NULL;
}

const char *errno_name(int64_t number)
{
    switch (number) {
    case 512:
        return "ERESTARTSYS";
    case 513:
        return "ERESTARTNOINTR";
    case 514:
        return "ERESTARTNOHAND";
    case 516:
        return "ERESTART_RESTARTBLOCK";
    default:
        return number > 0 ? value_name(flag_tables[TABLE_errnos], (uint64_t)number) : NULL;
    }
}

int64_t failure_of(const struct show *show)
{
    int64_t result = show->value.i;

    if (show->value.status != SYSFOLD_PRESENT || !(show->event->record.flags & SYSFOLD_EVENT_FAILED))
        return 0;
    if (show->param->type->wire == WIRE_U32) /* the sign was lost on the wire */
        result = (int32_t)show->value.u;
    return result < 0 && result >= -ERRNO_MAX ? -result : 0;
}

void show_open(struct show *show, char bracket)
{
    put_char(show->out, bracket);
    show->comma = false;
}

void show_close(struct show *show, char bracket)
{
    put_char(show->out, bracket);
    show->comma = true;
}

void show_item(struct show *show)
{
    if (show->comma)
        put_bytes(show->out, ", ", show->json ? 1 : 2);
    show->comma = true;
}

/* Ours, so that nothing in it needs an escape. */
void show_key(struct show *show, const char *key)
{
    show_item(show);
    if (!show->json) {
        put_text(show->out, key);
        put_char(show->out, '=');
        return;
    }
    put_char(show->out, '"');
    put_text(show->out, key);
    put_bytes(show->out, "\":", 2);
}

void show_param_key(struct show *show)
{
    const char *name = show->param->name;

    show_item(show);
    if (show->json)
        put_json_string(show->out, name, strlen(name));
    else
        put_escaped(show->out, name, strlen(name), ESCAPE_QUOTES);
    put_char(show->out, show->json ? ':' : '=');
}

/* Of one of our own keys, or of the parameter's name, which may be a stranger's. */
static void put_raw_key(struct show *show, const char *key)
{
    size_t size = strlen(key);

    show_item(show);
    put_json_string(show->out, key, size);
    /* Over the closing quote, which may lie behind the buffer's end. */
    show->out->length--;
    put_bytes(show->out, ".raw\":", 6);
}

void show_signed(struct show *show, int64_t value)
{
    put_signed(show->out, value);
}

/* Beyond 2^63-1 a JSON number would make readers with 64-bit integers refuse
 * the whole line, and the program that is watched chooses the number. */
static bool too_large_for_json(const struct show *show, uint64_t value)
{
    return show->json && value > INT64_MAX;
}

void show_unsigned(struct show *show, uint64_t value)
{
    bool quoted = too_large_for_json(show, value);

    if (quoted)
        put_char(show->out, '"');
    put_unsigned(show->out, value);
    if (quoted)
        put_char(show->out, '"');
}

void show_hex(struct show *show, uint64_t value)
{
    if (!show->json) {
        put_hex(show->out, value);
    } else if (!too_large_for_json(show, value)) {
        put_unsigned(show->out, value);
    } else {
        put_char(show->out, '"');
        put_hex(show->out, value);
        put_char(show->out, '"');
    }
}

void show_address(struct show *show, uint64_t value)
{
    if (!value && !show->json)
        put_text(show->out, "NULL");
    else
        show_hex(show, value);
}

void show_word(struct show *show, const char *word)
{
    if (show->json)
        put_json_string(show->out, word, strlen(word));
    else
        put_text(show->out, word);
}

void show_true(struct show *show, const char *key)
{
    show_key(show, key);
    put_text(show->out, "true");
}

void show_raw_number(struct show *show, const char *key, uint64_t value)
{
    if (!show->json || !key)
        return;
    put_raw_key(show, key);
    show_unsigned(show, value);
}

void show_raw_signed(struct show *show, const char *key, int64_t value)
{
    if (!show->json || !key)
        return;
    put_raw_key(show, key);
    show_signed(show, value);
}

void show_raw_bytes(struct show *show, const char *key, const void *bytes, size_t size)
{
    if (!show->json || !key)
        return;
    put_raw_key(show, key);
    put_char(show->out, '"');
    put_base64(show->out, bytes, size);
    put_char(show->out, '"');
}

void show_string(struct show *show, const char *key, const void *bytes, size_t size)
{
    if (show->json) {
        if (!put_json_string(show->out, bytes, size))
            show_raw_bytes(show, key, bytes, size);
        return;
    }
    put_char(show->out, '"');
    put_escaped(show->out, bytes, size, ESCAPE_QUOTES);
    put_char(show->out, '"');
}

static void put_separator(struct text_out *out, bool *any)
{
    if (*any)
        put_char(out, '|');
    *any = true;
}

/*
 * "A|B|0x40". Bits that an entry has claimed are not shown again; an entry
 * whose value is 0 (O_RDONLY) looks at the untouched value, since the bits of
 * its mask may have been claimed by a sibling.
 */
static void put_bits(struct text_out *out, const struct flag_table *table, uint64_t value)
{
    uint64_t left = value;
    bool any = false;

    for (size_t i = 0; i < table->count; i++) {
        const struct flag_entry *entry = &table->entries[i];

        if (!entry->mask || ((entry->value ? left : value) & entry->mask) != entry->value)
            continue;
        left &= ~entry->mask;
        put_separator(out, &any);
        put_text(out, entry->name);
    }
    if (left) {
        put_separator(out, &any);
        put_hex(out, left);
    } else if (!any) {
        put_char(out, '0');
    }
}

static void put_value(struct text_out *out, const struct flag_table *table, uint64_t value, enum wire wire)
{
    uint64_t mask = wire_mask(wire);
    const struct flag_entry *entry = find_value(table, value, mask);

    /* Without a name, small numbers were counted, large ones (ioctl commands, AUDIT_ARCH_*) are composed of bits. */
    if (entry)
        put_text(out, entry->name);
    else if (wire_is_signed(wire) && (int64_t)value < 0 && (int64_t)value >= INT16_MIN)
        put_signed(out, (int64_t)value);
    else if (value & mask & ~UINT64_C(0xffff))
        put_hex(out, value & mask);
    else
        put_unsigned(out, value & mask);
}

void show_names(struct show *show, const char *key, const struct flag_table *table, uint64_t value, enum wire wire)
{
    if (show->json)
        put_char(show->out, '"');
    if (table->bits)
        put_bits(show->out, table, value & wire_mask(wire));
    else
        put_value(show->out, table, value, wire);
    if (show->json)
        put_char(show->out, '"');
    if (wire_is_signed(wire))
        show_raw_signed(show, key, (int64_t)value);
    else
        show_raw_number(show, key, value);
}
