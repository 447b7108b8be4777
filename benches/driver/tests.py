"""Tests of what the driver computes and reads: `python3 -B -m unittest driver.tests`, in benches/."""

import pathlib
import tempfile
import unittest

from driver import figures, process, results
from driver.clients.peers import H2load, Hey, Wrk


def cost(output):
    return process.Cost(wall_s=1, cpu_s=1, peak_kib=1, code=0, output=output)


class Figures(unittest.TestCase):
    def test_quantiles_are_nearest_ranks(self):
        for values, q, expected in [
            ([], 0.5, None),
            ([7], 0.99, 7),
            ([3, 1, 2, 4], 0.5, 2),
            ([3, 1, 2, 4], 0.51, 3),
            (range(1, 101), 0.99, 99),
            (range(1, 101), 1, 100),
        ]:
            self.assertEqual(figures.quantile(values, q), expected, (values, q))

    def test_only_what_is_uneven_is_off_schedule(self):
        even = [1_000_000_000 + 10_000_000 * n for n in range(100)]
        late = [*even[:-1], even[-1] + 5_000_000]
        for name, arrivals, worst in [("even", even, 0), ("one is late", late, 5), ("in disorder", even[::-1], 0)]:
            found = figures.schedule_error(arrivals, 100)
            self.assertAlmostEqual(found["error_max_ms"], worst, msg=name)
            self.assertAlmostEqual(found["error_p50_ms"], 0, msg=name)
        self.assertAlmostEqual(figures.achieved_rate(even), 100)
        self.assertIsNone(figures.schedule_error([], 100))

    def test_arithmetic_of_a_stall(self):
        for q, expected in [(0.5, 0), (0.9, 0), (0.95, 0.25), (0.99, 0.45), (1, 0.5)]:
            self.assertAlmostEqual(figures.stalled_share(0.5, 5, q), expected, msg=q)


class Reports(unittest.TestCase):
    def test_what_peers_print_is_read(self):
        h2load = "requests: 53493 total, 53543 started, 53493 done, 53490 succeeded, 1 failed, 2 errored, 4 timeout\n"
        hey = "Status code distribution:\n  [200]\t40599 responses\n  [503]\t2 responses\n\n"
        broken = hey + "Error distribution:\n  [3]\tGet http://a: EOF\n"
        for client, output, requests, errors in [
            (Wrk, "  152526 requests in 5.09s, 11.35MB read\n", 152526, 0),
            (Wrk, "Socket errors: connect 0, read 1, write 0, timeout 7\n1 requests in 1s\n", 1, 8),
            (Wrk, "1 requests in 1s\n  Non-2xx or 3xx responses: 5\n", 1, 5),
            (H2load, h2load, 53493, 7),
            (Hey, hey, 40601, 2),
            (Hey, broken, 40601, 5),
        ]:
            found = client._read(cost(output), None)
            self.assertEqual((found["requests"], found["errors"]), (requests, errors), (client.name, output))


class Results(unittest.TestCase):
    def test_medians_are_taken_one_by_one(self):
        rounds = [{"a": 3, "b": {"c": 1.0}, "d": None}, {"a": 1, "b": {"c": 9.0}, "d": 4}, {"a": 2, "b": None, "d": 6}]
        self.assertEqual(results.summarised(rounds), {"a": 2, "b": {"c": 5.0}, "d": 5})

    def test_only_the_marked_part_of_the_readme_is_made_anew(self):
        whole = {
            "date": "2026-01-02",
            "machine": {"cpu": "X", "cores": 2, "system": "S", "kernel": "6", "commit": "c"},
            "versions": {"wrk": "4"},
            "rounds": 3,
            "cores": {"target": 0, "generator": 1},
            "cases": {},
            "examples": {"idle_users": "a user takes little"},
        }
        with tempfile.TemporaryDirectory() as folder:
            readme = pathlib.Path(folder) / "README.md"
            readme.write_text(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n")
            results.into_readme(readme, results.overview(whole))
            text = readme.read_text()
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"), text)
        self.assertIn("2026-01-02", text)
        self.assertIn("a user takes little", text)
        self.assertNotIn("old", text)

    def test_the_front_page_has_a_row_for_each_case_that_was_measured(self):
        median = {"cpu_s_per_million": 6.5, "generator_core": 1.0, "others_cores": 0.0}
        wrk = {**median, "cpu_s_per_million": 7.1}
        whole = {
            "date": "2026-01-02",
            "machine": {"cpu": "X", "cores": 2, "system": "S", "kernel": "6", "commit": "c"},
            "versions": {},
            "rounds": 3,
            "cores": {"target": 0, "generator": 1},
            "cases": {
                "plain50": {"unit": "requests", "clients": {"loadgen": {"median": median}, "wrk": {"median": wrk}}},
                "flood": {"clients": {"loadgen": {"median": {"per_second": 5.4e6, "others_cores": 0.0}}}},
            },
        }
        rows = [line for line in results.headline(whole).splitlines() if line.startswith("| ")]
        self.assertEqual(
            rows,
            [
                "| | loadgen | wrk |",
                "| CPU s per million plain requests, 50 connections | 6.50 | 7.10 (1.09) |",
                "| million events/s where 64 come in one write | 5.40 |  |",
            ],
        )


if __name__ == "__main__":
    unittest.main()
