// SPDX-License-Identifier: Apache-2.0
#include "common/shell_words.hpp"

#include <memory>

#include <glib.h>

namespace frostline {

Result<std::vector<std::string>> shell_words(const std::string& text)
{
    int count = 0;
    char** words = nullptr;
    GError* raw = nullptr;
    if (::g_shell_parse_argv(text.c_str(), &count, &words, &raw) == 0) {
        const std::unique_ptr<GError, decltype(&::g_error_free)> error{raw, &::g_error_free};
        if (error->domain == G_SHELL_ERROR && error->code == G_SHELL_ERROR_EMPTY_STRING) {
            return std::vector<std::string>{};
        }
        return fail(ErrorKind::invalid_argument, error->message);
    }
    const std::unique_ptr<char*, decltype(&::g_strfreev)> owner{words, &::g_strfreev};
    return std::vector<std::string>(words, words + count);
}

} // namespace frostline
