#!/bin/sh
# Install a file of pinned requirements: by uv, which takes seconds, or by pip where uv cannot be had or fails.
# Usage: deploy/install.sh .venv/bin requirements/base.txt
set -eu
bin=$1
requirements=$2

by_uv() {
    "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || return 1
    # uv does not read pip's configuration: where pip is sent to a mirror, uv goes there too.
    index=${PIP_INDEX_URL:-$("$bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    "$bin/uv" pip install --python "$bin/python" --require-hashes -r "$requirements"
}

if ! by_uv; then
    echo "uv cannot install here; pip does it instead (slower)"
    "$bin/python" -m pip install --disable-pip-version-check --progress-bar on --require-hashes -r "$requirements"
fi
