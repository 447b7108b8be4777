//! The metrics by name.

use crate::ProbeIndex;

macro_rules! metrics {
    ($(#[$doc:meta])* $kind:ident { $($(#[$about:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind { $($(#[$about])* $variant,)+ }

        impl $kind {
            /// Every one, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The public name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The one of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|metric| metric.name() == name)
            }

            /// Its place in [`Self::ALL`], for tables.
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

metrics! {
    /// A time whose distribution is kept; shown in milliseconds.
    Trend {
        /// First output awaited: due → arrival of the first output event.
        Ttft = "ttft",
        /// The same from the first byte sent.
        TtftService = "ttft_service",
        /// Due → arrival of the first visible (not reasoning) output.
        TtftText = "ttft_text",
        /// Gap between neighbouring output events.
        Itl = "itl",
        /// Time per output token after the first, one value per stream.
        Tpot = "tpot",
        /// First byte sent → last output event.
        StreamDuration = "stream_duration",
        /// Last output event → terminator or end of body.
        StreamTail = "stream_tail",
        /// First byte sent → last byte of the answer.
        HttpReqDuration = "http_req_duration",
        /// Due → last byte of the answer.
        HttpReqLatency = "http_req_latency",
        /// Waiting for a connection, less the three phases below.
        HttpReqBlocked = "http_req_blocked",
        /// Looking the name up.
        HttpReqDns = "http_req_dns",
        /// Opening the TCP connection.
        HttpReqConnecting = "http_req_connecting",
        /// The TLS handshake.
        HttpReqTlsHandshaking = "http_req_tls_handshaking",
        /// First byte handed to the kernel → last byte accepted by it.
        HttpReqSending = "http_req_sending",
        /// Last byte sent → first byte of the answer.
        HttpReqWaiting = "http_req_waiting",
        /// First byte of the answer → last byte.
        HttpReqReceiving = "http_req_receiving",
        /// Ready for a request → its turn under `rate_limit`.
        RateLimitWait = "rate_limit_wait",
        /// Begin → end of an iteration, think time included.
        IterationDuration = "iteration_duration",
        /// Begin → end of a group of steps, think time included.
        GroupDuration = "group_duration",
        /// How late the generator started: due → start.
        ScheduleLag = "schedule_lag",
    }
}

metrics! {
    /// A count of things that happened.
    Counter {
        /// Finished requests; each attempt is one.
        HttpReqs = "http_reqs",
        /// Finished iterations.
        Iterations = "iterations",
        /// Finished iterations with a failure in them.
        IterationsFailed = "iterations_failed",
        /// Iterations due but never begun.
        DroppedIterations = "dropped_iterations",
        /// Iterations begun but cut.
        InterruptedIterations = "interrupted_iterations",
        /// Iterations that took longer than the pace of their scenario.
        LateIterations = "late_iterations",
        /// Requests sent again because a kept-alive connection had gone.
        HttpReqsResent = "http_reqs_resent",
        /// Redirections that were followed.
        Redirects = "redirects",
        /// Requests sent again as `retry` says.
        Retries = "retries",
        /// Requests that were never sent, as their users were cut while they waited for a turn under `rate_limit`.
        RateLimitCut = "rate_limit_cut",
        /// Requests given up in the middle, as their step's `cancel` says.
        Cancelled = "cancelled",
        /// Bytes written to sockets.
        DataSent = "data_sent",
        /// Bytes read from sockets.
        DataReceived = "data_received",
        /// Bytes of bodies after decoding.
        DataDecoded = "data_decoded",
        /// Tokens of the prompts, by the provider's usage.
        InputTokens = "input_tokens",
        /// Tokens of the answers of good streams.
        OutputTokens = "output_tokens",
        /// Tokens of the answers of failed streams.
        WastedTokens = "wasted_tokens",
        /// Events of streams, of any kind.
        StreamEvents = "stream_events",
        /// Answers that began before the request was sent whole.
        EarlyReply = "early_reply",
    }
}

metrics! {
    /// A share: hits over total.
    Rate {
        /// Failed over finished requests.
        HttpReqFailed = "http_req_failed",
        /// Checks that held over all explicit checks.
        Checks = "checks",
        /// Failed over finished streams.
        StreamFailed = "stream_failed",
        /// Requests that met every limit of `[slo]` over those to which one applies.
        Goodput = "goodput",
    }
}

metrics! {
    /// A level that goes up and down.
    Gauge {
        /// Virtual users that are running an iteration.
        Vus = "vus",
    }
}

impl Trend {
    /// Whether it is known before the outcome of its request is: recorded when it is seen, and again by outcome at the
    /// end. `itl` and `rate_limit_wait` are only recorded when they are seen.
    #[must_use]
    pub const fn is_early(self) -> bool {
        matches!(
            self,
            Self::Ttft
                | Self::TtftService
                | Self::TtftText
                | Self::Itl
                | Self::RateLimitWait
                | Self::ScheduleLag
        )
    }

    /// Whether only streams have it.
    #[must_use]
    pub const fn is_of_streams(self) -> bool {
        matches!(
            self,
            Self::Ttft
                | Self::TtftService
                | Self::TtftText
                | Self::Itl
                | Self::Tpot
                | Self::StreamDuration
                | Self::StreamTail
        )
    }
}

impl Counter {
    /// Whether it counts iterations, which belong to a scenario but to no step.
    #[must_use]
    pub const fn is_of_iterations(self) -> bool {
        matches!(
            self,
            Self::Iterations
                | Self::IterationsFailed
                | Self::DroppedIterations
                | Self::InterruptedIterations
                | Self::LateIterations
        )
    }
}

/// A metric of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// A distribution of times.
    Trend(Trend),
    /// A count.
    Counter(Counter),
    /// A share.
    Rate(Rate),
    /// A level.
    Gauge(Gauge),
    /// A figure of the target, by its probe. Each has the name `probe.NAME`, which only a layout knows.
    Probe(ProbeIndex),
}

impl Metric {
    /// Every metric of loadgen's own, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let trends = Trend::ALL.iter().copied().map(Self::Trend);
        let counters = Counter::ALL.iter().copied().map(Self::Counter);
        let rates = Rate::ALL.iter().copied().map(Self::Rate);
        let gauges = Gauge::ALL.iter().copied().map(Self::Gauge);
        trends.chain(counters).chain(rates).chain(gauges)
    }

    /// The public name; that of a probe without its own.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trend(trend) => trend.name(),
            Self::Counter(counter) => counter.name(),
            Self::Rate(rate) => rate.name(),
            Self::Gauge(gauge) => gauge.name(),
            Self::Probe(_) => "probe",
        }
    }

    /// The metric of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|metric| metric.name() == name)
    }

    /// The public name of its kind.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Trend(_) => "trend",
            Self::Counter(_) => "counter",
            Self::Rate(_) => "rate",
            Self::Gauge(_) => "gauge",
            Self::Probe(_) => "probe",
        }
    }

    /// Whether it is about iterations, which belong to a scenario but to no step.
    #[must_use]
    pub const fn is_of_iterations(self) -> bool {
        match self {
            Self::Trend(trend) => matches!(trend, Trend::IterationDuration),
            Self::Counter(counter) => counter.is_of_iterations(),
            Self::Rate(_) | Self::Gauge(_) | Self::Probe(_) => false,
        }
    }
}
