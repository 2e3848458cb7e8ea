/* Fixed sizes and records of the container, shared by its reader and its writer. All numbers are little-endian. */
#ifndef LNT_FORMATS_LNT_BYTES_H
#define LNT_FORMATS_LNT_BYTES_H
#include "formats/target.h"
#include <stdint.h>

#define LNT_MAGIC "\x89LNT\r\n\x1a\n"
enum { LNT_FORMAT_VERSION = 1, LNT_SECTION_ALIGN = 64, LNT_DATA_ALIGN = 4096, LNT_TENSOR_ALIGN = 64, LNT_HASH_BYTES = 16 };

typedef struct lnt_header {
    char magic[8];
    uint32_t version, n_sections;
    uint64_t features; /* bits a reader must know; none are defined in version 1 */
    uint64_t file_bytes;
    uint32_t header_bytes, entry_bytes; /* 64 and 48 */
    uint64_t reserved;
    unsigned char hash[LNT_HASH_BYTES]; /* XXH3-128 of the 48 bytes above and the section table behind this header */
} lnt_header;

typedef struct lnt_section_entry {
    char name[16];
    uint64_t offset, bytes;
    unsigned char hash[LNT_HASH_BYTES];
} lnt_section_entry;

/* A tensor's record in the directory; its name, a NUL and zeros up to a multiple of 8 follow. */
typedef struct lnt_tensor_entry {
    uint32_t entry_bytes, name_bytes;
    char type[8], layout[8];
    uint64_t n, k, offset, bytes;
    unsigned char hash[LNT_HASH_BYTES];
} lnt_tensor_entry;

_Static_assert(sizeof(lnt_header) == 64 && sizeof(lnt_section_entry) == 48 && sizeof(lnt_tensor_entry) == 72, "records as docs/format.md has them");
#endif
