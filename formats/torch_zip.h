/* One file that torch.save wrote since PyTorch 1.6: a zip archive of uncompressed entries NAME/data.pkl (what there is)
   and NAME/data/KEY (storages). The archive's directory is read here rather than by a library, because the places of
   the storages in the mapped file are needed: strided views of hundreds of megabytes are read where they lie.
   APPNOTE.TXT, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16 and 4.5.3, is the format. */
#ifndef LNT_FORMATS_TORCH_ZIP_H
#define LNT_FORMATS_TORCH_ZIP_H
#include "formats/checkpoint.h"
#include "formats/mapped.h"

/* Adds every tensor of a mapped file of at least 22 bytes. */
int torch_zip_read(const mapped_file *file, const char *path, checkpoint *into, lnt_error *err);
#endif
