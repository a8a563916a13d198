//! What a plan has to know of the machine.

use crate::others::Others;

/// The machine, as far as plans depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// CPUs that may be used, by number.
    pub cpus: Vec<usize>,
    /// Those that are threads of one core, together; a CPU in none of them is a core.
    pub siblings: Vec<Vec<usize>>,
    /// Those that are nearest to one part of the memory, together, node by node; empty: not known.
    pub nodes: Vec<Vec<usize>>,
    /// The hard limit of open files of a process; `None`: there is no limit.
    pub open_files_max: Option<u64>,
    /// Memory that could be had without swapping; `None`: not known.
    pub memory_available_bytes: Option<u64>,
    /// The limit of a cgroup on memory, of several the one that leaves least; `None`: there is none.
    pub memory_group: Option<MemoryGroup>,
    /// Ephemeral ports of one address; `None`: not known.
    pub ports: Option<u32>,
    /// Other machines, which generate the load; `None`: this one does.
    pub others: Option<Others>,
}

/// A cgroup that limits memory, that of the kernel for sockets included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryGroup {
    /// Its path below the root of the hierarchy.
    pub name: String,
    /// What it may have.
    pub max_bytes: u64,
    /// What of it is left.
    pub left_bytes: u64,
}

impl Host {
    /// CPUs for servers, and CPUs for generators: cores of their own, because two threads of a core
    /// take from each other, and of as few nodes of memory as can be. The former are empty (any) when
    /// there is only one CPU, and a single core is divided all the same.
    pub fn halves(&self) -> (Vec<usize>, Vec<usize>) {
        let cores = self.cores();
        if cores.len() < 2 {
            let (first, second) = self.cpus.split_at(self.cpus.len() / 2);
            return (first.to_vec(), second.to_vec());
        }
        let (first, second) = cores.split_at(cores.len() / 2);
        (first.concat(), second.concat())
    }

    /// Those of the allowed CPUs that these leave: not their cores' other threads either, as long as
    /// there are others.
    pub fn without(&self, taken: &[usize]) -> Vec<usize> {
        let cores = self.cores().into_iter();
        let apart = cores.filter(|core| !core.iter().any(|cpu| taken.contains(cpu)));
        let apart: Vec<usize> = apart.flatten().collect();
        if !apart.is_empty() {
            return apart;
        }
        let left = self.cpus.iter().filter(|cpu| !taken.contains(cpu));
        left.copied().collect()
    }

    /// These CPUs in two parts, cores of their own; `None` when they are threads of one core.
    pub fn divided(&self, cpus: &[usize]) -> Option<(Vec<usize>, Vec<usize>)> {
        let mut cores = self.cores();
        cores
            .iter_mut()
            .for_each(|core| core.retain(|cpu| cpus.contains(cpu)));
        cores.retain(|core| !core.is_empty());
        let (first, second) = cores.split_at(cores.len() / 2);
        (!first.is_empty()).then(|| (first.concat(), second.concat()))
    }

    /// A core of which one thread is among these, and another one among those.
    pub fn shared_core(&self, these: &[usize], those: &[usize]) -> Option<Vec<usize>> {
        let cores = self.cores().into_iter();
        let has = |core: &[usize], some: &[usize]| core.iter().any(|cpu| some.contains(cpu));
        let mut shared = cores.filter(|core| has(core, these) && has(core, those));
        shared.find(|core| core.len() > 1)
    }

    /// These CPUs in the order in which more threads use them: a thread of each core before any
    /// core's second, and a node's before the next one's.
    pub fn cores_first(&self, cpus: &[usize]) -> Vec<usize> {
        let cores = self.cores().into_iter().map(|mut core| {
            core.retain(|cpu| cpus.contains(cpu));
            core
        });
        let cores: Vec<Vec<usize>> = cores.collect();
        let most = cores.iter().map(Vec::len).max().unwrap_or(0);
        let nth = |n: usize| cores.iter().filter_map(move |core| core.get(n).copied());
        (0..most).flat_map(nth).collect()
    }

    /// The allowed CPUs by core, in the order of their first threads, and of their nodes before that.
    fn cores(&self) -> Vec<Vec<usize>> {
        let mut cores: Vec<Vec<usize>> = Vec::new();
        for &cpu in &self.cpus {
            let of_core = |core: &&Vec<usize>| core.contains(&cpu);
            let siblings = self.siblings.iter().find(of_core);
            let known = cores.iter_mut().find(|core| {
                siblings.is_some_and(|all| core.first().is_some_and(|first| all.contains(first)))
            });
            match known {
                Some(core) => core.push(cpu),
                None => cores.push(vec![cpu]),
            }
        }
        let node_of = |core: &Vec<usize>| {
            let is_of = |node: &Vec<usize>| core.first().is_some_and(|cpu| node.contains(cpu));
            self.nodes.iter().position(is_of)
        };
        cores.sort_by_key(node_of);
        cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(cpus: usize, siblings: &[[usize; 2]]) -> Host {
        Host {
            cpus: (0..cpus).collect(),
            siblings: siblings.iter().map(|pair| pair.to_vec()).collect(),
            ..Host::default()
        }
    }

    #[test]
    fn server_and_generator_have_cores_of_their_own() {
        let halves = |host: &Host| host.halves();
        assert_eq!(halves(&host(4, &[])), (vec![0, 1], vec![2, 3]));
        // As most machines count them, and as others do.
        let far = host(4, &[[0, 2], [1, 3]]);
        assert_eq!(halves(&far), (vec![0, 2], vec![1, 3]));
        let near = host(6, &[[0, 1], [2, 3], [4, 5]]);
        assert_eq!(halves(&near), (vec![0, 1], vec![2, 3, 4, 5]));
        assert_eq!(halves(&host(1, &[])), (vec![], vec![0]));
    }

    #[test]
    fn a_node_serves_and_another_asks() {
        // Two sockets of four threads each, counted in turn, as some firmware does.
        let host = Host {
            nodes: vec![vec![0, 2, 4, 6], vec![1, 3, 5, 7]],
            ..host(8, &[[0, 4], [1, 5], [2, 6], [3, 7]])
        };
        let (server, client) = host.halves();
        assert_eq!(server, [0, 4, 2, 6]);
        assert_eq!(client, [1, 5, 3, 7]);
        assert_eq!(host.cores_first(&server), [0, 2, 4, 6]);
        assert_eq!(host.cores_first(&[0, 1, 2, 3, 4]), [0, 2, 1, 3, 4]);
    }

    #[test]
    fn a_single_core_is_divided_and_that_is_known() {
        let host = host(2, &[[0, 1]]);
        let (server, client) = host.halves();
        assert_eq!((&*server, &*client), (&[0][..], &[1][..]));
        assert_eq!(host.shared_core(&server, &client), Some(vec![0, 1]));
        assert_eq!(host.without(&[0]), [1]);
        assert_eq!(host.shared_core(&[0, 1], &[]), None);
    }

    #[test]
    fn what_is_left_is_on_other_cores() {
        let host = host(4, &[[0, 2], [1, 3]]);
        assert_eq!(host.without(&[0]), [1, 3]);
        assert_eq!(host.without(&[0, 1]), [2, 3]);
        assert_eq!(host.shared_core(&[0], &[1, 3]), None);
        // A CPU that is a core by itself has no other thread.
        let narrow = Host {
            cpus: vec![0],
            ..Host::default()
        };
        assert_eq!(narrow.shared_core(&[0], &[0]), None);
    }
}
