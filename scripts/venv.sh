# Sourced by scripts/demo, scripts/test and scripts/lowest: makes an environment with the versions of a file, once.
#
# usage: prepare_venv EXTRAS [FOLDER VERSIONS PACKAGES...]     e.g. prepare_venv "" or prepare_venv "[dev]"

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    {
        echo "vlmrm needs Python 3.11 or newer with its venv module, and found none with which it could work."
        echo "Found: $(python3 --version 2>&1 || echo 'no python3')."
        echo "On Debian or Ubuntu: apt-get install python3.11-venv. Or name one: PYTHON=/path/to/python3.11 $0"
    } >&2
    return 1
}

warn_without_egl() {
    [ "$(uname -s)" = Linux ] || return 0
    if ! PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | grep -q 'libEGL\.so\.1'; then
        echo "note: libEGL is missing, so MuJoCo cannot render without a display." >&2
        echo "      On Debian or Ubuntu: apt-get install libegl1. Everything else works without it." >&2
    fi
}

prepare_venv() {
    local extras=$1 folder=${2:-.venv} versions=${3:-constraints.txt} python stamp wanted content
    local more=("${@:4}")
    if ! "$folder/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$(find_python) || return 1
        echo "making $folder with $("$python" --version)"
        "$python" -m venv --clear "$folder" || {
            rm -rf "$folder"
            echo "could not make $folder. On Debian or Ubuntu: apt-get install python3-venv" >&2
            return 1
        }
    fi
    content=$(cat pyproject.toml "$versions" | cksum)
    wanted="$extras ${more[*]} $content"
    stamp=$folder/installed
    if ! grep -qsxF "$wanted" "$stamp"; then
        echo "installing vlmrm$extras with the versions of $versions (the first time takes some minutes)"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -c "$versions" -e ".$extras" \
            "${more[@]}" || {
            echo "the installation failed; see above. It needs the Python package index." >&2
            return 1
        }
        [ -f "$stamp" ] && ! grep -qsF "$content" "$stamp" && rm -f "$stamp"
        echo "$wanted" >>"$stamp"
    fi
    case $extras in *dev*) warn_without_egl ;; esac
}
