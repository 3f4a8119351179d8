//! SQL text to a DataFusion physical expression, and its evaluation on a batch.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{BooleanArray, Float64Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, DataFusionError, Result as DataFusionResult, TableReference, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::ContextProvider;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF, cast};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParser;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast;

use crate::QueryError;

/// An expression that is true or false of an event; what is neither (null) counts as false, as in SQL's WHERE.
#[derive(Debug, Clone)]
pub struct Predicate(Arc<dyn PhysicalExpr>);

/// An expression that gives an event a number, or none.
#[derive(Debug, Clone)]
pub struct Value(Arc<dyn PhysicalExpr>);

/// What a metric reads off each of its events.
#[derive(Debug, Clone)]
pub enum Measure {
    Value(Value),
    Hit(Predicate),
    Nothing,
}

impl Measure {
    pub(crate) fn columns(&self) -> Vec<usize> {
        match self {
            Self::Value(Value(expression)) | Self::Hit(Predicate(expression)) => columns(expression),
            Self::Nothing => Vec::new(),
        }
    }
}

/// Positions in the schema of the columns that an expression reads.
fn columns(expression: &Arc<dyn PhysicalExpr>) -> Vec<usize> {
    collect_columns(expression).iter().map(Column::index).collect()
}

impl Predicate {
    pub(crate) fn columns(&self) -> Vec<usize> {
        columns(&self.0)
    }

    pub(crate) fn compile(parsed: ast::Expr, schema: &SchemaRef) -> DataFusionResult<Self> {
        compile(parsed, schema, &DataType::Boolean).map(Self)
    }

    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, QueryError> {
        let column = self.0.evaluate(batch).and_then(|column| column.into_array(batch.num_rows()));
        Ok(column.map_err(QueryError::Evaluate)?.as_boolean().clone())
    }
}

impl Value {
    pub(crate) fn compile(parsed: ast::Expr, schema: &SchemaRef) -> DataFusionResult<Self> {
        compile(parsed, schema, &DataType::Float64).map(Self)
    }

    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Float64Array, QueryError> {
        let column = self.0.evaluate(batch).and_then(|column| column.into_array(batch.num_rows()));
        Ok(column.map_err(QueryError::Evaluate)?.as_primitive::<Float64Type>().clone())
    }
}

/// Parses one scalar expression and nothing after it.
pub(crate) fn parse(sql: &str) -> DataFusionResult<ast::Expr> {
    let parsed = DFParser::parse_sql_into_expr(sql)?;
    match parsed.alias {
        None => Ok(parsed.expr),
        Some(alias) => plan_err!("`{alias}` stands after the expression; remove it"),
    }
}

fn compile(parsed: ast::Expr, schema: &SchemaRef, wanted: &DataType) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
    let df_schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
    let functions = Functions::new();
    // Event fields are case-sensitive, as JSON is.
    let options = ParserOptions::new().with_enable_ident_normalization(false);
    let planner = SqlToRel::new_with_options(&functions, options);
    let logical = planner.sql_to_expr(parsed, &df_schema, &mut PlannerContext::new())?;
    check_deterministic(&logical)?;

    let context = SimplifyContext::builder().with_schema(Arc::clone(&df_schema)).build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(logical, &df_schema)?;
    let found = datafusion_expr::ExprSchemable::get_type(&coerced, df_schema.as_ref())?;
    let fits = match wanted {
        DataType::Boolean => matches!(found, DataType::Boolean | DataType::Null),
        _ => found.is_numeric() || found == DataType::Null,
    };
    if !fits {
        let wanted = if *wanted == DataType::Boolean { "true or false" } else { "a number" };
        return plan_err!("it gives {found}; it must give {wanted}");
    }
    let typed = if found == *wanted { coerced } else { cast(coerced, wanted.clone()) };
    let simple = simplifier.simplify(typed)?;
    create_physical_expr(&simple, &df_schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
}

/// The same events must give the same cells whenever they are folded: `random()` and the like are out.
fn check_deterministic(expression: &Expr) -> DataFusionResult<()> {
    if expression.is_volatile() {
        return plan_err!("it gives another answer each time; use functions of the event's fields alone");
    }
    Ok(())
}

/// The scalar functions of DataFusion, and nothing else of a database: no tables, no aggregates.
struct Functions {
    scalars: Vec<Arc<ScalarUDF>>,
    options: ConfigOptions,
}

impl Functions {
    fn new() -> Self {
        Self { scalars: datafusion_functions::all_default_functions(), options: ConfigOptions::default() }
    }
}

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> DataFusionResult<Arc<dyn TableSource>> {
        Err(DataFusionError::Plan(format!("there is no table here, not `{name}`: only the fields of one event")))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let name = name.to_ascii_lowercase();
        let known = |function: &&Arc<ScalarUDF>| function.name() == name || function.aliases().contains(&name);
        self.scalars.iter().find(known).cloned()
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.scalars.iter().map(|function| function.name().to_owned()).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
