/* What a target must be, whatever builds it: read by every file that knows the container, and by CMake before anything else. */
#ifndef LNT_FORMATS_TARGET_H
#define LNT_FORMATS_TARGET_H
#include <float.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Linnet needs a little-endian CPU: its files are little-endian, and used as they are mapped"
#endif
#if __SIZEOF_POINTER__ != 8
#error "Linnet needs a 64-bit CPU: models and indexes are mapped whole, and their sizes have 64 bits"
#endif
#if FLT_EVAL_METHOD != 0 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53
#error "Linnet needs IEEE single and double arithmetic that rounds at every step"
#endif
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__) || __FINITE_MATH_ONLY__
#error "Linnet needs a compiler that keeps the order of sums: no -ffast-math, no -Ofast"
#endif

#endif
