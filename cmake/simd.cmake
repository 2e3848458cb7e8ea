# Kernels of the instruction sets beyond the baseline; each file is compiled for its own.
set(LINNET_SIMD_SOURCES)
set(LINNET_X86_AVX2 -mavx2 -mfma -mf16c)
set(LINNET_X86_AVX512 ${LINNET_X86_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    list(APPEND LINNET_SIMD_SOURCES simd/x86/avx2.c simd/x86/avx512.c simd/x86/avx512vnni.c)
    set_source_files_properties(simd/x86/avx2.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX2}")
    set_source_files_properties(simd/x86/avx512.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX512}")
    set_source_files_properties(simd/x86/avx512vnni.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX512};-mavx512vnni")
endif()
list(APPEND LINNET_LIBS m) # fmaf, for CPUs without the instruction
