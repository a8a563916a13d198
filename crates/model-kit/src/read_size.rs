//! How much a connection reads at a time, where a read that waits holds a buffer of its own: little
//! while little comes, more once a read has been filled.

/// What one connection has learned; two bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadSize {
    /// Times that [`LEAST_BYTES`] is multiplied by [`STEP`].
    steps: u8,
    /// Reads in a row that would have fitted a step lower.
    small: u8,
}

/// What a connection that waits for its first request has lent.
const LEAST_BYTES: usize = 128;

const STEP: usize = 4;

/// 32 KiB.
const STEPS_MAX: u8 = 4;

/// Small reads in a row before a step down: the rest of a message is small, and the next message
/// isn't.
const SMALL_READS: u8 = 8;

impl ReadSize {
    /// Of the largest read.
    pub const MOST_BYTES: usize = LEAST_BYTES * STEP.pow(STEPS_MAX as u32);

    /// Of the next read.
    #[inline]
    pub fn bytes(self) -> usize {
        LEAST_BYTES * STEP.pow(self.steps.into())
    }

    /// A read of this size brought so many bytes.
    #[inline]
    pub fn learn(&mut self, received_bytes: usize) {
        let bytes = self.bytes();
        if received_bytes > bytes / STEP || self.steps == 0 {
            self.small = 0;
            self.steps += u8::from(received_bytes == bytes && self.steps < STEPS_MAX);
        } else {
            self.small += 1;
            if self.small == SMALL_READS {
                self.small = 0;
                self.steps -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads that messages of this size take, one by one, after some to learn from.
    fn reads_for(message_bytes: usize) -> usize {
        let mut size = ReadSize::default();
        let mut reads = 0;
        for message in 0..40 {
            let mut left = message_bytes;
            while left > 0 {
                let received = left.min(size.bytes());
                size.learn(received);
                left -= received;
                reads += usize::from(message >= 20);
            }
        }
        reads
    }

    #[test]
    fn messages_of_any_size_come_in_as_few_reads_as_the_largest_allows() {
        for message_bytes in [1, 84, 127, 148, 600, 4116, 20_000, 32_767] {
            assert_eq!(reads_for(message_bytes), 20, "{message_bytes}");
        }
        assert_eq!(reads_for(65_556), 60);
    }

    #[test]
    fn who_waits_with_small_messages_lends_little_again() {
        let mut size = ReadSize::default();
        size.learn(128);
        size.learn(512);
        assert_eq!(size.bytes(), 2048);
        (0..16).for_each(|_| size.learn(84));
        assert_eq!(size.bytes(), LEAST_BYTES);
        (0..100).for_each(|_| size.learn(ReadSize::MOST_BYTES.min(size.bytes())));
        assert_eq!(size.bytes(), ReadSize::MOST_BYTES);
        assert_eq!(ReadSize::MOST_BYTES, 32 << 10);
    }
}
