#!/bin/sh
# Start a sentinel. It rewrites its configuration, which it may forget: it learns it again from the others.
set -eu
me="$(hostname).andon-sentinel.$NAMESPACE.svc.cluster.local"
leader=$(timeout 3 redis-cli -h andon-sentinel -p 26379 --raw sentinel get-master-addr-by-name andon 2>/dev/null | head -n 1 || true)
[ -n "$leader" ] || leader="andon-redis-0.andon-redis.$NAMESPACE.svc.cluster.local"
cat > /tmp/sentinel.conf <<CONF
port 26379
dir /tmp
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel monitor andon $leader 6379 2
sentinel down-after-milliseconds andon 5000
sentinel failover-timeout andon 20000
sentinel parallel-syncs andon 1
CONF
exec redis-server /tmp/sentinel.conf --sentinel
