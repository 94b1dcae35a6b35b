// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target as an ordinary test: over each file of a folder, and over variations of them
// that are the same every time.
#include "fuzz/fuzz_target.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read(const std::filesystem::path& path)
{
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

void vary(Bytes& bytes, std::mt19937& random)
{
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto byte = static_cast<std::uint8_t>(random());
    if (bytes.empty() || random() % 3 == 0) {
        bytes.insert(place, byte);
    } else if (random() % 2 == 0) {
        bytes.erase(place);
    } else {
        *place = byte;
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " CORPUS-FOLDER\n";
        return 1;
    }
    std::mt19937 random{20260101};
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) {
        const Bytes original = read(entry.path());
        LLVMFuzzerTestOneInput(original.data(), original.size());
        for (int round = 0; round < 500; ++round) {
            Bytes bytes = original;
            for (std::size_t changes = 1 + random() % 4; changes > 0; --changes) {
                vary(bytes, random);
            }
            LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        }
        ++files;
    }
    std::cout << files << " files\n";
    return files > 0 ? 0 : 1;
}
