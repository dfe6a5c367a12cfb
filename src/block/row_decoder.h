// Some rows of a stored column: for the few that are shown of a large block.
#pragma once

#include <span>
#include <string_view>

#include "block/block.h"

namespace neurallog::block {

// These rows of a column that is not kTemplates; they ascend. Unpacks no more of the chunk than it has
// to, and never trusts it.
Result<Column> DecodeRows(const ColumnMeta& meta, uint32_t rows, std::string_view chunk,
                          std::span<const uint32_t> wanted);

}  // namespace neurallog::block
