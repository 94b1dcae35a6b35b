#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when a C++ file is not laid out as .clang-format has it, or a shell script has a finding.
set -eu
cd "$1"
find agent common guard host tests -name '*.[ch]pp' -print0 |
    xargs -0 clang-format --dry-run -Werror
git ls-files -z 2>/dev/null | xargs -0 grep -lzE '^#!/bin/(ba)?sh' 2>/dev/null | tr '\0' '\n' |
    sort -u | xargs -r shellcheck -x
