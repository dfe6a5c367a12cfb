#include "actions/sink_services.h"

namespace neurallog::actions {
namespace {

// As many attempts as delivery makes at a time to one receiver.
constexpr size_t kConnectionsPerReceiver = 128;

}  // namespace

SinkServices::SinkServices(int threads) : blocking_("nl-sink", threads, /*tasks_max=*/0) {}

SinkServices::~SinkServices() {
  stopping_ = true;
  http_.reset();
  blocking_.Stop();
}

Result<std::unique_ptr<SinkServices>> SinkServices::Start(const SinkOptions& options,
                                                          Append append) {
  for (const std::string& program : options.exec_programs)
    if (!program.starts_with('/'))
      return InvalidArgument("program " + program + " is no full path");
  std::unique_ptr<SinkServices> services(new SinkServices(options.threads));
  NL_TRY(services->guard_, AddressGuard::Make(options.allow_cidrs));
  http::AsyncClientOptions client;
  client.check_address = [guard = &services->guard_](const std::string& address) {
    return guard->CheckAddress(address);
  };
  client.ca_file = options.ca_file;
  client.proxy = options.proxy;
  client.connections_per_origin_max = kConnectionsPerReceiver;
  NL_TRY(services->http_, http::AsyncClient::Start(std::move(client)));
  SinkHost& host = services->host_;
  host.http = services->http_.get();
  host.guard = &services->guard_;
  host.blocking = &services->blocking_;
  host.stopping = &services->stopping_;
  host.ca_file = options.ca_file;
  host.https_only = options.https_only;
  host.programs = options.exec_programs;
  host.append = std::move(append);
  return services;
}

}  // namespace neurallog::actions
