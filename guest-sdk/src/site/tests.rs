use super::*;

fn site(json: &str) -> Site {
    Site::parse(json).unwrap()
}

#[test]
fn nothing_is_known_unless_configured() {
    let site = site(r#"{"something_new": 1, "administrators": null}"#);
    assert!(!site.is_configured("administrators"));
    assert!(site.is_configured("something_new"));
    assert_eq!(site.in_maintenance(0), None);
    assert_eq!(site.is_approved_script("C:\\x.ps1"), None);
    assert_eq!(site.is_approved_deployment("C:\\x.exe"), None);
    assert_eq!(site.is_administrator("root"), None);
    assert_eq!(site.role("a"), None);
    assert!(site.is_internal("10.1.1.1") && !site.is_internal("8.8.8.8"));
}

#[test]
fn what_is_configured_is_used() {
    let site = site(
        r#"{
            "internal_networks": ["10.0.0.0/24"],
            "maintenance_windows": [{"days": ["thu"], "from": "00:00", "to": "01:00"}],
            "approved_script_paths": ["\\\\files\\scripts\\*"],
            "approved_deployment_paths": ["*\\ccmexec.exe"],
            "administrators": ["adm-*", "OT\\engineer"],
            "asset_roles": [
                {"device": "hmi-*", "role": "hmi"},
                {"device": "*", "role": "engineering-station"}
            ]
        }"#,
    );
    assert_eq!(site.scope("10.0.1.1"), Scope::Private);
    assert_eq!(site.in_maintenance(0), Some(true));
    assert_eq!(site.in_maintenance(3_600_000), Some(false));
    assert_eq!(
        site.is_approved_script("\\\\FILES\\scripts\\a.vbs"),
        Some(true)
    );
    assert_eq!(
        site.is_approved_deployment("C:\\Windows\\CCM\\CcmExec.exe"),
        Some(true)
    );
    assert_eq!(site.is_administrator("CORP\\ADM-jane"), Some(true));
    assert_eq!(site.is_administrator("OT\\engineer"), Some(true));
    assert_eq!(site.is_administrator("CORP\\engineer"), Some(false));
    assert_eq!(site.role("HMI-7"), Some(Role::Hmi));
    assert_eq!(site.role("x"), Some(Role::EngineeringStation));
}

#[test]
fn nonsense_is_refused_by_key() {
    for (json, key) in [
        (
            r#"{"internal_networks": ["10.0.0/8"]}"#,
            "internal_networks",
        ),
        (
            r#"{"maintenance_windows": [{"from": "x", "to": "y"}]}"#,
            "maintenance_windows",
        ),
        (r#"{"administrators": "root"}"#, "administrators"),
        (
            r#"{"asset_roles": [{"device": "a", "role": "toaster"}]}"#,
            "asset_roles",
        ),
    ] {
        let reason = Site::parse(json).unwrap_err();
        assert!(reason.contains(key), "{reason}");
    }
    assert!(Site::parse("[]").is_err());
    let long = format!(r#"{{"administrators": ["{}"]}}"#, "a".repeat(MAX_TEXT + 1));
    assert!(Site::parse(&long).is_err());
    let many = format!(r#"{{"administrators": [{}1]}}"#, "1,".repeat(MAX_ENTRIES));
    assert!(Site::parse(&many).unwrap_err().contains("entries"));
}
