use proptest::prelude::*;
use stanchion::config::{
    self, BackendWord, Config, ConfigError, Draft, LogFormat, Secret, ServerUrl,
};

fn from_file(text: &str) -> Result<Config, ConfigError> {
    config::parse(text, [])
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    config::parse(
        "",
        variables
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string())),
    )
}

fn message(result: Result<Config, ConfigError>) -> String {
    result.expect_err("the configuration is wrong").to_string()
}

#[test]
fn nothing_gives_the_defaults() {
    let config = from_file("").expect("valid");
    assert_eq!(config, Config::default());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.database.url.reveal(),
        "sqlite:stanchion-data/stanchion.db"
    );
    assert!(config.auth.anonymous_read);
}

#[test]
fn a_later_layer_wins() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nmax_headers = 11\nmax_connections = 7\n";
    let variables = [
        ("STANCHION_SERVER__LISTEN", "127.0.0.1:2"),
        ("STANCHION_SERVER__MAX_HEADERS", "22"),
    ];
    let config = Draft::default()
        .file(file)
        .environment(variables.map(|(n, v)| (n.to_owned(), v.to_owned())))
        .flag("--listen", "server.listen", "127.0.0.1:3")
        .finish()
        .expect("valid");
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.max_headers, 22);
    assert_eq!(config.server.max_connections, 7);
}

#[test]
fn the_environment_is_typed_by_the_key() {
    let config = from_environment(&[
        ("STANCHION_AUTH__ANONYMOUS_READ", "false"),
        ("STANCHION_SERVER__MAX_BODY_BYTES", "2_097_152"),
        ("STANCHION_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
        (
            "STANCHION_SERVER__CORS_ORIGINS",
            "[\"https://a.example\", \"https://b.example\"]",
        ),
        ("STANCHION_TELEMETRY__LOG", "json"),
        ("STANCHION_AUTH__ISSUER", ""),
    ])
    .expect("valid");
    assert!(!config.auth.anonymous_read);
    assert_eq!(config.server.max_body_bytes, 2 << 20);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.server.cors_origins.len(), 2);
    assert_eq!(config.telemetry.log, LogFormat::Json);
    assert_eq!(
        config.auth.issuer, None,
        "an empty variable counts as not set"
    );
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    let names: Vec<_> = config::keys()
        .map(|key| (key.variable(), "\u{0}".to_owned()))
        .collect();
    let count = names.len();
    let error = config::parse("", names).expect_err("no key takes a NUL");
    assert_eq!(error.findings.len(), count, "{error}");
    assert!(!error.to_string().contains("unknown key"), "{error}");
}

#[test]
fn an_unknown_key_names_the_nearest_one_and_its_line() {
    for (text, expected) in [
        (
            "\n[server]\nlisten = \"[::1]:80\"\nmax_boddy_bytes = 1\n",
            "line 4: unknown key `server.max_boddy_bytes`; the nearest is `server.max_body_bytes`",
        ),
        (
            "[servr]\nlisten = \"\"\n",
            "line 1: unknown section `servr`; the nearest is [server]",
        ),
        (
            "listen = \"\"\n",
            "line 1: unknown key `listen`; the nearest is `server.listen`",
        ),
        ("server = 3\n", "line 1: `server` is a section"),
        (
            "server.listn = 3\n",
            "line 1: unknown key `server.listn`; the nearest is `server.listen`",
        ),
    ] {
        let message = message(from_file(text));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn an_unknown_variable_names_the_nearest_key() {
    let wrong = message(from_environment(&[("STANCHION_DATABASE__URI", "x")]));
    assert!(
        wrong.contains(
            "STANCHION_DATABASE__URI: unknown key `database.uri`; the nearest is `database.url`"
        ),
        "{wrong}"
    );
    let single = message(from_environment(&[("STANCHION_DATABASE_URL", "x")]));
    assert!(
        single.contains("did you mean STANCHION_DATABASE__URL"),
        "{single}"
    );
    from_environment(&[
        ("STANCHION_PORT", "tcp://10.0.0.1:80"),
        ("STANCHION_SERVICE_HOST", "10.0.0.1"),
    ])
    .expect("an orchestrator's own variables are not ours");
}

#[test]
fn a_wrong_value_is_named_with_the_allowed_ones() {
    for (text, expected) in [
        (
            "[server]\nmax_headers = 5",
            "line 2: `server.max_headers` is 5 but must be a whole number from 10 to 1000",
        ),
        ("[server]\nmax_headers = -1", "is -1 but must be"),
        (
            "[server]\nmax_headers = 99999999999999999999",
            "is a number that is too large but must be",
        ),
        (
            "[server]\nlisten = \"localhost\"",
            "must be an address and a port",
        ),
        (
            "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
            "must be a list of IP networks",
        ),
        (
            "[server]\ncors_origins = [\"https://a.example/path\"]",
            "must be a list of origins",
        ),
        (
            "[telemetry]\nlog = \"xml\"",
            "is \"xml\" but must be one of text, json",
        ),
        ("[auth]\nanonymous_read = \"yes\"", "must be true or false"),
        (
            "[database]\nurl = \"mysql://root:hunter2@h/d\"",
            "is \"mysql://root:***@h/d\" but must be",
        ),
        (
            "[server]\ntls_key = \"k.pem\"",
            "line 2: `server.tls_key` needs `server.tls_certificate`",
        ),
        (
            "[auth]\njwks = \"keys.json\"",
            "line 2: `auth.jwks` needs `auth.issuer`",
        ),
        (
            "[server]\nmetrics_listen = \"127.0.0.1:8080\"",
            "must not be the API's own",
        ),
    ] {
        let message = message(from_file(text));
        assert!(message.contains(expected), "{message}");
    }
}

fn limits(entries: &str) -> Result<Config, ConfigError> {
    from_file(&format!("[limiter]\nbuckets = 10\n{entries}"))
}

#[test]
fn limits_are_read_and_replace_the_default() {
    let config = limits(
        "[[limiter.limits]]\nname = \"a\"\nrate = \"5000/h\"\nburst = 7\nper = \"route\"\n\
         routes = [\"GET /v1/products\"]\nfallback = \"share\"\nservers = 3\nshadow = true\n\
         [[limiter.limits]]\nname = \"b\"\nrate = \"1/day\"\nburst = 1\nper = \"check\"\n",
    );
    let limits = config.expect("valid").limiter.limits;
    let names: Vec<_> = limits.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(limits[0].rate.to_string(), "5000/h");
    let limit = limits[0].limit(std::num::NonZeroU16::MIN).expect("a limit");
    assert!(limit.is_shadow() && limit.burst() == 7);
    assert!(limits[0].is_in_front() && !limits[1].is_in_front());
    let none = limits_of_environment("[]").expect("valid");
    assert_eq!(none.limiter.limits, []);
    let one = "[{ name = 'c', rate = '1/s', burst = 1, per = 'client' }]";
    let one = limits_of_environment(one).expect("valid");
    assert_eq!(one.limiter.limits.len(), 1);
}

fn limits_of_environment(value: &str) -> Result<Config, ConfigError> {
    from_environment(&[("STANCHION_LIMITER__LIMITS", value)])
}

/// A limit with these lines in place of what they set anew.
fn limit_with(more: &str) -> String {
    let fields = [
        ("name", "\"a\""),
        ("rate", "\"1/s\""),
        ("burst", "1"),
        ("per", "\"client\""),
    ];
    let is_kept = |name: &str| {
        let mut lines = more.lines();
        !lines.any(|line| line.starts_with(&format!("{name} =")))
    };
    let kept = fields.iter().filter(|(name, _)| is_kept(name));
    let lines: Vec<_> = kept
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!("[[limiter.limits]]\n{}\n{more}\n", lines.join("\n"))
}

/// Lines that make a limit none, and what is said of them.
const NO_LIMITS: [(&str, &str); 21] = [
    (
        "rate = \"0/s\"",
        "(\"a\"): a limit's tokens, period and burst are 1 or more",
    ),
    (
        "burst = 0",
        "a limit's tokens, period and burst are 1 or more",
    ),
    ("burst = -1", "`burst`: "),
    ("rate = \"100\"", "`rate`: must be tokens and a period"),
    ("rate = \"1/week\"", "must be tokens and a period"),
    ("rate = \"+1/s\"", "must be tokens and a period"),
    ("rate = 100", "`rate`: "),
    ("name = \"A B\"", "lower-case letters"),
    ("name = \"check\"", "is the name of a route"),
    ("burts = 1", "unknown key `burts`; the nearest is `burst`"),
    ("per = \"person\"", "`per`: "),
    ("callers = \"some\"", "`callers`: "),
    (
        "per = \"key\"\ncallers = \"anonymous\"",
        "anonymous callers have no key",
    ),
    (
        "per = \"check\"\ncallers = \"anonymous\"",
        "goes without `callers`",
    ),
    (
        "per = \"check\"\nroutes = [\"GET /v1/products\"]",
        "stands in front of no route",
    ),
    (
        "routes = [\"GET /v1/product\"]",
        "the nearest is `GET /v1/products`",
    ),
    (
        "routes = [\"GET /healthz\"]",
        "no route `GET /healthz` can be limited",
    ),
    (
        "fallback = \"deny\"\nservers = 2",
        "goes with the fallback `share` only",
    ),
    ("fallback = \"share\"\nservers = 0", "`servers`: "),
    ("parts = 0", "`parts`: "),
    ("parts = 65", "a bucket has 1 to 64 parts"),
];

#[test]
fn what_is_no_limit_is_named_with_its_number_and_reason() {
    for (more, expected) in NO_LIMITS {
        let message = message(limits(&limit_with(more)));
        assert!(message.contains("line 3: `limiter.limits` 1"), "{message}");
        assert!(message.contains(expected), "{more}: {message}");
    }
    for (value, expected) in [
        ("[1, {}]", "a list of tables and something else"),
        ("7", "must be a list of tables"),
    ] {
        let message = message(limits_of_environment(value));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn servers_that_keep_buckets_themselves_must_be_able_to_reach_each_other() {
    let here = "peer_listen = \"10.0.0.1:7946\"";
    let secret = "peer_secret = \"0123456789abcdef0123456789abcdef\"";
    let roster = "peers = [\"10.0.0.1:7946\", \"10.0.0.2:7946\"]";
    let with = |backend: &str, lines: &[&str]| {
        let lines = lines.join("\n");
        from_file(&format!("[limiter]\nbackend = \"{backend}\"\n{lines}"))
    };
    for (backend, lines, expected) in [
        (
            "gossip",
            [roster, "", ""],
            "`limiter.peer_listen` is needed",
        ),
        (
            "gossip",
            ["peer_listen = \"0.0.0.0:7946\"", "", ""],
            "`limiter.peer_address` is needed",
        ),
        ("memory", [here, "", ""], "`limiter.peers` goes with"),
        ("escrow", [here, secret, ""], "this one's among them"),
        (
            "escrow",
            [here, secret, "peers = [\"a.internal:7946\"]"],
            "addresses, no names",
        ),
        (
            "escrow",
            [here, roster, ""],
            "`limiter.peer_secret` is needed",
        ),
        (
            "gossip",
            [here, "servers = 65", ""],
            "`limiter.servers` is at most 64",
        ),
        (
            "gossip",
            [here, "peers = [\"a.internal\"]", ""],
            "must be a list of hosts with ports",
        ),
    ] {
        let message = message(with(backend, &lines));
        assert!(message.contains(expected), "{backend} {lines:?}: {message}");
    }
    with("gossip", &[here]).expect("the first of them knows no other");
    with("escrow", &[here, secret, roster]).expect("valid");
}

#[test]
fn limits_that_do_not_go_together_are_refused() {
    let twice = message(limits(&(limit_with("") + &limit_with(""))));
    let expected = "`limiter.limits` 2 (\"a\"): another limit has this name";
    assert!(twice.contains(expected), "{twice}");
    let many = (0..17).map(|n| limit_with(&format!("name = \"l{n}\"")));
    let many = message(limits(&many.collect::<String>()));
    assert!(many.contains("no more than 16 stand in front"), "{many}");
}

#[test]
fn an_unknown_backend_of_limits_is_told_those_that_are_known() {
    let backend = message(from_file("[limiter]\nbackend = \"etcd\""));
    let expected = "is \"etcd\" but must be one of memory";
    assert!(backend.contains(expected), "{backend}");
}

#[test]
fn the_examples_of_the_chapter_on_limits_are_valid() {
    let chapter = include_str!("../../../../docs/limits.md");
    let blocks = chapter.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    assert_eq!(from_file(blocks[0]).expect("valid"), Config::default());
    assert_eq!(from_file(blocks[1]).expect("valid").limiter.limits.len(), 4);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let error = from_file("[server]\nlisten = 1\nmax_headers = 1\nx = 1\n").expect_err("wrong");
    assert_eq!(error.findings.len(), 3, "{error}");
}

#[test]
fn a_syntax_error_names_the_line_and_quotes_nothing() {
    let message = message(from_file("[database]\nurl = \"postgres://u:hunter2@h/d\n"));
    assert!(message.contains("line 2: not TOML"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_printed_configuration_shows_no_secret() {
    let secret = "hunter2hunter2hunter2hunter2hunter2";
    let text =
        format!("[database]\nurl = \"postgres://u:hunter2@h/d\"\n[auth]\nsecret = \"{secret}\"");
    let config = from_file(&text).expect("valid");
    let printed = format!(
        "{config:?}\n{}",
        toml::to_string(&config).expect("serialisable")
    );
    assert!(printed.contains("postgres://u:***@h/d"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
    assert_eq!(
        config.auth.secret.as_ref().map(Secret::reveal),
        Some(secret)
    );
}

#[test]
fn a_short_secret_is_refused_unseen() {
    let message = message(from_file("[auth]\nsecret = \"hunter2\""));
    assert!(
        message.contains("must be a text of 32 characters or more"),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn the_key_table_is_the_sections_themselves() {
    let mut full = Config::default();
    full.server.metrics_listen = Some(([127, 0, 0, 1], 9090).into());
    full.server.tls_certificate = Some("c.pem".into());
    full.server.tls_key = Some("k.pem".into());
    full.auth.jwks = Some("keys.json".into());
    full.auth.issuer = Some("i".into());
    full.auth.audience = Some("a".into());
    full.limiter.backend = BackendWord::Redis;
    full.limiter.urls = vec![ServerUrl::new("redis://127.0.0.1:26379")];
    full.limiter.sentinel = Some("limits".into());
    full.limiter.quarantine_ms = Some(4_000);
    full.limiter.envoy_listen = Some(([127, 0, 0, 1], 8081).into());
    full.media.folder = Some("work".into());
    full.jobs.keda_listen = Some(([127, 0, 0, 1], 8082).into());
    full.telemetry.otlp_export = Some("http://127.0.0.1:4318".into());
    let text = toml::to_string(&full).expect("serialisable");
    assert_eq!(from_file(&text).expect("valid"), full);
    full.auth.secret = Some(Secret::new("s"));
    full.limiter.peer_listen = Some(([127, 0, 0, 1], 7946).into());
    full.limiter.peer_address = Some(([127, 0, 0, 1], 7947).into());
    full.limiter.peer_secret = Some(Secret::new("s"));
    full.limiter.peer_silence_ms = Some(500);
    let text = toml::to_string(&full).expect("serialisable");
    let table: toml::Table = text.parse().expect("TOML");
    let fields = table.iter().flat_map(|(section, keys)| {
        let keys = keys.as_table().expect("a section");
        keys.keys().map(move |key| format!("{section}.{key}"))
    });
    let mut fields: Vec<_> = fields.collect();
    let mut keys: Vec<_> = config::keys().map(|key| key.name.to_owned()).collect();
    fields.sort();
    keys.sort();
    assert_eq!(keys, fields);
}

#[test]
fn every_default_is_a_value_that_its_key_takes() {
    let text = toml::to_string(&Config::default()).expect("serialisable");
    assert_eq!(from_file(&text).expect("valid"), Config::default());
}

#[test]
fn the_printed_reference_is_the_documented_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(path).expect("docs/configuration.md");
    let (head, _) = page.split_once("\n## `[").expect("the sections");
    let fresh = format!("{head}{}", config::reference::markdown());
    if std::env::var_os("STANCHION_BLESS").is_some() {
        std::fs::write(path, &fresh).expect("writable");
    } else {
        assert_eq!(
            page, fresh,
            "run the test with STANCHION_BLESS=1 to refresh the page"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}", name in "STANCHION_[A-Z_]{0,30}", value in ".{0,40}") {
        let _ = config::parse(&text, [(name, value)]);
    }

    #[test]
    fn no_half_sensible_file_makes_the_parser_panic(
        lines in prop::collection::vec("(\\[[a-z_.]{1,12}\\]|(listen|url|log|max_headers|server\\.listen) ?= ?[\\[\\]\"a-z0-9:.,_-]{0,20})", 0..12),
    ) {
        let _ = from_file(&lines.join("\n"));
    }

    #[test]
    fn an_integer_key_takes_exactly_its_range(number in any::<i64>()) {
        let accepted = from_file(&format!("[server]\nmax_headers = {number}")).is_ok();
        prop_assert_eq!(accepted, (10..=1000).contains(&number));
    }
}
