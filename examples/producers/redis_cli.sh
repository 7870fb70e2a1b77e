#!/bin/sh
# Request or cancel a report from a shell with redis-cli alone: redis_cli.sh <report id> [requested|cancelled]
set -eu
redis-cli -u "$ANDON_REDIS_URL" XADD andon:events '*' \
  name "report/generation.${2:-cancelled}" data "{\"reportId\":\"$1\"}" user '{"id":"redis-cli"}'
