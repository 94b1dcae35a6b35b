// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Simple XML, as libvirt writes it: no DTD, no entities but the five, namespaces as plain names.
namespace frostline::xml {

struct Element {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::string text; ///< all of it, without that of the children
    std::vector<Element> children;

    /// The first child of that name; nullptr where there is none.
    [[nodiscard]] const Element* child(std::string_view child_name) const;
    /// Empty where there is none.
    [[nodiscard]] std::string attribute(const std::string& attribute_name) const;
};

/// The one root element. Errors: invalid_argument, with the line; deeper than 256 elements.
[[nodiscard]] Result<Element> parse(std::string_view text);

/// For a place between tags or within quotes.
[[nodiscard]] std::string escape(std::string_view text);

} // namespace frostline::xml
