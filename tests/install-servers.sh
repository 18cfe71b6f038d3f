#!/bin/sh
# Installs the real servers the tests use, when allowed to; tests skip with a reason without them.
set -u
cd "$(dirname "$0")/.." || exit 1

missing=""
for pair in mosquitto:mosquitto prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager \
  amtool:prometheus-alertmanager chromium:chromium; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing …"
    # The packages start services of their own; the tests start theirs, so keep those from running.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.pegbot 2>/dev/null
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      mv /usr/sbin/policy-rc.d.pegbot /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && placed=1
    fi
    apt-get update -qq >/dev/null &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
      echo "Could not install$missing; the tests that need them will skip." >&2
    [ "${placed:-}" = 1 ] && rm -f /usr/sbin/policy-rc.d
  else
    echo "Not installed (needs root and apt-get):$missing; the tests that need them will skip." >&2
  fi
fi

for set in "evm:anvil and the Uniswap contracts" "solana:the Solana pools' own libraries"; do
  folder=tests/fixtures/${set%%:*}
  # npm writes its own record of what is installed; one that is older than the lock is not what is asked for.
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && continue
  if command -v npm >/dev/null 2>&1; then
    echo "Installing ${set#*:} …"
    npm ci --prefix "$folder" --no-audit --no-fund --silent || echo "npm ci failed; the tests that need it will skip." >&2
  else
    echo "npm is not installed; the tests that need ${set#*:} will skip." >&2
  fi
done
exit 0
