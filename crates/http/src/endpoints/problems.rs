use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::problem::{Problem, ProblemKind};

const HANDBOOK: &str = include_str!("../../../../docs/problems.md");

/// The chapter about one kind of problem: what its `type` leads to.
pub(crate) async fn page(Path(name): Path<String>) -> Result<impl IntoResponse, Problem> {
    let kind = ProblemKind::named(&name).ok_or_else(|| Problem::new(ProblemKind::NotFound))?;
    let headers = [
        (CONTENT_TYPE, "text/markdown; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((headers, section(kind).unwrap_or_default()))
}

/// The part of the handbook under the heading with the kind's name.
fn section(kind: ProblemKind) -> Option<&'static str> {
    let heading = format!("\n## {}\n", kind.name());
    let start = HANDBOOK.find(&heading)? + 1;
    let length = HANDBOOK[start + 1..]
        .find("\n## ")
        .map_or(HANDBOOK.len() - start, |end| end + 2);
    Some(&HANDBOOK[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_section_with_its_status_and_title() {
        for kind in ProblemKind::ALL {
            let section =
                section(*kind).unwrap_or_else(|| panic!("{} is not explained", kind.name()));
            let first = format!(
                "## {}\n\n{} · {}",
                kind.name(),
                kind.status().as_u16(),
                kind.title()
            );
            assert!(section.starts_with(&first), "{section}");
            assert_eq!(section.matches("\n## ").count(), 0);
        }
        let sections = HANDBOOK.matches("\n## ").count();
        assert_eq!(sections, ProblemKind::ALL.len(), "every section is a kind");
    }
}
