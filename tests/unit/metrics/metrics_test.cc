#include "firebreak/metrics/metrics.h"

#include <thread>

#include "firebreak/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, PrintsCountersSortedWithHelpAndType) {
  Metrics metrics;
  metrics.Counters("firebreak_b_total", "Second.", {"kind"}).With({"x"}).Add(3);
  metrics.Counters("firebreak_a_total", "First.").With({}).Add();
  EXPECT_EQ(metrics.Text(),
            "# HELP firebreak_a_total First.\n# TYPE firebreak_a_total counter\nfirebreak_a_total 1\n"
            "# HELP firebreak_b_total Second.\n# TYPE firebreak_b_total counter\nfirebreak_b_total{kind=\"x\"} 3\n");
}

TEST(Metrics, EscapesLabelValuesAndHelp) {
  Metrics metrics;
  metrics.Gauges("g", "a \\ b\nc", {"l"}).With({"q\"\\\n"}).Set(-2);
  EXPECT_EQ(metrics.Text(), "# HELP g a \\\\ b\\nc\n# TYPE g gauge\ng{l=\"q\\\"\\\\\\n\"} -2\n");
}

TEST(Metrics, HistogramBucketsAreCumulativeAndBoundsAreInclusive) {
  Metrics metrics;
  Histogram& histogram = metrics.Histograms("h", "H.", {}, {0.1, 1}).With({});
  histogram.Observe(0.1);
  histogram.Observe(0.5);
  histogram.Observe(7);
  EXPECT_THAT(metrics.Text(), HasSubstr("h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n"
                                        "h_sum 7.6\nh_count 3\n"));
}

TEST(Metrics, TheSameNameAnswersTheSameSeries) {
  Metrics metrics;
  metrics.Counters("c", "C.", {"l"}).With({"x"}).Add();
  metrics.Counters("c", "C.", {"l"}).With({"x"}).Add();
  EXPECT_EQ(metrics.Counters("c", "C.", {"l"}).With({"x"}).value(), 2u);
}

TEST(Metrics, ProbesAreReadWhenAsked) {
  Metrics metrics;
  double value = 1.5;
  metrics.Probe("p", "P.", [&] { return value; });
  EXPECT_THAT(metrics.Text(), HasSubstr("\np 1.5\n"));
  value = 2;
  EXPECT_THAT(metrics.Text(), HasSubstr("\np 2\n"));
}

TEST(Metrics, ARunawayLabelEndsUpInOther) {
  Metrics metrics;
  Family<Counter>& family = metrics.Counters("c", "C.", {"l"});
  for (size_t i = 0; i < Family<Counter>::kSeriesMax + 10; ++i) family.With({StrCat(i)}).Add();
  EXPECT_EQ(family.With({"other"}).value(), 10u);
}

TEST(Metrics, CountsFromManyThreadsAreNotLost) {
  Metrics metrics;
  Histogram& histogram = metrics.Histograms("h", "H.", {}, {1}).With({});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) histogram.Observe(0.5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.count(), 4000u);
  EXPECT_DOUBLE_EQ(histogram.sum(), 2000.0);
}

TEST(MetricsDeathTest, TheSameNameWithAnotherTypeAborts) {
  Metrics metrics;
  metrics.Counters("c", "C.");
  EXPECT_DEATH(metrics.Gauges("c", "C."), "");
}

}  // namespace
}  // namespace firebreak
