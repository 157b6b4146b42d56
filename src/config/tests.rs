//! Tests of the configuration: the example, every kind of problem, drop-ins, defaults.

use super::*;
use std::time::Duration;

const SMALL: &str = r#"
[cluster]
name = "shop"
[nodes.a]
address = "10.77.0.11"
[nodes.b]
address = "10.77.0.12"
[vrrp]
instance = "web"
[[service]]
name = "api"
unit = "shop-api.service"
[release]
root = "/opt/shop"
"#;

const EXAMPLE: &str = include_str!("../../hau.toml.example");

fn parse(text: &str) -> Result<Settings, Problems> {
    Settings::parse(Path::new("hau.toml"), text)
}

fn problems(text: &str) -> String {
    parse(text).expect_err("wrong").to_string()
}

#[test]
fn the_example_is_valid_and_says_what_it_means() {
    let settings = parse(EXAMPLE).expect("the example is valid");
    assert_eq!(
        settings.data_dir(),
        Some(Path::new("/var/lib/postgresql/15/main"))
    );
    assert_eq!(settings.services[1].http[1].body.as_deref(), Some("ok"));
    assert_eq!(settings.services[1].http[0].status, Some(200));
    let order: Vec<&str> = settings
        .start_order()
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(order, ["worker", "api"]);
    assert!(
        !format!("{settings:?}").contains("dbname"),
        "a connection string is in Debug"
    );
}

/// Whoever uses the database stops before the primary, and nobody loses what it depends on.
#[test]
fn what_stops_before_the_primary() {
    let service = |name: &str, rest: &str| {
        format!("[[service]]\nname = \"{name}\"\nunit = \"{name}.service\"\n{rest}\n")
    };
    let text = [
        SMALL.split("[[service]]").next().unwrap().to_owned(),
        service("cache", "uses_database = false"),
        service("jobs", ""),
        service("log", "uses_database = false\ndepends_on = [\"jobs\"]"),
        service(
            "web",
            "uses_database = false\nvia_vip = true\nports = [80]\ndepends_on = [\"cache\"]",
        ),
        format!("[release]{}", SMALL.split_once("[release]").unwrap().1),
    ];
    let settings = parse(&text.concat()).expect("valid");
    let before: Vec<&str> = settings
        .before_primary()
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(before, ["jobs", "log", "web"]);
}

/// The example claims which values are defaults: without those lines the same must come out.
#[test]
fn the_defaults_of_the_example_are_the_defaults() {
    let mut limits = false;
    let kept = EXAMPLE.lines().filter(|line| {
        limits = line.starts_with("[limits]") || (limits && !line.starts_with('['));
        let is_header = line.starts_with('[');
        is_header || !(limits || line.contains("# default"))
    });
    let kept: Vec<&str> = kept.collect();
    assert!(
        kept.len() + 25 < EXAMPLE.lines().count(),
        "lines were left out"
    );
    assert_eq!(
        parse(&kept.join("\n")).expect("valid"),
        parse(EXAMPLE).expect("valid")
    );
}

#[test]
fn every_key_in_the_commented_lines_exists() {
    let text = EXAMPLE
        .replace("# user = \"shop\"", "user = \"shop\"")
        .replace("# in_place", "in_place")
        .replace("# shown_by", "shown_by")
        .replace("# [fence]", "[fence]")
        .replace("# command =", "command =")
        .replace("# limit =", "limit =");
    let settings = parse(&text).expect("valid");
    assert_eq!(settings.release.user.as_deref(), Some("shop"));
    assert!(settings.release.in_place.is_some());
    assert!(settings.root_key.is_some_and(|k| k.shown_by.is_some()));
    assert!(settings.fence.is_some_and(|f| f.command.len() == 2));
}

#[test]
fn every_way_in_the_commented_lines_exists() {
    let (rest, notify) = EXAMPLE
        .split_once("# [[notify.command]]")
        .expect("it begins there");
    let is_toml = |line: &&str| line.starts_with('[') || line.contains(" = ");
    let lines = notify.lines().filter_map(|line| line.strip_prefix("# "));
    let lines: Vec<&str> = lines.filter(is_toml).collect();
    let text = format!("{rest}[[notify.command]]\n{}\n", lines.join("\n"));
    let notify = parse(&text).expect("valid").notify;
    assert_eq!((notify.command.len(), notify.webhook.len()), (1, 1));
    assert!(notify.webhook[0].secret_file.is_some());
    assert!(notify.mail.is_some_and(|mail| mail.login.is_some()));
}

#[test]
fn nobody_promotes_without_a_fence() {
    let auto =
        |key: &str| EXAMPLE.replace(&format!("{key} = \"manual\""), &format!("{key} = \"auto\""));
    for key in ["failover", "rejoin"] {
        assert!(problems(&auto(key)).contains("needs a [fence]"), "{key}");
        let fenced = format!("{}\n[fence]\ncommand = [\"/bin/true\"]\n", auto(key));
        assert!(parse(&fenced).is_ok_and(|s| s.holds_former_primary()));
        let relative = fenced.replace("/bin/true", "true");
        assert!(problems(&relative).contains("no absolute path"));
    }
    assert!(!parse(EXAMPLE).expect("valid").holds_former_primary());
}

#[test]
fn a_small_file_gets_the_defaults() {
    let settings = parse(SMALL).expect("valid");
    insta::assert_debug_snapshot!(settings);
}

/// What is put into the folder one by one, and removed there, is not to meet a release.
#[test]
fn a_fixed_folder_lies_apart_from_all_releases() {
    let with = |folder: &str| format!("{SMALL}in_place = {folder}\n");
    for apart in ["/opt/shop/app", "/opt/shop/releases-of-old", "/srv/shop"] {
        let settings = parse(&with(&format!("{apart:?}"))).expect(apart);
        assert_eq!(settings.release.in_place.as_deref(), Some(Path::new(apart)));
    }
    assert_eq!(parse(SMALL).expect("valid").release.in_place, None);
    let wrong = [
        "\"/opt/shop/releases/app\"",
        "\"/opt/shop/releases\"",
        "\"/opt/shop/current/\"",
        "\"/opt/shop/previous/x\"",
        "\"/opt/shop\"",
        "\"/\"",
        "\"app\"",
        "\"/srv/../opt\"",
        "true",
    ];
    let told = wrong.map(|folder| problems(&with(folder)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn ten_mistakes_are_told_at_once() {
    insta::assert_snapshot!(problems(
        r#"
[cluster]
name = "my shop"
[nodes.a]
address = "10.77.0.11"
[nodes.b]
address = "10.77.0.11"
[peer]
prot = 9681
[vrrp]
config = "keepalived.conf"
switch = "slow"
[[service]]
name = "api"
unit = "shop-api"
ports = [80800]
depends_on = ["worker"]
[release]
root = "/opt/shop"
keep = 1
[limits]
start = "soon"
drain = 20
[backup]
recipients = ["age1nobody"]
[helth]
listen = "127.0.0.1:9680"
"#
    ));
}

#[test]
fn every_other_kind_of_problem() {
    let with = |more: &str| problems(&format!("{SMALL}{more}"));
    let service = "[[service]]\nname = \"x\"\nunit = \"x.service\"\n";
    let cases = [
        with("[nodes.c]\naddress = \"10.77.0.13\""),
        with("[nodes.\"c d\"]\naddress = \"0.0.0.0\""),
        with("[health]\nlisten = \"127.0.0.1\"\n[peer]\nport = 0"),
        with("[health]\nlisten = \"127.0.0.1:9681\"\npage = \"all\""),
        with(&format!("{service}ports = [9680, 9681]")),
        with(&format!("{service}via_vip = true\ndepends_on = [\"x\"]")),
        with("[[service]]\nname = \"api\"\nunit = \"shop-api.service\""),
        with(&format!(
            "{service}http = [{{ url = \"https://a/\", status = 99 }}, {{ body = \"\" }}]"
        )),
        with("[database]\nkind = \"none\"\ndsn = \"host=a\""),
        with("[database]\nkind = \"oracle\"\ndsn = \"sekret\"\ndata_dir = \"/a/../b\"\nunit = 3"),
        with("[root_key]\npath = \"/etc/shop/root.key\"\ncarry = \"yes\""),
        with("[config_sync]\nunits = []\npaths = \"/etc\""),
        with("[limits]\nsoak = { checks = 0, within = \"0s\" }\nvip_retries = -1"),
        with("[limits]\nvip_retries = 1.5\nstart = 2026-01-01"),
        with("[bundle]\nincoming = 99999999999999999999\nkeyz = 1"),
        with("[handoff]\nzzz = 1\n"),
        problems("service = 3\n[cluster]\nname = 5\n[nodes]\na = 1\n"),
        problems(""),
    ];
    insta::assert_snapshot!(cases.join("\n--\n"));
}

#[test]
fn what_is_not_carried_out_is_refused() {
    let text = EXAMPLE
        .replace("# replication_slot", "replication_slot")
        .replace("failover = \"manual\"", "failover = \"auto\"")
        .replace("enabled = \"auto\"", "enabled = \"always\"")
        .replace("park = \"auto\"", "park = \"always\"")
        .replace("copy_to = []", "copy_to = [\"peer\"]");
    insta::assert_snapshot!(problems(&text));
    assert!(
        parse(&format!("{SMALL}[notify]\n")).is_ok(),
        "an empty section asks for nothing"
    );
}

/// Every command that must be there, but for what `edit` makes of the text.
fn by_commands(edit: impl FnOnce(String) -> String) -> String {
    let must =
        "identity role lag position replayed demote take_back promote rejoin size dump check_dump";
    let lines = must
        .split(' ')
        .map(|key| format!("{key} = [\"/sbin/db\", \"{key}\"]\n"));
    let commands: String = lines.collect();
    edit(format!(
        "{SMALL}[database]\nkind = \"command\"\n[database.commands]\n{commands}[backup]\nprove = \"verify\"\n"
    ))
}

#[test]
fn a_database_is_reached_by_commands() {
    let settings = parse(&by_commands(|text| {
        text.replace(
            "\"promote\"]",
            "\"promote\", \"{position}\"]\nprimary = \"^Primary( Normal)?$\"",
        )
    }));
    let settings = settings.expect("valid");
    let kind = settings.database.as_ref().map(|d| &d.kind);
    let Some(DatabaseKind::Command(commands)) = kind else {
        panic!("{kind:?}");
    };
    assert_eq!(commands.of.len(), 12);
    assert_eq!(
        commands.of[&Ask::Promote],
        ["/sbin/db", "promote", "{position}"]
    );
    assert!(commands.primary.0.is_match("Primary Normal"));
    assert!(commands.standby.0.is_match("standby"));
    assert!(!commands.standby.0.is_match("standby?"));
    assert_eq!(settings.data_dir(), None);
}

const GAUSSDB: &str = "[database]
kind = \"gaussdb\"
dsn = \"host=/opt/gaussdb/tmp port=5432 dbname=shop user=hau\"
password_file = \"/etc/hau/database.password\"
data_dir = \"/opt/gaussdb/data/dn\"
home = \"/opt/gaussdb/app\"
[backup]
prove = \"verify\"
";

#[test]
fn a_gaussdb_is_named_by_its_home() {
    let settings = parse(&format!("{SMALL}{GAUSSDB}")).expect("valid");
    let kind = settings.database.as_ref().map(|d| &d.kind);
    let Some(DatabaseKind::Gaussdb(known)) = kind else {
        panic!("{kind:?}");
    };
    assert_eq!(known.home, Path::new("/opt/gaussdb/app"));
    assert_eq!((known.os_user.as_str(), &known.ca_file), ("omm", &None));
    assert_eq!(settings.data_dir(), Some(known.data_dir.as_path()));
    let missing = GAUSSDB
        .replace("home = ", "# home = ")
        .replace("data_dir", "unit");
    let beyond = GAUSSDB.replace("prove = \"verify\"", "[fence]\ncommand = [\"/x\"]");
    let told = [missing, beyond].map(|text| problems(&format!("{SMALL}{text}")));
    insta::assert_snapshot!(told.join("\n--\n"));
}

#[test]
fn what_is_wrong_with_commands_is_told() {
    let all = by_commands(|text| {
        text.replace("role = [\"/sbin/db\"", "role = [\"db\"")
            .replace("lag = [\"/sbin/db\", \"lag\"]", "lag = []")
            .replace(
                "\"demote\"]",
                "\"{position}\"]\nprimary = \"(\"\nbuild = [\"/x\"]",
            )
            .replace("\"promote\"]", "\"{file}\"]")
            .replace("size = ", "# size = ")
            .replace(
                "prove = \"verify\"",
                "[rollback]\ndatabase = \"restore\"\n[fence]\ncommand = [\"/x\"]",
            )
    });
    insta::assert_snapshot!(problems(&all));
    let beyond = by_commands(|text| {
        text.replace(
            "prove = \"verify\"",
            "[rollback]\ndatabase = \"restore\"\n[fence]\ncommand = [\"/x\"]",
        )
    });
    insta::assert_snapshot!(problems(&beyond));
}

#[test]
fn programs_are_told_of_the_events_they_ask_for() {
    let told = |events: &str| {
        format!("{SMALL}[[notify.command]]\nrun = [\"/sbin/tell\", \"-v\"]\n{events}")
    };
    let settings = parse(&told("events = [\"failed\"]")).expect("valid");
    let target = &settings.notify.command[0];
    assert_eq!(target.program(), "/sbin/tell");
    let wants = |kind| target.events.include(kind);
    assert!(wants(NoticeKind::Failed) && !wants(NoticeKind::Begun));
    let all = parse(&told("")).expect("valid");
    assert!(all.notify.command[0].events.include(NoticeKind::Begun));
    let wrong = told("events = [\"test\"]").replace("/sbin/tell", "tell");
    insta::assert_snapshot!(problems(&wrong));
}

fn with_webhook(lines: &str) -> String {
    format!("{SMALL}[[notify.webhook]]\n{lines}\n")
}

#[test]
fn a_webhook_says_where_and_in_whose_words() {
    let read = |lines: &str| {
        let settings = parse(&with_webhook(lines)).expect("valid");
        settings.notify.webhook[0].clone()
    };
    let plain = read("url = \"http://127.0.0.1:8080/hau\"");
    assert_eq!((plain.shape, plain.secret_file), (Shape::Json, None));
    let robot = read(
        "url_file = \"/etc/hau/chat.url\"\nshape = \"dingtalk\"\nsecret_file = \"/etc/hau/chat.secret\"\nevents = [\"alarm\"]",
    );
    assert_eq!(robot.address, HookAddress::File("/etc/hau/chat.url".into()));
    assert_eq!(robot.shape, Shape::DingTalk);
    assert!(!robot.events.include(NoticeKind::Begun));
}

#[test]
fn of_a_url_only_the_server_is_shown() {
    let shown = |url: &str| HookUrl::new(url).expect("a URL").to_string();
    let robot = "https://oapi.dingtalk.com/robot/send?access_token=sekret";
    assert_eq!(shown(robot), "https://oapi.dingtalk.com");
    assert_eq!(shown("https://[::1]:8443?key=sekret"), "https://[::1]:8443");
    assert_eq!(shown("http://h"), "http://h");
    let settings = parse(&with_webhook(&format!("url = \"{robot}\""))).expect("valid");
    assert!(!format!("{settings:?}").contains("sekret"));
    for wrong in [
        "ftp://h/",
        "https://",
        "https://u:p@h/",
        "https://h/#x",
        "h/x",
    ] {
        assert_eq!(HookUrl::new(wrong), None, "{wrong}");
    }
    assert!(HookUrl::new("HTTPS://h/").is_some_and(|url| url.is_https()));
    assert!(HookUrl::new("http://h/").is_some_and(|url| !url.is_https()));
}

#[test]
fn what_is_wrong_with_a_webhook_is_told() {
    let cases = [
        "",
        "url = \"https://h/\"\nurl_file = \"/x\"",
        "url = \"https://user:sekret@h/\"",
        "url_file = \"chat.url\"\nshape = \"teams\"",
        "url_file = \"/x\"\nshape = \"wecom\"\nsecret_file = \"/y\"",
        "url = \"http://h/\"\nca_file = \"/y\"\nevents = \"all\"\nsecret = \"sekret\"",
    ];
    let told = cases.map(|lines| problems(&with_webhook(lines)));
    let told = told.join("\n--\n");
    assert!(!told.contains("sekret"), "{told}");
    insta::assert_snapshot!(told);
}

const MAIL: &str =
    "server = \"mail.example.com:465\"\nfrom = \"hau@example.com\"\nto = [\"ops@example.com\"]\n";

#[test]
fn mail_is_sent_with_tls_unless_it_is_said() {
    let read = |lines: &str| {
        let settings = parse(&format!("{SMALL}[notify.mail]\n{lines}")).expect("valid");
        settings.notify.mail.expect("there")
    };
    let mail = read(MAIL);
    assert_eq!((mail.tls, mail.login), (MailTls::Required, None));
    let local = read(&MAIL.replace("mail.example.com:465", "[::1]:25"));
    assert_eq!((local.server.host.as_str(), local.server.port), ("::1", 25));
    assert_eq!(local.server.to_string(), "[::1]:25");
}

#[test]
fn what_is_wrong_with_mail_is_told() {
    let cases = [
        String::new(),
        MAIL.replace(":465", ""),
        MAIL.replace("hau@example.com", "hau\\nBcc: all@example.com"),
        MAIL.replace("\"ops@example.com\"", ""),
        format!("{MAIL}user = \"hau\"\ntls = \"starttls\"\n"),
        format!("{MAIL}password_file = \"/x\"\npassword = \"sekret\"\n"),
        format!("{MAIL}user = \"hau\"\npassword_file = \"/x\"\ntls = \"none\"\n"),
        format!("{MAIL}tls = \"ssl\"\n"),
    ];
    let told = cases.map(|lines| problems(&format!("{SMALL}[notify.mail]\n{lines}")));
    let told = told.join("\n--\n");
    assert!(!told.contains("sekret"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn syntax_errors_have_lines_and_quote_nothing() {
    let text = problems(
        "[cluster]\nname = \"shop\n[nodes.a]\naddress = = \"x\"\n[a\ndsn = \"password=sekret\n",
    );
    insta::assert_snapshot!(text);
    assert!(!text.contains("sekret"));
    insta::assert_snapshot!(problems(
        "[cluster]\nname = \"a\"\nname = \"b\"\n[cluster]\n"
    ));
}

#[test]
fn secrets_are_not_repeated() {
    let dsn = "[database]\nkind = \"postgres\"\ndsn = \"host=a password=sekret port\"\n";
    let text = problems(&format!(
        "{SMALL}{dsn}[backup]\nrecipients = [\"AGE-SECRET-KEY-1SEKRET\"]\n"
    ));
    assert!(
        text.contains("database.dsn") && text.contains("backup.recipients[1]"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("sekret"), "{text}");
}

#[test]
fn a_circle_is_named() {
    let service = |name: &str, needs: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\nunit = \"{name}.service\"\ndepends_on = [\"{needs}\"]\n"
        )
    };
    let text = format!(
        "{SMALL}{}{}{}",
        service("x", "y"),
        service("y", "z"),
        service("z", "y")
    );
    let text = problems(&text);
    assert!(
        text.contains("service[3].depends_on goes in a circle: y needs z needs y"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn drop_ins_are_merged_in_order_and_blamed_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("hau.toml");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    fs::create_dir(dir.path().join("hau.toml.d")).unwrap();
    write("hau.toml", SMALL);
    write(
        "hau.toml.d/20-b.toml",
        "[limits]\nstart = \"2m\"\nhealth = \"10s\"\n",
    );
    write(
        "hau.toml.d/10-a.toml",
        "[limits]\nstart = \"1m\"\ndrain = \"1s\"\n[nodes.b]\naddress = \"::1\"\n",
    );
    write("hau.toml.d/10-a.toml.dpkg-old", "nonsense");
    let settings = Settings::load(&main).expect("valid");
    assert_eq!(settings.limits.start, Duration::from_secs(120));
    assert_eq!(settings.limits.drain, Duration::from_secs(1));
    assert_eq!(settings.limits.health, Duration::from_secs(10));
    assert_eq!(settings.nodes["b"].address.to_string(), "::1");
    assert_eq!(settings.nodes["a"].address.to_string(), "10.77.0.11");

    write(
        "hau.toml.d/30-c.toml",
        "[limits]\ndrain = \"soon\"\n[release]\nroot = \"opt\"\n",
    );
    write("hau.toml.d/10-a.toml", "[limits]\n\ndrian = \"1s\"\n");
    let text = Settings::load(&main).expect_err("wrong").to_string();
    insta::assert_snapshot!(text.replace(&dir.path().display().to_string(), "DIR"));

    write("hau.toml.d/late.toml", "");
    write("hau.toml.d/30-c.toml", "[limits\n");
    fs::remove_file(&main).unwrap();
    let text = Settings::load(&main).expect_err("wrong").to_string();
    insta::assert_snapshot!(text.replace(&dir.path().display().to_string(), "DIR"));
}

#[test]
fn a_node_knows_itself_by_its_addresses() {
    let settings = parse(SMALL).expect("valid");
    let ips = |list: &[&str]| {
        list.iter()
            .map(|ip| ip.parse().unwrap())
            .collect::<Vec<IpAddr>>()
    };
    assert_eq!(
        settings.me(&ips(&["127.0.0.1", "10.77.0.12"])).as_deref(),
        Ok("b")
    );
    assert_eq!(
        settings.me(&ips(&["::ffff:10.77.0.11"])).as_deref(),
        Ok("a")
    );
    let neither = settings
        .me(&ips(&["127.0.0.1"]))
        .expect_err("none is here")
        .to_string();
    assert!(
        neither.contains("a = 10.77.0.11, b = 10.77.0.12"),
        "{neither}"
    );
    let both = settings
        .me(&ips(&["10.77.0.11", "10.77.0.12"]))
        .expect_err("both are here");
    assert!(both.to_string().contains("both nodes"));
    assert_eq!(settings.peer_of("a"), Some("b"));
    assert_eq!(settings.peer_of("c"), None);
}
