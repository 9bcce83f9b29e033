//! The last hour as a chart: what was published as an area, what failed as bars.

use std::fmt::Write;

use crate::erased::Erase;
use leptos::prelude::*;

use crate::{clock::grouped, model::Minute};

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 150.0;
/// Room above the highest point, for its number.
const TOP: f64 = 18.0;
/// Room below, for the times.
const BOTTOM: f64 = 18.0;

/// A point a minute, oldest first. The two have one scale, so that they can be compared.
pub fn minute_chart(minutes: &[Minute]) -> AnyView {
    let highest = minutes.iter().map(|minute| minute.published.max(minute.failed)).max().unwrap_or(0);
    let (published, failed) = sums(minutes);
    let summary = format!("Last hour, by minute: {} published, {} failed", grouped(published), grouped(failed));
    let shape = Shape { step: WIDTH / minutes.len().max(1) as f64, highest: highest.max(1) as f64 };
    let line = shape.line(minutes);
    let area = line.strip_prefix('M').map(|rest| format!("M0 {base}L{rest}L{WIDTH} {base}Z", base = HEIGHT - BOTTOM));
    let bars = minutes.iter().enumerate().filter(|(_, minute)| minute.failed > 0).map(|(index, minute)| {
        let top = shape.y(minute.failed);
        view! {
            <rect class="failed" x=text(shape.x(index) + shape.step * 0.2) y=text(top) width=text(shape.step * 0.6)
                height=text((HEIGHT - BOTTOM - top).max(2.0)) rx="1"/>
        }
    });
    let times = minutes.iter().enumerate().filter(|(index, _)| index % 15 == 0).map(|(index, minute)| {
        view! { <text class="tick" x=text(shape.x(index)) y=text(HEIGHT - 4.0)>{minute.minute.format("%H:%M").to_string()}</text> }
    });
    let tips = minutes.iter().enumerate().map(|(index, minute)| {
        let tip = format!("{} UTC: {} published, {} failed", minute.minute.format("%H:%M"), minute.published, minute.failed);
        view! { <rect class="tip" x=text(shape.x(index)) y="0" width=text(shape.step) height=text(HEIGHT)><title>{tip}</title></rect> }
    });
    let grid = format!(
        "M0 {t}H{WIDTH}M0 {m}H{WIDTH}M0 {b}H{WIDTH}",
        t = TOP,
        m = (TOP + HEIGHT - BOTTOM) / 2.0,
        b = HEIGHT - BOTTOM
    );
    view! {
        <svg class="chart" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=summary>
            <path class="grid" d=grid/>
            <path class="area" d=area.unwrap_or_default()/>
            <path class="line" d=line/>
            {bars.collect_view()}
            <text class="tick" x="0" y="12">{format!("{} a minute", grouped(highest))}</text>
            {times.collect_view()}
            {tips.collect_view()}
        </svg>
    }
    .erased()
}

fn sums(minutes: &[Minute]) -> (u64, u64) {
    minutes.iter().fold((0, 0), |(published, failed), minute| (published + minute.published, failed + minute.failed))
}

struct Shape {
    step: f64,
    highest: f64,
}

impl Shape {
    fn x(&self, index: usize) -> f64 {
        index as f64 * self.step
    }

    fn y(&self, count: u64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count as f64 / self.highest
    }

    /// Through the middle of every minute, out to both edges.
    fn line(&self, minutes: &[Minute]) -> String {
        let mut path = String::new();
        for (index, minute) in minutes.iter().enumerate() {
            let (x, y) = (self.x(index) + self.step / 2.0, self.y(minute.published));
            let start = if index == 0 { format!("M0 {}L", text(y)) } else { "L".to_owned() };
            write!(path, "{start}{} {}", text(x), text(y)).expect("writing into a string cannot fail");
        }
        if let Some(last) = minutes.last() {
            write!(path, "L{WIDTH} {}", text(self.y(last.published))).expect("writing into a string cannot fail");
        }
        path
    }
}

/// A coordinate to a tenth of a pixel: the same text on the server and in the browser.
fn text(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}
