#!/usr/bin/env bash
# Checks what must be on a machine before the set-up: conf/check_tools.sh [PYTHON]; a failure is one line with its fix.
set -euo pipefail

readonly MIN_JAVA=17
python=${1:-python3}

fail() { printf '[setup] error: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python not found: install Python 3.11 to 3.13 with venv, or name one: make PYTHON=/path/to/python"
# TensorFlow's wheels of the lock end at 3.13.
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
  || fail "$("$python" --version 2>&1) is not 3.11 to 3.13: install one of these, or name it: make PYTHON=/path/to/python"
"$python" -c 'import ensurepip, venv' 2>/dev/null \
  || fail "$python lacks venv: install it (Debian: apt-get install python3-venv)"
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -f "$include/Python.h" ] || fail "$include/Python.h is missing: install Python's headers (Debian: apt-get install python3-dev)"

if [ -n "${JAVA_HOME:-}" ]; then
  java=$JAVA_HOME/bin/java
  [ -x "$java" ] || fail "JAVA_HOME=$JAVA_HOME has no bin/java: install a JDK 17 there, or unset JAVA_HOME"
else
  java=$(command -v java) || fail "java not found: install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless), or set JAVA_HOME"
fi
release=$("$java" -version 2>&1 | sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1)
[ "${release:-0}" -ge "$MIN_JAVA" ] \
  || fail "$java is Java ${release:-of unknown version}: install a JDK 17 and put it on PATH or into JAVA_HOME"

for tool in g++ make patch; do
  command -v "$tool" >/dev/null || fail "$tool not found: install a C++ compiler, make and patch (Debian: apt-get install build-essential)"
done
