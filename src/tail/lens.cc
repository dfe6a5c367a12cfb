#include "tail/lens.h"

namespace neurallog::tail {

Result<std::shared_ptr<const Lens>> Lens::Make(query::Query query, query::OutputFormat format,
                                               Framing framing) {
  NL_RETURN_IF_ERROR(query::RowPipeline::Check(query));
  return std::shared_ptr<const Lens>(new Lens(std::move(query), format, framing));
}

Lens::Lens(query::Query query, query::OutputFormat format, Framing framing)
    : query_(std::move(query)),
      pipeline_(&query_, format),
      framing_(framing),
      filter_key_(filter::ToText(*query_.filter)),
      key_(std::to_string(static_cast<int>(format)) + std::to_string(static_cast<int>(framing)) +
           query::ToText(query_)) {}

Result<std::shared_ptr<const Reel>> Lens::Render(Chunk& chunk,
                                                 const std::vector<uint32_t>& rows) const {
  auto reel = std::make_shared<Reel>();
  NL_RETURN_IF_ERROR(pipeline_.Run(chunk.rows(), rows, [&](uint32_t row, std::string_view lines) {
    AppendEvent(framing_, &chunk.cursor(row), lines, &reel->bytes);
    reel->events.push_back({chunk.cursor(row), reel->bytes.size()});
  }));
  return std::shared_ptr<const Reel>(std::move(reel));
}

}  // namespace neurallog::tail
