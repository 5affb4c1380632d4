//! A rollout: the server of the release before goes on beside the new schema.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use stanchion_testkit::{Program, TempDir};

use crate::server::{Server, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_of_the_previous_tag_runs_on_the_new_schema() {
    let Some(tag) = previous_tag() else {
        eprintln!("there is no tag yet, so no server before this one");
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let binary = build(&tag, folder.path());
    let data = folder.path().join("run");
    std::fs::create_dir(&data).expect("a folder");
    let new = Server::start(serve(&data)).await;
    new.running.terminate();
    new.running.wait(crate::program::DEADLINE).await;
    let old = Server::start(
        Program::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .cwd(&data),
    )
    .await;
    assert_eq!(old.status("/readyz").await, 200);
    let list = old
        .anonymous(Method::GET, "/v1/products")
        .send()
        .await
        .expect("an answer");
    assert!(list.status().is_success());
}

fn git(arguments: &[&str]) -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The newest tag before the commit that is tested.
fn previous_tag() -> Option<String> {
    git(&["describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"])
}

/// Builds the server of a tag from an export of its tree.
fn build(tag: &str, folder: &Path) -> std::path::PathBuf {
    let tree = folder.join("tree");
    let worktree = tree.to_string_lossy();
    git(&["worktree", "add", "--detach", &worktree, tag]).expect("a worktree of the tag");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--package",
            "stanchion",
            "--target-dir",
            "target",
        ])
        .current_dir(&tree)
        .status();
    assert!(built.expect("cargo").success(), "{tag} does not build");
    let kept = folder.join("stanchion");
    std::fs::copy(tree.join("target/debug/stanchion"), &kept).expect("the binary");
    git(&["worktree", "remove", "--force", &worktree]);
    kept
}
