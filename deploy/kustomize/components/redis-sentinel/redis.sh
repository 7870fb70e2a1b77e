#!/bin/sh
# Start a server: follow whom the sentinels name, or lead when they know of nobody yet and this is the first pod.
set -eu
me="$(hostname).andon-redis.$NAMESPACE.svc.cluster.local"
leader=$(timeout 3 redis-cli -h andon-sentinel -p 26379 --raw sentinel get-master-addr-by-name andon 2>/dev/null | head -n 1 || true)
[ -n "$leader" ] || leader="andon-redis-0.andon-redis.$NAMESPACE.svc.cluster.local"
# noeviction: under pressure a write fails and is tried again; an evicting server would throw entries of the bus away.
set -- --appendonly yes --appendfsync everysec --maxmemory "$MAXMEMORY" --maxmemory-policy noeviction \
    --replica-announce-ip "$me" --min-replicas-to-write 1 --min-replicas-max-lag 10 --dir /data
[ "$leader" = "$me" ] || set -- "$@" --replicaof "$leader" 6379
exec redis-server "$@"
