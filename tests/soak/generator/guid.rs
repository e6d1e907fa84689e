//! Process GUIDs as Sysmon makes them: machine, start in seconds, token.

/// `{machine-start-start-token-token}`, 38 characters.
pub type Guid = [u8; 38];

pub fn guid(machine: u32, seconds: u32, token: u64) -> Guid {
    let mut guid = *b"{00000000-0000-0000-0000-000000000000}";
    hex(&mut guid, 1, 8, u64::from(machine));
    hex(&mut guid, 10, 4, u64::from(seconds & 0xffff));
    hex(&mut guid, 15, 4, u64::from(seconds >> 16));
    hex(&mut guid, 20, 4, token >> 32);
    hex(&mut guid, 25, 12, token & 0xffff_ffff);
    guid
}

fn hex(guid: &mut Guid, start: usize, digits: usize, mut number: u64) {
    for place in guid.iter_mut().skip(start).take(digits).rev() {
        *place = b"0123456789abcdef"
            .get((number & 15) as usize)
            .copied()
            .unwrap_or(b'0');
        number >>= 4;
    }
}
