use serde_json::json;
use stanchion_stock::{Invalid, Refusal, StockError};

use super::{Problem, ProblemKind};

impl From<StockError> for Problem {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Refused(refusal) => refused(&refusal),
            StockError::Contended { rows } => {
                let rows = rows.iter().map(|row| {
                    json!({"sku": row.sku, "available": row.available(), "version": row.version})
                });
                Self::new(ProblemKind::StockContended).with("stock", rows.collect::<Vec<_>>())
            }
            StockError::Busy { retry_after } => {
                let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX);
                Self::new(ProblemKind::Overloaded).retry_after(seconds.max(1))
            }
            StockError::Invalid(invalid) => not_valid(&invalid),
            StockError::Store(error) => Self::from_store(&error),
            other => {
                tracing::error!(error = %other, "an error of the stock has no problem");
                Self::new(ProblemKind::Internal)
            }
        }
    }
}

fn refused(refusal: &Refusal) -> Problem {
    let because = |kind| Problem::new(kind).detail(refusal.to_string());
    match refusal {
        Refusal::Insufficient { lines } => {
            because(ProblemKind::InsufficientStock).with("lines", json!(lines))
        }
        Refusal::UnknownSkus { skus } => {
            because(ProblemKind::UnknownSku).with("skus", skus.clone())
        }
        Refusal::NoReservation { .. } => Problem::new(ProblemKind::NotFound),
        Refusal::Settled { reservation } => {
            because(ProblemKind::ReservationSettled).with("reservation", json!(reservation))
        }
        Refusal::MoreThanReserved { lines } => {
            because(ProblemKind::MoreThanReserved).with("lines", json!(lines))
        }
        Refusal::VersionConflict { current } => {
            because(ProblemKind::PreconditionFailed).with("current_version", current.version)
        }
        Refusal::OutOfBounds { current } => because(ProblemKind::StockOutOfBounds)
            .with("on_hand", current.on_hand)
            .with("reserved", current.reserved),
        Refusal::KeyReused => Problem::new(ProblemKind::IdempotencyKeyReused),
        other => {
            tracing::error!(refusal = %other, "a refusal of the stock has no problem");
            Problem::new(ProblemKind::Internal)
        }
    }
}

fn not_valid(invalid: &Invalid) -> Problem {
    let pointer = match invalid {
        Invalid::Lines(error) => match error.index() {
            Some(index) => format!("/lines/{index}"),
            None => "/lines".to_owned(),
        },
        Invalid::Ttl { .. } => "/ttl_seconds".to_owned(),
        Invalid::Delta => "/delta".to_owned(),
        Invalid::Reason => "/reason".to_owned(),
        Invalid::Threshold => "/threshold".to_owned(),
        Invalid::Sku | Invalid::Key | _ => String::new(),
    };
    Problem::invalid(pointer, invalid)
}
