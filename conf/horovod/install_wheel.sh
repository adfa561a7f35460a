#!/usr/bin/env bash
# Init script of a Databricks cluster: installs the Horovod wheel that conf/horovod/build_wheel.sh has built for these
# nodes, so that every node has it before Spark starts. It lies beside the wheels on their volume: Databricks lets init
# scripts read a volume's files only where they lie on one themselves.
#
# Variables (`spark_env_vars` of the cluster):
#   DBX_DL_HOROVOD_WHEELS=F   a folder on a volume with one or more horovod-*.whl; the newest that fits this Python is
#                             installed
#   DBX_DL_PYTHON             the cluster's Python (/databricks/python/bin/python)
set -euo pipefail

say() { printf '[horovod] %s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

python=${DBX_DL_PYTHON:-/databricks/python/bin/python}
folder=${DBX_DL_HOROVOD_WHEELS:-}
[ -n "$folder" ] || fail "DBX_DL_HOROVOD_WHEELS is not set: name the folder of the wheels in the cluster's spark_env_vars"
[ -x "$python" ] || fail "$python is no Python: set DBX_DL_PYTHON"
[ -d "$folder" ] || fail "$folder does not exist: put the wheel there that conf/horovod/build_wheel.sh prints"

tag=$("$python" -c 'import sys; print(f"cp{sys.version_info[0]}{sys.version_info[1]}")')
wheel=
for found in "$folder"/horovod-*-"$tag"-*.whl; do
  [ -f "$found" ] || continue
  if [ -z "$wheel" ] || [ "$found" -nt "$wheel" ]; then wheel=$found; fi
done
[ -n "$wheel" ] || fail "$folder has no horovod-*-$tag-*.whl: build one on a cluster of this runtime"

say "installing $wheel"
# The runtime's own packages stay as they are: what Horovod needs of them is there.
"$python" -m pip install --quiet --no-deps --force-reinstall "$wheel" >&2 || fail "pip could not install $wheel"
# What the wheel was built against shows when its libraries are loaded: of another torch or TensorFlow they are refused.
for framework in torch tensorflow; do
  "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$framework') is None)" || continue
  "$python" -c "import horovod.$framework" >/dev/null || fail "$wheel is installed, but cannot be imported: \
it was built for another $framework than this runtime has (one folder for each runtime)"
done
"$python" -c 'import horovod; print(horovod.__version__)' >/dev/null || fail "$wheel is installed, but cannot be imported"
say "horovod is installed"
