use std::{fs, io::Write, ops::RangeInclusive};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::outlet::tests::{entries, entry};

struct Place {
    folder: TempDir,
    keep: u32,
}

impl Place {
    fn new(keep: u32) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            keep,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("out/findings.ndjson")
    }

    /// A daemon that was just started.
    fn start(&self, limit: u64) -> FileDestination {
        FileDestination::with_limit(self.path(), limit, self.keep)
    }

    /// What a crash in the middle of a line leaves.
    fn tear(&self, rest: &[u8]) {
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(self.path()).unwrap();
        file.write_all(rest).unwrap();
    }

    fn old(&self, number: u32) -> Option<String> {
        fs::read_to_string(rotation::numbered(&self.path(), number)).ok()
    }

    /// All lines, the oldest first.
    fn lines(&self) -> Vec<String> {
        let old = (1..).map_while(|number| self.old(number));
        let mut files: Vec<String> = old.collect();
        files.reverse();
        files.push(fs::read_to_string(self.path()).unwrap_or_default());
        assert!(
            files
                .iter()
                .all(|file| file.is_empty() || file.ends_with('\n'))
        );
        files.concat().lines().map(str::to_owned).collect()
    }
}

fn lines_of(numbers: RangeInclusive<u64>) -> Vec<String> {
    let json = |entry: Entry| String::from_utf8(entry.json.to_vec()).unwrap();
    entries(numbers).into_iter().map(json).collect()
}

#[test]
fn old_files_are_kept_up_to_their_number() {
    let place = Place::new(2);
    // Room for two lines in a file.
    let limit = entry(11).json.len() as u64 * 2 + 2;
    let mut file = place.start(limit);
    file.deliver(&entries(11..=19)).unwrap();
    assert_eq!(place.lines(), lines_of(15..=19));
    assert!(place.old(3).is_none());

    // Fewer are kept from now on.
    let mut file = FileDestination::with_limit(place.path(), limit, 1);
    assert_eq!(file.resume(&entries(18..=19)), Ok(2));
    file.deliver(&entries(20..=21)).unwrap();
    assert_eq!(place.lines(), lines_of(19..=21));

    // An entry larger than a file has one of its own.
    let mut file = FileDestination::with_limit(place.path(), 1, 5);
    file.deliver(&entries(22..=23)).unwrap();
    assert_eq!(place.lines(), lines_of(19..=23));
    let mut file = FileDestination::with_limit(place.path(), 1, 0);
    file.deliver(&entries(24..=25)).unwrap();
    assert_eq!(place.lines(), lines_of(25..=25));
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let place = Place::new(3);
    let mut file = place.start(1 << 20);
    file.deliver(&entries(1..=1)).unwrap();
    fs::rename(place.path(), place.path().with_extension("moved")).unwrap();
    file.deliver(&entries(2..=2)).unwrap();
    assert_eq!(place.lines(), lines_of(2..=2));
    fs::remove_dir_all(place.path().parent().unwrap()).unwrap();
    file.deliver(&entries(3..=3)).unwrap();
    assert_eq!(place.lines(), lines_of(3..=3));
    // Emptied in place, as logrotate's copytruncate does.
    fs::write(place.path(), "").unwrap();
    file.deliver(&entries(4..=4)).unwrap();
    assert_eq!(place.lines(), lines_of(4..=4));
}

#[test]
fn what_is_in_the_newest_old_file_is_found_again() {
    let place = Place::new(3);
    let mut file = place.start(1 << 20);
    file.deliver(&entries(1..=3)).unwrap();
    rotation::rotate(&place.path(), 3).unwrap();
    let mut file = place.start(1 << 20);
    assert_eq!(file.resume(&entries(2..=5)), Ok(2));
    assert_eq!(place.start(1 << 20).resume(&entries(4..=5)), Ok(0));
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let place = Place::new(3);
    fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    fs::write(place.path(), "a letter\nwithout an end").unwrap();
    let error = place.start(1 << 20).resume(&[]).unwrap_err();
    assert!(error.reason.contains("findings.ndjson"), "{error}");
    let content = fs::read_to_string(place.path()).unwrap();
    assert_eq!(content, "a letter\nwithout an end");
}

#[test]
fn an_unwritable_place_is_told() {
    let place = Place::new(3);
    fs::write(
        place.folder.path().join("out"),
        "a file where the folder is to be",
    )
    .unwrap();
    let mut file = place.start(1 << 20);
    assert!(file.resume(&entries(1..=1)).is_err());
    assert!(file.deliver(&entries(1..=1)).is_err());
    fs::remove_file(place.folder.path().join("out")).unwrap();
    file.deliver(&entries(1..=1)).unwrap();
    assert_eq!(place.lines(), lines_of(1..=1));
}

proptest! {
    // Every case waits for the disk many times.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever was delivered, confirmed, torn and delivered again: every
    /// finding stands in the files once, and in order.
    #[test]
    fn crashes_lose_and_double_nothing(
        lives in prop::collection::vec((1_u64..8, 0_u64..8, 0_usize..40, any::<bool>()), 1..8),
        limit in 1_u64..400,
    ) {
        let place = Place::new(1_000);
        let (mut confirmed, mut issued) = (0, 0);
        for (new, unconfirmed, torn, zeros) in lives {
            let mut file = place.start(limit);
            let backlog = entries(confirmed + 1..=issued);
            let arrived = file.resume(&backlog).unwrap();
            prop_assert_eq!(arrived, backlog.len());
            issued += new;
            file.deliver(&entries(confirmed + 1 + arrived as u64..=issued)).unwrap();
            confirmed = issued.saturating_sub(unconfirmed).max(confirmed);
            drop(file);
            let next = if zeros { vec![0; 40] } else { entry(issued + 1).json.to_vec() };
            place.tear(&next[..torn.min(next.len())]);
        }
        place.start(limit).resume(&[]).unwrap();
        prop_assert_eq!(place.lines(), lines_of(1..=issued));
    }
}
