// SPDX-License-Identifier: Apache-2.0
#include "out.h"

static const char hex_digits[16] = "0123456789abcdef";

void put_unsigned(struct text_out *out, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                                "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof(digits);

    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (value % 100), 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * value, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    put_bytes(out, digits + at, sizeof(digits) - at);
}

void put_signed(struct text_out *out, int64_t value)
{
    if (value < 0)
        put_char(out, '-');
    put_unsigned(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void put_hex(struct text_out *out, uint64_t value)
{
    char digits[18];
    size_t at = sizeof(digits);

    do {
        digits[--at] = hex_digits[value & 15];
        value >>= 4;
    } while (value);
    digits[--at] = 'x';
    digits[--at] = '0';
    put_bytes(out, digits + at, sizeof(digits) - at);
}

void put_octal(struct text_out *out, uint64_t value)
{
    char digits[23];
    size_t at = sizeof(digits);

    for (; value; value >>= 3)
        digits[--at] = (char)('0' + (value & 7));
    digits[--at] = '0';
    put_bytes(out, digits + at, sizeof(digits) - at);
}

void put_hex_bytes(struct text_out *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        put_char(out, hex_digits[bytes[i] >> 4]);
        put_char(out, hex_digits[bytes[i] & 15]);
    }
}

void put_base64(struct text_out *out, const uint8_t *bytes, size_t size)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        char four[4];

        if (left > 1)
            group |= (uint32_t)bytes[at + 1] << 8;
        if (left > 2)
            group |= bytes[at + 2];
        four[0] = alphabet[group >> 18];
        four[1] = alphabet[group >> 12 & 63];
        four[2] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        four[3] = left > 2 ? alphabet[group & 63] : '=';
        put_bytes(out, four, sizeof(four));
    }
}

/* Reads one character of more than one byte. Returns its size; 0 where the bytes are not UTF-8. */
static size_t utf8_read(const uint8_t *at, size_t left, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t code;

    if (at[0] < 0xc2 || at[0] > 0xf4 || size > left)
        return 0;
    code = at[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return size;
}

/* C1 controls drive terminals as escape sequences do; line separators and
 * direction marks make a line read as what it is not. */
static bool is_deceptive(uint32_t code)
{
    return code <= 0x9f || (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x61c || code == 0xfeff;
}

enum { PLAIN, CONTROL, QUOTE, ANGLE, HIGH };

__extension__ static const uint8_t classes[256] = {
    [0 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = CONTROL, ['<'] = ANGLE, ['>'] = ANGLE,
    [0x7f] = CONTROL,       [0x80 ... 0xff] = HIGH,
};

static inline uint64_t has_zero_byte(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/* Where the run of plain characters at `at` ends. Strings are mostly plain:
 * eight bytes are asked at once; a no from them only means to look closer. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end, uint8_t harmless)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = 0x80 * ones;

    for (uint64_t word; harmless == ANGLE && end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof(word));
        if ((word & tops) | ((word - 0x20 * ones) & ~word & tops) | has_zero_byte(word ^ '"' * ones) |
            has_zero_byte(word ^ '\\' * ones) | has_zero_byte(word ^ 0x7f * ones))
            break;
    }
    while (at < end && (classes[*at] == PLAIN || classes[*at] == harmless))
        at++;
    return at;
}

static void put_escaped_byte(struct text_out *out, uint8_t byte)
{
    static const char letters[256] = {
        ['\n'] = 'n', ['\t'] = 't', ['\r'] = 'r', ['\v'] = 'v', ['\f'] = 'f', ['"'] = '"', ['\\'] = '\\',
    };

    put_char(out, '\\');
    if (letters[byte]) {
        put_char(out, letters[byte]);
    } else {
        put_char(out, 'x');
        put_hex_bytes(out, &byte, 1);
    }
}

void put_escaped(struct text_out *out, const void *bytes, size_t size, enum escape escape)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + size;
    uint8_t harmless = escape == ESCAPE_QUOTES ? ANGLE : QUOTE;

    while (at < end) {
        const uint8_t *run = at;
        size_t width = 1;
        uint32_t code = 0;

        at = skip_plain(at, end, harmless);
        put_bytes(out, run, (size_t)(at - run));
        if (at == end)
            break;
        if (classes[*at] == HIGH)
            width = utf8_read(at, (size_t)(end - at), &code);
        if (width > 1 && !is_deceptive(code)) {
            put_bytes(out, at, width);
        } else {
            width = width ? width : 1;
            for (size_t i = 0; i < width; i++)
                put_escaped_byte(out, at[i]);
        }
        at += width;
    }
}

static void put_json_code(struct text_out *out, uint32_t code)
{
    uint8_t pair[2] = {(uint8_t)(code >> 8), (uint8_t)code};

    put_bytes(out, "\\u", 2);
    put_hex_bytes(out, pair, sizeof(pair));
}

static void put_json_ascii(struct text_out *out, uint8_t byte)
{
    static const char letters[256] = {
        ['\n'] = 'n', ['\t'] = 't', ['\r'] = 'r', ['\b'] = 'b', ['\f'] = 'f', ['"'] = '"', ['\\'] = '\\',
    };

    if (letters[byte]) {
        put_char(out, '\\');
        put_char(out, letters[byte]);
    } else {
        put_json_code(out, byte);
    }
}

bool put_json_string(struct text_out *out, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + size;
    bool exact = true;

    put_char(out, '"');
    while (at < end) {
        const uint8_t *run = at;
        size_t width = 1;
        uint32_t code = 0;

        at = skip_plain(at, end, ANGLE);
        put_bytes(out, run, (size_t)(at - run));
        if (at == end)
            break;
        if (classes[*at] == HIGH)
            width = utf8_read(at, (size_t)(end - at), &code);
        if (!width || !*at) {
            put_bytes(out, "\xef\xbf\xbd", 3);
            exact = false;
            width = 1;
        } else if (width == 1) {
            put_json_ascii(out, *at);
        } else if (is_deceptive(code)) {
            put_json_code(out, code);
        } else {
            put_bytes(out, at, width);
        }
        at += width;
    }
    put_char(out, '"');
    return exact;
}
