#include "query/math_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "query/value.h"

namespace neurallog::query {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Numbers from 0 to 2^63; nothing else has bits.
bool HasBits(double number) { return number >= 0 && number < 9223372036854775808.0; }

template <typename F>
double Bits(const double* a, F f) {
  if (!HasBits(a[0]) || !HasBits(a[1])) return kUndefined;
  return static_cast<double>(f(static_cast<uint64_t>(a[0]), static_cast<uint64_t>(a[1])));
}

double Power(const double* a, size_t) { return std::pow(a[0], a[1]); }
double Multiply(const double* a, size_t) { return a[0] * a[1]; }
double Divide(const double* a, size_t) { return a[0] / a[1]; }
double Modulo(const double* a, size_t) { return std::fmod(a[0], a[1]); }
double Add(const double* a, size_t) { return a[0] + a[1]; }
double Subtract(const double* a, size_t) { return a[0] - a[1]; }
double And(const double* a, size_t) {
  return Bits(a, [](uint64_t x, uint64_t y) { return x & y; });
}
double Xor(const double* a, size_t) {
  return Bits(a, [](uint64_t x, uint64_t y) { return x ^ y; });
}
double Or(const double* a, size_t) {
  return Bits(a, [](uint64_t x, uint64_t y) { return x | y; });
}
double Default(const double* a, size_t) { return std::isnan(a[0]) ? a[1] : a[0]; }

double Abs(const double* a, size_t) { return std::fabs(a[0]); }
double Ceil(const double* a, size_t) { return std::ceil(a[0]); }
double Exp(const double* a, size_t) { return std::exp(a[0]); }
double Floor(const double* a, size_t) { return std::floor(a[0]); }
double Ln(const double* a, size_t) { return std::log(a[0]); }

// NaN only when all are.
double Max(const double* a, size_t count) {
  double most = kUndefined;
  for (size_t i = 0; i < count; ++i)
    if (std::isnan(most) || a[i] > most) most = a[i];
  return most;
}
double Min(const double* a, size_t count) {
  double least = kUndefined;
  for (size_t i = 0; i < count; ++i)
    if (std::isnan(least) || a[i] < least) least = a[i];
  return least;
}

double Random(const double*, size_t) {
  thread_local std::mt19937_64 random(std::random_device{}());
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

// To a multiple of the second argument, without the dust that 0.1 and the like leave behind.
double Round(const double* a, size_t count) {
  if (count == 1) return std::round(a[0]);
  const double step = std::fabs(a[1]);
  const double rounded = std::round(a[0] / step) * step;
  const std::string digits = FormatNumber(step);
  const size_t point = digits.find('.');
  constexpr size_t kDecimalsMax = 17;
  if (!std::isfinite(rounded)) return kUndefined;
  if (point == std::string::npos || digits.size() - point - 1 > kDecimalsMax) return rounded;
  const double scale = std::pow(10, static_cast<double>(digits.size() - point - 1));
  return std::round(rounded * scale) / scale;
}

constexpr MathOperator kOperators[] = {
    {"^", 1, Power},  {"*", 2, Multiply},
    {"/", 2, Divide}, {"%", 2, Modulo},
    {"+", 3, Add},    {"-", 3, Subtract},
    {"&", 4, And},    {"xor", 5, Xor},
    {"or", 6, Or},    {"default", kMathPriorityMax, Default},
};

constexpr size_t kManyMax = 64;
constexpr MathFunction kMathFunctions[] = {
    {"abs", 1, 1, Abs},        {"ceil", 1, 1, Ceil},   {"exp", 1, 1, Exp},
    {"floor", 1, 1, Floor},    {"ln", 1, 1, Ln},       {"max", 2, kManyMax, Max},
    {"min", 2, kManyMax, Min}, {"now", 0, 0, nullptr}, {"rand", 0, 0, Random},
    {"round", 1, 2, Round},
};

template <typename Row, size_t N>
const Row* Find(const Row (&rows)[N], std::string_view name) {
  const auto row = std::find_if(std::begin(rows), std::end(rows),
                                [name](const Row& r) { return r.name == name; });
  return row == std::end(rows) ? nullptr : row;
}

}  // namespace

double Negate(const double* a, size_t) { return -a[0]; }

const MathOperator* FindMathOperator(std::string_view name) { return Find(kOperators, name); }
const MathFunction* FindMathFunction(std::string_view name) { return Find(kMathFunctions, name); }

}  // namespace neurallog::query
