//! `cargo xtask openapi`: lets the snapshot test write what it would otherwise compare.

use crate::shell;

pub(crate) fn run() -> anyhow::Result<()> {
    let mut command = shell::cargo();
    command
        .args([
            "test",
            "--all-features",
            "--locked",
            "--package",
            "stanchion-http",
        ])
        .args([
            "--test",
            "it",
            "documents::the_document_is_the_one_in_the_repository",
        ])
        .env("STANCHION_BLESS", "1");
    shell::run(&mut command)
}
