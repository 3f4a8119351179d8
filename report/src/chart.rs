//! Small drawings as inline SVG, for renderings without scripts.

use std::fmt::Write;

use crate::words;

const LINE: &str = "#2f5fd0";
const MUTED: &str = "#5b6472";
const BAD: &str = "#b3261e";

/// A line through the values, a gap where there is none, the last one marked and named in the title.
pub(crate) fn line(values: &[Option<f64>], width: f64, height: f64, title: &str) -> String {
    let known = || values.iter().copied().flatten();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let mut svg = open(width, height, title);
    if low > high {
        return svg + "</svg>";
    }
    // A line that hardly moves should look like it.
    let (low, high) = (low.min(high - 5.0), high);
    let x = |at: usize| 3.0 + at as f64 * (width - 6.0) / (values.len().max(2) - 1) as f64;
    let y = |value: f64| 3.0 + (high - value) / (high - low) * (height - 6.0);
    let mut path = String::new();
    let mut is_down = false;
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_down = false;
            continue;
        };
        let _ = write!(path, "{}{:.1} {:.1}", if is_down { "L" } else { "M" }, x(at), y(*value));
        is_down = true;
    }
    let _ = write!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.5\"/>");
    if let Some((at, Some(value))) = values.iter().enumerate().rfind(|(_, value)| value.is_some()) {
        let _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"{LINE}\"/>", x(at), y(*value));
    }
    svg + "</svg>"
}

/// How much of an error budget is gone; beyond its end it is drawn full and red.
pub(crate) fn budget(left: f64, width: f64, height: f64) -> String {
    let spent = (1.0 - left).max(0.0);
    let title = format!("{} of the budget is spent", words::percent(spent));
    let mut svg = open(width, height, &title);
    let colour = if left < 0.0 { BAD } else { LINE };
    let filled = width * spent.min(1.0);
    let _ = write!(
        svg,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"#e4e7ec\"/><rect width=\"{filled:.1}\" height=\"{height}\" fill=\"{colour}\"/>"
    );
    svg + "</svg>"
}

/// The points that each part takes, as one bar of a hundred.
pub(crate) fn costs(score: f64, costs: &[f64], width: f64, height: f64) -> String {
    let mut svg = open(width, height, &format!("{} of the points are left", words::points(score)));
    let per_point = width / (score + costs.iter().sum::<f64>()).max(1.0);
    let mut x = score.max(0.0) * per_point;
    let _ = write!(svg, "<rect width=\"{x:.1}\" height=\"{height}\" fill=\"{LINE}\"/>");
    for (at, cost) in costs.iter().enumerate() {
        let wide = cost.max(0.0) * per_point;
        let shade = if at % 2 == 0 { "#c9763b" } else { MUTED };
        let _ = write!(svg, "<rect x=\"{x:.1}\" width=\"{wide:.1}\" height=\"{height}\" fill=\"{shade}\"/>");
        x += wide;
    }
    svg + "</svg>"
}

fn open(width: f64, height: f64, title: &str) -> String {
    let title = crate::html::escape(title);
    format!(
        "<svg role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title>{title}</title>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        let svg = line(&[Some(90.0), Some(80.0), None, Some(85.0)], 100.0, 30.0, "a < b");
        assert_eq!(svg.matches('M').count(), 2, "{svg}");
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains("<circle"));
        assert!(!line(&[None, None], 100.0, 30.0, "").contains("<path"));
    }

    #[test]
    fn what_is_overspent_fills_the_bar() {
        assert!(budget(-3.0, 100.0, 8.0).contains("width=\"100.0\""));
        assert!(budget(0.75, 100.0, 8.0).contains("width=\"25.0\""));
        assert!(costs(70.0, &[20.0, 10.0], 100.0, 8.0).contains("x=\"90.0\" width=\"10.0\""));
    }
}
