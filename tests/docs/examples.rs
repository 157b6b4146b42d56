//! The examples of services: each configuration is one, and each manifest makes a bundle.
use hau::config::Settings;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn each_is_a_configuration_whose_unit_stands_beside_it() {
    for example in examples() {
        let file = example.join("hau.toml");
        let text = fs::read_to_string(&file).unwrap();
        let settings = Settings::parse(&file, &text).unwrap_or_else(|e| panic!("{e}"));
        for service in settings.services {
            let unit = fs::read_to_string(example.join(&service.unit)).unwrap();
            assert!(unit.contains("/opt/shop/current/"), "{}", service.unit);
            assert!(unit.contains("Restart=no"), "{}", service.unit);
        }
    }
}

#[test]
fn each_manifest_makes_a_bundle() {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("release");
        let manifest = fs::read_to_string(example.join("manifest.toml")).unwrap();
        for path in named(&manifest) {
            let path = release.join(path);
            // A folder has something in it.
            let file = match path.extension() {
                Some(_) => path,
                None => path.join("file"),
            };
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "select 1;").unwrap();
        }
        fs::write(release.join("manifest.toml"), manifest).unwrap();
        let run = |args: &[&str]| {
            let mut hau_ctl = Command::new(env!("CARGO_BIN_EXE_hau-ctl"));
            let output = hau_ctl.args(args).current_dir(folder.path()).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{args:?}: {output:?}");
        };
        run(&["bundle", "keygen", "shop"]);
        run(&["bundle", "build", "release", "--key", "shop.key"]);
    }
}

/// What the manifest says is in the release.
fn named(manifest: &str) -> Vec<String> {
    let read: ::toml::Table = manifest.parse().unwrap();
    let scripts = read.get("schema").and_then(::toml::Value::as_array);
    let scripts = scripts.into_iter().flatten().map(|script| &script["path"]);
    let services = read["services"].as_table().unwrap().values();
    let files = services.flat_map(|files| files.as_array().unwrap());
    let all = scripts.chain(files);
    all.map(|path| path.as_str().unwrap().to_owned()).collect()
}
