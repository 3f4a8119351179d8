//! A composite's formula: arithmetic over the statistics of other metrics.
//!
//! A name is a metric (its headline statistic) or `metric.statistic`. `penalty(x, good, bad)` is 0 at `good`, 1 at
//! `bad`, straight in between. One evaluation takes a hundred nanoseconds: it runs once a series and step, where a
//! plan of DataFusion's over one row would take far longer.

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};
use hark_model::{Definitions, MetricKind, Statistic};

use crate::QueryError;
use crate::compile::parse;
use crate::error::sentence;

#[derive(Debug, Clone, PartialEq)]
pub struct Formula(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Part { metric: String, statistic: Option<Statistic> },
    Negate(Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Call(Call, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Call {
    Penalty,
    Least,
    Greatest,
}

impl Formula {
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let parsed = parse(text).map_err(|error| sentence(&error))?;
        build(&parsed).map(Self)
    }

    /// Every part must be a defined metric with events of its own.
    pub(crate) fn check_parts(&self, composite: &str, definitions: &Definitions) -> Result<(), QueryError> {
        for (name, _) in self.parts() {
            let problem = match definitions.get(name).map(|metric| &metric.kind) {
                None => "is not a defined metric; define it or correct the name",
                Some(MetricKind::Composite { .. }) => "is itself a composite; use the metrics it is made of",
                Some(_) => continue,
            };
            return Err(QueryError::Part {
                metric: composite.to_owned(),
                part: name.to_owned(),
                problem: problem.to_owned(),
            });
        }
        Ok(())
    }

    /// The metrics it reads, with the statistic where one is named.
    pub fn parts(&self) -> Vec<(&str, Option<Statistic>)> {
        let mut parts = Vec::new();
        collect_parts(&self.0, &mut parts);
        parts
    }

    /// `None` where a part has no value or the result is no number.
    pub fn evaluate(&self, part: &impl Fn(&str, Option<Statistic>) -> Option<f64>) -> Option<f64> {
        evaluate(&self.0, part).filter(|value| value.is_finite())
    }
}

fn collect_parts<'a>(node: &'a Node, parts: &mut Vec<(&'a str, Option<Statistic>)>) {
    match node {
        Node::Number(_) => {}
        Node::Part { metric, statistic } => parts.push((metric, *statistic)),
        Node::Negate(inner) => collect_parts(inner, parts),
        Node::Arithmetic(_, left, right) => [left, right].into_iter().for_each(|side| collect_parts(side, parts)),
        Node::Call(_, arguments) => arguments.iter().for_each(|argument| collect_parts(argument, parts)),
    }
}

fn evaluate(node: &Node, part: &impl Fn(&str, Option<Statistic>) -> Option<f64>) -> Option<f64> {
    Some(match node {
        Node::Number(number) => *number,
        Node::Part { metric, statistic } => part(metric, *statistic)?,
        Node::Negate(inner) => -evaluate(inner, part)?,
        Node::Arithmetic(operator, left, right) => {
            let (left, right) = (evaluate(left, part)?, evaluate(right, part)?);
            match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide => left / right,
            }
        }
        Node::Call(call, arguments) => {
            let values = arguments.iter().map(|argument| evaluate(argument, part)).collect::<Option<Vec<_>>>()?;
            match call {
                Call::Penalty => ((values[0] - values[1]) / (values[2] - values[1])).clamp(0.0, 1.0),
                Call::Least => values.into_iter().fold(f64::INFINITY, f64::min),
                Call::Greatest => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
            }
        }
    })
}

fn build(expression: &Expr) -> Result<Node, String> {
    let refuse =
        || Err(format!("`{expression}` has no place in a composite; use + - * /, penalty(), least(), greatest()"));
    match expression {
        Expr::Nested(inner) => build(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().map(Node::Number).map_err(|_| format!("`{text}` is not a number")),
            _ => refuse(),
        },
        Expr::Identifier(name) => Ok(Node::Part { metric: name.value.clone(), statistic: None }),
        Expr::CompoundIdentifier(path) => part(&path.iter().map(|name| name.value.as_str()).collect::<Vec<_>>()),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(Node::Negate(Box::new(build(expr)?))),
        Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                BinaryOperator::Plus => Operator::Add,
                BinaryOperator::Minus => Operator::Subtract,
                BinaryOperator::Multiply => Operator::Multiply,
                BinaryOperator::Divide => Operator::Divide,
                _ => return refuse(),
            };
            Ok(Node::Arithmetic(operator, Box::new(build(left)?), Box::new(build(right)?)))
        }
        Expr::Function(function) => call(function),
        _ => refuse(),
    }
}

/// Metric names may hold dots themselves, so only a last part that is a statistic counts as one.
fn part(path: &[&str]) -> Result<Node, String> {
    let (last, rest) = path.split_last().ok_or("an empty name")?;
    match last.parse() {
        Ok(statistic) if !rest.is_empty() => Ok(Node::Part { metric: rest.join("."), statistic: Some(statistic) }),
        _ => Ok(Node::Part { metric: path.join("."), statistic: None }),
    }
}

fn call(function: &Function) -> Result<Node, String> {
    let name = function.name.to_string().to_ascii_lowercase();
    let (call, wanted) = match name.as_str() {
        "penalty" => (Call::Penalty, 3..=3),
        "least" => (Call::Least, 1..=16),
        "greatest" => (Call::Greatest, 1..=16),
        _ => return Err(format!("there is no function `{name}` for composites; use penalty, least or greatest")),
    };
    let FunctionArguments::List(list) = &function.args else { return Err(format!("{name}() needs arguments")) };
    let arguments = list
        .args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => build(inner),
            other => Err(format!("{name}() cannot take `{other}`")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if !wanted.contains(&arguments.len()) {
        return Err(format!("{name}() takes {} arguments and got {}", wanted.end(), arguments.len()));
    }
    Ok(Node::Call(call, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_score() {
        let text = "100 - 40*penalty(response_time.p95, 800, 3000) - 60*penalty(failure_rate, 0.01, 0.15)";
        let formula = Formula::compile(text).unwrap();
        let at = |p95: f64, rate: f64| {
            formula.evaluate(&|metric, statistic| {
                Some(if metric == "response_time" && statistic == Some(Statistic::P95) { p95 } else { rate })
            })
        };
        assert_eq!(at(700.0, 0.005), Some(100.0));
        assert_eq!(at(1900.0, 0.01), Some(80.0));
        assert_eq!(at(9000.0, 0.5), Some(0.0));
        assert_eq!(formula.evaluate(&|_, _| None), None);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for text in ["a and b", "sqrt(a)", "penalty(a, 1)", "'text'", "a <"] {
            assert!(Formula::compile(text).is_err(), "{text}");
        }
    }
}
