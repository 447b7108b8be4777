//! What was run, and how it went besides the requests.

use super::style::{Line, Paint, fit, width};
use super::{heading, labelled, units};
use crate::Header;
use loadgen_stats::{
    ArrivalClock, Counter, DropReason, GeneratorSummary, Metric, MetricValue, Summary,
    SummaryWindow, WorkerSummary,
};

/// A character filled from the bottom, by eighths: nothing only for nothing.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What was run, where and when.
pub(crate) fn opening(header: &Header, summary: &Summary, columns: usize) -> Vec<Line> {
    let room = columns.saturating_sub(2);
    let mut parts = vec![header.name.clone(), header.load.clone()];
    parts.extend(match &header.target {
        Some(_) if header.target_is_embedded => Some("the embedded target".to_owned()),
        _ => header.shown_target(),
    });
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let when = format!(
        "{} from {} · seed {} · loadgen {}",
        units::span(summary.duration.as_secs_f64()),
        header.started_at,
        header.seed,
        header.version
    );
    vec![
        Line::new().with("  ").with(fit(&parts.join(" · "), room)),
        Line::new().with("  ").with(Paint::Dim.on(when).fit(room)),
    ]
}

/// Iterations, users, bytes, what was cut, the generator, the run log.
pub(crate) fn lines(
    header: &Header,
    summary: &Summary,
    run_log: Option<&str>,
    columns: usize,
) -> Vec<Line> {
    let mut lines = vec![Line::new().with(heading("Run"))];
    lines.extend(labelled("iterations", &iterations(summary), columns));
    lines.extend(labelled("requests", &throughput(summary, columns), columns));
    lines.extend(labelled(
        "users",
        &[format!(
            "at most {} at once",
            units::count(summary.peak_vus)
        )],
        columns,
    ));
    lines.extend(labelled("data", &data(summary), columns));
    lines.extend(labelled("connections", &resent(summary), columns));
    lines.extend(in_flight(summary));
    lines.extend(labelled(
        "generator",
        &generator(header, &summary.generator),
        columns,
    ));
    lines.extend(labelled("workers", &workers(&summary.generator), columns));
    lines.extend(labelled(
        "sockets",
        &sockets(header, &summary.generator),
        columns,
    ));
    lines.extend(labelled("lag", &lag(&summary.generator), columns));
    if let Some(path) = run_log {
        lines.push(path_line(path, columns));
    }
    lines
}

fn iterations(summary: &Summary) -> Vec<String> {
    let count = |counter| summary.metrics.counter(counter);
    let mut parts = vec![format!(
        "{} finished",
        units::count(count(Counter::Iterations))
    )];
    if let Some(&MetricValue::Counter {
        per_second: Some(rate),
        ..
    }) = summary.metrics.get(Metric::Counter(Counter::Iterations))
    {
        parts.push(units::rate(rate));
    }
    let rest = [
        (Counter::IterationsFailed, "with a failure"),
        (Counter::InterruptedIterations, "interrupted"),
    ];
    let rest = rest.into_iter().filter(|&(counter, _)| count(counter) > 0);
    parts.extend(rest.map(|(counter, what)| format!("{} {what}", units::count(count(counter)))));
    parts.extend(dropped(summary));
    parts
}

/// Requests per second over the run as a small picture, with the most of a window; none where there is no course.
fn throughput(summary: &Summary, columns: usize) -> Vec<String> {
    const MOST: usize = 40;
    // At the end a window may be too short to tell a rate.
    const LEAST: f64 = 0.5;
    let seconds = |window: &SummaryWindow| window.end.since(window.start).as_secs_f64();
    let windows = summary.windows.iter();
    let windows: Vec<(f64, f64)> = windows
        .map(|window| (window.http_reqs as f64, seconds(window)))
        .filter(|&(_, seconds)| seconds >= LEAST)
        .collect();
    let columns = columns.saturating_sub(40).clamp(1, MOST).min(windows.len());
    if windows.len() < 2 {
        return Vec::new();
    }
    let rate = |column: usize| {
        let edge = |column: usize| column * windows.len() / columns;
        let part = &windows[edge(column)..edge(column + 1)];
        let (count, seconds) = part.iter().fold((0.0, 0.0), |(count, time), one| {
            (count + one.0, time + one.1)
        });
        count / seconds
    };
    let rates: Vec<f64> = (0..columns).map(rate).collect();
    let most = rates.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return Vec::new();
    }
    let block = |rate: &f64| BLOCKS[(rate / most * (BLOCKS.len() - 1) as f64).ceil() as usize];
    let picture: String = rates.iter().map(block).collect();
    vec![picture, format!("up to {}", units::rate(most))]
}

/// How many were due but never begun, and why.
fn dropped(summary: &Summary) -> impl Iterator<Item = String> {
    let why = |reason| match reason {
        DropReason::MaxVus => "dropped, all max_vus busy",
        DropReason::End => "dropped at the end",
        DropReason::Late => "dropped, the generator was late",
        DropReason::StopUser => "dropped, their users had stopped",
        DropReason::Data => "dropped, no row of data left",
    };
    let counts = DropReason::ALL.into_iter().zip(summary.dropped);
    counts
        .filter(|&(_, count)| count > 0)
        .map(move |(reason, count)| format!("{} {}", units::count(count), why(reason)))
}

fn data(summary: &Summary) -> Vec<String> {
    let bytes = |counter| units::bytes(summary.metrics.counter(counter));
    vec![
        format!("{} sent", bytes(Counter::DataSent)),
        format!("{} received", bytes(Counter::DataReceived)),
    ]
}

/// Said only where something unusual happened.
fn resent(summary: &Summary) -> Vec<String> {
    match summary.metrics.counter(Counter::HttpReqsResent) {
        0 => Vec::new(),
        count => {
            let requests = units::plural(count, "request", "requests");
            vec![format!(
                "{requests} sent again, as a kept connection had gone"
            )]
        }
    }
}

fn in_flight(summary: &Summary) -> Option<Line> {
    let in_flight = summary.in_flight;
    let longest = units::time(in_flight.longest);
    (in_flight.count > 0).then(|| {
        Line::new()
            .with("  ")
            .with(Paint::Dim.on("in flight at the end: "))
            .with(format!(
                "{}, the longest for {longest}",
                units::count(in_flight.count)
            ))
    })
}

fn generator(header: &Header, generator: &GeneratorSummary) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(
        generator
            .cpu_percent
            .map(|percent| format!("{percent:.0}% of a core")),
    );
    parts.extend(
        generator
            .peak_rss_bytes
            .map(|bytes| format!("{} of memory", units::bytes(bytes))),
    );
    parts.extend(generator.arrival_clock.map(|clock| match clock {
        ArrivalClock::Kernel => "arrivals stamped by the kernel".to_owned(),
        ArrivalClock::Read => "arrivals dated when read".to_owned(),
    }));
    if header.target_is_embedded {
        parts.push("target shares this machine".to_owned());
    }
    parts
}

/// The busiest worker thread, and the one that waited most for a processor.
fn workers(generator: &GeneratorSummary) -> Vec<String> {
    let most = |of: fn(&WorkerSummary) -> Option<f64>| {
        let values = generator.workers.iter().filter_map(of);
        values.reduce(f64::max)
    };
    let mut parts = Vec::new();
    if let Some(mean) = most(|worker| Some(worker.cpu_percent)) {
        let peak = most(|worker| Some(worker.cpu_percent_peak)).unwrap_or(mean);
        let whose = if generator.workers.len() > 1 {
            "the busiest "
        } else {
            ""
        };
        parts.push(format!(
            "{whose}{mean:.0}% of a core, {peak:.0}% in its busiest second"
        ));
    }
    if let Some(mean) = most(|worker| worker.run_queue_percent) {
        let peak = most(|worker| worker.run_queue_percent_peak).unwrap_or(mean);
        parts.push(format!(
            "waited for a core {mean:.1}% of the time, {peak:.0}% in a second"
        ));
    }
    parts
}

/// Local ports and file descriptors, beside what there may be.
fn sockets(header: &Header, generator: &GeneratorSummary) -> Vec<String> {
    let part = |peak: Option<u64>, limit: Option<u64>, what: &str| {
        let peak = units::count(peak?);
        Some(match limit {
            Some(limit) => format!("{peak} of {} {what}", units::count(limit)),
            None => format!("{peak} {what}"),
        })
    };
    let host = &header.host;
    let ports = part(generator.ports_peak, host.ports(), "ports");
    let files = part(generator.open_files_peak, host.open_files, "open files");
    ports.into_iter().chain(files).collect()
}

fn lag(generator: &GeneratorSummary) -> Vec<String> {
    let named = [
        ("schedule_lag", generator.schedule_lag),
        ("read_lag", generator.read_lag),
    ];
    let known = named
        .into_iter()
        .filter_map(|(name, lag)| Some((name, lag?)));
    let late = generator.coalesced_late;
    let events = units::plural(late, "event", "events");
    let together = (late > 0).then(|| format!("{events} read late, together with others"));
    known
        .map(|(name, lag)| format!("{name} p99 {}", units::time(lag.p99.value)))
        .chain(together)
        .collect()
}

/// A path keeps its end, which tells it from others.
fn path_line(path: &str, columns: usize) -> Line {
    let label = Paint::Dim.on("run log").pad(16, false);
    let room = columns.saturating_sub(2 + 16);
    let mut shown = path;
    let is_cut = width(path) > room;
    while is_cut && width(shown) + 1 > room {
        let mut chars = shown.chars();
        chars.next();
        shown = chars.as_str();
    }
    let sign = if is_cut { "…" } else { "" };
    Line::new()
        .with("  ")
        .with(label)
        .with(format!("{sign}{shown}"))
}
