// Base64 with padding (RFC 4648, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace neurallog::base {

std::string Base64(std::string_view bytes);
// Nothing when `text` is not base64 with its padding.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace neurallog::base
