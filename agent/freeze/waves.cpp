// SPDX-License-Identifier: Apache-2.0
#include "freeze/waves.hpp"

#include "common/text.hpp"

#include <algorithm>

namespace frostline::freeze {

Result<std::vector<int>> waves(const std::vector<std::set<std::size_t>>& below,
                               const std::vector<std::string>& names)
{
    std::vector<int> above(below.size(), 0); // how many that lie on it have no wave yet
    for (const auto& parents : below) {
        for (const std::size_t parent : parents) {
            ++above[parent];
        }
    }
    std::vector<int> wave(below.size(), -1);
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < below.size(); ++i) {
        if (above[i] == 0) {
            wave[i] = 0;
            ready.push_back(i);
        }
    }
    std::vector<int> least(below.size(), 0);
    for (std::size_t next = 0; next < ready.size(); ++next) {
        const std::size_t here = ready[next];
        for (const std::size_t parent : below[here]) {
            least[parent] = std::max(least[parent], wave[here] + 1);
            if (--above[parent] == 0) {
                wave[parent] = least[parent];
                ready.push_back(parent);
            }
        }
    }
    if (ready.size() < below.size()) {
        std::vector<std::string> circle;
        for (std::size_t i = 0; i < below.size(); ++i) {
            if (wave[i] < 0) {
                circle.push_back(names[i]);
            }
        }
        return fail(ErrorKind::unsupported,
                    "cannot order the freeze: " + text::join(circle, ", ") +
                        " lie on each other through loop devices in a circle; exclude one of "
                        "them");
    }
    return wave;
}

} // namespace frostline::freeze
