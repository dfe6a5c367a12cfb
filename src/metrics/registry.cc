#include "metrics/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace neurallog::metrics {
namespace {

// Bucket 0 ends at 1 us. After it, quarter j of octave k ends at 250 ns * 2^k * (5 + j), which
// makes the bounds exact integers.
constexpr uint64_t kQuarterNs = 250;
constexpr int kQuarters = 4;
constexpr int kOctaves = 27;
static_assert(Histogram::kBuckets == kOctaves * kQuarters + 2);

int BucketOf(uint64_t ns) {
  if (ns <= kQuarterNs * kQuarters) return 0;
  const uint64_t quarters = (ns - 1) / kQuarterNs;
  const auto octave = static_cast<unsigned>(std::bit_width(quarters)) - 3;
  if (octave >= kOctaves) return Histogram::kBuckets - 1;
  const auto quarter = static_cast<int>(quarters >> octave) - kQuarters;
  return 1 + static_cast<int>(octave) * kQuarters + quarter;
}

bool IsName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
  };
  const auto is_tail = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name[0]) && std::all_of(name.begin(), name.end(), is_tail);
}

// HELP text escapes backslash and line feed; label values escape the quote as well.
void AppendEscaped(std::string* to, std::string_view text, bool escape_quote) {
  for (const char c : text) {
    if (c == '\n') {
      to->append("\\n");
      continue;
    }
    if (c == '\\' || (c == '"' && escape_quote)) to->push_back('\\');
    to->push_back(c);
  }
}

// The shortest text that reads back as the same number; whole numbers without exponent as far as
// doubles are exact.
void AppendNumber(std::string* to, double value) {
  if (std::isnan(value)) {
    to->append("NaN");
  } else if (std::isinf(value)) {
    to->append(value > 0 ? "+Inf" : "-Inf");
  } else if (value == std::trunc(value) && std::fabs(value) < 0x1p53) {
    fmt::format_to(std::back_inserter(*to), "{}", static_cast<int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(*to), "{}", value);
  }
}

void AppendSeries(std::string* to, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view le = {}) {
  to->append(name).append(suffix);
  if (!labels.empty() || !le.empty()) {
    to->push_back('{');
    to->append(labels);
    if (!le.empty()) to->append(labels.empty() ? "le=\"" : ",le=\"").append(le).push_back('"');
    to->push_back('}');
  }
  to->push_back(' ');
}

// One Prometheus bucket per power of two: 29 series instead of 110, while quantiles read in the
// process keep the full resolution. Counts are taken in one pass, so that the series agree with
// each other while other threads record.
void AppendHistogram(std::string* to, std::string_view name, std::string_view labels,
                     const Histogram& histogram) {
  uint64_t cumulative = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += histogram.bucket(i);
    if (i % kQuarters != 0 && i != Histogram::kBuckets - 1) continue;
    std::string bound;
    AppendNumber(&bound, Histogram::UpperBound(i));
    AppendSeries(to, name, "_bucket", labels, bound);
    fmt::format_to(std::back_inserter(*to), "{}\n", cumulative);
  }
  AppendSeries(to, name, "_sum", labels);
  AppendNumber(to, histogram.sum_seconds());
  to->push_back('\n');
  AppendSeries(to, name, "_count", labels);
  fmt::format_to(std::back_inserter(*to), "{}\n", cumulative);
}

}  // namespace

void Histogram::Record(int64_t ns) {
  const uint64_t elapsed = ns > 0 ? static_cast<uint64_t>(ns) : 0;
  buckets_[static_cast<size_t>(BucketOf(elapsed))].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(elapsed, std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

double Histogram::Quantile(double q) const {
  std::array<uint64_t, kBuckets> counts;
  uint64_t total = 0;
  for (int i = 0; i < kBuckets; ++i) total += counts[static_cast<size_t>(i)] = bucket(i);
  if (total == 0) return 0;
  const auto rank = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total))));
  uint64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += counts[static_cast<size_t>(i)];
    if (seen >= rank) return UpperBound(i);
  }
  return UpperBound(kBuckets - 1);
}

double Histogram::UpperBound(int i) {
  if (i == kBuckets - 1) return std::numeric_limits<double>::infinity();
  if (i == 0) return static_cast<double>(kQuarterNs * kQuarters) / 1e9;
  const auto quarter = static_cast<uint64_t>((i - 1) % kQuarters);
  return static_cast<double>((kQuarterNs << ((i - 1) / kQuarters)) * (kQuarters + 1 + quarter)) /
         1e9;
}

std::string Label(std::string_view name, std::string_view value) {
  std::string label(name);
  label.append("=\"");
  AppendEscaped(&label, value, /*escape_quote=*/true);
  label.push_back('"');
  return label;
}

Counter& Registry::AddCounter(std::string name, std::string help, std::string labels) {
  base::MutexLock lock(mutex_);
  Metric& metric = Add(std::move(name), std::move(help), std::move(labels), Type::kCounter);
  metric.counter = std::make_unique<Counter>();
  return *metric.counter;
}

Histogram& Registry::AddHistogram(std::string name, std::string help, std::string labels) {
  base::MutexLock lock(mutex_);
  Metric& metric = Add(std::move(name), std::move(help), std::move(labels), Type::kHistogram);
  metric.histogram = std::make_unique<Histogram>();
  return *metric.histogram;
}

void Registry::AddGauge(std::string name, std::string help, std::function<double()> read,
                        std::string labels) {
  base::MutexLock lock(mutex_);
  Add(std::move(name), std::move(help), std::move(labels), Type::kGauge).read = std::move(read);
}

void Registry::AddCounterFn(std::string name, std::string help, std::function<double()> read,
                            std::string labels) {
  base::MutexLock lock(mutex_);
  Add(std::move(name), std::move(help), std::move(labels), Type::kCounter).read = std::move(read);
}

Registry::Metric& Registry::Add(std::string name, std::string help, std::string labels, Type type) {
  NL_CHECK(IsName(name));
  NL_CHECK(!help.empty());
  NL_CHECK(name.ends_with("_total") == (type == Type::kCounter));
  auto family = std::find_if(families_.begin(), families_.end(),
                             [&](const auto& known) { return known->name == name; });
  if (family == families_.end()) {
    families_.push_back(
        std::make_unique<Family>(Family{std::move(name), std::move(help), type, {}}));
    family = families_.end() - 1;
  }
  std::vector<Metric>& metrics = (*family)->metrics;
  NL_CHECK((*family)->type == type);
  NL_CHECK(std::none_of(metrics.begin(), metrics.end(),
                        [&](const Metric& metric) { return metric.labels == labels; }));
  metrics.push_back(Metric{std::move(labels), nullptr, nullptr, nullptr});
  return metrics.back();
}

std::string Registry::WriteText() const {
  static constexpr std::string_view kTypeNames[] = {"counter", "gauge", "histogram"};
  std::string text;
  base::MutexLock lock(mutex_);
  for (const auto& family : families_) {
    text.append("# HELP ").append(family->name).append(" ");
    AppendEscaped(&text, family->help, /*escape_quote=*/false);
    text.append("\n# TYPE ")
        .append(family->name)
        .append(" ")
        .append(kTypeNames[static_cast<int>(family->type)])
        .append("\n");
    for (const Metric& metric : family->metrics) {
      if (metric.histogram) {
        AppendHistogram(&text, family->name, metric.labels, *metric.histogram);
        continue;
      }
      AppendSeries(&text, family->name, "", metric.labels);
      AppendNumber(&text,
                   metric.counter ? static_cast<double>(metric.counter->value()) : metric.read());
      text.push_back('\n');
    }
  }
  return text;
}

}  // namespace neurallog::metrics
