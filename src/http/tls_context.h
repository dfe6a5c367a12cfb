// The server side of TLS: certificate, key and what is allowed, as one OpenSSL context.
#pragma once

#include <memory>
#include <string>

#include "neurallog/status.h"

struct ssl_ctx_st;

namespace neurallog::http {

// Shared by the connections that were opened with it; a reload makes a new one.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

// TLS 1.2 and 1.3, forward secrecy and AEAD only, ALPN http/1.1. OpenSSL's own configuration files
// are never read. The certificate file holds the chain, leaf first. Errors name the file.
Result<TlsContext> LoadTlsContext(const std::string& certificate_file, const std::string& key_file);

// Prepares OpenSSL without its configuration file; called before anything else of OpenSSL.
void InitOpenSsl();
// The oldest error of OpenSSL on this thread as text; forgets the rest.
std::string LastOpenSslError();

}  // namespace neurallog::http
