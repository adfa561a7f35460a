#!/usr/bin/env bash
# Builds the Horovod wheel against the torch and TensorFlow of a Python environment, once per machine.
#
#   conf/horovod/build_wheel.sh [PYTHON]       prints the path of the wheel as its last line
#
# Variables:
#   DBX_DL_HOROVOD_NCCL=1     GPU collectives through NCCL (needs the CUDA toolkit and NCCL's headers; HOROVOD_NCCL_HOME
#                             names NCCL's folder where it is not a system one)
#   DBX_DL_HOROVOD_SDIST=F    a horovod-0.28.1.tar.gz to use instead of downloading it
#   XDG_CACHE_HOME            the cache is $XDG_CACHE_HOME/dbx_dl/wheels (default ~/.cache/dbx_dl/wheels)
#   MAX_JOBS                  parallel compiler processes (default: number of cores)
set -euo pipefail

readonly VERSION=0.28.1
readonly EDITS=3 # counts the sets of edits below: wheels with earlier ones are left in the cache
readonly SDIST_SHA256=92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0
patch=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/sleep_until_needed.patch
python=${1:-python3}
nccl=${DBX_DL_HOROVOD_NCCL:-0}
work=
build=

say() { printf '[horovod] %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
clean_up() {
  [ -z "$build" ] || kill "$build" 2>/dev/null || true
  [ -z "$work" ] || rm -rf "$work"
}
find_wheel() { find "$cache" -maxdepth 1 -name 'horovod-*.whl' -print -quit; }
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what the build needs --------------------------------------------------------------------------------------------
python=$(command -v "$python") || fail "$1 not found: name the environment's Python as the first argument"
case $python in /*) ;; *) python=$PWD/$python ;; esac
case $nccl in 0 | 1) ;; *) fail "DBX_DL_HOROVOD_NCCL=$nccl: set it to 1 for NCCL, or to 0" ;; esac

key=$("$python" - "$VERSION-$EDITS" "$nccl" <<'PY'
import importlib.metadata as metadata
import os
import sys
import sysconfig


def find(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    print(f"[horovod] error: {names[0]} is not installed in {sys.executable}: "
          "pip install -c constraints.txt '.[all,dev]'", file=sys.stderr)
    sys.exit(1)


for need in ("setuptools", "wheel", "packaging", "cmake", "cloudpickle", "psutil", "cffi"):
    find(need)
include = sysconfig.get_path("include")
if not os.path.exists(os.path.join(include, "Python.h")):
    print(f"[horovod] error: {include}/Python.h is missing: install Python's headers "
          f"(Debian: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-dev)", file=sys.stderr)
    sys.exit(1)
print("-".join([
    f"horovod{sys.argv[1]}", "nccl" if sys.argv[2] == "1" else "gloo", f"torch{find('torch')}",
    f"tensorflow{find('tensorflow', 'tensorflow-cpu')}", f"cp{sys.version_info[0]}{sys.version_info[1]}",
    sysconfig.get_platform().replace("-", "_"),
]))
PY
) || exit 1

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dbx_dl/wheels/$key
mkdir -p "$cache" 2>/dev/null || fail "cannot create $cache: set XDG_CACHE_HOME to a folder that can be written"

# ---- one build at a time; who waited takes the other's wheel ---------------------------------------------------------
if command -v flock >/dev/null; then
  exec 9>"$cache/.lock"
  flock --nonblock 9 || { say "another build of $key is running: waiting for it"; flock 9; }
fi
wheel=$(find_wheel)
if [ -n "$wheel" ]; then
  say "using the cached wheel $wheel"
  echo "$wheel"
  exit 0
fi

for tool in g++ make patch; do
  command -v "$tool" >/dev/null || fail "$tool not found: install a C++ compiler, make and patch (Debian: apt-get install build-essential)"
done
g++ -std=c++20 -fsyntax-only -x c++ - <<<'int main() {}' 2>/dev/null \
  || fail "$(g++ --version | head -n 1) does not know C++20: install g++ 10 or newer"
if [ "$nccl" = 1 ]; then
  command -v nvcc >/dev/null || [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ] \
    || fail "DBX_DL_HOROVOD_NCCL=1 needs the CUDA toolkit: no nvcc on PATH or in ${CUDA_HOME:-/usr/local/cuda}/bin (set CUDA_HOME)"
  # Found only after minutes of building otherwise.
  headers=
  for folder in ${HOROVOD_NCCL_HOME:+"$HOROVOD_NCCL_HOME/include"} "${CUDA_HOME:-/usr/local/cuda}/include" /usr/include; do
    [ ! -f "$folder/nccl.h" ] || headers=$folder
  done
  [ -n "$headers" ] \
    || fail "DBX_DL_HOROVOD_NCCL=1 needs NCCL's headers: no nccl.h (Debian: apt-get install libnccl-dev, or set HOROVOD_NCCL_HOME)"
fi

# ---- source: downloaded or given, checked, and unpacked afresh for every build ---------------------------------------
work=$(mktemp -d)
if [ -n "${DBX_DL_HOROVOD_SDIST:-}" ]; then
  cp "$DBX_DL_HOROVOD_SDIST" "$work/horovod-$VERSION.tar.gz" 2>/dev/null || fail "cannot read DBX_DL_HOROVOD_SDIST=$DBX_DL_HOROVOD_SDIST"
else
  say "downloading horovod $VERSION"
  "$python" -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation --dest "$work" "horovod==$VERSION" >&2 \
    || fail "cannot download horovod $VERSION: check pip's index settings, or set DBX_DL_HOROVOD_SDIST to the source archive"
fi
sdist=$work/horovod-$VERSION.tar.gz
[ -f "$sdist" ] || fail "pip downloaded no horovod-$VERSION.tar.gz: set DBX_DL_HOROVOD_SDIST to the source archive"
found=$(sha256sum "$sdist" | cut -d ' ' -f 1)
[ "$found" = "$SDIST_SHA256" ] || fail "horovod-$VERSION.tar.gz has SHA-256 $found, expected $SDIST_SHA256"
mkdir "$work/source"
tar -xzf "$sdist" -C "$work/source" --strip-components=1
cd "$work/source"

# Today's torch and TensorFlow headers need C++20; the XLA ops file needs headers that TensorFlow no longer ships.
sed -i 's/set(CMAKE_CXX_STANDARD 14)/set(CMAKE_CXX_STANDARD 20)/' CMakeLists.txt horovod/torch/CMakeLists.txt
sed -i '/xla_mpi_ops\.cc/d' horovod/tensorflow/CMakeLists.txt
for file in CMakeLists.txt horovod/torch/CMakeLists.txt; do
  grep -q 'CMAKE_CXX_STANDARD 20' "$file" || fail "the C++20 edit did not apply to $file: is this horovod $VERSION?"
done
# Upstream leaves HOROVOD_GLOO_IFACE out where a process set connects, so that ranks met on whatever their machine's
# name resolves to: often a loopback address, on which another machine's ranks are never found.
sed -i '/::InitializeForProcessSet(/,/CreateDevice/s/iface = gloo_iface_;/iface = global_context.gloo_iface_;/' \
  horovod/common/gloo/gloo_context.cc
grep -q 'iface = global_context\.gloo_iface_;' horovod/common/gloo/gloo_context.cc \
  || fail "the edit of gloo_context.cc did not apply: is this horovod $VERSION?"
# The background thread and PyTorch's waiting for it: the patch says what and why.
patch --quiet --strip=1 --fuzz=0 --input="$patch" >&2 || fail "${patch##*/} did not apply: is this horovod $VERSION?"

# ---- build -----------------------------------------------------------------------------------------------------------
export HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITH_PYTORCH=1 HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1
export CMAKE_POLICY_VERSION_MINIMUM=3.5 MAKEFLAGS="-j${MAX_JOBS:-$(nproc)}"
unset HOROVOD_GPU_OPERATIONS MFLAGS MAKELEVEL
[ "$nccl" = 0 ] || export HOROVOD_GPU_OPERATIONS=NCCL
export PATH="${python%/*}:$PATH"

say "building the wheel for $key (about five minutes on two cores)"
log=$cache/build.log
started=$SECONDS
"$python" -m pip wheel --no-build-isolation --no-deps --wheel-dir "$work/wheel" . >"$log" 2>&1 9>&- &
build=$!
report_at=$((started + 30))
while kill -0 "$build" 2>/dev/null; do
  sleep 1
  if ((SECONDS >= report_at)); then
    say "still building, $((SECONDS - started)) s"
    report_at=$((report_at + 30))
  fi
done
if ! wait "$build"; then
  build=
  grep -iE 'error' "$log" | head -n 5 >&2 || tail -n 15 "$log" >&2
  fail "the build failed; its whole log is $log"
fi
build=

built=$(find "$work/wheel" -name 'horovod-*.whl' -print -quit)
[ -n "$built" ] || fail "the build left no wheel; its log is $log"
# Copied beside its place first: only a rename within one file system is atomic.
cp "$built" "$cache/.partial"
mv "$cache/.partial" "$cache/${built##*/}"
rm -f "$log"
say "built in $((SECONDS - started)) s"
find_wheel
