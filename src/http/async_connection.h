// One connection of the AsyncClient: resolve, check, connect, TLS, then one exchange after another.
// Owned by the client's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/async_client.h"
#include "http/event_loop.h"
#include "http/response_parser.h"
#include "http/tls_client.h"
#include "http/url.h"

namespace neurallog::http {

// One request on its way.
struct Exchange {
  Url url;
  std::string origin;  // connections to it are the same to whoever asks
  TlsContext tls;      // null: the client's
  bool is_head = false;
  std::string wire;  // the whole request
  int64_t deadline_ns = 0;
  bool second_try = false;  // a kept connection broke under the first
  AsyncClient::Done done;
};
using ExchangePtr = std::unique_ptr<Exchange>;

// A proxy, taken apart.
struct Proxy {
  Url url;
  std::string authorization;  // value of Proxy-Authorization, or empty
};

class AsyncConnection final : public EventLoop::Watcher {
 public:
  // Who is told how exchanges end, and lends what connections share. A connection may be destroyed
  // only after it returned to the loop.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual EventLoop& loop() = 0;
    virtual const AsyncClientOptions& options() const = 0;
    virtual const Proxy* proxy() const = 0;
    virtual Result<ssl_ctx_st*> tls() = 0;
    // `connection` is idle or closed. Neither of these may give it work, or take it away, at once.
    virtual void OnAnswer(AsyncConnection* connection, ExchangePtr exchange) = 0;
    // `connection` is closed. Null: it was unused. `stale`: nothing came back over a connection
    // that was used before.
    virtual void OnFailure(AsyncConnection* connection, ExchangePtr exchange, Status status,
                           bool stale) = 0;
  };

  explicit AsyncConnection(Owner* owner) : owner_(owner) {}
  ~AsyncConnection() override { Close(); }

  // The first exchange, which says where to; later ones, when idle().
  void Open(ExchangePtr exchange);
  void Use(ExchangePtr exchange);
  // Ends what has lasted too long.
  void Tick(int64_t now_ns);
  // Ends everything.
  void Fail(Status status);

  void OnEvents(uint32_t events) override;

  bool idle() const { return state_ == State::kIdle; }
  const std::string& origin() const { return origin_; }
  // The answer of the exchange that OnAnswer hands back.
  ClientResponse TakeResponse() { return std::move(parser_.response()); }

 private:
  enum class State : uint8_t {
    kResolving,
    kConnecting,
    kTunnel,  // CONNECT to the proxy
    kHandshake,
    kBusy,
    kIdle,
    kClosed
  };
  // What a step of the protocol found.
  enum class Progress : uint8_t { kNext, kWait };

  void Advance();
  Result<Progress> Step();
  Result<Progress> Resolve();
  Status CheckAddresses() const;
  Result<Progress> ConnectNext();
  Result<Progress> FinishConnect();
  // `error`: errno, or 0.
  Result<Progress> OnConnected(int error);
  Result<Progress> Tunnel();
  Result<Progress> StartHandshake();
  Result<Progress> Handshake();
  Result<Progress> Talk();
  Result<Progress> StayIdle();
  // A request and its response: to the proxy or to the receiver.
  void Begin(State state, bool bodiless);
  Status Flush(std::string_view wire);
  // True: the response is complete.
  Result<bool> Receive();
  // Nothing: later. 0: the receiver ended the connection.
  Result<std::optional<size_t>> ReadSome(char* to, size_t bytes);
  Result<std::optional<size_t>> WriteSome(std::string_view bytes);
  Result<std::optional<size_t>> OutcomeOfTls(int outcome, std::string_view what);
  void FinishExchange();
  void Close();

  const Url& peer() const { return owner_->proxy() ? owner_->proxy()->url : exchange_->url; }

  Owner* const owner_;
  State state_ = State::kResolving;
  std::string origin_;
  ExchangePtr exchange_;
  bool used_before_ = false;
  int64_t idle_since_ns_ = 0;

  std::unique_ptr<HostLookup> lookup_;
  Addresses addresses_;
  size_t address_at_ = 0;  // of the address to be tried next
  int64_t connect_deadline_ns_ = 0;
  int fd_ = -1;
  bool peer_ended_ = false;  // an event said that nothing comes behind what is there
  SslPtr ssl_;

  std::string tunnel_wire_;
  size_t sent_ = 0;
  bool input_left_ = false;  // behind the response, where nothing belongs
  ResponseParser parser_;
};

}  // namespace neurallog::http
