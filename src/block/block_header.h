// Writes the header; BlockHeader::Decode reads it.
#pragma once

#include <string>

#include "block/block.h"

namespace neurallog::block {

std::string EncodeHeader(const BlockHeader& header);

}  // namespace neurallog::block
