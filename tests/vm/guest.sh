# guest.sh - inside the machine: memory into the shapes asked for, then the
# command. Its output and status go to the host through /run/vm.
exec >>/run/vm/output 2>&1 </dev/null
. /run/vm/environment
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root

finish() {
    sync
    echo "$1" >/run/vm/status.new
    mv /run/vm/status.new /run/vm/status
    sync
    exit
}
die() {
    echo "guest: $*"
    dmesg | tail -n 15
    finish 125
}

ip link set lo up 2>/dev/null
mkdir -p /lib/modules "$vm_cwd"
mount --bind "$vm_modules" /lib/modules || die "no modules"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 work "$vm_cwd" ||
    die "no $vm_cwd"
mkdir -p /dev/shm
mount -t tmpfs none /dev/shm
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
# virtio_pmem first: Linux 6.1 does not clear the flags of a DAX device that takes
# the memory of one that ended, as those of reshaped namespaces do, and the flag
# for MAP_SYNC would stay.
for module in virtio_pmem nfit nd_pmem dax_pmem device_dax; do
    modprobe "$module" 2>/dev/null
done

# The region of $1 bytes: numbers of regions and nodes are the kernel's own.
region_of() {
    local r
    for r in /sys/bus/nd/devices/region*; do
        [ "$(cat "$r/size" 2>/dev/null)" = "$1" ] && basename "$r"
    done
}
device_of() { # what ndctl prints of a namespace
    sed -n 's/.*"\(blockdev\|chardev\)":"\([^"]*\)".*/\2/p' | tail -n 1
}
# shape NAME MODE: makes the namespace once; sets $device.
shape() {
    local region space
    region=$(region_of "$(sed -n "s/^$1=//p" /run/vm/sizes)")
    [ -n "$region" ] || die "$1: no region"
    space=namespace${region#region}.0
    if [ "$(cat "/sys/bus/nd/devices/$space/mode" 2>/dev/null)" = raw ] ||
        ! ndctl list -n "$space" | grep -q "\"mode\":\"$2\""; then
        ndctl create-namespace -e "$space" -f -m "$2" -M mem >/dev/null ||
            die "$1: no namespace"
    fi
    device=$(ndctl list -n "$space" | device_of)
    [ -n "$device" ] || die "$1: no device"
}
# mounted NAME KIND DEVICE OPTIONS...: makes the file system once
mounted() {
    local name=$1 kind=$2 device=$3
    shift 3
    modprobe "$kind"
    blkid "$device" >/dev/null 2>&1 || "mkfs.$kind" -q "$@" "$device" ||
        die "$name: no file system"
    mkdir -p "/mnt/$name"
    mount -t "$kind" -o dax "$device" "/mnt/$name" ||
        die "$name: dax is refused"
}

for what in $vm_want; do
    case $what in
    fsdax) shape ext4 fsdax && mounted ext4 ext4 "/dev/$device" -b 4096 ;;
    xfs) shape xfs fsdax && mounted xfs xfs "/dev/$device" -m reflink=0 ;;
    devdax)
        shape devdax devdax
        export DEVDAX=/dev/$device
        ;;
    kmem)
        shape kmem devdax
        modprobe kmem
        daxctl reconfigure-device --mode=system-ram "$device" >/dev/null ||
            die "kmem: refused"
        KMEM_NODE=$(cat "/sys/bus/dax/devices/$device/target_node")
        export KMEM_NODE KMEM_DAX=$device
        ;;
    vpmem)
        # the one block device of nd that no DIMM is behind
        device=
        for i in 1 2 3 4 5 6 7 8 9 10; do
            for d in /sys/block/pmem*; do
                case $(readlink -f "$d") in
                *virtio*) device=/dev/$(basename "$d") ;;
                esac
            done
            [ -b "$device" ] && break
            sleep 1
        done
        mounted vpmem ext4 "$device" -b 4096
        ;;
    cxl)
        modprobe -a cxl_acpi cxl_pci cxl_mem cxl_pmem 2>/dev/null
        for i in 1 2 3 4 5 6 7 8 9 10; do # the device shows a moment later
            cxl list -M 2>/dev/null | grep -q '"memdev"' && break
            sleep 1
        done
        cxl create-region -t pmem -m -d decoder0.0 -w 1 mem0 >/dev/null ||
            die "cxl: no region"
        CXL_DAX=/dev/$(ndctl create-namespace -b CXL -m devdax -M mem |
            device_of)
        [ -c "$CXL_DAX" ] || die "cxl: no namespace"
        export CXL_DAX
        ;;
    esac
done

cd "$vm_cwd" || die "no $vm_cwd"
"${vm_command[@]}"
finish $?
