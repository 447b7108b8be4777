//! A search as a picture: good throughput and latency over load, the knee and the answer marked.

use super::{chart::by_load, words};
use crate::text::units;
use loadgen_capacity::{Level, LevelVerdict, LoadUnit, Stress, Usl};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 620.0;
/// Edges of both panels, from left and right.
const LEFT: f64 = 78.0;
const RIGHT: f64 = 24.0;
/// Top and bottom of each panel.
const RATE: (f64, f64) = (104.0, 330.0);
const TIME: (f64, f64) = (382.0, 566.0);
const INK: &str = "#24292f";
const SOFT: &str = "#8c959f";
const GOOD: &str = "#1a7f37";
const BAD: &str = "#cf222e";
const BLUE: &str = "#0969da";
const KNEE: &str = "#9a6700";
/// Quantiles of the latency, and how they are drawn.
const QUANTILES: [(&str, &str, &str); 3] = [
    ("p50", "#57a0f5", ""),
    ("p95", "#0550ae", ""),
    ("p99", "#8250df", " stroke-dasharray=\"5 4\""),
];

/// Writes a search as an SVG picture: above the good throughput over the load, with the Universal Scalability Law where it
/// fits; below the latency. The knee, the highest load that held, the lowest that broke and the safe one are marked.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_svg(mut out: impl Write, name: &str, stress: &Stress) -> io::Result<()> {
    let levels = by_load(&stress.levels);
    let most_load = levels.iter().map(|level| level.load).fold(0.0, f64::max);
    let most_rate = levels
        .iter()
        .map(|level| level.goodput_per_second)
        .fold(0.0, f64::max);
    let most_time = levels
        .iter()
        .filter_map(|level| level.latency[2])
        .max()
        .unwrap_or_default()
        .as_secs_f64();
    let x = Axis::new(most_load, (LEFT, WIDTH - RIGHT));
    let rate = Axis::new(most_rate, (RATE.1, RATE.0));
    let time = Axis::new(most_time, (TIME.1, TIME.0));
    let mut picture = Picture {
        text: String::new(),
        x,
    };
    picture.begin(name, stress);
    picture.frame(RATE, &rate, "good requests per second", |value| {
        units::three_digits(value).trim_end_matches(".0").to_owned()
    });
    picture.frame(TIME, &time, "http_req_latency", |value| {
        units::time(Duration::from_secs_f64(value.max(0.0)))
    });
    picture.loads(stress);
    picture.marks(stress);
    picture.law(stress, &levels, &rate);
    let points: Vec<(f64, f64)> = levels
        .iter()
        .map(|level| (level.load, level.goodput_per_second))
        .collect();
    picture.line(&points, &rate, BLUE, "");
    for level in &levels {
        picture.dot(level, rate.at(level.goodput_per_second));
    }
    picture.latency(&levels, &time);
    picture.text.push_str("</svg>\n");
    out.write_all(picture.text.as_bytes())?;
    out.flush()
}

/// A scale from zero to a round number above the most.
#[derive(Clone, Copy)]
struct Axis {
    most: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn new(most: f64, (from, to): (f64, f64)) -> Self {
        let most = if most > 0.0 && most.is_finite() {
            most
        } else {
            1.0
        };
        let rough = most / 5.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade);
        let step = step
            .into_iter()
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(rough);
        Self {
            most: (most / step * 1.0001).ceil() * step,
            step,
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value / self.most).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        let count = (self.most / self.step).round() as u32;
        (0..=count).map(|n| f64::from(n) * self.step).collect()
    }
}

struct Picture {
    text: String,
    x: Axis,
}

impl Picture {
    fn begin(&mut self, name: &str, stress: &Stress) {
        let safe = words::safe(stress).map_or_else(String::new, |safe| format!("safe: {safe}"));
        let (title, answer) = (
            escaped(&format!("{name}: breaking point")),
            escaped(&words::answer(stress)),
        );
        self.push(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{title}\">"
        ));
        self.push(&format!("<title>{title}</title>"));
        self.push("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
        self.label(
            (LEFT, 26.0),
            "start",
            INK,
            &format!("<tspan font-size=\"16\" font-weight=\"600\">{title}</tspan>"),
        );
        self.label((LEFT, 46.0), "start", INK, &clipped(&answer, 120));
        self.label((LEFT, 63.0), "start", SOFT, &clipped(&escaped(&safe), 120));
    }

    /// The frame of a panel with its lines and numbers.
    fn frame(
        &mut self,
        (top, bottom): (f64, f64),
        axis: &Axis,
        what: &str,
        shown: impl Fn(f64) -> String,
    ) {
        for value in axis.ticks() {
            let y = axis.at(value);
            let right = WIDTH - RIGHT;
            self.push(&format!("<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#eaeef2\"/>"));
            self.label((LEFT - 8.0, y + 4.0), "end", SOFT, &escaped(&shown(value)));
        }
        self.push(&format!(
            "<line x1=\"{LEFT}\" x2=\"{LEFT}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"{SOFT}\"/>"
        ));
        self.label(
            (LEFT, top - 8.0),
            "start",
            INK,
            &format!("<tspan font-weight=\"600\">{what}</tspan>"),
        );
    }

    /// The numbers below both panels.
    fn loads(&mut self, stress: &Stress) {
        for value in self.x.ticks() {
            let (x, load) = (self.x.at(value), words::bare(value, stress.unit));
            for (_, bottom) in [RATE, TIME] {
                self.label((x, bottom + 16.0), "middle", SOFT, &load);
            }
        }
        let what = match stress.unit {
            LoadUnit::Users => "virtual users",
            LoadUnit::PerSecond => "arrivals per second",
        };
        self.label(
            (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 22.0),
            "middle",
            INK,
            what,
        );
    }

    /// The knee with its uncertainty, and the answer.
    fn marks(&mut self, stress: &Stress) {
        if let Some(knee) = stress.knee {
            let (low, high) = (self.x.at(knee.low), self.x.at(knee.high));
            for (top, bottom) in [RATE, TIME] {
                self.push(&format!(
                    "<rect x=\"{low:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{KNEE}\" fill-opacity=\"0.10\"/>",
                    high - low,
                    bottom - top
                ));
            }
            self.upright(knee.load, (KNEE, "2 3"), "knee", 14.0, false);
        }
        let answer = &stress.answer;
        let marks = [
            (answer.safe, SOFT, "6 4", "safe", 28.0),
            (answer.highest_held, GOOD, "", "held", 42.0),
        ];
        for (load, colour, dash, name, height) in marks {
            if let Some(load) = load {
                self.upright(load, (colour, dash), name, height, false);
            }
        }
        if let Some(load) = answer.lowest_broke {
            self.upright(load, (BAD, ""), "broke", 42.0, true);
        }
    }

    /// A line through both panels with its name, so high above the bottom of the upper one, on its left or its right.
    fn upright(
        &mut self,
        load: f64,
        (colour, dash): (&str, &str),
        name: &str,
        height: f64,
        right: bool,
    ) {
        let x = self.x.at(load);
        for (top, bottom) in [RATE, TIME] {
            self.push(&format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\"/>"
            ));
        }
        let (at, anchor) = match right && x < WIDTH - RIGHT - 60.0 {
            true => (x + 4.0, "start"),
            false => (x - 4.0, "end"),
        };
        self.label((at, RATE.1 - height + 8.0), anchor, colour, name);
    }

    /// What the Universal Scalability Law says of each level by its requests under way, where it says something.
    fn law(&mut self, stress: &Stress, levels: &[&Level], axis: &Axis) {
        let Some(law) = stress.usl.filter(Usl::is_good) else {
            return;
        };
        let points: Vec<(f64, f64)> = levels
            .iter()
            .filter(|level| level.in_flight > 0.0)
            .map(|level| (level.load, law.throughput(level.in_flight)))
            .collect();
        self.line(&points, axis, SOFT, " stroke-dasharray=\"4 4\"");
        self.label(
            (WIDTH - RIGHT - 4.0, RATE.0 + 12.0),
            "end",
            SOFT,
            "- - Universal Scalability Law",
        );
    }

    fn latency(&mut self, levels: &[&Level], axis: &Axis) {
        for (at, (name, colour, dash)) in QUANTILES.iter().enumerate() {
            let points: Vec<(f64, f64)> = levels
                .iter()
                .filter_map(|level| Some((level.load, level.latency[at]?.as_secs_f64())))
                .collect();
            self.line(&points, axis, colour, dash);
            let x = LEFT + 130.0 + 44.0 * f64::from(u8::try_from(at).unwrap_or_default());
            self.label((x, TIME.0 - 8.0), "start", colour, &format!("— {name}"));
        }
        for level in levels {
            if let Some(p95) = level.latency[1] {
                self.dot(level, axis.at(p95.as_secs_f64()));
            }
        }
    }

    fn line(&mut self, points: &[(f64, f64)], axis: &Axis, colour: &str, dash: &str) {
        let path: Vec<String> = points
            .iter()
            .map(|(load, value)| format!("{:.1},{:.1}", self.x.at(*load), axis.at(*value)))
            .collect();
        self.push(&format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            path.join(" ")
        ));
    }

    /// A level: filled where it held, hollow where it did not.
    fn dot(&mut self, level: &Level, y: f64) {
        let (stroke, fill) = match level.verdict {
            LevelVerdict::Held => (GOOD, GOOD),
            LevelVerdict::Broken => (BAD, "#ffffff"),
            LevelVerdict::Unclear | LevelVerdict::Generator => (SOFT, "#ffffff"),
        };
        let (x, load, verdict) = (self.x.at(level.load), level.load, words::verdict(level));
        self.push(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"2\"><title>{load}: {verdict}</title></circle>"
        ));
    }

    fn label(&mut self, (x, y): (f64, f64), anchor: &str, colour: &str, text: &str) {
        self.push(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\" paint-order=\"stroke\" \
             stroke=\"#ffffff\" stroke-width=\"3\">{text}</text>"));
    }

    fn push(&mut self, element: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{element}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The beginning of an escaped text, cut at a blank so that no entity is.
fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let end = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(at, _)| at);
    let end = text[..end].rfind(' ').unwrap_or(0);
    format!("{} …", &text[..end])
}
