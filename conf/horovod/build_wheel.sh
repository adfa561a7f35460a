#!/usr/bin/env bash
# Builds the Horovod wheel against the torch and TensorFlow of a Python environment, once per machine.
#
#   conf/horovod/build_wheel.sh [PYTHON]       prints the path of the wheel as its last line
#
# Variables:
#   DBX_DL_HOROVOD_NCCL=1     GPU collectives through NCCL (needs CUDA and NCCL headers on the machine)
#   DBX_DL_HOROVOD_SDIST=F    a horovod-0.28.1.tar.gz to use instead of downloading it
#   XDG_CACHE_HOME            the cache is $XDG_CACHE_HOME/dbx_dl/wheels (default ~/.cache/dbx_dl/wheels)
#   MAX_JOBS                  parallel compiler processes (default: number of cores)
set -euo pipefail

readonly VERSION=0.28.1
readonly SDIST_SHA256=92a43f5a94c43907a56805bad15f19700c62ffc83b7ca483f9e104e229f67ef0
python=${1:-python3}
nccl=${DBX_DL_HOROVOD_NCCL:-0}

say() { printf '[horovod] %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

for tool in g++ make; do
  command -v "$tool" >/dev/null || fail "$tool not found: install a C++ compiler and make (Debian: apt-get install build-essential)"
done
command -v "$python" >/dev/null || fail "$python not found: name the environment's Python as the first argument"

key=$("$python" - "$VERSION" "$nccl" <<'PY'
import sys, sysconfig
from importlib.metadata import PackageNotFoundError, version
try:
    torch, tensorflow = version("torch"), version("tensorflow")
except PackageNotFoundError:
    try:
        tensorflow = version("tensorflow-cpu")
    except PackageNotFoundError:
        sys.exit(3)
collective = "nccl" if sys.argv[2] == "1" else "gloo"
print("-".join([
    f"horovod{sys.argv[1]}", collective, f"torch{torch}", f"tensorflow{tensorflow}",
    f"cp{sys.version_info[0]}{sys.version_info[1]}",
    sysconfig.get_platform().replace("-", "_"),
]))
PY
) || fail "torch and tensorflow must be installed in $python first: pip install -c constraints.txt '.[all]'"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dbx_dl/wheels/$key
mkdir -p "$cache"
cached=$(find "$cache" -maxdepth 1 -name 'horovod-*.whl' | head -n 1)
if [ -n "$cached" ]; then
  say "using cached wheel $cached"
  echo "$cached"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${DBX_DL_HOROVOD_SDIST:-}" ]; then
  cp "$DBX_DL_HOROVOD_SDIST" "$work/" || fail "cannot read DBX_DL_HOROVOD_SDIST=$DBX_DL_HOROVOD_SDIST"
else
  say "downloading horovod $VERSION"
  "$python" -m pip download --quiet --no-deps --no-binary :all: --no-build-isolation --dest "$work" "horovod==$VERSION" >&2 \
    || fail "cannot download horovod $VERSION: check pip's index settings, or set DBX_DL_HOROVOD_SDIST to the source archive"
fi
sdist=$(find "$work" -maxdepth 1 -name 'horovod-*.tar.gz' | head -n 1)
[ -n "$sdist" ] || fail "no horovod-$VERSION.tar.gz was found"
echo "$SDIST_SHA256  $sdist" | sha256sum --check --status \
  || fail "$(basename "$sdist") has SHA-256 $(sha256sum "$sdist" | cut -c1-64), expected $SDIST_SHA256"

mkdir "$work/source"
tar -xzf "$sdist" -C "$work/source" --strip-components=1
cd "$work/source"

# Today's torch and TensorFlow headers need C++20; the XLA ops file needs headers that TensorFlow no longer ships.
sed -i 's/set(CMAKE_CXX_STANDARD 14)/set(CMAKE_CXX_STANDARD 20)/' CMakeLists.txt horovod/torch/CMakeLists.txt
sed -i '/xla_mpi_ops\.cc/d' horovod/tensorflow/CMakeLists.txt
grep -q 'CMAKE_CXX_STANDARD 20' CMakeLists.txt && grep -q 'CMAKE_CXX_STANDARD 20' horovod/torch/CMakeLists.txt \
  || fail "the C++20 edit did not apply: is this horovod $VERSION?"

export HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_MPI=1 HOROVOD_WITH_PYTORCH=1 HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITHOUT_MXNET=1
export CMAKE_POLICY_VERSION_MINIMUM=3.5 MAKEFLAGS="-j${MAX_JOBS:-$(nproc)}"
[ "$nccl" = 1 ] && export HOROVOD_GPU_OPERATIONS=NCCL
bin=$(dirname "$(command -v "$python")")
export PATH="$bin:$PATH"

say "building the wheel for $key (about five minutes on two cores)"
log=$cache/build.log
"$python" -m pip wheel --no-build-isolation --no-deps --wheel-dir "$work/wheel" . >"$log" 2>&1 &
build=$!
started=$SECONDS
while kill -0 "$build" 2>/dev/null; do
  sleep 1
  (( (SECONDS - started) % 30 == 0 )) && say "still building, $((SECONDS - started)) s"
done
wait "$build" || { tail -n 25 "$log" >&2; fail "the build failed; the whole log is $log"; }

mv "$work"/wheel/horovod-*.whl "$cache/"
rm -f "$log"
say "built in $((SECONDS - started)) s"
find "$cache" -maxdepth 1 -name 'horovod-*.whl'
