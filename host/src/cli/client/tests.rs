use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

use super::*;

/// Answers one request and returns its head.
pub(in crate::cli) fn serve(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        stream.write_all(answer.as_bytes()).unwrap();
        head.join("\n")
    });
    (url, served)
}

pub(in crate::cli) fn client(url: &str) -> Client {
    Client::new(url.to_owned(), "secret".to_owned(), PathBuf::from("/t"))
}

#[test]
fn answers_and_refusals() {
    let (url, served) = serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(client(&url).get("/api/v1/status").unwrap(), "{}");
    let head = served.join().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /api/v1/status http/1.1"), "{head}");
    assert!(head.contains("authorization: bearer secret"), "{head}");
    for (answer, words, is_configuration) in [
        (
            "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
            "--token-file",
            true,
        ),
        (
            "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{\"error\":{\"reason\":\"a\\u001b[2J\"}}",
            "try again",
            false,
        ),
        (
            "HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            "302",
            false,
        ),
        (
            "HTTP/1.1 404 No\r\nConnection: close\r\n\r\nnope",
            "404 Not Found: nope",
            false,
        ),
        (
            "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n\
             {\"error\":{\"reason\":\"there is no a; GET /api/v1/as lists them\"}}",
            "there is no a; `sandtrap list` lists them",
            false,
        ),
        ("SSH-2.0-OpenSSH\r\n\r\n", "no daemon answers", false),
    ] {
        let (url, served) = serve(answer);
        let error = client(&url).get("/").unwrap_err().naming("sandtrap list");
        served.join().unwrap();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
        assert_eq!(error.is_configuration(), is_configuration, "{error}");
    }
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).get("/").unwrap_err();
    assert!(error.is_passing());
    assert!(error.to_string().contains("sandtrap run"), "{error}");
    assert!(matches!(
        client("no url").get("/").unwrap_err(),
        ClientError::Url(_)
    ));
}

#[test]
fn the_configuration_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sandtrap.toml");
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("api.token"), "abc\n").unwrap();
    let text = format!(
        "state_folder = '{}'\n[http]\nlisten = '0.0.0.0:1234'\n",
        state.display()
    );
    std::fs::write(&config, text).unwrap();
    let connection = Connection {
        url: None,
        config: Some(config),
        token_file: None,
    };
    let client = connection.client().unwrap();
    assert_eq!(client.base(), "http://127.0.0.1:1234");
    assert_eq!(client.token, "abc");
    // What else is wrong in it does not matter here.
    let text = std::fs::read_to_string(connection.config.as_ref().unwrap()).unwrap();
    for wrong in [
        "[daemon]\nshard = 1\n",
        "[analytics.A]\ngrants = ['none']\n",
        "[site\nadministrators = ['a'\n",
    ] {
        let path = connection.config.as_ref().unwrap();
        std::fs::write(path, format!("{text}{wrong}")).unwrap();
        let client = connection.client().unwrap();
        assert_eq!(client.base(), "http://127.0.0.1:1234", "{wrong}");
        assert_eq!(client.token, "abc", "{wrong}");
    }
    let path = connection.config.as_ref().unwrap();
    std::fs::write(path, text.replace("listen", "lisen")).unwrap();
    let error = format!("{:#}", connection.client().unwrap_err());
    assert!(error.contains("lisen"), "{error}");
    let named = Connection {
        url: Some("http://host:1/".to_owned()),
        token_file: Some(folder.path().join("none")),
        config: None,
    };
    let error = named.client().unwrap_err().to_string();
    assert!(error.contains("--token-file"), "{error}");
}
