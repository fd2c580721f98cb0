//! Types of exceptions that the application knows, and which of them may be told apart.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Knows a type of exceptions by module and name; gives the application's code for it.
pub type Resolver = Arc<dyn Fn(&str, &str) -> Option<i32> + Send + Sync>;

/// Names of types and modules that are longer are none that an application knows; bytes.
const LONGEST: usize = 1024;
/// So many types are kept in mind. A peer chooses their names.
const MAX_RESOLVED: usize = 4096;

/// Types of exceptions that an application knows, each by a code of its own: what a Python program's classes are to RPyC.
#[derive(Default)]
pub struct ExceptionTypes {
    known: Codes,
    resolver: Option<Resolver>,
    /// What the resolver said: as Python imports a module once, it is asked once, as long as there is room.
    resolved: Mutex<BTreeMap<(String, String), Option<i32>>>,
}

type Codes = BTreeMap<(String, String), i32>;

impl Clone for ExceptionTypes {
    fn clone(&self) -> ExceptionTypes {
        ExceptionTypes { known: self.known.clone(), resolver: self.resolver.clone(), resolved: Mutex::default() }
    }
}

impl ExceptionTypes {
    pub fn register(&mut self, module: &str, name: &str, code: i32) {
        self.known.insert((module.into(), name.into()), code);
    }

    pub fn set_resolver(&mut self, resolver: Option<Resolver>) {
        self.resolver = resolver;
        self.resolved().clear();
    }

    fn resolved(&self) -> MutexGuard<'_, BTreeMap<(String, String), Option<i32>>> {
        self.resolved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.known.is_empty() && self.resolver.is_none()
    }

    /// Asks the application about a type that is not registered. No lock is held while it answers.
    fn import(&self, key: &(String, String)) -> Option<i32> {
        let resolver = self.resolver.as_ref()?;
        if key.0.len() > LONGEST || key.1.len() > LONGEST {
            return None;
        }
        let said = self.resolved().get(key).copied();
        said.unwrap_or_else(|| {
            let said = resolver(&key.0, &key.1);
            let mut resolved = self.resolved();
            if resolved.len() < MAX_RESOLVED {
                resolved.entry(key.clone()).or_insert(said);
            }
            said
        })
    }
}

/// What may be made of one exception: the two switches as they stood when it came.
#[derive(Clone)]
pub struct Meaning {
    types: Arc<ExceptionTypes>,
    instantiate: bool,
    import: bool,
}

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meaning").finish_non_exhaustive()
    }
}

impl Meaning {
    /// None: nothing can be made of any.
    pub fn of(types: &Arc<ExceptionTypes>, instantiate: bool, import: bool) -> Option<Meaning> {
        (!types.is_empty()).then(|| Meaning { types: types.clone(), instantiate, import })
    }

    /// The application's code of an exception; None: to us it is one like all others. As in RPyC, builtins need no leave,
    /// importing alone produces nothing, and what is not known is not imported without leave.
    pub fn code(&self, module: &str, name: &str) -> Option<i32> {
        let key = (module.to_owned(), name.to_owned());
        let registered = self.types.known.get(&key).copied();
        let known = match registered {
            None if self.import => self.types.import(&key),
            known => known,
        };
        known.filter(|_| self.instantiate || key.0 == "builtins")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn types_are_produced_and_imported() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let mut types = ExceptionTypes::default();
        let names = [("bank", "Broke"), ("bank", "Late"), ("shop", "Late"), ("builtins", "ValueError")];
        assert!(Meaning::of(&Arc::new(types.clone()), true, true).is_none());
        types.register("bank", "Broke", 1);
        types.register("bank", "Broke", 5);
        types.register("builtins", "ValueError", 6);
        types.set_resolver(Some(Arc::new(move |module, name| {
            count.fetch_add(1, Ordering::SeqCst);
            (module == "bank" && name == "Late").then_some(7)
        })));
        let types = Arc::new(types);
        let codes = |instantiate, import| {
            let meaning = Meaning::of(&types, instantiate, import).unwrap();
            names.map(|(module, name)| meaning.code(module, name))
        };
        assert_eq!(codes(false, false), [None, None, None, Some(6)]);
        assert_eq!(codes(true, false), [Some(5), None, None, Some(6)]);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        assert_eq!(codes(false, true), [None, None, None, Some(6)]);
        assert_eq!(codes(true, true), [Some(5), Some(7), None, Some(6)]);
        assert_eq!(codes(true, true), [Some(5), Some(7), None, Some(6)]);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn names_of_a_peers_choice_are_kept_within_bounds() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let mut types = ExceptionTypes::default();
        types.set_resolver(Some(Arc::new(move |_, name| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(name.len() as i32)
        })));
        let types = Arc::new(types);
        let code = |module: &str, name: &str| Meaning::of(&types, true, true).unwrap().code(module, name);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!((code(&long, "Late"), code("bank", &long)), (None, None));
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        assert_eq!(code("bank", &long[1..]), Some(LONGEST as i32));
        (0..MAX_RESOLVED + 9).for_each(|i| assert!(code("bank", &format!("E{i}")).is_some()));
        assert_eq!(types.resolved().len(), MAX_RESOLVED);
        assert_eq!(code("bank", &format!("E{}", MAX_RESOLVED + 8)), Some(5));
        assert_eq!(asked.load(Ordering::SeqCst), MAX_RESOLVED + 11);
    }
}
