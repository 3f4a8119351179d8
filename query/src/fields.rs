//! Which event fields an expression reads, and of which type each must be for the expression to make sense.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

use crate::QueryError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldKind {
    Text,
    Number,
    Flag,
}

impl FieldKind {
    /// Text is dictionary-coded: events repeat a few values many times, and grouping works on the codes.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Number => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Flag => "true or false",
        })
    }
}

/// Fields by name. Those whose use says nothing of their type count as numbers, which is what values are.
#[derive(Debug, Clone, Default)]
pub struct Fields(BTreeMap<String, Option<FieldKind>>);

impl Fields {
    pub fn add(&mut self, name: &str, kind: FieldKind) -> Result<(), QueryError> {
        self.note(name, Some(kind))
    }

    /// Adds every field that `expression` reads, given what the whole of it should be.
    pub(crate) fn add_expression(&mut self, expression: &Expr, whole: FieldKind) -> Result<(), QueryError> {
        self.visit(expression, Some(whole))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, FieldKind)> {
        self.0.iter().map(|(name, kind)| (name.as_str(), kind.unwrap_or(FieldKind::Number)))
    }

    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect();
        Arc::new(Schema::new(fields))
    }

    fn note(&mut self, name: &str, kind: Option<FieldKind>) -> Result<(), QueryError> {
        match (self.0.get(name).copied().flatten(), kind) {
            (Some(first), Some(second)) if first != second => {
                Err(QueryError::TwoKinds { field: name.to_owned(), first, second })
            }
            (Some(_), _) => Ok(()),
            (None, kind) => {
                self.0.insert(name.to_owned(), kind);
                Ok(())
            }
        }
    }

    fn visit(&mut self, expression: &Expr, expected: Option<FieldKind>) -> Result<(), QueryError> {
        match expression {
            Expr::Identifier(name) => self.note(&name.value, expected),
            Expr::Nested(inner) => self.visit(inner, expected),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.visit(expr, Some(FieldKind::Flag)),
            Expr::UnaryOp { expr, .. } => self.visit(expr, Some(FieldKind::Number)),
            Expr::BinaryOp { left, op, right } => self.visit_binary(left, op, right),
            Expr::InList { expr, list, .. } => {
                let kind = list.iter().find_map(literal_kind);
                self.visit(expr, kind)?;
                list.iter().try_for_each(|item| self.visit(item, kind))
            }
            Expr::Between { expr, low, high, .. } => {
                let kind = literal_kind(low).or_else(|| literal_kind(high));
                [expr, low, high].into_iter().try_for_each(|part| self.visit(part, kind))
            }
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
                [expr, pattern].into_iter().try_for_each(|part| self.visit(part, Some(FieldKind::Text)))
            }
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => self.visit(inner, None),
            Expr::IsTrue(inner) | Expr::IsNotTrue(inner) | Expr::IsFalse(inner) | Expr::IsNotFalse(inner) => {
                self.visit(inner, Some(FieldKind::Flag))
            }
            Expr::Cast { expr, .. } => self.visit(expr, None),
            Expr::Case { operand, conditions, else_result, .. } => {
                let by_value = operand.is_some().then(|| conditions.iter().find_map(|c| literal_kind(&c.condition)));
                if let Some(operand) = operand {
                    self.visit(operand, by_value.flatten())?;
                }
                for branch in conditions {
                    self.visit(&branch.condition, by_value.unwrap_or(Some(FieldKind::Flag)))?;
                    self.visit(&branch.result, expected)?;
                }
                else_result.as_ref().map_or(Ok(()), |result| self.visit(result, expected))
            }
            Expr::Function(function) => self.visit_function(function, expected),
            _ => Ok(()),
        }
    }

    fn visit_binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<(), QueryError> {
        use BinaryOperator as Op;
        let kind = match op {
            Op::And | Op::Or | Op::Xor => Some(FieldKind::Flag),
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::Spaceship => {
                literal_kind(left).or_else(|| literal_kind(right))
            }
            Op::StringConcat => Some(FieldKind::Text),
            _ => Some(FieldKind::Number),
        };
        self.visit(left, kind)?;
        self.visit(right, kind)
    }

    fn visit_function(&mut self, function: &Function, expected: Option<FieldKind>) -> Result<(), QueryError> {
        let kind = match function.name.to_string().to_ascii_lowercase().as_str() {
            "coalesce" | "nullif" | "greatest" | "least" => expected,
            name if TEXT_FUNCTIONS.contains(&name) => Some(FieldKind::Text),
            _ => Some(FieldKind::Number),
        };
        let FunctionArguments::List(list) = &function.args else { return Ok(()) };
        list.args.iter().try_for_each(|argument| match argument {
            // `left(name, 3)`: a literal keeps its own kind, and noting it has no effect.
            FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => self.visit(inner, kind),
            _ => Ok(()),
        })
    }
}

const TEXT_FUNCTIONS: [&str; 18] = [
    "lower", "upper", "trim", "btrim", "ltrim", "rtrim", "substr", "substring", "starts_with", "ends_with", "contains",
    "replace", "concat", "concat_ws", "split_part", "octet_length", "ascii", "bit_length",
];

fn literal_kind(expression: &Expr) -> Option<FieldKind> {
    match expression {
        Expr::Nested(inner) => literal_kind(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => literal_kind(expr),
        Expr::Value(value) => match &value.value {
            Value::Number(..) => Some(FieldKind::Number),
            Value::Boolean(_) => Some(FieldKind::Flag),
            Value::SingleQuotedString(_) => Some(FieldKind::Text),
            _ => None,
        },
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            matches!(name.as_str(), "lower" | "upper" | "trim" | "substr" | "replace" | "concat")
                .then_some(FieldKind::Text)
        }
        Expr::BinaryOp { op: BinaryOperator::Plus | BinaryOperator::Minus, .. }
        | Expr::BinaryOp { op: BinaryOperator::Multiply | BinaryOperator::Divide, .. } => Some(FieldKind::Number),
        _ => None,
    }
}
