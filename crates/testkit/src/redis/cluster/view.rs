//! What one node says of the cluster: the lines of `CLUSTER NODES`.

/// One line: a node as another, or itself, sees it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) id: &'a str,
    pub(super) port: u16,
    flags: &'a str,
    /// The id of the primary that it follows; `-` for a primary.
    pub(super) primary: &'a str,
    slots: Vec<&'a str>,
}

/// The entries of a view; a line of another form is left out.
pub(super) fn entries(view: &str) -> impl Iterator<Item = Entry<'_>> {
    view.lines().filter_map(entry)
}

/// The port of the primary that serves `slot` in this view.
pub(super) fn owner(view: &str, slot: u16) -> Option<u16> {
    let owner = entries(view).find(|entry| entry.is("master") && entry.holds(slot));
    owner.map(|entry| entry.port)
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let words: Vec<&str> = line.split(' ').collect();
    let [
        id,
        address,
        flags,
        primary,
        _ping,
        _pong,
        _epoch,
        _link,
        slots @ ..,
    ] = &words[..]
    else {
        return None;
    };
    let (host_and_port, _bus) = address.split_once('@')?;
    let (_host, port) = host_and_port.rsplit_once(':')?;
    Some(Entry {
        id,
        port: port.parse().ok()?,
        flags,
        primary,
        slots: slots.to_vec(),
    })
}

impl Entry<'_> {
    /// Whether it has the flag, as `master`, `slave`, `myself` or `fail`.
    pub(super) fn is(&self, flag: &str) -> bool {
        self.flags.split(',').any(|own| own == flag)
    }

    // A slot on its way stands in brackets, besides the range that it is still in.
    fn holds(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            match (first.parse::<u16>(), last.parse::<u16>()) {
                (Ok(first), Ok(last)) => (first..=last).contains(&slot),
                _ => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = "\
        a1 127.0.0.1:20001@20007 myself,master - 0 0 1 connected 0-5460 7000 [93->-b2]\n\
        b2 127.0.0.1:20002@20008,host master - 0 5 2 connected 5461-6999\n\
        c3 127.0.0.1:20003@20009 slave,fail a1 0 5 1 connected\n";

    #[test]
    fn a_slot_belongs_to_the_primary_whose_range_or_single_slot_it_is() {
        assert_eq!(owner(VIEW, 0), Some(20_001));
        assert_eq!(owner(VIEW, 5_460), Some(20_001));
        assert_eq!(owner(VIEW, 5_461), Some(20_002));
        assert_eq!(owner(VIEW, 7_000), Some(20_001));
        assert_eq!(owner(VIEW, 7_001), None);
    }

    #[test]
    fn a_slot_on_its_way_is_still_with_its_source() {
        assert_eq!(owner(VIEW, 93), Some(20_001));
    }

    #[test]
    fn flags_are_whole_words_and_replicas_name_their_primary() {
        let replica = entries(VIEW).last().unwrap();
        assert_eq!(
            (replica.id, replica.port, replica.primary),
            ("c3", 20_003, "a1")
        );
        assert!(replica.is("slave") && replica.is("fail") && !replica.is("master"));
        assert!(!entries("x y fail?").any(|entry| entry.is("fail")));
    }
}
