#include "tail/viewer.h"

#include <catch2/catch.hpp>

namespace neurallog::tail {
namespace {

// A connection that takes what it is told to take.
class FakeResponder : public http::Responder {
 public:
  void Send(http::Response) override {}
  void Start(http::Response) override {}
  void Upgrade(http::Response, std::function<void(std::string_view)>) override {}
  void Write(std::string chunk) override { written += chunk; }
  void Finish(Trailers) override { finished = true; }
  void Abort() override {}
  size_t buffered_bytes() const override { return blocked ? SIZE_MAX : 0; }
  bool closed() const override { return false; }
  void OnDrained(size_t, std::function<void()> resume) override { resume_ = std::move(resume); }

  void Drain() {
    blocked = false;
    if (const auto resume = std::exchange(resume_, nullptr)) resume();
  }

  std::string written;
  bool blocked = false;
  bool finished = false;

 private:
  std::function<void()> resume_;
};

class Fixture {
 public:
  explicit Fixture(size_t events_max = 100, size_t bytes_max = 1 << 20)
      : responder(std::make_shared<FakeResponder>()) {
    auto query = query::ParseQuery("*", {});
    auto lens = Lens::Make(std::move(*query), query::OutputFormat::kNative, Framing::kLines);
    viewer = std::make_shared<Viewer>(
        ViewerOptions{bytes_max, events_max, 1'000}, *lens, responder, [] { return true; },
        &metrics);
  }

  // Events "lsn\n" for the LSNs first .. last.
  void Offer(uint64_t first, uint64_t last) {
    auto reel = std::make_shared<Reel>();
    for (uint64_t lsn = first; lsn <= last; ++lsn) {
      reel->bytes += std::to_string(lsn) + "\n";
      reel->events.push_back({{lsn, 0}, reel->bytes.size()});
    }
    viewer->Offer(reel);
  }
  std::string Written() { return std::exchange(responder->written, ""); }

  metrics::Registry registry;
  TailMetrics metrics{&registry};
  std::shared_ptr<FakeResponder> responder;
  std::shared_ptr<Viewer> viewer;
};

TEST_CASE("a held viewer waits, and goes on behind what was sent before") {
  Fixture fixture;
  fixture.Offer(1, 3);
  fixture.Offer(4, 5);
  CHECK(fixture.Written().empty());
  CHECK(fixture.viewer->Release({2}));
  CHECK(fixture.Written() == "3\n4\n5\n");
  fixture.Offer(6, 6);
  CHECK(fixture.Written() == "6\n");
}

TEST_CASE("what was sent as stored is not sent again when its round comes later") {
  Fixture fixture;
  CHECK(fixture.viewer->Release({3}));
  fixture.Offer(1, 2);
  fixture.Offer(3, 5);
  CHECK(fixture.Written() == "4\n5\n");
}

TEST_CASE("a held viewer whose queue ran over asks for what is gone to be sent") {
  Fixture fixture(/*events_max=*/3);
  fixture.Offer(1, 10);
  CHECK_FALSE(fixture.viewer->Release({5}));
  fixture.Offer(11, 12);
  CHECK(fixture.viewer->Release({11}));
  CHECK(fixture.Written() == "12\n");
  CHECK(fixture.metrics.dropped.value() == 0);
}

TEST_CASE("events that went but were sent before do not count") {
  Fixture fixture(/*events_max=*/3);
  fixture.Offer(1, 10);
  CHECK(fixture.viewer->Release({7}));
  CHECK(fixture.Written() == "8\n9\n10\n");
}

TEST_CASE("a slow viewer loses the oldest events and is told how many") {
  Fixture fixture(/*events_max=*/3);
  CHECK(fixture.viewer->Release({0, 0}));
  fixture.responder->blocked = true;
  fixture.Offer(1, 4);
  fixture.Offer(5, 6);
  fixture.Offer(7, 7);
  CHECK(fixture.Written().empty());
  fixture.responder->Drain();
  CHECK(fixture.Written() == "{\"dropped\":{\"count\":4,\"total\":4}}\n5\n6\n7\n");
  fixture.responder->blocked = true;
  fixture.Offer(8, 12);
  fixture.responder->Drain();
  CHECK(fixture.Written() == "{\"dropped\":{\"count\":2,\"total\":6}}\n10\n11\n12\n");
  CHECK(fixture.metrics.dropped.value() == 6);
  CHECK(fixture.metrics.events.value() == 6);
}

TEST_CASE("bytes bound a queue as well, but one event always has room") {
  Fixture fixture(/*events_max=*/100, /*bytes_max=*/5);
  CHECK(fixture.viewer->Release({0, 0}));
  fixture.responder->blocked = true;
  fixture.Offer(1, 4);
  fixture.Offer(100'000'000, 100'000'000);
  fixture.responder->Drain();
  CHECK(fixture.Written() == "{\"dropped\":{\"count\":4,\"total\":4}}\n100000000\n");
}

TEST_CASE("rows that nobody looked at are told") {
  Fixture fixture;
  CHECK(fixture.viewer->Release({0, 0}));
  fixture.viewer->OfferUnexamined(7);
  CHECK(fixture.Written() == "{\"unexamined\":{\"logs\":7}}\n");
}

TEST_CASE("a silent viewer gets a heartbeat, and the end is said after what waits") {
  Fixture fixture;
  CHECK(fixture.viewer->Release({0, 0}));
  fixture.viewer->Beat(1);
  fixture.viewer->Beat(500);
  CHECK(fixture.Written().empty());
  fixture.viewer->Beat(1'001);
  CHECK(fixture.Written() == " ");
  fixture.responder->blocked = true;
  fixture.Offer(1, 2);
  fixture.viewer->End("why", {2});
  CHECK(fixture.Written() == "1\n2\n{\"end\":{\"reason\":\"why\"}}\n");
  CHECK(fixture.responder->finished);
  fixture.Offer(3, 3);
  CHECK(fixture.Written().empty());
}

}  // namespace
}  // namespace neurallog::tail
