#!/usr/bin/env bash
# Fetches MySQL's server into .tidemark/mysql for the tests, from Debian's unstable branch: its releases have only MariaDB.
# Nothing is installed: the packages are unpacked, and the server runs on the C library that came with them.
set -euo pipefail
target=$(cd "$(dirname "$0")/../.." && pwd)/.tidemark/mysql
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,root}
: > "$work/status"
cat > "$work/sources/unstable.sources" << 'SOURCES'
Types: deb
URIs: http://deb.debian.org/debian
Suites: unstable
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
apt() {
  apt-get -q -o APT::Sandbox::User=root -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources" -o Dir::State::Lists="$work/lists" \
    -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" "$@"
}
apt update
apt install -y --no-install-recommends --download-only mysql-server-core
for package in "$work"/cache/archives/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" --exclude='./usr/share/doc' --exclude='./usr/share/perl*' --exclude='./usr/lib/*/perl*'; done
triplet=$(ls "$work/root/usr/lib" | grep -m1 linux-gnu)
loader=$(cd "$work/root" && find usr/lib usr/lib64 -name 'ld-linux-*.so.*' | head -1)
cat > "$work/root/mysqld" << SCRIPT
#!/bin/sh
root=\$(dirname "\$0")
exec "\$root/$loader" --library-path "\$root/usr/lib/$triplet" "\$root/usr/sbin/mysqld" "\$@" --basedir="\$root/usr"
SCRIPT
chmod 755 "$work/root" "$work/root/mysqld"
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/root" "$target"
"$target/mysqld" --version
