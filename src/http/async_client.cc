// Connections belong to origins. A request takes an idle connection of its origin, or opens one, or
// waits in the origin's line; who waits is served when the events of a round have been told, never
// from inside of a connection.
#include "http/async_client.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <unordered_map>

#include "base/base64.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "http/async_connection.h"

namespace neurallog::http {
namespace {

constexpr int kTickMs = 100;

bool FramesTheMessage(std::string_view name) {
  for (const std::string_view own :
       {"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"})
    if (SameName(name, own)) return true;
  return false;
}

bool IsMethodOrName(std::string_view text) {
  const auto is_part = [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_part);
}

Result<std::string> RequestWire(const AsyncRequest& request, const Url& url, const Proxy* proxy) {
  if (!IsMethodOrName(request.method)) return InvalidArgument("method " + request.method + " is not one");
  const bool relayed = proxy != nullptr && !url.tls;
  std::string wire;
  wire.reserve(512 + request.body.size());
  wire.append(request.method).append(relayed ? " http://" + url.authority : " ").append(url.target);
  wire.append(" HTTP/1.1\r\nHost: ").append(url.authority).append("\r\n");
  if (relayed && !proxy->authorization.empty())
    wire.append("Proxy-Authorization: ").append(proxy->authorization).append("\r\n");
  NL_RETURN_IF_ERROR(CheckHeaders(request.headers));
  for (const auto& [name, value] : request.headers)
    wire.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))
    wire.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return std::move(wire.append("\r\n").append(request.body));
}

Result<ExchangePtr> MakeExchange(AsyncRequest request, const Proxy* proxy) {
  auto exchange = std::make_unique<Exchange>();
  NL_TRY(exchange->url, ParseUrl(request.url));
  NL_TRY(exchange->wire, RequestWire(request, exchange->url, proxy));
  exchange->origin = exchange->url.origin();
  // The connection keeps the context alive, so no other has this address while there is one.
  if (request.tls != nullptr)
    exchange->origin.append(" ").append(
        std::to_string(reinterpret_cast<uintptr_t>(request.tls.get())));
  exchange->tls = std::move(request.tls);
  exchange->is_head = request.method == "HEAD";
  exchange->deadline_ns = base::Clock::System().MonotonicNs() + request.timeout_ns;
  return exchange;
}

Result<std::unique_ptr<Proxy>> ParseProxy(std::string text) {
  if (text.empty()) return std::unique_ptr<Proxy>();
  auto proxy = std::make_unique<Proxy>();
  const size_t begin = text.find("://") + 3, at = text.rfind('@');
  if (at != std::string::npos && at >= begin) {
    proxy->authorization = "Basic " + base::Base64(text.substr(begin, at - begin));
    text.erase(begin, at + 1 - begin);
  }
  NL_TRY(proxy->url, ParseUrl(text));
  if (proxy->url.tls) return InvalidArgument("proxy " + text + ": only http:// is supported");
  return proxy;
}

}  // namespace

Status CheckHeaders(const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) {
    if (!IsMethodOrName(name) || FramesTheMessage(name))
      return InvalidArgument("header " + name + " cannot be set");
    if (!IsLine(value)) return InvalidArgument("header " + name + " has a line break");
  }
  return Status::Ok();
}

class AsyncClient::Pool : public AsyncConnection::Owner {
 public:
  Pool(AsyncClientOptions options, std::unique_ptr<Proxy> proxy)
      : options_(std::move(options)), proxy_(std::move(proxy)) {}
  ~Pool() override {
    {
      base::MutexLock lock(mutex_);
      ended_ = true;
    }
    loop_.Wake();
    if (thread_.joinable()) thread_.join();
  }

  Status Start() {
    NL_RETURN_IF_ERROR(loop_.status());
    thread_ = base::StartThread("nl-http-out", [this] { Run(); });
    return Status::Ok();
  }

  void Send(AsyncRequest request, Done done);
  uint64_t connections_opened() const { return opened_.load(std::memory_order_relaxed); }

  EventLoop& loop() override { return loop_; }
  const AsyncClientOptions& options() const override { return options_; }
  const Proxy* proxy() const override { return proxy_.get(); }
  Result<ssl_ctx_st*> tls() override {
    if (tls_ == nullptr) {
      NL_TRY(tls_, LoadClientTls(options_.ca_file));
    }
    return tls_.get();
  }
  void OnAnswer(AsyncConnection* connection, ExchangePtr exchange) override;
  void OnFailure(AsyncConnection* connection, ExchangePtr exchange, Status status,
                 bool stale) override;

 private:
  // The receivers at one scheme, host and port.
  struct Origin {
    size_t open = 0;
    std::vector<AsyncConnection*> idle;  // the one that was used last at the end
    std::deque<ExchangePtr> waiting;
  };

  void Run();
  // False: the client has ended.
  bool TakeMail();
  bool HasMail();
  void Serve();
  void Assign(ExchangePtr exchange);
  void OpenFor(ExchangePtr exchange);
  bool CloseSomeIdle();
  void Tick(int64_t now_ns);
  void ExpireWaiting(int64_t now_ns);
  void Bury(AsyncConnection* connection);
  void EndAll();
  void Finish(ExchangePtr exchange, Result<ClientResponse> answer);

  // Constant after construction.
  const AsyncClientOptions options_;
  const std::unique_ptr<Proxy> proxy_;
  std::thread thread_;

  std::atomic<size_t> requests_{0};
  std::atomic<uint64_t> opened_{0};

  // Owned by the thread.
  EventLoop loop_;
  TlsContext tls_;
  std::unordered_map<std::string, Origin> origins_;
  std::unordered_map<AsyncConnection*, std::unique_ptr<AsyncConnection>> connections_;
  std::vector<std::unique_ptr<AsyncConnection>> dead_;  // until the end of the round
  std::vector<std::string> changed_;                    // origins where somebody may be served
  std::vector<ExchangePtr> again_;                      // to be sent over a new connection
  std::vector<ExchangePtr> mail_;

  base::Mutex mutex_;
  std::vector<ExchangePtr> mailbox_ NL_GUARDED_BY(mutex_);
  bool ended_ NL_GUARDED_BY(mutex_) = false;
};

void AsyncClient::Pool::Send(AsyncRequest request, Done done) {
  Result<ExchangePtr> made = MakeExchange(std::move(request), proxy_.get());
  if (!made.ok()) return done(made.status());
  ExchangePtr exchange = std::move(made).value();
  exchange->done = std::move(done);
  if (requests_.fetch_add(1, std::memory_order_relaxed) >= options_.requests_max)
    return Finish(std::move(exchange), ResourceExhausted("too many requests are under way"));
  bool was_empty;
  {
    base::MutexLock lock(mutex_);
    was_empty = mailbox_.empty();
    if (!ended_) mailbox_.push_back(std::move(exchange));
  }
  if (exchange != nullptr) return Finish(std::move(exchange), Cancelled("the client has ended"));
  // The client's own thread looks into the mailbox before it waits.
  if (was_empty && std::this_thread::get_id() != thread_.get_id()) loop_.Wake();
}

void AsyncClient::Pool::Run() {
  int64_t next_tick_ns = 0;
  while (TakeMail()) {
    Serve();
    const bool nothing_to_watch = connections_.empty() && origins_.empty();
    loop_.RunOnce(HasMail() ? 0 : nothing_to_watch ? -1 : kTickMs);
    const int64_t now_ns = base::Clock::System().MonotonicNs();
    if (now_ns >= next_tick_ns) {
      Tick(now_ns);
      next_tick_ns = now_ns + kTickMs * base::kNsPerMs;
    }
    Serve();
    dead_.clear();
  }
  EndAll();
}

bool AsyncClient::Pool::TakeMail() {
  {
    base::MutexLock lock(mutex_);
    if (ended_) return false;
    mail_.swap(mailbox_);
  }
  for (ExchangePtr& exchange : mail_) Assign(std::move(exchange));
  mail_.clear();
  return true;
}

bool AsyncClient::Pool::HasMail() {
  base::MutexLock lock(mutex_);
  return ended_ || !mailbox_.empty();
}

void AsyncClient::Pool::Serve() {
  for (ExchangePtr& exchange : std::exchange(again_, {})) Assign(std::move(exchange));
  for (const std::string& name : std::exchange(changed_, {})) {
    for (auto found = origins_.find(name);
         found != origins_.end() && !found->second.waiting.empty(); found = origins_.find(name)) {
      Origin& origin = found->second;
      if (origin.idle.empty() && origin.open >= options_.connections_per_origin_max) break;
      ExchangePtr exchange = std::move(origin.waiting.front());
      origin.waiting.pop_front();
      Assign(std::move(exchange));
    }
  }
}

void AsyncClient::Pool::Assign(ExchangePtr exchange) {
  Origin& origin = origins_[exchange->origin];
  if (!origin.idle.empty() && !exchange->second_try) {
    AsyncConnection* connection = origin.idle.back();
    origin.idle.pop_back();
    connection->Use(std::move(exchange));
  } else if (origin.open < options_.connections_per_origin_max) {
    OpenFor(std::move(exchange));
  } else {
    origin.waiting.push_back(std::move(exchange));
  }
}

void AsyncClient::Pool::OpenFor(ExchangePtr exchange) {
  const std::string name = exchange->origin;
  const bool full = connections_.size() >= options_.connections_max && !CloseSomeIdle();
  Origin& origin = origins_[name];
  if (full) {
    if (origin.open == 0 && origin.waiting.empty()) origins_.erase(name);
    return Finish(std::move(exchange), ResourceExhausted("too many connections are open"));
  }
  auto owned = std::make_unique<AsyncConnection>(this);
  AsyncConnection* connection = owned.get();
  connections_.emplace(connection, std::move(owned));
  ++origin.open;
  opened_.fetch_add(1, std::memory_order_relaxed);
  connection->Open(std::move(exchange));
}

bool AsyncClient::Pool::CloseSomeIdle() {
  for (auto& [name, origin] : origins_) {
    if (origin.idle.empty()) continue;
    origin.idle.front()->Fail(Cancelled("another connection is needed more"));
    return true;
  }
  return false;
}

void AsyncClient::Pool::OnAnswer(AsyncConnection* connection, ExchangePtr exchange) {
  ClientResponse response = connection->TakeResponse();
  changed_.push_back(exchange->origin);
  if (connection->idle()) {
    origins_[exchange->origin].idle.push_back(connection);
  } else {
    Bury(connection);
  }
  Finish(std::move(exchange), std::move(response));
}

void AsyncClient::Pool::OnFailure(AsyncConnection* connection, ExchangePtr exchange, Status status,
                                  bool stale) {
  changed_.push_back(connection->origin());
  Bury(connection);
  if (exchange == nullptr) return;
  if (stale && !exchange->second_try) {
    exchange->second_try = true;
    again_.push_back(std::move(exchange));
  } else {
    const std::string name = exchange->url.origin();
    Finish(std::move(exchange), status.Annotate(name));
  }
}

void AsyncClient::Pool::Bury(AsyncConnection* connection) {
  loop_.Forget(connection);
  const auto found = origins_.find(connection->origin());
  Origin& origin = found->second;
  origin.idle.erase(std::remove(origin.idle.begin(), origin.idle.end(), connection),
                    origin.idle.end());
  if (--origin.open == 0 && origin.waiting.empty()) origins_.erase(found);
  const auto owned = connections_.find(connection);
  dead_.push_back(std::move(owned->second));
  connections_.erase(owned);
}

void AsyncClient::Pool::Tick(int64_t now_ns) {
  std::vector<AsyncConnection*> all;
  for (const auto& [connection, owned] : connections_) all.push_back(connection);
  for (AsyncConnection* connection : all) connection->Tick(now_ns);
  ExpireWaiting(now_ns);
}

void AsyncClient::Pool::ExpireWaiting(int64_t now_ns) {
  std::vector<ExchangePtr> expired;
  for (auto& [name, origin] : origins_) {
    const auto is_late = [&](const ExchangePtr& one) { return now_ns > one->deadline_ns; };
    const auto late = std::stable_partition(origin.waiting.begin(), origin.waiting.end(),
                                            [&](const ExchangePtr& one) { return !is_late(one); });
    std::move(late, origin.waiting.end(), std::back_inserter(expired));
    origin.waiting.erase(late, origin.waiting.end());
  }
  for (ExchangePtr& exchange : expired)
    Finish(std::move(exchange), DeadlineExceeded("no connection became free in time"));
}

void AsyncClient::Pool::EndAll() {
  const Status ended = Cancelled("the client has ended");
  while (!connections_.empty()) connections_.begin()->first->Fail(ended);
  for (auto& [name, origin] : origins_)
    for (ExchangePtr& exchange : origin.waiting) Finish(std::move(exchange), ended);
  for (ExchangePtr& exchange : again_) Finish(std::move(exchange), ended);
  std::vector<ExchangePtr> rest;
  {
    base::MutexLock lock(mutex_);
    rest.swap(mailbox_);
  }
  for (ExchangePtr& exchange : rest) Finish(std::move(exchange), ended);
  dead_.clear();
}

void AsyncClient::Pool::Finish(ExchangePtr exchange, Result<ClientResponse> answer) {
  requests_.fetch_sub(1, std::memory_order_relaxed);
  exchange->done(std::move(answer));
}

AsyncClient::AsyncClient(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}

AsyncClient::~AsyncClient() = default;

Result<std::unique_ptr<AsyncClient>> AsyncClient::Start(AsyncClientOptions options) {
  NL_TRY(std::unique_ptr<Proxy> proxy, ParseProxy(options.proxy));
  auto pool = std::make_unique<Pool>(std::move(options), std::move(proxy));
  NL_RETURN_IF_ERROR(pool->Start());
  return std::unique_ptr<AsyncClient>(new AsyncClient(std::move(pool)));
}

void AsyncClient::Send(AsyncRequest request, Done done) {
  pool_->Send(std::move(request), std::move(done));
}

uint64_t AsyncClient::connections_opened() const { return pool_->connections_opened(); }

}  // namespace neurallog::http
