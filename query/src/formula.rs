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
pub struct Formula {
    parts: Vec<(String, Option<Statistic>)>,
    root: Node,
    /// The summands at the top: whether each is subtracted, its text and its node.
    terms: Vec<(bool, String, Node)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    /// Position among the parts, in order of appearance.
    Part(usize),
    Negate(Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Call(Call, Vec<Node>),
}

/// One summand of a formula, at its top: all of them add up to its value.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaTerm {
    /// As it was written, without its sign.
    pub text: String,
    /// Positions of the parts it reads; none for a constant.
    pub parts: Vec<usize>,
    /// What it adds, with its sign.
    pub value: f64,
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
        let mut parts = Vec::new();
        let root = build(&parsed, &mut parts)?;
        let mut terms = Vec::new();
        split(&parsed, false, &mut parts, &mut terms)?;
        Ok(Self { parts, root, terms })
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

    /// The metrics it reads, with the statistic where one is named, each once.
    pub fn parts(&self) -> Vec<(&str, Option<Statistic>)> {
        self.parts.iter().map(|(metric, statistic)| (metric.as_str(), *statistic)).collect()
    }

    /// `part` gives the value of the part at a position; `None` where one has no value or the result is no number.
    pub fn evaluate(&self, part: &impl Fn(usize) -> Option<f64>) -> Option<f64> {
        evaluate(&self.root, part).filter(|value| value.is_finite())
    }

    /// The summands at the top and what each adds; `None` where one has no value or one that is no number.
    pub fn terms(&self, part: &impl Fn(usize) -> Option<f64>) -> Option<Vec<FormulaTerm>> {
        let term = |(is_subtracted, text, node): &(bool, String, Node)| {
            let value = evaluate(node, part).filter(|value| value.is_finite())?;
            let mut parts = Vec::new();
            read(node, &mut parts);
            Some(FormulaTerm { text: text.clone(), parts, value: if *is_subtracted { -value } else { value } })
        };
        self.terms.iter().map(term).collect()
    }
}

/// Takes sums and differences apart, down to what is neither.
fn split(
    expression: &Expr,
    is_subtracted: bool,
    parts: &mut Parts,
    terms: &mut Vec<(bool, String, Node)>,
) -> Result<(), String> {
    match expression {
        Expr::Nested(inner) => split(inner, is_subtracted, parts, terms),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => split(expr, !is_subtracted, parts, terms),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Plus | BinaryOperator::Minus), right } => {
            split(left, is_subtracted, parts, terms)?;
            split(right, is_subtracted != (*op == BinaryOperator::Minus), parts, terms)
        }
        other => {
            terms.push((is_subtracted, other.to_string(), build(other, parts)?));
            Ok(())
        }
    }
}

/// The positions of the parts below a node, each once, in order.
fn read(node: &Node, parts: &mut Vec<usize>) {
    match node {
        Node::Number(_) => {}
        Node::Part(position) => {
            if let Err(at) = parts.binary_search(position) {
                parts.insert(at, *position);
            }
        }
        Node::Negate(inner) => read(inner, parts),
        Node::Arithmetic(_, left, right) => [left, right].into_iter().for_each(|side| read(side, parts)),
        Node::Call(_, arguments) => arguments.iter().for_each(|argument| read(argument, parts)),
    }
}

fn evaluate(node: &Node, part: &impl Fn(usize) -> Option<f64>) -> Option<f64> {
    Some(match node {
        Node::Number(number) => *number,
        Node::Part(position) => part(*position)?,
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

fn build(expression: &Expr, parts: &mut Parts) -> Result<Node, String> {
    let refuse =
        || Err(format!("`{expression}` has no place in a composite; use + - * /, penalty(), least(), greatest()"));
    match expression {
        Expr::Nested(inner) => build(inner, parts),
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().map(Node::Number).map_err(|_| format!("`{text}` is not a number")),
            _ => refuse(),
        },
        Expr::Identifier(name) => Ok(part(name.value.clone(), None, parts)),
        Expr::CompoundIdentifier(path) => {
            path_part(&path.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(), parts)
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(Node::Negate(Box::new(build(expr, parts)?))),
        Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                BinaryOperator::Plus => Operator::Add,
                BinaryOperator::Minus => Operator::Subtract,
                BinaryOperator::Multiply => Operator::Multiply,
                BinaryOperator::Divide => Operator::Divide,
                _ => return refuse(),
            };
            Ok(Node::Arithmetic(operator, Box::new(build(left, parts)?), Box::new(build(right, parts)?)))
        }
        Expr::Function(function) => call(function, parts),
        _ => refuse(),
    }
}

type Parts = Vec<(String, Option<Statistic>)>;

fn part(metric: String, statistic: Option<Statistic>, parts: &mut Parts) -> Node {
    let named = (metric, statistic);
    let position = parts.iter().position(|known| *known == named).unwrap_or_else(|| {
        parts.push(named);
        parts.len() - 1
    });
    Node::Part(position)
}

/// Metric names may hold dots themselves, so only a last part that is a statistic counts as one.
fn path_part(path: &[&str], parts: &mut Parts) -> Result<Node, String> {
    let (last, rest) = path.split_last().ok_or("an empty name")?;
    Ok(match last.parse() {
        Ok(statistic) if !rest.is_empty() => part(rest.join("."), Some(statistic), parts),
        _ => part(path.join("."), None, parts),
    })
}

fn call(function: &Function, parts: &mut Parts) -> Result<Node, String> {
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
            FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => build(inner, parts),
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
        assert_eq!(formula.parts(), [("response_time", Some(Statistic::P95)), ("failure_rate", None)]);
        let at = |p95: f64, rate: f64| formula.evaluate(&|position| Some([p95, rate][position]));
        assert_eq!(at(700.0, 0.005), Some(100.0));
        assert_eq!(at(1900.0, 0.01), Some(80.0));
        assert_eq!(at(9000.0, 0.5), Some(0.0));
        assert_eq!(formula.evaluate(&|_| None), None);
    }

    #[test]
    fn terms_add_up_to_the_value() {
        let formula = Formula::compile("100 - 40*penalty(a.p95, 800, 3000) - (60*b - c/(2 - a.p95)) + -c").unwrap();
        let part = |position: usize| [1900.0, 0.25, 8.0].get(position).copied();
        let terms = formula.terms(&part).unwrap();
        let told: Vec<_> = terms.iter().map(|term| (term.text.as_str(), term.parts.as_slice(), term.value)).collect();
        assert_eq!(
            told[..3],
            [("100", &[][..], 100.0), ("40 * penalty(a.p95, 800, 3000)", &[0][..], -20.0), ("60 * b", &[1][..], -15.0)]
        );
        assert_eq!((told[3].1, told[4]), (&[0, 2][..], ("c", &[2][..], -8.0)));
        let sum: f64 = terms.iter().map(|term| term.value).sum();
        assert!((sum - formula.evaluate(&part).unwrap()).abs() < 1e-9);
        assert_eq!(formula.terms(&|_| None), None);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for text in ["a and b", "sqrt(a)", "penalty(a, 1)", "'text'", "a <"] {
            assert!(Formula::compile(text).is_err(), "{text}");
        }
    }
}
