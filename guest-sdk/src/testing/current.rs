//! The world of the run at hand, where the stand-ins find it.

use std::cell::RefCell;

use super::World;

thread_local! {
    static CURRENT: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Holds a world in place; takes it away when dropped, also by a panic.
pub(super) struct Current;

impl Current {
    pub fn enter(world: World) -> Self {
        CURRENT.with_borrow_mut(|current| *current = Some(world));
        Self
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| *current = None);
    }
}

pub(super) fn is_running() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// The world as it stands.
pub(super) fn world() -> World {
    with(|world| world.clone())
}

/// From now on, events `first + 1` to `end` may be referred to.
pub(super) fn set_batch(first: usize, end: usize) {
    with(|world| world.batch = first as u64 + 1..=end as u64);
}

/// Shows the world to a stand-in.
pub(super) fn with<R>(visit: impl FnOnce(&mut World) -> R) -> R {
    CURRENT.with_borrow_mut(|current| match current {
        Some(world) => visit(world),
        None => panic!("capabilities answer only within `testing::run`"),
    })
}

/// Shows the world to a stand-in that asks as of an event, with its time and
/// device.
pub(super) fn as_of<R>(event: u64, visit: impl FnOnce(&mut World, i64, &str) -> R) -> R {
    with(|world| {
        assert!(
            world.batch.contains(&event),
            "event {event} is not of this batch"
        );
        let (time, device) = world.happened[event as usize - 1].clone();
        visit(world, time, &device)
    })
}
