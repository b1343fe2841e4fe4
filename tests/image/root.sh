#!/bin/sh
# Lays out the root of the image: root.sh PROGRAM DIRECTORY. Runs in the Dockerfile's build stage, on Debian.
#
# The program, the libraries that it is linked with, certificates for object stores, a user without
# rights, and what Debian's database says of the packages, where scanners look for it.
set -eu
program=$1
root=$2

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/var/lib/dpkg/status.d" "$root/models" "$root/home/nonroot"
cp "$program" "$root/usr/bin/onnxd"
chmod 755 "$root/usr/bin/onnxd"
# Anybody may write here, as everywhere; in a read-only container a volume lies over it.
mkdir -m 1777 "$root/tmp"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

# `ldd` names each library with where it is, and the loader by its path alone.
libraries=$(ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p')
for library in $libraries; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

# What counts for a container that is told nothing; Kubernetes mounts a file of its own here.
mkdir -p "$root/etc/onnxd"
cat > "$root/etc/onnxd/onnxd.toml" <<'SETTINGS'
models = "/models"
http-addr = "0.0.0.0:8080"
log = "json"
SETTINGS

echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
# Names of hosts: files first, then DNS.
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
chown 65532:65532 "$root/home/nonroot"

for package in libc6 libgcc-s1 ca-certificates; do
    dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
done
cp /etc/os-release "$root/etc/os-release"
mkdir -p "$root/usr/share/licenses/libc6"
cp /usr/share/doc/libc6/copyright "$root/usr/share/licenses/libc6/"
