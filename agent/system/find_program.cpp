// SPDX-License-Identifier: Apache-2.0
#include "system/find_program.hpp"

#include "common/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace frostline::system {

int why_not_executable(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return EACCES;
    }
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

bool is_executable(const std::string& path)
{
    return why_not_executable(path) == 0;
}

Result<std::string> find_program(const std::string& name, const std::string& search_path)
{
    if (name.find('/') != std::string::npos) {
        return name;
    }
    int code = ENOENT;
    for (const std::string& folder : text::split(search_path, ':')) {
        if (folder.front() != '/') {
            continue; // what lies in the agent's working directory is nobody's program
        }
        std::string path = folder;
        path.append("/").append(name);
        if (is_executable(path)) {
            return path;
        }
        if (::access(path.c_str(), F_OK) == 0) {
            code = EACCES;
        }
    }
    return fail(code == EACCES ? ErrorKind::permission : ErrorKind::not_found, errno_text(code),
                code);
}

std::string program_search_path()
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in the agent changes its environment
    const char* path = std::getenv("PATH");
    return path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

} // namespace frostline::system
