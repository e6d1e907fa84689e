use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use sandtrap_tests::{
    hostile::{Guest, Stage, folder, guests, list, mutations},
    root,
    scenario::update_wanted,
};

/// How long no guest may come to an end before those at work are given up.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the list of guests stands under.
const LIST: &str = "## The guests\n";

/// Every guest in the folder is refused or contained as its header says, and
/// what other analytics find beside it is what they find alone.
#[test]
fn hostile_guests_are_contained() {
    let stage = Arc::new(Stage::set().unwrap());
    let guests = wanted(guests().unwrap());
    let count = guests.len();
    let mut open: BTreeSet<String> = guests.iter().map(|guest| guest.name.clone()).collect();
    let waiting = Arc::new(Mutex::new(guests));
    let (ended, ends) = mpsc::channel();
    // Threads that are not waited for: a guest that is not contained never
    // ends, and this test does.
    for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
        let (stage, waiting, ended) = (Arc::clone(&stage), Arc::clone(&waiting), ended.clone());
        thread::spawn(move || {
            while let Some(guest) = next(&waiting) {
                let tried = catch_unwind(AssertUnwindSafe(|| stage.try_guest(&guest)));
                let failure = match tried {
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => Some(format!("{error:#}")),
                    Err(_) => Some("the host panicked".to_owned()),
                };
                if ended.send((guest.name, failure)).is_err() {
                    return;
                }
            }
        });
    }
    drop(ended);
    let mut failures = Vec::new();
    loop {
        match ends.recv_timeout(PATIENCE) {
            Ok((name, failure)) => {
                open.remove(&name);
                failures.extend(failure.map(|failure| (name, failure)));
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                waiting.lock().unwrap().iter().for_each(|guest| {
                    open.remove(&guest.name);
                });
                let lost = open.iter().cloned();
                failures.extend(lost.map(|name| (name, "was not contained".to_owned())));
                break;
            }
        }
    }
    failures.sort();
    let table: String = failures
        .iter()
        .map(|(name, failure)| format!("{name:32} {failure}\n"))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {count} guests:\n{table}",
        failures.len()
    );
}

/// The guests that `GUESTS` names, one after a comma; without it all.
#[expect(
    clippy::disallowed_methods,
    reason = "the person at the keyboard says it through the environment"
)]
fn wanted(mut guests: Vec<Guest>) -> Vec<Guest> {
    let Ok(wanted) = std::env::var("GUESTS") else {
        assert!(guests.len() >= 40, "only {} guests", guests.len());
        return guests;
    };
    let wanted: BTreeSet<&str> = wanted.split(',').collect();
    guests.retain(|guest| wanted.contains(guest.name.as_str()));
    assert_eq!(
        guests.len(),
        wanted.len(),
        "of {wanted:?} some are not there"
    );
    guests
}

fn next(waiting: &Mutex<Vec<Guest>>) -> Option<Guest> {
    waiting.lock().ok()?.pop()
}

/// The list in the folder names every guest and no other, and every control
/// that mutations take away has a guest that must then fail.
#[test]
fn hostile_guests_are_listed() {
    let guests = guests().unwrap();
    let names: BTreeSet<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
    let page = folder().join("README.md");
    let text = fs::read_to_string(&page).unwrap();
    let (words, _) = text.split_once(LIST).expect("the list");
    let updated = format!("{words}{LIST}{}", list(&guests));
    if update_wanted() {
        fs::write(&page, &updated).unwrap();
    }
    assert!(
        text == updated || update_wanted(),
        "the list in {} is not up to date; UPDATE=1 writes it",
        page.display()
    );
    for mutation in mutations().unwrap() {
        assert!(!mutation.guests.is_empty(), "{}", mutation.name);
        for guest in &mutation.guests {
            assert!(names.contains(guest.as_str()), "{}: {guest}", mutation.name);
        }
        let text = fs::read_to_string(root().join(&mutation.file)).unwrap();
        mutation.apply(&text).unwrap();
    }
}
