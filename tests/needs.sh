# What a test script needs, or "skipped: ..." and exit code 77, which CTest knows. Sourced: . "$folder/needs.sh"

skip() {
    echo "skipped: $*"
    exit 77
}

# Programs that must be there.
need() {
    for tool; do command -v "$tool" >/dev/null || skip "$tool is missing"; done
}

# $qemu: the user-mode emulator of an architecture.
need_qemu() { qemu=$(command -v "qemu-$1-static" || command -v "qemu-$1") || skip "qemu-$1 is missing"; }

# What cross-builds for 64-bit ARM, its libraries (dpkg --add-architecture arm64), and $qemu.
need_arm64() {
    need aarch64-linux-gnu-gcc cmake
    need_qemu aarch64
    for library in jansson xxhash jpeg png sqlite3 edit; do
        [ -e "/usr/lib/aarch64-linux-gnu/lib$library.so" ] || skip "lib$library of arm64 is missing"
    done
    [ -e /usr/lib/aarch64-linux-gnu/libcheck.a ] || skip "check of arm64 is missing"
}
