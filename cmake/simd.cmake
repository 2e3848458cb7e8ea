# Kernels of the instruction sets beyond the baseline; each file is compiled for its own.
set(LINNET_SIMD_SOURCES)
set(LINNET_X86_AVX2 -mavx2 -mfma -mf16c)
set(LINNET_X86_AVX512 ${LINNET_X86_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    list(APPEND LINNET_SIMD_SOURCES simd/x86/avx2.c simd/x86/avxvnni.c simd/x86/avx512.c simd/x86/avx512vnni.c)
    set_source_files_properties(simd/x86/avx2.c simd/x86/avxvnni.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX2}") # VNNI is inline assembly
    set_source_files_properties(simd/x86/avx512.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX512}")
    set_source_files_properties(simd/x86/avx512vnni.c PROPERTIES COMPILE_OPTIONS "${LINNET_X86_AVX512};-mavx512vnni")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    list(APPEND LINNET_SIMD_SOURCES simd/arm/neon.c simd/arm/dotprod.c simd/arm/i8mm.c)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        set(LINNET_ARM -fno-schedule-insns) # its first pass asks for all operands of a tile at once and puts sums on the stack
    endif()
    set_source_files_properties(simd/arm/neon.c PROPERTIES COMPILE_OPTIONS "${LINNET_ARM}")
    set_source_files_properties(simd/arm/dotprod.c PROPERTIES COMPILE_OPTIONS "${LINNET_ARM};-march=armv8.2-a+dotprod")
    set_source_files_properties(simd/arm/i8mm.c PROPERTIES COMPILE_OPTIONS "${LINNET_ARM};-march=armv8.2-a+dotprod+i8mm")
endif()
list(APPEND LINNET_LIBS m) # fmaf, for CPUs without the instruction
