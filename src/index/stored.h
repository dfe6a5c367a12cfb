// A checksum at the end of everything that the index stores.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::index {

// Appends the CRC-32C of all bytes of `to`.
void Seal(std::string* to);
// The bytes without their checksum; Corruption, naming `what`, when it does not fit.
Result<std::string_view> Unseal(std::string_view bytes, std::string_view what);

}  // namespace neurallog::index
