#!/bin/sh
# Prepares a checkout for `npm test` and `npm run bench`: npm packages and, as root on Debian, the system packages of
# tools/apt-packages.txt. Plain sh, since neither Node 24 nor node_modules need be there yet. Safe to repeat.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

# The stamp holds the checksum of the lock file that node_modules was made from, and "full" or "production".
# ./rookery takes both; tests need "full".
stamp=node_modules/.rookery-installed
want="$(cksum <package-lock.json) full"
is_installed() {
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]
}
if ! is_installed; then
  mkdir -p node_modules
  # ./rookery takes the same lock.
  (
    if command -v flock >/dev/null 2>&1; then flock 9; fi
    if ! is_installed; then
      echo "setup: installing packages ..."
      npm install --no-save --include=dev --no-audit --no-fund --loglevel=error
      printf '%s\n' "$want" >"$stamp"
    fi
  ) 9>node_modules/.rookery-lock
fi

packages=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' tools/apt-packages.txt)
missing=
if command -v dpkg-query >/dev/null 2>&1; then
  for package in $packages; do
    state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$state" = "install ok installed" ] || missing="$missing $package"
  done
else
  echo "setup: this is no Debian system; tests that need its packages are skipped with their reason"
  exit 0
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: not root on Debian, so these packages stay away and their tests are skipped:$missing"
  exit 0
fi

# No service may start or restart because a test wants its program: 101 = forbidden by policy (invoke-rc.d(8)).
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  trap 'rm -f "$guard"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
fi
echo "setup: installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=600 update >/dev/null
# shellcheck disable=SC2086 # one word a package
apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold install --no-install-recommends $missing >/dev/null
