# Cross build for 64-bit ARM, its tests under QEMU:
#   cmake -B build/aarch64 --toolchain cmake/aarch64.cmake -DLINNET_BENCH=OFF
# On Debian: gcc-aarch64-linux-gnu, qemu-user, and after dpkg --add-architecture arm64 the libraries (libxxhash-dev:arm64 and so on).
# QEMU_CPU in ctest's environment is the CPU to emulate (default: max). Tests that are scripts need the kernel to start QEMU by itself: tests/ports/aarch64.sh.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)

find_program(LINNET_QEMU_AARCH64 NAMES qemu-aarch64-static qemu-aarch64)
if(LINNET_QEMU_AARCH64)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${LINNET_QEMU_AARCH64})
endif()
