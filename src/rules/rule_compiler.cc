// Rules to a RuleSet, in three steps: each condition becomes a tree over numbers of shared tests; the tree
// becomes a branch program and a choice of tests to watch; the watched tests of a group become its
// indexes.
//
// What to watch: a test can be watched if an index can find it. For "and" the rarest of its parts is
// enough; for "or" all parts are needed; "not" has none. How rare is estimated by Statistics.
//
// A regular expression is taken for "the literals that it needs, and itself": the literals are tests that many rules
// share, so that few expressions are run.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "base/hash.h"
#include "neurallog/log_record.h"
#include "rules/rule_set.h"

namespace neurallog::rules {

namespace {

constexpr double kSearchWeight = 1.5;  // a text anywhere costs time on each byte, others do not

// An expression over numbers of tests, cheap parts first.
struct Branch {
  Expression::Kind kind = Expression::Kind::kTest;
  uint32_t test = 0;
  uint32_t count = 0;
  double cost = 0;
  double share = 0.5;  // of records for which it holds
  std::vector<Branch> children;
};

// Tests of which one must pass; none: the rule is always evaluated.
struct Watch {
  bool is_possible = false;
  double share = 1;  // of records for which one passes
  std::vector<uint32_t> tests;
};

std::string KeyOf(const Test& test) {
  std::string key = test.field;
  key.push_back('\0');
  for (const int part : {static_cast<int>(test.op), static_cast<int>(test.part), int{test.cased}})
    key.push_back(static_cast<char>(part));
  char number[sizeof(double)];
  std::memcpy(number, &test.number, sizeof number);
  key.append(number, sizeof number);
  const auto append = [&](const std::string& text) {
    key.append(std::to_string(text.size())).push_back(':');
    key.append(text);
  };
  for (const std::string& text : test.texts) append(text);
  for (const auto& regexp : test.regexps) append(regexp->pattern());
  return key;
}

bool NamesSource(const Filter& filter, const LogSource& source) {
  const auto fits = [](const std::string& wanted, const std::string& has) {
    return wanted.empty() || wanted == has;
  };
  return fits(filter.source.product, source.product) &&
         fits(filter.source.category, source.category) &&
         fits(filter.source.service, source.service);
}

bool Names(const Filter& filter, const Rule& rule) {
  if (!NamesSource(filter, rule.source)) return false;
  return filter.is_for_all ||
         std::any_of(filter.rules.begin(), filter.rules.end(), [&](const std::string& name) {
           return !name.empty() && (name == rule.id || name == rule.name || name == rule.title);
         });
}

}  // namespace

class RuleCompiler {
 public:
  RuleCompiler(const CompileOptions& options, CompileReport* report)
      : options_(options),
        pipeline_(options.pipeline != nullptr ? *options.pipeline : BuiltinPipeline()),
        statistics_(options.statistics != nullptr ? *options.statistics : no_statistics_),
        report_(report),
        set_(new RuleSet) {}

  std::shared_ptr<const RuleSet> Compile(std::span<const Rule* const> rules,
                                         std::span<const Filter* const> filters) {
    for (uint32_t i = 0; i < rules.size(); ++i) {
      set_->entries_.push_back(RuleSet::kNoMatch);
      if (rules[i]->enabled) AddRule(i, *rules[i], filters);
    }
    for (const auto& test : test_sources_) set_->tests_.push_back(CompileTest(*test));
    for (const CompiledTest& test : set_->tests_)
      set_->needs_all_values_ |= test.field() == CompiledTest::kAnyField;
    for (auto& [source, group] : groups_) BuildGroup(source, group);
    for (RuleSet::Group& group : set_->groups_)
      group.index_of_field.resize(set_->field_names_.size(), -1);
    const auto time = set_->field_names_.find(kFieldTimestamp);
    if (time != set_->field_names_.end()) set_->time_field_ = time->second;
    set_->pipeline_.prefixes = pipeline_.prefixes;
    set_->pipeline_.aliases = pipeline_.aliases;
    report_->tests = set_->tests_.size();
    report_->groups = set_->groups_.size();
    return std::shared_ptr<const RuleSet>(std::move(set_));
  }

 private:
  struct PendingGroup {
    std::vector<uint32_t> always;
    std::map<uint32_t, std::vector<uint32_t>> watched;  // test: rules
  };

  void AddRule(uint32_t number, const Rule& rule, std::span<const Filter* const> filters) {
    Branch branch = Number(rule.condition);
    for (const Filter* filter : filters) {
      if (!Names(*filter, rule)) continue;
      Branch without{Expression::Kind::kNot, 0, 0, 0, 0.5, {}};
      without.children.push_back(Number(filter->condition));
      Branch both{Expression::Kind::kAnd, 0, 0, 0, 0.5, {}};
      both.children = {std::move(branch), std::move(without)};
      branch = std::move(both);
    }
    Order(&branch);
    const Watch watch = WatchOf(branch);
    if (!watch.is_possible && report_->always_evaluated.size() >= options_.always_evaluated_max)
      return LeaveOut(number, fmt::format("no test of it can be watched, and {} such rules are "
                                          "there already",
                                          options_.always_evaluated_max));
    const size_t steps_before = set_->steps_.size();
    const int32_t entry = Emit(branch, RuleSet::kMatch, RuleSet::kNoMatch);
    if (set_->steps_.size() > options_.steps_max) {
      set_->steps_.resize(steps_before);
      return LeaveOut(number, fmt::format("more than {} steps of all rules", options_.steps_max));
    }
    set_->entries_[number] = entry;
    PendingGroup& group = groups_[options_.ignore_sources ? LogSource() : rule.source];
    for (uint32_t test : watch.tests) group.watched[test].push_back(number);
    if (watch.is_possible) return;
    group.always.push_back(number);
    report_->always_evaluated.push_back(number);
  }

  void LeaveOut(uint32_t rule, std::string reason) {
    report_->left_out.push_back({rule, std::move(reason)});
  }

  // Each distinct test gets one number.
  Branch Number(const Expression& expression) {
    Branch branch;
    branch.kind = expression.kind;
    branch.count = expression.count;
    for (const Expression& child : expression.children) branch.children.push_back(Number(child));
    if (expression.kind != Expression::Kind::kTest) return branch;
    if (expression.test.regexps.size() == 1) return NumberRegexp(expression.test);
    branch.test = NumberTest(expression.test);
    return branch;
  }

  uint32_t NumberTest(const Test& test) {
    const auto [found, is_new] =
        test_numbers_.emplace(KeyOf(test), static_cast<uint32_t>(test_sources_.size()));
    if (is_new) {
      test_sources_.push_back(&test);
      costs_.push_back(CompiledTest::CostOf(test));
      watches_.push_back(FieldIndexBuilder::CanWatch(test) ? statistics_.Estimate(test) : -1);
    }
    return found->second;
  }

  Branch NumberRegexp(const Test& test) {
    Branch both{Expression::Kind::kAnd, 0, 0, 0, 0.5, {}};
    for (const std::vector<std::string>& literals : test.regexps[0]->needed()) {
      Test& needed = made_tests_.emplace_back();
      needed.field = test.field;
      needed.op = Op::kContains;
      needed.texts = literals;
      both.children.push_back({Expression::Kind::kTest, NumberTest(needed), 0, 0, 0.5, {}});
    }
    both.children.push_back({Expression::Kind::kTest, NumberTest(test), 0, 0, 0.5, {}});
    return both;
  }

  uint32_t FieldNumber(const std::string& name) {
    if (name.empty()) return CompiledTest::kAnyField;
    const std::string& known = name == "_time" || name == "@timestamp" ? time_name_
                               : name == "_msg"                        ? message_name_
                                                                       : name;
    return set_->field_names_.emplace(known, static_cast<uint32_t>(set_->field_names_.size()))
        .first->second;
  }

  CompiledTest CompileTest(const Test& test) {
    const uint32_t other = test.op == Op::kSameAs ? FieldNumber(test.texts[0]) : 0;
    return CompiledTest(test, FieldNumber(test.field), other);
  }

  // Puts first what is cheap and likely to decide: a part that fails ends "and", one that holds "or".
  void Order(Branch* branch) {
    if (branch->kind == Expression::Kind::kTest) {
      branch->cost = 1 + costs_[branch->test];
      branch->share = watches_[branch->test] < 0 ? 0.5 : watches_[branch->test];
      return;
    }
    const bool is_or = branch->kind == Expression::Kind::kOr;
    double none = 1, all = 1;
    for (Branch& child : branch->children) {
      Order(&child);
      branch->cost += child.cost;
      none *= 1 - child.share;
      all *= child.share;
    }
    branch->share = branch->kind == Expression::Kind::kNot ? 1 - all : is_or ? 1 - none : all;
    const auto price = [&](const Branch& child) {
      return child.cost / (0.001 + (is_or ? child.share : 1 - child.share));
    };
    std::stable_sort(branch->children.begin(), branch->children.end(),
                     [&](const Branch& a, const Branch& b) { return price(a) < price(b); });
  }

  Watch WatchOf(const Branch& branch) const {
    if (branch.kind == Expression::Kind::kNot) return {};
    if (branch.kind == Expression::Kind::kTest) return WatchOfTest(branch.test);
    std::vector<Watch> parts;
    for (const Branch& child : branch.children) {
      Watch part = WatchOf(child);
      if (part.is_possible) parts.push_back(std::move(part));
    }
    // Of n parts of which k hold, any n - k + 1 hold one that does.
    const size_t all = branch.children.size();
    const size_t holding = branch.kind == Expression::Kind::kAnd  ? all
                           : branch.kind == Expression::Kind::kOr ? 1
                                                                  : branch.count;
    const size_t needed = all - holding + 1;
    if (parts.size() < needed) return {};
    std::stable_sort(parts.begin(), parts.end(),
                     [](const Watch& a, const Watch& b) { return a.share < b.share; });
    Watch watch{true, 0, {}};
    for (size_t i = 0; i < needed; ++i) {
      watch.share += parts[i].share;
      watch.tests.insert(watch.tests.end(), parts[i].tests.begin(), parts[i].tests.end());
    }
    std::sort(watch.tests.begin(), watch.tests.end());
    watch.tests.erase(std::unique(watch.tests.begin(), watch.tests.end()), watch.tests.end());
    return watch;
  }

  Watch WatchOfTest(uint32_t test) const {
    if (watches_[test] < 0) return {};
    const Op op = test_sources_[test]->op;
    const bool searches =
        op == Op::kContains || op == Op::kWord || op == Op::kGlob || op == Op::kRegexp;
    return {true, watches_[test] * (searches ? kSearchWeight : 1), {test}};
  }

  // Appends the steps of `branch` and returns the first; what comes after is known already.
  int32_t Emit(const Branch& branch, int32_t if_true, int32_t if_false) {
    if (set_->steps_.size() > options_.steps_max) return RuleSet::kNoMatch;
    switch (branch.kind) {
      case Expression::Kind::kTest:
        set_->steps_.push_back({branch.test, if_true, if_false});
        return static_cast<int32_t>(set_->steps_.size()) - 1;
      case Expression::Kind::kNot: return Emit(branch.children[0], if_false, if_true);
      case Expression::Kind::kAnd:
        for (auto child = branch.children.rbegin(); child != branch.children.rend(); ++child)
          if_true = Emit(*child, if_true, if_false);
        return if_true;
      case Expression::Kind::kOr:
        for (auto child = branch.children.rbegin(); child != branch.children.rend(); ++child)
          if_false = Emit(*child, if_true, if_false);
        return if_false;
      case Expression::Kind::kAtLeast: return EmitAtLeast(branch, if_true, if_false);
    }
    return RuleSet::kNoMatch;
  }

  // starts[k]: where to go on when k more of the children behind must hold.
  int32_t EmitAtLeast(const Branch& branch, int32_t if_true, int32_t if_false) {
    std::vector<int32_t> starts(branch.count + 1, if_false);
    starts[0] = if_true;
    for (auto child = branch.children.rbegin(); child != branch.children.rend(); ++child)
      for (size_t wanted = branch.count; wanted > 0; --wanted)
        starts[wanted] = Emit(*child, starts[wanted - 1], starts[wanted]);
    return starts[branch.count];
  }

  void BuildGroup(const LogSource& source, const PendingGroup& pending) {
    const auto number = static_cast<uint32_t>(set_->groups_.size());
    set_->groups_.emplace_back();
    AddRoutes(source, number);
    RuleSet::Group& group = set_->groups_.back();
    group.always = pending.always;
    group.index_of_field.assign(set_->field_names_.size(), -1);
    std::map<uint32_t, FieldIndexBuilder> builders;  // by field
    for (const auto& [test, rules] : pending.watched) {
      const Test& watched = *test_sources_[test];
      const bool is_exact = FieldIndexBuilder::IsExact(watched);
      const auto trigger = static_cast<uint32_t>(group.triggers.size());
      group.triggers.push_back({test, static_cast<uint32_t>(group.postings.size()),
                                static_cast<uint32_t>(rules.size()), is_exact});
      group.postings.insert(group.postings.end(), rules.begin(), rules.end());
      if (is_exact) group.exact_tests.push_back(test);
      builders[set_->tests_[test].field()].Add(watched, trigger);
    }
    for (auto& [field, builder] : builders) {
      const auto index = static_cast<int32_t>(group.indexes.size());
      (field == CompiledTest::kAnyField ? group.keyword_index : group.index_of_field[field]) =
          index;
      group.indexes.push_back(builder.Build(statistics_));
    }
    set_->triggers_max_ = std::max(set_->triggers_max_, group.triggers.size());
  }

  void AddRoutes(const LogSource& source, uint32_t group) {
    if (source.empty()) return set_->routes_.Add({}, group, RouteTable::kNoAliases);
    for (const PipelineSource& route : RoutesOf(source, pipeline_)) {
      std::vector<RouteTable::Condition> conditions;
      for (const SourceCondition& condition : route.when)
        conditions.push_back({FieldNumber(condition.field), condition.values});
      set_->routes_.Add(conditions, group, AliasSet(route.fields));
    }
  }

  int32_t AliasSet(const std::vector<FieldAlias>& aliases) {
    if (aliases.empty()) return RouteTable::kNoAliases;
    const auto same = [&](const std::vector<FieldAlias>& other) {
      return std::equal(
          aliases.begin(), aliases.end(), other.begin(), other.end(),
          [](const auto& a, const auto& b) { return a.from == b.from && a.to == b.to; });
    };
    auto& sets = set_->alias_sets_;
    const auto found = std::find_if(sets.begin(), sets.end(), same);
    if (found != sets.end()) return static_cast<int32_t>(found - sets.begin());
    sets.push_back(aliases);
    return static_cast<int32_t>(sets.size()) - 1;
  }

  const CompileOptions& options_;
  const Pipeline& pipeline_;
  const Statistics no_statistics_;
  const Statistics& statistics_;
  CompileReport* report_;
  std::unique_ptr<RuleSet> set_;
  const std::string time_name_{kFieldTimestamp};
  const std::string message_name_{kFieldMessage};
  std::unordered_map<std::string, uint32_t> test_numbers_;
  std::vector<const Test*> test_sources_;
  std::deque<Test> made_tests_;  // those that no rule has
  std::vector<int> costs_;
  std::vector<double> watches_;  // share of records; -1: cannot be watched
  std::map<LogSource, PendingGroup> groups_;
};

std::shared_ptr<const RuleSet> RuleSet::Compile(std::span<const Rule* const> rules,
                                                std::span<const Filter* const> filters,
                                                const CompileOptions& options,
                                                CompileReport* report) {
  return RuleCompiler(options, report).Compile(rules, filters);
}

}  // namespace neurallog::rules
