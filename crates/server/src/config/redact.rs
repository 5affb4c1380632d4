/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "***";

/// Query parameters whose values are secrets or lead to one.
const SECRET_PARAMETERS: &[&str] = &["password", "pass", "secret", "token", "sslpassword"];

/// A URL without its password: in the authority part and in parameters such as `password=`.
///
/// All up to the last `@` counts as user and password, since a mistyped URL may hold a password anywhere there.
#[must_use]
pub fn redact_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((userinfo, rest)) => (redact_user(userinfo, scheme.is_empty()), rest),
        None => (String::new(), rest),
    };
    match rest.split_once('?') {
        Some((host, query)) => format!("{scheme}{user}{host}?{}", redact_query(query)),
        None => format!("{scheme}{user}{rest}"),
    }
}

fn redact_user(userinfo: &str, bare: bool) -> String {
    match userinfo.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}@"),
        None if bare => format!("{HIDDEN}@"),
        None => format!("{userinfo}@"),
    }
}

fn redact_query(query: &str) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}={HIDDEN}")
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::redact_url;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for (url, shown) in [
            ("postgres://u:p@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p@ss/w@h/d", "postgres://u:***@h/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            (
                "postgres://h/d?user=u&password=p",
                "postgres://h/d?user=u&password=***",
            ),
            ("sqlite:a/b.db", "sqlite:a/b.db"),
            ("u:p@h", "u:***@h"),
            ("p@h", "***@h"),
        ] {
            assert_eq!(redact_url(url), shown, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(password in "[!-~]{6,20}") {
            let shown = redact_url(&format!("postgres://user:{password}@db.internal:5432/shop"));
            prop_assert_eq!(shown, "postgres://user:***@db.internal:5432/shop");
        }
    }
}
