# SPDX-License-Identifier: MIT
# What the scripts of this folder share: getting a kernel with apt, making an initramfs of it, and
# booting it in qemu with the machine's own root as a read-only file system. Sourced by `run`.
# Needs top, the source tree, and work, a folder that is kept from run to run.
# shellcheck shell=sh
# shellcheck source=tests/deb/lib.sh
. "$top/tests/deb/lib.sh"
kernels=$top/tests/kernels

# What a guest needs to see its root: the bus, the file system, a layer to write on. A kernel that
# has one of them built in has no module of that name.
modules='virtio_pci 9pnet_virtio 9p overlay'

# A virtual timer needs no proof that it works, which fails on a busy machine, and an emulated
# processor has no secrets to keep.
hints='no_timer_check mitigations=off'

# table FIELD VERSION: what kernels.tab says of that kernel.
table() {
    sed 's/#.*//' "$kernels/kernels.tab" | awk -v field="$1" -v version="$2" '
        $1 == version { print $field }'
}

# fetch VERSION: leaves the kernel's image and modules in $work/VERSION/kernel. What apt offers now
# is downloaded unless it is there already; without a network what is there serves.
fetch() {
    place=$work/$1
    mkdir -p "$place"
    package=
    if apt_root "$place/apt" "$(table 2 "$1")" >"$place/apt.log" 2>&1; then
        package=$(apt_in "$place/apt" apt-cache depends "$(table 3 "$1")" |
            awk '$1 == "Depends:" && !found { print $2; found = 1 }')
    fi
    if [ -z "$package" ]; then
        [ -e "$place/package" ]
        return
    fi
    if [ "$package" != "$(cat "$place/package" 2>/dev/null)" ]; then
        rm -rf "${place:?}/kernel" "$place/package" "$place"/*.deb
        (cd "$place" && apt_in "$place/apt" apt-get download "$package") >>"$place/apt.log" 2>&1 &&
            unpack "$place" &&
            echo "$package" >"$place/package"
    fi
}

# unpack FOLDER: the image and the modules that may be needed, of the package that lies there.
unpack() {
    mkdir "$1/kernel"
    dpkg-deb --fsys-tarfile "$1"/*.deb | tar -C "$1/kernel" -x --wildcards './boot/vmlinuz-*' \
        '*/modules.builtin*' '*/modules.order' '*/kernel/fs/9p' '*/kernel/net/9p' \
        '*/kernel/fs/netfs' '*/kernel/fs/fscache' '*/kernel/fs/overlayfs' \
        '*/kernel/drivers/virtio' 2>/dev/null || [ -n "$(ls "$1/kernel/boot")" ] || return 1
    rm "$1"/*.deb
    find "$1/kernel" -name '*.ko.xz' -exec xz -d {} +
    # Newer packages have /usr/lib/modules.
    [ ! -e "$1/kernel/usr/lib/modules" ] || { mkdir -p "$1/kernel/lib" &&
        mv "$1/kernel/usr/lib/modules" "$1/kernel/lib/"; }
    depmod -b "$1/kernel" "$(release_of "$1")"
}

# release_of FOLDER: what `uname -r` will say.
release_of() {
    basename "$1"/kernel/boot/vmlinuz-* | sed 's/^vmlinuz-//'
}

# initramfs VERSION: busybox with its libraries, the modules, and the script `init`.
initramfs() {
    tree=$work/$1/initramfs
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/lower" "$tree/upper" \
        "$tree/system"
    busybox=$(command -v busybox)
    cp -L "$busybox" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    for library in $(ldd "$busybox" | grep -o '/[^ ]*'); do
        mkdir -p "$tree$(dirname "$library")"
        cp -L "$library" "$tree$library"
    done
    mkdir -p "$tree/lib"
    cp -a "$work/$1/kernel/lib/modules" "$tree/lib/"
    cp "$kernels/init" "$tree/init"
    chmod +x "$tree/init"
    # shellcheck disable=SC2086 # a list of words
    printf '%s\n' $modules >"$tree/modules"
    (cd "$tree" && find . | cpio -o -H newc --quiet) >"$work/$1/initrd"
    rm -rf "$tree"
}

# boot VERSION OUT SECONDS ACCELERATOR: runs $kernels/inside.sh in a guest, which finds the folder
# OUT as /hakmem-out; all else that it writes is gone with it. The console is in OUT/console.
boot() {
    timeout -k 10 "$3" qemu-system-x86_64 -accel "$4" -cpu max -smp 2 -m "${KERNELS_MEMORY:-3G}" \
        -nodefaults -no-user-config -display none -no-reboot \
        -serial "file:$2/console" \
        -kernel "$work/$1/kernel/boot/vmlinuz-$(release_of "$work/$1")" -initrd "$work/$1/initrd" \
        -append "console=ttyS0 quiet loglevel=4 panic=-1 $hints inside=$kernels/inside.sh" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
        -virtfs "local,path=$2,mount_tag=out,security_model=none" \
        </dev/null >"$2/qemu" 2>&1
}
