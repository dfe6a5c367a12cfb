#include <fmt/format.h>

#include <deque>

#include "cli/admin.h"
#include "cli/importer.h"
#include "cli/log_work.h"

namespace neurallog::cli {

int Import(const LogTarget& target, const ImportOptions& options) {
  const auto source = LogSource::Open(target);
  if (!source.ok()) return Finish(source.status());
  std::deque<Importer> importers;
  Status status;
  uint64_t accepted = 0, rejected = 0;
  for (const std::string& path : options.files) {
    Importer& importer = importers.emplace_back(source->get(), options, path);
    status = importer.Run().Annotate(path);
    accepted += importer.accepted();
    rejected += importer.rejected();
    if (!status.ok()) break;
  }
  fmt::print("{} accepted, {} rejected\n", accepted, rejected);
  if (!status.ok()) return Finish(status);
  for (const Importer& importer : importers) importer.Forget();
  return rejected == 0 ? 0 : 1;
}

}  // namespace neurallog::cli
