// What the sinks over HTTP send, and what they make of answers.
#include <fstream>
#include <iterator>

#include "actions/webhook_signature.h"
#include "base/base64.h"
#include "receiver.h"

namespace neurallog::actions {
namespace {

constexpr std::string_view kFiring =
    R"({"event":"firing","tenant":"acme","rule":{"id":"r1","name":"Disk <full>","version":3,)"
    R"("severity":"high","labels":{"team":"ops"},"meta":{"description":"No room.","runbook":"https://run/1"}},)"
    R"("alert":{"id":"1","state":"firing","start":"2026-01-01T00:00:00Z","matches":2,"group":{"host.name":"a"}},)"
    R"("records":[{"message":"disk & full"},{"level":"error"}],"records_total":2,)"
    R"("links":{"alert":"/v1/alerts/1"},"time":"2026-01-01T00:00:05Z"})";

std::string Resolved() {
  std::string notice(kFiring);
  notice.replace(notice.find("firing"), 6, "resolved");
  return notice.replace(notice.find("\"matches\""), 0, R"("resolved":"2026-01-01T00:01:00Z",)");
}

struct Fixture {
  Receiver receiver;
  TestHost host{{"127.0.0.0/8"}};

  // A configuration with the receiver's URL and these members.
  std::string Config(std::string_view members, std::string_view path = "") const {
    std::string json = "{\"url\":\"" + receiver.Url();
    return json.append(path)
        .append("\"")
        .append(members.empty() ? "" : ",")
        .append(members)
        .append("}");
  }
  Received Send(std::string_view type, std::string_view members,
                std::string_view notice = kFiring) {
    const auto sink = host.MustMake(type, Config(members));
    CHECK(sink->endpoint() == receiver.Url());
    const Outcome outcome = DeliverTo(sink.get(), AttemptOf(notice));
    CHECK(outcome.kind == Outcome::Kind::kDelivered);
    CHECK(outcome.status == 200);
    Received last = receiver.Last();
    CHECK(base::ParseJson(last.body).ok());
    return last;
  }
};

std::string ErrorOf(const Result<std::unique_ptr<Sink>>& sink) {
  return std::string(sink.status().message());
}

}  // namespace

TEST_CASE("a webhook sends the notice as it is, or what its template makes of it") {
  Fixture f;
  const Received plain = f.Send(
      "webhook", R"("headers":{"X-Team":"ops"},"secret_headers":{"Authorization":"Bearer t"})");
  CHECK(plain.method == "POST");
  CHECK(plain.target == "/");
  CHECK(plain.body == kFiring);
  CHECK(plain.Header("Content-Type") == "application/json");
  CHECK(plain.Header("X-Team") == "ops");
  CHECK(plain.Header("Authorization") == "Bearer t");
  CHECK(plain.Header("webhook-id") == "msg_p5jXN8AQM9LWM0D4loKWxJek");
  CHECK(plain.Header("webhook-timestamp") == "1614265330");
  CHECK(plain.Header("webhook-signature").empty());
  const Received made = f.Send(
      "webhook", R"("method":"PUT","template":"{\"n\":\"{{rule.name}}\",\"g\":{{&alert.group}}}")");
  CHECK(made.method == "PUT");
  CHECK(made.body == R"({"n":"Disk <full>","g":{"host.name":"a"}})");
}

TEST_CASE("a webhook is signed as Standard Webhooks says") {
  const std::string key = *ParseWebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  CHECK(StandardWebhookSignature({key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                 R"({"test": 2432232314})") ==
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  Fixture f;
  const std::string_view notice = R"({"test": 2432232314})";
  const Received one =
      f.Send("webhook", R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")", notice);
  CHECK(one.Header("webhook-signature") == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  const std::string other = "whsec_" + base::Base64(std::string(32, 'k'));
  const Received two = f.Send(
      "webhook",
      R"("secret":")" + other + R"(","secret_previous":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")",
      notice);
  CHECK(two.Header("webhook-signature")
            .ends_with(" v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
  CHECK(two.Header("webhook-signature").size() == 2 * one.Header("webhook-signature").size() + 1);
  // docs.github.com, validating webhook deliveries.
  CHECK(HubSignature("It's a Secret to Everybody", "Hello, World!") ==
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  // Test case 2 of RFC 2202 and RFC 4231.
  SignatureScheme scheme;
  const std::string_view text = "what do ya want for nothing?";
  CHECK(SchemeSignature(scheme, "Jefe", 0, text) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  scheme.digest = SignatureScheme::Digest::kSha1;
  scheme.is_base64 = true;
  scheme.prefix = "sha1=";
  CHECK(SchemeSignature(scheme, "Jefe", 0, text) == "sha1=7/zfauXrL6LSdBbV8YTfnCWafHk=");
  const Received custom = f.Send(
      "webhook",
      R"("secret":"k","signature":"custom","signature_header":"X-Sig","signature_algorithm":"sha512","signature_of":"timestamp.body")",
      notice);
  scheme = {"X-Sig", "", SignatureScheme::Digest::kSha512, false, true};
  CHECK(custom.Header("X-Sig") == SchemeSignature(scheme, "k", 1614265330, notice));
  CHECK(SchemeSignature(scheme, "k", 7, "b") ==
        SchemeSignature({"", "", SignatureScheme::Digest::kSha512, false, false}, "k", 0, "7.b"));
  for (const std::string_view bad :
       {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!"})
    CHECK_FALSE(ParseWebhookSecret(bad).ok());
}

TEST_CASE("chats get a title, the records and no markup of the records' own") {
  Fixture f;
  const Received slack = f.Send("slack", R"("channel":"#ops")");
  CHECK(slack.body.find(R"("text":"*Disk &lt;full&gt; (high)*")") != std::string::npos);
  CHECK(
      slack.body.find(
          R"(No room.\nGroup: host.name=a\nMatches: 2\ndisk &amp; full\nlevel=error\nRunbook: https://run/1")") !=
      std::string::npos);
  CHECK(slack.body.find("\"channel\":\"#ops\"") != std::string::npos);
  const Received discord = f.Send("discord", "");
  CHECK(discord.body.find(R"x("title":"Disk <full> (high)")x") != std::string::npos);
  CHECK(discord.body.find(R"("allowed_mentions":{"parse":[]})") != std::string::npos);
  const Received teams = f.Send("teams", "");
  CHECK(teams.body.find(R"("contentType":"application/vnd.microsoft.card.adaptive")") !=
        std::string::npos);
  const Received telegram =
      f.Send("telegram", R"("token":"123:abc","chat_id":"-100","title":"{{rule.name}}")");
  CHECK(telegram.target == "/bot123:abc/sendMessage");
  CHECK(telegram.body.find(R"(<b>Disk &lt;full&gt;</b>)") != std::string::npos);
  CHECK(f.Send("slack", "", Resolved()).body.find("Resolved: Disk") != std::string::npos);
  CHECK(f.Send("discord", R"("text":"{{#records}}{{message}};{{/records}}")")
            .body.find("disk & full;;") != std::string::npos);
}

TEST_CASE("incident services learn of the end of what they were told") {
  Fixture f;
  const Received trigger = f.Send("pagerduty", R"("routing_key":"R0")");
  CHECK(trigger.target == "/v2/enqueue");
  CHECK(trigger.body.find(R"("event_action":"trigger","dedup_key":"alert_1")") !=
        std::string::npos);
  CHECK(trigger.body.find(R"("severity":"error")") != std::string::npos);
  CHECK(f.Send("pagerduty", R"("routing_key":"R0")", Resolved())
            .body.find(R"("event_action":"resolve","dedup_key":"alert_1")") != std::string::npos);
  const Received create = f.Send("opsgenie", R"("api_key":"K","teams":["sre"],"tags":["t1","t2"])");
  CHECK(create.target == "/v2/alerts");
  CHECK(create.Header("Authorization") == "GenieKey K");
  CHECK(create.body.find(R"("alias":"alert_1")") != std::string::npos);
  CHECK(create.body.find(
            R"("priority":"P2","tags":["t1","t2"],"responders":[{"type":"team","name":"sre"}])") !=
        std::string::npos);
  CHECK(f.Send("opsgenie", R"("api_key":"K")", Resolved()).target ==
        "/v2/alerts/alert_1/close?identifierType=alias");
  const Received alert =
      f.Send("alertmanager", R"("labels":{"team":"mine","env":"p"},"username":"u","password":"p")");
  CHECK(alert.target == "/api/v2/alerts");
  CHECK(alert.Header("Authorization") == "Basic dTpw");
  CHECK(
      alert.body.find(
          R"([{"labels":{"alertname":"Disk <full>","team":"mine","env":"p","severity":"high","tenant":"acme","host_name":"a"})") ==
      0);
  CHECK(alert.body.find("endsAt") == std::string::npos);
  CHECK(f.Send("alertmanager", "", Resolved()).body.find(R"("endsAt":"2026-01-01T00:01:00Z")") !=
        std::string::npos);
}

TEST_CASE("of a group people are told at once, and Alertmanager of each alert") {
  Fixture f;
  const std::string group =
      R"({"event":"firing","tenant":"acme","time":"2026-01-01T00:02:00Z","summary":"1 firing, 1 resolved",
      "rule":{"id":"r","name":"Disk","severity":"high"},"alert":{"start":"2026-01-01T00:00:00Z","group":{"host":"a"}},"alerts":[
      {"event":"firing","rule":{"name":"Disk","severity":"high"},"alert":{"start":"2026-01-01T00:00:00Z","group":{"host":"a"}}},
      {"event":"resolved","rule":{"name":"Disk","severity":"low"},"alert":{"start":"2026-01-01T00:00:00Z",
       "resolved":"2026-01-01T00:01:00Z","group":{"host":"b"}}}]})";
  const std::string alerts = f.Send("alertmanager", "", group).body;
  CHECK(alerts.find(R"("severity":"high","tenant":"acme","host":"a")") != std::string::npos);
  CHECK(alerts.find(R"("severity":"low","tenant":"acme","host":"b")") != std::string::npos);
  CHECK(alerts.find("endsAt") == alerts.rfind("endsAt"));
  CHECK(alerts.find(R"("endsAt":"2026-01-01T00:01:00Z")") > alerts.find(R"("host":"b")"));
  const std::string slack = f.Send("slack", "", group).body;
  CHECK(slack.find("Disk (high): 1 firing, 1 resolved") != std::string::npos);
  CHECK(slack.find("resolved: Disk") != std::string::npos);
}

TEST_CASE("answers decide what becomes of an attempt") {
  Fixture f;
  const auto sink = f.host.MustMake("webhook", f.Config(""));
  const auto answer = [&](int status, std::string body, std::string retry_after = "") {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    if (!retry_after.empty()) response.headers.emplace_back("Retry-After", retry_after);
    f.receiver.AnswerWith(std::move(response));
    return DeliverTo(sink.get(), AttemptOf("{}"));
  };
  CHECK(answer(204, "").kind == Outcome::Kind::kDelivered);
  const Outcome slow = answer(429, std::string(5000, 'x'), "7");
  CHECK(slow.kind == Outcome::Kind::kRetry);
  CHECK(slow.retry_after_ns == 7'000'000'000);
  CHECK(slow.answer == std::string(1024, 'x'));
  CHECK(answer(503, "", "-5").retry_after_ns == 0);
  CHECK(answer(503, "", "Sun, 06 Nov 1994 08:49:37 GMT").retry_after_ns == 0);
  CHECK(answer(503, "", "Sun, 06 Nov 2094 08:49:37 GMT").retry_after_ns == 86'400'000'000'000);
  CHECK(answer(302, "").kind == Outcome::Kind::kFinal);
  CHECK(answer(410, "").kind == Outcome::Kind::kGone);
  const auto telegram = f.host.MustMake("telegram", f.Config(R"("token":"1:a","chat_id":"1")"));
  answer(429, R"({"ok":false,"parameters":{"retry_after":5}})");
  CHECK(DeliverTo(telegram.get(), AttemptOf(kFiring)).retry_after_ns == 5'000'000'000);
}

TEST_CASE("nobody there is a reason to try again, a notice that cannot be rendered is not") {
  Fixture f;
  std::string port;
  {
    Receiver ended;
    port = ended.Url();
  }
  const auto nobody = f.host.MustMake("webhook", R"({"url":")" + port + R"("})");
  const Outcome outcome = DeliverTo(nobody.get(), AttemptOf("{}"));
  CHECK(outcome.kind == Outcome::Kind::kRetry);
  CHECK(outcome.error.find("connect") != std::string::npos);
  const auto slack = f.host.MustMake("slack", f.Config(""));
  CHECK(DeliverTo(slack.get(), AttemptOf("not json")).kind == Outcome::Kind::kFinal);
}

TEST_CASE("a preview shows the message and no secret") {
  Fixture f;
  const auto sink = f.host.MustMake("pagerduty", f.Config(R"("routing_key":"R0SECRET")"));
  const auto preview = sink->Preview(kFiring);
  REQUIRE(preview.ok());
  CHECK(preview->find("Disk <full>") != std::string::npos);
  CHECK(preview->find("R0SECRET") == std::string::npos);
  CHECK(f.receiver.count() == 0);
}

TEST_CASE("configurations that cannot be are refused, and the member is named") {
  TestHost host({});
  CHECK(ErrorOf(host.Make("webhook", "{}")) == "config.url: is needed");
  CHECK(ErrorOf(host.Make("webhook", "[]")) == "config: not an object");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","timeout":"11s"})")) ==
        "config.timeout: 11s is not between 100ms and 10s");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","metod":"PUT"})")) ==
        "config.metod: there is no such member");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","method":"GET"})")) ==
        "config.method: GET is none of POST, PUT, PATCH");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","template":"{{#a}}"})")) ==
        "config.template: template: byte 6: section a has no end");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","secret":"x"})")) ==
        "config.secret: does not begin with whsec_");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","headers":{"Host":"b"}})")) ==
        "config.headers: header Host cannot be set");
  CHECK(ErrorOf(host.Make(
            "webhook",
            R"({"url":"https://a.example/","signature":"custom","signature_header":"Host"})")) ==
        "config.signature_header: header Host cannot be set");
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"https://a.example/","ca_certificate":"x"})")) ==
        "config: ca_certificate is no certificate in PEM");
  host.host.https_only = true;
  CHECK(ErrorOf(host.Make("webhook", R"({"url":"http://a.example/"})")) ==
        "receivers without https are not allowed (actions.https_only)");
  CHECK(host.Make("webhook", R"({"url":"https://a.example/"})").ok());
  CHECK(ErrorOf(host.Make("slack", R"({"url":7})")) == "config.url: is not a text");
  CHECK(ErrorOf(host.Make("telegram", R"({"token":"a/../b","chat_id":"1"})")) ==
        "config.token: is not a bot's token");
}

}  // namespace neurallog::actions
