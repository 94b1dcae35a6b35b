// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>
#include <string_view>

/// Base64 (RFC 4648, section 4) as the guest agent protocol uses it.
namespace frostline::base64 {

/// With padding, without line breaks.
[[nodiscard]] std::string encode(std::string_view bytes);

/// Line feeds are passed over (Proxmox sends lines of 76 characters), and groups with padding may
/// follow each other, as in qemu-ga. Any other character outside the alphabet is an
/// invalid_argument error in qemu-ga's words. So is what qemu-ga silently shortens: a last group
/// that is not whole, and padding in the wrong place.
[[nodiscard]] Result<std::string> decode(std::string_view text);

} // namespace frostline::base64
