//! Numbers and names for people, the same in every rendering.

use hark_model::{Alert, Slice};

/// A narrow space that never breaks, between number and unit.
pub(crate) const THIN: char = '\u{202f}';
const MINUS: char = '\u{2212}';

/// With so many decimals, thousands apart.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    let sign = if value < 0.0 && !is_zero { String::from(MINUS) } else { String::new() };
    format!("{sign}{grouped}{rest}")
}

/// With about three digits.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 || v == v.round() => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    fixed(value, decimals)
}

pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let is_whole = (percent - percent.round()).abs() < 1e-9;
    let decimals = if is_whole || percent.abs() >= 99.95 {
        0
    } else if percent.abs() >= 9.95 {
        1
    } else {
        2
    };
    format!("{}{THIN}%", fixed(percent, decimals))
}

pub(crate) fn value(value: f64, unit: &str) -> String {
    match unit {
        "share" => percent(value),
        "ms" if value.abs() >= 10_000.0 => format!("{}{THIN}s", number(value / 1000.0)),
        "" => number(value),
        unit => format!("{}{THIN}{unit}", number(value)),
    }
}

pub(crate) fn points(points: f64) -> String {
    fixed(points, 1)
}

pub(crate) fn signed_points(points: f64) -> String {
    let text = fixed(points, 1);
    if points > 0.0 && text != "0.0" { format!("+{text}") } else { text }
}

pub(crate) fn duration(minutes: f64) -> String {
    let whole = minutes.round().max(0.0) as u64;
    match (whole / 1440, whole / 60 % 24, whole % 60) {
        (0, 0, minutes) => format!("{minutes}{THIN}min"),
        (0, hours, 0) => format!("{hours}{THIN}h"),
        (0, hours, minutes) => format!("{hours}{THIN}h {minutes}{THIN}min"),
        (days, 0, _) => format!("{days}{THIN}d"),
        (days, hours, _) => format!("{days}{THIN}d {hours}{THIN}h"),
    }
}

/// Seconds that many people lost, in the unit that says most.
pub(crate) fn lost(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{}{THIN}s", number(s.round())),
        s if s < 7200.0 => format!("{}{THIN}min", number((s / 60.0).round())),
        s if s < 172_800.0 => format!("{}{THIN}h", number(s / 3600.0)),
        s => format!("{}{THIN}days", number(s / 86_400.0)),
    }
}

/// `failure_rate` as people say it.
pub(crate) fn metric(name: &str) -> String {
    let spaced = name.replace(['_', '.'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(crate) fn slice(slice: &Slice) -> String {
    if slice.is_total() {
        return "all traffic".to_owned();
    }
    slice.iter().map(|(_, value)| value).collect::<Vec<_>>().join(", ")
}

/// "Failure rate on tvOS rose from 2 % to 5 % (+150 %)".
pub(crate) fn regression(alert: &Alert) -> String {
    let effect = &alert.effect;
    let verb = if effect.delta >= 0.0 { "rose" } else { "fell" };
    let name = metric(&alert.metric);
    let unit = effect.unit.as_str();
    let statistic = match alert.statistic.quantile() {
        Some(_) => format!(" {}", alert.statistic),
        None => String::new(),
    };
    let relative = 100.0 * effect.relative;
    let sign = if relative > 0.0 { "+" } else { "" };
    format!(
        "{name}{statistic} in {} {verb} from {} to {} ({sign}{}{THIN}%)",
        slice(&alert.slice),
        value(effect.before, unit),
        value(effect.after, unit),
        fixed(relative, 0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell() {
        assert_eq!([0.5, 12.34, 1234.5, -1_234_567.0].map(number), ["0.50", "12.3", "1,234", "\u{2212}1,234,567"]);
        assert_eq!(
            [0.02, 0.1234, 1.0, 0.005].map(percent),
            ["2\u{202f}%", "12.3\u{202f}%", "100\u{202f}%", "0.50\u{202f}%"]
        );
        assert_eq!(value(12_500.0, "ms"), "12.5\u{202f}s");
        assert_eq!((signed_points(0.04), signed_points(-1.26)), ("0.0".to_owned(), "\u{2212}1.3".to_owned()));
        assert_eq!(
            [7.4, 60.0, 135.0, 3000.0].map(duration).join(" "),
            "7\u{202f}min 1\u{202f}h 2\u{202f}h 15\u{202f}min 2\u{202f}d 2\u{202f}h"
        );
        assert_eq!([30.0, 600.0, 36_000.0].map(lost), ["30\u{202f}s", "10\u{202f}min", "10\u{202f}h"]);
    }

    #[test]
    fn names_are_read_as_words() {
        assert_eq!((metric("failure_rate"), metric("")), ("Failure rate".to_owned(), String::new()));
        assert_eq!(slice(&"locale:de_DE,platform:iOS".parse().unwrap()), "de_DE, iOS");
    }
}
