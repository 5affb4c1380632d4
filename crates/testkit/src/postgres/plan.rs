//! What PostgreSQL's planner makes of a statement.

const PLAN: &str = include_str!("plan.sql");

/// Which plan of a prepared statement. A connection makes plans for the values of the first executions, and goes on with
/// the one for any values when its cost is estimated no higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The one for any values.
    Generic,
    /// One for values that are as many as `elements` in each array.
    Custom {
        /// How many values an array has.
        elements: usize,
    },
}

impl Plan {
    /// The statements that answer with the plan of `sql`.
    pub(super) fn explain(self, sql: &str) -> String {
        let (mode, elements) = match self {
            Self::Generic => ("force_generic_plan", "NULL".to_owned()),
            Self::Custom { elements } => ("force_custom_plan", elements.to_string()),
        };
        format!(
            "SET plan_cache_mode = {mode}; {PLAN}; SELECT pg_temp.plan_of($statement${sql}$statement$, {elements})"
        )
    }
}

/// The first step of a plan that reads all of one of these tables or indexes.
#[must_use]
pub fn walk<'p>(plan: &'p str, of: &[&str]) -> Option<&'p str> {
    let lines: Vec<&str> = plan.lines().collect();
    let steps = lines.iter().enumerate();
    let mut walks = steps.filter(|(at, step)| {
        let is_of = |name: &&str| {
            let is_bounded = lines
                .get(at + 1)
                .is_some_and(|next| next.contains("Index Cond"));
            let is_index = step.contains(&format!("using {name} on "))
                || step.contains(&format!("Index Scan on {name} "));
            step.contains(&format!("Seq Scan on {name} ")) || (is_index && !is_bounded)
        };
        of.iter().any(is_of)
    });
    walks.next().map(|(_, step)| *step)
}
