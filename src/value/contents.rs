//! Values in containers: dropped without recursion.

use super::held::Contents;
use super::{Held, Items, Value};
use crate::nesting;
use std::sync::Arc;

fn drop_in_turn(container: &mut Value) {
    nesting::let_go(std::mem::take(container));
}

impl Contents for [Value] {
    fn let_go(&mut self) {
        self.iter_mut().filter(|item| item.is_container()).for_each(drop_in_turn);
    }

    fn has_containers(&self) -> bool {
        self.iter().any(Value::is_container)
    }
}

impl Contents for [Value; 3] {
    fn let_go(&mut self) {
        self.iter_mut().filter(|item| item.is_container()).for_each(drop_in_turn);
    }

    fn has_containers(&self) -> bool {
        self.iter().any(Value::is_container)
    }
}

impl Contents for [(Value, Value)] {
    fn let_go(&mut self) {
        self.iter_mut().flat_map(|(key, value)| [key, value]).filter(|item| item.is_container()).for_each(drop_in_turn);
    }

    fn has_containers(&self) -> bool {
        self.iter().any(|(key, value)| key.is_container() || value.is_container())
    }
}

impl From<Held<[Value; 3]>> for Items {
    fn from(parts: Held<[Value; 3]>) -> Items {
        Held::from(parts.shared().clone() as Arc<[Value]>)
    }
}

impl From<&[Value]> for Items {
    fn from(items: &[Value]) -> Items {
        Held::from(Arc::<[Value]>::from(items))
    }
}

impl From<[Value; 3]> for Held<[Value; 3]> {
    fn from(parts: [Value; 3]) -> Held<[Value; 3]> {
        Held::from(Arc::new(parts))
    }
}
