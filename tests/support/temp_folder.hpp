// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace frostline::test {

/// A folder of its own for one test.
class TempFolder {
public:
    TempFolder()
    {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "frostline-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string operator/(const std::string& name) const
    {
        return path_ + "/" + name;
    }

    /// Writes a file (and the folders it needs); returns its path.
    std::string write(const std::string& name, const std::string& text, mode_t mode = 0644) const
    {
        const std::filesystem::path file{path_ + "/" + name};
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file} << text;
        ::chmod(file.c_str(), mode);
        return file.string();
    }
    void folder(const std::string& name) const { std::filesystem::create_directory(*this / name); }
    [[nodiscard]] std::string read(const std::string& name) const
    {
        std::ostringstream text;
        text << std::ifstream{*this / name}.rdbuf();
        return text.str();
    }
    [[nodiscard]] bool exists(const std::string& name) const
    {
        return std::filesystem::exists(*this / name);
    }
    /// Its path without symbolic links.
    [[nodiscard]] std::string real() const { return std::filesystem::canonical(path_).string(); }
    std::string program(const std::string& name, const std::string& text = "#!/bin/sh\n") const
    {
        return write(name, text, 0755);
    }

private:
    std::string path_;
};

} // namespace frostline::test
