#include "actions/template.h"

#include <catch2/catch.hpp>

namespace neurallog::actions {
namespace {

std::string Render(std::string_view text, std::string_view json, Escape escape = Escape::kText) {
  auto compiled = Template::Compile(text, escape);
  if (!compiled.ok()) return std::string(compiled.status().message());
  auto rendered = compiled->Render(*base::ParseJson(json));
  return rendered.ok() ? *rendered : std::string(rendered.status().message());
}

constexpr std::string_view kNotice =
    R"({"event":"firing","rule":{"name":"Disk <full>","labels":{"team":"ops","n":2}},)"
    R"("records":[{"message":"a \"b\"","k8s.pod":"p1","n":1.50},{"message":"c&d","x":{"y":[1,null,true]}}],)"
    R"("empty":[],"none":null,"no":false,"zero":0,"blank":""})";

}  // namespace

TEST_CASE("values are found by paths, and what is not there is nothing") {
  CHECK(Render("{{event}}", kNotice) == "firing");
  CHECK(Render("a {{ rule.name }} b", kNotice) == "a Disk <full> b");
  CHECK(Render("[{{nothing}}{{rule.nothing.more}}{{none}}]", kNotice) == "[]");
  CHECK(Render("{{records.0.k8s.pod}} {{records.0.n}} {{records.1.x.y.2}}", kNotice) ==
        "p1 1.50 true");
  CHECK(Render("{{records.7.n}}{{records.-1.n}}{{records.00x.n}}", kNotice) == "");
  CHECK(Render("{{rule.labels}}", kNotice) == "team=ops n=2");
  CHECK(Render("{{records.1.x.y}}", kNotice) == "1, , true");
  CHECK(Render("{{records.1}}", kNotice) == R"(message=c&d x={"y":[1,null,true]})");
  CHECK(Render("{{&records.1.x}}", kNotice) == R"({"y":[1,null,true]})");
  CHECK(Render("{ {{! a comment }}}", kNotice) == "{ }");
}

TEST_CASE("sections repeat, choose and compare") {
  CHECK(Render("{{#records}}({{message}}:{{event}}){{/records}}", kNotice) ==
        "(a \"b\":firing)(c&d:firing)");
  CHECK(Render("{{#records.1.x.y}}[{{.}}]{{/records.1.x.y}}", kNotice) == "[1][][true]");
  for (const std::string_view falsy : {"empty", "none", "no", "blank", "nothing"}) {
    const std::string name(falsy);
    CHECK(Render("{{#" + name + "}}a{{/" + name + "}}{{^" + name + "}}b{{/" + name + "}}",
                 kNotice) == "b");
  }
  CHECK(Render("{{#zero}}{{.}}{{/zero}}{{#event}}{{.}}{{/event}}", kNotice) == "0firing");
  CHECK(Render("{{#rule}}{{name}}{{/rule}}", kNotice) == "Disk <full>");
  CHECK(Render("{{#event=firing}}yes{{/event}}{{^event=firing}}no{{/event}}", kNotice) == "yes");
  CHECK(Render("{{#event = resolved}}yes{{/event}}{{^event=resolved}}no{{/event}}", kNotice) ==
        "no");
  CHECK(Render("{{#event=firing}}{{event}}{{/event}}", kNotice) == "firing");
}

TEST_CASE("a line with nothing but a section's begin or end leaves no line") {
  CHECK(Render("a\n{{#records}}\n - {{n}}\n{{/records}}\nb\n", kNotice) == "a\n - 1.50\n - \nb\n");
  CHECK(Render("  {{#event}}  \r\nx\n  {{/event}}", kNotice) == "x\n");
  CHECK(Render("a {{#event}}\nx\n{{/event}} b", kNotice) == "a \nx\n b");
  CHECK(Render("{{! one }}\n{{! two }}\nx", kNotice) == "x");
  CHECK(Render(" {{event}} \n", kNotice) == " firing \n");
}

TEST_CASE("values are escaped for where they go") {
  const std::string_view json = R"({"v":"<a href=\"x\">&'\n\\","o":{"k":"\"<"}})";
  CHECK(Render("{{v}}", json) == "<a href=\"x\">&'\n\\");
  CHECK(Render(R"({"t":"{{v}}","o":{{&o}},"n":{{&nothing}}})", json, Escape::kJson) ==
        R"({"t":"<a href=\"x\">&'\n\\","o":{"k":"\"<"},"n":null})");
  CHECK(Render("{{v}}{{&o}}", json, Escape::kHtml) ==
        "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\n\\{&quot;k&quot;:&quot;\\&quot;&lt;&quot;}");
  CHECK(Render("q={{v}}", json, Escape::kUrl) == "q=%3Ca%20href%3D%22x%22%3E%26%27%0A%5C");
  CHECK(Render("{{v}}", json, Escape::kSlack) == "&lt;a href=\"x\"&gt;&amp;'\n\\");
}

TEST_CASE("templates that cannot be are refused with their place") {
  CHECK(Render("a {{b", "{}") == "template: byte 2: {{ has no }}");
  CHECK(Render("{{}}", "{}") == "template: byte 0: {{}} names no value");
  CHECK(Render("{{> partial}}", "{}") == "template: byte 0: {{> partial}} names no value");
  CHECK(Render("{{a b}}", "{}") == "template: byte 0: {{a b}} names no value");
  CHECK(Render("{{#a}}", "{}") == "template: byte 6: section a has no end");
  CHECK(Render("x{{/a}}", "{}") == "template: byte 1: {{/a}} ends no section that is open");
  CHECK(Render("{{#a}}{{#b}}{{/a}}{{/b}}", "{}") ==
        "template: byte 12: {{/a}} ends no section that is open");
  std::string deep;
  for (size_t i = 0; i <= Template::kDepthMax; ++i) deep += "{{#a}}";
  CHECK(Render(deep, "{}").find("nest too deeply") != std::string::npos);
  CHECK(Render(std::string(Template::kBytesMax + 1, 'x'), "{}").find("more than 65536 bytes") !=
        std::string::npos);
}

TEST_CASE("what a template makes has a bound, and so has the work") {
  std::string list = "{\"a\":[";
  for (int i = 0; i < 300; ++i) list += i == 0 ? "1" : ",1";
  list += "]}";
  CHECK(Render("{{#a}}" + std::string(1000, 'x') + "{{/a}}", list).find("more than 262144 bytes") !=
        std::string::npos);
  CHECK(Render("{{#a}}{{#a}}{{#a}}{{nothing}}{{/a}}{{/a}}{{/a}}", list).find("steps") !=
        std::string::npos);
}

}  // namespace neurallog::actions
