/* Which way is up: the one tag of EXIF data, or the one property of an XMP packet, that says it. */
#include "formats/image.h"
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, ENTRY_BYTES = 12, TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_SIGNED_SHORT = 8, TYPE_SIGNED_LONG = 9 };

/* EXIF data and its order of bytes. The 42 behind it is read in either order, as Pillow does. */
typedef struct tiff {
    const unsigned char *bytes;
    size_t size;
    bool big_endian;
} tiff;

static uint32_t tiff_read(const tiff *t, size_t at, size_t width) {
    uint32_t v = 0;
    for (size_t i = 0; i < width; i++) v = v << 8 | t->bytes[at + (t->big_endian ? i : width - 1 - i)];
    return v;
}

static int entry_orientation(const tiff *t, size_t at) {
    uint32_t type = tiff_read(t, at + 2, 2), count = tiff_read(t, at + 4, 4), value;
    if (type == TYPE_SHORT || type == TYPE_SIGNED_SHORT) value = tiff_read(t, at + 8, 2);
    else if (type == TYPE_LONG || type == TYPE_SIGNED_LONG) value = tiff_read(t, at + 8, 4);
    else return 0;
    return count == 1 && value >= 1 && value <= 8 ? (int)value : 0;
}

int exif_orientation(const unsigned char *data, size_t n_bytes) {
    tiff t = {data, n_bytes, false};
    if (n_bytes < 8) return 0;
    t.big_endian = data[0] == 'M';
    if (memcmp(data, t.big_endian ? "MM" : "II", 2) != 0) return 0;
    if (memcmp(data + 2, "*\0", 2) != 0 && memcmp(data + 2, "\0*", 2) != 0) return 0;
    size_t at = tiff_read(&t, 4, 4);
    if (at > n_bytes - 2) return 0;
    size_t n_entries = tiff_read(&t, at, 2);
    for (at += 2; n_entries > 0 && n_bytes - at >= ENTRY_BYTES; n_entries--, at += ENTRY_BYTES)
        if (tiff_read(&t, at, 2) == TAG_ORIENTATION) return entry_orientation(&t, at);
    return 0;
}

int xmp_orientation(const unsigned char *data, size_t n_bytes) {
    static const char NAME[] = "tiff:Orientation";
    const size_t length = sizeof NAME - 1;
    for (size_t at = 0; at + length + 2 <= n_bytes; at++) {
        const unsigned char *p = data + at + length;
        if (data[at] != 't' || memcmp(data + at, NAME, length) != 0) continue;
        bool attribute = at + length + 3 <= n_bytes && p[0] == '=' && p[1] == '"';
        if (!attribute && *p != '>') continue;
        p += attribute ? 2 : 1;
        if (*p >= '0' && *p <= '9') return *p - '0';
    }
    return 0;
}
