//! Which version of each analytic ran, so that an older one is noticed.

use redb::{ReadableDatabase, ReadableTable};

use super::{StateError, Store, VERSIONS};
use crate::trust::is_older;

impl Store {
    /// The highest version of an analytic that ever ran, if any did. It stays
    /// known when the analytic is gone: removing it first must be no way around.
    pub fn highest_version(&self, id: &str) -> Result<Option<String>, StateError> {
        let read = self.baselines.database().begin_read()?;
        let table = read.open_table(VERSIONS)?;
        Ok(table.get(id)?.map(|version| version.value().to_owned()))
    }

    /// Remembers that a version of an analytic runs. One older than another that
    /// ran changes nothing, even where it was permitted.
    pub fn ran(&self, id: &str, version: &str) -> Result<(), StateError> {
        let known = self.highest_version(id)?;
        if known.is_some_and(|known| known == version || is_older(version, &known)) {
            return Ok(());
        }
        let write = self.begin()?;
        {
            let mut table = write.open_table(VERSIONS)?;
            // Another may have written since.
            let known = table.get(id)?.map(|known| known.value().to_owned());
            if known.is_none_or(|known| !is_older(version, &known)) {
                table.insert(id, version)?;
            }
        }
        write.commit()?;
        Ok(())
    }
}
