//! An object to lend.

use rpyc::ids::Id;
use rpyc::value::{Local, Reference, Shape, Text, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub struct Thing {
    pub label: String,
    shape: Arc<Shape>,
    id: Id,
    instances: Option<Arc<Shape>>,
    /// What exists of a dynamic object.
    pub attributes: Mutex<BTreeSet<String>>,
}

impl Thing {
    pub fn new(label: &str, shape: &Arc<Shape>) -> Arc<Thing> {
        Arc::new(Thing {
            label: label.into(),
            shape: shape.clone(),
            id: Id::new(),
            instances: None,
            attributes: Mutex::default(),
        })
    }

    /// A class whose instances have the shape.
    pub fn class(label: &str, own: Shape, instances: &Arc<Shape>) -> Arc<Thing> {
        Arc::new(Thing {
            label: label.into(),
            shape: Arc::new(own),
            id: Id::new(),
            instances: Some(instances.clone()),
            attributes: Mutex::default(),
        })
    }

    pub fn with_attributes<'a>(
        label: &str,
        shape: &Arc<Shape>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Arc<Thing> {
        let thing = Thing::new(label, shape);
        thing.attributes.lock().unwrap().extend(names.into_iter().map(str::to_owned));
        thing
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes.lock().unwrap().contains(name)
    }

    pub fn value(self: &Arc<Thing>) -> Value {
        Value::Ref(Reference::Local(self.clone()))
    }
}

impl Local for Thing {
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn id(&self) -> u64 {
        self.instances.as_ref().map_or(&self.id, |shape| &shape.id).get()
    }

    fn instances(&self) -> Option<&Arc<Shape>> {
        self.instances.as_ref()
    }
}

/// What a test lent, found again behind the library's pointer.
pub fn thing_of(object: &Arc<dyn Local>) -> &Thing {
    object.as_any().downcast_ref().expect("an object of the tests")
}

pub fn shape(type_name: &str, members: &[&str]) -> Shape {
    Shape::new(Text::new(type_name), Vec::new(), members.iter().map(|name| Text::new(name)).collect())
}
