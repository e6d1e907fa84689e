//! Machine code that this host made, and the one place where it is believed.

use ring::hmac;
use wasmtime::{Engine, component::Component};

/// Length of the tag before a sealed artifact.
const TAG_LENGTH: usize = 32;

/// Machine code of a component, made by this host: compiled here, received from
/// its own worker, or kept in its cache under its [`Seal`]. Nothing else can
/// become one.
pub(crate) struct Artifact(Vec<u8>);

impl Artifact {
    /// Compiles a component in this process.
    pub fn compile(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(Self)
    }

    /// What a worker returned that this process started itself and that ended
    /// well.
    pub(super) fn of_worker(code: Vec<u8>) -> Self {
        Self(code)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes it ready to be instantiated.
    ///
    /// What is in here runs as it is, so everything depends on where it came
    /// from. There are three ways, and a component reaches each of them as data
    /// only. Compiled in this process, it is the compiler's own output. From a
    /// worker, it is the output of the same compiler in the same program, over
    /// a pipe that nobody else holds. From the cache, its tag shows that it was
    /// one of these two, made with the same compiler, and was not changed since.
    ///
    /// A component that breaks the compiler can make it put out code of its
    /// own choosing. That code would run here, in either process, as it would
    /// with every host that compiles; what the worker keeps away from this
    /// process is everything that happens while compiling. Wasmtime itself
    /// refuses code of another major version, configuration or kind of
    /// processor.
    pub fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        #[expect(
            unsafe_code,
            reason = "the only one: deserialising runs what the bytes hold, and an artifact is \
                      made by this host alone, as said above"
        )]
        unsafe {
            Component::deserialize(engine, &self.0)
        }
    }
}

/// What marks artifacts on disk as this host's own: a tag (HMAC-SHA-256, RFC
/// 2104) over the code and the name it is kept under.
pub(crate) struct Seal(hmac::Key);

impl Seal {
    /// A seal made with a secret.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The tag of an artifact, which stands before it.
    pub fn tag(&self, name: &str, artifact: &Artifact) -> hmac::Tag {
        hmac::sign(&self.0, &signed(name, &artifact.0))
    }

    /// The artifact of an entry, if its tag was made with this seal for this
    /// name.
    pub fn open(&self, name: &str, entry: &[u8]) -> Option<Artifact> {
        let (tag, code) = entry.split_at_checked(TAG_LENGTH)?;
        hmac::verify(&self.0, &signed(name, code), tag).ok()?;
        Some(Artifact(code.to_vec()))
    }
}

/// What the tag is made of: the code and what it was compiled from. The name is
/// of fixed length, so the two cannot be shifted against each other.
fn signed(name: &str, code: &[u8]) -> Vec<u8> {
    [name.as_bytes(), code].concat()
}
