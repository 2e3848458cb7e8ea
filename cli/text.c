#include "cli/text.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

#define REPLACEMENT "\xEF\xBF\xBD"

bool text_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool text_is_blank(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!text_is_space(text[i])) return false;
    return true;
}

text_unit text_next(const char *data, size_t n, size_t *length) {
    unsigned char first = (unsigned char)data[0];
    *length = 1;
    if (first < 0x80) return TEXT_CHARACTER;
    if (first < 0xC2 || first > 0xF4) return TEXT_INVALID;
    size_t whole = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    /* the second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF */
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 1; i < whole; i++) {
        if (i == n) return TEXT_INCOMPLETE;
        unsigned char byte = (unsigned char)data[i];
        if (byte < low || byte > high) return TEXT_INVALID;
        *length = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return TEXT_CHARACTER;
}

/* A whole character that a terminal may take for an order: C0 but white space, DEL, C1. */
static bool is_control(const char *data, size_t length) {
    unsigned char first = (unsigned char)data[0];
    if (length == 1) return (first < 0x20 && !text_is_space(data[0])) || first == 0x7f;
    return length == 2 && first == 0xC2 && (unsigned char)data[1] < 0xA0;
}

/* How one character, or what cannot be one, stands in a JSON string: its bytes, at most 6. */
static const char *json_piece(const char *data, size_t n, char room[8], size_t *length, size_t *n_piece) {
    static const char escaped[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    *n_piece = 3;
    if (text_next(data, n, length) != TEXT_CHARACTER) return REPLACEMENT;
    const char *at = *data ? strchr(escaped, *data) : NULL;
    unsigned char first = (unsigned char)*data;
    if (at) {
        *n_piece = (size_t)snprintf(room, 8, "\\%c", letters[at - escaped]);
        return room;
    }
    if (first < 0x20 || is_control(data, *length)) {
        *n_piece = (size_t)snprintf(room, 8, "\\u%04x", *length == 2 ? (unsigned char)data[1] : first);
        return room;
    }
    *n_piece = *length;
    return data;
}

void text_json(const char *data, size_t n) {
    char room[8];
    putchar('"');
    for (size_t i = 0, length, n_piece; i < n; i += length) {
        const char *piece = json_piece(data + i, n - i, room, &length, &n_piece);
        fwrite(piece, 1, n_piece, stdout);
    }
    putchar('"');
}

int text_append_json(io_bytes *to, const char *data, size_t n) {
    char room[8];
    if (io_append(to, "\"", 1) != 0) return -1;
    for (size_t i = 0, length, n_piece; i < n; i += length) {
        const char *piece = json_piece(data + i, n - i, room, &length, &n_piece);
        if (io_append(to, piece, n_piece) != 0) return -1;
    }
    return io_append(to, "\"", 1);
}

int text_append_number(io_bytes *to, float value) {
    return isfinite(value) ? io_appendf(to, "%.9g", (double)value) : io_append_text(to, "null");
}

int text_append_line(io_bytes *to, const char *data, size_t n) {
    for (size_t i = 0, length; i < n; i += length) {
        bool shown = text_next(data + i, n - i, &length) == TEXT_CHARACTER && !is_control(data + i, length);
        const char *piece = !shown ? REPLACEMENT : text_is_space(data[i]) ? " " : data + i;
        if (io_append(to, piece, shown ? length : 3) != 0) return -1;
    }
    return 0;
}

void text_print(const char *data, size_t n) {
    static int terminal = -1;
    if (terminal < 0) terminal = isatty(STDOUT_FILENO);
    if (!terminal) fwrite(data, 1, n, stdout);
    for (size_t i = 0, length; terminal && i < n; i += length) {
        bool shown = text_next(data + i, n - i, &length) == TEXT_CHARACTER && !is_control(data + i, length);
        fwrite(shown ? data + i : REPLACEMENT, 1, shown ? length : 3, stdout);
    }
}

size_t text_length(const char *data, size_t n) {
    size_t characters = 0;
    for (size_t i = 0, length; i < n; i += length, characters++) text_next(data + i, n - i, &length);
    return characters;
}

int text_replace_invalid(io_bytes *to, const char *data, size_t n, bool *any) {
    *any = false;
    for (size_t i = 0, length; i < n; i += length) {
        bool whole = text_next(data + i, n - i, &length) == TEXT_CHARACTER;
        *any = *any || !whole;
        if (io_append(to, whole ? data + i : REPLACEMENT, whole ? length : 3) != 0) return -1;
    }
    return 0;
}

void text_escaped(const char *data, size_t n) {
    for (size_t i = 0, length; i < n; i += length) {
        if (text_next(data + i, n - i, &length) != TEXT_CHARACTER || is_control(data + i, length))
            fputs(REPLACEMENT, stdout);
        else if (data[i] == '\n')
            fputs("\\n", stdout);
        else if (data[i] == '\r')
            fputs("\\r", stdout);
        else if (data[i] == '\t')
            fputs("\\t", stdout);
        else if (data[i] == '\\')
            fputs("\\\\", stdout);
        else
            fwrite(data + i, 1, length, stdout);
    }
}

size_t text_unescape(char *data, size_t n) {
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        static const char letters[] = "nrt\\", meanings[] = "\n\r\t\\";
        const char *letter = data[i] == '\\' && i + 1 < n && data[i + 1] ? strchr(letters, data[i + 1]) : NULL;
        if (letter) i++;
        data[to++] = letter ? meanings[letter - letters] : data[i];
    }
    return to;
}

/* Moves the first n held bytes to ready as valid UTF-8; a character still incomplete there stays, unless at the end. */
static int release(text_stream *stream, size_t n, bool end) {
    size_t i = 0, length;
    for (; i < n; i += length) {
        text_unit unit = text_next(stream->held.data + i, n - i, &length);
        if (unit == TEXT_INCOMPLETE && !end) break;
        int failed = unit == TEXT_CHARACTER ? io_append(&stream->ready, stream->held.data + i, length)
                                            : io_append(&stream->ready, REPLACEMENT, 3);
        if (failed) return -1;
    }
    stream->held.n -= i;
    memmove(stream->held.data, stream->held.data + i, stream->held.n);
    return 0;
}

/* Where the first stop string in held begins, or held.n; *possible: where one begins that is not complete yet. */
static size_t find_stop(const text_stream *stream, size_t *possible) {
    const io_bytes *held = &stream->held;
    *possible = held->n;
    for (size_t i = 0; i < held->n; i++) {
        size_t rest = held->n - i;
        for (size_t s = 0; s < stream->n_stops; s++) {
            size_t length = strlen(stream->stops[s]);
            if (memcmp(held->data + i, stream->stops[s], length < rest ? length : rest) != 0) continue;
            if (length <= rest) return i;
            if (i < *possible) *possible = i;
        }
    }
    return held->n;
}

int text_stream_put(text_stream *stream, const char *data, size_t n) {
    if (io_append(&stream->held, data, n) != 0) return -1;
    if (stream->held.n == 0) return 0;
    size_t possible, stop = find_stop(stream, &possible);
    if (stop < stream->held.n) {
        stream->held.n = stop;
        return text_stream_end(stream) == 0 ? 1 : -1;
    }
    return release(stream, possible, false);
}

int text_stream_end(text_stream *stream) {
    return stream->held.n ? release(stream, stream->held.n, true) : 0;
}

void text_stream_free(text_stream *stream) {
    io_bytes_free(&stream->held);
    io_bytes_free(&stream->ready);
}
