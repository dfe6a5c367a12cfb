#include "base/time_zone.h"

#include <absl/time/internal/cctz/include/cctz/civil_time.h>
#include <absl/time/internal/cctz/include/cctz/zone_info_source.h>
#include <zstd.h>

#include <cstring>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

// script/pack_time_zones makes the file.
__asm__(
    ".pushsection .rodata\n"
    ".global nl_time_zones_begin, nl_time_zones_end\n"
    "nl_time_zones_begin: .incbin \"" NL_TIME_ZONES
    "\"\n"
    "nl_time_zones_end:\n"
    ".popsection\n");
extern "C" const char nl_time_zones_begin[], nl_time_zones_end[];

namespace neurallog::base {
namespace {

namespace cctz = absl::time_internal::cctz;

// Files of the database by name, each as it is.
class BuiltInZones {
 public:
  BuiltInZones() {
    const auto packed = static_cast<size_t>(nl_time_zones_end - nl_time_zones_begin);
    bytes_.resize(ZSTD_getFrameContentSize(nl_time_zones_begin, packed));
    NL_CHECK(ZSTD_decompress(bytes_.data(), bytes_.size(), nl_time_zones_begin, packed) ==
             bytes_.size());
    for (ByteReader reader(bytes_); !reader.empty();) {
      const std::string_view name = reader.ReadLengthPrefixed();
      files_[name] = reader.ReadLengthPrefixed();
      NL_CHECK(reader.ok());
    }
  }
  // Null: there is none.
  const std::string_view* Find(std::string_view name) const {
    const auto found = files_.find(name);
    return found == files_.end() ? nullptr : &found->second;
  }

 private:
  std::string bytes_;
  std::map<std::string_view, std::string_view> files_;
};

const BuiltInZones& Zones() {
  static const BuiltInZones zones;
  return zones;
}

class BuiltInSource : public cctz::ZoneInfoSource {
 public:
  explicit BuiltInSource(std::string_view file) : rest_(file) {}

  size_t Read(void* to, size_t size) override {
    size = std::min(size, rest_.size());
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }
  int Skip(size_t size) override {
    rest_.remove_prefix(std::min(size, rest_.size()));
    return 0;
  }

 private:
  std::string_view rest_;
};

std::unique_ptr<cctz::ZoneInfoSource> OpenZone(
    const std::string& name,
    const std::function<std::unique_ptr<cctz::ZoneInfoSource>(const std::string&)>& of_system) {
  if (auto source = of_system(name)) return source;
  const std::string_view* const file = Zones().Find(name);
  if (file == nullptr) return nullptr;
  return std::make_unique<BuiltInSource>(*file);
}

}  // namespace

// cctz keeps every name that it was ever asked for, so it is asked for those only that exist.
Result<TimeZone> TimeZone::Find(std::string_view name) {
  if (Zones().Find(name) == nullptr)
    return InvalidArgument("there is no time zone " + std::string(name.substr(0, 64)) +
                           ": expected one of the IANA database, such as Europe/Berlin");
  TimeZone zone;
  zone.name_ = name;
  if (!cctz::load_time_zone(zone.name_, &zone.rules_))
    return Internal("the data of time zone " + zone.name_ + " cannot be read");
  return zone;
}

LocalTime TimeZone::At(int64_t wall_ns) const {
  const int64_t seconds = wall_ns / 1'000'000'000 - (wall_ns % 1'000'000'000 < 0 ? 1 : 0);
  const cctz::civil_second local =
      rules_.lookup(cctz::time_point<cctz::seconds>(cctz::seconds(seconds))).cs;
  const cctz::civil_month month(local);
  return {static_cast<int>(local.year()),
          local.month(),
          local.day(),
          static_cast<int>(cctz::civil_day(month + 1) - cctz::civil_day(month)),
          (static_cast<int>(cctz::get_weekday(cctz::civil_day(local))) + 1) % 7,
          local.hour() * 60 + local.minute()};
}

}  // namespace neurallog::base

namespace absl {
ABSL_NAMESPACE_BEGIN
namespace time_internal::cctz_extension {
ZoneInfoSourceFactory zone_info_source_factory = neurallog::base::OpenZone;
}
ABSL_NAMESPACE_END
}  // namespace absl
