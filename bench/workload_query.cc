#include <fmt/format.h>

#include "workloads.h"

namespace neurallog::bench {
namespace {

void AppendFormValue(std::string* to, std::string_view text) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (plain) {
      to->push_back(c);
    } else {
      to->append(fmt::format("%{:02X}", static_cast<unsigned char>(c)));
    }
  }
}

class Queries final : public CountingWorkload {
 public:
  Queries(const RequestHead& head, const std::vector<std::string>& forms, uint64_t requests_max)
      : CountingWorkload(requests_max) {
    for (const std::string& form : forms)
      requests_.push_back(head.Text("application/x-www-form-urlencoded") +
                          fmt::format("Content-Length: {}\r\n\r\n", form.size()) + form);
  }

 private:
  bool Fill(int, Request* request) override {
    const std::string& text = requests_[next_++ % requests_.size()];
    request->parts[0] = Part(text);
    request->parts_count = 1;
    request->body_bytes = text.size();
    request->logs = 1;  // the schedule of an open loop counts queries
    return true;
  }

  std::vector<std::string> requests_;
  size_t next_ = 0;
};

}  // namespace

std::string FormOf(std::string_view query, const std::vector<std::string>& parameters) {
  std::string form = "query=";
  AppendFormValue(&form, query);
  for (const std::string& parameter : parameters) {
    const size_t equals = parameter.find('=');
    form.append("&").append(parameter.substr(0, equals)).append("=");
    if (equals != std::string::npos)
      AppendFormValue(&form, std::string_view(parameter).substr(equals + 1));
  }
  return form;
}

std::unique_ptr<CountingWorkload> QueryWorkload(const RequestHead& head,
                                                const std::vector<std::string>& forms,
                                                uint64_t requests_max) {
  return std::make_unique<Queries>(head, forms, requests_max);
}

}  // namespace neurallog::bench
