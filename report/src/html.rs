//! The report as one HTML document: no script, no style sheet of others, every style in its element, so that mail
//! programs and printers show it as it is. Where SVG is not shown, each drawing's numbers stand beside it.

use std::fmt::Write;

use crate::shapes::{BudgetState, Objectives, Query, Regression, Report, Spread, UxScore};
use crate::{chart, words};

const TEXT: &str = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:#1b2330;";
const CELL: &str =
    "padding:6px 12px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid #e4e7ec;font-size:14px;";
const HEAD: &str = "padding:6px 12px 6px 0;text-align:left;border-bottom:1px solid #1b2330;font-size:12px;font-weight:600;color:#5b6472;";
const NUMBER: &str = "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;";
const NOTE: &str = "margin:8px 0 0;font-size:12px;color:#5b6472;";
const QUERY: &str = "font-family:ui-monospace,monospace;font-size:11px;color:#5b6472;overflow-wrap:anywhere;";

/// `root` is the address of hark for links, without a slash at its end; empty leaves links relative to it.
pub fn html(report: &Report, root: &str) -> String {
    let week = &report.span.week;
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Voice assistant, {week}</title>\
         <style>@page{{margin:16mm}}tr,h2{{break-inside:avoid}}h2{{break-after:avoid}}</style></head>\
         <body style=\"margin:0;background:#fff;{TEXT}\"><div style=\"max-width:760px;margin:0 auto;padding:24px;\">"
    );
    head(&mut out, report);
    scores(&mut out, &report.scores);
    objectives(&mut out, &report.objectives);
    regressions(&mut out, report, root);
    alerting(&mut out, report);
    queries(&mut out, report);
    let _ = writeln!(
        out,
        "<p style=\"{NOTE}\">The same numbers are at <a href=\"{root}/report/{week}\" style=\"color:#2f5fd0;\">/report/{week}</a> \
         and /api/v1/report?week={week}.</p></div></body></html>"
    );
    out
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn head(out: &mut String, report: &Report) {
    let span = &report.span;
    let covers = match span.until {
        None => "nothing yet".to_owned(),
        Some(_) if span.is_complete => format!("{} to {}", span.from.date(), span.to.plus_millis(-1).date()),
        Some(until) => format!("{} to now ({until}); the week goes on", span.from.date()),
    };
    let _ = write!(
        out,
        "<p style=\"margin:0;font-size:13px;color:#5b6472;\">Week {}, {covers}, UTC</p>\
         <h1 style=\"margin:4px 0 0;font-size:22px;line-height:1.3;\">{}</h1>",
        span.week,
        escape(&report.sentence)
    );
}

fn section(out: &mut String, title: &str) {
    let _ = write!(out, "<h2 style=\"margin:28px 0 4px;font-size:16px;\">{title}</h2>");
}

fn table(out: &mut String, heads: &[&str], rows: &[Vec<String>]) {
    let is_number = |at: usize| {
        rows.iter().all(|row| row[at].trim_start_matches(['+', '\u{2212}']).starts_with(|c: char| c.is_ascii_digit()))
    };
    let style =
        |at: usize, base: &str| if at > 0 && is_number(at) { format!("{base}{NUMBER}") } else { base.to_owned() };
    out.push_str("<table style=\"width:100%;border-collapse:collapse;\"><thead><tr>");
    for (at, head) in heads.iter().enumerate() {
        let _ = write!(out, "<th scope=\"col\" style=\"{}\">{head}</th>", style(at, HEAD));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let _ = write!(out, "<td style=\"{}\">{cell}</td>", style(at, CELL));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn scores(out: &mut String, scores: &[UxScore]) {
    section(out, "UX score");
    if scores.is_empty() {
        let _ = write!(out, "<p style=\"{NOTE}\">No composite is defined, so there is no score.</p>");
        return;
    }
    let rows: Vec<Vec<String>> = scores.iter().map(score_row).collect();
    table(out, &["", "Score", "On last week", "On last year", "What it costs", "13 weeks"], &rows);
    let _ = write!(
        out,
        "<p style=\"{NOTE}\">100 is the best. The costs of the parts and the score add up to the full score.</p>"
    );
}

fn score_row(score: &UxScore) -> Vec<String> {
    let on = |before: Option<f64>| match score.score.zip(before) {
        Some((now, before)) => words::signed_points(now - before),
        None => "–".to_owned(),
    };
    let part = |part: &crate::shapes::ScorePart| {
        let name = part.metric.as_deref().map_or_else(|| part.term.clone(), words::metric);
        let value = part.value.map(|value| format!(" ({})", words::value(value, &part.unit))).unwrap_or_default();
        escape(&format!("{name}{value} {}", words::points(part.costs)))
    };
    let weeks: Vec<Option<f64>> = score.weeks.iter().map(|week| week.score).collect();
    let costs: Vec<f64> = score.parts.iter().map(|part| part.costs).collect();
    let bar = score.score.map(|now| chart::costs(now, &costs, 180.0, 6.0)).unwrap_or_default();
    vec![
        escape(&words::slice(&score.slice)),
        score.score.map_or_else(|| "–".to_owned(), words::points),
        on(score.last_week),
        on(score.last_year),
        format!("{}<br>{bar}", score.parts.iter().map(part).collect::<Vec<_>>().join("<br>")),
        chart::line(&weeks, 120.0, 32.0, &format!("Score of {}, thirteen weeks", words::slice(&score.slice))),
    ]
}

fn objectives(out: &mut String, objectives: &[Objectives]) {
    section(out, "Objectives");
    if objectives.is_empty() {
        let _ = write!(
            out,
            "<p style=\"{NOTE}\">No metric has an objective. Add one to its definition: objective: {{statistic: p95, target: 1500, window: 28d}}.</p>"
        );
        return;
    }
    let row = |one: &Objectives| {
        let left = one.budget_left;
        vec![
            format!(
                "{}<br><span style=\"font-size:12px;color:#5b6472;\">{}</span>",
                escape(&words::metric(&one.metric)),
                escape(&one.sentence)
            ),
            one.missed_share.map_or_else(|| "–".to_owned(), words::percent),
            left.map_or_else(
                || "–".to_owned(),
                |left| format!("{}<br>{}", words::percent(left), chart::budget(left, 120.0, 6.0)),
            ),
            one.burn_week.map_or_else(|| "–".to_owned(), |burn| format!("{}×", words::number(burn))),
            one.runs_out.map_or_else(
                || if left.is_some_and(|left| left < 0.0) { "is gone".to_owned() } else { "–".to_owned() },
                |at| at.date().to_string(),
            ),
        ]
    };
    let rows: Vec<Vec<String>> = objectives.iter().map(row).collect();
    table(out, &["Objective", "Missed", "Budget left", "Pace this week", "Runs out"], &rows);
    let _ = write!(out, "<p style=\"{NOTE}\">A pace of 1× would spend the budget evenly over its window.</p>");
}

fn regressions(out: &mut String, report: &Report, root: &str) {
    let found = &report.regressions;
    let row = |one: &Regression| {
        vec![
            format!(
                "<a href=\"{root}/alerts/{}\" style=\"color:#2f5fd0;\">{}</a>",
                escape(&one.alert),
                escape(&one.sentence)
            ),
            one.onset.to_string().replace('T', " ").trim_end_matches('Z').to_owned(),
            one.users.map_or_else(|| "–".to_owned(), |users| words::fixed(users as f64, 0)),
            words::fixed(one.requests as f64, 0),
            one.user_seconds_lost.map_or_else(|| "–".to_owned(), words::lost),
            escape(one.owner.as_deref().unwrap_or("nobody")),
        ]
    };
    for (title, rows, total, none) in [
        ("Regressions that are open", &found.open, found.open_total, "None."),
        ("Regressions that ended this week", &found.fixed, found.fixed_total, "None."),
    ] {
        section(out, title);
        if rows.is_empty() {
            let _ = write!(out, "<p style=\"{NOTE}\">{none}</p>");
            continue;
        }
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        table(out, &["What", "Since (UTC)", "Users", "Requests", "Time lost", "Owner"], &rows);
        if total > rows.len() as u64 {
            let _ = write!(out, "<p style=\"{NOTE}\">and {} more</p>", total - rows.len() as u64);
        }
    }
    let _ = write!(out, "<p style=\"{NOTE}\">{}</p>", escape(&found.how));
}

fn alerting(out: &mut String, report: &Report) {
    section(out, "How good the alerts were");
    let spread = |spread: &Spread| {
        let Some(median) = spread.median_minutes else { return "–".to_owned() };
        let interval = spread.interval_minutes.map_or_else(String::new, |[low, high]| {
            format!(" (95{}% of medians: {} to {})", words::THIN, words::duration(low), words::duration(high))
        });
        format!("{}{interval}, of {}", words::duration(median), spread.alerts)
    };
    let precision = &report.precision;
    let share = match (precision.share, precision.interval) {
        (Some(share), Some([low, high])) => {
            format!("{} ({} to {})", words::percent(share), words::percent(low), words::percent(high))
        }
        _ => "not known".to_owned(),
    };
    let state = match report.alarms.state {
        BudgetState::Kept => "kept",
        BudgetState::Exceeded => "exceeded",
        BudgetState::Unknown => "not known",
    };
    let rows = [
        vec![
            "Alerts opened".to_owned(),
            format!("{}, {} the week before", report.regressions.opened, report.regressions.opened_last_week),
        ],
        vec!["Time to detect, median".to_owned(), spread(&report.times.detect)],
        vec!["Time to resolve, median".to_owned(), spread(&report.times.resolve)],
        vec!["Precision".to_owned(), format!("{share}, {} labelled of {}", precision.labelled, precision.of)],
        vec![
            "False-alarm budget".to_owned(),
            format!(
                "<b>{state}</b>: {}",
                escape(report.alarms.sentence.trim_start_matches("kept: ").trim_start_matches("not known: "))
            ),
        ],
    ];
    table(out, &["", ""], &rows);
}

fn queries(out: &mut String, report: &Report) {
    section(out, "Where the numbers come from");
    let mut row = |name: &str, query: &Query| {
        let text = match query {
            Query::Address(address) => format!("GET {address}"),
            Query::Sql(sql) => sql.clone(),
        };
        let _ = write!(
            out,
            "<p style=\"margin:6px 0;font-size:12px;\">{}<br><span style=\"{QUERY}\">{}</span></p>",
            escape(name),
            escape(&text)
        );
    };
    if let Some(all) = report.scores.first() {
        row("Parts of the score, all traffic", &all.query);
    }
    report.objectives.iter().for_each(|one| row(&format!("Objective of {}", one.metric), &one.query));
    row("Regressions, times, precision", &report.regressions.query);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble::tests::example;

    #[test]
    fn the_document_has_the_numbers_of_the_report_and_needs_nothing_else() {
        let report = example();
        let page = html(&report, "https://hark.example");
        assert!(page.contains(&escape(&report.sentence)));
        for score in &report.scores {
            assert!(page.contains(&words::points(score.score.unwrap())), "{:?}", score.slice);
        }
        assert!(page.contains("href=\"https://hark.example/alerts/open\"") && page.contains("0 labelled of 2"));
        assert!(page.contains(&words::percent(report.objectives[0].budget_left.unwrap())));
        for foreign in ["<script", "src=", "url(", "class="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(escape("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
