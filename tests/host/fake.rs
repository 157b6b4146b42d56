//! The fake does what a test asks of it.
use hau::host::{
    Active, BundleInfo, BundlePolicy, Command, Host, HttpAnswer, Output,
    fake::{FakeBundle, FakeHost, FakeUnit, OnStart, OnStop, PeerAsk},
};
use hau::time::Time;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(30);

fn policy(installed: &str) -> BundlePolicy {
    BundlePolicy {
        product: "shop".into(),
        installed: Some(installed.into()),
        at: Time(1),
    }
}

fn bundle() -> FakeBundle {
    FakeBundle {
        product: "shop".into(),
        info: BundleInfo {
            version: "1.1.0".into(),
            counter: 7,
            sha256: String::new(),
            size_bytes: 1,
            payload_bytes: 1,
            schema_compatible: true,
            schema: vec![PathBuf::from("app/run")],
            hooks: BTreeMap::new(),
        },
        upgrades_from: BTreeSet::from(["1.0.0".to_owned()]),
        expires: Time(u64::MAX),
        files: BTreeMap::from([(PathBuf::from("app/run"), (b"code".to_vec(), 0o755))]),
    }
}

#[test]
fn a_unit_listens_and_answers_while_it_runs() {
    let host = FakeHost::new();
    let url = "http://127.0.0.1:8080/healthz";
    host.edit(|world| {
        let mut unit = FakeUnit::running(&[8080]);
        unit.ready_after = Duration::from_secs(2);
        world.units.insert("api.service".into(), unit);
        let answer = HttpAnswer {
            status: 200,
            body: "ok".into(),
        };
        world.http.insert(url.into(), answer);
    });
    let serves = || (host.listens(8080), host.http_get(url, LIMIT).is_ok());
    assert_eq!(serves(), (true, true));
    host.stop_unit("api.service", LIMIT).unwrap();
    assert_eq!(host.unit("api.service").unwrap().processes, 0);
    assert_eq!(serves(), (false, false));
    host.start_unit("api.service", LIMIT).unwrap();
    assert_eq!(serves(), (false, false));
    host.edit(|world| world.now = Time(2_000));
    assert_eq!(serves(), (true, true));
    assert!(host.unit("other.service").is_err());
    assert!(host.http_get("http://127.0.0.1:1/", LIMIT).is_err());
}

#[test]
fn units_misbehave_as_told() {
    let host = FakeHost::new();
    let start = |how: OnStart| {
        let unit = FakeUnit {
            on_start: how,
            ..FakeUnit::default()
        };
        host.edit(|world| world.units.insert("u".into(), unit));
        (
            host.start_unit("u", LIMIT).is_ok(),
            host.unit("u").unwrap().active,
        )
    };
    assert_eq!(start(OnStart::Runs), (true, Active::Active));
    assert_eq!(start(OnStart::Dies), (true, Active::Failed));
    assert_eq!(
        start(OnStart::Fails("port taken".into())),
        (false, Active::Failed)
    );
    assert_eq!(start(OnStart::Hangs), (false, Active::Activating));
    assert_eq!(host.now(), Time(30_000), "hanging takes the limit");
    let stop = |how: OnStop| {
        let unit = FakeUnit {
            on_stop: how,
            ..FakeUnit::running(&[])
        };
        host.edit(|world| world.units.insert("u".into(), unit));
        let ended = host.stop_unit("u", LIMIT).is_ok();
        let state = host.unit("u").unwrap();
        (ended, state.active, state.processes)
    };
    assert_eq!(stop(OnStop::Stops), (true, Active::Inactive, 0));
    assert_eq!(stop(OnStop::Leaves(2)), (true, Active::Inactive, 2));
    assert_eq!(stop(OnStop::Fails("no".into())), (false, Active::Active, 1));
    assert_eq!(stop(OnStop::Hangs), (false, Active::Deactivating, 1));
}

#[test]
fn the_fuse_cuts_every_change_after_it() {
    let host = FakeHost::new();
    host.edit(|world| world.fuse = Some(2));
    host.make_dir(Path::new("/d"), 0o755).unwrap();
    host.write(Path::new("/d/a"), b"a", 0o644).unwrap();
    for _ in 0..2 {
        let cut = host.write(Path::new("/d/b"), b"b", 0o644).unwrap_err();
        assert_eq!(cut.why, "crashed");
        assert!(host.reload_units().is_err());
    }
    assert_eq!(host.list(Path::new("/d")).unwrap(), ["a"]);
    assert_eq!(host.edit(|world| world.changes), 2);
    host.edit(|world| world.fuse = None);
    host.write(Path::new("/d/b"), b"b", 0o644).unwrap();
}

#[test]
fn bundles_travel_between_fakes_and_unpack() {
    let (one, two) = (Arc::new(FakeHost::new()), FakeHost::new());
    let (here, there) = (Path::new("/in/shop.hau"), Path::new("/got/shop.hau"));
    one.edit(|world| world.add_bundle(here, bundle())).unwrap();
    let known = one.edit(|world| world.bundles.clone());
    two.make_dir(Path::new("/got"), 0o755).unwrap();
    assert!(
        two.peer_fetch("shop.hau", there, None, LIMIT).is_err(),
        "no peer yet"
    );
    let source = Arc::clone(&one);
    two.edit(|world| {
        world.bundles = known;
        world.peer = Some(Arc::new(move |ask| match ask {
            PeerAsk::Bundle(name) => source.read(&Path::new("/in").join(name)),
            PeerAsk::Thing(what) => Ok(what.as_bytes().to_vec()),
        }));
    });
    assert_eq!(two.peer_get("root-key", LIMIT).unwrap(), b"root-key");
    two.peer_fetch("shop.hau", there, None, LIMIT).unwrap();
    assert_eq!(
        two.verify_bundle(there, &policy("1.0.0")).unwrap().counter,
        7
    );
    assert!(two.verify_bundle(there, &policy("0.9.0")).is_err());
    let late = BundlePolicy {
        at: Time(u64::MAX),
        ..policy("1.0.0")
    };
    assert!(two.verify_bundle(there, &late).is_err());

    let scripts = two.schema_scripts(there).unwrap();
    assert_eq!(
        (&*scripts[0].name, &*scripts[0].bytes),
        ("app/run", &b"code"[..])
    );
    let dest = Path::new("/opt/shop/releases/1.1.0");
    two.unpack_bundle(there, &policy("1.0.0"), dest).unwrap();
    two.check_release(there, &policy("1.0.0"), dest).unwrap();
    assert_eq!(two.read(&dest.join("app/run")).unwrap(), b"code");
    two.write(&dest.join("app/run"), b"c0de", 0o755).unwrap();
    assert!(two.check_release(there, &policy("1.0.0"), dest).is_err());
    two.write(there, b"forged", 0o644).unwrap();
    assert!(two.schema_scripts(there).is_err());
    assert!(two.verify_bundle(there, &policy("1.0.0")).is_err());
}

#[test]
fn programs_say_what_was_set_and_are_remembered() {
    let host = FakeHost::new();
    let mut dump = Command {
        program: "/usr/bin/pg_dump".into(),
        stdout: Some("/dump".into()),
        ..Command::default()
    };
    assert!(host.run(&dump).is_err(), "nobody installed it");
    let said = Output {
        code: Some(0),
        stdout: "data".into(),
        ..Output::default()
    };
    host.edit(|world| world.programs.insert(dump.program.clone(), said));
    assert_eq!(host.run(&dump).unwrap().stdout, "");
    assert_eq!(host.read(Path::new("/dump")).unwrap(), b"data");
    assert!(host.run(&dump).is_err(), "the file exists");
    dump.stdout = None;
    assert_eq!(host.run(&dump).unwrap().stdout, "data");
    assert_eq!(host.edit(|world| world.ran.len()), 2);
    host.archive(&["/dump".into()], Path::new("/a.tar"))
        .unwrap();
    assert!(
        host.archive(&["/none".into()], Path::new("/b.tar"))
            .is_err()
    );
}
