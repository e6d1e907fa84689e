use super::*;

fn check(text: &str) -> Problems {
    values(&toml::from_str(text).unwrap())
}

/// Each is refused for one reason, at the right key, and told what to write.
#[test]
fn errors() {
    for (text, key, words) in [
        ("[daemon]\nshards = 0", "daemon.shards", "1 to 256"),
        ("[daemon]\nshards = 257", "daemon.shards", "1 to 256"),
        ("[daemon]\nbatch = 65537", "daemon.batch", "1 to 65536"),
        (
            "[daemon]\ndrain_seconds = 0",
            "daemon.drain_seconds",
            "1 to 86400",
        ),
        (
            "[daemon]\nremembered_records = 0",
            "daemon.remembered_records",
            "1 to",
        ),
        (
            "[http]\nmax_connections = 0",
            "http.max_connections",
            "1 to",
        ),
        (
            "[http]\nlisten = '0.0.0.0:80'",
            "http.listen",
            "127.0.0.1:80",
        ),
        (
            "[http]\nlisten = '[::ffff:10.0.0.1]:80'",
            "http.listen",
            "loopback",
        ),
        ("[log]\nlevel = 'a=b=c'", "log.level", "debug"),
        (
            "[analytics.A]\nevents = ['process.*', 'process.lunch']",
            "analytics.A.events[1]",
            "vocabulary",
        ),
        (
            "[analytics.A]\nbudget.share_percent = 101",
            "analytics.A.budget.share_percent",
            "1 to 100",
        ),
        (
            "[trust.keys.k]\npublic_key_file = 'k.pub'\nmost.fields = ['cmd_line']",
            "trust.keys.k.most.fields[0]",
            "vocabulary",
        ),
        (
            "[trust.keys.k]\npublic_key_file = 'k.pub'\nmost.fields = ['proces.*']",
            "trust.keys.k.most.fields[0]",
            "fits no field",
        ),
        (
            "[analytics.A]\nevents = ['*', 'proces.*']",
            "analytics.A.events[1]",
            "fits no class",
        ),
        (
            "[[sources.tcp]]\nlisten = '10.0.0.1:80'",
            "sources.tcp[0].listen",
            "plaintext",
        ),
        (
            "[[sources.tcp]]\nlisten = '127.0.0.1:7373'",
            "sources.tcp[0].listen",
            "port",
        ),
        (
            "[[sources.files]]\npath = ''",
            "sources.files[0].path",
            "empty",
        ),
        (
            "[[sources.files]]\npath = '/var/*/a.json'",
            "sources.files[0].path",
            "last component",
        ),
        (
            "[[sources.evtx]]\npath = '/a'\n[[sources.evtx]]\npath = '/a/'",
            "sources.evtx[1].path",
            "twice",
        ),
        ("[[sinks.file]]\npath = ''", "sinks.file[0].path", "empty"),
        (
            "[[sinks.file]]\npath = 'f'\nrotate_mib = 0",
            "sinks.file[0].rotate_mib",
            "1 to",
        ),
        (
            "[[sinks.file]]\npath = '/a/b'\n[[sinks.file]]\npath = '/a/./b'",
            "sinks.file[1].path",
            "another file",
        ),
        (
            "[[sinks.webhook]]\nurl = 'collector'",
            "sinks.webhook[0].url",
            "https://",
        ),
        (
            "[[sinks.webhook]]\nurl = 'ftp://a/b'",
            "sinks.webhook[0].url",
            "https://",
        ),
        (
            "[[sinks.webhook]]\nurl = 'https://a b/'",
            "sinks.webhook[0].url",
            "https://",
        ),
        (
            "[[sinks.webhook]]\nurl = 'https://me:pw@a/'",
            "sinks.webhook[0].url",
            "Authorization",
        ),
        (
            "[[sinks.webhook]]\nurl = 'https://a/'\nheaders = { 'X Y' = 'z' }",
            "sinks.webhook[0].headers.\"X Y\"",
            "letters",
        ),
        (
            "[[sinks.webhook]]\nurl = 'https://a/'\nheaders = { X = \"y\\nz\" }",
            "sinks.webhook[0].headers.\"X\"",
            "ASCII",
        ),
        (
            "[[sinks.webhook]]\nurl = 'https://a/'\n[[sinks.webhook]]\nurl = 'https://a/'",
            "sinks.webhook[1].url",
            "twice",
        ),
        (
            "[[sinks.bulk]]\nurl = 'https://a/_bulk'",
            "sinks.bulk[0].url",
            "leave",
        ),
        (
            "[[sinks.bulk]]\nurl = 'https://a'\nindex = 'Upper'",
            "sinks.bulk[0].index",
            "lower",
        ),
        (
            "[[sinks.bulk]]\nurl = 'https://a'\nindex = ''",
            "sinks.bulk[0].index",
            "lower",
        ),
        (
            "[site]\nmaintenance_windows = [{ days = ['sat'], from = '25:00', to = '04:00' }]",
            "site.maintenance_windows[0].from",
            "22:00",
        ),
        (
            "[site]\nadministrators = ['']",
            "site.administrators[0]",
            "glob",
        ),
        ("[trust]\nsigners = 0", "trust.signers", "1 to 16"),
        (
            "[trust]\nsigners = 17\nunsigned = true",
            "trust.signers",
            "1 to 16",
        ),
        ("[trust]\nsigners = 2", "trust.signers", "2 keys"),
        ("[trust.keys.v]", "trust.keys.v", "either"),
        (
            "[trust.keys.v]\npublic_key = 'RW'",
            "trust.keys.v.public_key",
            "56 characters",
        ),
        (
            "[trust.keys.v]\npublic_key_file = ''",
            "trust.keys.v.public_key_file",
            "empty",
        ),
        (
            "[trust.keys.v]\npublic_key_file = '/v'\nanalytics = ['']",
            "trust.keys.v.analytics[0]",
            "glob",
        ),
    ] {
        let Problems { errors, .. } = check(text);
        let [problem] = errors.as_slice() else {
            panic!("{text}: {errors:?}");
        };
        assert_eq!(problem.key, key, "{text}");
        assert!(problem.to_string().contains(words), "{problem}");
    }
}

#[test]
fn warnings() {
    for (text, key) in [
        ("[daemon]\nqueue_mib = 1", "http.max_body_mib"),
        (
            "[http]\ntoken_file = '/t'\ningest_token_file = '/t'",
            "http.ingest_token_file",
        ),
        (
            "[[sinks.webhook]]\nurl = 'http://10.0.0.1/'",
            "sinks.webhook[0].url",
        ),
        (
            "[[sinks.bulk]]\nurl = 'http://search:9200'",
            "sinks.bulk[0].url",
        ),
        (
            "[[sources.files]]\npath = '/var/log/[ab].json'",
            "sources.files[0].path",
        ),
        ("[site]\nadministrators = ['*']", "site.administrators[0]"),
        (
            "[trust.keys.v]\npublic_key_file = '/v'\nanalytics = ['AN 1']",
            "trust.keys.v.analytics[0]",
        ),
        (
            "[trust.keys.v]\npublic_key_file = '/v'\nanalytics = []",
            "trust.keys.v.analytics",
        ),
    ] {
        let Problems { errors, warnings } = check(text);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
        assert_eq!(warnings[0].key, key, "{text}");
    }
}

#[test]
fn fine() {
    for text in [
        "",
        "[http]\nlisten = '[::1]:0'",
        "[http]\nlisten = '0.0.0.0:80'\nplaintext = true",
        "[[sources.tcp]]\nlisten = '127.0.0.1:0'\n[[sources.tcp]]\nlisten = '127.0.0.1:0'",
        "[[sources.files]]\npath = '/var/log/windows/*.ndjson'",
        "[[sinks.webhook]]\nurl = 'http://localhost:8080/x?y=z'\nheaders = { Authorization = 'Bearer x' }",
        "[[sinks.bulk]]\nurl = 'http://[::1]:9200'",
        "[log]\nlevel = 'sandtrap=debug,warn'",
        "[trust]\nsigners = 3\nunsigned = true",
        "[analytics.A]\nfields = ['Process.*', 'unmapped.*', 'u*', '*', 'unmapped.Hash?s']",
        "[analytics.A]\nevents = ['PROCESS.*']",
        "[trust.keys.v]\npublic_key_file = '/v'\nanalytics = ['AN1???', 'acme.*']",
    ] {
        assert_eq!(check(text), Problems::default(), "{text}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandtrap.toml");
    std::fs::write(
        &path,
        "[daemon]\nshards = 0\n[http]\nlisten = '0.0.0.0:80'\n",
    )
    .unwrap();
    let error = Config::read(&path).unwrap_err().to_string();
    for words in [
        "sandtrap.toml",
        "daemon.shards: 0",
        "http.listen: 0.0.0.0:80",
    ] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn places_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(here("empty"), "\n").unwrap();
    std::fs::write(here("spaced"), "a b").unwrap();
    let text = format!(
        "state_folder = '{}'\nanalytics_folder = '{}'\n[http]\ntoken_file = '{}'\n\
         ingest_token_file = '{}'\n[[sources.files]]\npath = '{}'\n[[sinks.file]]\npath = '{}'\n\
         [[sources.evtx]]\npath = '{}'\n[trust.keys.v]\npublic_key_file = '{}'\n",
        here("empty"),
        here("none"),
        here("empty"),
        here("spaced"),
        here("*.ndjson"),
        here("findings.ndjson"),
        here("none"),
        here("empty"),
    );
    let problems = places(&toml::from_str(&text).unwrap());
    let keys = |all: &[crate::config::Problem]| -> Vec<String> {
        all.iter().map(|one| one.key.clone()).collect()
    };
    assert_eq!(
        keys(&problems.errors),
        [
            "state_folder",
            "analytics_folder",
            "http.token_file",
            "http.ingest_token_file",
            "trust.keys.v.public_key_file"
        ]
    );
    let warned = keys(&problems.warnings);
    assert!(
        warned.contains(&"sources.files[0].path".to_owned()),
        "{warned:?}"
    );
    assert!(
        warned.contains(&"sources.evtx[0].path".to_owned()),
        "{warned:?}"
    );
    assert_eq!(places(&Config::default()).errors[0].key, "state_folder");
}
