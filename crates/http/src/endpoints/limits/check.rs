use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use stanchion_limiter::port::MAX_ASKS;
use stanchion_limiter::{Decision, Limit, MAX_KEY, Question};
use utoipa::ToSchema;

use crate::app::App;
use crate::describe::CheckProblems;
use crate::extract::{Parameters, Strict, once, unknown};
use crate::limits::Fields;
use crate::problem::{Problem, ProblemKind};

/// One question, or several in `checks`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckInput {
    /// The limit that is asked; with `key`, and without `checks`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64, example = "searches")]
    limit: Option<String>,
    /// Whose bucket.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256, example = "customer-4711")]
    key: Option<String>,
    /// How many tokens; 0 takes none, 1 when absent.
    #[serde(default)]
    #[schema(minimum = 0)]
    cost: Option<u64>,
    /// Several questions, of which all take their tokens or none does.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 16)]
    checks: Option<Vec<Check>>,
}

/// One question of several.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// The limit that is asked.
    #[schema(min_length = 1, max_length = 64, example = "searches")]
    limit: String,
    /// Whose bucket.
    #[schema(min_length = 1, max_length = 256, example = "customer-4711")]
    key: String,
    /// How many tokens; 0 takes none, 1 when absent.
    #[serde(default)]
    #[schema(minimum = 0)]
    cost: Option<u64>,
}

/// What a limit says.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionView {
    /// Whether the tokens were taken; of several questions, all of them or none.
    allowed: bool,
    /// The limit.
    limit: String,
    /// Whole tokens that are left.
    remaining: u64,
    /// In how many seconds to ask again; 0 when this limit would have allowed it.
    #[schema(minimum = 0)]
    retry_after: f64,
    /// In how many seconds the bucket is full.
    #[schema(minimum = 0)]
    reset_after: f64,
    /// The most tokens that could be admitted beyond the limit at this moment. 0 is exact.
    bound: u64,
}

/// What the limits say: to one question a decision, to several whether all allow it and the decision of each.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum CheckAnswer {
    /// To one question.
    One(DecisionView),
    /// To several.
    Several {
        /// Whether all tokens were taken; none was otherwise.
        allowed: bool,
        /// In the order of the questions.
        decisions: Vec<DecisionView>,
    },
}

/// Ask limits
///
/// Takes the tokens of all questions, or of none. The answer is 200 also when it is no; with `?enforce` it is 429 then, and
/// both have the fields `RateLimit` and `RateLimit-Policy`.
#[utoipa::path(post, path = "/v1/limits/check", tag = "limits", request_body = CheckInput,
    params(("enforce" = Option<String>, Query, description = "Answers a no with 429", pattern = "^(true)?$")),
    responses(
        (status = 200, description = "What the limits say", body = CheckAnswer),
        CheckProblems,
    ))]
pub(crate) async fn check_limits(
    State(app): State<App>,
    parameters: Parameters,
    input: Strict<CheckInput>,
) -> Result<Response, Problem> {
    let enforce = enforced(parameters)?;
    let (questions, is_single) = questions(&app, input.value)?;
    let verdict = app.limits.limiter().judge(questions).await?;
    let allowed = verdict.is_allowed();
    if enforce && !allowed {
        let mut refused = Problem::from_verdict(&verdict).into_response();
        Fields::new(&verdict).add(&mut refused);
        return Ok(refused);
    }
    let said = verdict.said().iter();
    let mut decisions = said.map(|(limit, decision)| view(limit, decision));
    let answer = match decisions.next() {
        Some(one) if is_single => CheckAnswer::One(one),
        first => CheckAnswer::Several {
            allowed,
            decisions: first.into_iter().chain(decisions).collect(),
        },
    };
    let mut response = Json(answer).into_response();
    if enforce {
        Fields::new(&verdict).add(&mut response);
    }
    Ok(response)
}

fn enforced(parameters: Parameters) -> Result<bool, Problem> {
    let mut enforce = None;
    for (name, value) in parameters {
        match (name.as_str(), value.as_str()) {
            ("enforce", "" | "true") => once(&mut enforce, &name, ())?,
            ("enforce", _) => {
                return Err(Problem::new(ProblemKind::BadRequest)
                    .detail("`enforce` has no value, or `true`"));
            }
            _ => return Err(unknown(&name)),
        }
    }
    Ok(enforce.is_some())
}

/// The questions, and whether it is one that stands by itself.
fn questions(app: &App, input: CheckInput) -> Result<(Vec<Question>, bool), Problem> {
    match input {
        CheckInput {
            limit: Some(limit),
            key: Some(key),
            cost,
            checks: None,
        } => {
            let check = Check { limit, key, cost };
            Ok((vec![question(app, check, "")?], true))
        }
        CheckInput {
            limit: None,
            key: None,
            cost: None,
            checks: Some(checks),
        } => {
            if !(1..=MAX_ASKS).contains(&checks.len()) {
                let message = format!("must have 1 to {MAX_ASKS} questions");
                return Err(Problem::invalid("/checks", message));
            }
            let numbered = checks.into_iter().enumerate();
            let questions =
                numbered.map(|(n, check)| question(app, check, &format!("/checks/{n}")));
            Ok((questions.collect::<Result<_, _>>()?, false))
        }
        _ => {
            let message = "must have either `limit` and `key`, or `checks`";
            Err(Problem::invalid("", message))
        }
    }
}

fn question(app: &App, check: Check, at: &str) -> Result<Question, Problem> {
    if !(1..=MAX_KEY).contains(&check.key.len()) {
        let message = format!("must have 1 to {MAX_KEY} bytes");
        return Err(Problem::invalid(format!("{at}/key"), message));
    }
    let name = check.limit.parse().ok();
    let limit: Option<Arc<Limit>> = name.and_then(|name| app.limits.limiter().limit(&name));
    let limit = limit.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound)
            .detail("there is no such limit")
            .with("pointer", format!("{at}/limit"))
    })?;
    Ok(Question::new(&limit, check.key).costing(check.cost.unwrap_or(1)))
}

fn view(limit: &Limit, decision: &Decision) -> DecisionView {
    DecisionView {
        allowed: decision.allowed,
        limit: limit.name().to_string(),
        remaining: decision.remaining,
        retry_after: seconds(decision.retry_after),
        reset_after: seconds(decision.reset_after),
        bound: decision.bound,
    }
}

/// In milliseconds rounded up: whoever waits that long is served.
fn seconds(wait: Duration) -> f64 {
    let whole_ms = wait.as_micros().div_ceil(1_000);
    let whole_ms = u64::try_from(whole_ms).unwrap_or(u64::MAX);
    Duration::from_millis(whole_ms).as_secs_f64()
}
