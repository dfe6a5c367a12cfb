#include "server/folder_api.h"

#include "base/log.h"
#include "base/mutex.h"
#include "server/server.h"

namespace neurallog::server {
namespace {

// Gathers an answer, or hands it on in the writer's thread, which so waits for a slow reader.
class Receiver : public http::Responder {
 public:
  explicit Receiver(const http::ClientRequest& request) : request_(request) {}
  ~Receiver() override = default;

  void Send(http::Response response) override {
    Start(std::move(response));
    Finish({});
  }
  void Start(http::Response head) override {
    response_.status = head.status;
    response_.headers = std::move(head.headers);
    Write(std::move(head.body));
  }
  void Upgrade(http::Response, std::function<void(std::string_view)>) override { Abort(); }
  void Write(std::string chunk) override {
    if (chunk.empty() || closed()) return;
    const bool streams = request_.on_body && response_.status / 100 == 2;
    if (!streams) {
      response_.body += chunk;
    } else if (!request_.on_body(chunk)) {
      End(Cancelled("the caller ended the response"));
    }
  }
  void Finish(Trailers trailers) override {
    for (auto& field : trailers) response_.headers.push_back(std::move(field));
    End(Status::Ok());
  }
  void Abort() override {
    End(closed() ? Cancelled("interrupted") : Unavailable("the answer broke off"));
  }
  size_t buffered_bytes() const override { return 0; }
  bool closed() const override {
    base::MutexLock lock(mutex_);
    return done_ || (request_.cancelled != nullptr && *request_.cancelled);
  }
  void OnDrained(size_t, std::function<void()> resume) override { resume(); }

  Result<http::ClientResponse> Await() {
    base::MutexLock lock(mutex_);
    while (!done_) ended_.Wait(mutex_);
    NL_RETURN_IF_ERROR(status_);
    return std::move(response_);
  }

 private:
  void End(Status status) {
    base::MutexLock lock(mutex_);
    if (std::exchange(done_, true)) return;
    status_ = std::move(status);
    ended_.NotifyAll();
  }

  const http::ClientRequest& request_;  // of whoever awaits; not touched when that is done
  http::ClientResponse response_;       // by one writer after the other, then by Await
  mutable base::Mutex mutex_;
  base::CondVar ended_;
  bool done_ NL_GUARDED_BY(mutex_) = false;
  Status status_ NL_GUARDED_BY(mutex_);
};

http::Method MethodOf(const std::string& name) {
  return name == "POST" ? http::Method::kPost : http::Method::kGet;
}

http::Request ToRequest(const http::ClientRequest& from) {
  http::Request request;
  request.method = MethodOf(from.method);
  std::string head = from.url;
  for (const auto& [name, value] : from.headers) head.append(name).append(value);
  request.head = std::make_unique<char[]>(head.size());
  std::copy(head.begin(), head.end(), request.head.get());
  const char* at = request.head.get();
  const auto next = [&at](size_t size) {
    return std::string_view(std::exchange(at, at + size), size);
  };
  request.target = next(from.url.size());
  for (const auto& [name, value] : from.headers) {
    const std::string_view name_text = next(name.size());
    request.headers.push_back({name_text, next(value.size())});
  }
  request.body.Append(from.body);
  return request;
}

}  // namespace

Result<std::unique_ptr<FolderApi>> FolderApi::Open(const std::string& data_dir,
                                                   const std::string& tenant) {
  base::SetLogLevel(base::LogLevel::kError);
  config::Config config;
  config.data_dir = data_dir;
  std::unique_ptr<FolderApi> folder(new FolderApi);
  engine::Environment environment;
  environment.metrics = &folder->registry_;
  engine::EngineOptions engine_options = EngineOptionsFrom(config);
  engine_options.read_only = true;
  NL_TRY(folder->engine_, engine::Engine::Open(engine_options, environment));
  if (folder->engine_->FindTenant(tenant) == nullptr)
    return NotFound("there is no tenant " + tenant + " in " + data_dir);
  auto options = std::make_unique<api::ApiOptions>();
  options->only_tenant = tenant;
  options->query_timeout_ns = base::kNsPerDay;
  options->query_memory_bytes_max = EffectiveConfig(config).query.memory_bytes_max;
  folder->api_ =
      std::make_unique<api::Api>(folder->engine_.get(), &folder->registry_, std::move(options));
  return folder;
}

FolderApi::~FolderApi() {
  if (api_) api_->Stop();
  if (engine_) engine_->Close();
}

Result<http::ClientResponse> FolderApi::Fetch(const http::ClientRequest& request) {
  const auto receiver = std::make_shared<Receiver>(request);
  http::Request asked = ToRequest(request);
  asked.received_ns = engine_->clock().MonotonicNs();
  // Whoever lets go of the responder without an answer ends the wait too.
  api_->Handle(std::move(asked), http::ResponderPtr(receiver.get(), [receiver](http::Responder*) {
                 receiver->Abort();
               }));
  return receiver->Await();
}

}  // namespace neurallog::server
