//! The names that betray a trait.

use super::Trait;

/// Names found anywhere in the text, in lower case.
pub(super) const ANYWHERE: &[(Trait, &[&str])] = &[
    (
        Trait::Download,
        &[
            "net.webclient",
            "downloadstring",
            "downloadfile",
            "downloaddata",
            "invoke-webrequest",
            "invoke-restmethod",
            "start-bitstransfer",
            "httpwebrequest",
            "net.webrequest",
            "httpclient",
            "websocket",
            "msxml2.",
            "winhttp.winhttprequest",
            "microsoft.xmlhttp",
            "internetexplorer.application",
            "bitsadmin",
            "curl.exe",
            "urldownloadtofile",
            "urlcache",
        ],
    ),
    (
        Trait::InvokeExpression,
        &[
            "invoke-expression",
            "scriptblock]::create",
            "$pshome[",
            "$env:comspec[",
            "$shellid[",
            "'*mdr*'",
            "invokescript",
            ".invoke(",
            "invokereturnasis",
            "executeglobal",
            "$executioncontext",
            "beginstaticinvoke",
            "$env:public[",
        ],
    ),
    (
        Trait::Reflection,
        &[
            "assembly]::load(",
            "assembly]::load (",
            "assembly]::loadfile",
            "assembly]::loadfrom",
            "assembly]::unsafeload",
            "assembly.load(",
            "domain.load(",
            "reflection.emit",
            "getdelegateforfunctionpointer",
            "virtualalloc",
            "createthread",
            "createremotethread",
            "dllimport",
            "add-type",
            "unsafenativemethods",
            "definedynamicassembly",
            "getprocaddress",
            "writeprocessmemory",
            "callwindowproc",
            "ntcreatethreadex",
            "marshal]::copy",
        ],
    ),
    (
        Trait::Socket,
        &[
            "tcpclient",
            "udpclient",
            "net.sockets",
            "tcplistener",
            "getstream(",
            "sslstream",
            "sockets.socket",
            "winsock",
        ],
    ),
    (
        Trait::Decompression,
        &["gzipstream", "deflatestream", "brotlistream"],
    ),
    (
        Trait::Base64,
        &["frombase64string", "bin.base64", "-decode "],
    ),
    (Trait::Xor, &["-bxor", " xor ", ".xor("]),
    (
        Trait::Tamper,
        &[
            "amsiinitfailed",
            "amsiutils",
            "amsicontext",
            "amsisession",
            "amsiscanbuffer",
            "amsi.dll",
            "scriptblocklogging",
            "cachedgrouppolicysettings",
            "etwprovider",
            "etweventwrite",
            "psetwlogprovider",
            "m_enabled",
            "disablerealtimemonitoring",
            "clear-eventlog",
            "wevtutil cl",
            "remove-etwtraceprovider",
            "scriptblockinvocationlogging",
        ],
    ),
    (
        Trait::SymmetricCipher,
        &[
            "aesmanaged",
            "aescryptoserviceprovider",
            "cryptography.aes",
            "[aes]::create",
            "aesgcm",
            "aesccm",
            "aescng",
            "rijndael",
            "rc2cryptoserviceprovider",
            "tripledes",
            "descryptoserviceprovider",
            "cryptography.des",
            "chacha20",
            "symmetricalgorithm",
            "ciphermode",
            "paddingmode",
            "cryptostream",
            "bcryptencrypt",
            "bcryptdecrypt",
            "createcipheriv",
            "createdecipheriv",
            "capicom.encrypteddata",
            "crypto.cipher",
            "aes-256-",
            "aes-128-",
        ],
    ),
    (
        Trait::Encrypt,
        &[
            "createencryptor",
            "cryptostreammode]::write",
            "bcryptencrypt",
            "createcipheriv",
            "protecteddata]::protect",
            ".encrypt(",
            "encryptcbc",
            "openssl enc",
            "gpg -c",
            "gpg.exe -c",
        ],
    ),
    (
        Trait::Decrypt,
        &[
            "createdecryptor",
            "cryptostreammode]::read",
            "bcryptdecrypt",
            "createdecipheriv",
            "protecteddata]::unprotect",
            ".decrypt(",
            "decryptcbc",
        ],
    ),
    (
        Trait::KeyDerivation,
        &[
            "rfc2898derivebytes",
            "passwordderivebytes",
            "pbkdf2",
            "generatekey(",
            "generateiv(",
            ".key =",
            ".key=",
            ".iv =",
            ".iv=",
            "hkdf",
        ],
    ),
    (
        Trait::Upload,
        &[
            "uploadstring",
            "uploaddata",
            "uploadfile",
            "uploadvalues",
            "-method post",
            "-method put",
            "-method:post",
            "-method 'post",
            "-method \"post",
            "-method 'put",
            "-method \"put",
            "-infile ",
            "openwrite(",
            "\"post\"",
            "'post'",
            "\"put\"",
            "'put'",
            "--upload-file",
            "--data-binary",
            "send-mailmessage",
            "-transfertype upload",
            "multipartformdatacontent",
        ],
    ),
    (
        Trait::DataHandling,
        &[
            "readallbytes",
            "readalltext",
            "readalllines",
            "get-content",
            "compress-archive",
            "zipfile]::createfromdirectory",
            "openread(",
            "file]::open(",
        ],
    ),
    (
        Trait::WmiProcess,
        &[
            "win32_process",
            "invoke-wmimethod",
            "invoke-cimmethod",
            "wmiclass",
            "process call create",
        ],
    ),
    (
        Trait::PolicyChange,
        &[
            "set-executionpolicy",
            "set-mppreference",
            "add-mppreference",
            "psexecutionpolicypreference",
            "\"executionpolicy\"",
            "'executionpolicy'",
            "set-netfirewallprofile",
        ],
    ),
    (
        Trait::Credentials,
        &[
            "mimikatz",
            "mimidrv",
            "sekurlsa",
            "lsadump",
            "kerberos::",
            "lsass",
            "vaultcli",
            "minidumpwritedump",
            "comsvcs",
            "invoke-kerberoast",
            "credenumerate",
            "dcsync",
            "get-gpppassword",
            "promptforcredential",
        ],
    ),
];

/// Names found only as words: no letter, digit or one of `_-.$/\` before them, nor
/// after them if they end in a letter or digit.
pub(super) const WORDS: &[(Trait, &[&str])] = &[
    (Trait::Download, &["iwr", "irm", "wget", "curl"]),
    (Trait::InvokeExpression, &["iex", "execute(", "eval("]),
    (Trait::SymmetricCipher, &["rc4"]),
    (Trait::DataHandling, &["gc"]),
    (Trait::Credentials, &["procdump"]),
];

/// Traits that take two names in one text: a cmdlet and its parameter.
///
/// With `-Key` these use AES and a given key, without it the user's own (DPAPI).
pub(super) const PAIRS: &[(Trait, &str, &str)] = &[
    (Trait::Encrypt, "convertfrom-securestring", "-key"),
    (Trait::Decrypt, "convertto-securestring", "-key"),
];

/// Arithmetic modulo 256 in the spellings scripts use.
pub(super) const MODULO: &[&str] = &["%256", "% 256", "mod 256", "0..255"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_ascii() {
        let all = ANYWHERE.iter().chain(WORDS).flat_map(|(_, names)| *names);
        for name in all.chain(MODULO) {
            assert!(name.is_ascii() && name.len() > 1, "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }
}
