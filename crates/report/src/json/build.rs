//! Fills the JSON summary from what the statistics say.

use super::metrics::{self, LagJson, TrendJson, millis};
use super::{
    AgainJson, ClockJson, DroppedJson, ErrorJson, GeneratorJson, HostJson, InFlightJson,
    OutcomesJson, QuantilesJson, SUMMARY_SCHEMA, ScenarioJson, SpanJson, StepJson, StopReasonJson,
    StreamsJson, SummaryJson, ThresholdJson, VerdictJson, WarningJson, WindowJson, WorkerJson,
};
use crate::probes::json::ProbeJson;
use crate::runlog::METRIC_DEFINITIONS;
use crate::{Header, Host, text::verdict};
use loadgen_stats::ProbeSummary;
use loadgen_stats::{
    ArrivalClock, DropReason, ErrorSummary, GeneratorSummary, InFlight, Judged, Offset,
    OutcomeSummary, Quantiles, ScenarioSummary, StepRole, StopReason, StreamSummary, Summary,
    SummaryWindow, Verdict, Warning, WorkerSummary,
};

impl<'a> SummaryJson<'a> {
    pub(super) fn of(header: &'a Header, summary: &'a Summary) -> Self {
        let scenarios = summary.scenarios.iter();
        let statuses = summary.statuses.iter();
        Self {
            schema: SUMMARY_SCHEMA,
            name: &header.name,
            version: &header.version,
            metric_definitions: METRIC_DEFINITIONS,
            plan_hash: &header.plan_hash,
            seed: header.seed,
            started_at: &header.started_at,
            duration_s: summary.duration.as_secs_f64(),
            measured_s: summary.measured.as_secs_f64(),
            target: header.shown_target(),
            host: HostJson {
                hostname: &header.host.hostname,
                cpus: header.host.cpus,
                arch: &header.host.arch,
            },
            stop_reason: summary.stop_reason.into(),
            verdict: summary.verdict.into(),
            nothing_succeeded: summary.nothing_succeeded.as_deref(),
            metrics: metrics::of(&summary.metrics),
            scenarios: scenarios
                .map(|scenario| (scenario.name.clone(), scenario.into()))
                .collect(),
            statuses: statuses
                .map(|&(status, count)| (status.to_string(), count))
                .collect(),
            dropped: summary.dropped.into(),
            in_flight: summary.in_flight.into(),
            outcomes: (&summary.outcomes).into(),
            streams: summary.streams.as_ref().map(Into::into),
            requests_per_second: summary.requests_per_second,
            goodput_per_second: summary.goodput_per_second,
            peak_vus: summary.peak_vus,
            thresholds: summary.thresholds.iter().map(Into::into).collect(),
            errors: summary.errors.iter().map(Into::into).collect(),
            warnings: summary.warnings.iter().map(Into::into).collect(),
            windows: summary
                .windows
                .iter()
                .map(|window| WindowJson::of(window, &summary.probes))
                .collect(),
            probes: summary
                .probes
                .iter()
                .map(|one| (one.probe.name.clone(), ProbeJson::of(one)))
                .collect(),
            stress: None,
            generator: GeneratorJson::of(&header.host, &summary.generator),
        }
    }
}

impl From<StopReason> for StopReasonJson {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Completed => Self::Completed,
            StopReason::Interrupted => Self::Interrupted,
            StopReason::Threshold => Self::Threshold,
            StopReason::Error => Self::Error,
        }
    }
}

impl From<Verdict> for VerdictJson {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Fail => Self::Fail,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<&ScenarioSummary> for ScenarioJson {
    fn from(scenario: &ScenarioSummary) -> Self {
        let steps = scenario.steps.iter();
        let steps = steps.map(|step| {
            (
                step.name.clone(),
                StepJson {
                    role: (step.role != StepRole::Request).then(|| step.role.name()),
                    metrics: metrics::of(&step.metrics),
                },
            )
        });
        Self {
            measured_s: scenario.measured.as_secs_f64(),
            dropped: scenario.dropped.into(),
            metrics: metrics::of(&scenario.metrics),
            steps: steps.collect(),
        }
    }
}

impl From<[u64; DropReason::ALL.len()]> for DroppedJson {
    fn from(dropped: [u64; DropReason::ALL.len()]) -> Self {
        Self {
            max_vus: dropped[DropReason::MaxVus.index()],
            end: dropped[DropReason::End.index()],
            late: dropped[DropReason::Late.index()],
            stop_user: dropped[DropReason::StopUser.index()],
            data: dropped[DropReason::Data.index()],
        }
    }
}

impl From<InFlight> for InFlightJson {
    fn from(in_flight: InFlight) -> Self {
        Self {
            count: in_flight.count,
            sent: in_flight.sent,
            longest_ms: millis(in_flight.longest),
        }
    }
}

impl From<&OutcomeSummary> for OutcomesJson {
    fn from(outcomes: &OutcomeSummary) -> Self {
        let trends = outcomes.ok_trends.iter();
        Self {
            ok: outcomes.ok,
            failed: outcomes.failed,
            rejected: outcomes.rejected,
            cancelled: outcomes.cancelled,
            redirected: outcomes.redirected,
            ok_metrics: trends
                .map(|(trend, figures)| (trend.name().to_owned(), TrendJson::of(Some(figures))))
                .collect(),
        }
    }
}

impl From<&StreamSummary> for StreamsJson {
    fn from(streams: &StreamSummary) -> Self {
        Self {
            finished: streams.finished,
            without_usage: streams.without_usage,
            output_events: streams.output_events,
            events_per_read: streams.events_per_read,
            zero_gap_share: streams.zero_gap_share,
            tokens_per_second: streams.tokens_per_second,
            tokens_per_second_per_user: streams.tokens_per_second_per_user,
        }
    }
}

impl<'a> From<&'a Judged> for ThresholdJson<'a> {
    fn from(judged: &'a Judged) -> Self {
        Self {
            metric: &judged.metric,
            expression: &judged.expression,
            observed: judged.observed,
            limit: judged.limit,
            unit: judged.unit.name(),
            ok: judged.ok,
            judged: judged.judged,
            inconclusive: judged.is_open(),
            at_least: judged.at_least,
            rough: judged.rough,
            window: judged.window.map(|(start, end)| SpanJson {
                start_s: start.as_secs_f64(),
                end_s: end.as_secs_f64(),
            }),
            stopped_at_s: judged.stopped_at.map(Offset::as_secs_f64),
            again: judged.again.map(|again| AgainJson {
                observed: again.observed,
                seconds: again.length.as_secs_f64(),
                fails: again.fails,
            }),
            may_flatter: judged.may_flatter,
            remark: verdict::remark(judged),
        }
    }
}

impl<'a> From<&'a ErrorSummary> for ErrorJson<'a> {
    fn from(error: &'a ErrorSummary) -> Self {
        let ErrorSummary {
            kind,
            scenario,
            step,
            count,
            message,
        } = error;
        Self {
            kind: kind.name(),
            scenario,
            step,
            count: *count,
            message,
        }
    }
}

impl From<&Warning> for WarningJson {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.code(),
            message: warning.message(),
            advice: warning.advice(),
        }
    }
}

impl WindowJson {
    fn of(window: &SummaryWindow, probes: &[ProbeSummary]) -> Self {
        let told = probes.iter().zip(&window.probes);
        Self {
            start_s: window.start.as_secs_f64(),
            end_s: window.end.as_secs_f64(),
            vus: window.vus.last,
            iterations: window.iterations,
            http_reqs: window.http_reqs,
            http_req_failed: window.http_req_failed,
            http_req_duration: window.http_req_duration.map(Into::into),
            ttft: window.ttft.map(Into::into),
            probes: told
                .filter_map(|(one, totals)| Some((one.probe.name.clone(), totals.mean()?)))
                .collect(),
        }
    }
}

impl From<Quantiles> for QuantilesJson {
    fn from(quantiles: Quantiles) -> Self {
        Self {
            p50: millis(quantiles.p50.value),
            p95: millis(quantiles.p95.value),
            p99: millis(quantiles.p99.value),
        }
    }
}

impl GeneratorJson {
    fn of(host: &Host, generator: &GeneratorSummary) -> Self {
        Self {
            cpu_percent: generator.cpu_percent,
            workers: generator.workers.iter().map(Into::into).collect(),
            peak_rss_bytes: generator.peak_rss_bytes,
            open_files_peak: generator.open_files_peak,
            open_files_limit: host.open_files,
            ports_peak: generator.ports_peak,
            ports_limit: host.ports(),
            time_wait_peak: generator.time_wait_peak,
            arrival_clock: generator.arrival_clock.map(|clock| match clock {
                ArrivalClock::Kernel => ClockJson::Kernel,
                ArrivalClock::Read => ClockJson::Read,
            }),
            schedule_lag: generator.schedule_lag.as_ref().map(LagJson::of),
            read_lag: generator.read_lag.as_ref().map(LagJson::of),
            clock_fallbacks: generator.clock_fallbacks,
            coalesced_prompt: generator.coalesced_prompt,
            coalesced_late: generator.coalesced_late,
        }
    }
}

impl From<&WorkerSummary> for WorkerJson {
    fn from(worker: &WorkerSummary) -> Self {
        Self {
            cpu_percent: worker.cpu_percent,
            cpu_percent_peak: worker.cpu_percent_peak,
            run_queue_percent: worker.run_queue_percent,
            run_queue_percent_peak: worker.run_queue_percent_peak,
        }
    }
}
