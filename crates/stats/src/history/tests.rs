//! The course of a run stays bounded, and its points stay true.

use super::*;
use crate::fixtures::{LIST, layout, ms, plain, shared_layout};
use crate::{Recorder, Totals};

/// A window of one second in which `millis` long requests finished.
fn window(second: u64, millis: &[u64]) -> Window {
    let mut recorder = Recorder::new(shared_layout());
    for &took in millis {
        recorder.request(&plain(LIST, second * 1000, took));
    }
    Window {
        start: ms(second * 1000),
        end: ms(second * 1000 + 1000),
        vus: VusRange::steady(second + 1),
        totals: recorder.swap(Totals::new(&layout())),
        generator: None,
    }
}

fn history(most: usize, windows: u64) -> Vec<SummaryWindow> {
    let mut history = History::of_at_most(most);
    for second in 0..windows {
        history.push(&window(second, &[10, second + 20]), &layout());
    }
    history.windows().collect()
}

#[test]
fn a_point_is_what_its_windows_were() {
    let points = history(10, 2);
    assert_eq!(points.len(), 2);
    let second = &points[1];
    assert_eq!((second.start, second.end), (ms(1000), ms(2000)));
    assert_eq!(second.vus, VusRange::steady(2));
    assert_eq!(
        (second.http_reqs, second.http_req_failed, second.iterations),
        (2, 0, 0)
    );
    let duration = second.http_req_duration.unwrap();
    assert_eq!(
        (
            duration.p50.value.as_millis(),
            duration.p99.value.as_millis()
        ),
        (10, 21)
    );
    assert_eq!(second.ttft, None);
}

#[test]
fn points_are_merged_evenly() {
    // (windows, points at most 4, seconds that a point covers)
    let cases = [
        (0, 0, 0),
        (1, 1, 1),
        (4, 4, 1),
        (5, 3, 2),
        (8, 4, 2),
        (9, 3, 4),
        (16, 4, 4),
        (17, 3, 8),
        (100, 4, 32),
    ];
    for (windows, count, seconds) in cases {
        let points = history(4, windows);
        assert_eq!(points.len(), count, "{windows} windows");
        let requests: u64 = points.iter().map(|point| point.http_reqs).sum();
        assert_eq!(requests, windows * 2, "{windows} windows");
        for pair in points.windows(2) {
            assert_eq!(pair[0].end, pair[1].start, "{windows} windows");
            assert_eq!(
                pair[0].end.since(pair[0].start).as_secs(),
                seconds,
                "{windows} windows"
            );
        }
    }
}

#[test]
fn a_merged_point_has_the_quantiles_of_all_its_samples() {
    let points = history(1, 4);
    let [point] = points.as_slice() else {
        panic!("one point: {points:?}")
    };
    let all: Vec<u64> = (0..4).flat_map(|second| [10, second + 20]).collect();
    let expected = Quantiles::of(&window(0, &all).totals.trend(
        &layout(),
        Trend::HttpReqDuration,
        &Selection::default(),
    ));
    assert_eq!(point.http_req_duration, expected);
    assert_eq!(
        point.vus,
        VusRange {
            last: 4,
            min: 1,
            max: 4
        }
    );
}
