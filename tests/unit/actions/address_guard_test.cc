#include "actions/address_guard.h"

#include <catch2/catch.hpp>

#include "receiver.h"

namespace neurallog::actions {
namespace {

// Ways to reach the inside that were seen in the wild: plain, in other notations, inside of addresses
// of version 6, as odd names, and on ports of other protocols.
constexpr std::string_view kHostile[] = {
    "http://127.0.0.1/",
    "http://127.255.255.254:8080/",
    "http://0.0.0.0/",
    "http://0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://0251.0376.0251.0376/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:10.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:53aa:64c::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[ff02::1]/",
    "http://localhost/",
    "http://localhost:8080/",
    "http://user@127.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/",
    "http://127.0.0.1%00.example.com/",
    "http://127%2e0%2e0%2e1/",
    "http://example.com:22/",
    "http://example.com:25/",
    "http:///etc/passwd",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "http://127.0.0.1:80\r\nHost: inside/",
};

}  // namespace

TEST_CASE("no action reaches the inside, however its URL is written") {
  TestHost host({});
  size_t refused = 0;
  for (const std::string_view url : kHostile) {
    INFO(url);
    std::string config = R"({"url":)";
    base::AppendJsonString(&config, url);
    auto sink = host.Make("webhook", config.append("}"));
    if (!sink.ok()) {
      CHECK((sink.status().code() == Code::kPermissionDenied ||
             sink.status().code() == Code::kInvalidArgument));
      ++refused;
      continue;
    }
    const Outcome outcome = DeliverTo(sink->get(), AttemptOf("{}"));
    CHECK(outcome.kind == Outcome::Kind::kFinal);
    CHECK(outcome.error.find("is not of the open internet") != std::string::npos);
    ++refused;
  }
  CHECK(refused == std::size(kHostile));
  CHECK(std::size(kHostile) >= 40);
  CHECK(host.client->connections_opened() <= 2);  // localhost, and no further than its name
}

TEST_CASE("a name that stands for an address of the inside is refused without connecting") {
  Receiver receiver;
  TestHost host({"127.0.0.0/8"});  // "localhost" is also ::1
  const std::string url =
      "http://localhost" + receiver.Url().substr(sizeof("http://127.0.0.1") - 1);
  const auto sink = host.MustMake("webhook", R"({"url":")" + url + R"("})");
  CHECK(DeliverTo(sink.get(), AttemptOf("{}")).kind == Outcome::Kind::kFinal);
  CHECK(receiver.count() == 0);
}

TEST_CASE("networks that are allowed are reached, and no others") {
  const AddressGuard guard = *AddressGuard::Make({"10.1.0.0/16", "fd00::/8", "127.0.0.1"});
  for (const std::string_view allowed :
       {"10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "127.0.0.1", "8.8.8.8", "2606:4700::1111"})
    CHECK(guard.CheckAddress(allowed).ok());
  for (const std::string_view refused :
       {"10.2.0.1", "127.0.0.2", "fe80::1", "", "example.com", "1"})
    CHECK(guard.CheckAddress(refused).code() == Code::kPermissionDenied);
  CHECK(AddressGuard::Make({"10.1.0.0/33"}).status().code() == Code::kInvalidArgument);
  CHECK(AddressGuard::Make({"inside"}).status().code() == Code::kInvalidArgument);
}

TEST_CASE("names and ports of the open internet pass") {
  const AddressGuard guard;
  for (const std::string_view url :
       {"https://hooks.slack.com/services/T0/B0/x", "https://example.com:8443/", "http://1.1.1.1/",
        "https://a-b_c.example.com./", "https://x1.example.co2/",
        "http://[2606:4700::1111]:8080/"}) {
    INFO(url);
    CHECK(guard.CheckUrl(*http::ParseUrl(url)).ok());
  }
}

}  // namespace neurallog::actions
