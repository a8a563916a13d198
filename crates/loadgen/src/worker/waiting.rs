//! Requests that are due while their connection still waits for a reply: a queue for each
//! connection, in memory that is only used where there are any.

const NONE: u32 = u32::MAX;

/// A queue of intended moments for each connection of a thread.
#[derive(Debug)]
pub(super) struct Waiting {
    /// First and last node of each connection's queue.
    ends: Vec<(u32, u32)>,
    nodes: Vec<Node>,
    free: u32,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    intended_ns: u64,
    next: u32,
}

impl Waiting {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            ends: vec![(NONE, NONE); connections],
            nodes: Vec::new(),
            free: NONE,
            length: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn push(&mut self, connection: usize, intended_ns: u64) {
        let node = Node {
            intended_ns,
            next: NONE,
        };
        let index = if self.free == NONE {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let index = self.free;
            self.free = self.nodes[index as usize].next;
            self.nodes[index as usize] = node;
            index
        };
        let (first, last) = &mut self.ends[connection];
        if *last == NONE {
            *first = index;
        } else {
            self.nodes[*last as usize].next = index;
        }
        *last = index;
        self.length += 1;
    }

    /// The one that has waited longest.
    pub(super) fn pop(&mut self, connection: usize) -> Option<u64> {
        let (first, last) = &mut self.ends[connection];
        let index = *first;
        let node = *self.nodes.get(index as usize)?;
        *first = node.next;
        if node.next == NONE {
            *last = NONE;
        }
        self.nodes[index as usize].next = self.free;
        self.free = index;
        self.length -= 1;
        Some(node.intended_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn it_is_a_queue_for_each_connection(
            steps in prop::collection::vec((0_usize..4, any::<Option<u64>>()), 0..200),
        ) {
            let mut waiting = Waiting::new(4);
            let mut model = vec![VecDeque::new(); 4];
            for (connection, pushed) in steps {
                match pushed {
                    Some(moment) => {
                        waiting.push(connection, moment);
                        model[connection].push_back(moment);
                    }
                    None => prop_assert_eq!(waiting.pop(connection), model[connection].pop_front()),
                }
                prop_assert_eq!(waiting.is_empty(), model.iter().all(VecDeque::is_empty));
            }
        }
    }
}
