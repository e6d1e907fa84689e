//! Which events this analytic asks for. The host evaluates the predicates, so
//! they leave out whatever one event can tell to be of no use.

use sandtrap_sdk::{
    Class, Predicate, Subscription, Text, all, any, class, field, fields, not,
    windows::{
        ProcessName,
        process_name::{DOTNET_UTILITIES, POWERSHELL_HOSTS, PROXIES, SCRIPT_HOSTS},
    },
};

/// Parts of names of ciphers, and of what is done with them.
const CIPHER_WORDS: &[&str] = &[
    "cryptography",
    "aesmanaged",
    "aescrypto",
    "[aes]",
    "aesgcm",
    "rijndael",
    "tripledes",
    "chacha20",
    "symmetricalgorithm",
    "cryptostream",
    "createencryptor",
    "createdecryptor",
    "transformfinalblock",
    "securestring",
    "protecteddata",
    "bcryptencrypt",
    "createcipheriv",
    "capicom",
    "-bxor",
];

/// Parts of names of what sends data out.
const SENDING_WORDS: &[&str] = &[
    "tcpclient",
    "udpclient",
    "net.sockets",
    "uploadstring",
    "uploaddata",
    "uploadfile",
    "uploadvalues",
    "-method post",
    "-method put",
    "\"post\"",
    "'post'",
    "\"put\"",
    "'put'",
    "multipartformdata",
];

/// Programs that run other people's code and are no interpreter by name, or
/// move data.
const OTHERS: &[&str] = &[
    "wsmprovhost.exe",
    "winrshost.exe",
    "cmd.exe",
    "certutil.exe",
    "bitsadmin.exe",
    "curl.exe",
    "wget.exe",
    "ftp.exe",
    "scp.exe",
    "sftp.exe",
    "pscp.exe",
    "psftp.exe",
    "winscp.exe",
    "rclone.exe",
    "python.exe",
    "pythonw.exe",
    "node.exe",
    "perl.exe",
    "ruby.exe",
    "php.exe",
    "java.exe",
    "javaw.exe",
    "openssl.exe",
    "notepad.exe",
];

/// Tools that encrypt files.
const ENCRYPTING_TOOLS: &[&str] = &[
    "openssl.exe",
    "gpg.exe",
    "gpg2.exe",
    "7z.exe",
    "7za.exe",
    "7zr.exe",
    "7zg.exe",
    "rar.exe",
    "winrar.exe",
    "aescrypt.exe",
    "age.exe",
];

/// Tools that send files.
const SENDING_TOOLS: &[&str] = &[
    "curl.exe",
    "rclone.exe",
    "scp.exe",
    "pscp.exe",
    "psftp.exe",
    "sftp.exe",
    "winscp.exe",
    "ftp.exe",
];

/// Endings of names of services where anyone can leave data, or that give any
/// address a name.
const DROP_SERVICES: &[&str] = &[
    "pastebin.com",
    "transfer.sh",
    "file.io",
    "gofile.io",
    "anonfiles.com",
    "mega.nz",
    "mega.co.nz",
    "catbox.moe",
    "0x0.st",
    "temp.sh",
    "termbin.com",
    "requestbin.net",
    "webhook.site",
    "pipedream.net",
    "api.telegram.org",
    "discord.com",
    "discordapp.com",
    "duckdns.org",
    "no-ip.org",
    "ddns.net",
    "hopto.org",
    "zapto.org",
    "dynu.net",
    "ngrok.io",
    "ngrok-free.app",
    "trycloudflare.com",
];

/// Where programs of Windows and installed ones lie, with and without a drive.
const PROTECTED: &[&str] = &[
    "c:\\windows\\",
    "c:\\program files\\",
    "c:\\program files (x86)\\",
    "\\windows\\",
    "\\program files\\",
    "\\program files (x86)\\",
];

/// Whether a program runs other people's code, or moves data for anyone.
pub fn is_interpreter(name: &ProcessName) -> bool {
    [
        POWERSHELL_HOSTS,
        SCRIPT_HOSTS,
        PROXIES,
        DOTNET_UTILITIES,
        OTHERS,
    ]
    .iter()
    .any(|family| name.is_any(family))
}

/// All of them.
pub fn subscriptions() -> [Subscription; 6] {
    [
        scripts(class::SCRIPT_COMMAND),
        scripts(class::SCRIPT_EXECUTE),
        launches(),
        connections(),
        names(),
        archives(),
    ]
}

fn scripts(class: Class) -> Subscription {
    let words = CIPHER_WORDS.iter().chain(SENDING_WORDS).copied();
    Subscription::to(class)
        .when(field::SCRIPT_CONTENT.contains(words))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::SCRIPT_CONTENT,
            field::SCRIPT_PATH,
        ])
}

fn launches() -> Subscription {
    let path = field::PROCESS_FILE_PATH;
    let line = field::PROCESS_CMD_LINE;
    let words = CIPHER_WORDS.iter().chain(SENDING_WORDS).copied();
    // The powershell command lines that can hold encoded text are long ones;
    // length cannot be asked for, but a switch that begins with e can.
    let has_encoded = line.contains([
        " -e",
        " /e",
        " --e",
        " \u{2013}e",
        " \u{2014}e",
        " \u{2015}e",
    ]);
    Subscription::to(class::PROCESS_LAUNCH)
        .when(any([
            line.contains(words),
            all([
                any([runs(path, POWERSHELL_HOSTS), is_original_shell()]),
                has_encoded,
            ]),
            runs(path, ENCRYPTING_TOOLS),
            runs(path, SENDING_TOOLS),
            field::PROCESS_FILE_INTERNAL_NAME.is_one_of([
                "7z.exe",
                "7za.exe",
                "rar.exe",
                "openssl.exe",
            ]),
        ]))
        .fields(fields![
            field::PROCESS_HANDLE,
            field::PROCESS_FILE_PATH,
            field::PROCESS_FILE_INTERNAL_NAME,
            field::PROCESS_CMD_LINE,
            field::PROCESS_PARENT_PROCESS_HANDLE,
            field::PROCESS_PARENT_PROCESS_FILE_PATH,
        ])
}

fn connections() -> Subscription {
    Subscription::to(class::NETWORK_OPEN)
        .when(all([
            field::CONNECTION_INFO_OUTBOUND.equals(1),
            is_watched(),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::SRC_ENDPOINT_IP,
            field::DST_ENDPOINT_IP,
            field::DST_ENDPOINT_PORT,
        ])
}

fn names() -> Subscription {
    Subscription::to(class::DNS_QUERY)
        .when(all([
            field::QUERY_HOSTNAME.ends_with(DROP_SERVICES.iter().copied()),
            is_watched(),
        ]))
        .fields(fields![
            field::ACTOR_PROCESS_HANDLE,
            field::ACTOR_PROCESS_FILE_PATH,
            field::QUERY_HOSTNAME,
        ])
}

fn archives() -> Subscription {
    let endings = [".zip", ".7z", ".rar", ".enc", ".aes", ".gpg", ".crypt"];
    Subscription::to(class::FILE_CREATE)
        .when(all([field::FILE_PATH.ends_with(endings), is_watched()]))
        .fields(fields![field::ACTOR_PROCESS_HANDLE, field::FILE_PATH])
}

/// Programs that run other people's code or move data, and whatever is neither
/// below Windows nor installed.
fn is_watched() -> Predicate {
    let path = field::ACTOR_PROCESS_FILE_PATH;
    any([
        runs(path, POWERSHELL_HOSTS),
        runs(path, SCRIPT_HOSTS),
        runs(path, PROXIES),
        runs(path, DOTNET_UTILITIES),
        runs(path, OTHERS),
        all([
            path.contains(["\\"]),
            not(path.starts_with(PROTECTED.iter().copied())),
        ]),
    ])
}

fn is_original_shell() -> Predicate {
    field::PROCESS_FILE_INTERNAL_NAME.is_one_of(["powershell.exe", "pwsh.dll"])
}

fn runs(path: Text, names: &[&str]) -> Predicate {
    path.ends_with(names.iter().map(|name| format!("\\{name}")))
}
