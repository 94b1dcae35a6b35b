#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when a C++ file is not laid out as .clang-format has it, or a shell script has a finding.
# Needs no git: the tree may come from an archive.
set -eu
cd "$1"
find agent common guard host tests -name '*.[ch]pp' -print0 |
    xargs -0 clang-format --dry-run -Werror
# A script is what begins with a shell's name, or says what reads it; the first lines alone count.
find . -path ./.git -prune -o -path './build*' -prune -o -type f -size -200k -print | sort |
    while read -r file; do
        { IFS= read -r first && IFS= read -r second; } <"$file" || continue
        case $first/$second in
        '#!/bin/sh/'* | '#!/bin/sh '* | '#!/bin/bash/'* | '#!/bin/bash '* | */'# shellcheck shell='*)
            printf '%s\n' "$file"
            ;;
        esac
    done | xargs -r shellcheck -x
