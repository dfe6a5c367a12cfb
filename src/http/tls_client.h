// The client side of TLS: whom to trust, and one connection that checks its peer.
#pragma once

#include <memory>
#include <string>

#include "http/tls_context.h"

struct ssl_st;

namespace neurallog::http {

// TLS 1.2 and 1.3. Trusts the certificates of the PEM file `ca_file`; empty: the file of the
// operating system, or SSL_CERT_FILE.
Result<TlsContext> LoadClientTls(const std::string& ca_file);

// Texts of PEM; empty: there is none.
struct ClientIdentity {
  std::string ca = {};           // whom to trust, and nobody else
  std::string certificate = {};  // that is shown to the peer: the chain, leaf first
  std::string key = {};          // of the certificate, not encrypted
};
// `ca_file` is for those who say nothing of whom to trust. InvalidArgument names what cannot be.
Result<TlsContext> MakeClientTls(const ClientIdentity& identity, const std::string& ca_file);

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslFree>;

// A connection over the socket `fd` that goes on only if the peer's certificate is for `host`, a
// name or an address.
Result<SslPtr> NewClientSsl(ssl_ctx_st* context, const std::string& host, int fd);

}  // namespace neurallog::http
