#!/bin/sh
# Runs nginx in the foreground, with nginx.conf filled in: nginx knows no port on its command line.
#
#     sh nginx/start.sh 127.0.0.1 7000 2    # address, port, worker processes
#     sh nginx/start.sh -v                  # is it there?
set -eu
# On Debian it is in a directory that not everybody's PATH has.
PATH=$PATH:/usr/sbin
if [ "$1" = -v ]; then
    exec nginx -e stderr -v
fi
here=$(cd "$(dirname "$0")" && pwd)
directory=$(cd "$here/../build" && pwd)/nginx
mkdir -p "$directory"
# nginx takes memory for all connections that a worker may have when it starts.
connections=$(ulimit -n)
if [ "$connections" = unlimited ] || [ "$connections" -gt 100000 ]; then
    connections=100000
fi
config=$directory/$2.conf
sed -e "s|HOST|$1|; s|PORT|$2|; s|WORKERS|$3|" \
    -e "s|CONNECTIONS|$connections|; s|DIRECTORY|$directory|" "$here/nginx.conf" > "$config"
# It stays open, so nobody has to remove it afterwards.
exec 3< "$config"
rm "$config"
exec nginx -e stderr -c /proc/self/fd/3
