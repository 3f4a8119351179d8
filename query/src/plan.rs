//! All metric definitions compiled together, over one schema of the fields they read.

use arrow_schema::SchemaRef;
use datafusion_common::DataFusionError;
use datafusion_sql::sqlparser::ast;
use hark_model::{Definitions, Metric, MetricKind};

use crate::compile::parse;
use crate::error::sentence;
use crate::{FieldKind, Fields, Formula, Measure, Predicate, QueryError, Value};

#[derive(Debug, Clone)]
pub struct Plan {
    pub fields: Fields,
    pub schema: SchemaRef,
    /// Metrics with events of their own, in the order of their definitions.
    pub metrics: Vec<MetricPlan>,
    pub composites: Vec<(Metric, Formula)>,
    /// One a field: whether some expression reads it. The others are dimensions and nothing else.
    pub is_in_expression: Vec<bool>,
}

#[derive(Debug, Clone)]
pub struct MetricPlan {
    pub metric: Metric,
    pub filter: Option<Predicate>,
    pub measure: Measure,
    /// Positions in the schema of the metric's dimensions.
    pub dimensions: Vec<usize>,
}

struct Parsed<'a> {
    metric: &'a Metric,
    filter: Option<ast::Expr>,
    measure: Option<(ast::Expr, FieldKind)>,
}

impl Plan {
    pub fn compile(definitions: &Definitions) -> Result<Self, QueryError> {
        let mut fields = Fields::default();
        let mut parsed = Vec::new();
        let mut composites = Vec::new();
        for metric in definitions.iter() {
            if let MetricKind::Composite { expression } = &metric.kind {
                let formula = Formula::compile(expression).map_err(|problem| sql_error(metric, expression, problem))?;
                formula.check_parts(&metric.name, definitions)?;
                composites.push((metric.clone(), formula));
                continue;
            }
            for dimension in &metric.dimensions {
                fields.add(dimension, FieldKind::Text)?;
            }
            let one = Parsed::read(metric)?;
            if let Some(filter) = &one.filter {
                fields.add_expression(filter, FieldKind::Flag)?;
            }
            if let Some((measure, kind)) = &one.measure {
                fields.add_expression(measure, *kind)?;
            }
            parsed.push(one);
        }
        let schema = fields.schema();
        let metrics: Vec<MetricPlan> = parsed.into_iter().map(|one| one.compile(&schema)).collect::<Result<_, _>>()?;
        let mut is_in_expression = vec![false; schema.fields().len()];
        for metric in &metrics {
            let filtered = metric.filter.iter().flat_map(Predicate::columns);
            filtered.chain(metric.measure.columns()).for_each(|column| is_in_expression[column] = true);
        }
        Ok(Self { fields, schema, metrics, composites, is_in_expression })
    }
}

impl<'a> Parsed<'a> {
    fn read(metric: &'a Metric) -> Result<Self, QueryError> {
        let read = |sql: &String| parse(sql).map_err(|error| sql_error(metric, sql, sentence(&error)));
        let measure = match &metric.kind {
            MetricKind::Latency { value } | MetricKind::Gauge { value } => Some((read(value)?, FieldKind::Number)),
            MetricKind::Ratio { numerator } => Some((read(numerator)?, FieldKind::Flag)),
            MetricKind::Count | MetricKind::Composite { .. } => None,
        };
        Ok(Self { metric, filter: metric.filter.as_ref().map(read).transpose()?, measure })
    }

    fn compile(self, schema: &SchemaRef) -> Result<MetricPlan, QueryError> {
        let fail = |sql: &ast::Expr, error: &DataFusionError| sql_error(self.metric, &sql.to_string(), sentence(error));
        let filter = match self.filter {
            Some(sql) => Some(Predicate::compile(sql.clone(), schema).map_err(|error| fail(&sql, &error))?),
            None => None,
        };
        let measure = match self.measure {
            Some((sql, FieldKind::Flag)) => {
                Measure::Hit(Predicate::compile(sql.clone(), schema).map_err(|error| fail(&sql, &error))?)
            }
            Some((sql, _)) => Measure::Value(Value::compile(sql.clone(), schema).map_err(|error| fail(&sql, &error))?),
            None => Measure::Nothing,
        };
        let position = |name: &String| schema.index_of(name).unwrap_or_else(|_| unreachable!("{name} was added"));
        let dimensions = self.metric.dimensions.iter().map(position).collect();
        Ok(MetricPlan { metric: self.metric.clone(), filter, measure, dimensions })
    }
}

fn sql_error(metric: &Metric, sql: &str, problem: String) -> QueryError {
    QueryError::Sql { metric: metric.name.clone(), sql: sql.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, RecordBatch, types::Int32Type};

    use super::*;

    fn plan(yaml: &str) -> Result<Plan, QueryError> {
        Plan::compile(&Definitions::parse(yaml).unwrap())
    }

    #[test]
    fn the_built_in_pack_compiles() {
        let plan = Plan::compile(&Definitions::built_in()).unwrap();
        assert_eq!((plan.metrics.len(), plan.composites.len()), (3, 1));
        let kinds: Vec<_> = plan.fields.iter().filter(|(name, _)| matches!(*name, "outcome" | "total_ms")).collect();
        assert_eq!(kinds, [("outcome", FieldKind::Text), ("total_ms", FieldKind::Number)]);
    }

    #[test]
    fn expressions_are_evaluated_on_a_batch() {
        let plan = plan(
            "metrics: [{name: a, kind: ratio, numerator: \"outcome in ('error','timeout')\",
              where: \"outcome <> 'cancelled' and ms + 1 > 10 and not test\"},
              {name: b, kind: latency, value: \"ms * 2\"}]",
        )
        .unwrap();
        let outcome: DictionaryArray<Int32Type> =
            [Some("ok"), Some("error"), Some("cancelled"), None, Some("timeout")].into_iter().collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![Some(20.0), Some(30.0), Some(40.0), Some(50.0), None])),
            Arc::new(outcome),
            Arc::new(BooleanArray::from(vec![Some(false), Some(false), Some(false), Some(false), Some(false)])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&plan.schema), columns).unwrap();
        let filter = plan.metrics[0].filter.as_ref().unwrap().evaluate(&batch).unwrap();
        let taken: Vec<_> = filter.iter().map(|row| row.unwrap_or(false)).collect();
        assert_eq!(taken, [true, true, false, false, false]);
        let Measure::Hit(hit) = &plan.metrics[0].measure else { panic!("a ratio has a numerator") };
        let hits: Vec<_> = hit.evaluate(&batch).unwrap().iter().map(|row| row.unwrap_or(false)).collect();
        assert_eq!(hits, [false, true, false, false, true]);
        let Measure::Value(value) = &plan.metrics[1].measure else { panic!("a latency has a value") };
        assert_eq!(value.evaluate(&batch).unwrap().iter().next(), Some(Some(40.0)));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        let problems = [
            "metrics: [{name: a, kind: latency, value: 'total_ms +'}]",
            "metrics: [{name: a, kind: latency, value: \"'text'\"}]",
            "metrics: [{name: a, kind: latency, value: 'random()'}]",
            "metrics: [{name: a, kind: latency, value: 'median(x)'}]",
            "metrics: [{name: a, kind: count, where: \"x = 'a' and x > 3\"}]",
            "metrics: [{name: a, kind: composite, expression: '1 - nothing'}]",
        ]
        .map(|yaml| plan(yaml).unwrap_err().to_string());
        insta::assert_snapshot!(problems.join("\n"));
    }
}
